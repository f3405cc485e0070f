"""What optimisers are given: parameters, groups, settings, states and gradients; and what is refused."""

import inspect
from collections.abc import Callable

import numpy as np
import pytest
import torch
from optimisers import KINDS, pairs, run

import ninx
from ninx import nn, optim

pytestmark = pytest.mark.usefixtures("device")


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
        ({0: WHOLE | {"step": -1}}, {}, "state step = -1 is no number of steps"),
        ({0: WHOLE | {"step": 1.5}}, {}, "state step = 1.5 is no number of steps"),
        ({0: WHOLE | {"step": float("inf")}}, {}, "state step = inf is no number of steps"),
        ({0: WHOLE | {"step": np.ones(2)}}, {}, "state step = .* is no number of steps"),
        ({0: WHOLE | {"max_exp_avg_sq": np.ones(3)}}, {}, r"state max_exp_avg_sq of shape \(3,\) for parameter 0"),
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
    assert optimizer.state[p]["momentum_buffer"].tolist() == [1, 1]


NET = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda p: optim.SGD([], lr=0.1), ValueError, "there are no parameters to learn .*empty once it was read"),
        (lambda p: optim.SGD((q for q in ()), lr=0.1), ValueError, "there are no parameters to learn"),
        (lambda p: optim.SGD(NET, lr=0.1), TypeError, r"a Sequential was given; write SGD\(net.parameters\(\)\)"),
        (
            lambda p: optim.Adam(NET.parameters),
            TypeError,
            r"the method parameters itself was given; call it: Adam\(net",
        ),
        (lambda p: optim.SGD({p}), TypeError, "a set has no order, .* give a list"),
        (lambda p: optim.SGD({"w": p}), TypeError, r"a dictionary was given; write SGD\(dictionary.values\(\)\) for its tensors"),
        (lambda p: optim.SGD({"params": [p]}), TypeError, r"a dictionary was given; write SGD\(\[group\]\) for a single group"),
        (lambda p: optim.SGD("w"), TypeError, r"parameters are tensors in a list, such as net.parameters\(\), not 'w'"),
        (lambda p: optim.SGD(3), TypeError, "parameters are tensors in a list, .* not 3"),
        (lambda p: optim.SGD(np.ones(2)), TypeError, r"parameters are tensors in a list, .* not array"),
        (lambda p: optim.SGD(["w"]), TypeError, "parameters must be leaf tensors, got str"),
        (lambda p: optim.SGD([p, {"params": [p]}]), TypeError, "parameters must be leaf tensors, got dict"),
        (
            lambda p: optim.SGD([{"params": [p]}, ninx.ones(2)]),
            TypeError,
            r"a group is a dictionary with 'params' and",
        ),
        (lambda p: optim.SGD([{"lr": 1}]), ValueError, r"a group needs 'params', its parameters; there are \['lr'\]"),
        (lambda p: optim.SGD([{"params": NET}]), TypeError, "a Sequential was given"),
        (lambda p: optim.SGD([{"params": {p}}]), TypeError, "a set has no order"),
        (
            lambda p: optim.SGD([{"params": iter([])}]),
            ValueError,
            "the generator of a group's parameters is empty: it",
        ),
        (
            lambda p: optim.SGD([("w", p), ninx.ones(2)]),
            ValueError,
            "all parameters of a group are given with their names",
        ),
        (
            lambda p: optim.SGD([{"params": [("w", p)]}, {"params": [ninx.ones(2)]}]),
            ValueError,
            "the parameters of all groups are given with their names, or those of none",
        ),
        (lambda p: optim.SGD([p, p], lr=0.1), ValueError, "given twice"),
        (lambda p: optim.SGD([{"params": [p]}, {"params": [p]}]), ValueError, "given twice"),
        (lambda p: optim.SGD([p], lr=-1), ValueError, "lr must be at least 0"),
        (lambda p: optim.SGD([p], lr="0.1"), TypeError, "lr must be a number, got '0.1'"),
        (lambda p: optim.SGD([p], lr=ninx.ones(2)), TypeError, r"lr must be a number, got tensor\(\[1., 1.\]"),
        (lambda p: optim.SGD([p], lr=None), TypeError, "lr must be a number, got None"),
        (lambda p: optim.SGD([p], lr=True), TypeError, "lr must be a number, got True"),
        (lambda p: optim.SGD([p], lr=0.1, nesterov=True), ValueError, "nesterov needs a momentum"),
        (lambda p: optim.SGD([p], lr=0.1, momentum=0.9, dampening=0.1, nesterov=True), ValueError, "and no dampening"),
        (lambda p: optim.SGD([p], lr=float("nan")), ValueError, "lr must be at least 0, got nan"),
        (lambda p: optim.Adam([p], betas=(0.9, 1.0)), ValueError, "betas must be from 0 to below 1, got 1.0 at index 1"),
        (
            lambda p: optim.NAdam([p], betas=(-0.1, 0.9)),
            ValueError,
            "NAdam: betas must be from 0 .* got -0.1 at index 0",
        ),
        (lambda p: optim.AdamW([p], betas=0.9), ValueError, "AdamW: betas must be two numbers, got 0.9"),
        (lambda p: optim.Adamax([p], betas=(0.9, "x")), ValueError, "Adamax: betas must be two numbers"),
        (lambda p: optim.Adam([p], eps=-1e-8), ValueError, "eps must be at least 0, got -1e-08"),
        (lambda p: optim.RMSprop([p], alpha=-1), ValueError, "alpha must be at least 0, got -1"),
        (lambda p: optim.Adagrad([p], initial_accumulator_value=-1), ValueError, "initial_accumulator_value must be at least 0"),
        (lambda p: optim.Adadelta([p], rho=2), ValueError, "rho must be from 0 to 1, got 2"),
        (lambda p: optim.SGD([p], fused=True), ValueError, "SGD: fused=True is not there: there is one implementation"),
        (lambda p: optim.Adam([p], foreach=True), ValueError, "Adam: foreach=True is not there"),
        (lambda p: optim.AdamW([p], capturable=True), ValueError, "AdamW: capturable=True is not there"),
        (
            lambda p: optim.RMSprop([p], differentiable=True),
            ValueError,
            "differentiable=True is not there: a step is",
        ),
        (lambda p: optim.SGD([{"params": [p], "rate": 1}], lr=0.1), ValueError, "unknown setting 'rate' .* did you mean 'lr'"),
        (
            lambda p: optim.SGD([{"params": [p], "Momentun": 1}]),
            ValueError,
            "'Momentun' .* did you mean 'momentum'",
        ),
        (lambda p: optim.Adam([{"params": [p], "beta": 1}]), ValueError, "unknown setting 'beta' .* did you mean 'betas'"),
        (lambda p: optim.Adam([{"params": [p], "wd": 1}]), ValueError, "unknown setting 'wd' .* did you mean 'weight_decay'"),
        (lambda p: optim.SGD([{"params": [p], "lr": "1"}]), ValueError, "setting lr = '1' is not like 0.001"),
        (lambda p: optim.SGD([{"params": [p], "nesterov": 1}]), ValueError, "setting nesterov = 1 is not like False"),
    ],
)
def test_wrong_settings_say_what_is_wrong(make: Callable, error: type, match: str) -> None:
    with pytest.raises(error, match=match):
        make(ninx.zeros(2, requires_grad=True))


def test_switches_that_are_off_are_accepted() -> None:
    for name in KINDS:
        switches = {"foreach": None, "differentiable": False} | ({} if name in ("SGD", "Adagrad") else {"capturable": False})
        getattr(optim, name)([ninx.zeros(2)], **switches)
        arguments = list(inspect.signature(getattr(torch.optim, name)).parameters.values())
        ours = list(inspect.signature(getattr(optim, name)).parameters.values())
        assert [(p.name, p.kind, p.default) for p in ours] == [(p.name, p.kind, p.default) for p in arguments], name


@pytest.mark.parametrize("name", KINDS)
def test_switches_that_are_on_are_refused_each_by_its_name(name: str) -> None:
    switches = {"foreach", "capturable", "differentiable", "fused"} & set(inspect.signature(getattr(optim, name)).parameters)
    assert {"foreach", "differentiable"} <= switches
    for switch in switches:
        with pytest.raises(ValueError, match=rf"{name}: {switch}=True is not there"):
            getattr(optim, name)([ninx.zeros(1, requires_grad=True)], **{switch: True})


def test_groups_keep_names_and_keys_of_their_own() -> None:
    groups = [
        [
            {"params": zeros(2), "name": "body", "lr_mult": 10, "layer_id": 3},
            {"params": (zeros(1), zeros(1)), "name": "head", "tags": ["a"], "lr": 1},
        ]
        for zeros in (ninx.zeros, torch.zeros)
    ]
    a, b = optim.SGD(groups[0], lr=0.1), torch.optim.SGD(groups[1], lr=0.1)
    for g, h in zip(a.param_groups, b.param_groups, strict=True):
        assert {k: v for k, v in g.items() if k != "params"}.items() <= h.items()
        assert len(g["params"]) == len(h["params"])
    again = optim.SGD([{"params": [ninx.zeros(2)]}, {"params": [ninx.zeros(1), ninx.zeros(1)]}])
    again.load_state_dict(a.state_dict())
    assert [g["name"] for g in again.param_groups] == ["body", "head"]
    assert again.param_groups[1]["tags"] is not a.param_groups[1]["tags"]


def test_named_parameters_are_parameters_with_names() -> None:
    for params in (NET.named_parameters(), [{"params": NET.named_parameters()}]):
        optimizer = optim.SGD(params, lr=0.1)
        group = optimizer.param_groups[0]
        assert group["param_names"] == ["0.weight", "0.bias", "1.weight", "1.bias"]
        assert [id(p) for p in group["params"]] == [id(p) for p in NET.parameters()]
        assert optimizer.state_dict()["param_groups"][0]["param_names"] == group["param_names"]
        plain = optim.SGD(NET.parameters())
        plain.load_state_dict(optimizer.state_dict())
        assert plain.param_groups[0]["lr"] == 0.1


def test_an_optimiser_written_as_for_pytorch() -> None:
    """A subclass with a step of its own, as tutorials have it."""

    def kind(base: type, zeros_like: Callable, no_grad: Callable) -> type:
        class Momentum(base):
            def __init__(self, params: object, lr: float = 0.1, momentum: float = 0.9):
                super().__init__(params, {"lr": lr, "momentum": momentum})

            @no_grad()
            def step(self, closure: Callable | None = None) -> None:
                for group in self.param_groups:
                    for p in group["params"]:
                        if p.grad is None:
                            continue
                        state = self.state[p]
                        if len(state) == 0:
                            state["step"], state["buffer"] = 0, zeros_like(p)
                        state["step"] += 1
                        state["buffer"].mul_(group["momentum"]).add_(p.grad)
                        p.sub_(group["lr"] * state["buffer"])

        return Momentum

    ours, theirs = pairs(np.random.default_rng(0))
    a = kind(optim.Optimizer, ninx.zeros_like, ninx.no_grad)(ours)
    b = kind(torch.optim.Optimizer, torch.zeros_like, torch.no_grad)(theirs)
    rng = np.random.default_rng(1)
    grads = [[rng.standard_normal(p.shape) for p in ours] for _ in range(5)]
    run(a, ours, grads[:3])
    twin = kind(optim.Optimizer, ninx.zeros_like, ninx.no_grad)(ours)
    twin.load_state_dict(a.state_dict())
    run(twin, ours, grads[3:])
    run(b, theirs, grads)
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-12)


# -------------------------------------------------------------------- gradients by hand


def test_a_gradient_may_be_set_filled_and_taken_away() -> None:
    p = ninx.ones(2, requires_grad=True)
    optimizer = optim.SGD([p], lr=0.5)
    (p * 3).sum().backward()
    p.grad.zero_()
    optimizer.step()
    assert p.tolist() == [1, 1]
    (p * 3).sum().backward()
    p.grad.data.zero_()
    assert p.grad.tolist() == [0, 0]
    p.grad = ninx.ones(2)
    optimizer.step()
    assert p.tolist() == [0.5, 0.5]
    p.grad = None
    optimizer.step()
    assert p.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("grad", "error", "match"),
    [
        (
            lambda: ninx.ones(3),
            ValueError,
            r"a gradient of shape \(3,\) .* parameter of shape \(2,\) and dtype float32",
        ),
        (lambda: ninx.ones(2, dtype=np.float64), ValueError, "a gradient of shape .* and dtype float64 on .* and dtype float32"),
        (lambda: ninx.ones(1, 2), ValueError, r"a gradient of shape \(1, 2\)"),
        (lambda: np.ones(2, np.float32), TypeError, "a gradient is a Tensor, not ndarray"),
        (lambda: 0, TypeError, "a gradient is a Tensor, not int"),
    ],
)
@pytest.mark.parametrize("name", KINDS)
def test_a_gradient_of_something_else_is_refused(name: str, grad: Callable, error: type, match: str) -> None:
    p = ninx.ones(2, requires_grad=True)
    optimizer = getattr(optim, name)([p])
    p.grad = grad()
    with pytest.raises(error, match=rf"{name}\.step: {match}"):
        optimizer.step()
    assert p.tolist() == [1, 1]


def test_a_filled_gradient_has_no_history() -> None:
    p = ninx.ones(2, requires_grad=True)
    (p**2).sum().backward(create_graph=True)
    assert not p.grad.is_leaf
    optim.SGD([p]).zero_grad(set_to_none=False)
    assert (p.grad.is_leaf, p.grad.requires_grad, p.grad.tolist()) == (True, False, [0, 0])


@pytest.mark.host_only
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("code", [">f4", ">f8"])
def test_parameters_of_the_other_byte_order(name: str, code: str) -> None:
    """They may come from a file; the numbers are the same."""
    rng = np.random.default_rng(0)
    values, grads = rng.standard_normal(4), rng.standard_normal((5, 4))
    p, q = (ninx.Tensor(values.astype(dtype), True) for dtype in (code, code[1:]))
    a, b = (getattr(optim, name)([t]) for t in (p, q))
    for g in grads:
        p.grad, q.grad = ninx.Tensor(g.astype(p.dtype)), ninx.Tensor(g.astype(q.dtype))
        a.step()
        b.step()
    assert p.dtype == np.dtype(code)
    np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-5 if code == ">f4" else 1e-12)
