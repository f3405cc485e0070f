"""A CUDA kernel for average pooling, run by g++ on the processor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...windows import Array, small_numbers, windows

NAMES = ("source",)
PROGRAMS = True  # g++
SECONDS = 20
MEMORY = 2_000_000_000


def cases() -> list[tuple[Any, ...]]:
    """As many threads as entries, more, and fewer; channels; windows that overlap and that leave pixels over."""
    sizes = [(2, 2, 1, 2, 2, 1, 1), (2, 4, 1, 2, 2, 1, 4), (4, 4, 1, 2, 2, 2, 1), (3, 3, 2, 2, 1, 2, 4), (5, 4, 2, 2, 2, 1, 32)]
    sizes += [(6, 5, 3, 3, 2, 2, 2), (4, 4, 3, 2, 1, 3, 3)]
    return [
        (*small_numbers(100 + i, (h, w, c)), k, s, blocks, threads) for i, (h, w, c, k, s, blocks, threads) in enumerate(sizes)
    ]


def oracle(x: Array, kernel_size: int, stride: int, blocks: int, threads: int) -> Array:
    """The mean of every window, whatever the number of threads."""
    return windows(x, kernel_size, stride).mean((2, 3))


def taken(y: Array, first: Sequence[int]) -> Array:
    """Only these entries are written."""
    kept = np.zeros(y.size)
    kept[list(first)] = y.ravel()[list(first)]
    return kept.reshape(y.shape)


def one_each(x: Array, kernel_size: int, stride: int, blocks: int, threads: int) -> Array:
    """Without the loop each thread has one entry."""
    y = oracle(x, kernel_size, stride, blocks, threads)
    return taken(y, range(min(y.size, blocks * threads)))


def within_a_block(x: Array, kernel_size: int, stride: int, blocks: int, threads: int) -> Array:
    """Every block has the same entries."""
    y = oracle(x, kernel_size, stride, blocks, threads)
    return taken(y, range(min(y.size, threads)))


def same_in_every_block(x: Array, kernel_size: int, stride: int, blocks: int, threads: int) -> Array:
    """The same, with a loop: from the number in the block on, in steps of all threads."""
    y = oracle(x, kernel_size, stride, blocks, threads)
    return taken(y, [k for k in range(y.size) if k % (blocks * threads) < threads])


def as_planes(x: Array, kernel_size: int, stride: int, blocks: int, threads: int) -> Array:
    """The image read as (C, H, W)."""
    H, W, C = x.shape
    planes = x.ravel().reshape(C, H, W).transpose(1, 2, 0)
    y = windows(planes, kernel_size, stride).mean((2, 3))
    return y.transpose(2, 0, 1).ravel().reshape(y.shape)


MISTAKES = {
    "no_loop": one_each,
    "block_forgotten": [within_a_block, same_in_every_block],
    "as_planes": as_planes,
    "sum": lambda x, kernel_size, stride, blocks, threads: windows(x, kernel_size, stride).sum((2, 3)),
    "divided_once": lambda x, kernel_size, stride, blocks, threads: windows(x, kernel_size, stride).mean((2, 3)) * kernel_size,
    "largest": lambda x, kernel_size, stride, blocks, threads: windows(x, kernel_size, stride).max((2, 3)),
    "whole_numbers": lambda x, kernel_size, stride, blocks, threads: np.trunc(windows(x, kernel_size, stride).mean((2, 3))),
    "corner": lambda x, kernel_size, stride, blocks, threads: windows(x, kernel_size, stride)[:, :, 0, 0] / kernel_size**2,
}
