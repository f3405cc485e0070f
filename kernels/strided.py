"""Tier ``strided``: the kernels of `loops`, as matrix products and strided views of NumPy or CuPy arrays (one source).

The idea of the project stands in `_Product`. Lay every window out as a row (im2col), and a convolution is one matrix
product. **A 1x1 convolution needs no such copy: every pixel already is its row**, because channels-last memory keeps the
channels of a pixel side by side:

    Y (N*H*W, O)  =  X (N*H*W, C)  @  W.T (C, O)  +  b

Larger kernels copy their windows part by part (`Geometry.parts`), so the workspace stays below BUDGET whatever the batch.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from . import loops
from .geometry import Geometry, Part
from .types import MARK, NOWHERE, Array, Drop, argmax_dtype, xp_of

BUDGET = 16 * 2**20  # bytes of im2col columns at one time: about what stays in a core's share of the last-level cache


def _slab(x: Array, geo: Geometry, part: Part, fill: float) -> Array:
    """The input rows that ``part`` of the output reads, with the padding (and what ceil_mode adds) filled in.

    A view where nothing is padded. `_uncrop` is its adjoint.
    """
    (h0, h1, top), (w0, w1, left), (height, width) = _span(geo, part)
    inside = x[part.n0 : part.n1, h0:h1, w0:w1]
    if inside.shape[1:3] == (height, width):
        return inside
    slab = xp_of(x).full((part.images, height, width, x.shape[3]), fill, x.dtype)
    slab[:, h0 - top : h1 - top, w0 - left : w1 - left] = inside
    return slab


def _uncrop(slab: Array, dx: Array, geo: Geometry, part: Part) -> None:
    """Add ``slab`` to the rows of dx that it stands for; what lies in the padding is dropped."""
    (h0, h1, top), (w0, w1, left), _ = _span(geo, part)
    dx[part.n0 : part.n1, h0:h1, w0:w1] += slab[:, h0 - top : h1 - top, w0 - left : w1 - left]


@lru_cache(maxsize=4096)
def _span(geo: Geometry, part: Part) -> tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int]]:
    """The slab of ``part``: rows (first inside, last inside, first), the same for columns, and (height, width)."""
    top, left = part.r0 * geo.SH - geo.PH, -geo.PW
    height = (part.rows - 1) * geo.SH + (geo.KH - 1) * geo.DH + 1
    width = (geo.OW - 1) * geo.SW + (geo.KW - 1) * geo.DW + 1

    def clip(first: int, size: int, limit: int) -> tuple[int, int, int]:
        start = min(max(first, 0), limit)
        return start, max(start, min(first + size, limit)), first

    return clip(top, height, geo.H), clip(left, width, geo.W), (height, width)


def _tap(slab: Array, geo: Geometry, rows: int, r: int, q: int) -> Array:
    """The slab's pixels under tap (r, q) of every window: a strided view (n, rows, OW, C)."""
    h, w = r * geo.DH, q * geo.DW
    return slab[:, h : h + (rows - 1) * geo.SH + 1 : geo.SH, w : w + (geo.OW - 1) * geo.SW + 1 : geo.SW]


def _windows(x: Array, geo: Geometry, part: Part, groups: int) -> Array:
    """Every window of ``part``, for each group of channels: a view (groups, n, rows, OW, KH, KW, C/groups) of the slab."""
    slab = _slab(x, geo, part, 0)
    n, h, w, c = slab.strides
    per_group = geo.C // groups
    return xp_of(x).lib.stride_tricks.as_strided(
        slab,
        (groups, part.images, part.rows, geo.OW, geo.KH, geo.KW, per_group),
        (per_group * c, n, h * geo.SH, w * geo.SW, h * geo.DH, w * geo.DW, c),
    )


def _add_windows(windows: Array, dx: Array, geo: Geometry, part: Part) -> None:
    """The adjoint of `_windows`: add every window's values to the pixels of dx that they came from, one tap at a time."""
    slab = xp_of(dx).zeros((part.images, *_span(geo, part)[2], geo.C), dx.dtype)
    per_group = windows.shape[-1]
    for group in range(windows.shape[0]):
        target = slab[..., group * per_group : (group + 1) * per_group]
        for r in range(geo.KH):
            for q in range(geo.KW):
                _tap(target, geo, part.rows, r, q)[...] += windows[group, :, :, :, r, q]
    _uncrop(slab, dx, geo, part)


def im2col(x: Array, geo: Geometry, part: Part | None = None) -> Array:
    """One row for each window, the values that it sees: (windows, KH*KW*C). A ``part`` (of `Geometry.parts`) bounds the copy."""
    return _columns(x, geo, part or geo.everything, 1)[0]


def _columns(x: Array, geo: Geometry, part: Part, groups: int) -> Array:
    """im2col of each group's channels, a copy: (groups, windows, KH*KW*C/groups)."""
    windows = _windows(x, geo, part, groups)
    columns = xp_of(x).empty(windows.shape, x.dtype)
    columns[...] = windows
    return columns.reshape(groups, part.images * part.rows * geo.OW, geo.KH * geo.KW * geo.C // groups)


def col2im(cols: Array, geo: Geometry, part: Part | None = None) -> Array:
    """The adjoint of im2col: an array (N, H, W, C) of zeros, to which every column value is added at its pixel."""
    part = part or geo.everything
    dx = xp_of(cols).zeros((geo.N, geo.H, geo.W, geo.C), cols.dtype)
    _add_windows(cols.reshape(1, part.images, part.rows, geo.OW, geo.KH, geo.KW, geo.C), dx, geo, part)
    return dx


class _Product:
    """A convolution as matrix products, one for each group: what x, w and y look like as matrices, part by part.

    Two ways to see x as a matrix. `gemm`: a 1x1 kernel without padding, where **im2col is the identity**: a window is a
    pixel, so the matrix is a view of x (unless some pixels have no window: then the others are picked first). `im2col`: any
    kernel.
    """

    def __init__(self, geo: Geometry, method: str, itemsize: int):
        self.geo = geo
        self.gemm = geo.pointwise and method != "im2col"
        # A view needs no workspace that would have to be bounded: all images in one product.
        self.parts = [geo.everything] if self.gemm and geo.identity else geo.parts(itemsize, BUDGET)

    def x(self, x: Array, part: Part) -> Array:
        """(groups, windows, KH*KW*C/groups)."""
        geo = self.geo
        if self.gemm:
            return self.pixels(x, part).reshape(-1, geo.groups, geo.columns).transpose(1, 0, 2)
        if geo.groups == 1:
            return im2col(x, geo, part)[None]
        return _columns(x, geo, part, geo.groups)

    def add_x(self, matrix: Array, dx: Array, part: Part) -> None:
        """The adjoint of `x`: add the matrix's values to dx."""
        geo = self.geo
        if self.gemm:
            pixels = self.pixels(dx, part)
            pixels += matrix.transpose(1, 0, 2).reshape(pixels.shape)
        else:
            shape = (geo.groups, part.images, part.rows, geo.OW, geo.KH, geo.KW, geo.C // geo.groups)
            _add_windows(matrix.reshape(shape), dx, geo, part)

    def pixels(self, x: Array, part: Part) -> Array:
        """The pixels that a 1x1 kernel reads: all of them with stride 1, else every SH-th row and SW-th column."""
        geo = self.geo
        rows = slice(part.r0 * geo.SH, (part.r1 - 1) * geo.SH + 1, geo.SH)
        return x[part.n0 : part.n1, rows, : (geo.OW - 1) * geo.SW + 1 : geo.SW]

    def w(self, w: Array) -> Array:
        """(groups, O/groups, KH*KW*C/groups)."""
        return w.reshape(self.geo.groups, self.geo.O // self.geo.groups, self.geo.columns)

    def y(self, y: Array, part: Part) -> Array:
        """(groups, windows, O/groups): always a view, since a part is whole images or neighbouring rows of one image."""
        block = y[part.n0 : part.n1, part.r0 : part.r1]
        return block.reshape(-1, self.geo.groups, self.geo.O // self.geo.groups).transpose(1, 0, 2)


def conv2d(x: Array, w: Array, b: Array | None, geo: Geometry, method: str = "auto", relu: bool = False) -> Array:
    """Y = X @ W.T + b for the matrices of `_Product`; with ``relu`` max(Y, 0)."""
    xp, product = xp_of(x), _Product(geo, method, x.itemsize)
    y = xp.empty((geo.N, geo.OH, geo.OW, geo.O), x.dtype)
    transposed = product.w(w).transpose(0, 2, 1)
    for part in product.parts:
        xp.matmul(product.x(x, part), transposed, out=product.y(y, part))
    if b is not None:
        y += b
    if relu:
        xp.maximum(y, 0, out=y)
    return y


def conv2d_input_grad(g: Array, w: Array, geo: Geometry, method: str = "auto", masked_by: Array | None = None) -> Array:
    """The adjoint in x: dX = G @ W, and every value of dX goes back to its pixel (col2im; the identity for 1x1).

    ``masked_by``: x, if it is the value of a ReLU; the gradient is then also that ReLU's, 0 where x is not positive.
    """
    xp, product = xp_of(g), _Product(geo, method, g.itemsize)
    dx = xp.zeros((geo.N, geo.H, geo.W, geo.C), g.dtype)
    for part in product.parts:
        product.add_x(xp.matmul(product.y(g, part), product.w(w)), dx, part)
    return dx if masked_by is None else relu_mask(dx, masked_by)


def conv2d_weight_grad(x: Array, g: Array, geo: Geometry, method: str = "auto") -> Array:
    """The adjoint in w: dW = G.T @ X, summed over the parts."""
    xp, product = xp_of(x), _Product(geo, method, x.itemsize)
    dw = xp.zeros((geo.groups, geo.O // geo.groups, geo.columns), x.dtype)
    for part in product.parts:
        dw += xp.matmul(product.y(g, part).transpose(0, 2, 1), product.x(x, part))
    return dw.reshape(geo.O, geo.KH, geo.KW, geo.C // geo.groups)


def conv2d_weight_bias_grad(x: Array, g: Array, geo: Geometry, method: str = "auto") -> tuple[Array, Array]:
    """The adjoints in w and b: dW, and db = the sum of g over all pixels."""
    return conv2d_weight_grad(x, g, geo, method), g.sum(axis=(0, 1, 2))


def max_pool2d(x: Array, geo: Geometry, mark: bool = False, drop: Drop | None = None) -> tuple[Array, Array]:
    """(y, arg); see `loops` for ties, NaN, ``mark`` and ``drop``."""
    xp = xp_of(x)
    y, arg = _max_pool2d(x, geo)
    if mark:
        arg |= (y <= 0) * np.uint8(MARK)
    if drop is not None:
        keep = dropout_keep(y.shape, *drop, xp=xp)
        y = relu_mask(y, keep) * y.dtype.type(loops.dropout_scale(drop[0]))
        arg = xp.where(keep, arg, np.uint8(NOWHERE))
    return y, arg


def _max_pool2d(x: Array, geo: Geometry) -> tuple[Array, Array]:
    """One pass over the whole output for each tap of the window."""
    xp, count = xp_of(x), geo.KH * geo.KW
    slab = _slab(x, geo, geo.everything, -xp.inf)
    taps = [_tap(slab, geo, geo.OH, *divmod(t, geo.KW)) for t in range(count)]
    y = taps[0].copy()
    for value in taps[1:]:
        xp.maximum(y, value, out=y)
    if not (y > -xp.inf).all():
        return _max_pool2d_special(taps, geo)
    # The first tap that equals y has the largest (count - t). Plain arithmetic: a choice by a mask that no processor can
    # predict is many times slower.
    dtype = argmax_dtype(geo)
    last = xp.zeros(y.shape, dtype)
    for t, value in enumerate(taps):
        xp.maximum(last, (value == y) * dtype(count - t - 1), out=last)
    return y, dtype(count - 1) - last


def _max_pool2d_special(taps: list[Array], geo: Geometry) -> tuple[Array, Array]:
    """The same where a window holds NaN, or nothing but -inf: then its padding must not be chosen."""
    xp = xp_of(taps[0])
    y = xp.full((geo.N, geo.OH, geo.OW, geo.C), -xp.inf, taps[0].dtype)
    # Where no value is larger than -inf, the first tap inside the image stays chosen.
    arg = xp.broadcast_to(_first_taps(geo, xp)[:, :, None], y.shape).astype(argmax_dtype(geo))
    for t, value in enumerate(taps):
        better = (value > y) | (value != value)
        xp.copyto(y, value, where=better)
        xp.copyto(arg, arg.dtype.type(t), where=better)
    return y, arg


def _first_taps(geo: Geometry, xp: Any) -> Array:
    """(OH, OW): the first tap r*KW + q of each window that is not above or left of the image; see `loops.max_pool2d`."""
    h = xp.arange(geo.OH) * geo.SH - geo.PH + xp.arange(geo.KH)[:, None] * geo.DH
    w = xp.arange(geo.OW) * geo.SW - geo.PW + xp.arange(geo.KW)[:, None] * geo.DW
    return (h >= 0).argmax(axis=0)[:, None] * geo.KW + (w >= 0).argmax(axis=0)


def max_unpool2d(g: Array, arg: Array, geo: Geometry, scale: float = 1.0) -> Array:
    """The adjoint of `max_gather2d`, times ``scale``: g goes back to the pixel that ``arg`` names."""
    g = g if scale == 1 else g * g.dtype.type(scale)
    return _spread(geo, g, lambda tap: relu_mask(g, arg == tap))


def max_gather2d(x: Array, arg: Array, geo: Geometry) -> Array:
    """Read from each window the value at the position that ``arg`` names: max pooling with the choice already made."""
    xp = xp_of(x)
    slab = _slab(x, geo, geo.everything, 0)
    y = xp.zeros((geo.N, geo.OH, geo.OW, geo.C), x.dtype)
    for tap in range(geo.KH * geo.KW):
        xp.copyto(y, _tap(slab, geo, geo.OH, *divmod(tap, geo.KW)), where=arg == tap)
    return y


def _spread(geo: Geometry, g: Array, value: Any) -> Array:
    """dx (N, H, W, C): the pixel under tap t of every window gets the sum of ``value(t)``, arrays of the output's shape."""
    xp, whole = xp_of(g), geo.everything
    slab = xp.zeros((geo.N, *_span(geo, whole)[2], geo.C), g.dtype)
    for tap in range(geo.KH * geo.KW):
        _tap(slab, geo, geo.OH, *divmod(tap, geo.KW))[...] += value(tap)
    dx = xp.zeros((geo.N, geo.H, geo.W, geo.C), g.dtype)
    _uncrop(slab, dx, geo, whole)
    return dx


@lru_cache(maxsize=512)
def pool_divisor(geo: Geometry, count_include_pad: bool) -> Array:
    """(OH, OW): by how many values each average is divided; see `loops`. Counted on the host, whatever the device."""

    def count(out: int, stride: int, kernel: int, padding: int, size: int) -> Any:
        margin = padding if count_include_pad else 0
        first = np.arange(out) * stride - padding
        return np.minimum(first + kernel, size + margin) - np.maximum(first, -margin)

    divisor = np.outer(count(geo.OH, geo.SH, geo.KH, geo.PH, geo.H), count(geo.OW, geo.SW, geo.KW, geo.PW, geo.W))
    divisor.flags.writeable = False  # many will read this one
    return divisor


def _per_window(divisor: Array, like: Array) -> Array:
    return xp_of(like).asarray(divisor, like.dtype)[:, :, None]


def avg_pool2d(x: Array, geo: Geometry, divisor: Array) -> Array:
    """y = (sum over the taps) / divisor."""
    slab = _slab(x, geo, geo.everything, 0)
    y = xp_of(x).zeros((geo.N, geo.OH, geo.OW, geo.C), x.dtype)
    for tap in range(geo.KH * geo.KW):
        y += _tap(slab, geo, geo.OH, *divmod(tap, geo.KW))
    y /= _per_window(divisor, x)
    return y


def avg_pool2d_input_grad(g: Array, geo: Geometry, divisor: Array, masked_by: Array | None = None) -> Array:
    """The adjoint of avg_pool2d: every pixel of a window gets g / divisor; ``masked_by`` as in `conv2d_input_grad`."""
    share = g / _per_window(divisor, g)
    dx = _spread(geo, g, lambda tap: share)
    return dx if masked_by is None else relu_mask(dx, masked_by)


def global_avg_pool2d(x: Array) -> Array:
    """(N, H, W, C) -> (N, 1, 1, C): the mean of every map, summed in float64: NumPy adds the pixels one by one."""
    return x.sum(axis=(1, 2), keepdims=True, dtype=np.float64).astype(x.dtype) / (x.shape[1] * x.shape[2])


def dropout_keep(shape: tuple[int, ...], p: float, seed: int, call: int, xp: Any = np) -> Array:
    """Which entries survive dropout: the hash of `loops`, in 32-bit arithmetic that wraps around by itself."""
    if p >= 1:
        return xp.zeros(shape, bool)
    h = xp.arange(math.prod(shape), dtype=np.uint32)
    h *= np.uint32(0x9E3779B1)
    h += np.uint32(loops.dropout_key(seed, call))
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        h ^= h >> np.uint32(shift)
        h *= np.uint32(factor)
    return (h >= np.uint32(int(p * 2**32))).reshape(shape)


def dropout(x: Array, p: float, seed: int, call: int) -> Array:
    """x / (1 - p) where `dropout_keep` keeps it, else 0."""
    return relu_mask(x, dropout_keep(x.shape, p, seed, call, xp_of(x))) * x.dtype.type(loops.dropout_scale(p))


def batch_norm(x: Array, weight: Array | None, bias: Array | None, eps: float, relu: bool = False) -> tuple[Array, Array, Array]:
    """See `loops.batch_norm`. Sums over the rows are float64: NumPy adds one row to the next, and there are many."""
    xp = xp_of(x)
    mean = x.mean(axis=0, dtype=np.float64).astype(x.dtype)
    y = x - mean
    var = (y * y).mean(axis=0, dtype=np.float64).astype(x.dtype)
    y *= 1 / xp.sqrt(var + eps) if weight is None else weight / xp.sqrt(var + eps)
    if bias is not None:
        y += bias
    return (xp.maximum(y, 0, out=y) if relu else y), mean, var


def batch_norm_grad(g: Array, x: Array, mean: Array, var: Array, weight: Array | None, eps: float) -> tuple[Array, Array, Array]:
    """See `loops.batch_norm_grad`."""
    inverse = 1 / xp_of(x).sqrt(var + eps)
    dx = (x - mean) * inverse
    dbias, dweight = (a.sum(axis=0, dtype=np.float64).astype(x.dtype) for a in (g, g * dx))
    dx *= -dweight / len(x)
    dx += g
    dx -= dbias / len(x)
    dx *= inverse if weight is None else inverse * weight
    return dx, dweight, dbias


def softmax_cross_entropy(logits: Array, labels: Array, ignore_index: int = -100) -> tuple[Array, Array]:
    """See `loops.softmax_cross_entropy`. On a GPU a wrong label makes the loss NaN, and `cuda.check_labels` raises."""
    xp, classes, kept = xp_of(logits), logits.shape[1], (labels != ignore_index)[:, None]
    hit = xp.arange(classes) == labels[:, None]
    shifted = logits - logits.max(axis=1, keepdims=True)
    total = xp.exp(shifted).sum(axis=1, keepdims=True)
    loss = xp.where(hit & kept, xp.log(total) - shifted, 0).sum(axis=1)
    if xp is np:
        loops.check_labels(labels, classes, ignore_index)
    else:  # nobody waits for the GPU here
        from . import cuda  # which needs this module

        wrong = kept[:, 0] & ~hit.any(axis=1)
        cuda.flag_labels(wrong, classes)
        loss = xp.where(wrong, loss.dtype.type(np.nan), loss)
    return loss, xp.where(kept, xp.exp(shifted) / total - hit, 0).astype(logits.dtype)


def relu(x: Array) -> Array:
    """max(x, 0); NaN stays NaN."""
    return xp_of(x).maximum(x, 0)


def relu_mask(g: Array, y: Array) -> Array:
    """g where y > 0, else 0. (Also where g is infinite or NaN.)

    A product of the bits, read as whole numbers: 0 * inf would be NaN, and `where` with a mask that no processor can predict
    is many times slower.
    """
    kind = g.dtype
    return (g.view(f"i{kind.itemsize}") * (y > 0)).view(kind)


def sgd(p: Array, g: Array, v: Array | None, *, lr: float, momentum: float, keep: float, decay: float, nesterov: bool) -> None:
    """One step in place: d = g + decay * p,  v = momentum * v + keep * d,  p -= lr * (d + momentum * v if nesterov else v).

    Without v (no momentum) p -= lr * d.
    """
    d = g + decay * p if decay else g
    if v is not None:
        v *= momentum
        v += keep * d
        d = d + momentum * v if nesterov else v
    p -= lr * d


def adam(
    p: Array, g: Array, m: Array, v: Array, *, lr: float, beta1: float, beta2: float, scale: float, eps: float, decay: float,
    shrink: float,
) -> None:  # fmt: skip
    """One step in place: d = g + decay * p,  m = beta1 * m + (1 - beta1) * d,  v = beta2 * v + (1 - beta2) * d^2,

    p = shrink * p - lr * m / (sqrt(v) * scale + eps).
    """
    d = g + decay * p if decay else g
    m *= beta1
    m += (1 - beta1) * d
    v *= beta2
    v += (1 - beta2) * (d * d)
    size = xp_of(p).sqrt(v)
    size *= scale
    size += eps
    if shrink != 1:
        p *= shrink
    p -= lr * (m / size)
