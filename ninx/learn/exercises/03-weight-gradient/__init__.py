"""The gradient of a convolution by its kernels and its bias."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...windows import Array, output_size, padded, small_numbers, windows

NAMES = ("weight_grad",)
PARTS = ("dw", "db")


def cases() -> list[tuple[Any, ...]]:
    """One window, several, channels in and out, strides, padding."""
    sizes = [(2, 2, 1, 1, 2, 1, 0), (3, 3, 1, 1, 2, 1, 0), (3, 2, 2, 1, 2, 1, 0), (3, 3, 1, 2, 2, 1, 0), (4, 4, 1, 1, 2, 2, 0)]
    sizes += [(3, 3, 1, 1, 3, 1, 1), (5, 4, 2, 3, 3, 1, 1), (5, 5, 2, 2, 3, 2, 1), (4, 5, 3, 2, 1, 2, 0)]
    return [
        (*small_numbers(i, (h, w, c), (output_size(h, k, s, p), output_size(w, k, s, p), o)), k, s, p)
        for i, (h, w, c, o, k, s, p) in enumerate(sizes)
    ]


def oracle(x: Array, g: Array, kernel_size: int, stride: int, padding: int) -> tuple[Array, Array]:
    """Each window, as often as the gradient of its output says, summed over all windows."""
    found = windows(padded(x, padding), kernel_size, stride)[: g.shape[0], : g.shape[1]]
    return np.einsum("ijo,ijrqc->orqc", g, found), np.einsum("ijo->o", g)


def other_weights(change: Any) -> Any:
    """A mistake that leaves the bias as it is."""
    return lambda x, g, k, stride, padding: (change(x, g, k, stride, padding), g.sum((0, 1)))


def last_window(x: Array, g: Array, kernel_size: int, stride: int, padding: int) -> tuple[Array, Array]:
    """Every window writes over what came before."""
    found = windows(padded(x, padding), kernel_size, stride)
    return np.einsum("o,rqc->orqc", g[-1, -1], found[-1, -1]), g[-1, -1]


def mean(x: Array, g: Array, kernel_size: int, stride: int, padding: int) -> tuple[Array, Array]:
    """The mean over the windows."""
    dw, db = oracle(x, g, kernel_size, stride, padding)
    return dw / g[..., 0].size, db / g[..., 0].size


def unpadded(x: Array, g: Array, k: int, stride: int, padding: int) -> Array:
    """Window (i, j) is cut out of the image itself, as far as it goes."""
    dw = np.zeros((g.shape[2], k, k, x.shape[2]))
    for i in range(g.shape[0]):
        for j in range(g.shape[1]):
            window = x[i * stride : i * stride + k, j * stride : j * stride + k]
            dw[:, : window.shape[0], : window.shape[1]] += np.einsum("o,rqc->orqc", g[i, j], window)
    return dw


def turned(x: Array, g: Array, k: int, stride: int, padding: int) -> Array:
    """The kernel's gradient is turned round."""
    return oracle(x, g, k, stride, padding)[0][:, ::-1, ::-1]


MISTAKES = {
    "padding_forgotten": other_weights(unpadded),
    "stride_forgotten": other_weights(lambda x, g, k, stride, padding: oracle(x, g, k, 1, padding)[0]),
    "last_window": [last_window, other_weights(lambda *case: last_window(*case)[0])],
    "mean": [mean, other_weights(lambda *case: mean(*case)[0])],
    "bias_mean": lambda x, g, k, stride, padding: (oracle(x, g, k, stride, padding)[0], g.mean((0, 1))),
    "kernel_turned": other_weights(turned),
    "kernel_transposed": other_weights(lambda *case: oracle(*case)[0].transpose(0, 2, 1, 3)),
    "g_left_out": other_weights(lambda x, g, k, stride, padding: oracle(x, np.ones_like(g), k, stride, padding)[0]),
    "bias_not_summed": lambda x, g, k, stride, padding: (oracle(x, g, k, stride, padding)[0], g),
    "bias_one_number": lambda x, g, k, stride, padding: (oracle(x, g, k, stride, padding)[0], g.sum()),
    "axes": other_weights(lambda *case: oracle(*case)[0].transpose(1, 2, 3, 0)),
}
