# says: last_window_missing
import numpy as np


def im2col(x, kernel_size, stride=1, padding=0):
    x = np.pad(x, [(padding, padding), (padding, padding), (0, 0)])
    K = kernel_size
    rows = [x[i : i + K, j : j + K].flatten() for i in range(0, x.shape[0] - K, stride) for j in range(0, x.shape[1] - K, stride)]
    return np.array(rows).reshape(len(rows), K * K * x.shape[2])
