"""Which dtype a result has: casts, mixtures and Python numbers, as in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from oracle import close, signed

import ninx
from ninx import ops


@pytest.mark.parametrize("old", [np.float32, np.float64])
@pytest.mark.parametrize("new", [np.float32, np.float64])
@pytest.mark.parametrize("cast", [ops.astype, ops.to])
def test_casting(old: Any, new: Any, cast: Any) -> None:
    rng = np.random.default_rng(0)
    array, g = signed(rng, (3, 4)).astype(old), signed(rng, (3, 4)).astype(new)
    x, reference = ninx.from_numpy(array).requires_grad_(), torch.tensor(array, requires_grad=True)
    (y := cast(x, np.dtype(new))).backward(ninx.from_numpy(g))
    (expected := reference.to(torch.tensor(g).dtype)).backward(torch.tensor(g))
    assert (y.dtype, x.grad.dtype) == (new, old)
    np.testing.assert_array_equal(y.detach().numpy(), expected.detach().numpy())  # a cast rounds, and there is one way to round
    np.testing.assert_array_equal(x.grad.numpy(), reference.grad.numpy())


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "matmul", "maximum"])
@pytest.mark.parametrize("other", [np.float32, np.int64, np.int8, np.bool_])
def test_mixed_dtypes_are_promoted_as_in_pytorch(name: str, other: Any) -> None:
    rng = np.random.default_rng(0)
    kind = np.float32 if other != np.float32 else np.float64
    a, b = signed(rng, (4, 4)).astype(kind), rng.integers(1, 3, (4, 4)).astype(other)
    x, reference = ninx.from_numpy(a).requires_grad_(), torch.tensor(a, requires_grad=True)
    if other == np.float32:
        twin = getattr(torch, name)(reference, torch.tensor(b).double())
    else:  # PyTorch's matmul takes no mixture: there the cast is written out
        twin = getattr(torch, name)(reference, torch.tensor(b).float())
    y = getattr(ops, name)(x, ninx.from_numpy(b))
    g = signed(rng, (4, 4)).astype(kind)
    y.backward(ninx.from_numpy(g))
    twin.backward(torch.tensor(g))
    close("value", y, twin, kind)
    close("gradient", x.grad, reference.grad, kind)


def test_numbers_take_the_dtype_of_the_tensor() -> None:
    x = ninx.tensor([1.5], dtype=np.float32)
    assert {(x + 1e-3).dtype, (1 - x).dtype, (x * np.float64(2)).dtype, (x / 3).dtype, (x**2.5).dtype, (2**x).dtype} == {x.dtype}
    whole = ninx.tensor([3])
    assert ((whole + 1).dtype, (whole * 2.5).dtype, (whole / 2).dtype) == (np.int64, np.float32, np.float32)
