# says: kernel_not_turned
import numpy as np


def input_grad(g, w, size, stride=1, padding=0):
    H, W = size
    K = w.shape[1]
    spread = np.zeros((H + 2 * padding - K + 1, W + 2 * padding - K + 1, g.shape[2]))
    spread[::stride, ::stride][: g.shape[0], : g.shape[1]] = g
    around = np.pad(spread, ((K - 1, K - 1), (K - 1, K - 1), (0, 0)))
    dx = np.zeros((H + 2 * padding, W + 2 * padding, w.shape[3]))
    for h in range(dx.shape[0]):
        for v in range(dx.shape[1]):
            dx[h, v] = np.einsum("rqo,orqc->c", around[h : h + K, v : v + K], w)
    return dx[padding : padding + H, padding : padding + W]
