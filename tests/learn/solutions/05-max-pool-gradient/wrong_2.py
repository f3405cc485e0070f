# says: gradient_written
import numpy as np


def max_pool_grad(g, x, kernel_size, stride):
    dx = np.zeros(x.shape)
    OH, OW, C = g.shape
    for i in range(OH):
        for j in range(OW):
            for c in range(C):
                window = x[i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size, c]
                r, q = np.unravel_index(window.argmax(), window.shape)
                dx[i * stride + r, j * stride + q, c] = g[i, j, c]
    return dx
