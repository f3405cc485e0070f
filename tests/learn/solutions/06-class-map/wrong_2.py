# says: sum
import numpy as np


def class_map(features, weight, bias, label):
    maps = np.tensordot(features, weight, axes=(2, 1))
    return maps[:, :, label], maps[:, :, label].sum() + bias[label]
