# says: decoupled
import numpy as np


def sgd(p, g, v, lr, momentum, weight_decay):
    v = momentum * v + g
    return (1 - lr * weight_decay) * p - lr * v, v
