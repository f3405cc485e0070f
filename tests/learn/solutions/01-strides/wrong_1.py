# says: of_axes_last
def strides(shape, channels_last):
    N, C, H, W = shape
    sizes = [N, H, W, C] if channels_last else [N, C, H, W]
    found, step = [], 1
    for size in sizes[::-1]:
        found.insert(0, step)
        step *= size
    return tuple(found)
