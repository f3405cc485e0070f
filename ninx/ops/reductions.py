"""Sums, means, norms over axes. ``dim`` is an axis, several, or None or () for all; ``keepdim`` keeps them with size 1.

``axis`` and ``keepdims``, NumPy's names for the two, are taken as well.
"""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from ..array import Array, xp_of
from ..engine import Tensor, record
from .arithmetic import mul, pow
from .axes import Dims, axes_of, axis_of, named
from .choosing import where
from .elementary import abs, exp
from .extremes import amax, amin
from .joining import cat
from .operands import added, astype, broadcast_to, floating, operand
from .rearranging import flip
from .shapes import permute, reshape


def kept_shape(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """``shape`` with size 1 along ``axes``: the shape of a reduction with keepdim."""
    return (1,) * len(shape) if len(axes) == len(shape) else tuple([1 if i in axes else n for i, n in enumerate(shape)])


def _count(shape: tuple[int, ...], axes: tuple[int, ...]) -> int:
    return math.prod([shape[a] for a in axes])


def _floats(operation: str, x: Any, dtype: Any = None) -> Tensor:
    """x as a tensor of floats, or of ``dtype``; whole numbers and booleans are refused, as PyTorch refuses them."""
    t = operand(operation, x) if dtype is None else astype(operand(operation, x), dtype)
    if t.array.dtype.kind != "f":
        raise TypeError(f"{operation}: entries of {t.dtype} have no {operation} of that dtype; write x.float().{operation}(...)")
    return t


def sum(x: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None, **other: Any) -> Tensor:
    """The sum over ``dim`` (an axis, several, or None for all), in float64 for float32. Adjoint: every summand gets g.

    ``keepdim`` leaves a size of 1 where an axis was: (2, 3) over dim 1 becomes (2,), or (2, 1). The entries are cast to
    ``dtype`` first; without it the sum of whole numbers and booleans is int64.

    >>> x = ninx.tensor([[1, 2, 3], [4, 5, 6]])
    >>> x.sum(), x.sum(dim=0), x.sum(dim=1)
    (tensor(21), tensor([5, 7, 9]), tensor([ 6, 15]))
    """
    if other or keepdim is not False:
        dim, keepdim = named("sum", dim, keepdim, other)
    x = operand("sum", x) if dtype is None else astype(operand("sum", x), dtype)
    axes, shape = axes_of("sum", x, dim, all_of_none=True), x.array.shape
    if x.array.dtype.kind != "f":
        return record(x.array.sum(axis=axes, keepdims=keepdim, dtype=np.int64 if dtype is None else x.array.dtype))
    return record(
        added(x.array, axes, keepdim),
        (x, lambda g: broadcast_to(reshape(g, kept_shape(shape, axes)), shape)),
    )


def mean(x: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None, **other: Any) -> Tensor:
    """The mean over ``dim`` (an axis, several, or None for all; of nothing: NaN). Adjoint: every entry gets g / n.

    Raises TypeError for whole numbers and booleans, unless a ``dtype`` of floats is given.

    >>> ninx.tensor([[1.0, 2.0], [3.0, 4.0]]).mean(dim=0)
    tensor([2., 3.])
    """
    if other or keepdim is not False:
        dim, keepdim = named("mean", dim, keepdim, other)
    x = _floats("mean", x, dtype)
    axes, shape = axes_of("mean", x, dim, all_of_none=True), x.array.shape
    n = _count(shape, axes) or np.nan
    return record(
        _mean(x.array, axes, keepdim),
        (x, lambda g: broadcast_to(reshape(g / n, kept_shape(shape, axes)), shape)),
    )


def _mean(x: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    """The mean, NaN if it is that of nothing. The sum of float16 may be larger than any of them, so it is a float32."""
    wide = x.astype(np.float32) if x.dtype == np.float16 else x
    return (added(wide, axes, keepdims) / wide.dtype.type(_count(x.shape, axes) or np.nan)).astype(x.dtype, copy=False)


def var(
    x: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    **other: Any,
) -> Tensor:
    """The variance: sum of (x - mean)^2 / (n - correction). Adjoint: g * 2 (x - mean) / (n - correction).

    ``unbiased=False`` is another name of ``correction=0``; without either the correction is 1.

    >>> x = ninx.tensor([1.0, 2.0, 3.0])
    >>> x.var(), x.var(correction=0), x.var(0, False)
    (tensor(1.), tensor(0.6667), tensor(0.6667))
    """
    return _variance("var", x, dim, unbiased, keepdim, correction, other)


def _variance(operation: str, x: Tensor, dim: Any, unbiased: Any, keepdim: Any, correction: Any, other: dict[str, Any]) -> Tensor:
    if isinstance(dim, bool):  # x.var(False) is x.var(unbiased=False)
        dim, unbiased = None, dim
    if unbiased is not None:
        if not isinstance(unbiased, (bool, np.bool_)) or correction is not None:
            raise TypeError(
                f"{operation}: unbiased is True or False and stands for correction=1 or 0; "
                f"got unbiased={unbiased!r}, correction={correction!r}"
            )
        correction = int(unbiased)
    if other or keepdim is not False:
        dim, keepdim = named(operation, dim, keepdim, other)
    x = _floats(operation, x)
    axes = axes_of(operation, x, dim, all_of_none=True)
    kept = kept_shape(x.shape, axes)
    n = builtins.max(_count(x.shape, axes) - (1 if correction is None else correction), 0)
    wide = x.array.astype(np.float32) if x.array.dtype == np.float16 else x.array
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        centred = wide - _mean(wide, axes, True)
        value = (added(centred * centred, axes, keepdim) / wide.dtype.type(n)).astype(x.array.dtype, copy=False)

    def back(g: Tensor) -> Tensor:
        with np.errstate(invalid="ignore"):
            return reshape(g, kept) * (x - mean(x, axes, keepdim=True)) * (2 / n if n else np.inf)

    return record(value, (x, back), name="var")


def std(
    x: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    **other: Any,
) -> Tensor:
    """The standard deviation, sqrt(var); its derivative at 0, where all entries are equal, is 0. The arguments of `var`.

    >>> ninx.tensor([1.0, 2.0, 3.0]).std()
    tensor(1.)
    """
    return _root(_variance("std", x, dim, unbiased, keepdim, correction, other), "std")


def _root(v: Tensor, name: str) -> Tensor:
    """The square root, with the derivative 0 at 0."""
    return record(xp_of(v.array).sqrt(v.array), (v, lambda g, y: where(y == 0, 0.0, g / (2 * where(y == 0, 1.0, y)))), name=name)


def var_mean(x: Tensor, dim: Dims = None, unbiased: bool | None = None, keepdim: bool = False, **other: Any) -> Any:
    """(variance, mean) over ``dim``; the arguments of `var`.

    >>> ninx.var_mean(ninx.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    return var(x, dim, unbiased, keepdim, **other), _mean_beside(x, dim, keepdim, other)


def std_mean(x: Tensor, dim: Dims = None, unbiased: bool | None = None, keepdim: bool = False, **other: Any) -> Any:
    """(standard deviation, mean) over ``dim``; the arguments of `std`.

    >>> ninx.std_mean(ninx.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    return std(x, dim, unbiased, keepdim, **other), _mean_beside(x, dim, keepdim, other)


def _mean_beside(x: Tensor, dim: Dims, keepdim: bool, other: dict[str, Any]) -> Tensor:
    """The mean over the axes of a `var` with these arguments, some of which are not for it."""
    rest = {name: value for name, value in other.items() if name != "correction"}
    return mean(x, None if isinstance(dim, bool) else dim, keepdim, **rest)


def prod(x: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None, **other: Any) -> Tensor:
    """The product along ``dim``, or of all entries; that of nothing is 1, that of whole numbers int64.

    Floats are multiplied in pairs, these products in pairs again and so on: a derivative is a product of the other entries,
    and right where some are 0.

    >>> ninx.tensor([[1.0, 2.0], [3.0, 4.0]]).prod(dim=1)
    tensor([ 2., 12.])
    """
    if other or keepdim is not False:
        dim, keepdim = named("prod", dim, keepdim, other)
    x = operand("prod", x) if dtype is None else astype(operand("prod", x), dtype)
    axes = tuple(range(x.ndim)) if dim is None else axis_of("prod", x, dim)
    shape = kept_shape(x.shape, axes) if keepdim else tuple(n for i, n in enumerate(x.shape) if i not in axes)
    if x.array.dtype.kind != "f":
        return record(x.array.prod(axis=axes, keepdims=keepdim, dtype=np.int64 if dtype is None else x.array.dtype))
    rows = reshape(permute(x, (*axes, *(i for i in range(x.ndim) if i not in axes))), (_count(x.shape, axes), *shape))
    if not rows.shape[0]:
        return sum(rows, 0) + 1
    while (n := rows.shape[0]) > 1:
        pairs = rows[: n // 2] * rows[n // 2 : n - n % 2]
        rows = cat([pairs, rows[n - 1 :]]) if n % 2 else pairs
    return reshape(rows, shape)


def cumsum(x: Tensor, dim: int | None = None, *, dtype: Any = None, **other: Any) -> Tensor:
    """The sums of the first 1, 2, ... entries along ``dim``, in float64 for float32. Adjoint: the sums of the last ones of g.

    >>> ninx.tensor([1, 2, 3, 4]).cumsum(0)
    tensor([ 1,  3,  6, 10])
    """
    if other:
        dim, _ = named("cumsum", dim, False, other)
    if dim is None:
        raise TypeError("cumsum: say along which dim; for all entries in a row write x.flatten().cumsum(0)")
    x = operand("cumsum", x) if dtype is None else astype(operand("cumsum", x), dtype)
    if x.ndim == 0:
        axis_of("cumsum", x, dim)
        return reshape(cumsum(reshape(x, (1,)), 0, dtype=dtype), ())
    (axis,), kind = axis_of("cumsum", x, dim), x.array.dtype
    wide = {np.dtype(np.float32): np.float64, np.dtype(np.float16): np.float32}.get(kind, kind)
    if kind.kind != "f":
        return record(x.array.cumsum(axis=axis, dtype=np.int64 if dtype is None else kind))
    with np.errstate(over="ignore"):
        value = x.array.cumsum(axis=axis, dtype=wide).astype(kind, copy=False)
    return record(value, (x, lambda g: flip(cumsum(flip(g, axis), axis), axis)))


def norm(
    x: Tensor, p: float | str | None = "fro", dim: Dims = None, keepdim: bool = False, dtype: Any = None, **other: Any
) -> Tensor:
    """sum(|x|^p)^(1/p) over ``dim`` (an axis, several, or None for all), by default the Euclidean length, p = 2 or "fro".

    p = inf is the largest of the absolute values, -inf the smallest, 0 how many are not 0. The derivative at 0 is 0.

    Raises TypeError for whole numbers, ValueError for another p, such as "nuc".

    >>> x = ninx.tensor([[3.0, 4.0], [6.0, 8.0]])
    >>> x.norm(dim=1), x.norm(p=1), x.norm(float("inf"))
    (tensor([ 5., 10.]), tensor(21.), tensor(8.))
    """
    if other or keepdim is not False:
        dim, keepdim = named("norm", dim, keepdim, other)
    x = _floats("norm", x, dtype)
    axes = axes_of("norm", x, dim, all_of_none=True)
    if x.array.dtype == np.float16:  # whose squares are soon too large
        with np.errstate(over="ignore"):
            return astype(norm(astype(x, np.float32), p, axes, keepdim), np.float16)
    if p in ("fro", 2, None):
        return _root(sum(mul(x, x), axes, keepdim), "norm")
    if isinstance(p, str) or not isinstance(p, (int, float, np.number)):
        raise ValueError(f"norm: p is a number, inf, -inf or 'fro', the only matrix norm there is; got {p!r}")
    size = abs(x)
    if p in (np.inf, -np.inf):
        return amax(size, axes, keepdim) if p > 0 else amin(size, axes, keepdim)
    if p == 0:
        return astype(sum(x != 0, axes, keepdim), x.dtype)
    if p == 1:
        return sum(size, axes, keepdim)
    total = sum(where(x == 0, 0.0 if p > 0 else np.inf, pow(where(x == 0, 1.0, size), p)), axes, keepdim)
    return where(total == 0, 0.0, pow(where(total == 0, 1.0, total), 1 / p))


def logsumexp(x: Tensor, dim: Dims = None, keepdim: bool = False, **other: Any) -> Tensor:
    """log(sum(exp(x))) over ``dim``, with the largest entry taken out first. Adjoint: g * softmax(x).

    >>> ninx.tensor([100.0, 100.0]).logsumexp(dim=0)  # 100 + log(2), although e**100 overflows
    tensor(100.6931)
    """
    if other or keepdim is not False:
        dim, keepdim = named("logsumexp", dim, keepdim, other)
    x = floating(x)
    axes = axes_of("logsumexp", x, dim, all_of_none=True)
    xp, kept = xp_of(x.array), kept_shape(x.shape, axes)
    top = x.array.max(axis=axes, keepdims=True) if _count(x.shape, axes) else xp.zeros(kept, x.array.dtype)
    top = xp.where(xp.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):
        value = xp.log(added(xp.exp(x.array - top), axes, True)) + top

    def back(g: Tensor, y: Tensor) -> Tensor:
        with np.errstate(invalid="ignore"):  # the softmax of infinities is NaN
            return reshape(g, kept) * exp(x - reshape(y, kept))

    return record(value if keepdim else value.squeeze(axes), (x, back))
