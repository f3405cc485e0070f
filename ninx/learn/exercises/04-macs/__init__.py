"""How many multiply-adds does a convolution take?"""

from __future__ import annotations

from typing import Any

from ...windows import output_size

NAMES = ("macs",)


def cases() -> list[tuple[Any, ...]]:
    """One product; then each argument alone; then layers of networks."""
    return [
        *((1, 1, 1, 1, 1, 1, 0, 1), (2, 3, 1, 1, 1, 1, 0, 1), (2, 2, 3, 2, 1, 1, 0, 1), (4, 3, 1, 1, 2, 1, 0, 1)),
        *((5, 6, 2, 3, 3, 1, 1, 1), (5, 7, 2, 3, 3, 2, 0, 1), (4, 4, 4, 6, 1, 1, 0, 2), (7, 7, 8, 8, 3, 2, 1, 8)),
        *(
            (28, 28, 192, 32, 1, 1, 0, 1),
            (32, 32, 3, 192, 5, 1, 2, 1),
            (56, 56, 64, 128, 3, 2, 1, 4),
            (227, 227, 3, 96, 11, 4, 0, 1),
        ),
    ]


def count(height: int, width: int, channels: int, out: int, k: int, stride: int, padding: int, groups: int) -> tuple[int, int]:
    """Output pixels, and products for each of them over all output channels."""
    pixels = output_size(height, k, stride, padding) * output_size(width, k, stride, padding)
    return pixels, out * k * k * (channels // groups)


def oracle(
    height: int, width: int, channels: int, out_channels: int, kernel_size: int, stride: int, padding: int, groups: int
) -> int:
    """One for each tap and channel of each output."""
    pixels, each = count(height, width, channels, out_channels, kernel_size, stride, padding, groups)
    return pixels * each


def of_inputs(h: int, w: int, c: int, o: int, k: int, s: int, p: int, g: int) -> int:
    """The pixels of the input are counted."""
    return h * w * count(h, w, c, o, k, s, p, g)[1]


def with_bias(h: int, w: int, c: int, o: int, k: int, s: int, p: int, g: int) -> int:
    """An addition more for each output."""
    pixels, each = count(h, w, c, o, k, s, p, g)
    return pixels * (each + o)


MISTAKES = {
    "of_inputs": of_inputs,
    "flops": lambda *case: 2 * oracle(*case),
    "groups_forgotten": lambda h, w, c, o, k, s, p, g: oracle(h, w, c, o, k, s, p, 1),
    "groups_twice": lambda *case: oracle(*case) // case[7],
    "padding_forgotten": lambda h, w, c, o, k, s, p, g: oracle(h, w, c, o, k, s, 0, g),
    "stride_forgotten": lambda h, w, c, o, k, s, p, g: oracle(h, w, c, o, k, 1, p, g),
    "with_bias": with_bias,
    "only_weights": lambda *case: count(*case)[1],
    "kernel_not_squared": lambda *case: oracle(*case) // case[4],
    "out_forgotten": lambda *case: oracle(*case) // case[3],
    "channels_forgotten": lambda *case: oracle(*case) // (case[2] // case[7]),
}
