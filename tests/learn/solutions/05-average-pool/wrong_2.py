# says: sum
import numpy as np


def average_pool(x, kernel_size, stride, padding=0):
    H, W, C = x.shape
    OH, OW = ((n + 2 * padding - kernel_size) // stride + 1 for n in (H, W))
    y = np.zeros((OH, OW, C))
    for i in range(OH):
        for j in range(OW):
            for h in range(max(i * stride - padding, 0), min(i * stride - padding + kernel_size, H)):
                for w in range(max(j * stride - padding, 0), min(j * stride - padding + kernel_size, W)):
                    y[i, j] += x[h, w]
    return y
