# says: dbias_mean
import numpy as np


def batch_norm_grad(g, x, weight, eps):
    M, C = x.shape
    sigma = np.sqrt(x.var(axis=0) + eps)
    xhat = (x - x.mean(axis=0)) / sigma
    dweight = np.einsum("mc,mc->c", g, xhat)
    dx = weight / (M * sigma) * (M * g - g.sum(0) - xhat * dweight)
    return dx, dweight, g.mean(axis=0)
