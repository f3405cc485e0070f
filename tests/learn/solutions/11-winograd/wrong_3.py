# says: b_transposed
import numpy as np

BT = np.array([[1.0, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
G = np.array([[1.0, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
AT = np.array([[1.0, 1, 1, 0], [0, 1, -1, -1]])


def winograd(x, w):
    U = G @ w @ G.T
    y = np.zeros((x.shape[0] - 2, x.shape[1] - 2))
    for i in range(0, len(y), 2):
        for j in range(0, y.shape[1], 2):
            V = np.transpose(BT).dot(x[i : i + 4, j : j + 4]).dot(BT)
            y[i : i + 2, j : j + 2] = AT @ (U * V) @ AT.T
    return U, BT.T @ x[:4, :4] @ BT, y
