# says: variance_left_out
import numpy as np


def batch_norm_grad(g, x, weight, eps):
    inv = 1 / np.sqrt(np.var(x, 0) + eps)
    dxhat = g * weight
    dx = inv * dxhat
    dx = dx - dx.mean(0)
    return dx, np.sum(g * (x - np.mean(x, 0)) * inv, 0), np.sum(g, 0)
