# says: padding_once
def output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    size = size + padding
    window = 1 + dilation * (kernel_size - 1)
    return 1 + (size - window) // stride
