# says: biased_kept
import numpy as np


def batch_norm(x, weight, bias, running_mean, running_var, momentum, eps):
    mean, var = x.mean(axis=0), x.var(axis=0)
    scale = weight / np.sqrt(var + eps)
    y = x * scale + (bias - mean * scale)
    return y, (1 - momentum) * running_mean + momentum * mean, (1 - momentum) * running_var + momentum * var
