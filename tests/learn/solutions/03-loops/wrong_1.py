# says: kernel_turned
import numpy as np


def conv2d(x, w, b, stride=1, padding=0):
    x = np.pad(x, ((padding, padding), (padding, padding), (0, 0)))
    K = w.shape[1]
    OH, OW = (x.shape[0] - K) // stride + 1, (x.shape[1] - K) // stride + 1
    y = np.tile(b, (OH, OW, 1)).astype(float)
    for i in range(OH):
        for j in range(OW):
            for r in range(K):
                for q in range(K):
                    y[i, j] += w[:, K - 1 - r, K - 1 - q] @ x[i * stride + r, j * stride + q]
    return y
