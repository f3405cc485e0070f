# says: one_more
def pooled_size(size, kernel_size, stride, padding, ceil_mode):
    n = (size + 2 * padding - kernel_size) // stride + 1
    return n + 1 if ceil_mode else n
