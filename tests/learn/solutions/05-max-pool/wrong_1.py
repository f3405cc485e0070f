# says: padded_with_zeros
import numpy as np


def max_pool(x, kernel_size, stride, padding=0):
    x = np.pad(x, [(padding, padding), (padding, padding), (0, 0)])
    OH, OW = ((n - kernel_size) // stride + 1 for n in x.shape[:2])
    y = np.zeros((OH, OW, x.shape[2]))
    for i in range(OH):
        for j in range(OW):
            a, b = i * stride, j * stride
            y[i, j] = x[a : a + kernel_size, b : b + kernel_size].max(axis=(0, 1))
    return y
