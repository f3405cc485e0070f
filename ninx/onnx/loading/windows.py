"""Sliding windows as ONNX describes them: their sizes, the padding on each side, and how many fit."""

from __future__ import annotations

from typing import NamedTuple

from .given import Given

AUTO = ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")
LARGEST = 2**31  # of a size


class Window(NamedTuple):
    """The settings of a convolution or a pooling. (): the default, for any number of axes. ``pads``: first all befores."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[int, ...]
    dilations: tuple[int, ...]
    auto_pad: str = "NOTSET"
    ceil_mode: bool = False

    def of(self, axes: int) -> Window:
        """With its defaults written out for so many axes; ValueError where a setting has another number."""
        ones = (1,) * axes
        full = Window(
            self.kernel, self.strides or ones, self.pads or (0,) * 2 * axes, self.dilations or ones, self.auto_pad, self.ceil_mode
        )
        for name in ("kernel", "strides", "pads", "dilations"):
            value = getattr(full, name)
            if value and len(value) != axes * (2 if name == "pads" else 1):
                raise ValueError(f"{name} {value} do not fit {axes} axes")
        return full

    @property
    def even_padding(self) -> tuple[int, ...] | None:
        """The padding of each axis, if it is the same on both sides and does not depend on the input."""
        half = len(self.pads) // 2
        if self.auto_pad == "VALID":
            return (0,) * half
        if self.auto_pad == "NOTSET" and self.pads[:half] == self.pads[half:]:
            return self.pads[:half]
        return None

    def fitted(self, sizes: tuple[int, ...], kernel: tuple[int, ...]) -> list[Axis]:
        """How the windows lie on an input of these sizes."""
        full, found = self.of(len(sizes)), []
        befores, afters = full.pads[: len(sizes)], full.pads[len(sizes) :]
        for i, (n, k) in enumerate(zip(sizes, kernel, strict=True)):
            found.append(self._axis(n, k, full.strides[i], full.dilations[i], befores[i], afters[i]))
        return found

    def _axis(self, n: int, k: int, stride: int, dilation: int, before: int, after: int) -> Axis:
        if min(k, stride, dilation) < 1:
            raise ValueError(f"kernel {k}, stride {stride} and dilation {dilation} must be at least 1")
        seen = dilation * (k - 1) + 1
        if self.auto_pad == "VALID":
            before = after = 0
        if self.auto_pad.startswith("SAME"):
            total = max(0, (-(-n // stride) - 1) * stride + seen - n)
            before, after = (total // 2, -(-total // 2)) if self.auto_pad == "SAME_UPPER" else (-(-total // 2), total // 2)
        room = n + before + after - seen
        count = (-(-room // stride) if self.ceil_mode else room // stride) + 1
        if self.ceil_mode and (count - 1) * stride >= n + before:  # the last must begin inside the input or before it
            count -= 1
        if count < 1:
            raise ValueError(f"a window of {seen} does not fit {n} entries with a padding of {before} and {after}")
        return Axis(n, k, stride, dilation, before, after, count)


class Axis(NamedTuple):
    """Windows along one axis: sizes of the input and the kernel, padding before and after, and the number of windows."""

    n: int
    k: int
    stride: int
    dilation: int
    before: int
    after: int
    windows: int

    @property
    def reach(self) -> int:
        """How much there must be after the input for the last window; below 0 where some of the input is not seen."""
        return (self.windows - 1) * self.stride + self.dilation * (self.k - 1) + 1 - self.n - self.before

    def place(self, offset: int) -> slice:
        """Where the entries of all windows at an offset lie in the padded input."""
        start = offset * self.dilation
        return slice(start, start + (self.windows - 1) * self.stride + 1, self.stride)


def window(given: Given, ceil_mode: bool = False) -> Window:
    """The settings of a node."""
    auto_pad = given.text("auto_pad", "NOTSET")
    if auto_pad not in AUTO:
        raise ValueError(f"auto_pad must be one of {', '.join(AUTO)}")
    kernel, strides, pads, dilations = (given.wholes(n) for n in ("kernel_shape", "strides", "pads", "dilations"))
    found = Window(kernel, strides, pads, dilations, auto_pad, ceil_mode)
    for name, value, least in zip(Window._fields, found[:4], (1, 1, 0, 1), strict=False):
        if not all(least <= n < LARGEST for n in value):
            raise ValueError(f"{name} must be sizes from {least} on, got {value[:8]}")
    return found
