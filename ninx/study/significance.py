"""Is a difference between networks more than chance? Tests, each as short as its formula."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from statistics import NormalDist


def two_proportions(a: float, b: float, n: int) -> tuple[float, float]:
    """(z, p) of two shares of right answers, from 0 to 1, each on ``n`` images; p is two-sided.

    z = (b - a) / sqrt(2 q (1 - q) / n), with q = (a + b) / 2, is normal if both are equally good. The answers count as
    independent: where both networks saw the same images the test is too careful. Of the chance in training it knows nothing.

    >>> z, p = ninx.study.significance.two_proportions(0.9519, 0.9528, 10_000)
    >>> print(f"z = {z:.2f}, p = {p:.2f}")  # nine more right answers of 10,000: as good as nothing
    z = 0.30, p = 0.77
    """
    q = (a + b) / 2
    z = (b - a) / math.sqrt(2 * q * (1 - q) / n) if 0 < q < 1 else 0.0
    return z, 2 * NormalDist().cdf(-abs(z))


def sign_flips(differences: Sequence[float]) -> float:
    """The exact two-sided p of paired differences, say one for each seed: Fisher's test of all their signs.

    Without an effect either sign of each difference is as likely; p is the share of the 2^k ways to choose the signs whose sum
    is as far from 0 as the real one. It is never below 2 / 2^k: five seeds cannot reach .05.

    >>> ninx.study.significance.sign_flips([0.1, 0.2, 0.3, 0.1, 0.2])  # five of five seeds are better: 2 / 2**5
    0.0625
    """
    far = abs(math.fsum(differences)) * (1 - 1e-12)  # a sum of other signs rounds otherwise
    choices = product((1, -1), repeat=len(differences))
    sums = [math.fsum(sign * d for sign, d in zip(signs, differences, strict=True)) for signs in choices]
    return sum(abs(s) >= far for s in sums) / len(sums)


def mcnemar(only_a: int, only_b: int) -> float:
    """The exact two-sided p that two networks are equally good, from the images that only one of them has right.

    McNemar's test (1947): of ``only_a`` + ``only_b`` images each is as likely to be A's as B's, as a coin falls; images that
    both have right, or both wrong, say nothing. It speaks of these two networks, not of how others would do that were trained
    the same way with other seeds.

    >>> ninx.study.significance.mcnemar(1, 9)  # of ten coins at most one, or at least nine: 22 / 1024
    0.021484375
    """
    n, ways, total = only_a + only_b, 1, 1
    for k in range(1, min(only_a, only_b) + 1):
        ways = ways * (n - k + 1) // k
        total += ways
    return min(1.0, 2 * total / (1 << n))


def wilson(right: int, n: int) -> tuple[float, float]:
    """Between which shares the true accuracy lies with 95 % confidence, if ``right`` of ``n`` images were right (Wilson, 1927).

    >>> low, high = ninx.study.significance.wilson(987, 1000)
    >>> print(f"{100 * low:.1f} to {100 * high:.1f} %")
    97.8 to 99.2 %
    """
    if n == 0:
        return 0.0, 1.0
    z, p = NormalDist().inv_cdf(0.975), right / n
    middle, width = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2)
    return (middle - width) / (1 + z * z / n), (middle + width) / (1 + z * z / n)


def holm(ps: Sequence[float]) -> list[float]:
    """The p of several tests, made larger so that all of them together are wrong with 5 % at .05 (Holm, 1979).

    >>> ninx.study.significance.holm([0.01, 0.5, 0.04])
    [0.03, 0.5, 0.08]
    """
    order = sorted(range(len(ps)), key=lambda i: ps[i])
    adjusted, worst = [0.0] * len(ps), 0.0
    for rank, i in enumerate(order):
        worst = max(worst, min(1.0, (len(ps) - rank) * ps[i]))
        adjusted[i] = worst
    return adjusted
