# says: sum
import numpy as np


def cross_entropy(z, labels):
    total = 0.0
    for row, label in zip(z, labels):
        m = row.max()
        total += m + np.log(np.exp(row - m).sum()) - row[label]
    return total
