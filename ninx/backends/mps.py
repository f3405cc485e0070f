"""The GPU of an Apple computer, which ninx does not use."""

from __future__ import annotations

__all__ = ["is_available"]


def is_available() -> bool:
    """No: ninx computes on the processor, or on an NVIDIA GPU.

    >>> ninx.backends.mps.is_available()
    False
    """
    return False
