# says: dilation_forgotten
def output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    count, start = 0, -padding
    while start + kernel_size <= size + padding:
        count += 1
        start += stride
    return count
