# says: not_transposed
import numpy as np


def matmul_grad(g, a, b):
    da = np.matmul(g, b)
    db = np.matmul(a, g)
    return da, db
