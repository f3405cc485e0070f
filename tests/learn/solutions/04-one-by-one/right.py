def conv1x1(x, w, b, stride=1):
    x = x[:, ::stride, ::stride]
    y = x.reshape(-1, x.shape[3]) @ w.T + b
    return y.reshape(*x.shape[:3], len(w))
