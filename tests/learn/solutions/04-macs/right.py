def macs(height, width, channels, out_channels, kernel_size, stride=1, padding=0, groups=1):
    oh = (height + 2 * padding - kernel_size) // stride + 1
    ow = (width + 2 * padding - kernel_size) // stride + 1
    return oh * ow * out_channels * kernel_size * kernel_size * (channels // groups)
