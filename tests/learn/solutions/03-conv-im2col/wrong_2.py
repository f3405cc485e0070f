# says: scrambled
import numpy as np


def conv2d(x, w, b, stride=1, padding=0):
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    N, H, W, C = x.shape
    O, K = w.shape[:2]
    OH, OW = (H - K) // stride + 1, (W - K) // stride + 1
    rows = []
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                rows.append(x[n, i * stride : i * stride + K, j * stride : j * stride + K].ravel())
    y = np.array(rows) @ w.reshape(O, -1).T + b
    return np.moveaxis(y.reshape((N, O, OH, OW)), 1, 3)
