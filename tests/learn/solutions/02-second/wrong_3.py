# says: memory
import numpy as np


def gradient(A, x):
    return (A @ x) ** 2 @ A


def hvp(A, x, v):
    u = A @ x
    H = np.zeros((len(x), len(x)))
    for k in range(len(u)):
        H += 2 * u[k] * np.outer(A[k], A[k])
    return H @ v
