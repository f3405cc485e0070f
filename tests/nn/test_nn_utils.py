"""Gradients and parameters of a whole network: clipping and vectors, beside PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import ninx
from ninx import nn

pytestmark = pytest.mark.usefixtures("device")


def test_clip_grad_norm_equals_pytorch() -> None:
    for norm_type in (2.0, 1.0, float("inf")):
        for max_norm in (0.5, 1e6):
            grads = [np.random.default_rng(i).standard_normal((3, 4)) for i in range(3)]
            ours = [ninx.zeros(3, 4, dtype=np.float64, requires_grad=True) for _ in grads]
            theirs = [torch.zeros(3, 4, dtype=torch.float64, requires_grad=True) for _ in grads]
            for p, q, g in zip(ours, theirs, grads, strict=True):
                p.grad, q.grad = ninx.tensor(g), torch.tensor(g)
            norm = nn.clip_grad_norm_(ours, max_norm, norm_type)
            assert norm.item() == pytest.approx(torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type).item(), rel=1e-12)
            for p, q in zip(ours, theirs, strict=True):
                np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-12)
    assert nn.clip_grad_norm_([ninx.zeros(3, requires_grad=True)], 1.0).item() == 0  # there is no gradient at all
    ours[0].grad.fill_(float("nan"))
    nn.clip_grad_norm_(ours, 1.0)
    assert np.isnan(ours[1].grad.array).all()  # as in PyTorch: not a mixture of clipped and unclipped
    with pytest.raises(RuntimeError, match="norm of the gradients is nan"):
        nn.clip_grad_norm_(ours, 1.0, error_if_nonfinite=True)


def with_gradients(*grads: Any, dtype: Any = np.float32) -> list[ninx.Tensor]:
    parameters = []
    for values in grads:
        array = np.asarray(values, dtype)
        parameters.append(ninx.zeros(array.shape, dtype=dtype, requires_grad=True))
        parameters[-1].grad = ninx.tensor(array)
    return parameters


@pytest.mark.parametrize("norm_type", [2.0, 1, 0.5, 3.0, "inf", float("inf")])
@pytest.mark.parametrize("scale", [1.0, 1e25, 1e30, 1e-30])
def test_large_and_small_gradients_are_measured_rightly(scale: float, norm_type: Any) -> None:
    """Their squares overflow in float32, or vanish; float64 has room for them."""
    values = np.array([3.0, -4.0, 0.5, 0.0]) * scale
    truth = float(np.linalg.norm(values, float(norm_type)))
    parameters = with_gradients(values[:2], values[2:], np.zeros((0, 3)))
    total = nn.utils.clip_grad_norm_(iter(parameters), truth / 2, norm_type)
    assert total.dtype == np.float32
    assert total.item() == pytest.approx(truth, rel=1e-5)
    if scale > 1e-20:  # the 1e-6 of the formula is larger than such gradients
        found = np.concatenate([p.grad.numpy() for p in parameters[:2]])
        np.testing.assert_allclose(found, values / 2, rtol=1e-5)


def test_float64_beyond_its_squares_and_a_norm_beyond_float32() -> None:
    (p,) = with_gradients([3e200, 4e200], dtype=np.float64)
    assert nn.utils.clip_grad_norm_(p, 1.0).item() == pytest.approx(5e200)
    np.testing.assert_allclose(p.grad.numpy(), [0.6, 0.8], rtol=1e-6)
    (p,) = with_gradients([3e38, 3e38])
    assert nn.utils.clip_grad_norm_(p, 1.0).item() == np.inf  # 4.2e38 is no float32, and yet the gradients are clipped rightly
    np.testing.assert_allclose(p.grad.numpy(), [0.5**0.5] * 2, rtol=1e-4)


def test_float16_gradients() -> None:
    (p,) = with_gradients([300.0, 400.0], dtype=np.float16)
    assert nn.utils.clip_grad_norm_([p], 100.0).item() == 500
    np.testing.assert_allclose(p.grad.numpy(), [60, 80], rtol=2e-3)


def test_infinite_gradients_are_pytorchs() -> None:
    (p,) = with_gradients([np.inf, 1.0])
    q = torch.zeros(2, requires_grad=True)
    q.grad = torch.tensor([np.inf, 1.0])
    assert nn.utils.clip_grad_norm_([p], 1.0).item() == torch.nn.utils.clip_grad_norm_([q], 1.0).item() == np.inf
    np.testing.assert_array_equal(p.grad.numpy(), q.grad.numpy())
    (p,) = with_gradients([np.inf, 1.0])
    with pytest.raises(RuntimeError, match="norm of the gradients is inf"):
        nn.utils.clip_grad_norm_([p], 1.0, 2.0, True)
    assert p.grad.tolist() == [np.inf, 1.0]


def test_clipping_by_value() -> None:
    (p,) = with_gradients([-3.0, 0.5, 7.0])
    held = p.grad
    nn.utils.clip_grad_value_([p], 2)
    assert held.tolist() == [-2, 0.5, 2]
    nn.utils.clip_grad_value_(p, 1)
    assert held.tolist() == [-1, 0.5, 1]


def test_parameters_as_a_vector_and_back() -> None:
    ours, theirs = (
        nn.Sequential(nn.Conv2d(2, 3, 2), nn.Linear(2, 3)),
        torch.nn.Sequential(torch.nn.Conv2d(2, 3, 2), torch.nn.Linear(2, 3)),
    )
    ours.load_state_dict(theirs.state_dict())
    vector, twin = nn.utils.parameters_to_vector(ours.parameters()), torch.nn.utils.parameters_to_vector(theirs.parameters())
    assert np.array_equal(vector.detach().numpy(), twin.detach().numpy())
    (vector**2).sum().backward()
    np.testing.assert_allclose(ours[0].weight.grad.numpy(), 2 * ours[0].weight.detach().numpy())
    nn.utils.vector_to_parameters(vector * 2, ours.parameters())
    torch.nn.utils.vector_to_parameters(twin * 2, theirs.parameters())
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert p.is_leaf
        assert np.array_equal(p.detach().numpy(), q.detach().numpy())
    before = ours[0].weight.tolist()
    with pytest.raises(ValueError, match=r"vector_to_parameters: needs a tensor of shape \(36,\), got \(35,\)"):
        nn.utils.vector_to_parameters(vector[:-1], ours.parameters())
    assert ours[0].weight.tolist() == before
    with pytest.raises(ValueError, match="there are no parameters"):
        nn.utils.parameters_to_vector([])
