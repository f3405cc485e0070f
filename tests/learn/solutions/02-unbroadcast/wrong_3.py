# says: mean
import numpy as np


def unbroadcast(g, shape):
    small = (1,) * (g.ndim - len(shape)) + tuple(shape)
    axes = tuple(i for i in range(g.ndim) if small[i] == 1)
    return np.mean(g, axis=axes).reshape(shape)
