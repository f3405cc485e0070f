# says: momentum_turned
import numpy as np


def batch_norm(x, weight, bias, running_mean, running_var, momentum, eps):
    M = x.shape[0]
    mean, var = np.mean(x, 0), np.var(x, 0)
    y = weight * ((x - mean) * (var + eps) ** -0.5) + bias
    running_mean = momentum * running_mean + (1 - momentum) * mean
    running_var = momentum * running_var + (1 - momentum) * var * M / (M - 1)
    return y, running_mean, running_var
