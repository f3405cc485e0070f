import numpy as np


def max_pool(x, kernel_size, stride, padding=0):
    H, W, C = x.shape
    OH, OW = ((n + 2 * padding - kernel_size) // stride + 1 for n in (H, W))
    y = np.full((OH, OW, C), -np.inf)
    for i in range(OH):
        for j in range(OW):
            for r in range(kernel_size):
                for q in range(kernel_size):
                    h, w = i * stride - padding + r, j * stride - padding + q
                    if 0 <= h < H and 0 <= w < W:
                        y[i, j] = np.maximum(y[i, j], x[h, w])
    return y
