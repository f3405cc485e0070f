# says: rate_inside
import numpy as np


def sgd(p, g, v, lr, momentum, weight_decay):
    step = lr * g + lr * weight_decay * p
    v = momentum * v + step
    return p - v, v
