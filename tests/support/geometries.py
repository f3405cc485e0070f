"""Random geometries for the compiled kernels: odd channel counts, odd sizes, paddings and strides larger than the kernel."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ninx.kernels import geometry
from ninx.kernels.geometry import Geometry

MACS = 20_000  # at most, so that the loops take a fraction of a second


def convolutions(count: int, seed: int = 0) -> Iterator[tuple[Geometry, np.random.Generator]]:
    """``count`` convolutions with 1 to 40 channels, and a generator for their numbers."""
    rng = np.random.default_rng(seed)
    while count:
        n, c, o = int(rng.choice([0, 1, 1, 2, 3, 5])), int(rng.integers(1, 41)), int(rng.integers(1, 41))
        size, kernel = rng.integers(1, 12, 2), rng.integers(1, 6, 2)
        stride, padding = rng.integers(1, 3, 2), rng.integers(0, 3, 2)
        match rng.integers(0, 6):
            case 0:
                kernel, stride, padding = np.ones(2, int), np.ones(2, int), np.zeros(2, int)  # pointwise
            case 1:
                stride = rng.integers(1, 8, 2)  # also larger than the kernel
            case 2:
                padding = rng.integers(0, 8, 2)  # also larger than the kernel
            case 3:
                kernel, padding = size, np.zeros(2, int)  # one window sees it all
            case 4:
                stride = np.ones(2, int)
        shapes = (n, c, *map(int, size)), (o, c, *map(int, kernel))
        try:
            pairs = [(int(a), int(b)) for a, b in (stride, padding)]
            geo = geometry.convolution("conv2d", *shapes, *pairs)
        except ValueError:
            continue
        if geo.macs <= MACS:
            count -= 1
            yield geo, rng


def squares(count: int, seed: int = 0) -> Iterator[tuple[Geometry, np.random.Generator]]:
    """``count`` convolutions with kernels of 3x3 to 11x11, stride 1 and 16 to 50 channels; any size and padding."""
    rng = np.random.default_rng(seed)
    while count:
        k, n, c, o = int(rng.integers(3, 12)), int(rng.integers(1, 4)), *map(int, rng.integers(16, 51, 2))
        size, padding = rng.integers(1, 16, 2), rng.integers(0, k + 2, 2)
        if (size + 2 * padding < k).any():
            continue
        count -= 1
        pad = int(padding[0]), int(padding[1])
        yield geometry.convolution("conv2d", (n, c, *map(int, size)), (o, c, k, k), padding=pad), rng


def poolings(count: int, seed: int = 0) -> Iterator[tuple[Geometry, np.random.Generator]]:
    """``count`` poolings of 1 to 24 channels, ceil_mode among them; a third is dilated, along either axis or both."""
    rng = np.random.default_rng(seed)
    while count:
        kernel = [int(k) for k in rng.integers(1, 5, 2)]
        padding = int(rng.integers(0, kernel[0] // 2 + 1)), int(rng.integers(0, kernel[1] // 2 + 1))
        stride = int(rng.integers(1, 6)), int(rng.integers(1, 6))
        shape = int(rng.integers(0, 4)), int(rng.integers(1, 25)), int(rng.integers(1, 10)), int(rng.integers(1, 10))
        dilation = int(rng.choice([1, 1, 1, 1, 2])), int(rng.choice([1, 1, 1, 1, 3]))
        try:
            geo = geometry.pooling("pool", shape, (kernel[0], kernel[1]), stride, padding, dilation, bool(rng.integers(0, 2)))
        except ValueError:
            continue
        count -= 1
        yield geo, rng
