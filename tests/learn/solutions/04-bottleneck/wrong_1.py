# says: way_back_forgotten
from math import sqrt


def widest(channels, kernel_size):
    a, b, c = kernel_size**2, channels, -(kernel_size**2) * channels**2
    return int((-b + sqrt(b * b - 4 * a * c)) / (2 * a))
