import numpy as np


def train(x, labels, w1, w2, w3, lr, steps):
    N, H, W, C = x.shape
    A, B, K = len(w1), len(w2), len(w3)
    cols = np.zeros((N, H - 2, W - 2, 3, 3, C))
    for r in range(3):
        for q in range(3):
            cols[:, :, :, r, q] = x[:, r : r + H - 2, q : q + W - 2]
    P = (H - 2) * (W - 2)
    cols = cols.reshape(N * P, 9 * C)
    m1, m2, m3 = w1.reshape(A, -1).T.copy(), w2.T.copy(), w3.T.copy()
    losses = []
    for _ in range(steps):
        h1 = cols @ m1
        a1 = h1 * (h1 > 0)
        h2 = a1 @ m2
        a2 = h2 * (h2 > 0)
        z = (a2 @ m3).reshape(N, P, K).mean(axis=1)
        z = z - z.max(axis=1, keepdims=True)
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        losses.append(float(-np.log(p[np.arange(N), labels]).mean()))
        dz = p.copy()
        dz[np.arange(N), labels] -= 1
        dmap = np.repeat(dz / (N * P), P, axis=0)
        dm3 = a2.T @ dmap
        dh2 = (dmap @ m3.T) * (h2 > 0)
        dm2 = a1.T @ dh2
        dh1 = (dh2 @ m2.T) * (h1 > 0)
        dm1 = cols.T @ dh1
        m1, m2, m3 = m1 - lr * dm1, m2 - lr * dm2, m3 - lr * dm3
    return losses, m1.T.reshape(w1.shape), m2.T, m3.T
