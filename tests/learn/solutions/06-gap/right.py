import numpy as np


def gap(x):
    N, H, W, C = x.shape
    return x.reshape(N, H * W, C).sum(1) / (H * W)


def gap_grad(x, g):
    N, H, W, C = x.shape
    return np.ones(x.shape) * g.reshape(N, 1, 1, C) / (H * W)
