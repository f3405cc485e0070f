"""Hooks of modules beside PyTorch's: who is called, with what, in which order, and what a hook may change."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import ninx
from ninx import nn
from ninx.nn.fusion import fused

pytestmark = pytest.mark.usefixtures("device")

Setup = Callable[[Any, list[Any]], Any]  # registers hooks on a network, which write into the list


def note(log: list[Any], name: str) -> Callable[..., None]:
    """A hook that writes down what it was given: its module's kind, and shapes."""

    def shape(value: Any) -> Any:
        if isinstance(value, (tuple, list)):
            return tuple(map(shape, value))
        return tuple(value.shape) if hasattr(value, "shape") else value

    return lambda module, *given: log.append((name, type(module).__name__, *map(shape, given)))


def network(lib: Any) -> Any:
    layers = [lib.Conv2d(2, 3, 3, padding=1), lib.ReLU(inplace=True), lib.BatchNorm2d(3), lib.ReLU(), lib.MaxPool2d(2)]
    return lib.Sequential(*layers, lib.Dropout(0.0), lib.Flatten(), lib.Linear(12, 2)).double()


CASES: dict[str, Setup] = {
    "forward on each": lambda net, log: [m.register_forward_hook(note(log, "f")) for m in net],
    "forward on the whole": lambda net, log: net.register_forward_hook(note(log, "f")),
    "before each": lambda net, log: [m.register_forward_pre_hook(note(log, "p")) for m in net],
    "with keywords": lambda net, log: [
        net[0].register_forward_hook(note(log, "f"), with_kwargs=True),
        net[0].register_forward_pre_hook(note(log, "p"), with_kwargs=True),
    ],
    "order": lambda net, log: [
        net[1].register_forward_hook(note(log, "a")),
        net[1].register_forward_hook(note(log, "b")),
        net[1].register_forward_hook(note(log, "first"), prepend=True),
    ],
    "removed": lambda net, log: net[1].register_forward_hook(note(log, "f")).remove(),
    "the output is replaced": lambda net, log: net[3].register_forward_hook(lambda m, i, o: o * 2),
    "the input is replaced": lambda net, log: net[2].register_forward_pre_hook(lambda m, i: i[0] * 3),
    "by a tuple": lambda net, log: net[2].register_forward_pre_hook(lambda m, i: (i[0] * 3,)),
    "with keywords replaced": lambda net, log: net[2].register_forward_pre_hook(
        lambda m, args, kwargs: ((args[0] - 1,), kwargs), with_kwargs=True
    ),
    "backward on each": lambda net, log: [m.register_full_backward_hook(note(log, "b")) for m in (net[2], net[4], net[7])],
    "backward on the whole": lambda net, log: net.register_full_backward_hook(note(log, "b")),
    "before backward": lambda net, log: [m.register_full_backward_pre_hook(note(log, "bp")) for m in (net[3], net[7])],
    "grad_input is replaced": lambda net, log: net[7].register_full_backward_hook(lambda m, i, o: (i[0] * 5,)),
    "grad_output is replaced": lambda net, log: net[7].register_full_backward_pre_hook(lambda m, o: (o[0] * 5,)),
    "all together": lambda net, log: [
        net[3].register_full_backward_pre_hook(note(log, "bp")),
        net[3].register_full_backward_hook(note(log, "b")),
        net[3].register_forward_hook(note(log, "f")),
        net[3].register_forward_pre_hook(note(log, "p")),
    ],
}


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
@pytest.mark.parametrize("wanted", [True, False], ids=["", "input wants no gradient"])
@pytest.mark.parametrize("name", CASES)
def test_hooks_are_pytorchs(name: str, wanted: bool) -> None:
    """What the hooks were told, the values and every gradient; twice, for hooks that stay."""
    state = {k: v.numpy() for k, v in network(torch.nn).state_dict().items()}
    array, found = np.random.default_rng(0).standard_normal((3, 2, 4, 4)), []
    for lib, tensor in ((nn, ninx.tensor), (torch.nn, torch.tensor)):
        net, log = network(lib), []
        net.load_state_dict({k: v if lib is nn else torch.tensor(v) for k, v in state.items()})
        CASES[name](net, log)
        x = tensor(array, requires_grad=wanted)
        for _ in range(2):
            y = net(x)
            (y * y).sum().backward()
        grads = [y.detach().numpy(), *([x.grad.numpy()] if wanted else []), *(p.grad.numpy() for p in net.parameters())]
        found.append((log, grads))
    assert found[0][0] == found[1][0]
    for got, expected in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-8, atol=1e-10)


def test_a_gradient_hook_sees_the_gradients_of_its_layer_alone() -> None:
    """The output of the layer is read twice, and what comes before it ends in a ReLU, whose mask others may apply early."""
    array, found = np.random.default_rng(0).standard_normal((2, 3, 4, 4)), []
    for lib, tensor in ((nn, ninx.tensor), (torch.nn, torch.tensor)):
        first, conv, seen = lib.Sequential(lib.Conv2d(3, 3, 1), lib.ReLU()).double(), lib.Conv2d(3, 2, 3).double(), []
        state = {k: np.random.default_rng(i).standard_normal(v.shape) for i, (k, v) in enumerate(first.state_dict().items())}
        first.load_state_dict({k: v if lib is nn else torch.tensor(v) for k, v in state.items()})
        w = np.random.default_rng(7).standard_normal((2, 3, 3, 3))
        conv.load_state_dict({k: v if lib is nn else torch.tensor(v) for k, v in {"weight": w, "bias": np.ones(2)}.items()})
        conv.register_full_backward_hook(lambda m, i, o, seen=seen: seen.extend([i[0].detach().numpy(), o[0].detach().numpy()]))
        y = first(tensor(array))
        z = conv(y)
        (z.sum() + (z * z).sum() + y.sum()).backward()
        found.append(seen)
    for got, expected in zip(*found, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-10)


def test_what_a_gradient_hook_watches_cannot_be_changed_in_place() -> None:
    """A convolution with such a hook and then ReLU(inplace=True): refused, as in PyTorch; not a wrong gradient."""
    for lib, x in ((nn, ninx.ones(1, 1, 2, 2)), (torch.nn, torch.ones(1, 1, 2, 2))):
        net = lib.Sequential(lib.Conv2d(1, 1, 1), lib.ReLU(inplace=True))
        net[0].register_full_backward_hook(lambda *_: None)
        with pytest.raises(RuntimeError, match=r"view .*in place|is a view and is being modified inplace"):
            net(x)


def test_a_hook_takes_its_layer_out_of_the_pair_until_it_is_removed() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.5))
    assert len(fused(list(net))) == 2
    handle = net[0].register_forward_hook(lambda *_: None)
    assert len(fused(list(net))) == 3
    with net[3].register_forward_pre_hook(lambda *_: None):
        assert len(fused(list(net))) == 4
    handle.remove()
    handle.remove()
    assert len(fused(list(net))) == 2


def seen(module: nn.Module, args: Any, output: Any) -> ninx.Tensor:
    """A hook that can be pickled."""
    return output + 1  # type: ignore[no-any-return]


def test_copies_have_the_hooks() -> None:
    relu = nn.ReLU()
    handle = relu.register_forward_hook(seen)
    copies = copy.deepcopy(relu), pickle.loads(pickle.dumps(relu))
    handle.remove()
    assert relu(ninx.ones(1)).tolist() == [1]
    assert [twin(ninx.ones(1)).tolist() for twin in copies] == [[2], [2]]


def test_forward_itself_calls_no_hook() -> None:
    relu = nn.ReLU()
    relu.register_forward_hook(seen)
    assert relu.forward(ninx.ones(1)).tolist() == [1]


@pytest.mark.host_only("a summary is made on the host")
def test_hooks_and_a_summary_do_not_disturb_each_other() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Conv2d(1, 2, 3)

        def forward(self, x: ninx.Tensor) -> ninx.Tensor:
            return self.layer(x).relu()

    net, log = Net(), []
    before = str(ninx.summary(net, (1, 5, 5)))
    net.layer.register_forward_hook(lambda *_: log.append(1))
    assert str(ninx.summary(net, (1, 5, 5))) == before
    log.clear()
    net(ninx.zeros(1, 1, 5, 5))
    assert log == [1]


class Two(nn.Module):
    def forward(self, a: ninx.Tensor, b: ninx.Tensor | None = None) -> Any:
        return a * 2 if b is not None else (a, a)


def test_what_is_not_supported_is_refused_in_a_sentence() -> None:
    relu, two, x = nn.ReLU(), Two(), ninx.ones(1, requires_grad=True)
    with pytest.raises(ValueError, match="always_call=True is not supported"):
        relu.register_forward_hook(seen, always_call=True)
    with pytest.raises(TypeError, match="a hook is a function, not int"):
        relu.register_forward_hook(3)  # type: ignore[arg-type]
    two.register_full_backward_hook(seen)
    with pytest.raises(RuntimeError, match="Two was given 2 inputs that want gradients, and the hook is for one"):
        two(x, x)
    with pytest.raises(RuntimeError, match="Two returns a tuple, and the hook is for one tensor"):
        two(x)
    relu.register_forward_pre_hook(lambda m, a, k: 3, with_kwargs=True)
    with pytest.raises(RuntimeError, match=r"returns None or \(args, kwargs\), not int"):
        relu(x)
