# says: bias_not_summed
import numpy as np


def weight_grad(x, g, kernel_size, stride=1, padding=0):
    K = kernel_size
    x = np.pad(x, ((padding, padding), (padding, padding), (0, 0)))
    dw = np.zeros((g.shape[2], K, K, x.shape[2]))
    for i, j in np.ndindex(g.shape[:2]):
        dw += g[i, j][:, None, None, None] * x[i * stride : i * stride + K, j * stride : j * stride + K][None]
    return dw, g.copy()
