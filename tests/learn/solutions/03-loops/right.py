import numpy as np


def conv2d(x, w, b, stride=1, padding=0):
    H, W, C = x.shape
    n, K = w.shape[:2]
    OH, OW = (H + 2 * padding - K) // stride + 1, (W + 2 * padding - K) // stride + 1
    y = np.zeros((OH, OW, n))
    for i in range(OH):
        for j in range(OW):
            for o in range(n):
                y[i, j, o] = b[o]
                for r in range(K):
                    for q in range(K):
                        h, v = i * stride - padding + r, j * stride - padding + q
                        if 0 <= h < H and 0 <= v < W:
                            for c in range(C):
                                y[i, j, o] += x[h, v, c] * w[o, r, q, c]
    return y
