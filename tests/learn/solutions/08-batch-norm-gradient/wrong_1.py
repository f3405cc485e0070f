# says: statistics_constant
import numpy as np


def batch_norm_grad(g, x, weight, eps):
    sigma = (x.var(axis=0) + eps) ** 0.5
    xhat = (x - x.mean(axis=0)) / sigma
    return g * weight / sigma, (g * xhat).sum(0), g.sum(0)
