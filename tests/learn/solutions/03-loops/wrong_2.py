# says: bias_for_each_tap
import numpy as np


def conv2d(x, w, b, stride=1, padding=0):
    x = np.pad(x, ((padding, padding), (padding, padding), (0, 0)))
    O, K, _, C = w.shape
    OH, OW = (x.shape[0] - K) // stride + 1, (x.shape[1] - K) // stride + 1
    y = np.zeros((OH, OW, O))
    for i, j, o, r, q, c in np.ndindex(OH, OW, O, K, K, C):
        y[i, j, o] += x[i * stride + r, j * stride + q, c] * w[o, r, q, c] + b[o]
    return y
