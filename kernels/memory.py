"""Memory for large arrays, used again and again.

The system gives a program fresh memory page by page, each on its first touch, and that costs more than the kernels that
write it: up to three times the time of a memory-bound layer. So large arrays are pieces of *arenas*, stretches of memory of which
the system only provides what has been touched. `empty` cuts a piece from the lowest free place that is large enough.
When the array and all its views are gone, the piece is free again, and grows together with free neighbours. A training step
frees in the reverse order of what it took, so the pieces fit again, and the arenas end up with little more memory than the
step needs at one time. Small pieces have arenas of their own: the gradients of the weights, which live longer than all else
in a step, would otherwise lie scattered between the images. Pieces start at multiples of 64 bytes, the line of the caches.

Untouched memory still takes addresses, and these may be scarce: under ``ulimit -v``, on a system of 32 bits, or where every
promise of memory counts (Windows; Linux without overcommitment). So the first arenas are small, and each further one doubles what
there is. Where so much cannot be had, an arena of its own is made for the piece that is wanted; and NumPy has the last word.
"""

from __future__ import annotations

import bisect
import contextlib
import math
import threading
from typing import Any, NamedTuple

import numpy as np

from .threads import held_at_fork
from .types import Array

SMALLEST = 1 << 16  # below 64 KiB NumPy's own cache and malloc are quick
FIRST, ARENA = 1 << 26, 1 << 30  # bytes of address space of an arena, at least and at most (but for a larger piece)
ROOMY = 4  # pieces of the size that is wanted: so many should fit into a new arena
LINE = 64
LARGE = 1 << 22  # from here on a piece lies among the large ones
PAGE = 1 << 21  # what Linux gives at a time to large arrays of NumPy's, if it may; arenas begin at such a place


class MemoryStats(NamedTuple):
    """Bytes: lent to living arrays now, the most that was ever lent, and the highest places ever used in the arenas."""

    lent: int
    peak: int
    touched: int


class _Arena:
    """One stretch of memory: its free pieces, as two lists of where they start and end, in order."""

    def __init__(self, size: int, large: bool) -> None:
        self.block = np.empty(size + PAGE, np.uint8).view(_Block)
        self.start = -self.block.ctypes.data % PAGE
        self.starts, self.ends = [0], [size]
        self.size, self.touched = size, 0
        self.large = large

    @property
    def idle(self) -> bool:
        """Is nothing of it lent?"""
        return self.starts == [0] and self.ends == [self.size]

    def take(self, size: int) -> int | None:
        """Where a piece of ``size`` bytes starts: the lowest place; None if there is none."""
        for i, start in enumerate(self.starts):
            if self.ends[i] - start >= size:
                if self.ends[i] - start == size:
                    del self.starts[i], self.ends[i]
                else:
                    self.starts[i] = start + size
                self.touched = max(self.touched, start + size)
                return start
        return None

    def give(self, start: int, size: int) -> None:
        """Make a piece free, as one with its free neighbours."""
        i, end = bisect.bisect(self.starts, start), start + size
        if i < len(self.starts) and self.starts[i] == end:
            end = self.ends[i]
            del self.starts[i], self.ends[i]
        if i and self.ends[i - 1] == start:
            self.ends[i - 1] = end
        else:
            self.starts.insert(i, start)
            self.ends.insert(i, end)


class _Block(np.ndarray):
    """The memory of an arena. It must not be a plain array: where the base of an array's base is of the array's own class,
    NumPy takes that for the base, so the lent arrays, which are plain, would refer to the block and not to their piece.
    """


class _Piece(np.ndarray):
    """A part of a block, lent to one array, whose base it is. So it is deleted when the array and all its views are gone, and
    then its place is free again.
    """

    place: tuple[_Arena, int, int]
    returned: list[tuple[_Arena, int, int]]

    def __del__(self) -> None:
        self.returned.append(self.place)


class Pool:
    """Arenas, lent piece by piece; safe to use from several threads."""

    def __init__(self, limit: int = 1 << 40) -> None:
        self.limit = limit  # bytes of address space at most; what does not fit comes from NumPy
        self._lock = threading.RLock()
        self._returned: list[tuple[_Arena, int, int]] = []  # filled at any moment, even under the lock: an append needs none
        self._arenas: list[_Arena] = []
        self._lent = self._peak = 0

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """An array with undefined values, C-contiguous, aligned to 64 bytes."""
        dtype = np.dtype(dtype)
        size = math.prod(shape) * dtype.itemsize
        if size < SMALLEST:
            return np.empty(shape, dtype)
        place = self._take(-(-size // LINE) * LINE)
        if place is None:
            return np.empty(shape, dtype)
        arena, start, whole = place
        piece = _Piece((whole,), np.uint8, arena.block, arena.start + start)
        piece.place, piece.returned = place, self._returned
        return np.ndarray(shape, dtype, piece)

    def _take(self, size: int) -> tuple[_Arena, int, int] | None:
        with self._lock:
            self._collect()
            for arena in self._arenas:
                if arena.large == (size >= LARGE) and (start := arena.take(size)) is not None:
                    break
            else:
                made = self._new_arena(size)
                if made is None or (start := made.take(size)) is None:
                    return None
                arena = made
            self._lent += size
            self._peak = max(self._peak, self._lent)
            return arena, start, size

    def _new_arena(self, size: int) -> _Arena | None:
        """One with room for ``size`` bytes, in the place of those that proved too small; None if it cannot be had."""
        large = size >= LARGE
        self._arenas = [a for a in self._arenas if a.large != large or not a.idle]
        there = sum(a.size for a in self._arenas if a.large == large)
        others = sum(a.size for a in self._arenas)
        for wanted in (max(size, min(max(FIRST, ROOMY * size, there), ARENA)), size):
            if others + wanted <= self.limit:
                with contextlib.suppress(MemoryError):
                    self._arenas.append(_Arena(wanted, large))
                    return self._arenas[-1]
        return None

    def _collect(self) -> None:
        """Take back the pieces whose arrays are gone."""
        while self._returned:
            arena, start, size = self._returned.pop()
            arena.give(start, size)
            self._lent -= size

    def stats(self) -> MemoryStats:
        """What is lent now, and what was at most: bytes of arrays of 64 KiB and more.

        >>> x = ninx.zeros(256, 256)
        >>> ninx.memory_stats().lent >= x.array.nbytes
        True
        """
        with self._lock:
            self._collect()
            return MemoryStats(self._lent, self._peak, sum(a.touched for a in self._arenas))

    def resident(self) -> int:
        """Bytes of the pages that hold all places ever used."""
        with self._lock:
            return sum(-(-a.touched // PAGE) * PAGE for a in self._arenas)

    def clear(self) -> None:
        """Give the arenas of which nothing is lent back to the system, and forget the peak.

        >>> ninx.kernels.clear_memory()
        >>> stats = ninx.memory_stats()
        >>> stats.peak == stats.lent
        True
        """
        with self._lock:
            self._collect()
            self._arenas = [a for a in self._arenas if not a.idle]
            self._peak = self._lent


_pool = Pool()
held_at_fork(_pool._lock)
empty = _pool.empty
memory_stats = _pool.stats
clear_memory = _pool.clear
