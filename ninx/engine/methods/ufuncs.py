"""NumPy's functions of a tensor: ``np.sqrt(x)``, ``np.maximum(x, 0)``, and ``array * x``, which is ``np.multiply(array, x)``."""

from __future__ import annotations

from typing import Any

from .base import Base
from .deferred import ops

# By NumPy's name, where ours is another.
_NAMES = {
    "absolute": "abs",
    "arctan": "atan",
    "bitwise_invert": "bitwise_not",
    "divide": "div",
    "equal": "eq",
    "fabs": "abs",
    "greater": "gt",
    "greater_equal": "ge",
    "invert": "bitwise_not",
    "left_shift": "bitwise_left_shift",
    "less": "lt",
    "less_equal": "le",
    "multiply": "mul",
    "negative": "neg",
    "not_equal": "ne",
    "power": "pow",
    "right_shift": "bitwise_right_shift",
    "rint": "round",
    "subtract": "sub",
}
_SAME = {
    *("add", "bitwise_and", "bitwise_or", "bitwise_xor", "ceil", "cos", "exp", "exp2", "expm1", "floor", "floor_divide"),
    *("isfinite", "isinf", "isnan", "log", "log10", "log1p", "log2", "logical_and", "logical_not", "logical_or", "logical_xor"),
    *("matmul", "maximum", "minimum", "reciprocal", "remainder", "sign", "sin", "sqrt", "square", "tan", "tanh", "trunc"),
}


def _hand_over(x: Any, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
    """What NumPy calls for ``np.sqrt(x)`` and ``array * x``; the result is a tensor, and has its gradient.

    With ``out=`` an array (``array += x``) that is filled with the values; it is refused where a gradient is wanted.
    """
    name = ufunc.__name__
    if out is not None and not any(isinstance(o, Base) for o in out):
        arrays = [i.numpy() if isinstance(i, Base) else i for i in inputs]  # type: ignore[attr-defined]  # the Base is a Tensor
        return getattr(ufunc, method)(*arrays, out=out, **options)
    ours = _NAMES.get(name, name if name in _SAME else None)
    if method != "__call__" or options or out is not None or ours is None:
        what = f"np.{name}" if method == "__call__" else f"np.{name}.{method}"
        why = "takes no options here" if ours and method == "__call__" else "is no operation of tensors"
        raise TypeError(f"{what} of a tensor {why}; use an operation of ninx, or {what}(x.detach().numpy()) on the bare array")
    return getattr(ops, ours)(*inputs)


class _OnTheClass:
    """NumPy looks for the method on the class. CuPy asks the tensor itself, and leaves ``array * x`` to x if it finds None."""

    def __get__(self, x: Any, owner: type) -> Any:
        return _hand_over if x is None else None


class Ufuncs(Base):
    """NumPy's functions of each entry, handed over to `ops`."""

    __slots__ = ()
    __array_ufunc__ = _OnTheClass()
