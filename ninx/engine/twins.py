"""Backward passes that are there twice: as a kernel, and as a formula of differentiable operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from .modes import records

Cotangents = TypeVar("Cotangents")


def kernel_or_formula(kernel: Callable[..., Cotangents], formula: Callable[..., Cotangents]) -> Callable[..., Cotangents]:
    """A vjp that is one kernel where nobody differentiates it again, and a formula where the way back is itself recorded.

    >>> from ninx.engine import kernel_or_formula
    >>> vjp = kernel_or_formula(lambda g: "the kernel", lambda g: "the formula")
    >>> with ninx.no_grad():
    ...     vjp(1.0)
    'the kernel'
    """
    return lambda g: formula(g) if records() else kernel(g)
