import numpy as np


def im2col(x, kernel_size, stride=1, padding=0):
    x = np.pad(x, ((padding, padding), (padding, padding), (0, 0)))
    views = np.lib.stride_tricks.sliding_window_view(x, (kernel_size, kernel_size), axis=(0, 1))[::stride, ::stride]
    return views.transpose(0, 1, 3, 4, 2).reshape(-1, kernel_size**2 * x.shape[2])
