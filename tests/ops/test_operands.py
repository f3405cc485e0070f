"""What may stand beside a tensor: numbers and arrays of NumPy, lists, what is refused; and NumPy's functions of a tensor."""

from __future__ import annotations

import operator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

import ninx

BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.floordiv, operator.mod, operator.gt]
NUMBERS = [np.float64(2), np.float32(2), np.float16(2), np.int64(2), np.int32(2), np.uint8(2), np.bool_(True), np.array(2.0),
           np.array(2), np.array(2.0, np.float32), np.longdouble(2).astype(np.float64)]  # fmt: skip


@pytest.mark.parametrize("function", BINARY, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "uint8"])
def test_numpy_s_numbers_count_as_python_s(function: Any, dtype: str) -> None:
    """Also without dimensions, where NumPy would take the larger dtype of the two."""
    for entries in ([1, 2, 5], 3):
        x = ninx.tensor(np.array(entries, dtype))
        for number in NUMBERS:
            plain = number.item()
            for ours, expected in ((function(x, number), function(x, plain)), (function(number, x), function(plain, x))):
                assert isinstance(ours, ninx.Tensor)
                assert (ours.dtype, ours.tolist()) == (expected.dtype, expected.tolist()), (function, dtype, number)


@pytest.mark.parametrize("function", BINARY[:5], ids=lambda f: f.__name__)
def test_numpy_s_numbers_break_no_backward(function: Any) -> None:
    for number in [n for n in NUMBERS if n.dtype != np.bool_]:
        for swapped in (False, True):
            x = ninx.tensor(1.5, requires_grad=True)
            t = torch.tensor(1.5, requires_grad=True)
            y = function(number, x) if swapped else function(x, number)
            z = function(number.item(), t) if swapped else function(t, number.item())
            y.backward()
            z.backward()
            assert (y.dtype, x.grad.dtype) == (np.float32, np.float32)
            assert (y.item(), x.grad.item()) == pytest.approx((z.item(), t.grad.item()), rel=1e-6)


ODD = {
    "big-endian floats": np.array([1.5, 2.5], ">f4"),
    "big-endian whole numbers": np.array([1, 2], ">i8"),
    "matrix": np.array([[1.5, 2.5]]).view(np.matrix),
    "backwards": np.array([2.5, 1.5])[::-1],
    "read-only": np.broadcast_to(np.float32(1.5), (2,)),
    "half": np.array([1.5, 2.5], np.float16),
    "unsigned of 16 bits": np.array([1, 2], np.uint16),
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_odd_arrays_are_taken_for_what_they_hold(kind: str) -> None:
    array = ODD[kind]
    plain = np.array(np.asarray(array), array.dtype.newbyteorder("="))
    for make in (
        ninx.tensor,
        ninx.as_tensor,
        ninx.nn.Parameter,
        lambda a: ninx.zeros(a.shape, dtype=np.float16) + a,
        ninx.Tensor,
    ):
        if array.dtype.kind != "f" and make is ninx.nn.Parameter:
            continue
        x = make(array)
        if make is not ninx.Tensor:
            assert type(x.array) is np.ndarray
            assert x.dtype.isnative
        assert np.array_equal(np.asarray(x.detach()), plain)
    if array.dtype.isnative:
        shared = ninx.from_numpy(array)
        assert np.shares_memory(shared.array, array)


REFUSED = {
    "objects": np.array([1, None], object),
    "complex numbers": np.array([1j]),
    "dates": np.array(["2020-01-01"], "datetime64[D]"),
    "time spans": np.array([1], "timedelta64[s]"),
    "text": np.array(["a"]),
    "bytes": np.array([b"a"]),
    "records": np.zeros(1, [("a", int), ("b", float)]),
    "longdouble": np.zeros(1, np.longdouble),
    "masked": np.ma.masked_array([1.0, 2.0], [True, False]),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_arrays_that_are_no_numbers_are_refused_in_one_sentence(kind: str) -> None:
    words = {"longdouble": "not float128", "masked": "a masked array has no value where it is masked"}.get(kind, f"not {kind}")
    for make, name in [
        (ninx.tensor, "tensor"),
        (ninx.as_tensor, "as_tensor"),
        (ninx.from_numpy, "tensor"),
        (ninx.nn.Parameter, "tensor"),
        (lambda a: ninx.ones(1) + a, "add"),
        (lambda a: a * ninx.ones(1), "mul"),
        (ninx.exp, "exp"),
    ]:
        with pytest.raises(TypeError, match=f"^{name}: .*{words}"):
            make(REFUSED[kind])


def test_the_other_byte_order_cannot_share_memory() -> None:
    with pytest.raises(TypeError, match=r"from_numpy: an array of the other byte order \(big-endian\) cannot share"):
        ninx.from_numpy(ODD["big-endian floats"])


@pytest.mark.parametrize("odd", [None, "a", b"a", Fraction(1, 2), object(), {}, {1.0}], ids=lambda v: type(v).__name__)
def test_what_is_no_number_is_no_operand(odd: Any) -> None:
    x = ninx.ones(2)
    for name, call in [("add", lambda: x + odd), ("mul", lambda: odd * x if not isinstance(odd, str | bytes) else x * odd),
                       ("pow", lambda: x**odd), ("lt", lambda: x < odd), ("bitwise_and", lambda: x & odd),
                       ("maximum", lambda: ninx.maximum(x, odd)), ("exp", lambda: ninx.exp(odd)),
                       ("add", lambda: x.add_(odd))]:  # fmt: skip
        with pytest.raises(TypeError, match=f"^{name}: takes tensors, numbers, arrays and lists of numbers, not "):
            call()
    with pytest.raises(TypeError, match="mul: takes tensors, numbers, arrays and lists of numbers, not a complex"):
        x * 1j


def test_lists_are_operands_although_pytorch_has_none() -> None:
    """They count as numbers do, so float64 keeps its digits and float32 stays float32."""
    x = ninx.tensor([1.0, 2.0])
    assert (x * [1, 2]).tolist() == ([1, 2] * x).tolist() == [1, 4]
    assert (ninx.tensor([1, 2]) / [300, 400]).tolist() == pytest.approx([1 / 300, 2 / 400])
    with pytest.raises(ValueError, match="mul: the rows of a list have different lengths"):
        x * [[1, 2], [3]]


def test_functions_take_arrays_lists_and_numbers() -> None:
    for function in (ninx.exp, ninx.abs, ninx.neg, ninx.relu, ninx.sqrt, ninx.isnan, ninx.round, ninx.logical_not, ninx.sign):
        for given, dtype in (
            (np.ones(2), np.float64),
            (np.ones(2, np.float32), np.float32),
            ([1.0, 2.0], np.float32),
            (1.5, np.float32),
        ):
            if function is ninx.relu:
                given = ninx.as_tensor(given)
            y = function(given)
            expected = function(ninx.tensor(np.array(given, dtype) if not isinstance(given, ninx.Tensor) else given))
            assert (y.dtype, y.tolist()) == (expected.dtype, expected.tolist())
    assert ninx.maximum([1, 5], 3).tolist() == [3, 5]
    assert ninx.where([True, False], 1, 2).tolist() == [1, 2]


def test_a_number_beyond_float32_is_infinite() -> None:
    with np.errstate(over="ignore"):
        assert (ninx.ones(1) * 1e300).tolist() == [np.inf]


def test_dtypes_that_have_none_in_common_are_refused() -> None:
    with pytest.raises(TypeError, match="int64 and uint64 have no dtype in common; cast one with"):
        ninx.tensor(np.ones(1, np.uint64)) + ninx.tensor([1])


# -------------------------------------------------------------------- NumPy's functions

UFUNCS = [
    *("absolute", "arctan", "cos", "exp", "exp2", "expm1", "fabs", "floor", "ceil", "isfinite", "isinf", "isnan"),
    *("log", "log10", "log1p", "log2", "negative", "reciprocal", "rint", "sign", "sin", "sqrt", "square", "tan"),
    *("tanh", "trunc"),
]
OF_TWO = [
    *("add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "remainder", "floor_divide", "equal"),
    *("not_equal", "less", "less_equal", "greater", "greater_equal", "matmul"),
]
OF_BITS = ["bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift", "logical_and", "logical_or", "logical_xor"]


@pytest.mark.parametrize("name", UFUNCS)
def test_numpy_s_functions_of_a_tensor_are_ours(name: str) -> None:
    a = np.array([0.5, 1.25, 2.0])
    x = ninx.tensor(a, requires_grad=True)
    y = getattr(np, name)(x)
    assert isinstance(y, ninx.Tensor)
    np.testing.assert_allclose(y.detach().numpy(), getattr(np, name)(a))
    smooth = name not in ("floor", "ceil", "isfinite", "isinf", "isnan", "rint", "sign", "trunc")
    assert y.requires_grad == smooth  # the history is not lost in silence


@pytest.mark.parametrize("name", OF_TWO + OF_BITS)
def test_numpy_s_functions_of_an_array_and_a_tensor(name: str) -> None:
    dtype = np.int64 if name in OF_BITS else np.float64
    a, b = np.array([[6, 1], [4, 3]], dtype), np.array([[2, 1], [1, 3]], dtype)
    for left, right in ((a, ninx.tensor(b)), (ninx.tensor(a), b), (ninx.tensor(a), ninx.tensor(b))):
        y = getattr(np, name)(left, right)
        assert isinstance(y, ninx.Tensor)
        assert np.array_equal(y.array, getattr(np, name)(a, b))
    assert np.array_equal(np.invert(ninx.tensor([1, 2])).array, [-2, -3])


def test_an_array_changed_in_place_by_a_tensor_stays_an_array() -> None:
    a = b = np.ones(2)
    a += ninx.tensor([1.0, 2.0])
    assert a is b
    assert type(a) is np.ndarray
    assert a.tolist() == [2, 3]
    with pytest.raises(RuntimeError, match="requires grad"):
        a += ninx.ones(2, requires_grad=True)


def test_what_ninx_has_not_is_refused_in_one_sentence() -> None:
    x = ninx.ones(3)
    for call, words in [
        (lambda: np.arcsinh(x), r"np.arcsinh of a tensor is no operation of tensors; use .*np.arcsinh\(x.detach\(\).numpy\(\)\)"),
        (lambda: np.add.reduce(x), "np.add.reduce of a tensor is no operation of tensors"),
        (lambda: np.exp(x, where=np.array([True, False, True])), "np.exp of a tensor takes no options here"),
        (lambda: np.add(x, 1, out=x), "np.add of a tensor takes no options here"),
    ]:
        with pytest.raises(TypeError, match=words):
            call()


def test_a_library_that_asks_the_tensor_leaves_operators_to_it() -> None:
    """CuPy does so: only if ``__array_ufunc__`` of the tensor itself is None it calls our ``__rmul__``."""
    assert ninx.ones(1).__array_ufunc__ is None
    assert callable(type(ninx.ones(1)).__array_ufunc__)
