"""The name of a device, as PyTorch writes it: ``ninx.device("cuda", 0)`` is the text "cuda:0" that also knows its parts."""

from __future__ import annotations

from typing import Any, Self


class device(str):
    """Where a tensor lies: "cpu", or "cuda:0" for the first GPU. It is a string, and usable wherever one is.

    ``device("cuda:0")``, ``device("cuda", 0)`` and ``device(0)`` are the same; "cuda" alone is the current one.
    Raises ValueError for another kind of device.

    >>> place = ninx.device("cuda", 1)
    >>> place, place.type, place.index, f"on {place}"
    (device(type='cuda', index=1), 'cuda', 1, 'on cuda:1')
    >>> ninx.device("cpu") == "cpu"
    True
    """

    __slots__ = ()

    def __new__(cls, type: Any, index: int | None = None) -> Self:
        """The text for a kind ("cpu", "cuda", "cuda:1") and a number, or for the number of a GPU alone."""
        text = f"cuda:{type}" if isinstance(type, int) and not isinstance(type, bool) else str(type)
        if index is not None:
            if ":" in text:
                raise ValueError(f"device: {text!r} has a number already, so there is no place for the index {index}")
            text = f"{text}:{index}"
        kind, colon, number = text.partition(":")
        if text != "cpu" and (kind != "cuda" or not (number.isdecimal() if colon else not number)):
            raise ValueError(f"device must be 'cpu', 'cuda' or 'cuda:N', got {text!r}")
        return super().__new__(cls, f"cuda:{int(number)}" if number else text)

    @property
    def type(self) -> str:
        """ "cpu" or "cuda"."""
        return str(self).partition(":")[0]

    @property
    def index(self) -> int | None:  # type: ignore[override]  # PyTorch's name; str.index finds a piece of text, which nobody does here
        """The number of the GPU; None for the CPU, and for "cuda" without one."""
        number = str(self).partition(":")[2]
        return int(number) if number else None

    def __repr__(self) -> str:
        """As PyTorch prints it."""
        return f"device(type={self.type!r})" if self.index is None else f"device(type={self.type!r}, index={self.index})"


CPU = device("cpu")
