"""The operations of `ninx.ops` on numbers, as operators of ONNX; those on shapes stand in shapes.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...ops.axes import named
from .building import Builder, Given, Value

ONE = {  # of one operand, in the dtype of the result
    "abs": "Abs",
    "atan": "Atan",
    "ceil": "Ceil",
    "cos": "Cos",
    "exp": "Exp",
    "floor": "Floor",
    "log": "Log",
    "neg": "Neg",
    "reciprocal": "Reciprocal",
    "sigmoid": "Sigmoid",
    "sign": "Sign",
    "sin": "Sin",
    "sqrt": "Sqrt",
    "tan": "Tan",
    "tanh": "Tanh",
}
TWO = {"maximum": "Max", "minimum": "Min", "mul": "Mul", "pow": "Pow", "matmul": "MatMul"}
COMPARED = {"eq": "Equal", "ge": "GreaterOrEqual", "gt": "Greater", "le": "LessOrEqual", "lt": "Less"}
LOGICAL = {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor"}
REDUCED = {"amax": "ReduceMax", "amin": "ReduceMin", "logsumexp": "ReduceLogSumExp", "mean": "ReduceMean", "sum": "ReduceSum"}


def _both(b: Builder, a: Given) -> list[str]:
    """The first two arguments, in the dtype of the result."""
    one, other, *_ = a.values()
    return [b.operand(t, a.made[0].dtype) for t in (one, other)]


def _unary(kind: str) -> Callable[[Builder, Given], str]:
    return lambda b, a: b.node(kind, b.operand(a.x, a.made[0].dtype))


def _binary(kind: str) -> Callable[[Builder, Given], str]:
    return lambda b, a: b.node(kind, *_both(b, a))


def _sum(kind: str) -> Callable[[Builder, Given], str]:
    """Add or Sub, with the factor alpha of the second."""

    def emit(b: Builder, a: Given) -> str:
        one, other = _both(b, a)
        if a["alpha"] != 1:
            other = b.node("Mul", other, b.operand(a["alpha"], a.made[0].dtype))
        return b.node(kind, one, other)

    return emit


def _div(b: Builder, a: Given) -> str:
    if a["rounding_mode"] is not None:
        raise b.refuse("with a rounding_mode has no operator in ONNX; write floor(a / b)")
    return b.node("Div", *_both(b, a))


def _compared(kind: str, negated: bool = False) -> Callable[[Builder, Given], str]:
    """A comparison in the dtype that both have in common."""

    def emit(b: Builder, a: Given) -> str:
        one, other, *_ = a.values()
        dtypes = [t.dtype for t in (one, other) if isinstance(t, Value)] or [np.dtype(np.float32)]
        common = max(dtypes, key=lambda d: (d.kind == "f", d.itemsize))
        y = b.node(kind, *(b.operand(t, common) for t in (one, other)))
        return b.node("Not", y) if negated else y

    return emit


def _logical(kind: str) -> Callable[[Builder, Given], str]:
    return lambda b, a: b.node(kind, *(b.operand(t, np.dtype(np.bool_)) for t in list(a.values())[:2]))


def _axes(a: Given) -> tuple[list[int], int]:
    """The axes of a reduction ([]: all of them), and whether they stay with size 1."""
    dim, keepdim = named("export", a["dim"], a["keepdim"], dict(a["other"]))
    return ([] if dim is None else [dim] if isinstance(dim, int) else list(dim)), int(keepdim)


def _reduce(b: Builder, kind: str, x: str, axes: list[int], keepdims: int) -> str:
    return b.node(kind, x, *([axes] if axes else []), keepdims=keepdims)


def _reduced(kind: str) -> Callable[[Builder, Given], str]:
    return lambda b, a: _reduce(b, kind, b.operand(a.x, a.made[0].dtype), *_axes(a))


def _argument(kind: str) -> Callable[[Builder, Given], str]:
    """ArgMax or ArgMin; without an axis, of all entries in a row."""

    def emit(b: Builder, a: Given) -> str:
        axes, keepdims = _axes(a)
        if not axes:
            if keepdims:
                raise b.refuse("of all entries with keepdim has no operator in ONNX; say dim")
            return b.node(kind, b.node("Reshape", a.x, [-1]), axis=0, keepdims=0)
        return b.node(kind, a.x, axis=axes[0], keepdims=keepdims)

    return emit


def _extreme(kind: str) -> Callable[[Builder, Given], Any]:
    """max and min: of all entries, of two tensors, or (values, indices) along an axis."""

    def emit(b: Builder, a: Given) -> Any:
        if isinstance(a["dim"], Value) or "other" in a["other"]:
            other = a["other"].get("other", a["dim"])
            return b.node(kind, *(b.operand(t, a.made[0].dtype) for t in (a.x, other)))
        axes, keepdims = _axes(a)
        values = _reduce(b, f"Reduce{kind}", a.x.name, axes, keepdims)
        return [values, b.node(f"Arg{kind}", a.x, axis=axes[0], keepdims=keepdims)] if len(a.made) > 1 else values

    return emit


def _round(b: Builder, a: Given) -> str:
    if a["decimals"]:
        raise b.refuse("to decimals has no operator in ONNX; write round(x * 10**d) / 10**d")
    return b.node("Round", a.x)


def _variance(b: Builder, a: Given) -> str:
    """The mean square of what is left of x without its mean, times n / (n - correction)."""
    dim, unbiased = (None, a["dim"]) if isinstance(a["dim"], bool) else (a["dim"], a["unbiased"])
    correction = int(unbiased) if unbiased is not None else 1 if a["correction"] is None else a["correction"]
    axes, keepdims = _axes(Given(a | {"dim": dim}))
    sizes = [a.x.shape[axis] for axis in axes or range(len(a.x.shape))]
    if not all(isinstance(n, int) for n in sizes):
        raise b.refuse("over the images is a number of a batch, not of an image")
    count = int(np.prod(np.asarray(sizes)))
    centred = b.node("Sub", a.x, _reduce(b, "ReduceMean", a.x.name, axes, 1))
    total = _reduce(b, "ReduceSum", b.node("Mul", centred, centred), axes, keepdims)
    variance = b.node("Div", total, b.operand(float(count - correction), a.x.dtype))
    return b.node("Sqrt", variance) if b.function == "std" else variance


def _norm(b: Builder, a: Given) -> str:
    if a["p"] not in ("fro", 2, None, 1) or a["dtype"] is not None:
        raise b.refuse(f"with p={a['p']} has no operator in ONNX; p=1 and p=2 have")
    return _reduce(b, "ReduceL1" if a["p"] == 1 else "ReduceL2", a.x.name, *_axes(a))


def _where(b: Builder, a: Given) -> str:
    if a["input"] is None or a["other"] is None:
        raise b.refuse("of a condition alone has a size that depends on the image; give the values too")
    condition = b.operand(a["condition"], np.dtype(np.bool_))
    return b.node("Where", condition, *(b.operand(a[name], a.made[0].dtype) for name in ("input", "other")))


def _clip(b: Builder, a: Given) -> str:
    """Clip between numbers; Max and Min where a bound has a value for each entry."""
    dtype, low, high = a.made[0].dtype, a["min"], a["max"]
    x = b.operand(a.x, dtype)
    if all(t is None or isinstance(t, (int, float)) for t in (low, high)):
        return b.node("Clip", x, *("" if t is None else b.operand(t, dtype) for t in (low, high)))
    for kind, bound in (("Max", low), ("Min", high)):
        x = x if bound is None else b.node(kind, x, b.operand(bound, dtype))
    return x


OPERATIONS: dict[str, Callable[[Builder, Given], Any]] = {
    **{name: _unary(kind) for name, kind in ONE.items()},
    **{name: _binary(kind) for name, kind in TWO.items()},
    **{name: _compared(kind) for name, kind in COMPARED.items()},
    **{name: _logical(kind) for name, kind in LOGICAL.items()},
    **{name: _reduced(kind) for name, kind in REDUCED.items()},
    "add": _sum("Add"),
    "argmax": _argument("ArgMax"),
    "argmin": _argument("ArgMin"),
    "astype": lambda b, a: b.cast(a.x.name, a.x.dtype, a.made[0].dtype),
    "clip": _clip,
    "div": _div,
    "logical_not": lambda b, a: b.node("Not", b.operand(a.x, np.dtype(np.bool_))),
    "max": _extreme("Max"),
    "min": _extreme("Min"),
    "ne": _compared("Equal", negated=True),
    "norm": _norm,
    "round": _round,
    "rsqrt": lambda b, a: b.node("Reciprocal", b.node("Sqrt", b.operand(a.x, a.made[0].dtype))),
    "square": lambda b, a: b.node("Mul", a.x, a.x),
    "std": _variance,
    "sub": _sum("Sub"),
    "var": _variance,
    "where": _where,
}
