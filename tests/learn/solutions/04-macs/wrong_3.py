# says: groups_twice
def macs(height, width, channels, out_channels, kernel_size, stride=1, padding=0, groups=1):
    sides = [(side - kernel_size + 2 * padding) // stride + 1 for side in (height, width)]
    weights_of_a_group = (channels // groups) * (out_channels // groups) * kernel_size**2
    return sides[0] * sides[1] * weights_of_a_group
