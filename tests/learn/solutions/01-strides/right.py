def strides(shape, channels_last):
    N, C, H, W = shape
    if channels_last:
        return H * W * C, 1, W * C, C
    return C * H * W, H * W, W, 1
