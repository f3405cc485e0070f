# says: last_window
import math


def pooled_size(size, kernel_size, stride, padding, ceil_mode):
    rounding = math.ceil if ceil_mode else math.floor
    return rounding((size + 2 * padding - kernel_size) / stride) + 1
