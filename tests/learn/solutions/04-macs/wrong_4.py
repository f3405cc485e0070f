# says: with_bias
def macs(height, width, channels, out_channels, kernel_size, stride=1, padding=0, groups=1):
    oh = 1 + (height + 2 * padding - kernel_size) // stride
    ow = 1 + (width + 2 * padding - kernel_size) // stride
    parameters = out_channels * (channels // groups * kernel_size**2 + 1)
    return oh * ow * parameters
