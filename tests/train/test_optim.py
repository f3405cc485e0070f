"""Optimisers and schedules, step by step beside PyTorch's."""

import copy
import inspect
import pickle
from collections.abc import Callable, Iterator

import devices
import numpy as np
import pytest
import torch

import ninx
from ninx import nn, optim

pytestmark = pytest.mark.usefixtures("device")

RECIPES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.02, "amsgrad": True, "betas": (0.8, 0.7)}),
    ("Adam", {"lr": 0.02, "amsgrad": True, "weight_decay": 0.1, "maximize": True}),
    ("Adam", {"lr": 0.02, "decoupled_weight_decay": True, "weight_decay": 0.1}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.02, "weight_decay": 0.3}),
    ("AdamW", {"lr": 0.02, "weight_decay": 0.3, "amsgrad": True, "maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.02, "alpha": 0.9, "momentum": 0.8, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.02, "centered": True, "eps": 1e-3}),
    ("RMSprop", {"lr": 0.02, "centered": True, "momentum": 0.5, "eps": 1e-2, "maximize": True}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.2, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3}),
    ("Adagrad", {"lr": 0.2, "maximize": True}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.7, "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.02, "betas": (0.5, 0.8), "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.02, "betas": (0.8, 0.9), "weight_decay": 0.1, "momentum_decay": 0.1}),
    ("NAdam", {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
]
KINDS = sorted({name for name, _ in RECIPES})
CLOSE = {"float64": 1e-11, "float32": 2e-5, "float16": 0.004}


def _pairs(rng: np.random.Generator, dtype: str = "float64") -> tuple[list, list]:
    values = [np.array(rng.standard_normal(s), dtype) for s in ((3, 2), (4,), ())]
    return [ninx.tensor(v, requires_grad=True) for v in values], [torch.tensor(v, requires_grad=True) for v in values]


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
    ours, theirs = _pairs(rng, dtype)
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


@pytest.mark.parametrize("name", KINDS)
def test_state_dict_has_pytorchs_form_and_resumes(name: str) -> None:
    settings = {"lr": 0.1, "momentum": 0.9} if name in ("SGD", "RMSprop") else {"lr": 0.1}
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
    switches = {"foreach", "capturable", "differentiable", "fused"}
    for a, b in zip(saved["param_groups"], theirs.state_dict()["param_groups"], strict=True):
        assert set(a) == set(b) - switches
    second = getattr(optim, name)(params, lr=99.0)
    second.load_state_dict(saved)
    _run(second, params, grads[3:])
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
    ours, theirs = _pairs(rng)
    grads = [[rng.standard_normal(p.shape) for p in ours] for _ in range(10)]
    whole = [q.detach().clone().requires_grad_() for q in theirs]
    _run(getattr(torch.optim, name)(whole, **settings), whole, grads)
    a = getattr(optim, name)(ours, **settings)
    _run(a, ours, grads[:3])
    with torch.no_grad():
        for p, q in zip(ours, theirs, strict=True):
            q.copy_(torch.tensor(p.detach().numpy()))
    b = getattr(torch.optim, name)(theirs)
    b.load_state_dict(_translated(a.state_dict()))
    _run(b, theirs, grads[3:7])
    with ninx.no_grad():
        for p, q in zip(ours, theirs, strict=True):
            p.copy_(ninx.tensor(q.detach().numpy()))
    again = getattr(optim, name)(ours)
    again.load_state_dict(_translated(b.state_dict()))
    _run(again, ours, grads[7:])
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


def _run(optimizer: optim.Optimizer, params: list, grads: list) -> None:
    for step in grads:
        for p, g in zip(params, step, strict=True):
            p.grad = ninx.tensor(g) if isinstance(p, ninx.Tensor) else torch.tensor(g)
        optimizer.step()


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

    ours, theirs = _pairs(np.random.default_rng(0))
    a = kind(optim.Optimizer, ninx.zeros_like, ninx.no_grad)(ours)
    b = kind(torch.optim.Optimizer, torch.zeros_like, torch.no_grad)(theirs)
    rng = np.random.default_rng(1)
    grads = [[rng.standard_normal(p.shape) for p in ours] for _ in range(5)]
    _run(a, ours, grads[:3])
    twin = kind(optim.Optimizer, ninx.zeros_like, ninx.no_grad)(ours)
    twin.load_state_dict(a.state_dict())
    _run(twin, ours, grads[3:])
    _run(b, theirs, grads)
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
