# says: log_of_zero
import numpy as np


def cross_entropy(z, labels):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        return -np.log(p[range(len(labels)), labels]).mean()
