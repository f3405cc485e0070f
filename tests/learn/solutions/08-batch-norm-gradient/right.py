import numpy as np


def batch_norm_grad(g, x, weight, eps):
    M = len(x)
    centred = x - x.mean(axis=0)
    sigma = np.sqrt((centred**2).mean(axis=0) + eps)
    xhat = centred / sigma
    dxhat = g * weight
    dsigma = (dxhat * -centred / sigma**2).sum(axis=0)
    dcentred = dxhat / sigma + dsigma * centred / (M * sigma)
    dx = dcentred - dcentred.mean(axis=0)
    return dx, (g * xhat).sum(axis=0), g.sum(axis=0)
