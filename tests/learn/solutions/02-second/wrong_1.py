# says: two_forgotten
import numpy as np


def gradient(A, x):
    return np.square(A.dot(x)).dot(A)


def hvp(A, x, v):
    return (A.dot(x) * A.dot(v)).dot(A)
