# says: not_transposed
import numpy as np


def conv1x1(x, w, b, stride=1):
    x = x[:, ::stride, ::stride, :]
    return np.dot(x.reshape(-1, x.shape[-1]), w).reshape(x.shape[:3] + (-1,)) + b
