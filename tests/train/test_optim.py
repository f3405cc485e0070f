"""Optimisers, step by step beside PyTorch's, and what they remember."""

import copy
import inspect
import pickle
from collections.abc import Iterator

import devices
import numpy as np
import pytest
import torch
from optimisers import KINDS, RECIPES, pairs, run

import ninx
from ninx import nn, optim

pytestmark = pytest.mark.usefixtures("device")


CLOSE = {"float64": 1e-11, "float32": 2e-5, "float16": 0.004}


def _settings(**settings: object) -> dict:
    """The settings, the learning rate as a number of NumPy's that would make float64 of every float32 that it meets."""
    return {k: np.float64(v) if type(v) is float else v for k, v in settings.items()}


@pytest.fixture
def exact_scalars() -> Iterator[None]:
    """PyTorch keeps the numbers of a state in its default dtype; ours are Python's."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize(("name", "settings"), RECIPES)
def test_twenty_steps_equal_pytorch(name: str, settings: dict, dtype: str, exact_scalars: None) -> None:
    rng = np.random.default_rng(0)
    ours, theirs = pairs(rng, dtype)
    a, b = getattr(optim, name)(ours, **_settings(**settings)), getattr(torch.optim, name)(theirs, **settings)
    steps = 6 if dtype == "float16" else 20
    for step in range(steps):
        for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
            g = np.array(rng.standard_normal(p.shape), dtype)
            missing = i == 1 and step in (0, 7)  # a parameter without a gradient is left alone
            p.grad, q.grad = (None, None) if missing else (ninx.tensor(g), torch.tensor(g))
        a.step()
        b.step()
    for p, q in zip(ours, theirs, strict=True):
        found = p.detach().numpy()
        assert found.dtype == dtype
        np.testing.assert_allclose(found, q.detach().numpy(), rtol=CLOSE[dtype], atol=CLOSE[dtype] / 10)
        state = a.state[p]
        assert {v.dtype for v in state.values() if isinstance(v, ninx.Tensor)} <= {np.dtype(dtype)}


def test_groups_have_settings_of_their_own() -> None:
    rng = np.random.default_rng(1)
    ours, theirs = pairs(rng)
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


@pytest.mark.parametrize("name", KINDS)
def test_state_dict_has_pytorchs_form_and_resumes(name: str) -> None:
    settings = {"lr": 0.1, "momentum": 0.9} if name in ("SGD", "RMSprop") else {"lr": 0.1}
    rng = np.random.default_rng(2)
    grads = [[rng.standard_normal(s) for s in ((3, 2), (4,), ())] for _ in range(6)]
    params, _ = pairs(rng)
    whole = [ninx.tensor(p.detach(), requires_grad=True) for p in params]
    run(getattr(optim, name)(whole, **settings), whole, grads)
    first = getattr(optim, name)(params, **settings)
    run(first, params, grads[:3])
    saved = copy.deepcopy(first.state_dict())
    twins = [torch.zeros(p.shape, requires_grad=True) for p in params]
    theirs = getattr(torch.optim, name)(twins, **settings)
    sum(t.sum() for t in twins).backward()
    theirs.step()
    assert set(saved) == set(theirs.state_dict())
    assert {k: set(v) for k, v in saved["state"].items()} == {k: set(v) for k, v in theirs.state_dict()["state"].items()}
    switches = {"foreach", "capturable", "differentiable", "fused"}
    for a, b in zip(saved["param_groups"], theirs.state_dict()["param_groups"], strict=True):
        assert set(a) == set(b) - switches
    second = getattr(optim, name)(params, lr=99.0)
    second.load_state_dict(saved)
    run(second, params, grads[3:])
    for p, q in zip(params, whole, strict=True):
        assert np.array_equal(p.detach().numpy(), q.detach().numpy())


def _translated(state: dict) -> dict:
    """A state of ours as PyTorch wants it, or the other way round: its tensors are the other library's."""
    kinds = {torch.Tensor: lambda v: ninx.tensor(v.numpy()), ninx.Tensor: lambda v: torch.tensor(v.cpu().numpy())}
    return {
        "state": {i: {k: kinds.get(type(v), lambda n: n)(v) for k, v in s.items()} for i, s in state["state"].items()},
        "param_groups": state["param_groups"],
    }


@pytest.mark.parametrize(("name", "settings"), RECIPES)
def test_states_are_pytorchs_and_pytorchs_ours(name: str, settings: dict, exact_scalars: None) -> None:
    """Three steps here, four there, and three here again, next to ten in PyTorch."""
    rng = np.random.default_rng(3)
    ours, theirs = pairs(rng)
    grads = [[rng.standard_normal(p.shape) for p in ours] for _ in range(10)]
    whole = [q.detach().clone().requires_grad_() for q in theirs]
    run(getattr(torch.optim, name)(whole, **settings), whole, grads)
    a = getattr(optim, name)(ours, **settings)
    run(a, ours, grads[:3])
    with torch.no_grad():
        for p, q in zip(ours, theirs, strict=True):
            q.copy_(torch.tensor(p.detach().numpy()))
    b = getattr(torch.optim, name)(theirs)
    b.load_state_dict(_translated(a.state_dict()))
    run(b, theirs, grads[3:7])
    with ninx.no_grad():
        for p, q in zip(ours, theirs, strict=True):
            p.copy_(ninx.tensor(q.detach().numpy()))
    again = getattr(optim, name)(ours)
    again.load_state_dict(_translated(b.state_dict()))
    run(again, ours, grads[7:])
    for p, q in zip(ours, whole, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-10)


@pytest.mark.parametrize("name", KINDS)
def test_a_copy_of_an_optimiser_learns_its_own_parameters(name: str) -> None:
    """Deep or through a pickle, together with its network: both go on alike, and apart."""
    net = nn.Linear(3, 2)
    optimizer = getattr(optim, name)(net.parameters(), lr=0.1)
    x = ninx.tensor(np.arange(6.0).reshape(2, 3).astype(np.float32))

    def learn(module: nn.Module, its: optim.Optimizer) -> np.ndarray:
        its.zero_grad()
        (module(x) ** 2).sum().backward()
        its.step()
        return module.weight.detach().numpy().copy()

    before = learn(net, optimizer)
    optimizer.zero_grad()
    copies = [copy.deepcopy((net, optimizer))]
    if devices.current() == "cpu":  # a pickle comes back on the host, with its state
        copies.append(pickle.loads(pickle.dumps((net, optimizer))))
    for module, its in copies:
        assert its.param_groups[0]["params"][0] is module.weight
        after = learn(module, its)
        assert np.array_equal(net.weight.detach().numpy(), before)
    assert np.array_equal(learn(net, optimizer), after)


def test_a_loaded_state_is_a_copy_in_the_layout_of_its_parameter() -> None:
    p = ninx.tensor(np.ones((4, 3)).T, requires_grad=True)
    optimizer = optim.Adam([p])
    settings = optimizer.state_dict()["param_groups"]
    saved = {"step": np.array(2.0), "exp_avg": np.ones((3, 4)), "exp_avg_sq": ninx.ones(3, 4)}
    optimizer.load_state_dict({"state": {"0": saved}, "param_groups": settings})
    state = optimizer.state[p]
    assert (state["step"], type(state["step"])) == (2, int)
    assert state["exp_avg"].array.strides == state["exp_avg_sq"].array.strides == p.array.strides
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
    with pytest.raises(TypeError, match="SGD: parameters must be leaf tensors, got ndarray"):
        optim.SGD([np.ones(2)])
    with pytest.raises(ValueError, match=r"must be leaf tensors, but one of shape \(2,\) is the value of <mul>"):
        optim.SGD([p * 2])
    frozen = ninx.ones(2)  # may be learnt later
    optim.SGD([p, frozen]).step()
    assert frozen.tolist() == [1, 1]


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


def test_the_state_is_by_parameter() -> None:
    """So that code which looks at it, or keeps something there, reads as with PyTorch."""
    p, q = ninx.zeros(2, requires_grad=True), ninx.zeros(2, requires_grad=True)
    optimizer = optim.Adam([p, q])
    p.grad = ninx.ones(2)
    optimizer.step()
    assert optimizer.state[p]["step"] == 1
    assert optimizer.state[p]["exp_avg"].tolist() == pytest.approx([0.1, 0.1])
    assert optimizer.state[q] == {}
    assert list(optimizer.state_dict()["state"]) == [0]
    optimizer.state[q]["slow"] = ninx.ones(3)
    optimizer.state[q]["note"] = "mine"
    again = optim.SGD([p, q], momentum=0.9)
    again.load_state_dict(
        {"state": {1: {"momentum_buffer": ninx.ones(2)} | optimizer.state[q]}, "param_groups": [{"params": [0, 1]}]}
    )
    assert again.state[q]["slow"].tolist() == [1, 1, 1]
    assert again.state[q]["note"] == "mine"


def test_a_state_of_another_dtype_takes_that_of_its_parameter() -> None:
    for dtype in ("float64", "float16"):
        p = ninx.ones(2, requires_grad=True)
        first = optim.Adam([p])
        p.grad = ninx.ones(2)
        first.step()
        q = ninx.ones(2, dtype=dtype, requires_grad=True)
        second = optim.Adam([q])
        second.load_state_dict(first.state_dict())
        assert second.state[q]["exp_avg"].dtype == dtype
        q.grad = ninx.ones(2, dtype=dtype)
        second.step()
        assert q.dtype == dtype


@pytest.mark.parametrize("kind", KINDS)
def test_a_setting_that_pytorch_refuses_is_refused_by_its_name(kind: str) -> None:
    """Every number of the signature, made negative."""
    leaves = [ninx.zeros(2, requires_grad=True)], [torch.zeros(2, requires_grad=True)]
    refused = []
    for name, parameter in inspect.signature(getattr(torch.optim, kind)).parameters.items():
        if isinstance(parameter.default, bool) or not isinstance(parameter.default, (int, float)):
            continue
        try:
            getattr(torch.optim, kind)(leaves[1], **{name: -1.0})
        except ValueError:
            refused.append(name)
            with pytest.raises(ValueError, match=name):
                getattr(optim, kind)(leaves[0], **{name: -1.0})
    assert refused
