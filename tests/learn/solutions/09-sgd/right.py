import numpy as np


def sgd(p, g, v, lr, momentum, weight_decay):
    g = g + weight_decay * p
    v = momentum * v + g
    return p - lr * v, v
