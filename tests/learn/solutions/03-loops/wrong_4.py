# says: stride_forgotten
import numpy as np


def conv2d(x, w, b, stride=1, padding=0):
    K = w.shape[1]
    x = np.pad(x, ((padding, padding), (padding, padding), (0, 0)))
    y = []
    for i in range(x.shape[0] - K + 1):
        y.append([[(x[i : i + K, j : j + K] * k).sum() for k in w] for j in range(x.shape[1] - K + 1)])
    return np.array(y) + b
