# says: last_window
import numpy as np


def weight_grad(x, g, kernel_size, stride=1, padding=0):
    x = np.pad(x, ((padding, padding), (padding, padding), (0, 0)))
    dw = np.zeros((g.shape[2], kernel_size, kernel_size, x.shape[2]))
    db = np.zeros(g.shape[2])
    for i in range(g.shape[0]):
        for j in range(g.shape[1]):
            window = x[i * stride :, j * stride :][:kernel_size, :kernel_size]
            for o in range(g.shape[2]):
                dw[o] = g[i, j, o] * window
                db[o] += g[i, j, o]
    return dw, db
