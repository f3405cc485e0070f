# says: stride_forgotten
import numpy as np


def weight_grad(x, g, kernel_size, stride=1, padding=0):
    x = np.pad(x, ((padding, padding), (padding, padding), (0, 0)))
    OH, OW, O = g.shape
    dw = np.zeros((O, kernel_size, kernel_size, x.shape[2]))
    for r in range(kernel_size):
        for q in range(kernel_size):
            dw[:, r, q] = np.tensordot(g, x[r : r + OH, q : q + OW], axes=((0, 1), (0, 1)))
    return dw, g.sum(axis=(0, 1))
