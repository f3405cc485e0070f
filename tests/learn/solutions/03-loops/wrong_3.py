# says: last_tap
import numpy as np


def conv2d(x, w, b, stride=1, padding=0):
    x = np.pad(x, ((padding, padding), (padding, padding), (0, 0)))
    O, K, _, C = w.shape
    y = np.zeros(((x.shape[0] - K) // stride + 1, (x.shape[1] - K) // stride + 1, O))
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            for o in range(O):
                total = 0
                for r in range(K):
                    for q in range(K):
                        for c in range(C):
                            total = x[i * stride + r, j * stride + q, c] * w[o, r, q, c]
                y[i, j, o] = total + b[o]
    return y
