"""Modules beside PyTorch's: what may be assigned, names, registers, moves, and state dictionaries of any origin."""

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

LIBS = {"ninx": (nn, ninx), "torch": (torch.nn, torch)}

# -------------------------------------------------------------------- what may be assigned

KINDS: dict[str, Callable[[Any, Any], Any]] = {  # by name: something of lib's
    "parameter": lambda lib, top: lib.Parameter(top.ones(2)),
    "buffer": lambda lib, top: lib.Buffer(top.ones(2)),
    "module": lambda lib, top: lib.ReLU(),
    "tensor": lambda lib, top: top.zeros(2),
    "None": lambda lib, top: None,
    "number": lambda lib, top: 3,
    "function": lambda lib, top: len,
}


def kinds_of(lib: Any, module: Any) -> list[str]:
    """Where the name is found: among parameters, buffers, parts."""
    found = {"parameter": module.named_parameters(), "buffer": module.named_buffers(), "module": module.named_children()}
    return [kind for kind, named in found.items() if "part" in [name for name, _ in named]]


PAIRS = [(old, new) for old in KINDS for new in KINDS]
PAIRS = [p for p in PAIRS if p not in [(old, "buffer") for old in ("tensor", "None", "number", "function")]]  # KeyError, there


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_what_takes_the_place_of_what(old: str, new: str) -> None:
    """Raises TypeError where PyTorch does, and else the name is found where PyTorch finds it."""
    outcomes = []
    for lib, top in LIBS.values():
        module = lib.Module()
        module.part = KINDS[old](lib, top)
        try:
            module.part = KINDS[new](lib, top)
            outcomes.append(kinds_of(lib, module))
        except TypeError:
            outcomes.append(["TypeError"])
    assert outcomes[0] == outcomes[1]


def test_a_tensor_does_not_take_a_parameters_place() -> None:
    layer = nn.Linear(2, 2)
    with pytest.raises(TypeError, match=r"^Linear.weight is a Parameter, and another Parameter or None can be .* got Tensor"):
        layer.weight = layer.weight * 0.5
    with pytest.raises(TypeError, match="is a Module, and a Module or None can be assigned; got function"):
        nn.Sequential(nn.ReLU()).__setattr__("0", lambda x: x)
    with pytest.raises(TypeError, match="is a Buffer, and a tensor or None can be assigned; got float"):
        nn.BatchNorm1d(2).running_mean = 0.5
    assert list(layer.state_dict()) == ["weight", "bias"]
    layer.bias = None
    assert list(layer.state_dict()) == ["weight"]
    assert layer(ninx.ones(1, 2)).shape == (1, 2)
    layer.weight = nn.Parameter(ninx.zeros(3, 2))
    assert layer(ninx.ones(1, 2)).tolist() == [[0, 0, 0]]
    del layer.weight
    assert not hasattr(layer, "weight")
    assert list(layer.parameters()) == []


def test_a_tensor_assigned_to_a_buffer_keeps_its_history() -> None:
    """A running state through which gradients flow, as in PyTorch."""
    grads = []
    for lib, top in LIBS.values():
        module, w = lib.Module(), top.ones(2, requires_grad=True)
        module.register_buffer("state", top.ones(2), persistent=False)
        module.state = module.state * w
        module.state = module.state * w
        module.state.sum().backward()
        grads.append(w.grad.tolist())
        assert [name for name, _ in module.named_buffers()] == ["state"]
        assert list(module.state_dict()) == []
    assert grads[0] == grads[1] == [2, 2]


def test_a_part_comes_where_it_became_one() -> None:
    keys = []
    for lib, _ in LIBS.values():
        module = lib.Module()
        module.first, module.second = None, lib.Linear(1, 1)
        module.first = lib.Linear(1, 1)
        module.second = lib.Linear(1, 2)
        keys.append(list(module.state_dict()))
    assert keys[0] == keys[1]


NAMES = ["train", "eval", "forward", "training", "to", "float", "parameters", "state_dict", "zero_grad", "type", "_modules"]


@pytest.mark.parametrize("name", NAMES)
def test_a_part_cannot_have_the_name_of_an_attribute(name: str) -> None:
    for part in (nn.Linear(1, 1), nn.Parameter(ninx.ones(1)), nn.Buffer(ninx.ones(1))):
        with pytest.raises(ValueError, match=f"Module: '{name}' cannot name a layer or a tensor: it is the name of an attribute"):
            setattr(nn.Module().eval(), name, part)
    with pytest.raises(ValueError, match="cannot name"):
        nn.Module().add_module(name, nn.ReLU())
    with pytest.raises(ValueError, match="cannot name"):
        nn.ModuleDict({name: nn.ReLU()})


def test_a_part_cannot_hide_a_method_of_ones_own() -> None:
    class Net(nn.Module):
        head = None

        def body(self, x: ninx.Tensor) -> ninx.Tensor:
            return x

    net = Net()
    net.head = nn.ReLU()  # a default of None hides nothing
    with pytest.raises(ValueError, match="'body' cannot name"):
        net.body = nn.ReLU()
    net.forward = lambda x: x + 1  # a function may be replaced by a function
    assert net(ninx.ones(1)).tolist() == [2]


REGISTERED: list[tuple[str, Any]] = [
    ("", "it is empty"),
    ("a.b", "it has a dot"),
    (3, "it is no text"),
    ("plain", "it is the name of an attribute"),
    ("weight", "it is the name of an attribute"),
]


@pytest.mark.parametrize(("name", "reason"), REGISTERED)
def test_names_are_checked_where_something_is_registered(name: Any, reason: str) -> None:
    layer = nn.Linear(1, 1)
    layer.plain = 3
    with pytest.raises(ValueError, match=reason):
        layer.register_buffer(name, ninx.ones(1))
    with pytest.raises(ValueError, match=reason):
        layer.add_module(name, nn.ReLU())
    if name != "weight":
        with pytest.raises(ValueError, match=reason):
            layer.register_parameter(name, nn.Parameter(ninx.ones(1)))
    for register, value in ((layer.register_buffer, [1.0]), (layer.register_parameter, ninx.ones(1)), (layer.add_module, len)):
        with pytest.raises(TypeError):
            register("fresh", value)


def test_a_parameter_is_made_of_tensors_and_arrays() -> None:
    for values in (ninx.ones(2), np.ones(2, np.float32)):
        p = nn.Parameter(values)
        p.data[0] = 5
        assert values[0] == 5  # the memory is shared, as in PyTorch
    assert nn.Parameter().shape == (0,)
    with pytest.raises(TypeError, match=r"Parameter: takes a tensor or an array, not list; write nn.Parameter\(ninx.tensor"):
        nn.Parameter([1.0])
    with pytest.raises(RuntimeError, match="only floating-point tensors can require grad"):
        nn.Parameter(ninx.ones(2, dtype=np.int64))
    assert not nn.Parameter(ninx.ones(2, dtype=np.int64), requires_grad=False).requires_grad


# -------------------------------------------------------------------- what it is made of


def network(lib: Any, top: Any) -> Any:
    """Layers used twice, buffers that are kept and that are not, and a part without parameters."""

    class Net(lib.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = lib.Sequential(lib.Linear(2, 2), lib.BatchNorm1d(2), lib.ReLU())
            self.again = self.body[0]
            self.scale = lib.Parameter(top.ones(2))
            self.register_buffer("seen", top.zeros(1), persistent=False)
            self.register_buffer("kept", top.zeros(1))
            self.register_buffer("absent", None)
            self.register_parameter("nothing", None)
            self.body[1].tied = self.scale

    return Net()


def applied(net: Any) -> list[str]:
    names: list[str] = []
    net.apply(lambda m: names.append(type(m).__name__))
    return names


LISTS: dict[str, Callable[[Any], Any]] = {
    "named_parameters": lambda net: [n for n, _ in net.named_parameters()],
    "named_parameters of a prefix": lambda net: [n for n, _ in net.named_parameters("net")],
    "own parameters": lambda net: [n for n, _ in net.named_parameters(recurse=False)],
    "own parameters of a prefix": lambda net: [n for n, _ in net.named_parameters("a", False)],
    "all parameters": lambda net: [n for n, _ in net.named_parameters(remove_duplicate=False)],
    "parameters": lambda net: [tuple(p.shape) for p in net.parameters(recurse=False)],
    "named_buffers": lambda net: [n for n, _ in net.named_buffers("b")],
    "own buffers": lambda net: len(list(net.buffers(recurse=False))),
    "named_modules": lambda net: [n for n, _ in net.named_modules()],
    "named_modules of a prefix": lambda net: [n for n, _ in net.named_modules(prefix="p")],
    "all modules": lambda net: [n for n, _ in net.named_modules(remove_duplicate=False)],
    "modules without some": lambda net: [n for n, _ in net.named_modules({net.body})],
    "modules": lambda net: [type(m).__name__ for m in net.modules()],
    "named_children": lambda net: [n for n, _ in net.named_children()],
    "children": lambda net: len(list(net.children())),
    "_modules": lambda net: list(net._modules),
    "_parameters": lambda net: [n for n, p in net._parameters.items() if p is not None],
    "_buffers": lambda net: [n for n, b in net._buffers.items() if b is not None],
    "state_dict": lambda net: list(net.state_dict()),
    "state_dict of a prefix": lambda net: list(net.state_dict(prefix="net.")),
    "state_dict into another": lambda net: list(net.state_dict(destination={"x": 1})),
    "get_submodule": lambda net: type(net.get_submodule("body.0")).__name__,
    "get_submodule of nothing": lambda net: net.get_submodule("") is net,
    "get_parameter": lambda net: tuple(net.get_parameter("body.0.weight").shape),
    "get_buffer": lambda net: tuple(net.get_buffer("body.1.running_mean").shape),
    "apply": lambda net: applied(net),
    "zero_grad": lambda net: net.zero_grad(set_to_none=True),
    "eval": lambda net: net.eval() is net,
    "dir": lambda net: [n for n in dir(net.body) if n[:1].isdigit()],
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_pytorchs(name: str) -> None:
    ours, theirs = (LISTS[name](network(*lib)) for lib in LIBS.values())
    assert ours == theirs


def test_one_layer_twice_in_one_module_is_one_child_and_two_steps() -> None:
    counts = []
    for lib, top in LIBS.values():
        relu = lib.Linear(2, 2)
        net = lib.Sequential(relu, relu)
        counts.append((len(list(net.children())), len(net), len(list(net)), len(list(net.parameters())), len(net.state_dict())))
        assert np.allclose(net(top.ones(1, 2)).tolist(), relu(relu(top.ones(1, 2))).tolist())
    assert counts[0] == counts[1]


def test_what_is_not_there_is_told() -> None:
    net = network(*LIBS["ninx"])
    for call, words in {
        lambda: net.get_submodule("body.7"): "no module of Sequential '7'",
        lambda: net.get_parameter("body.0.weigth"): "no parameter of Linear 'weigth'; did you mean 'weight'",
        lambda: net.get_buffer("sene"): "no buffer of Net 'sene'; did you mean 'seen'",
        lambda: net.fc3: "'Net' object has no attribute 'fc3'",
        lambda: net.register_backward_hook: "register_full_backward_hook",
    }.items():
        with pytest.raises(AttributeError, match=words):
            call()
    with pytest.raises(KeyError):
        net._modules["fc3"]

    class Broken(nn.Module):
        @property
        def size(self) -> int:
            return self.nothing  # type: ignore[no-any-return]

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = Broken().size
    with pytest.raises(ValueError, match=r"Linear.train: the mode is True or False, not 'x'"):
        nn.Linear(1, 1).train("x")  # type: ignore[arg-type]


def test_parts_by_name_are_written_and_read() -> None:
    """``_modules`` and its relatives, as programs of PyTorch's use them."""
    for lib in (nn, torch.nn):

        class Chain(lib.Module):  # type: ignore[name-defined, misc]
            def __init__(self, *layers: Any, lib: Any = lib) -> None:
                super().__init__()
                for i, layer in enumerate(layers):
                    self._modules[str(i)] = layer

            def forward(self, x: Any) -> Any:
                for layer in self._modules.values():
                    x = layer(x)
                return x

        net = Chain(lib.Linear(2, 3), lib.ReLU(), lib.Linear(3, 1))
        assert list(net.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
        net._modules["1"] = lib.Tanh()
        del net._modules["2"]
        net._modules["0"]._parameters["bias"] = None
        assert list(net._modules) == ["0", "1"]
        assert len(net._modules) == 2
        assert list(net.state_dict()) == ["0.weight"]
        assert list(net._modules["0"]._parameters)[:1] == ["weight"]
        assert list(lib.BatchNorm1d(1)._buffers) == ["running_mean", "running_var", "num_batches_tracked"]
    with pytest.raises(TypeError, match=r"Linear.weight is a Parameter"):
        nn.Linear(1, 1)._parameters["weight"] = ninx.ones(1, 1)  # type: ignore[assignment]


def test_super_init_is_optional() -> None:
    class With(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(1, 1)

    class Without(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Linear(1, 1)

    assert list(With().state_dict()) == list(Without().state_dict())
    assert With().training is Without().training is True


# -------------------------------------------------------------------- moves

MOVES: dict[str, Callable[[Any, Any], Any]] = {
    "dtype": lambda net, top: net.to(top.float64),
    "device and dtype": lambda net, top: net.to("cpu", top.float64),
    "keywords": lambda net, top: net.to(device="cpu", dtype=top.float64, non_blocking=True),
    "of a tensor": lambda net, top: net.to(top.ones(1, dtype=top.float64)),
    "device": lambda net, top: net.to("cpu"),
    "device, no wait": lambda net, top: net.to("cpu", non_blocking=True),
    "half": lambda net, top: net.half(),
    "double": lambda net, top: net.double(),
    "float": lambda net, top: net.double().float(),
    "type": lambda net, top: net.type(top.float64) if top is ninx else net.to(top.float64),  # theirs casts counts too
    "cpu": lambda net, top: net.cpu(),
    "memory format": lambda net, top: net.to(memory_format=getattr(top, "channels_last", None)),
}


@pytest.mark.parametrize("name", MOVES)
def test_moves_are_pytorchs(name: str) -> None:
    dtypes = []
    for lib, top in LIBS.values():
        net = lib.Sequential(lib.Conv2d(1, 2, 3), lib.BatchNorm2d(2))
        assert MOVES[name](net, top) is net
        dtypes.append([str(t.dtype).removeprefix("torch.") for t in net.state_dict().values()])
    assert dtypes[0] == dtypes[1]


def test_what_is_no_dtype_and_no_device_is_refused() -> None:
    layer = nn.Linear(1, 1)
    for call, words in {
        lambda: layer.to("gpu"): "Linear.to: 'gpu' is neither a dtype, such as ninx",
        lambda: layer.to(np.int64): "Linear.to: a module's dtype is of floats, not int64",
        lambda: layer.type("int32"): "Linear.type: a module's dtype is of floats, not int32",
    }.items():
        with pytest.raises(TypeError, match=words):
            call()


def test_zero_grad_can_leave_zeros() -> None:
    for lib, top in LIBS.values():
        layer = lib.Linear(2, 2)
        layer(top.ones(1, 2)).sum().backward()
        held = layer.weight.grad
        layer.zero_grad(False)
        assert held.tolist() == layer.weight.grad.tolist() == [[0, 0], [0, 0]]


def test_layers_are_made_with_a_dtype_and_a_device() -> None:
    for make in (
        lambda **k: nn.Linear(2, 3, True, "cpu", **k),
        lambda **k: nn.Conv2d(2, 3, 1, 1, 0, 1, 1, True, "zeros", "cpu", **k),
        lambda **k: nn.ConvTranspose2d(2, 3, 1, 1, 0, 0, 1, True, 1, "zeros", "cpu", **k),
        lambda **k: nn.BatchNorm2d(3, 1e-5, 0.1, True, True, "cpu", **k),
        lambda **k: nn.PReLU(3, 0.25, "cpu", **k),
    ):
        for dtype in (np.float64, "float64", ninx.float64):
            assert {p.dtype for p in make(dtype=dtype).parameters()} == {np.dtype(np.float64)}
        assert {p.dtype for p in make().parameters()} == {np.dtype(np.float32)}
        with pytest.raises((RuntimeError, ValueError), match="device"):
            nn.Linear(2, 2, device="tpu")


# -------------------------------------------------------------------- state dictionaries


def test_a_buffer_that_is_not_persistent_stays_out_and_moves_along() -> None:
    net = nn.Sequential(nn.BatchNorm1d(2))
    net.register_buffer("seen", ninx.zeros(1), persistent=False)
    assert "seen" not in net.state_dict()
    for twin in (net, copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert list(twin.state_dict()) == list(net.state_dict())
        assert twin.double().seen.dtype == np.float64
        assert not twin.load_state_dict(net.state_dict()).missing_keys


def test_keep_vars_gives_the_parameters() -> None:
    layer = nn.Linear(2, 2)
    assert layer.state_dict(keep_vars=True)["weight"] is layer.weight
    assert layer.state_dict()["weight"] is not layer.weight


def loaded(state: Any, layer: Any = None, **options: Any) -> Any:
    layer = layer or nn.Linear(2, 2)
    layer.load_state_dict(state, **options)
    return layer


W, B = np.arange(4.0).reshape(2, 2), np.arange(2.0)
ARRAYS: dict[str, Any] = {
    "float64": W,
    "float16": W.astype(np.float16),
    "uint8": W.astype(np.uint8),
    "bool": W > 1,
    "big-endian": W.astype(">f4"),
    "fortran": np.asfortranarray(W),
    "reversed": W[::-1, ::-1][::-1, ::-1],
    "read-only": np.broadcast_to(W, (2, 2)),
    "tensor": ninx.tensor(W),
    "parameter": nn.Parameter(W),
    "with history": nn.Parameter(W) * 1,
    "PyTorch's": torch.tensor(W),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_values_of_any_kind_are_cast(kind: str) -> None:
    layer = loaded({"weight": ARRAYS[kind], "bias": B})
    assert layer.weight.dtype == np.float32
    assert layer.weight.is_leaf
    assert layer.weight.tolist() == np.asarray(W > 1 if kind == "bool" else W).tolist()


def test_the_network_of_pytorch_goes_in_directly() -> None:
    theirs = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    ours = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    assert repr(ours.load_state_dict(theirs.state_dict())) == "<All keys matched successfully>"
    assert np.array_equal(ours[0].weight.detach().numpy(), theirs[0].weight.detach().numpy())


NORM = {k: v.numpy() for k, v in torch.nn.BatchNorm1d(2).state_dict().items()}


def test_counts_of_batches_may_be_missing_or_lie_in_a_row() -> None:
    """Files of before PyTorch 0.4.1 have no count; of before 0.4 a number is an array of one entry."""
    old = {k: v for k, v in NORM.items() if k != "num_batches_tracked"}
    for lib, to in ((nn, lambda v: v), (torch.nn, torch.tensor)):
        norm = lib.BatchNorm1d(2)
        assert list(norm.load_state_dict({k: to(v) for k, v in old.items()}, strict=False).missing_keys) == []
        norm.load_state_dict({k: to(v) for k, v in old.items()})
        norm.load_state_dict({**{k: to(v) for k, v in old.items()}, "num_batches_tracked": to(np.array([7]))})
        assert norm.num_batches_tracked.item() == 7
    with pytest.raises(RuntimeError, match=r"size mismatch for bias: \(\) given, \(1,\) wanted"):
        loaded({"weight": np.ones((1, 2)), "bias": np.ones(())}, nn.Linear(2, 1))
    with pytest.raises(RuntimeError, match=r"size mismatch for num_batches_tracked: \(3,\) given, \(\) wanted"):
        loaded({**NORM, "num_batches_tracked": np.arange(3)}, nn.BatchNorm1d(2))


STATE = {"weight": W, "bias": B}
WRONG: list[tuple[Any, type[Exception], str]] = [
    ("weights.pth", TypeError, r"not a file name; write load_state_dict\(ninx.load_weights\('weights.pth'\)\)"),
    (nn.Linear(2, 2), TypeError, r"not a module; write load_state_dict\(other.state_dict\(\)\)"),
    (None, TypeError, "takes a dictionary of tensors, such as state_dict"),
    ([W, B], TypeError, "not list"),
    ({**STATE, "bias": [0, 1]}, TypeError, "load_state_dict of Linear: bias must be a tensor or an array, got list"),
    ({**STATE, "bias": 1.0}, TypeError, "bias must be a tensor or an array, got float"),
    ({**STATE, "bias": None}, TypeError, "bias must be a tensor or an array, got NoneType"),
    ({**STATE, "bias": np.array(["a", "b"])}, TypeError, "a tensor holds floats, whole numbers or booleans"),
    ({**STATE, "bias": B * 1j}, TypeError, "a tensor holds floats, whole numbers or booleans"),
    ({"a": 1}, RuntimeError, r"first difference: weight \(2, 2\) wanted, a given"),
    ({"state_dict": STATE, "epoch": 3}, RuntimeError, r"in it under 'state_dict': load_state_dict\(checkpoint\['state_dict'\]\)"),
    ({"model": STATE, "optimizer": {}}, RuntimeError, r"in it under 'model': load_state_dict\(checkpoint\['model'\]\)"),
    ({"net": nn.Linear(2, 2)}, RuntimeError, r"a whole module is in it under 'net': .*\['net'\].state_dict\(\)\)"),
    ({f"module.{k}": v for k, v in STATE.items()}, RuntimeError, r"names begin with 'module.'; strip it: \{k.removeprefix"),
    ({"weight": W}, RuntimeError, r"missing key\(s\): bias$"),
    ({**STATE, "extra": 3}, RuntimeError, r"unexpected key\(s\): extra$"),
    ({**STATE, "bias": np.ones((2, 1))}, RuntimeError, r"size mismatch for bias: \(2, 1\) given, \(2,\) wanted"),
]


@pytest.mark.parametrize(("state", "kind", "words"), WRONG, ids=[words[:30] for _, _, words in WRONG])
def test_what_cannot_be_loaded_is_told_and_changes_nothing(state: Any, kind: type[Exception], words: str) -> None:
    layer = nn.Linear(2, 2)
    before = layer.weight.array.copy()
    with pytest.raises(kind, match=words) as caught:
        layer.load_state_dict(state)
    assert "\n" not in str(caught.value)
    assert np.array_equal(layer.weight.array, before)


def test_assign_is_refused_and_strict_is_second() -> None:
    with pytest.raises(ValueError, match="assign=True is not supported: values are copied"):
        loaded(STATE, assign=True)
    assert nn.Linear(2, 2).load_state_dict({"weight": W, "x": 1}, False) == (["bias"], ["x"])


@pytest.mark.parametrize("kind", [ninx.Tensor, nn.Module])
def test_looking_up_an_attribute_has_python_s_shortcuts(kind: type) -> None:
    """A class with a __getattr__ loses them (in CPython 3.11), also for what is there; the hints do without."""
    assert not hasattr(kind, "__getattr__")
    thing: Any = ninx.ones(1) if kind is ninx.Tensor else nn.ReLU()
    assert "bfloat16" not in dir(thing)
    with pytest.raises(AttributeError, match="has no bfloat16: "):
        _ = thing.bfloat16
