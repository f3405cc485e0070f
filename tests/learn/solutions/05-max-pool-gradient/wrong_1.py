# says: ties_counted_twice
import numpy as np


def max_pool_grad(g, x, kernel_size, stride):
    dx = np.zeros(x.shape)
    for i in range(g.shape[0]):
        for j in range(g.shape[1]):
            a, b = i * stride, j * stride
            window = x[a : a + kernel_size, b : b + kernel_size]
            mask = window == window.max(axis=(0, 1))
            dx[a : a + kernel_size, b : b + kernel_size] += mask * g[i, j]
    return dx
