import numpy as np


def input_grad(g, w, size, stride=1, padding=0):
    H, W = size
    n, K, _, C = w.shape
    dx = np.zeros((H, W, C))
    for i in range(g.shape[0]):
        for j in range(g.shape[1]):
            for r in range(K):
                for q in range(K):
                    h, v = i * stride - padding + r, j * stride - padding + q
                    if 0 <= h < H and 0 <= v < W:
                        dx[h, v] += g[i, j] @ w[:, r, q]
    return dx
