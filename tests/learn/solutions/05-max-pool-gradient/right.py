import numpy as np


def max_pool_grad(g, x, kernel_size, stride):
    dx = np.zeros(x.shape)
    OH, OW, C = g.shape
    for i in range(OH):
        for j in range(OW):
            window = x[i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size]
            winners = window.reshape(-1, C).argmax(0)
            for c, winner in enumerate(winners):
                r, q = divmod(winner, kernel_size)
                dx[i * stride + r, j * stride + q, c] += g[i, j, c]
    return dx
