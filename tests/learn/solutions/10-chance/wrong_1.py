# says: one_sided
import math


def chance(only_a, only_b):
    n, k = only_a + only_b, min(only_a, only_b)
    return sum(math.comb(n, i) * 0.5**i * 0.5 ** (n - i) for i in range(k + 1))
