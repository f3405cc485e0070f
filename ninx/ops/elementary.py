"""Functions of one operand, entry by entry. Each derivative stands on the line of its value.

Whole numbers become float32 where the result is no whole number (``exp``), and keep their dtype where it is (``abs``).
"""

from __future__ import annotations

import math
from typing import Any

from ..array import xp_of
from ..engine import Tensor, record
from .operands import floating, operand


def _counted(operation: str, x: Any) -> Tensor:
    """``x`` as a tensor of numbers: truth values are refused, as in PyTorch."""
    t = operand(operation, x)
    if t.array.dtype.kind == "b":
        raise TypeError(f"{operation}: takes no booleans; use ~mask or logical_not to invert a mask, .int() for numbers")
    return t


def neg(x: Tensor) -> Tensor:
    """-x. Adjoint: -g. Raises TypeError for booleans, as do `abs`, `round`, `floor`, `ceil` and `trunc`.

    >>> -ninx.tensor([1, -2])
    tensor([-1,  2])
    """
    x = _counted("neg", x)
    return record(-x.array, (x, lambda g: -g))


def abs(x: Tensor) -> Tensor:
    """|x|. Adjoint: g * sign(x), which is 0 at 0.

    >>> ninx.abs(ninx.tensor([-1.0, 2.0]))
    tensor([1., 2.])
    """
    x = _counted("abs", x)
    return record(xp_of(x.array).abs(x.array), (x, lambda g: g * sign(x)))


def sign(x: Tensor) -> Tensor:
    """-1, 0 or 1; its derivative is 0.

    >>> ninx.sign(ninx.tensor([-3.0, 0.0, 2.0]))
    tensor([-1.,  0.,  1.])
    """
    x = operand("sign", x)
    return record(x.array.copy(order="K") if x.array.dtype.kind == "b" else xp_of(x.array).sign(x.array))


# -------------------------------------------------------------------- roots and powers


def square(x: Tensor) -> Tensor:
    """x ** 2.

    >>> ninx.square(ninx.tensor([-2.0, 3.0]))
    tensor([4., 9.])
    """
    x = operand("square", x)
    return x**2


def sqrt(x: Tensor) -> Tensor:
    """The square root, NaN below 0. Adjoint: g / (2 * sqrt(x)).

    >>> ninx.sqrt(ninx.tensor([4.0, 9.0]))
    tensor([2., 3.])
    """
    x = floating(x, "sqrt")
    return record(xp_of(x.array).sqrt(x.array), (x, lambda g, y: g / (2 * y)))


def rsqrt(x: Tensor) -> Tensor:
    """1 / sqrt(x), NaN below 0. Adjoint: -g / 2 * y^3.

    >>> ninx.rsqrt(ninx.tensor([4.0, 0.25]))
    tensor([0.5000, 2.0000])
    """
    x = floating(x, "rsqrt")
    return record(1 / xp_of(x.array).sqrt(x.array), (x, lambda g, y: g * y**3 * -0.5))


def reciprocal(x: Tensor) -> Tensor:
    """1 / x. Adjoint: -g * y^2.

    >>> ninx.reciprocal(ninx.tensor([2.0, 4.0]))
    tensor([0.5000, 0.2500])
    """
    x = floating(x, "reciprocal")
    return record(1 / x.array, (x, lambda g, y: -g * y * y))


# -------------------------------------------------------------------- exponentials and logarithms


def exp(x: Tensor) -> Tensor:
    """e ** x, element by element. Adjoint: g * exp(x).

    >>> ninx.exp(ninx.tensor([0.0, 1.0]))
    tensor([1.0000, 2.7183])
    """
    x = floating(x, "exp")
    return record(xp_of(x.array).exp(x.array), (x, lambda g, y: g * y))


def exp2(x: Tensor) -> Tensor:
    """2 ** x, element by element. Adjoint: g * 2**x * log(2).

    >>> ninx.exp2(ninx.tensor([0.0, 3.0]))
    tensor([1., 8.])
    """
    x = floating(x, "exp2")
    return record(xp_of(x.array).exp2(x.array), (x, lambda g, y: g * y * math.log(2)))


def expm1(x: Tensor) -> Tensor:
    """e ** x - 1, exact also near 0. Adjoint: g * e**x.

    >>> ninx.expm1(ninx.tensor([0.0, 1.0]))
    tensor([0.0000, 1.7183])
    """
    x = floating(x, "expm1")
    return record(xp_of(x.array).expm1(x.array), (x, lambda g, y: g * (y + 1)))


def log(x: Tensor) -> Tensor:
    """The natural logarithm, NaN below 0. Adjoint: g / x.

    >>> ninx.log(ninx.tensor([1.0, 10.0]))
    tensor([0.0000, 2.3026])
    """
    x = floating(x, "log")
    return record(xp_of(x.array).log(x.array), (x, lambda g: g / x))


def log2(x: Tensor) -> Tensor:
    """The logarithm to base 2, NaN below 0. Adjoint: g / (x * log(2)).

    >>> ninx.log2(ninx.tensor([1.0, 8.0]))
    tensor([0., 3.])
    """
    x = floating(x, "log2")
    return record(xp_of(x.array).log2(x.array), (x, lambda g: g / (x * math.log(2))))


def log10(x: Tensor) -> Tensor:
    """The logarithm to base 10, NaN below 0. Adjoint: g / (x * log(10)).

    >>> ninx.log10(ninx.tensor([1.0, 1000.0]))
    tensor([0., 3.])
    """
    x = floating(x, "log10")
    return record(xp_of(x.array).log10(x.array), (x, lambda g: g / (x * math.log(10))))


def log1p(x: Tensor) -> Tensor:
    """log(1 + x), exact also near 0. Adjoint: g / (1 + x).

    >>> ninx.log1p(ninx.tensor([0.0, 1.0]))
    tensor([0.0000, 0.6931])
    """
    x = floating(x, "log1p")
    return record(xp_of(x.array).log1p(x.array), (x, lambda g: g / (1 + x)))


# -------------------------------------------------------------------- angles, and curves like an S


def sin(x: Tensor) -> Tensor:
    """The sine of an angle in radians. Adjoint: g * cos(x).

    >>> ninx.sin(ninx.tensor([0.0, np.pi / 2]))
    tensor([0., 1.])
    """
    x = floating(x, "sin")
    return record(xp_of(x.array).sin(x.array), (x, lambda g: g * cos(x)))


def cos(x: Tensor) -> Tensor:
    """The cosine of an angle in radians. Adjoint: -g * sin(x).

    >>> ninx.cos(ninx.tensor([0.0, np.pi]))
    tensor([ 1., -1.])
    """
    x = floating(x, "cos")
    return record(xp_of(x.array).cos(x.array), (x, lambda g: -g * sin(x)))


def tan(x: Tensor) -> Tensor:
    """The tangent of an angle in radians. Adjoint: g * (1 + tan(x)^2).

    >>> ninx.tan(ninx.tensor([0.0, np.pi / 4]))
    tensor([0., 1.])
    """
    x = floating(x, "tan")
    return record(xp_of(x.array).tan(x.array), (x, lambda g, y: g * (1 + y * y)))


def atan(x: Tensor) -> Tensor:
    """The angle, between -pi/2 and pi/2, whose tangent is x. Adjoint: g / (1 + x^2).

    >>> ninx.atan(ninx.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7854])
    """
    x = floating(x, "atan")
    return record(xp_of(x.array).arctan(x.array), (x, lambda g: g / (1 + x * x)))


def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent, between -1 and 1. Adjoint: g * (1 - tanh(x)^2).

    >>> ninx.tanh(ninx.tensor([-1.0, 0.0, 10.0]))
    tensor([-0.7616,  0.0000,  1.0000])
    """
    x = floating(x, "tanh")
    return record(xp_of(x.array).tanh(x.array), (x, lambda g, y: g * (1 - y * y)))


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + e^-x), computed so that neither end overflows. Adjoint: g * y * (1 - y).

    >>> ninx.sigmoid(ninx.tensor([-1000.0, 0.0, 2.0]))
    tensor([0.0000, 0.5000, 0.8808])
    """
    x = floating(x, "sigmoid")
    xp = xp_of(x.array)
    small = xp.exp(-xp.abs(x.array))  # at most 1
    return record(xp.where(x.array >= 0, 1, small) / (1 + small), (x, lambda g, y: g * y * (1 - y)))


# -------------------------------------------------------------------- to whole numbers: the derivative is 0


def round(x: Tensor, decimals: int = 0) -> Tensor:
    """The nearest whole number, a half to the even one; or so many ``decimals``. Its derivative is 0.

    >>> ninx.round(ninx.tensor([0.5, 1.5, -1.7]))
    tensor([ 0.,  2., -2.])
    """
    x = _counted("round", x)
    return record(xp_of(x.array).round(x.array, decimals) if x.array.dtype.kind == "f" else x.array.copy(order="K"))


def floor(x: Tensor) -> Tensor:
    """The largest whole number that is not above x. Its derivative is 0.

    >>> ninx.floor(ninx.tensor([1.7, -1.7]))
    tensor([ 1., -2.])
    """
    x = _counted("floor", x)
    return record(xp_of(x.array).floor(x.array))


def ceil(x: Tensor) -> Tensor:
    """The smallest whole number that is not below x. Its derivative is 0.

    >>> ninx.ceil(ninx.tensor([1.2, -1.2]))
    tensor([ 2., -1.])
    """
    x = _counted("ceil", x)
    return record(xp_of(x.array).ceil(x.array))


def trunc(x: Tensor) -> Tensor:
    """x without its digits behind the point: cut off towards 0. Its derivative is 0.

    >>> ninx.trunc(ninx.tensor([1.7, -1.7]))
    tensor([ 1., -1.])
    """
    x = _counted("trunc", x)
    return record(xp_of(x.array).trunc(x.array))


# -------------------------------------------------------------------- questions


def isnan(x: Tensor) -> Tensor:
    """Which entries are NaN?

    >>> ninx.isnan(ninx.tensor([1.0, float("nan")]))
    tensor([False,  True])
    """
    x = operand("isnan", x)
    return record(xp_of(x.array).isnan(x.array))


def isinf(x: Tensor) -> Tensor:
    """Which entries are infinite, of either sign?

    >>> ninx.isinf(ninx.tensor([1.0, float("inf"), -float("inf")]))
    tensor([False,  True,  True])
    """
    x = operand("isinf", x)
    return record(xp_of(x.array).isinf(x.array))


def isfinite(x: Tensor) -> Tensor:
    """Which entries are neither infinite nor NaN?

    >>> ninx.isfinite(ninx.tensor([1.0, float("inf"), float("nan")]))
    tensor([ True, False, False])
    """
    x = operand("isfinite", x)
    return record(xp_of(x.array).isfinite(x.array))


absolute, negative, arctan = abs, neg, atan
