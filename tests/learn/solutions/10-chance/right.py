import math


def chance(only_a, only_b):
    n = only_a + only_b
    k = min(only_a, only_b)
    ways = 0
    for i in range(n + 1):
        if i <= k or i >= n - k:
            ways += math.comb(n, i)
    return ways / 2**n
