# says: columns_first
import numpy as np


def rows(x):
    N, C, H, W = x.shape
    result = []
    for n in range(N):
        for w in range(W):
            for h in range(H):
                result.append(x[n, :, h, w])
    return np.array(result)
