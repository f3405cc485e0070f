import numpy as np


def weight_grad(x, g, kernel_size, stride=1, padding=0):
    x = np.pad(x, ((padding, padding), (padding, padding), (0, 0)))
    OH, OW, n = g.shape
    dw = np.empty((n, kernel_size, kernel_size, x.shape[2]))
    for r in range(kernel_size):
        for q in range(kernel_size):
            tap = x[r : r + OH * stride : stride, q : q + OW * stride : stride][:OH, :OW]
            dw[:, r, q] = g.reshape(-1, n).T @ tap.reshape(-1, x.shape[2])
    return dw, g.sum((0, 1))
