"""Tier ``cuda``: the kernels of `loops` for CuPy arrays, as CUDA C++ kernels and matrix products of cuBLAS.

The functions and signatures are those of `strided`. The .cu files hold the kernels, `launcher` compiles and launches them.
After them stand the steps that fuse what other tiers do one operation at a time: bias + ReLU, dropout, optimisers, the loss.

As everywhere, **a 1x1 convolution is one matrix product over all pixels, without a copy**: every pixel already is its row.
Larger kernels copy their windows part by part (`Geometry.parts`), so the workspace stays below BUDGET whatever the batch; where
even that does not fit into the GPU's memory, parts become smaller.

No GPU was at hand: the tests compile this source for GPUs and run it on the CPU, but nothing has run on CUDA hardware. CuPy
compiles with -ftz=true: float32 numbers below 1.2e-38 count as 0 on a GPU, not so elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from .. import loops, strided
from ..geometry import Geometry, Part
from ..strided import batch_norm, batch_norm_grad, pool_divisor
from ..types import MARK, NOWHERE, Array, Drop, argmax_dtype
from .launcher import Windows, launch, library, need

# fmt: off
__all__ = [
    "BUDGET", "adam", "avg_pool2d", "avg_pool2d_input_grad", "batch_norm", "batch_norm_grad", "bias_relu", "check_labels",
    "col2im", "conv2d", "conv2d_input_grad", "conv2d_weight_bias_grad", "conv2d_weight_grad", "dropout", "dropout_keep",
    "explain", "flag_labels", "global_avg_pool2d", "im2col", "max_gather2d", "max_pool2d", "max_unpool2d", "pool_divisor",
    "relu", "relu_mask", "sgd", "softmax_cross_entropy",
]
# fmt: on

BUDGET = 128 * 2**20  # bytes of im2col columns at one time: enough windows to keep a large GPU busy
LEAST = 2**20  # what is still tried where the GPU's memory is nearly full


# -------------------------------------------------------------------- convolution


def conv2d(x: Array, w: Array, b: Array | None, geo: Geometry, method: str = "auto", relu: bool = False) -> Array:
    """Y = X @ W.T + b, for each group of channels; with ``relu`` max(Y, 0)."""
    x, w = _image("conv2d", "x", x, geo), _weight("conv2d", w, geo, x.dtype)
    b = None if b is None else need("conv2d", "b", b, (geo.O,), x.dtype)

    def product(parts: list[Part]) -> Array:
        y = library().empty((geo.N, geo.OH, geo.OW, geo.O), x.dtype)
        for part in parts:
            _multiply(_columns(x, geo, part, method), w.transpose(0, 2, 1), _outputs(y, geo, part))
        return y

    y = _in_parts("conv2d", geo, method, x.itemsize, product)
    if b is not None and relu:
        return bias_relu(y, b)
    if b is not None:
        y += b
    return library().maximum(y, 0, out=y) if relu else y


def conv2d_input_grad(g: Array, w: Array, geo: Geometry, method: str = "auto", masked_by: Array | None = None) -> Array:
    """The adjoint in x: dX = G @ W, and every value of dX goes back to its pixel (col2im; the identity for 1x1).

    ``masked_by``: x, if it is the value of a ReLU; the gradient is then also that ReLU's, 0 where x is not positive.
    """
    cupy = library()
    g, w = _output("conv2d_input_grad", "g", g, geo), _weight("conv2d_input_grad", w, geo, g.dtype)

    def product(parts: list[Part]) -> Array:
        dx = cupy.zeros((geo.N, geo.H, geo.W, geo.C), g.dtype)
        for part in parts:
            if _identity(geo, method):
                _multiply(_outputs(g, geo, part), w, dx.reshape(1, -1, geo.C))
            else:
                columns = cupy.empty((geo.groups, part.images * part.rows * geo.OW, geo.columns), g.dtype)
                _multiply(_outputs(g, geo, part), w, columns)
                _add_columns(columns, dx, Windows.of(geo, part, geo.groups))
        return dx

    dx = _in_parts("conv2d_input_grad", geo, method, g.itemsize, product)
    return dx if masked_by is None else relu_mask(dx, masked_by)


def conv2d_weight_grad(x: Array, g: Array, geo: Geometry, method: str = "auto") -> Array:
    """The adjoint in w: dW = G.T @ X, summed over the parts."""
    cupy = library()
    x = _image("conv2d_weight_grad", "x", x, geo)
    g = _output("conv2d_weight_grad", "g", g, geo, x.dtype)

    def product(parts: list[Part]) -> Array:
        dw = cupy.zeros((geo.groups, geo.O // geo.groups, geo.columns), x.dtype)
        for part in parts:
            share = cupy.empty(dw.shape, dw.dtype)
            _multiply(_outputs(g, geo, part).transpose(0, 2, 1), _columns(x, geo, part, method), share)
            dw += share
        return dw

    dw = _in_parts("conv2d_weight_grad", geo, method, x.itemsize, product)
    return dw.reshape(geo.O, geo.KH, geo.KW, geo.C // geo.groups)


def conv2d_weight_bias_grad(x: Array, g: Array, geo: Geometry, method: str = "auto") -> tuple[Array, Array]:
    """The adjoints in w and b: dW, and db = the sum of g over all pixels."""
    return conv2d_weight_grad(x, g, geo, method), g.sum(axis=(0, 1, 2))


def _identity(geo: Geometry, method: str) -> bool:
    """Is the matrix of x the memory of x? With groups, cuBLAS would want their channels apart."""
    return geo.identity and geo.groups == 1 and method != "im2col"


def explain(geo: Geometry, itemsize: int) -> str:
    """Which path a convolution takes, and why, in one sentence."""
    if _identity(geo, "auto"):
        return (
            f"{geo.operation}: one matrix product ({geo.N * geo.OH * geo.OW} x {geo.C}) @ ({geo.C} x {geo.O}) by cuBLAS, "
            "without a copy, because im2col is the identity for a 1x1 kernel"
        )
    parts = _parts(geo, "auto", itemsize, BUDGET)
    why = f"it has {geo.groups} groups, whose channels cuBLAS wants apart" if geo.identity else geo.why_columns
    return (
        f"{geo.operation}: im2col by a CUDA kernel and a matrix product by cuBLAS in {len(parts)} part(s) of at most "
        f"{_mib(_workspace(geo, parts, itemsize))}, because {why}"
    )


def _in_parts(operation: str, geo: Geometry, method: str, itemsize: int, product: Callable[[list[Part]], Array]) -> Array:
    """``product`` of the parts whose columns fit into BUDGET; if the GPU's memory is too full for that, of smaller ones.

    Raises MemoryError, with what is needed and what is free, if the smallest do not fit either.
    """
    budget = BUDGET
    while True:
        parts = _parts(geo, method, itemsize, budget)
        try:
            return product(parts)
        except MemoryError as error:  # of CuPy, whose pool has given back what it did not need
            if budget <= LEAST or len(parts) == geo.N * geo.OH or _identity(geo, method):
                images = itemsize * max(geo.N * geo.OH * geo.OW * geo.O, geo.N * geo.H * geo.W * geo.C)
                columns = 0 if _identity(geo, method) else _workspace(geo, parts, itemsize)
                free, total = library().cuda.Device().mem_info
                raise MemoryError(
                    f"{operation}: the GPU's memory is full: {_mib(images)} of images and {_mib(columns)} to work in do not fit, "
                    f"{_mib(free)} of {_mib(total)} are free; take a smaller batch"
                ) from error
        budget //= 4


def _workspace(geo: Geometry, parts: list[Part], itemsize: int) -> int:
    """Bytes of the columns that live at one time."""
    return max((p.images * p.rows for p in parts), default=0) * itemsize * geo.OW * geo.columns * geo.groups


def _mib(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"


def _parts(geo: Geometry, method: str, itemsize: int, budget: int) -> list[Part]:
    """Without columns there is no workspace to bound: everything in one product."""
    if _identity(geo, method):
        return [geo.everything] if geo.N else []
    return geo.parts(itemsize, budget)


def _columns(x: Array, geo: Geometry, part: Part, method: str) -> Array:
    """x as a matrix for each group: (groups, windows, KH*KW*C/groups)."""
    if _identity(geo, method):
        return x.reshape(1, -1, geo.C)
    columns = library().empty((geo.groups, part.images * part.rows * geo.OW, geo.columns), x.dtype)
    launch("im2col", columns.size, x, columns, Windows.of(geo, part, geo.groups))
    return columns


def _add_columns(columns: Array, dx: Array, windows: Windows) -> None:
    """The adjoint of `_columns`: add them to the pixels of dx that they came from."""
    launch("col2im", windows.images * windows.height * windows.W * windows.C, columns, dx, windows)


def _outputs(y: Array, geo: Geometry, part: Part) -> Array:
    """y as a matrix for each group, (groups, windows, O/groups): always a view, since a part is connected memory."""
    block = y[part.n0 : part.n1, part.r0 : part.r1]
    return block.reshape(-1, geo.groups, geo.O // geo.groups).transpose(1, 0, 2)


def _multiply(a: Array, b: Array, out: Array) -> None:
    """out = a @ b for each group. With one group the matrices go to cuBLAS as they lie; with several CuPy copies some."""
    matmul = library().matmul
    if len(a) == 1:
        matmul(a[0], b[0], out=out[0])
    else:
        out[...] = matmul(a, b)


def im2col(x: Array, geo: Geometry, part: Part | None = None) -> Array:
    """One row for each window, the values that it sees: (windows, KH*KW*C). A ``part`` (of `Geometry.parts`) bounds the copy."""
    x, windows = _image("im2col", "x", x, geo), Windows.of(geo, part)
    columns = library().empty((windows.images * windows.rows * geo.OW, geo.KH * geo.KW * geo.C), x.dtype)
    launch("im2col", columns.size, x, columns, windows)
    return columns


def col2im(cols: Array, geo: Geometry, part: Part | None = None) -> Array:
    """The adjoint of im2col: an array (N, H, W, C) of zeros, to which every column value is added at its pixel."""
    windows = Windows.of(geo, part)
    cols = need("col2im", "cols", cols, (windows.images * windows.rows * geo.OW, geo.KH * geo.KW * geo.C))
    dx = library().zeros((geo.N, geo.H, geo.W, geo.C), cols.dtype)
    _add_columns(cols, dx, windows)
    return dx


# -------------------------------------------------------------------- pooling


def max_pool2d(x: Array, geo: Geometry, mark: bool = False, drop: Drop | None = None) -> tuple[Array, Array]:
    """(y, arg): the largest value of every window and its position; see `loops` for ties, NaN, ``mark`` and ``drop``."""
    cupy, x = library(), _image("max_pool2d", "x", x, geo)
    y = cupy.empty((geo.N, geo.OH, geo.OW, geo.C), x.dtype)
    arg = cupy.empty(y.shape, argmax_dtype(geo))
    launch(f"max_pool2d_{arg.itemsize}", y.size, x, y, arg, Windows.of(geo))
    if mark:
        arg |= (y <= 0) * np.uint8(MARK)
    if drop is not None:
        arg = cupy.where(dropout_keep(y.shape, *drop), arg, np.uint8(NOWHERE))
        y = dropout(y, *drop)
    return y, arg


def max_unpool2d(g: Array, arg: Array, geo: Geometry, scale: float = 1.0) -> Array:
    """The adjoint of `max_gather2d`, times ``scale``: g goes back to the pixel that ``arg`` names."""
    g = g if scale == 1 else g * g.dtype.type(scale)
    g, arg = _output("max_unpool2d", "g", g, geo), _output("max_unpool2d", "arg", arg, geo, argmax_dtype(geo))
    dx = library().empty((geo.N, geo.H, geo.W, geo.C), g.dtype)
    launch(f"max_unpool2d_{arg.itemsize}", dx.size, g, arg, dx, Windows.of(geo))
    return dx


def max_gather2d(x: Array, arg: Array, geo: Geometry) -> Array:
    """Read from each window the value at the position that ``arg`` names: max pooling with the choice already made."""
    x, arg = _image("max_gather2d", "x", x, geo), _output("max_gather2d", "arg", arg, geo, argmax_dtype(geo))
    y = library().empty(arg.shape, x.dtype)
    launch(f"max_gather2d_{arg.itemsize}", y.size, x, arg, y, Windows.of(geo))
    return y


def avg_pool2d(x: Array, geo: Geometry, divisor: Array) -> Array:
    """y = (sum of the window's values) / divisor; the divisor (OH, OW) may lie on the host."""
    x = _image("avg_pool2d", "x", x, geo)
    y = library().empty((geo.N, geo.OH, geo.OW, geo.C), x.dtype)
    launch("avg_pool2d", y.size, x, _divisor("avg_pool2d", divisor, geo, x.dtype), y, Windows.of(geo))
    return y


def avg_pool2d_input_grad(g: Array, geo: Geometry, divisor: Array, masked_by: Array | None = None) -> Array:
    """The adjoint of avg_pool2d: every pixel of a window gets g / divisor; ``masked_by`` as in `conv2d_input_grad`."""
    name = "avg_pool2d_input_grad"
    g = _output(name, "g", g, geo)
    dx = library().empty((geo.N, geo.H, geo.W, geo.C), g.dtype)
    launch(name, dx.size, g, _divisor(name, divisor, geo, g.dtype), dx, Windows.of(geo))
    return dx if masked_by is None else relu_mask(dx, masked_by)


def global_avg_pool2d(x: Array) -> Array:
    """(N, H, W, C) -> (N, 1, 1, C): the mean of every map."""
    x = need("global_avg_pool2d", "x", x, x.shape)
    n, h, w, c = x.shape
    y = library().empty((n, 1, 1, c), x.dtype)
    launch("global_avg_pool2d", y.size, x, y, c, h * w)
    return y


def _image(operation: str, name: str, x: Array, geo: Geometry) -> Array:
    return need(operation, name, x, (geo.N, geo.H, geo.W, geo.C))


def _output(operation: str, name: str, y: Array, geo: Geometry, dtype: Any = None) -> Array:
    return need(operation, name, y, (geo.N, geo.OH, geo.OW, geo.O), dtype)


def _weight(operation: str, w: Array, geo: Geometry, dtype: Any) -> Array:
    """(groups, O/groups, KH*KW*C/groups)."""
    w = need(operation, "w", w, (geo.O, geo.KH, geo.KW, geo.C // geo.groups), dtype)
    return w.reshape(geo.groups, geo.O // geo.groups, geo.columns)


def _divisor(operation: str, divisor: Array, geo: Geometry, dtype: Any) -> Array:
    if isinstance(divisor, np.ndarray):
        divisor = _kept(divisor.astype(dtype).tobytes(), divisor.shape, np.dtype(dtype), library().cuda.Device().id)
    return need(operation, "divisor", library().asarray(divisor, dtype), (geo.OH, geo.OW), dtype)


@lru_cache(maxsize=64)
def _kept(values: bytes, shape: tuple[int, ...], dtype: Any, device: int) -> Array:
    """Those values on the current device: copied there once, not in every step."""
    return library().asarray(np.frombuffer(values, dtype).reshape(shape))


# -------------------------------------------------------------------- dropout, bias and ReLU


def dropout_keep(shape: tuple[int, ...], p: float, seed: int, call: int, xp: Any = np) -> Array:
    """Which entries survive dropout: the hash of `loops`. Always a CuPy array, whatever ``xp``."""
    cupy = library()
    if p >= 1:
        return cupy.zeros(shape, np.bool_)
    keep = cupy.empty(shape, np.bool_)
    launch("dropout_keep", keep.size, keep, *_hash(p, seed, call))
    return keep


def dropout(x: Array, p: float, seed: int, call: int) -> Array:
    """x / (1 - p) where `dropout_keep` says so, else 0, in one pass; the adjoint is the same call on the cotangent."""
    x = need("dropout", "x", x, x.shape)
    if p >= 1:
        return library().zeros(x.shape, x.dtype)
    y = library().empty(x.shape, x.dtype)
    launch("dropout", y.size, x, y, *_hash(p, seed, call), 1 / (1 - p))
    return y


def _hash(p: float, seed: int, call: int) -> tuple[np.uint32, np.uint32]:
    """(key, threshold) for the kernels."""
    return np.uint32(loops.dropout_key(seed, call)), np.uint32(int(p * 2**32))


def bias_relu(y: Array, b: Array) -> Array:
    """max(y + b, 0) in place, b along the last axis; returns y."""
    b = need("bias_relu", "b", b, y.shape[-1:], y.dtype)
    launch("bias_relu", y.size, y, b, len(b))
    return y


def relu(x: Array) -> Array:
    """max(x, 0); NaN stays NaN."""
    return library().maximum(x, 0)


def relu_mask(g: Array, y: Array) -> Array:
    """The adjoint of ReLU: g where its value y is positive (or True), else 0."""
    cupy = library()
    if y.dtype != g.dtype or y.shape != g.shape:
        return cupy.where(y > 0, g, g.dtype.type(0))
    g, y = need("relu_mask", "g", g, g.shape), need("relu_mask", "y", y, g.shape, g.dtype)
    dx = cupy.empty(g.shape, g.dtype)
    launch("relu_mask", dx.size, g, y, dx)
    return dx


# -------------------------------------------------------------------- optimisers and loss


def sgd(p: Array, g: Array, v: Array | None, *, lr: float, momentum: float, keep: float, decay: float, nesterov: bool) -> None:
    """One step in place; see `strided.sgd`, which takes arrays with gaps or in another order."""
    if not _connected(p, v):
        strided.sgd(p, g, v, lr=lr, momentum=momentum, keep=keep, decay=decay, nesterov=nesterov)
        return
    g = need("sgd", "g", g, p.shape, p.dtype)
    if v is None:
        launch("sgd", p.size, p, g, float(lr), float(decay))
        return
    _same("sgd", p, v=v)
    launch("sgd_momentum", p.size, p, g, v, *(float(n) for n in (lr, decay, momentum, keep)), bool(nesterov))


def adam(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    scale: float,
    eps: float,
    decay: float,
    shrink: float,
) -> None:
    """One step in place; see `strided.adam`, which takes arrays with gaps or in another order."""
    if not _connected(p, m, v):
        settings = {"beta1": beta1, "beta2": beta2, "scale": scale, "eps": eps, "decay": decay, "shrink": shrink}
        strided.adam(p, g, m, v, lr=lr, **settings)
        return
    g = need("adam", "g", g, p.shape, p.dtype)
    _same("adam", p, m=m, v=v)
    numbers = (float(n) for n in (lr, 1 / scale, beta1, 1 - beta1, beta2, 1 - beta2, eps, decay, shrink))
    launch("adam", p.size, p, g, m, v, *numbers)


def _connected(*arrays: Array | None) -> bool:
    """Are all of these C-contiguous? A kernel that changes arrays in place can take no others."""
    return all(a is None or a.flags.c_contiguous for a in arrays)


def _same(operation: str, p: Array, **others: Array) -> None:
    """These arrays, which change in place, must be of p's shape and type."""
    for name, array in others.items():
        need(operation, name, array, p.shape, p.dtype)


def softmax_cross_entropy(logits: Array, labels: Array, ignore_index: int = -100) -> tuple[Array, Array]:
    """(loss (N), its gradient (N, C)): -log(softmax(logits)[label]) for each row (N, C), 0 where a label is ignored.

    Where a label is no class the loss is NaN, and `check_labels` raises. Nothing is read from the device here.
    """
    name, cupy = "softmax_cross_entropy", library()
    rows, classes = logits.shape
    logits = need(name, "logits", logits, (rows, classes))
    labels = need(name, "labels", labels, (rows,), labels.dtype)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"{name}: labels must be whole numbers, got {labels.dtype}")
    loss, grad = cupy.empty(rows, logits.dtype), cupy.empty(logits.shape, logits.dtype)
    labels = labels.astype(np.int64)
    launch(name, rows, logits, labels, loss, grad, _bad_labels(), np.int64(ignore_index), classes, rows=True)
    return loss, grad


_flags: dict[int, Array] = {}


def _bad_labels() -> Array:
    """The current device's flag, one int32 there: 0, or the number of classes of a loss that met a label that is no class."""
    cupy = library()
    here = cupy.cuda.Device().id
    if here not in _flags:
        _flags[here] = cupy.zeros(1, np.int32)
    return _flags[here]


def flag_labels(bad: Array, classes: int) -> None:
    """Set the flag if any of ``bad``, booleans on the device, is True: for losses that other kernels compute."""
    flag = _bad_labels()
    library().maximum(flag, bad.any() * np.int32(classes), out=flag)


def check_labels() -> None:
    """Raises IndexError if a loss met a label that is no class since the last check. Waits for the device."""
    for flag in _flags.values():
        if classes := int(flag.item()):
            flag.fill(0)
            raise IndexError(f"cross_entropy: a label is not one of the {classes} classes 0 to {classes - 1}")
