# says: over_channels
import numpy as np


def gap(x):
    return np.array([image.mean() for image in x])


def gap_grad(x, g):
    return np.zeros(x.shape) + g[:, None, None, :] / x[0, :, :, 0].size
