# says: last_of_equals
import numpy as np


def max_pool_grad(g, x, kernel_size, stride):
    dx = np.zeros(x.shape)
    for i, j, c in np.ndindex(g.shape):
        best, place = -np.inf, None
        for h in range(i * stride, i * stride + kernel_size):
            for w in range(j * stride, j * stride + kernel_size):
                if x[h, w, c] >= best:
                    best, place = x[h, w, c], (h, w, c)
        dx[place] += g[i, j, c]
    return dx
