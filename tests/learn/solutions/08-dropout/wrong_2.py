# says: gradient_not_masked
import numpy as np


def dropout(x, u, p, training):
    return x * (u >= p) / (1 - p) if training else x


def dropout_grad(g, u, p, training):
    return g
