"""Is a difference between two networks more than chance? Two tests, each as short as its formula."""

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
