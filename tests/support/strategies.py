"""What the tests draw with hypothesis, named by shape: geometries, shapes that broadcast, axes, layouts in memory, seeds.

Only shapes, options and a seed are drawn; the values come from ``np.random.default_rng(seed)``. Most strategies give what
`oracle.Case` wants: (shapes of the inputs, keyword arguments).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import devices
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import LAYOUTS, geometry_of
from samples import normal_and_slow as normal_and_slow

from ninx.kernels import geometry

Shape = tuple[int, ...]
Inputs = tuple[Sequence[Shape], dict[str, Any]]

seeds = st.integers(0, 2**32 - 1)
# A layout for each of up to six arrays. One number, not a list: hypothesis varies the parts of an example that look alike, and
# would spend its examples on one geometry in many layouts.
layouts = st.integers(0, len(LAYOUTS) ** 6 - 1).map(lambda i: [LAYOUTS[i // len(LAYOUTS) ** k % len(LAYOUTS)] for k in range(6)])


def examples(count: int, *strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], None]:
    """Run the decorated function at once, on so many examples: a test body for any number of them and any table of cases.

    On the stand-in for CuPy, which is slow, on fewer of them.
    """

    def run(body: Callable[..., None]) -> None:
        settings(max_examples=devices.fewer(count))(given(*strategies)(body))()

    return run


def plain(inputs: st.SearchStrategy[Sequence[Shape]], **options: st.SearchStrategy[Any]) -> st.SearchStrategy[Inputs]:
    """Shapes, and options that do not depend on them."""
    return st.tuples(inputs, st.fixed_dictionaries(options))


# -------------------------------------------------------------------- shapes


def shape(least: int = 0, most: int = 4, side: int = 5, smallest: int = 1) -> st.SearchStrategy[Shape]:
    return st.lists(st.integers(smallest, side), min_size=least, max_size=most).map(tuple)


def one(least: int = 0, most: int = 4, side: int = 5, smallest: int = 1) -> st.SearchStrategy[tuple[Shape]]:
    """One input."""
    return st.tuples(shape(least, most, side, smallest))


def same(count: int, least: int = 0, most: int = 4) -> st.SearchStrategy[tuple[Shape, ...]]:
    """Several inputs of one shape."""
    return shape(least, most).map(lambda s: (s,) * count)


@st.composite
def smaller(draw: st.DrawFn, big: Shape) -> Shape:
    """A shape that broadcasts to ``big``: axes of size 1, and missing leading axes."""
    ones = draw(st.lists(st.booleans(), min_size=len(big), max_size=len(big)))
    return tuple(1 if one else n for one, n in zip(ones, big, strict=True))[draw(st.integers(0, len(big))) :]


@st.composite
def broadcast(draw: st.DrawFn, count: int = 2) -> tuple[Shape, ...]:
    """Inputs that broadcast with each other; often neither has the shape of the result."""
    big = draw(shape())
    return tuple(draw(st.one_of(st.just(big), smaller(big))) for _ in range(count))


@st.composite
def into(draw: st.DrawFn) -> tuple[Shape, Shape]:
    """A shape, and one that broadcasts to it: for changes in place."""
    big = draw(shape())
    return big, draw(smaller(big))


@st.composite
def reduction(draw: st.DrawFn, least: int = 0, smallest: int = 1, **options: st.SearchStrategy[Any]) -> Inputs:
    """An input, ``dim`` (None, an axis from either end, or several) and ``keepdim``."""
    size = draw(shape(least, smallest=smallest))
    axis = st.integers(-len(size), len(size) - 1)
    several = st.lists(axis, min_size=1, max_size=3, unique_by=lambda d: d % len(size)).map(tuple)
    dim = draw(st.one_of(st.none(), axis, several)) if size else None
    return (size,), {"dim": dim, "keepdim": draw(st.booleans())} | {name: draw(option) for name, option in options.items()}


@st.composite
def along(draw: st.DrawFn, smallest: int = 1, least: int = 1, **options: st.SearchStrategy[Any]) -> Inputs:
    """An input and one of its axes, ``dim``."""
    size = draw(shape(least, smallest=smallest))
    dim = draw(st.integers(-len(size), len(size) - 1))
    return (size,), {"dim": dim} | {name: draw(option) for name, option in options.items()}


@st.composite
def products(draw: st.DrawFn) -> Inputs:
    """Operands of a matrix product: vectors, matrices, batches of matrices that broadcast."""
    n, k, m = (draw(st.integers(1, 6)) for _ in range(3))
    batch = draw(shape(0, 2, 3))
    left, right = (draw(st.one_of(st.just(batch), smaller(batch))) for _ in range(2))
    a, b = draw(st.sampled_from([(True, True), (True, True), (True, False), (False, True), (False, False)]))
    return ((*left, n, k) if a else (k,), (*right, k, m) if b else (k,)), {}


@st.composite
def joined(draw: st.DrawFn) -> Inputs:
    """One to three inputs that differ along ``dim`` only."""
    size = draw(shape(1))
    dim = draw(st.integers(-len(size), len(size) - 1))
    lengths = draw(st.lists(st.integers(0, 4), min_size=1, max_size=3).filter(any))
    at = dim % len(size)
    return tuple((*size[:at], n, *size[at + 1 :]) for n in lengths), {"dim": dim}


@st.composite
def stacked(draw: st.DrawFn) -> Inputs:
    """One to three inputs of one shape, and the new axis."""
    size = draw(shape(0, 3))
    return (size,) * draw(st.integers(1, 3)), {"dim": draw(st.integers(-len(size) - 1, len(size)))}


@st.composite
def padded(draw: st.DrawFn) -> Inputs:
    """An input, sizes of padding for some of its last axes, and the value put there."""
    size = draw(shape(1))
    sizes = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=len(size)))
    return (size,), {"pad": [n for pair in sizes for n in pair], "value": draw(st.sampled_from([0.0, -1.5]))}


@st.composite
def reordered(draw: st.DrawFn) -> Inputs:
    """An input and an order of its axes, some of them counted from the end."""
    size = draw(shape())
    order = draw(st.permutations(range(len(size))))
    return (size,), {"dims": tuple(d - len(size) * draw(st.integers(0, 1)) for d in order)}


@st.composite
def reshaped(draw: st.DrawFn) -> Inputs:
    """An input and another shape of as many entries, or with a -1 in it."""
    size = draw(shape())
    new = list(draw(st.permutations(size)))
    new = [math.prod(new[:2]), *new[2:]] if len(new) > 1 and draw(st.booleans()) else new
    if new and draw(st.booleans()):
        new[draw(st.integers(0, len(new) - 1))] = -1
    return (size,), {"shape": tuple(new)}


# -------------------------------------------------------------------- windows

LIMITS = {"kernel": (1, 3), "stride": (1, 4), "padding": (0, 4), "dilation": (1, 3), "steps": (0, 4), "rest": (0, 3)}
pairs = {name: st.tuples(st.integers(*limits), st.integers(*limits)) for name, limits in LIMITS.items()}


def short(pair: tuple[int, int]) -> Any:
    """(2, 2) as 2, so that both ways of writing it are met."""
    return pair[0] if pair[0] == pair[1] else pair


# One in four is a 1x1 kernel without padding, which takes a path of its own.
any_window = st.tuples(*(pairs[name] for name in ("kernel", "stride", "padding", "dilation")))
pointwise = st.tuples(st.just((1, 1)), pairs["stride"], st.just((0, 0)), pairs["dilation"])
windows = st.integers(0, 3).flatmap(lambda i: pointwise if i == 0 else any_window)


def _image(draw: st.DrawFn, kernel: Any, stride: Any, padding: Any, dilation: Any) -> tuple[int, ...]:
    """An image into which the window fits: once, or with up to four steps more, and perhaps some pixels left over."""
    least = (max(1, d * (k - 1) + 1 - 2 * p) for k, p, d in zip(kernel, padding, dilation, strict=True))
    more = (n * s + rest % s for n, s, rest in zip(draw(pairs["steps"]), stride, draw(pairs["rest"]), strict=True))
    return tuple(a + b for a, b in zip(least, more, strict=True))


@st.composite
def convolution(draw: st.DrawFn, bias: bool = False, images: tuple[int, int] = (1, 3)) -> Inputs:
    """(x, w) of a conv2d, perhaps with a bias; paddings larger than the kernel and strides larger than it are among them."""
    kernel, stride, padding, dilation = draw(windows)
    groups, c, o, n = (draw(st.integers(*limits)) for limits in ((1, 3), (1, 3), (1, 3), images))
    x = (n, groups * c, *_image(draw, kernel, stride, padding, dilation))
    shapes = (x, (groups * o, c, *kernel), *([(groups * o,)] if bias and draw(st.booleans()) else []))
    return shapes, {"stride": short(stride), "padding": short(padding), "dilation": short(dilation), "groups": groups}


def _of_the_input_grad(inputs: Inputs) -> Inputs:
    (x, w), options = inputs
    geo = geometry_of(x, w, **options)
    return ((geo.N, geo.O, geo.OH, geo.OW), w), options | {"x_shape": x}


def _of_the_weight_grad(inputs: Inputs) -> Inputs:
    (x, w), options = inputs
    geo = geometry_of(x, w, **options)
    return (x, (geo.N, geo.O, geo.OH, geo.OW)), options | {"w_shape": w}


@st.composite
def unfolding(draw: st.DrawFn, images: tuple[int, int] = (1, 3)) -> Inputs:
    """An image and the options of unfold."""
    kernel, stride, padding, dilation = draw(windows)
    x = (draw(st.integers(*images)), draw(st.integers(1, 3)), *_image(draw, kernel, stride, padding, dilation))
    options = {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    return (x,), {name: short(pair) for name, pair in options.items()}


def _of_the_columns(inputs: Inputs) -> Inputs:
    ((n, c, *size),), options = inputs
    kernel = geometry.pair(options["kernel_size"], "fold", "kernel_size")
    rest = {name: value for name, value in options.items() if name != "kernel_size"}
    geo = geometry_of((n, c, *size), (1, c, *kernel), groups=1, **rest)
    return ((n, c * kernel[0] * kernel[1], geo.OH * geo.OW),), options | {"output_size": tuple(size)}


folding = unfolding().map(_of_the_columns)
convolution_input_grad = convolution().map(_of_the_input_grad)  # (g, w)
convolution_weight_grad = convolution().map(_of_the_weight_grad)  # (x, g)


@st.composite
def transposed_convolution(draw: st.DrawFn, bias: bool = False) -> Inputs:
    """(x, w) of a conv_transpose2d, perhaps with a bias, and all of its options."""
    kernel, stride, padding, dilation = draw(windows)
    output_padding = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
    groups, i, o, n = (draw(st.integers(*limits)) for limits in ((1, 3), (1, 3), (1, 3), (1, 2)))
    extra = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    image = []  # (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1 must be at least 1
    for k, s, p, d, op, e in zip(kernel, stride, padding, dilation, output_padding, extra, strict=True):
        image.append(max(1, 1 - (d * (k - 1) + op - 2 * p) // s) + e)
    shapes = ((n, groups * i, *image), (groups * i, o, *kernel), *([(groups * o,)] if bias and draw(st.booleans()) else []))
    options = {"stride": stride, "padding": padding, "output_padding": output_padding, "dilation": dilation}
    return shapes, {name: short(pair) for name, pair in options.items()} | {"groups": groups}


@st.composite
def pooling(draw: st.DrawFn, dilated: bool = False, images: tuple[int, int] = (1, 3)) -> Inputs:
    """An image and the options of max_pool2d (dilated) or of the windows of avg_pool2d."""
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    dilation = draw(pairs["dilation"]) if dilated else (1, 1)
    stride = draw(st.one_of(st.none(), pairs["stride"]))
    options = {"kernel_size": short(kernel), "padding": short(padding), "ceil_mode": draw(st.booleans())}
    options["stride"] = stride and short(stride)
    if dilated:
        options["dilation"] = short(dilation)
    n, c = draw(st.integers(*images)), draw(st.sampled_from([1, 2, 3, 4, 16]))  # 16 fill the widest vector
    return ((n, c, *_image(draw, kernel, stride or kernel, padding, dilation)),), options


def pooling_geometry(x: Shape, options: dict[str, Any]) -> geometry.Geometry:
    """The geometry of a pooling with these options."""
    stride = options["kernel_size"] if options["stride"] is None else options["stride"]
    values = (options["kernel_size"], stride, options["padding"], options.get("dilation", 1))
    return geometry.pooling("pool", x, *(geometry.pair(v, "pool", "size") for v in values), ceil_mode=options["ceil_mode"])


def _sees_the_image(inputs: Inputs) -> bool:
    """Does every window hold a pixel? (A dilated one may step over a small image; PyTorch then names a place outside of it.)"""
    (x,), options = inputs
    geo = pooling_geometry(x, options)
    h = np.arange(geo.OH)[:, None] * geo.SH - geo.PH + np.arange(geo.KH) * geo.DH
    w = np.arange(geo.OW)[:, None] * geo.SW - geo.PW + np.arange(geo.KW) * geo.DW
    return bool(((h >= 0) & (h < geo.H)).any(axis=1).all() and ((w >= 0) & (w < geo.W)).any(axis=1).all())


max_pooling = pooling(dilated=True).filter(_sees_the_image)
