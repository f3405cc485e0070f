# says: middle_not_squared
def widest(channels, kernel_size):
    return kernel_size**2 * channels**2 // (2 * channels + kernel_size**2)
