# says: always_floor
def pooled_size(size, kernel_size, stride, padding, ceil_mode):
    n = 0
    start = -padding
    while start + kernel_size <= size + padding:
        n += 1
        start += stride
    return n
