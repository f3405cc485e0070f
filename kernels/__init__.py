"""Kernels: plain arrays in, plain arrays out. They know nothing of tensors or derivatives; see `geometry` for the letters.

Two implementations of one interface, chosen with `use_kernels` or the environment variable NINX_KERNELS:

    loops      nested loops, straight from the formulas: the definition
    strided    matrix products over strided views of NumPy (or CuPy) arrays: the default
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType

from . import loops, strided
from .geometry import Geometry

TIERS: dict[str, ModuleType] = {"loops": loops, "strided": strided}
_chosen: ContextVar[str | None] = ContextVar("ninx_kernels", default=None)


def tier() -> ModuleType:
    """The module whose kernels run now."""
    return TIERS[_name()]


def _name() -> str:
    return _checked(_chosen.get() or os.environ.get("NINX_KERNELS", "strided"))


@contextmanager
def use_kernels(name: str) -> Iterator[None]:
    """``with use_kernels("loops"):`` runs every kernel inside the block on that tier (in this thread or task only)."""
    token = _chosen.set(_checked(name))
    try:
        yield
    finally:
        _chosen.reset(token)


def _checked(name: str) -> str:
    if name not in TIERS:
        near = difflib.get_close_matches(name, TIERS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(TIERS)}"
        raise ValueError(f"use_kernels: there is no tier {name!r}; {hint}")
    return name


def explain(geo: Geometry, itemsize: int = 4) -> str:
    """Which path a convolution of this geometry takes, and why, in one sentence."""
    if _name() == "loops":
        return f"{geo.operation}: nested loops, because the 'loops' tier was asked for"
    if geo.pointwise and geo.SH == geo.SW == 1:
        size = f"({geo.N * geo.OH * geo.OW} x {geo.columns}) @ ({geo.columns} x {geo.O // geo.groups})"
        return (
            f"{geo.operation}: one matrix product {size} for each of {geo.groups} group(s), without a copy, "
            "because im2col is the identity for a 1x1 kernel"
        )
    if geo.pointwise:
        step = f"{geo.SH}x{geo.SW}"
        return f"{geo.operation}: one matrix product over every {step}-th pixel, because the kernel is 1x1 with stride > 1"
    parts, mib = len(geo.parts(itemsize, strided.BUDGET)), geo.workspace(itemsize, strided.BUDGET) / 2**20
    return (
        f"{geo.operation}: im2col and a matrix product in {parts} part(s) of at most {mib:.1f} MiB, "
        f"because the kernel is {geo.KH}x{geo.KW} with padding {geo.PH}x{geo.PW}"
    )
