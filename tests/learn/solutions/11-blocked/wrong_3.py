# says: not_in_panels
import numpy as np


def pack_b(b, nr):
    K, N = b.shape
    wide = np.concatenate([b, np.zeros((K, -N % nr))], axis=1)
    return wide.reshape(K, -1, nr)


def matmul(a, b, mc, kc, nr):
    packed = pack_b(b, nr)
    y = np.einsum("mk,kpn->mpn", a, packed).reshape(len(a), -1)
    return y[:, : b.shape[1]]
