# says: not_divided
import numpy as np


def cross_entropy_grad(z, labels):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return p - (np.arange(z.shape[1]) == labels[:, None])
