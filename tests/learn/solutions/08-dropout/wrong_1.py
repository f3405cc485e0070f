# says: not_scaled
import numpy as np


def dropout(x, u, p, training):
    if training:
        x = x.copy()
        x[u < p] = 0
    return x


def dropout_grad(g, u, p, training):
    return dropout(g, u, p, training)
