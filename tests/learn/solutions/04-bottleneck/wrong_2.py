# says: one_too_many
def widest(channels, kernel_size):
    limit = kernel_size**2 * channels**2
    M = 0
    while True:
        M += 1
        if channels * M + kernel_size**2 * M**2 + M * channels > limit:
            return M
