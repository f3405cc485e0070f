# says: not_divided
import numpy as np


def gap(x):
    return np.mean(x, axis=(1, 2))


def gap_grad(x, g):
    dx = np.zeros(x.shape)
    for n in range(x.shape[0]):
        for c in range(x.shape[3]):
            dx[n, :, :, c] = g[n, c]
    return dx
