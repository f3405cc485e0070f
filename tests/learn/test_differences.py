"""What strikes one first where an answer is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ninx import learn
from ninx.learn.child import Odd, decode, encode
from ninx.learn.comparing import difference, same

A = np.arange(1.0, 7).reshape(2, 3)
S = np.arange(1.0, 5).reshape(2, 2)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (A, A + 1e-12, True),
        (A, A + 1e-4, False),
        (A, A.tolist(), True),
        (A, A.ravel(), False),
        ((A, 1.0), [A.tolist(), 1], True),
        ((A, 1.0), (A,), False),
        ((A, 1.0), (A, 2.0), False),
        (2, 2.0, True),
        (np.float64(2), 2.0, True),
        ([2.0], 2.0, False),
        (np.nan, np.nan, True),
        (True, 1, True),
        (None, None, True),
        (None, A, False),
        (Odd("set"), Odd("set"), False),
        ("x", A, False),
        ([[1.0], [1.0, 2.0]], [[1.0], [1.0, 2.0]], True),
    ],
)
def test_same(one: Any, other: Any, equal: bool) -> None:
    assert same(one, other) is equal
    assert same(other, one) is equal


@pytest.mark.parametrize(
    ("expected", "got", "key", "words"),
    [
        (A, None, "returns_nothing", "return"),
        (A, Odd("set"), "wrong_type", "set, where array (2, 3)"),
        (A, [[1.0], [2.0, 3.0]], "wrong_type", "list"),
        (A, A.T, "shape_turned", "(3, 2) instead of (2, 3)"),
        (2.0, np.array([2.0]), "shape_ones", "(1,) instead of ()"),
        (A, A[:1], "shape", "(1, 3), and should have (2, 3)"),
        (A, A * np.nan, "not_a_number", "NaN"),
        (A, A * np.inf, "infinite", "infinity"),
        (A, A * 0, "zeros", "zeros"),
        (A, -A, "sign", "sign"),
        (A, A + 1e-6, "imprecise", "error 1.0e-06"),
        (S, S.T, "turned", "transpose"),
        (A, A / 4, "factor", "0.25 times"),
        (A, A + np.diag([0, 5, 0])[:2], "entries", "1 of 6 entries are wrong, the first at [1, 1]: 5 expected, 10 found"),
        (A, A + np.array([[1, 2, 3], [3, 2, 1]]), "all_wrong", "All 6 entries"),
        (2.0, 3.0, "value", "number is wrong"),
    ],
)
def test_difference(expected: Any, got: Any, key: str, words: str) -> None:
    with np.errstate(all="ignore"):
        found = difference(expected, got)
    said = learn.Verdict("03-im2col", found.key, {"part": "", **found.values}).say()
    assert (found.key, words in said) == (key, True), said
    assert said != learn.Verdict("03-im2col", found.key, {"part": "dw", **found.values}).say()


@pytest.mark.parametrize("value", [None, True, 3, 2.5, "text", [1, [2.0]], (1, (2,)), float("inf")])
def test_values_travel(value: Any) -> None:
    assert decode(encode(value)) == value
    assert type(decode(encode(value))) is type(value)


@pytest.mark.parametrize("dtype", ["f8", "f4", ">f8", "i8", "u1", "?", "c16"])
def test_arrays_travel(dtype: str) -> None:
    array = np.array([[0, 1, 2], [3, 4, 5]]).astype(dtype).T
    found = decode(encode(array))
    assert (found.dtype.str, found.shape) == (array.dtype.str, array.shape)
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("said", [{"array": ["O", [1], ""]}, {"array": ["<f8", [9], ""]}, {"pickle": "x"}, {"list": 3}, {}])
def test_what_is_no_value_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        decode(said)
