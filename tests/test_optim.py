"""Optimisers and schedules, step by step beside PyTorch's."""

import copy

import numpy as np
import pytest
import torch

import ninx
from ninx import optim

pytestmark = pytest.mark.usefixtures("device")

RECIPES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("Adam", {}),
    ("Adam", {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.02, "weight_decay": 0.3}),
]


def _pairs(rng: np.random.Generator) -> tuple[list, list]:
    values = [rng.standard_normal(s) for s in ((3, 2), (4,), ())]
    return [ninx.tensor(v, requires_grad=True) for v in values], [torch.tensor(v, requires_grad=True) for v in values]


@pytest.mark.parametrize(("name", "settings"), RECIPES)
def test_twenty_steps_equal_pytorch(name: str, settings: dict) -> None:
    rng = np.random.default_rng(0)
    ours, theirs = _pairs(rng)
    a, b = getattr(optim, name)(ours, **settings), getattr(torch.optim, name)(theirs, **settings)
    for step in range(20):
        for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
            g = rng.standard_normal(p.shape)
            missing = i == 1 and step in (0, 7)  # a parameter without a gradient is left alone
            p.grad, q.grad = (None, None) if missing else (ninx.tensor(g), torch.tensor(g))
        a.step()
        b.step()
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-11)


def test_groups_have_settings_of_their_own() -> None:
    rng = np.random.default_rng(1)
    ours, theirs = _pairs(rng)
    groups = [[{"params": ps[:1], "lr": 0.5}, {"params": ps[1:], "weight_decay": 0.2}] for ps in (ours, theirs)]
    a, b = optim.SGD(groups[0], lr=0.1, momentum=0.5), torch.optim.SGD(groups[1], lr=0.1, momentum=0.5)
    for _ in range(3):
        for p, q in zip(ours, theirs, strict=True):
            g = rng.standard_normal(p.shape)
            p.grad, q.grad = ninx.tensor(g), torch.tensor(g)
        a.step()
        b.step()
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-12)


def test_the_parameters_of_all_groups_are_numbered_through() -> None:
    sizes, numbers = (1, 2, 3), []
    for library, zeros in ((optim, ninx.zeros), (torch.optim, torch.zeros)):
        groups = [{"params": [zeros(2, requires_grad=True) for _ in range(n)]} for n in sizes]
        numbers.append([g["params"] for g in library.SGD(groups, lr=0.1).state_dict()["param_groups"]])
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_state_dict_has_pytorchs_form_and_resumes(name: str) -> None:
    settings = {"lr": 0.1, "momentum": 0.9} if name == "SGD" else {"lr": 0.1}
    rng = np.random.default_rng(2)
    grads = [[rng.standard_normal(s) for s in ((3, 2), (4,), ())] for _ in range(6)]
    params, _ = _pairs(rng)
    whole = [ninx.tensor(p.detach(), requires_grad=True) for p in params]
    _run(getattr(optim, name)(whole, **settings), whole, grads)
    first = getattr(optim, name)(params, **settings)
    _run(first, params, grads[:3])
    saved = copy.deepcopy(first.state_dict())
    twins = [torch.zeros(p.shape, requires_grad=True) for p in params]
    theirs = getattr(torch.optim, name)(twins, **settings)
    sum(t.sum() for t in twins).backward()
    theirs.step()
    assert set(saved) == set(theirs.state_dict())
    assert {k: set(v) for k, v in saved["state"].items()} == {k: set(v) for k, v in theirs.state_dict()["state"].items()}
    second = getattr(optim, name)(params, lr=99.0)
    second.load_state_dict(saved)
    _run(second, params, grads[3:])
    for p, q in zip(params, whole, strict=True):
        assert np.array_equal(p.detach().numpy(), q.detach().numpy())


def _run(optimizer: optim.Optimizer, params: list, grads: list) -> None:
    for step in grads:
        for p, g in zip(params, step, strict=True):
            p.grad = ninx.tensor(g)
        optimizer.step()


def test_a_loaded_state_is_a_copy_in_the_layout_of_its_parameter() -> None:
    p = ninx.tensor(np.ones((4, 3)).T, requires_grad=True)
    optimizer = optim.Adam([p])
    settings = optimizer.state_dict()["param_groups"]
    saved = {"step": np.array(2.0), "exp_avg": np.ones((3, 4)), "exp_avg_sq": ninx.ones(3, 4)}
    optimizer.load_state_dict({"state": {"0": saved}, "param_groups": settings})
    state = optimizer.state[0]
    assert (state["step"], type(state["step"])) == (2, int)
    assert state["exp_avg"].strides == state["exp_avg_sq"].strides == p.array.strides
    p.grad = ninx.ones(3, 4, dtype=np.float64)
    optimizer.step()
    assert (saved["exp_avg"] == 1).all()
    assert (saved["exp_avg_sq"].array == 1).all()


def test_zero_grad_forgets_or_fills() -> None:
    p, q = ninx.ones(2, requires_grad=True), ninx.ones(2, requires_grad=True)
    optimizer = optim.SGD([p, q])
    (p * 3).sum().backward()
    kept = p.grad
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is kept
    assert (p.grad.tolist(), q.grad) == ([0, 0], None)
    optimizer.zero_grad()
    assert p.grad is None


def test_only_leaves_are_learnt() -> None:
    p = ninx.ones(2, requires_grad=True)
    for wrong in (p * 2, np.ones(2)):
        with pytest.raises(TypeError, match="SGD: parameters must be leaf tensors"):
            optim.SGD([wrong])


def test_closure_is_called_and_its_loss_returned() -> None:
    p = ninx.tensor([2.0], requires_grad=True)
    optimizer = optim.SGD([p], lr=0.1)

    def closure() -> ninx.Tensor:
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with ninx.no_grad():
        assert optimizer.step(closure).item() == 4
    assert p.item() == pytest.approx(1.6)


def test_a_step_is_seen_by_backward() -> None:
    """A graph built before the step needs the old weights: backward must not use the new ones silently."""
    p = ninx.tensor([2.0], requires_grad=True)
    y = (p * p).sum()
    p.grad = ninx.ones(1)
    optim.SGD([p], lr=0.1).step()
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


WHOLE = {"step": 1, "exp_avg": np.zeros(2), "exp_avg_sq": np.zeros(2)}


@pytest.mark.parametrize(
    ("state", "settings", "match"),
    [
        ({0: WHOLE | {"exp_avg": np.ones(3)}}, {}, r"state exp_avg of shape \(3,\) for parameter 0, of shape \(2,\)"),
        ({0: WHOLE | {"exp_avg": np.array(1.0)}}, {}, r"state exp_avg of shape \(\) for parameter 0, of shape \(2,\)"),
        ({0: WHOLE | {"exp_avg": 3}}, {}, r"state exp_avg of shape None for parameter 0, of shape \(2,\)"),
        ({0: {"step": 1, "exp_avg": np.zeros(2)}}, {}, r"the state of parameter 0 lacks exp_avg_sq"),
        ({1: WHOLE}, {}, "state of a parameter 1, but there are 1"),
        ({-1: WHOLE}, {}, "state of a parameter -1, but there are 1"),
        ({}, {"params": [0, 1]}, r"groups of \[2\] parameters given, \[1\] wanted"),
        ({}, {"lr": "0.1"}, "setting lr = '0.1' is not like 0.001"),
        ({}, {"betas": [0.9]}, r"setting betas = \[0.9\] is not like \(0.9, 0.999\)"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(state: dict, settings: dict, match: str) -> None:
    """One of a damaged file, or of another optimiser. The kernels believe its arrays, and would write beyond them."""
    optimizer = optim.Adam([ninx.zeros(2, requires_grad=True)])
    before = optimizer.state_dict()
    with pytest.raises(ValueError, match=r"Adam\.load_state_dict: " + match):
        optimizer.load_state_dict({"state": state, "param_groups": [{"params": [0]} | settings]})
    assert optimizer.state_dict() == before, "half of it was taken"


def test_an_empty_place_of_pytorchs_state_is_one_that_is_not_begun() -> None:
    """Its older versions wrote None for the momentum of an SGD that has none."""
    optimizer = optim.SGD([p := ninx.zeros(2, requires_grad=True)], momentum=0.9)
    optimizer.load_state_dict({"state": {0: {"momentum_buffer": None}}, "param_groups": [{"params": [0]}]})
    p.grad = ninx.ones(2)
    optimizer.step()
    assert optimizer.state[0]["momentum_buffer"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda p: optim.SGD([], lr=0.1), "no parameters"),
        (lambda p: optim.SGD([p, p], lr=0.1), "given twice"),
        (lambda p: optim.SGD([p], lr=-1), "lr must be at least 0"),
        (lambda p: optim.SGD([p], lr=0.1, nesterov=True), "nesterov needs a momentum"),
        (lambda p: optim.SGD([p], lr=0.1, momentum=0.9, dampening=0.1, nesterov=True), "and no dampening"),
        (lambda p: optim.SGD([p], lr=float("nan")), "lr must be at least 0, got nan"),
        (lambda p: optim.Adam([p], betas=(0.9, 1.0)), "betas must be"),
        (
            lambda p: optim.lr_scheduler.OneCycleLR(optim.SGD([p]), [0.1, 0.2], 5),
            r"max_lr one number or 1, got 5, 0.3, \[0.1, 0.2\]",
        ),
        (lambda p: optim.lr_scheduler.OneCycleLR(optim.SGD([p]), 0.1, 0), "total_steps must be at least 1"),
        (lambda p: optim.lr_scheduler.OneCycleLR(optim.SGD([p]), 0.1, 5, anneal_strategy="exp"), "must be 'cos' or 'linear'"),
        (lambda p: optim.lr_scheduler.ReduceLROnPlateau(optim.SGD([p]), "up"), "mode must be 'min' or 'max'.*got 'up', 'rel'"),
        (lambda p: optim.lr_scheduler.ReduceLROnPlateau(optim.SGD([p]), factor=1), "factor must be below 1"),
        (lambda p: optim.lr_scheduler.ReduceLROnPlateau(optim.SGD([p]), min_lr=[0, 0]), "min_lr must be one number or 1"),
        (lambda p: optim.SGD([{"params": [p], "rate": 1}], lr=0.1), r"unknown setting\(s\) \['rate'\]"),
    ],
)
def test_wrong_settings_say_what_is_wrong(make, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make(ninx.zeros(2, requires_grad=True))
