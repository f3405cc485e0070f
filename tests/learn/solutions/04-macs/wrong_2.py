# says: flops
def macs(height, width, channels, out_channels, kernel_size, stride=1, padding=0, groups=1):
    total = 0
    for i in range(-padding, height + padding - kernel_size + 1, stride):
        for j in range(-padding, width + padding - kernel_size + 1, stride):
            total += 2 * out_channels * kernel_size * kernel_size * channels // groups
    return total
