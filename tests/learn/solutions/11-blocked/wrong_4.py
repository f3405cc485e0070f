# says: rows_left_over
import numpy as np


def pack_b(b, nr):
    K, N = b.shape
    packed = np.zeros((-(-N // nr), K, nr))
    for j in range(N):
        packed[j // nr, :, j % nr] = b[:, j]
    return packed


def matmul(a, b, mc, kc, nr):
    y = np.zeros((a.shape[0], b.shape[1]))
    for block in range(a.shape[0] // mc):
        rows = slice(block * mc, block * mc + mc)
        for pc in range(0, a.shape[1], kc):
            y[rows] += a[rows, pc : pc + kc] @ b[pc : pc + kc]
    return y
