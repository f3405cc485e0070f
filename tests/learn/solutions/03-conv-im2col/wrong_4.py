# says: still_a_matrix
import numpy as np


def conv2d(x, w, b, stride=1, padding=0):
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    K = w.shape[1]
    parts = [
        x[n, i : i + K, j : j + K].flatten()
        for n in range(len(x))
        for i in range(0, x.shape[1] - K + 1, stride)
        for j in range(0, x.shape[2] - K + 1, stride)
    ]
    return np.stack(parts) @ w.reshape(len(w), -1).T + b
