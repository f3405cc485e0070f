# says: endless
import numpy as np


def conv2d(x, w, b, stride=1, padding=0):
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    N, H, W, C = x.shape
    O, K = w.shape[:2]
    y = np.zeros((N, (H - K) // stride + 1, (W - K) // stride + 1, O)) + b
    for n, i, j, o in np.ndindex(y.shape):
        for r in range(K):
            for q in range(K):
                for c in range(C):
                    y[n, i, j, o] += x[n, i * stride + r, j * stride + q, c] * w[o, r, q, c]
    return y
