# says: padding_not_cut
import numpy as np


def input_grad(g, w, size, stride=1, padding=0):
    O, K, _, C = w.shape
    dx = np.zeros((size[0] + 2 * padding, size[1] + 2 * padding, C))
    rows = (g.reshape(-1, O) @ w.reshape(O, -1)).reshape(*g.shape[:2], K, K, C)
    for i in range(g.shape[0]):
        for j in range(g.shape[1]):
            dx[i * stride : i * stride + K, j * stride : j * stride + K] += rows[i, j]
    return dx
