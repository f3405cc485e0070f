# says: wrong_cut
import numpy as np


def conv2d(x, w, b, stride=1, padding=0):
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    N, H, W, C = x.shape
    O, K = w.shape[:2]
    OH, OW = (H - K) // stride + 1, (W - K) // stride + 1
    rows = np.empty((N, OH, OW, K * K * C))
    for i in range(OH):
        for j in range(OW):
            rows[:, i, j] = x[:, i * stride : i * stride + K, j * stride : j * stride + K].reshape(N, -1)
    return rows @ w.reshape(K * K * C, O) + b
