# says: without_g
import numpy as np


def matmul_grad(g, a, b):
    da = np.tile(b.sum(axis=1), (a.shape[0], 1))
    db = np.tile(a.sum(axis=0), (b.shape[1], 1)).T
    return da, db
