"""A blocked, packed matrix product in Numba."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array, small_numbers

NAMES = ("pack_b", "matmul")
PARTS = ("packed B", "product")
LIBRARIES = ("numba", "scipy")  # which Numba looks for
SECONDS = 60
MEMORY = 4_000_000_000  # addresses, most of which Numba's compiler asks for and does not use


def cases() -> list[tuple[Any, ...]]:
    """Sizes that fill blocks and panels exactly, and sizes that do not."""
    sizes = [
        (2, 2, 4, 2, 2, 4),
        (4, 4, 8, 2, 2, 4),
        (3, 2, 4, 2, 2, 4),
        (2, 3, 4, 2, 2, 4),
        (2, 2, 5, 2, 2, 4),
        (7, 9, 11, 3, 4, 4),
    ]
    return [(*small_numbers(80 + i, (m, k), (k, n)), mc, kc, nr) for i, (m, k, n, mc, kc, nr) in enumerate(sizes)]


def packed(b: Array, nr: int) -> Array:
    """Panels of nr columns, zeros beyond the last one."""
    K, N = b.shape
    panels = -(-N // nr)
    filled = np.zeros((K, panels * nr))
    filled[:, :N] = b
    return filled.reshape(K, panels, nr).transpose(1, 0, 2)


def oracle(a: Array, b: Array, mc: int, kc: int, nr: int) -> tuple[Array, Array]:
    """The packed B, and the product."""
    return packed(b, nr), a @ b


def whole_blocks(a: Array, b: Array, mc: int, kc: int, nr: int) -> tuple[Array, Array]:
    """What does not fill a block of rows is left out."""
    y = a @ b
    y[len(a) // mc * mc :] = 0
    return packed(b, nr), y


def last_block(a: Array, b: Array, mc: int, kc: int, nr: int) -> tuple[Array, Array]:
    """Every block of kc writes its sum over that of the one before."""
    begin = (a.shape[1] - 1) // kc * kc
    return packed(b, nr), a[:, begin:] @ b[begin:]


def whole_terms(a: Array, b: Array, mc: int, kc: int, nr: int) -> tuple[Array, Array]:
    """What does not fill a block of kc terms is left out."""
    end = a.shape[1] // kc * kc
    return packed(b, nr), a[:, :end] @ b[:end]


def whole_panels(a: Array, b: Array, mc: int, kc: int, nr: int) -> tuple[Array, Array]:
    """What does not fill a panel is left out, in the packing too."""
    y = a @ b
    y[:, b.shape[1] // nr * nr :] = 0
    return packed(b, nr)[: b.shape[1] // nr], y


MISTAKES = {
    "rows_left_over": whole_blocks,
    "sum_written": last_block,
    "terms_left_over": whole_terms,
    "columns_left_over": whole_panels,
    "not_in_panels": lambda a, b, mc, kc, nr: (np.ascontiguousarray(packed(b, nr).transpose(1, 0, 2)), a @ b),
    "panels_turned": lambda a, b, mc, kc, nr: (packed(b, nr).transpose(0, 2, 1), a @ b),
    "turned": lambda a, b, mc, kc, nr: (packed(b, nr), (a @ b).T),
}
