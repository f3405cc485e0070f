# says: unbiased_inside
import numpy as np


def batch_norm(x, weight, bias, running_mean, running_var, momentum, eps):
    mean, var = x.mean(axis=0), x.var(axis=0, ddof=1)
    y = (x - mean) / np.sqrt(var + eps) * weight + bias
    return y, (1 - momentum) * running_mean + momentum * mean, (1 - momentum) * running_var + momentum * var
