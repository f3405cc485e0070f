# says: largest_not_added
import numpy as np


def logsumexp(z):
    z = z - np.max(z, axis=-1, keepdims=True)
    return np.log(np.exp(z).sum(axis=-1))
