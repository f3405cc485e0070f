# says: in_order
import numpy as np


def tree_sum(parts):
    return np.array(sum(parts))
