"""`ninx.autograd`: PyTorch's names for what the engine does, next to PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import autograd as theirs

import ninx
from ninx import autograd
from ninx.autograd import Variable


def test_the_names_are_the_engines_own() -> None:
    for name in ("grad", "no_grad", "enable_grad", "detect_anomaly", "gradcheck", "gradgradcheck", "inference_mode"):
        assert getattr(autograd, name) is getattr(ninx, name)
    assert ninx.autograd is autograd


def test_a_variable_is_a_tensor_on_the_same_memory() -> None:
    for make, variable, kind in ((ninx.ones, Variable, ninx.Tensor), (torch.ones, theirs.Variable, torch.Tensor)):
        x = make(2)
        w = variable(x, requires_grad=True)
        assert (w.requires_grad, x.requires_grad, type(w)) == (True, False, kind)
        assert isinstance(w, variable)
        assert isinstance(x, variable)
        assert not isinstance(3, variable)
        (variable(w * 2) * w).sum().backward()  # the first factor has no history
        assert w.grad.tolist() == [2, 2]
        variable(x)[0] = 5
        assert w.tolist() == [5, 1]


def test_what_a_variable_does_not_take() -> None:
    with pytest.raises(TypeError, match=r"volatile is gone \(from PyTorch too\); compute under `with ninx.no_grad\(\):`"):
        Variable(ninx.ones(1), volatile=True)
    with pytest.raises(TypeError, match=r"takes a Tensor, not a ndarray; ninx.from_numpy\(array\) makes one"):
        Variable(np.ones(2))
    with pytest.raises(TypeError, match=r"takes a Tensor, not a list; ninx.tensor\(data\) makes one"):
        Variable([1.0])
    with pytest.raises(RuntimeError, match="only floating-point tensors can require grad"):
        Variable(ninx.tensor([1]), requires_grad=True)


@pytest.mark.parametrize(
    "call",
    [
        lambda a, w, v: a.backward([w.sum(), (w * v).sum()]),
        lambda a, w, v: a.backward((w * v).sum()),
        lambda a, w, v: a.backward(w * v, v),
        lambda a, w, v: a.backward([w * v, w.sum()], [v, None]),
        lambda a, w, v: a.backward([w * v, w * w], grad_tensors=(v, v)),
        lambda a, w, v: a.backward((w * v).sum(), None, True),
    ],
)
def test_backward_of_several_tensors(call: object) -> None:
    found = []
    for library, make in ((autograd, ninx.tensor), (theirs, torch.tensor)):
        w = make([1.0, 2.0], requires_grad=True)
        call(library, w, make([3.0, 4.0]))
        found.append(w.grad.tolist())
    assert found[0] == found[1]


def test_backward_says_what_does_not_fit() -> None:
    w = ninx.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match="backward: 2 tensors, but 1 gradients were given"):
        autograd.backward([w.sum(), w.sum()], [ninx.tensor(1.0)])
    with pytest.raises(RuntimeError, match="only a scalar starts with gradient 1"):
        autograd.backward(w * 2)


def test_a_function_class_is_answered_with_record() -> None:
    with pytest.raises(TypeError, match=r"autograd.Function: Cube needs no class here; .* ninx.record\(value, "):

        class Cube(autograd.Function):
            pass
