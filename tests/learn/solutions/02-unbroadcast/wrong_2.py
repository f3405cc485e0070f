# says: not_kept
def unbroadcast(g, shape):
    small = (1,) * (g.ndim - len(shape)) + tuple(shape)
    for axis in reversed(range(g.ndim)):
        if small[axis] == 1:
            g = g.sum(axis)
    return g
