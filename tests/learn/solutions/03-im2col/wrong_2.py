# says: channels_first
import numpy as np


def im2col(x, kernel_size, stride=1, padding=0):
    image = np.zeros((x.shape[2], x.shape[0] + 2 * padding, x.shape[1] + 2 * padding))
    image[:, padding : padding + x.shape[0], padding : padding + x.shape[1]] = x.transpose(2, 0, 1)
    rows = []
    for top in range(0, image.shape[1] - kernel_size + 1, stride):
        for left in range(0, image.shape[2] - kernel_size + 1, stride):
            rows.append(image[:, top : top + kernel_size, left : left + kernel_size].reshape(-1))
    return np.stack(rows)
