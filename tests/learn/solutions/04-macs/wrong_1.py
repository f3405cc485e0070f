# says: of_inputs
def macs(height, width, channels, out_channels, kernel_size, stride=1, padding=0, groups=1):
    weights = out_channels * (channels // groups) * kernel_size**2
    return weights * height * width
