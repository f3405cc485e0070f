import numpy as np
from numba import njit


@njit
def pack_b(b, nr):
    K, N = b.shape
    P = (N + nr - 1) // nr
    packed = np.zeros((P, K, nr))
    for p in range(P):
        for k in range(K):
            for j in range(min(nr, N - p * nr)):
                packed[p, k, j] = b[k, p * nr + j]
    return packed


@njit
def _multiply(a, packed, y, mc, kc, nr):
    M, K = a.shape
    N = y.shape[1]
    for pc in range(0, K, kc):
        for ic in range(0, M, mc):
            for p in range(len(packed)):
                for i in range(ic, min(ic + mc, M)):
                    for k in range(pc, min(pc + kc, K)):
                        for j in range(min(nr, N - p * nr)):
                            y[i, p * nr + j] += a[i, k] * packed[p, k, j]


def matmul(a, b, mc, kc, nr):
    y = np.zeros((a.shape[0], b.shape[1]))
    _multiply(a, pack_b(b, nr), y, mc, kc, nr)
    return y
