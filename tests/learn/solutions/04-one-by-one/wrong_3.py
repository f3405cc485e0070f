# says: channels_first
import numpy as np


def conv1x1(x, w, b, stride=1):
    x = x[:, ::stride, ::stride]
    N, H, W, C = x.shape
    y = np.einsum("oc,nchw->nhwo", w, x.reshape(N, C, H, W))
    return y + b
