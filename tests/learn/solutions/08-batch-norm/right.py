import numpy as np


def batch_norm(x, weight, bias, running_mean, running_var, momentum, eps):
    M = len(x)
    mean = x.sum(axis=0) / M
    var = ((x - mean) ** 2).sum(axis=0) / M
    y = weight * (x - mean) / np.sqrt(var + eps) + bias
    new_mean = running_mean + momentum * (mean - running_mean)
    new_var = running_var + momentum * (var * M / (M - 1) - running_var)
    return y, new_mean, new_var
