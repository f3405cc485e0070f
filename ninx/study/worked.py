"""A small convolution, worked by hand: forward, im2col, both gradients and col2im, each number with where it comes from.

The numbers are those of the engine (`functional.conv2d`, its gradients, `unfold`, `fold`); the terms of the sums are the
definition's, y[i,j] = sum over r,q of x[i*S - P + r, j*S - P + q] * w[r,q]: which pixel meets which weight in which window.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ninx.kernels import geometry
from ninx.kernels.geometry import Geometry

from .. import functional as F
from ..array import to_numpy
from ..engine import Tensor
from ..kernels import use_kernels
from ..notebook import code_html
from ..ops import tensor

WIDTH = 80  # of the text
IMAGE = ((1, 2, 0, 1), (3, 1, 2, 0), (0, 2, 1, 3), (2, 0, 1, 1))
KERNEL = ((1, -2, 3), (0, 2, -1), (4, 1, -3))

Term = tuple[str, str]  # a product of two names: ("x00", "w00"); a lone name has "" behind it


class Worked(NamedTuple):
    """All that `convolution` works out. One image of one channel: x (H, W), w (KH, KW), y and g (OH, OW), dx as x, dw as w.

    ``columns`` (OH*OW, KH*KW): im2col, a row for each window; ``dcolumns``: its gradient, which col2im adds up to dx.
    At a prompt it shows itself as the whole calculation.
    """

    geometry: Geometry
    x: Tensor
    w: Tensor
    g: Tensor
    y: Tensor
    columns: Tensor
    dw: Tensor
    dcolumns: Tensor
    dx: Tensor

    def __repr__(self) -> str:
        """The calculation, in lines of 80 columns."""
        return "\n".join(_page(self))

    def _repr_html_(self) -> str:
        """The same for a notebook."""
        return code_html(repr(self))


def convolution(x: Any = IMAGE, w: Any = KERNEL, g: Any = None, *, stride: int = 1, padding: int = 0) -> Worked:
    """Work y = conv2d(x, w) by hand, with its gradients: x (H, W) and w (KH, KW), lists, arrays or tensors of at most 10 a side.

    ``g`` (OH, OW) is dL/dy, the gradient that comes back from the loss; by default 1, 2, 3 and so on, so that each can be told
    from the others. Raises ValueError for other shapes, or where the kernel does not fit.

    >>> worked = ninx.study.worked.convolution()
    >>> worked.y
    tensor([[-4.,  9.],
            [15., -6.]], dtype=float64)
    >>> print(worked)
    y = conv2d(x, w), stride 1, padding 0
    ...
    y00 = x00*w00 + x01*w01 + x02*w02 + x10*w10 + x11*w11 + x12*w12 + x20*w20
        + x21*w21 + x22*w22
    ...
    >>> ninx.study.worked.convolution([[1, 2], [3, 4]], [[1, 0], [0, 1]], stride=2, padding=1).y.tolist()
    [[1.0, 0.0], [0.0, 4.0]]
    """
    image, kernel = _matrix("x", x), _matrix("w", w)
    s, p = geometry.pair(stride, "worked", "stride"), geometry.pair(padding, "worked", "padding")
    geo = geometry.convolution("worked", (1, 1, *image.shape), (1, 1, *kernel.shape), s, p)
    size = geo.OH, geo.OW
    if max(size) > 10:
        raise ValueError(f"worked: the result has {geo.OH}x{geo.OW} numbers; at most 10 a side can be followed by eye")
    cotangent = np.arange(1.0, geo.OH * geo.OW + 1).reshape(size) if g is None else _matrix("g", g)
    if cotangent.shape != size:
        raise ValueError(f"worked: g is the gradient of y and has its shape {size}, not {cotangent.shape}")
    with use_kernels("strided"):
        a, b, dy = (tensor(m[None, None]) for m in (image, kernel, cotangent))
        y = F.conv2d(a, b, None, stride, padding)
        columns = F.unfold(a, kernel.shape, 1, padding, stride)[0].T
        dw, dx = F.conv2d_weight_grad(a, dy, geo), F.conv2d_input_grad(dy, b, geo)
    dcolumns = dy.reshape(-1, 1) * b.reshape(1, -1)
    return Worked(geo, a[0, 0], b[0, 0], dy[0, 0], y[0, 0], columns, dw[0, 0], dcolumns, dx[0, 0])


def _matrix(name: str, value: Any) -> np.ndarray[Any, Any]:
    array = np.asarray(to_numpy(value.array) if isinstance(value, Tensor) else value, np.float64)
    if array.ndim != 2 or not 1 <= min(array.shape) <= max(array.shape) <= 10:
        raise ValueError(f"worked: {name} must be a matrix of at most 10x10 numbers, got shape {array.shape}")
    return array


# -------------------------------------------------------------------- where each number comes from


def _taps(geo: Geometry) -> Iterator[tuple[tuple[int, int], tuple[int, int], tuple[int, int] | None]]:
    """Every product of the forward pass: (output, weight, pixel); None for a pixel of the padding, which is 0."""
    for i, j in np.ndindex(geo.OH, geo.OW):
        for r, q in np.ndindex(geo.KH, geo.KW):
            h, w = i * geo.SH - geo.PH + r, j * geo.SW - geo.PW + q
            yield (i, j), (r, q), (h, w) if 0 <= h < geo.H and 0 <= w < geo.W else None


def _name(letter: str, place: tuple[int, int] | None) -> str:
    """ "x01"; "0" for a pixel of the padding."""
    return "0" if place is None else f"{letter}{place[0]}{place[1]}"


def _number(value: float) -> str:
    return f"{value:.10g}".replace("-0", "0") if value == 0 else f"{value:.10g}"


def _factor(value: float) -> str:
    """A number in a product: in brackets below 0."""
    return f"({_number(value)})" if value < 0 else _number(value)


# -------------------------------------------------------------------- how it is written


def _page(worked: Worked) -> list[str]:
    geo = worked.geometry
    x, w, g, y = (t.numpy() for t in (worked.x, worked.w, worked.g, worked.y))
    values = {"x": x, "w": w, "g": g}
    taps = list(_taps(geo))
    outputs, weights, pixels = (list(np.ndindex(shape)) for shape in (y.shape, w.shape, x.shape))

    def product(a: str, at: tuple[int, int] | None, b: str, bt: tuple[int, int]) -> Term:
        left = 0.0 if at is None else float(values[a][at])
        return f"{_name(a, at)}*{_name(b, bt)}", f"{_factor(left)}*{_factor(float(values[b][bt]))}"

    lines = [f"y = conv2d(x, w), stride {geo.SH}, padding {geo.PH}", ""]
    lines += _beside({"x": x, "w": w, "y": y, "g = dL/dy": g})
    lines += ["", "Forward: each output is the sum of a window's pixels, each times its weight.", ""]
    for o in outputs:
        terms = [product("x", p, "w", k) for at, k, p in taps if at == o]
        lines += _sum(_name("y", o), terms, float(y[o]))
    lines += ["", "im2col: every window is a row, and y is these rows times w as a column."]
    lines += ["", *_rows("x", taps, outputs, worked.columns.numpy())]
    lines += ["", "Gradient of w: each weight met one pixel in every window.", ""]
    for k in weights:
        terms = [product("x", p, "g", o) for o, at, p in taps if at == k]
        lines += _sum(f"d{_name('w', k)}", terms, float(worked.dw.numpy()[k]))
    lines += ["", "Gradient of x: each pixel gets back what every window that holds it sends.", ""]
    for pixel in pixels:
        terms = [product("g", o, "w", k) for o, k, p in taps if p == pixel]
        lines += _sum(f"d{_name('x', pixel)}", terms, float(worked.dx.numpy()[pixel]))
    lines += ["", "The same by rows: the gradient of an im2col row is its g times w,"]
    lines += ["and col2im adds each value at the pixel that it came from."]
    lines += ["", *_rows("dx", taps, outputs, worked.dcolumns.numpy())]
    lines += ["", "The image of gradients, window by window:", ""]
    return lines + _beside(_grown(worked, taps, outputs))


def _grown(worked: Worked, taps: Sequence[Any], outputs: Sequence[tuple[int, int]]) -> dict[str, np.ndarray[Any, Any]]:
    """What col2im has added up after each window; the last one is dx."""
    image, found = np.zeros(worked.x.shape), {}
    rows = worked.dcolumns.numpy()
    for row, o in enumerate(outputs):
        pixels = [p for at, _, p in taps if at == o]
        for value, pixel in zip(rows[row], pixels, strict=True):
            if pixel is not None:
                image[pixel] += value
        found[f"after {_name('y', o)}"] = image.copy()
    return found


def _sum(name: str, terms: Sequence[Term], value: float) -> list[str]:
    """ "y00 = x00*w00 + ... = 1*1 + ... = -4"; in numbers below the names where that is too long."""
    if not terms:
        return [f"{name} = 0, since no window holds it"]
    symbols, numbers = zip(*terms, strict=True)
    short = f"{name} = {' + '.join(symbols)} = {' + '.join(numbers)} = {_number(value)}"
    if len(short) <= WIDTH:
        return [short]
    return [*_folded(f"{name} = ", symbols, ""), *_folded(" " * len(name) + " = ", numbers, f" = {_number(value)}")]


def _folded(head: str, terms: Sequence[str], end: str) -> list[str]:
    """Terms with a plus between them, in lines of at most 80 columns; the further ones begin with the plus."""
    lines = [head + terms[0]]
    for n, term in enumerate(terms[1:], 2):
        more = f" + {term}"
        if len(lines[-1] + more) + (len(end) if n == len(terms) else 0) > WIDTH:
            lines.append(" " * (len(head) - 3))
        lines[-1] += more
    if len(lines[-1] + end) > WIDTH:
        lines.append(" " * (len(head) - 3))
    return [*lines[:-1], lines[-1] + end]


def _rows(letter: str, taps: Sequence[Any], outputs: Sequence[tuple[int, int]], values: np.ndarray[Any, Any]) -> list[str]:
    """A row for each window: every value with its pixel, "x00=1"; as many in a line as fit."""
    lines: list[tuple[str, list[str]]] = []
    for row, o in enumerate(outputs):
        pixels = [p for at, _, p in taps if at == o]
        cells = [f"{_name(letter, p) if p else 'pad'}={_number(float(v))}" for p, v in zip(pixels, values[row], strict=True)]
        lines.append((_name("y", o), cells))
    width = max(len(cell) for _, cells in lines for cell in cells) + 1
    many = max(1, (WIDTH - 6) // width)
    return [
        f"{name + ':' if first == 0 else '':5}" + " ".join(f"{c:{width - 1}}" for c in cells[first : first + many]).rstrip()
        for name, cells in lines
        for first in range(0, len(cells), many)
    ]


def _beside(matrices: dict[str, np.ndarray[Any, Any]]) -> list[str]:
    """Matrices side by side under their names, as many as fit; then the next ones below."""
    blocks: list[list[str]] = []
    for name, matrix in matrices.items():
        width = max(len(_number(float(v))) for v in matrix.flat)
        rows = [" ".join(f"{_number(float(v)):>{width}}" for v in row) for row in matrix]
        wide = max(map(len, [name, *rows]))
        blocks.append([f"{line:{wide}}" for line in [name, *rows]])
    lines: list[str] = []
    while blocks:
        many = 1
        while many < len(blocks) and sum(len(b[0]) + 4 for b in blocks[: many + 1]) - 4 <= WIDTH:
            many += 1
        row, blocks = blocks[:many], blocks[many:]
        height = max(map(len, row))
        lines += [""] if lines else []
        lines += ["    ".join(b[i] if i < len(b) else " " * len(b[0]) for b in row).rstrip() for i in range(height)]
    return lines
