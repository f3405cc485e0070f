# says: mean
import numpy as np


def weight_grad(x, g, kernel_size, stride=1, padding=0):
    K = kernel_size
    x = np.pad(x, ((padding, padding), (padding, padding), (0, 0)))
    rows = np.array(
        [
            x[i * stride : i * stride + K, j * stride : j * stride + K].ravel()
            for i in range(g.shape[0])
            for j in range(g.shape[1])
        ]
    )
    flat = g.reshape(len(rows), -1)
    return (flat.T @ rows / len(rows)).reshape(-1, K, K, x.shape[2]), flat.mean(axis=0)
