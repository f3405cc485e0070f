# says: db_turned
import numpy as np


def matmul_grad(g, a, b):
    return np.einsum("nm,km->nk", g, b), np.einsum("nm,nk->mk", g, a)
