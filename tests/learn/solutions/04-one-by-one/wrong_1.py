# says: flat_stride
def conv1x1(x, w, b, stride=1):
    N, H, W, C = x.shape
    OH, OW = (H - 1) // stride + 1, (W - 1) // stride + 1
    pixels = x.reshape(N * H * W, C)
    picked = pixels[::stride]
    y = picked[: N * OH * OW] @ w.T + b
    return y.reshape(N, OH, OW, w.shape[0])
