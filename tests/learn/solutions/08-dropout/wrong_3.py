# says: p_keeps
import numpy as np


def dropout(x, u, p, training):
    if not training or p == 0:
        return x * (u < p) if training else x
    mask = u < p
    return x * mask / p


def dropout_grad(g, u, p, training):
    if not training:
        return g
    return g * (u < p) / max(p, 1e-12)
