# says: one_missing
def output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    last = size + 2 * padding - ((kernel_size - 1) * dilation + 1)
    return len(range(0, last - last % stride, stride))
