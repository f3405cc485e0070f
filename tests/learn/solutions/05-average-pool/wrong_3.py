# says: largest
import numpy as np


def average_pool(x, kernel_size, stride, padding=0):
    H, W, C = x.shape
    OH, OW = ((n + 2 * padding - kernel_size) // stride + 1 for n in (H, W))
    y = np.zeros((OH, OW, C))
    for i in range(OH):
        for j in range(OW):
            top, left = i * stride - padding, j * stride - padding
            y[i, j] = x[max(top, 0) : top + kernel_size, max(left, 0) : left + kernel_size].max((0, 1))
    return y
