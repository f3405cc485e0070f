# says: rounded_down
import numpy as np


def conv1x1(x, w, b, stride=1):
    N, H, W, C = x.shape
    y = np.zeros((N, H // stride, W // stride, len(w)))
    for i in range(H // stride):
        for j in range(W // stride):
            y[:, i, j] = x[:, i * stride, j * stride] @ w.T + b
    return y
