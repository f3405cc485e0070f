# says: only_missing
def unbroadcast(g, shape):
    while len(g.shape) > len(shape):
        g = sum(g)
    return g
