# says: matrix_product
import numpy as np

BT = np.array([[1.0, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
G = np.array([[1.0, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
AT = np.array([[1.0, 1, 1, 0], [0, 1, -1, -1]])


def winograd(x, w):
    U, first = G @ w @ G.T, BT @ x[:4, :4] @ BT.T
    blocks = []
    for i in range(0, x.shape[0] - 2, 2):
        line = [AT @ U @ BT @ x[i : i + 4, j : j + 4] @ BT.T @ AT.T for j in range(0, x.shape[1] - 2, 2)]
        blocks.append(line)
    return U, first, np.block(blocks)
