def widest(channels, kernel_size):
    M = channels
    while 2 * channels * M + (kernel_size * M) ** 2 > (kernel_size * channels) ** 2:
        M -= 1
    return M
