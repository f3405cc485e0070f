"""PyTorch on the device that is measured: on the processor, or on the GPU where PyTorch sees one.

On a GPU PyTorch lets cuDNN round the operands of a convolution to TF32 (10 bits instead of 23) unless it is told not to; matrix
products it leaves alone. ninx never rounds so, unless CuPy is told to by CUPY_TF32=1. So PyTorch is timed twice there: in float32
proper, which is what ninx computes and is compared with, and as it comes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..array import Array, to_numpy
from ..gpu import rounds_to_tf32
from .measure import torch_or_none

TF32 = " TF32"  # what the names of the measurements with PyTorch's own settings end with
LAYOUTS = ("PyTorch", "channels_last")  # its two memory formats


def torch_device(device: str) -> str | None:
    """PyTorch's name of ninx's ``device``; None where it sees no GPU."""
    torch: Any = torch_or_none()
    return device if device == "cpu" or (torch is not None and torch.cuda.is_available()) else None


@dataclass(frozen=True)
class Peer:
    """PyTorch, and the device on which it competes."""

    torch: Any
    device: str
    on_gpu: bool

    @property
    def names(self) -> list[str]:
        """What is measured: each memory format, on a GPU in float32 proper and as PyTorch comes."""
        return [layout + rounding for rounding in ([""] + [TF32] * self.on_gpu) for layout in LAYOUTS]

    def layout(self, name: str) -> Any:
        """The memory format of what is measured under this name."""
        return self.torch.channels_last if name.startswith("channels_last") else self.torch.contiguous_format

    def settings(self, name: str) -> Callable[[], None]:
        """What must be done before a turn of what is measured under this name: switch TF32 on or off."""

        def switch() -> None:
            self.torch.backends.cudnn.allow_tf32 = name.endswith(TF32)
            self.torch.backends.cuda.matmul.allow_tf32 = False

        return switch

    def tensor(self, array: Array) -> Any:
        """An array of ours there, with shape and memory as they are; on the processor it is the same memory."""
        return self.torch.from_numpy(to_numpy(array)).to(self.device)

    def image(self, rows: Array) -> Any:
        """(N, H, W, C) as PyTorch's (N, C, H, W) in its format channels_last."""
        return self.tensor(rows).permute(0, 3, 1, 2)


def peer(device: str) -> Peer | None:
    """PyTorch beside ninx on ``device``, or None: it is not installed, or sees no GPU."""
    torch, there = torch_or_none(), torch_device(device)
    return None if torch is None or there is None else Peer(torch, there, device != "cpu")


def tf32_note(device: str) -> list[str]:
    """What is to be said about the rounding of products on a GPU."""
    if device == "cpu":
        return []
    ours = "CUPY_TF32 is set: ninx's products are rounded to TF32" if rounds_to_tf32() else "ninx computes in float32 proper"
    theirs = "PyTorch's times without 'TF32' too, those with it as PyTorch comes (TF32 in convolutions, not in matrix products)"
    return [f"{ours}; {theirs}"]
