"""Claims about what a paper says, and about what published figures show."""

from __future__ import annotations

from ..significance import two_proportions
from ..staged import PUBLISHED
from .claim import HALF, UNKNOWN, Finding, judged


def affiliation(
    address: str = "{linmin,chenqiang,eleyans}@nus.edu.sg",
    claimed: str = "berkeley.edu",
) -> Finding:
    """Whose is the address on the first page of the paper?"""
    domain = address.rpartition("@")[2]
    figures = {"address": address, "domain": domain, "claimed": claimed}
    mine = domain == claimed or domain.endswith(f".{claimed}")
    return Finding(judged(mine), figures)


def significance(
    accuracies: tuple[float, ...] = tuple(PUBLISHED.values()),
    images: int = 10_000,
    level: float = 0.05,
) -> Finding:
    """Test each pair of accuracies, on so many images, for chance."""
    first, second, third = accuracies
    pairs = (first, second), (second, third), (first, third)
    tests = [two_proportions(a, b, images) for a, b in pairs]
    figures = {
        "accuracies": [100 * a for a in accuracies],
        "images": images,
        "z": [z for z, _ in tests],
        "p": [p for _, p in tests],
    }
    # A difference beyond chance would still have several causes.
    verdict = HALF if tests[-1][1] < level else UNKNOWN
    return Finding(verdict, figures)
