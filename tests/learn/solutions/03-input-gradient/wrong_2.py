# says: gradient_written
import numpy as np


def input_grad(g, w, size, stride=1, padding=0):
    K = w.shape[1]
    dx = np.zeros((size[0] + 2 * padding, size[1] + 2 * padding, w.shape[3]))
    for i in range(g.shape[0]):
        for j in range(g.shape[1]):
            dx[i * stride : i * stride + K, j * stride : j * stride + K] = np.tensordot(g[i, j], w, 1)
    return dx[padding : size[0] + padding, padding : size[1] + padding]
