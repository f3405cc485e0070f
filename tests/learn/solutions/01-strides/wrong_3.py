# says: with_itself
def strides(shape, channels_last):
    N, C, H, W = shape
    if channels_last:
        return [N * H * W * C, C, H * W * C, W * C]
    return [N * C * H * W, C * H * W, H * W, W]
