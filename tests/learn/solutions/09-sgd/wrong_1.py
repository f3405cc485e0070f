# says: uphill
import numpy as np


def sgd(p, g, v, lr, momentum, weight_decay):
    v = v * momentum + g + p * weight_decay
    p = p + v * lr
    return p, v
