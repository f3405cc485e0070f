# says: this_outcome_alone
from math import factorial


def chance(a, b):
    n = a + b
    ways = factorial(n) // (factorial(a) * factorial(b))
    return min(1, 2 * ways / 2**n)
