def pooled_size(size, kernel_size, stride, padding, ceil_mode):
    room = size + 2 * padding - kernel_size
    if not ceil_mode:
        return room // stride + 1
    n = (room + stride - 1) // stride + 1
    if (n - 1) * stride >= size + padding:
        n -= 1
    return n
