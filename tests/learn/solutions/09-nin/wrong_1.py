# says: mean_forgotten_back
import numpy as np


def train(x, labels, w1, w2, w3, lr, steps):
    N, H, W, C = x.shape
    view = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (1, 2)).transpose(0, 1, 2, 4, 5, 3)
    cols = view.reshape(N, -1, 9 * C)
    w1, w2, w3 = w1.copy(), w2.copy(), w3.copy()
    losses = []
    for _ in range(steps):
        a1 = np.maximum(np.einsum("npc,kc->npk", cols, w1.reshape(len(w1), -1)), 0)
        a2 = np.maximum(np.einsum("npa,ba->npb", a1, w2), 0)
        maps = np.einsum("npb,kb->npk", a2, w3)
        z = maps.sum(1) / maps.shape[1]
        p = np.exp(z - z.max(1)[:, None])
        p /= p.sum(1)[:, None]
        losses.append(-np.log(p[range(N), labels]).sum() / N)
        p[range(N), labels] -= 1
        dmaps = np.zeros(maps.shape) + p[:, None, :] / N
        dw3 = np.einsum("npk,npb->kb", dmaps, a2)
        da2 = np.einsum("npk,kb->npb", dmaps, w3) * (a2 > 0)
        dw2 = np.einsum("npb,npa->ba", da2, a1)
        da1 = np.einsum("npb,ba->npa", da2, w2)
        da1[a1 == 0] = 0
        dw1 = np.einsum("npa,npc->ac", da1, cols).reshape(w1.shape)
        w1 -= lr * dw1
        w2 -= lr * dw2
        w3 -= lr * dw3
    return losses, w1, w2, w3
