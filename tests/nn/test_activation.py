"""Activations against PyTorch: rectifiers, sigmoid and tanh, softmax, maxout."""

from __future__ import annotations

import math
from typing import Any

import devices
import numpy as np
import pytest
import strategies as some
import tables
import torch
import torch.nn.functional as T
from hypothesis import strategies as st
from oracle import Case, agree, at_most, distinct

import ninx
import ninx.functional as F
from ninx import ops

pytestmark = pytest.mark.usefixtures("device")


@st.composite
def channel_groups(draw: st.DrawFn) -> Any:
    """x (N, C, ...) and a divisor of C."""
    size, groups = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    return ((draw(st.integers(1, 4)), size * groups, *draw(some.shape(0, 3))),), {"pool_size": size}


def torch_maxout(x: torch.Tensor, pool_size: int) -> torch.Tensor:
    return x.unflatten(1, (-1, pool_size)).max(2).values


@st.composite
def sloped(draw: st.DrawFn) -> Any:
    """x (N, C, ...), and one slope or C of them."""
    c = draw(st.integers(2, 4))
    return ((draw(st.integers(1, 4)), c, *draw(some.shape(0, 2))), (draw(st.sampled_from([1, c])),)), {}


ONE = some.plain(some.one())
CASES = [
    # Where these two saturate, 1 - y has no digits left in float32: many entries, or small ones.
    Case("tanh", ops.tanh, torch.tanh, some.plain(some.one(3, smallest=3))),
    Case("tanh of few", ops.tanh, torch.tanh, ONE, at_most(2)),
    Case("sigmoid", ops.sigmoid, torch.sigmoid, some.plain(some.one(3, smallest=3))),
    Case("sigmoid of few", ops.sigmoid, torch.sigmoid, ONE, at_most(4)),
    Case("relu", ops.relu, torch.relu, ONE),
    Case("masked", lambda x: ops.masked(x, abs(x.array) > 1), lambda x: x * (abs(x.detach()) > 1), ONE),
    Case("elu", F.elu, T.elu, some.plain(some.one(3, smallest=3), alpha=st.sampled_from([1.0, 0.5])), at_most(4)),
    Case("silu", F.silu, T.silu, some.plain(some.one(3, smallest=3)), at_most(4)),
    Case("softplus", F.softplus, T.softplus, some.plain(some.one(3, smallest=3), beta=st.sampled_from([1.0, 2.0])), at_most(30)),
    Case("relu6", F.relu6, T.relu6, ONE),
    Case("hardtanh", F.hardtanh, T.hardtanh, some.plain(some.one(), min_val=st.just(-0.5), max_val=st.just(2.0))),
    Case("prelu", F.prelu, T.prelu, sloped()),
    Case("leaky_relu", F.leaky_relu, T.leaky_relu, some.plain(some.one(), negative_slope=st.sampled_from([0.01, 0.5, -1.0]))),
    # Where one entry of every row is far above the others, 1 - y has no digits left in float32: many rows.
    Case("softmax", F.softmax, T.softmax, some.along(least=4, smallest=3)),
    Case("log_softmax", F.log_softmax, T.log_softmax, some.along(least=3, smallest=3)),
    Case("maxout", F.maxout, torch_maxout, channel_groups(), distinct),
]

test_value_and_gradients = tables.agree_with_pytorch(CASES)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_closed_gate_lets_nothing_through(dtype: Any) -> None:
    """Not even 0 * inf, which is NaN: relu is as in PyTorch, and what dropout drops is 0."""
    x, g = np.array([-1.0, 0.0, 2.0, -3.0, 1.0], dtype), np.array([np.inf, np.nan, np.inf, -np.inf, np.nan], dtype)
    ours, theirs = ninx.from_numpy(x).requires_grad_(), torch.tensor(x, requires_grad=True)
    ops.relu(ours).backward(ninx.from_numpy(g))
    torch.relu(theirs).backward(torch.tensor(g))
    np.testing.assert_array_equal(ours.grad.numpy(), theirs.grad.numpy())  # NaN equals NaN here

    huge = ninx.full((64,), np.inf, dtype, requires_grad=True)
    y = F.dropout(huge, 0.5)
    y.backward(huge.detach())
    assert set(y.tolist()) == set(huge.grad.tolist()) == {0, np.inf}
    assert y.dtype == huge.grad.dtype == dtype


SHAPED = {  # by name: the activation in ninx and in PyTorch
    **{name: (getattr(F, name), getattr(T, name)) for name in ("relu", "relu6", "elu", "silu", "leaky_relu", "softplus")},
    "hardtanh": (F.hardtanh, T.hardtanh),
    "sigmoid": (F.sigmoid, torch.sigmoid),
    "tanh": (F.tanh, torch.tanh),
}


@pytest.mark.parametrize("name", SHAPED)
def test_nan_infinities_and_the_ends_of_the_range(name: str) -> None:
    """NaN stays NaN in every tier, and no gradient is NaN where PyTorch's is not."""
    array = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 88.0, -88.0, 1e30, -1e30, 20.0, 21.0, 6.0, -1.0, 1.0], np.float32)
    ours, theirs = SHAPED[name]
    t = torch.tensor(array, requires_grad=True)
    expected = theirs(t)
    expected.backward(torch.ones(len(array)))
    for tier in ["strided", devices.definition(), "fast"]:
        with ninx.use_kernels(tier), np.errstate(all="ignore"):
            x = ninx.from_numpy(array.copy()).requires_grad_()
            y = ours(x)
            y.backward(ninx.ones(len(array)))
        np.testing.assert_allclose(y.detach().numpy(), expected.detach().numpy(), rtol=1e-5, atol=1e-30)
        sound = np.isfinite(array) if name == "silu" else ~np.isnan(array)  # silu: inf * 0, of which PyTorch makes 0
        np.testing.assert_allclose(x.grad.numpy()[sound], t.grad.numpy()[sound], rtol=1e-5, atol=1e-30)


@pytest.mark.parametrize("function", [F.softmax, F.log_softmax])
@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 4), (2, 3, 4, 5)])
def test_without_dim_the_axis_is_pytorchs_and_there_is_a_warning(function: Any, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).standard_normal(shape)
    with pytest.warns(UserWarning, match="dim"):
        y = function(ninx.tensor(array))
    with pytest.warns(UserWarning, match="dim"):
        expected = getattr(T, function.__name__)(torch.tensor(array))
    np.testing.assert_allclose(y.numpy(), expected.numpy(), rtol=1e-12)
    assert function(ninx.tensor([1.0, 2.0]), dim=0, dtype=np.float64).dtype == np.float64


def test_sigmoid_does_not_overflow() -> None:
    x = np.array([-120.0, -100.0, 0.0, 100.0, 120.0, -5.0, 5.0, 1.0])  # e^120 is beyond float32
    agree(ops.sigmoid, torch.sigmoid, [x], np.random.default_rng(0))
    far = ninx.tensor([-1000.0, 1000.0, 1000.0], dtype=np.float64)  # e^1000 is beyond float64
    assert ops.sigmoid(far).tolist() == [0, 1, 1]


@pytest.mark.parametrize("function", [F.softmax, F.log_softmax])
def test_whole_numbers_are_softened_as_float32(function: Any) -> None:
    """As for every other function of floats; PyTorch refuses them here."""
    y = function(ninx.tensor([[1, 2], [3, 3]]), 1)
    assert y.dtype == np.float32
    assert y.tolist() == function(ninx.tensor([[1.0, 2.0], [3.0, 3.0]]), 1).tolist()


def test_maxout_gives_the_first_of_equal_values_the_gradient_and_hands_nan_on() -> None:
    x = ninx.tensor([[1.0, 1.0, 0.0, 2.0, 3.0, 3.0]], requires_grad=True)
    F.maxout(x, 3).backward(ninx.tensor([[5.0, 7.0]]))
    assert x.grad.numpy().tolist() == [[5.0, 0.0, 0.0, 0.0, 7.0, 0.0]]
    assert np.isnan(F.maxout(ninx.tensor([[1.0, math.nan, 2.0]]), 3).numpy()).all()


zeros = ninx.zeros
X = zeros(2, 3, 5, 5)
ERRORS: tables.Errors = [
    (lambda: F.maxout(X, 2), ValueError, "maxout: pool_size=2 must divide the channels, axis 1"),
    (lambda: F.maxout(zeros(6), 2), ValueError, r"maxout: pool_size=2 .* got \(6,\)"),
    (lambda: F.maxout(X, 0), ValueError, "maxout: pool_size=0"),
    (lambda: F.maxout(X, 1.5), ValueError, "maxout: pool_size must be a whole number, got 1.5"),
    (lambda: F.hardtanh(X, 2.0, 1.0), ValueError, "hardtanh: min_val must not be above max_val, got 2.0 and 1.0"),
    (
        lambda: F.prelu(X, zeros(2)),
        ValueError,
        r"prelu: weight must have 1 or 3 entries for input \(2, 3, 5, 5\), got shape \(2,\)",
    ),
    (
        lambda: F.prelu(zeros(3), zeros(3)),
        ValueError,
        r"prelu: weight must have 1 or 1 entries for input \(3,\), got shape \(3,\)",
    ),
    (lambda: F.prelu(zeros(3), zeros(2)), ValueError, r"prelu: weight must have 1 .* input \(3,\), got shape \(2,\)"),
    (lambda: F.softmax(X, 4), IndexError, r"softmax: dim 4 is out of range for a tensor of shape \(2, 3, 5, 5\)"),
    (lambda: F.log_softmax(X, -5), IndexError, "log_softmax: dim -5 is out of range"),
]

test_errors_name_the_operation_and_the_values = tables.raise_one_sentence(ERRORS)
