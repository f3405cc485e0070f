"""The switches of PyTorch's libraries that programs set in their first lines; here they change nothing.

>>> ninx.backends.cudnn.benchmark = True
>>> ninx.backends.cudnn.is_available(), ninx.backends.mps.is_available()
(False, False)
"""

from __future__ import annotations

from typing import Any

__all__ = ["cudnn", "mps"]


class _Library:
    """A library that ninx does not use: it is not available, and takes any setting without effect."""

    benchmark, deterministic, enabled = False, True, False

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        """That it is not used."""
        return f"<{self._name} is not used by ninx: its settings change nothing>"

    def is_available(self) -> bool:
        """No: ninx has kernels of its own.

        >>> ninx.backends.cudnn.is_available()
        False
        """
        return False

    def version(self) -> Any:
        """None: there is no such library.

        >>> ninx.backends.cudnn.version()
        """
        return None


cudnn, mps = _Library("cuDNN"), _Library("Metal")
