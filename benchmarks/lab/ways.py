"""All the ways to compute one convolution, as functions that can be timed, and its result in float64 to compare them with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...kernels import blocked, cpu, fast, loops, strided
from ...kernels.cpu.conv import winograd
from ...kernels.geometry import Geometry
from ...kernels.types import Array

MOST_LOOPS = 300_000  # multiply-adds; Python takes half a second for them
MEANING = {
    "loops": "nested loops in Python, the definition",
    "im2col": "every window as a row of a matrix, and NumPy's product",
    "product": "one product over the pixels: im2col is the identity",
    "blocked": "a packed product in plain Numba",
    "direct": "the compiled kernel with every product of the sum",
    "fast": "what ninx takes",
}


class Arrays:
    """Random images, weights and cotangents of a convolution, in the memory order of the kernels."""

    def __init__(self, geo: Geometry, dtype: Any = np.float32):
        rng = np.random.default_rng(0)
        shapes = (geo.N, geo.H, geo.W, geo.C), (geo.O, geo.KH, geo.KW, geo.C // geo.groups), (geo.N, geo.OH, geo.OW, geo.O)
        self.x, self.w, self.g = (rng.standard_normal(shape, np.float32).astype(dtype) for shape in shapes)


def function(tier: Any, method: str | None, direction: str, geo: Geometry, arrays: Arrays) -> Callable[[], Array]:
    """A call of a tier; ``method`` None where it knows no methods."""
    x, w, g = arrays.x, arrays.w, arrays.g
    rest = () if method is None else (method,)
    if direction == "forward":
        return lambda: tier.conv2d(x, w, None, geo, *rest)
    if direction == "input":
        return lambda: tier.conv2d_input_grad(g, w, geo, *rest)
    return lambda: tier.conv2d_weight_grad(x, g, geo, *rest)


def ways(direction: str, geo: Geometry, arrays: Arrays) -> tuple[dict[str, Callable[[], Array]], dict[str, str]]:
    """(the ways by name, why the others are left out)."""
    found: dict[str, Callable[[], Array]] = {}
    absent: dict[str, str] = {}
    if geo.macs <= MOST_LOOPS:
        found["loops"] = function(loops, None, direction, geo, arrays)
    else:
        absent["loops"] = f"{geo.macs:,} multiply-adds would take about {geo.macs / MOST_LOOPS / 2:,.0f} s"
    found["im2col"] = function(strided, "im2col", direction, geo, arrays)
    if geo.pointwise:
        found["product"] = function(strided, "gemm", direction, geo, arrays)
    else:
        absent["product"] = geo.why_columns
    if geo.groups > 1:
        absent["blocked"] = "groups would be as many products"
    elif direction == "forward":
        found["blocked"] = function(blocked, None, direction, geo, arrays)
    elif geo.identity:
        found["blocked"] = _blocked_gradient(direction, geo, arrays)
    else:
        absent["blocked"] = "it is written for the forward pass, and gradients of 1x1 kernels"
    if cpu.why_not(geo) is None and winograd.fits(geo, arrays.x.dtype):
        found["direct"] = function(fast, "direct", direction, geo, arrays)
    found["fast"] = function(fast, "auto", direction, geo, arrays)
    return found, absent


def _blocked_gradient(direction: str, geo: Geometry, arrays: Arrays) -> Callable[[], Array]:
    """Of a 1x1 kernel: dX = G W and dW = G' X, products over all pixels."""
    x, g, w = arrays.x.reshape(-1, geo.C), arrays.g.reshape(-1, geo.O), arrays.w.reshape(geo.O, geo.C)
    if direction == "input":
        return lambda: blocked.matmul(g, w).reshape(arrays.x.shape)
    return lambda: blocked.matmul(np.ascontiguousarray(g.T), x).reshape(arrays.w.shape)


def exact(direction: str, geo: Geometry) -> Array:
    """The same arrays' result in float64."""
    return function(strided, "im2col", direction, geo, Arrays(geo, np.float64))()


def error(result: Array, wanted: Array) -> float:
    """The largest difference, relative to the largest value."""
    return float(np.abs(result - wanted).max() / max(np.abs(wanted).max(), np.finfo(float).tiny))
