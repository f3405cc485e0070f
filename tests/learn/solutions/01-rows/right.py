def rows(x):
    return x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1])
