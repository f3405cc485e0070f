# says: tiles_do_not_overlap
import numpy as np

BT = np.array([[1.0, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
G = np.array([[1.0, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
AT = np.array([[1.0, 1, 1, 0], [0, 1, -1, -1]])


def winograd(x, w):
    U = G @ w @ G.T
    H, W = x.shape
    y = np.zeros((H - 2, W - 2))
    for a in range(H // 4):
        for b in range(W // 4):
            V = BT @ x[4 * a : 4 * a + 4, 4 * b : 4 * b + 4] @ BT.T
            y[2 * a : 2 * a + 2, 2 * b : 2 * b + 2] = AT @ (U * V) @ AT.T
    return U, BT @ x[:4, :4] @ BT.T, y
