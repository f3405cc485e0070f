# says: one_maximum
import numpy as np


def logsumexp(z):
    m = np.max(z)
    with np.errstate(divide="ignore"):
        return m + np.log(np.sum(np.exp(z - m), axis=-1))
