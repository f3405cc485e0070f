# says: zeros_counted
import numpy as np


def average_pool(x, kernel_size, stride, padding=0):
    p = np.pad(x, ((padding, padding), (padding, padding), (0, 0)))
    found = np.lib.stride_tricks.sliding_window_view(p, (kernel_size, kernel_size), axis=(0, 1))
    return found[::stride, ::stride].mean(axis=(-2, -1))
