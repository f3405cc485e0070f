"""Who has which micro-batches, and the one tree along which everything is summed.

The tree halves the row of micro-batches again and again. With 8 of them, on any number of ranks:

    rank of 1     0                                      Floating-point sums depend on their order: (a + b) + c is not
    rank of 2     0               1                      a + (b + c). The tree fixes the order. A rank's micro-batches are
    rank of 4     0       1       2       3              one of its subtrees, which the rank sums by itself; what is above
                  ┌───┐   ┌───┐   ┌───┐   ┌───┐          it is summed between the ranks.
    micro-batch   0   1   2   3   4   5   6   7
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ..array import Array, xp_of

if TYPE_CHECKING:
    from .team import Team

T = TypeVar("T")


def cut(count: int, parts: int, part: int) -> slice:
    """Which of ``count`` images are in micro-batch number ``part`` of ``parts``: sizes differ by one at most, some may be 0.

    >>> [len(range(10)[ninx.parallel.cut(10, 4, part)]) for part in range(4)]
    [3, 3, 2, 2]
    """
    size, longer = divmod(count, parts)
    start = part * size + min(part, longer)
    return slice(start, start + size + (part < longer))


def mine(parts: int, team: Team) -> range:
    """The micro-batches of this rank. ValueError if the ranks cannot share them so that the tree stays the same.

    >>> ninx.parallel.tree.mine(8, ninx.parallel.ALONE)
    range(0, 8)
    """
    if team.size & (team.size - 1) or parts % team.size:
        fitting = [str(2**i) for i in range(parts.bit_length()) if parts % 2**i == 0]
        raise ValueError(
            f"parallel: {team.size} ranks cannot share {parts} micro-batches along one tree; "
            f"mpiexec -n {' or '.join(fitting)}, or other micro_batches (a multiple of the ranks, which are a power of two)"
        )
    each = parts // team.size
    return range(team.rank * each, (team.rank + 1) * each)


def summed(leaf: Callable[[int], T], first: int, end: int) -> T:
    """leaf(first) + ... + leaf(end - 1) along the tree. The leaves are asked for in order; at most one for each level is kept.

    >>> ninx.parallel.summed(lambda i: f"({i})", 0, 4)  # of texts, to see the order
    '(0)(1)(2)(3)'
    """
    if end - first == 1:
        return leaf(first)
    middle = (first + end) // 2
    total = summed(leaf, first, middle)
    total += summed(leaf, middle, end)  # type: ignore[operator]
    return total


def sum_over_ranks(team: Team, array: Array) -> None:
    """Replace ``array`` (n,) by the sum of those of all ranks along the tree; all ranks end with the same bits.

    Neighbours first: ranks 0 and 1 each sum one half of what they have, and so do 2 and 3; then 0 and 2 each sum a half of that
    half ... Then the sums go back the same way. (Recursive halving and doubling.) Each rank sends 2 (size - 1) / size * n numbers
    in 2 log2(size) messages. That both sides compute a + b and b + a makes no difference: only the order of brackets does.

    An all-reduce of a library promises no order; this one needs nothing but an exchange of two ranks.

    >>> total = np.array([1.0, 2.0])
    >>> ninx.parallel.sum_over_ranks(ninx.parallel.ALONE, total)
    >>> total
    array([1., 2.])
    """
    received = xp_of(array).empty_like(array)
    start, end, distance = 0, len(array), 1
    way = []
    while distance < team.size:
        peer, middle = team.rank ^ distance, (start + end) // 2
        kept, given = slice(start, middle), slice(middle, end)
        if team.rank > peer:
            kept, given = given, kept
        team.exchange(peer, array[given], received[kept])
        array[kept] += received[kept]
        way.append((peer, kept, given))
        start, end, distance = kept.start, kept.stop, 2 * distance
    for peer, kept, given in reversed(way):
        team.exchange(peer, array[kept], array[given])
