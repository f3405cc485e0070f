# says: bias_in_the_map
import numpy as np


def class_map(features, weight, bias, label):
    found = np.einsum("hwc,c->hw", features, weight[label]) + bias[label]
    return found, found.mean()
