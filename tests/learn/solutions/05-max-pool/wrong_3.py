# says: padding_forgotten
import numpy as np


def max_pool(x, kernel_size, stride, padding=0):
    found = np.lib.stride_tricks.sliding_window_view(x, (kernel_size, kernel_size), (0, 1))
    return found[::stride, ::stride].max((-1, -2))
