"""Panels: neighbouring output channels as wide as a micro-tile, the order in which packed weights lie in memory.

A micro-kernel call makes nr = vectors * lanes channels of mr pixels, and reads for each step of its sum nr weights. In the packed
weights these lie side by side, and the steps of one panel one after another (BLIS: a micro-panel of B).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ...types import Array
from ..jit.vector import HOST


class Panel(NamedTuple):
    """A row of a table of panels; `PANEL` has its column numbers.

    narrow   1 for a panel of fewer vectors than the first one: its micro-tiles have another height
    vectors  its width; 0 if there are fewer channels than one vector holds
    channel  bytes from a pixel's first channel to the panel's
    tail     bytes from there to its last vector; with 0 vectors the number of channels instead
    weights  its start in the packed weights, in numbers
    bias     its start in the packed bias, in bytes
    """

    narrow: int
    vectors: int
    channel: int
    tail: int
    weights: int
    bias: int


PANEL = Panel(*range(6))


@lru_cache(maxsize=512)
def panel_table(depth: int, channels: int, itemsize: int) -> Array:
    """``channels`` cut into panels of 2 vectors (the last may have one), for sums of ``depth`` products.

    The last vector of all ends with the last channel, so where the channels are no multiple of the lanes it overlaps the one
    before it: both write the same values, and nothing is read or written beyond the end.
    """
    lanes = HOST.lanes(itemsize)
    count = -(-channels // lanes)
    last_start, width, rows = max(channels - lanes, 0), min(count, 2), []
    for first in range(0, count, width):
        vectors = min(width, count - first)
        channel = min(first * lanes, last_start)
        tail = min((first + vectors - 1) * lanes, last_start) - channel
        rows.append(
            Panel(
                narrow=int(vectors < width),
                vectors=vectors if channels >= lanes else 0,
                channel=channel * itemsize,
                tail=tail * itemsize if channels >= lanes else channels,
                weights=first * lanes * depth,
                bias=first * lanes * itemsize,
            )
        )
    return np.array(rows, np.int64)


def widths(channels: int, itemsize: int) -> list[int]:
    """The widths in vectors that occur, the first panel's first: each has micro-tiles of its own height."""
    count = -(-channels // HOST.lanes(itemsize))
    return [1] if count == 1 else [2, 1] if count % 2 else [2]


def packed_size(depth: int, channels: int, itemsize: int) -> int:
    """Numbers in the packed weights, with the bias behind them."""
    lanes = HOST.lanes(itemsize)
    return (depth + 1) * -(-channels // lanes) * lanes
