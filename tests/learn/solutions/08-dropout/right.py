import numpy as np


def _scale(u, p, training):
    if not training:
        return np.ones(u.shape)
    return np.where(u < p, 0.0, 1 / (1 - p))


def dropout(x, u, p, training):
    return x * _scale(u, p, training)


def dropout_grad(g, u, p, training):
    return g * _scale(u, p, training)
