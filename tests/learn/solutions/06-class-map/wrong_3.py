# says: relu
import numpy as np


def class_map(features, weight, bias, label):
    score = (features.mean((0, 1)) * weight[label]).sum() + bias[label]
    found = (features * weight[label]).sum(axis=-1)
    found[found < 0] = 0
    return found, score
