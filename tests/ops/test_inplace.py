"""Every operation in place next to PyTorch: the same memory, the same history, the same refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import ninx

FORMS: dict[str, Callable[[Any, Any], Any]] = {
    **{name: lambda lib, x, f=f"{name}": getattr(x, f)() for name in (
        "neg_", "abs_", "square_", "sqrt_", "rsqrt_", "reciprocal_", "exp_", "log_", "sin_", "cos_", "tanh_", "sigmoid_", "relu_",
        "round_", "floor_", "ceil_", "trunc_", "zero_")},
    "add_": lambda lib, x: x.add_(x.detach() * 2, alpha=3),
    "sub_": lambda lib, x: x.sub_(1, alpha=2),
    "mul_": lambda lib, x: x.mul_(2.5),
    "div_": lambda lib, x: x.div_(3),
    "div_ rounded": lambda lib, x: x.div_(0.7, rounding_mode="floor"),
    "pow_": lambda lib, x: x.pow_(3),
    "floor_divide_": lambda lib, x: x.floor_divide_(0.7),
    "remainder_": lambda lib, x: x.remainder_(0.7),
    "clamp_": lambda lib, x: x.clamp_(0.6, 1.5),
    "clamp_ min": lambda lib, x: x.clamp_(min=0.6),
    "clip_": lambda lib, x: x.clip_(max=1.5),
    "clamp_min_": lambda lib, x: x.clamp_min_(0.6),
    "clamp_max_": lambda lib, x: x.clamp_max_(0.6),
    "masked_fill_": lambda lib, x: x.masked_fill_(x.detach() > 1, 7.0),
    "addcmul_": lambda lib, x: x.addcmul_(lib.full((4,), 2.0), lib.full((4,), 3.0), value=0.5),
    "addcdiv_": lambda lib, x: x.addcdiv_(lib.full((4,), 2.0), lib.full((4,), 3.0), value=0.5),
    "lerp_": lambda lib, x: x.lerp_(lib.full((4,), 2.0), 0.25),
    "fill_": lambda lib, x: x.fill_(3),
    "copy_": lambda lib, x: x.copy_(lib.tensor([1, 2, 3, 4])),
    "//=": lambda lib, x: x.__ifloordiv__(0.7),
    "%=": lambda lib, x: x.__imod__(0.7),
    "**=": lambda lib, x: x.__ipow__(2),
}  # fmt: skip
ENTRIES = [0.3, 0.9, 1.4, 2.6]


@pytest.mark.parametrize("name", [name for name in FORMS if name not in ("floor_divide_", "//=")])  # PyTorch records neither
def test_value_and_history(name: str) -> None:
    found = []
    for lib in (ninx, torch):
        w = lib.tensor(ENTRIES, requires_grad=True)
        x = w * 1
        y = FORMS[name](lib, x)
        assert y is x
        z = x * x + w
        z.sum().backward()
        found.append((x.tolist(), w.grad.tolist()))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-6)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-5)


@pytest.mark.parametrize("name", FORMS)
def test_without_history_the_memory_is_kept(name: str) -> None:
    for make in (lambda: ninx.tensor(ENTRIES), lambda: ninx.tensor(ENTRIES, requires_grad=True)):
        x, twin = make(), torch.tensor(ENTRIES)
        array = x.array
        with ninx.no_grad():
            assert FORMS[name](ninx, x) is x
        FORMS[name](torch, twin)
        assert x.array is array
        assert x.is_leaf
        np.testing.assert_allclose(x.tolist(), twin.tolist(), rtol=1e-6)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("lib", [ninx, torch], ids=["ninx", "torch"])
def test_a_leaf_that_requires_grad_refuses(name: str, lib: Any) -> None:
    with pytest.raises(RuntimeError, match="leaf"):
        FORMS[name](lib, lib.tensor(ENTRIES, requires_grad=True))


@pytest.mark.parametrize("name", ["normal_", "uniform_", "bernoulli_", "random_"])
def test_draws_in_place_leave_a_constant(name: str) -> None:
    for lib in (ninx, torch):
        w = lib.ones(3, requires_grad=True)
        x = w * 2
        getattr(x, name)()
        (x + w).sum().backward()
        assert w.grad.tolist() == [1, 1, 1]
        with pytest.raises(RuntimeError, match="leaf"):
            getattr(w, name)()
        getattr(w.data, name)()
        with lib.no_grad():
            getattr(w, name)()


@pytest.mark.parametrize("name", ["lerp_", "addcmul_", "masked_fill_", "clamp_"])
def test_other_operands_have_their_gradients(name: str) -> None:
    calls = {
        "lerp_": lambda x, a, b: x.lerp_(end=a, weight=b),
        "addcmul_": lambda x, a, b: x.addcmul_(a, b, value=2),
        "masked_fill_": lambda x, a, b: x.masked_fill_(x.detach() > 1, a.sum()),
        "clamp_": lambda x, a, b: x.clamp_(0, 1),
    }
    found = []
    for lib in (ninx, torch):
        leaves = [lib.tensor(v, requires_grad=True) for v in (ENTRIES, [1.0, 2.0, 3.0, 4.0], [0.5, 0.25, 2.0, 1.0])]
        x = leaves[0] * 1
        calls[name](x, *leaves[1:])
        (x * x).sum().backward()
        found.append([None if t.grad is None else t.grad.tolist() for t in leaves])
    for ours, theirs in zip(*found, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_what_does_not_fit_is_refused_and_changes_nothing() -> None:
    whole = ninx.tensor([4, 9])
    for call in (lambda: whole.sqrt_(), lambda: whole.exp_(), lambda: whole.div_(2), lambda: whole.add_(0.5)):
        with pytest.raises(TypeError, match=r"_: a value of dtype float32 does not fit in place into int64"):
            call()
    assert whole.tolist() == [4, 9]
    with pytest.raises(ValueError, match="fill_: one value for all"):
        ninx.zeros(2).fill_(ninx.ones(2))
    with pytest.raises(ValueError, match="masked_fill: one value for all"):
        ninx.zeros(2).masked_fill(ninx.tensor([True, False]), ninx.ones(2))
    with pytest.raises(TypeError, match="masked_fill: the mask must be boolean, not float32"):
        ninx.zeros(2).masked_fill(ninx.ones(2), 1)
