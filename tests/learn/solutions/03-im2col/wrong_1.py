# says: padding_forgotten
import numpy as np


def im2col(x, kernel_size, stride=1, padding=0):
    H, W, C = x.shape
    OH, OW = (H + 2 * padding - kernel_size) // stride + 1, (W + 2 * padding - kernel_size) // stride + 1
    rows = []
    for i in range((H - kernel_size) // stride + 1):
        for j in range((W - kernel_size) // stride + 1):
            rows.append(x[i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size].ravel())
    assert OH and OW
    return np.array(rows).reshape(-1, kernel_size * kernel_size * C)
