# says: right_class_alone
import numpy as np


def cross_entropy_grad(z, labels):
    dz = np.zeros_like(z)
    for n, label in enumerate(labels):
        e = np.exp(z[n] - z[n].max())
        dz[n, label] = (e[label] / e.sum() - 1) / len(labels)
    return dz
