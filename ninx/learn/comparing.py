"""Are two answers the same, and if not, what strikes one first? Shapes, signs, factors: what goes wrong in any exercise."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .child import Odd

EXACT = {"rtol": 1e-7, "atol": 1e-9}
NEAR = {"rtol": 1e-3, "atol": 1e-5}


def numbers(value: Any) -> np.ndarray | None:
    """A value as an array of numbers; None for what is none, such as a text or a ragged list."""
    if isinstance(value, (np.ndarray, np.generic, bool, int, float)):
        return np.asarray(value)
    if isinstance(value, (list, tuple)):
        try:
            found = np.asarray(value)
        except ValueError:  # rows of several lengths
            return None
        return found if found.dtype.kind in "biufc" else None
    return None


def same(one: Any, other: Any) -> bool:
    """Equal but for rounding; lists, tuples and arrays of the same numbers count as equal."""
    a, b = numbers(one), numbers(other)
    if a is not None and b is not None:
        return a.shape == b.shape and _close(a, b)
    if isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)) and len(one) == len(other):
        return all(same(a, b) for a, b in zip(one, other, strict=True))
    return type(one) is type(other) and not isinstance(one, Odd) and bool(one == other)


def _close(a: np.ndarray, b: np.ndarray, rtol: float = EXACT["rtol"], atol: float = EXACT["atol"]) -> bool:
    with np.errstate(all="ignore"):
        return bool(np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True))


class Difference(NamedTuple):
    """The key of a sentence, and what is to be put into it."""

    key: str
    values: dict[str, Any]


def difference(expected: Any, got: Any) -> Difference:
    """What strikes one first where ``got`` is not what was expected."""
    if got is None:
        return Difference("returns_nothing", {})
    a, b = numbers(expected), numbers(got)
    if b is None or a is None:
        return Difference("wrong_type", {"wanted": _kind(expected), "kind": _kind(got)})
    if a.shape != b.shape:
        key = "shape_turned" if a.shape == b.shape[::-1] else "shape_ones" if a.size == b.size == 1 else "shape"
        return Difference(key, {"wanted": a.shape, "shape": b.shape})
    if np.isnan(b).any() and not np.isnan(a).any():
        return Difference("not_a_number", {})
    if np.isinf(b).any() and not np.isinf(a).any():
        return Difference("infinite", {})
    return _numbers(a, b)


def _numbers(a: np.ndarray, b: np.ndarray) -> Difference:
    """Of two arrays of one shape, without new NaN."""
    if not b.any():
        return Difference("zeros", {})
    if _close(a, -b):
        return Difference("sign", {})
    if _close(a, b, **NEAR):
        return Difference("imprecise", {"error": float(np.abs(a - b).max())})
    if a.ndim > 1 and a.shape == a.T.shape and _close(a.T, b):
        return Difference("turned", {})
    if (factor := _factor(a, b)) is not None:
        return Difference("factor", {"factor": f"{factor:.6g}"})
    wrong = ~np.isclose(a, b, rtol=EXACT["rtol"], atol=EXACT["atol"], equal_nan=True)
    values: dict[str, Any] = {"wrong": int(wrong.sum()), "all": a.size}
    if a.ndim == 0 or wrong.all():
        return Difference("all_wrong" if a.ndim else "value", values)
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    return Difference("entries", values | {"where": list(first), "wanted": f"{a[first]:.6g}", "got": f"{b[first]:.6g}"})


def _factor(a: np.ndarray, b: np.ndarray) -> float | None:
    """c, if all of b is c times a, and a has more than one number to tell it by."""
    a, b = a.ravel(), b.ravel()
    if np.count_nonzero(a) < 2 or not np.isfinite(a).all():
        return None
    k = int(np.abs(a).argmax())
    factor = float(b[k] / a[k])
    return factor if factor and _close(a * factor, b) else None


def _kind(value: Any) -> str:
    """What a value is, for a learner."""
    if isinstance(value, Odd):
        return str(value)
    if isinstance(value, tuple):
        return f"tuple of {len(value)}"
    return f"array {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
