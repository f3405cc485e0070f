# says: sum_written
import numpy as np


def pack_b(b, nr):
    b = np.pad(b, ((0, 0), (0, -b.shape[1] % nr)))
    return np.stack([b[:, j : j + nr] for j in range(0, b.shape[1], nr)])


def matmul(a, b, mc, kc, nr):
    M, K = a.shape
    y = np.zeros((M, b.shape[1]))
    for pc in range(0, K, kc):
        for ic in range(0, M, mc):
            y[ic : ic + mc] = a[ic : ic + mc, pc : pc + kc] @ b[pc : pc + kc]
    return y
