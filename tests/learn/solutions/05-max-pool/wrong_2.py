# says: side_by_side
import numpy as np


def max_pool(x, kernel_size, stride, padding=0):
    x = np.pad(x, [(padding, padding), (padding, padding), (0, 0)], constant_values=-np.inf)
    OH, OW = (n // kernel_size for n in x.shape[:2])
    cut = x[: OH * kernel_size, : OW * kernel_size]
    return cut.reshape(OH, kernel_size, OW, kernel_size, -1).max((1, 3))
