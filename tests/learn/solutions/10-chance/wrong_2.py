# says: one_less
import math


def chance(only_a, only_b):
    n = only_a + only_b
    p = 2 * sum(math.comb(n, i) for i in range(min(only_a, only_b))) / 2**n
    return min(p, 1)
