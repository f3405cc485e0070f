"""The library of PyTorch's convolutions on a GPU. ninx has kernels of its own, and these settings change nothing."""

from __future__ import annotations

__all__ = ["benchmark", "deterministic", "enabled", "is_available", "version"]

benchmark, deterministic, enabled = False, True, False


def is_available() -> bool:
    """No: ninx has kernels of its own.

    >>> ninx.backends.cudnn.is_available()
    False
    """
    return False


def version() -> int | None:
    """None: there is no such library.

    >>> ninx.backends.cudnn.version()
    """
    return None
