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
    """
    q = (a + b) / 2
    z = (b - a) / math.sqrt(2 * q * (1 - q) / n) if 0 < q < 1 else 0.0
    return z, 2 * NormalDist().cdf(-abs(z))


def sign_flips(differences: Sequence[float]) -> float:
    """The exact two-sided p of paired differences, say one for each seed: Fisher's test of all their signs.

    Without an effect either sign of each difference is as likely; p is the share of the 2^k ways to choose the signs whose sum
    is as far from 0 as the real one. It is never below 2 / 2^k: five seeds cannot reach .05.
    """
    far = abs(math.fsum(differences)) * (1 - 1e-12)  # a sum of other signs rounds otherwise
    choices = product((1, -1), repeat=len(differences))
    sums = [math.fsum(sign * d for sign, d in zip(signs, differences, strict=True)) for signs in choices]
    return sum(abs(s) >= far for s in sums) / len(sums)
