"""Whole numbers and booleans, entry by entry as PyTorch: small ones wrap around, bits, division by their rules, refusals."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import ninx

ENTRIES = {
    "uint8": [0, 1, 2, 200, 255],
    "int8": [-128, -7, -1, 1, 127],
    "int16": [-(2**15), -300, 1, 7, 2**15 - 1],
    "int32": [-(2**31), -7, 1, 300, 2**31 - 1],
    "int64": [-(2**63), -7, 1, 300, 2**63 - 1],
    "bool": [True, False, True, True, False],
}
NUMBERS = [True, 0, 1, 2, 3, -1, -7, 100, 200, 255, 256, 300, -200, -300, 2**31, 2**40, 2**63 - 1, 2.5, -0.5, 1e3]
ARITHMETIC = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow"]
BITS = ["and_", "or_", "xor", "lshift", "rshift"]
COMPARISONS = ["eq", "ne", "lt", "le", "gt", "ge"]
REFUSALS = (TypeError, ValueError, ZeroDivisionError)  # each in a sentence of ours; PyTorch's are RuntimeErrors for the most part


def answer(call: Callable[..., Any], *args: Any) -> tuple[str, Any]:
    """(dtype, entries), or ("refused", the error)."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's own, of casts
            y = call(*args)
    except (*REFUSALS, RuntimeError, NotImplementedError) as error:
        return "refused", error
    return str(y.dtype).removeprefix("torch."), y.tolist()


def same(ours: tuple[str, Any], theirs: tuple[str, Any], what: object, only: str = "") -> None:
    """The same answer, or both refuse, we in one sentence of our own. ``only``: who may answer although the other refuses."""
    if (theirs[0] == "refused" and only == "ours") or (ours[0] == "refused" and only == "theirs" and "pow: " in str(ours[1])):
        return
    if "refused" in (ours[0], theirs[0]):
        assert ours[0] == theirs[0], (what, ours, theirs)
        assert isinstance(ours[1], REFUSALS), (what, ours)
        assert ": " in str(ours[1]), (what, ours)  # "operation: what is wrong"
        return
    assert ours[0] == theirs[0], (what, ours, theirs)
    np.testing.assert_allclose(np.array(ours[1], float), np.array(theirs[1], float), rtol=2e-6, err_msg=str(what))


def one_sided(name: str, *dtypes: Any) -> str:
    """A mask less a number has an answer here; whole numbers to powers below 0 and masks to powers of masks have one there."""
    if name in ("sub", "isub") and ("bool" in dtypes or True in dtypes):
        return "ours"
    return "theirs" if name in ("pow", "ipow") else ""


@pytest.mark.parametrize("dtype", ENTRIES)
@pytest.mark.parametrize("name", ARITHMETIC + BITS + COMPARISONS)
def test_with_a_number_on_either_side(name: str, dtype: str) -> None:
    function = getattr(operator, name)
    array = np.array(ENTRIES[dtype], dtype)
    for number in NUMBERS:
        x, t = ninx.tensor(array), torch.from_numpy(array.copy())
        only = one_sided(name, dtype, number is True)
        same(answer(function, x, number), answer(function, t, number), (name, dtype, number), only)
        same(answer(function, number, x), answer(function, number, t), (name, number, dtype), only)


@pytest.mark.parametrize("second", ENTRIES)
@pytest.mark.parametrize("first", ENTRIES)
def test_with_a_tensor(first: str, second: str) -> None:
    a, b = np.array(ENTRIES[first], first), np.array(ENTRIES[second], second)
    for name in ARITHMETIC + BITS + COMPARISONS:
        function = getattr(operator, name)
        for other in (b, b[3:4].reshape(()), b if second == "bool" else np.abs(b | (b == 0))):
            ours = answer(function, ninx.tensor(a), ninx.tensor(other))
            theirs = answer(function, torch.from_numpy(a.copy()), torch.from_numpy(np.array(other)))
            same(ours, theirs, (name, a, other), one_sided(name, first, second))


def test_whole_powers() -> None:
    a, b = np.array([0, 1, -2, 3, 7], np.int16), np.array([0, 1, 2, 3, 40], np.int32)
    for power in (b, np.int8(3), b.astype(np.uint8)):
        ours, theirs = ninx.tensor(a) ** ninx.tensor(power), torch.tensor(a) ** torch.tensor(power)
        assert (str(ours.dtype), ours.tolist()) == (str(theirs.dtype)[6:], theirs.tolist())
    for power in (-1, ninx.tensor([-1])):
        with pytest.raises(ValueError, match="pow: a negative power of whole numbers is no whole number"):
            ninx.tensor([2]) ** power
    with pytest.raises(ValueError, match=r"pow: the number 300 does not fit into uint8 \(0 to 255\)"):
        ninx.tensor([2], dtype=np.uint8) ** 300


UNARY = ["neg", "abs", "sign", "square", "sqrt", "rsqrt", "reciprocal", "round", "floor", "ceil", "trunc", "log2", "log10",
         "log1p", "expm1", "exp2", "exp", "log", "sin", "cos", "tan", "atan", "isinf", "isnan", "isfinite", "sigmoid", "tanh",
         "bitwise_not", "logical_not", "relu"]  # fmt: skip


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_operand(name: str) -> None:
    for dtype, entries in ENTRIES.items():
        array = np.array(entries, dtype)
        ours = answer(getattr(ninx, name), ninx.tensor(array))
        theirs = answer(getattr(torch, name), torch.from_numpy(array.copy()))
        if name in ("sin", "cos", "tan") and dtype in ("int32", "int64"):
            continue  # of 2**31 radians no float32 knows the angle
        same(ours, theirs, (name, dtype), "ours" if name == "relu" else "")


IN_PLACE = ["iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow", "iand", "ior", "ixor", "ilshift", "irshift"]


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(name: str) -> None:
    """The same memory afterwards, and the same refusals of what does not fit into it."""
    for dtype, entries in ENTRIES.items():
        array = np.array(entries, dtype)
        for other in (True, 1, 3, 300, 2.5, np.array([1, 2, 3, 1, 2], np.int64), np.array([1, 2, 3, 1, 2], np.float32)):
            x, t = ninx.tensor(array), torch.from_numpy(array.copy())
            before = x.array
            tensor = isinstance(other, np.ndarray)
            ours = answer(getattr(operator, name), x, ninx.tensor(other) if tensor else other)
            theirs = answer(getattr(operator, name), t, torch.from_numpy(other) if tensor else other)
            same(ours, theirs, (name, dtype, other), one_sided(name, dtype, other is True))
            assert x.array is before


def test_what_does_not_fit_is_refused_where_it_would_be_stored() -> None:
    """PyTorch refuses these too. Beyond its minimum, a negative number for bytes wraps there, and is refused here."""
    u = ninx.tensor([1, 2], dtype=np.uint8)
    for store in (lambda v: u.fill_(v), lambda v: u.__setitem__(0, v), lambda v: ninx.where(u > 1, u, v),
                  lambda v: u.masked_fill(u > 1, v), lambda v: u.clamp(0, v), lambda v: ninx.full((2,), v, dtype=np.uint8),
                  lambda v: ninx.tensor([v], dtype=np.uint8), lambda v: ninx.maximum(u, v)):  # fmt: skip
        for number in (300, -300, 2**40):
            with pytest.raises(ValueError, match=rf"{number}.* does not fit into uint8|a number in .* does not fit into uint8"):
                store(number)
    assert u.tolist() == [1, 2]
    for number in (2**64, -(2**64)):
        with pytest.raises(ValueError, match=rf"add: the number {number} does not fit"):
            u + number


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["floordiv", "mod"])
def test_floats_are_divided_as_in_pytorch(name: str, dtype: str) -> None:
    values = np.array([-7.5, -6, -0.5, 0, 0.5, 6, 7.5, np.inf, -np.inf, np.nan], dtype)
    divisors = np.array([-2.5, -2, 0, 2, 2.5, np.inf, -np.inf, np.nan], dtype)
    a, b = (m.ravel() for m in np.meshgrid(values, divisors))
    function = getattr(operator, name)
    with np.errstate(all="ignore"):
        ours = function(ninx.tensor(a), ninx.tensor(b)).numpy()
    np.testing.assert_array_equal(ours, function(torch.tensor(a), torch.tensor(b)).numpy())
    assert (5.5 % ninx.tensor([2.0])).tolist() == [1.5]
    assert (7 // ninx.tensor([2.0])).tolist() == [3.0]


def test_rounding_modes_and_divmod() -> None:
    for entries in ([-7, 7, -6, 3], [-7.5, 7.5, -6.0, 0.0]):
        for divisor in (2, -3, 2.5):
            x, t = ninx.tensor(entries), torch.tensor(entries)
            for mode in (None, "floor", "trunc"):
                ours, theirs = ninx.div(x, divisor, rounding_mode=mode), torch.div(t, divisor, rounding_mode=mode)
                assert (str(ours.dtype), ours.tolist()) == (str(theirs.dtype)[6:], theirs.tolist())
            q, r = divmod(x, divisor)
            assert (q.tolist(), r.tolist()) == ((x // divisor).tolist(), (x % divisor).tolist())
            assert [v.tolist() for v in divmod(10, x + 0.25)] == [(10 // (x + 0.25)).tolist(), (10 % (x + 0.25)).tolist()]
    with pytest.raises(ValueError, match="div: rounding_mode must be None, 'trunc' or 'floor', got 'down'"):
        ninx.div(ninx.ones(1), 2, rounding_mode="down")


def test_alpha() -> None:
    for name in ("add", "sub", "add_", "sub_"):
        for entries, alpha in (([1, 2], 3), ([1.0, 2.0], 2.5), ([1.0, 2.0], 0)):
            x, t = ninx.tensor(entries), torch.tensor(entries)
            assert getattr(x, name)(x * 2, alpha=alpha).tolist() == getattr(t, name)(t * 2, alpha=alpha).tolist()
    with pytest.raises(TypeError, match=r"add: alpha=2.5 is for floats, not for int64"):
        ninx.add(ninx.tensor([1]), ninx.tensor([1]), alpha=2.5)


def test_bits_of_floats_and_booleans_that_have_none_are_refused() -> None:
    x, mask = ninx.ones(2), ninx.tensor([True, False])
    for call, words in [
        (lambda: x & 1, "bitwise_and: is for whole numbers and booleans, not floats; cast with .long"),
        (lambda: ~x, "bitwise_not: is for whole numbers and booleans, not floats"),
        (lambda: 1 | x, "bitwise_or: is for whole numbers and booleans, not floats"),
        (lambda: x << 1, "bitwise_left_shift: is for whole numbers, not floats"),
        (lambda: mask >> True, "bitwise_right_shift: is for whole numbers, not two booleans"),
        (lambda: -mask, "neg: takes no booleans; use ~mask"),
        (lambda: mask - mask, r"sub: booleans cannot be subtracted; use a \^ b"),
        (lambda: mask // mask, "floor_divide: booleans cannot be divided"),
        (lambda: mask**mask, "pow: booleans have no powers"),
    ]:
        with pytest.raises(TypeError, match=words):
            call()


def test_a_tensor_of_bytes_is_a_mask_when_it_is_an_index() -> None:
    """As in PyTorch, which warns that this is old; NumPy would pick the entries 1 and 0."""
    x, mask = ninx.tensor([5.0, 6.0, 7.0]), ninx.tensor([1, 0, 1], dtype=np.uint8)
    assert x[mask].tolist() == [5, 7]
    x[mask] = 0.0
    assert x.tolist() == [0, 6, 0]
    assert x[mask.long()].tolist() == [6, 0, 6]
