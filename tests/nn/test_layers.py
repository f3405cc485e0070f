"""Layers and functions: PyTorch's arguments in PyTorch's places, and one sentence for what they cannot take."""

from __future__ import annotations

import inspect
import operator
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as T

import ninx
import ninx.functional as F
import ninx.nn.functional as G
from ninx import nn

# -------------------------------------------------------------------- places

CLASSES = sorted(
    name
    for name in nn.__all__
    if isinstance(getattr(nn, name), type) and hasattr(torch.nn, name) and issubclass(getattr(nn, name), nn.Module)
)
NO_ARGUMENTS = {"Sigmoid", "Tanh", "Module", "Sequential"}  # PyTorch's take any number
FUNCTIONS = [name for name in F.__all__ if hasattr(T, name) and not hasattr(ninx.ops, name)]


def named(function: Any) -> list[tuple[str, Any]]:
    """The names of the parameters in order, with their defaults."""
    empty = inspect.Parameter.empty
    parameters = list(inspect.signature(function).parameters.values())
    return [(p.name, None if p.default is empty else p.default) for p in parameters if p.name != "self"]


@pytest.mark.parametrize("name", [name for name in CLASSES if name not in NO_ARGUMENTS])
def test_the_arguments_of_a_layer_are_pytorchs(name: str) -> None:
    theirs = [
        p for p in named(getattr(torch.nn, name).__init__) if p[0] not in ("min_value", "max_value")
    ]  # Hardtanh: deprecated
    assert named(getattr(nn, name).__init__) == theirs


CONTAINERS = {"Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict", "Module"}


@pytest.mark.parametrize("name", [name for name in CLASSES if name not in CONTAINERS])
def test_the_arguments_of_forward_are_pytorchs(name: str) -> None:
    assert named(getattr(nn, name).forward) == named(getattr(torch.nn, name).forward)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_arguments_of_a_function_are_pytorchs(name: str) -> None:
    """In their places; ours may have more after them, by keyword alone."""
    try:
        theirs = [p for p in named(getattr(T, name)) if p not in [("weight", None)] or name not in ("mse_loss", "l1_loss")]
    except ValueError:
        pytest.skip("PyTorch does not tell")
    if [n for n, _ in theirs] in (["args", "kwargs"], ["input"]):
        theirs = named(getattr(T, f"_{name}")) if hasattr(T, f"_{name}") else theirs
    ours = named(getattr(F, name))
    if name in ("max_pool2d", "adaptive_max_pool2d"):
        theirs = named(getattr(T, f"{name}_with_indices"))
    assert [n for n, _ in ours][: len(theirs)] == [n for n, _ in theirs]
    assert [d for _, d in ours][: len(theirs)] == [d for _, d in theirs]


@pytest.mark.parametrize(
    "name", ["train", "zero_grad", "state_dict", "load_state_dict", "named_modules", "register_buffer", "apply"]
)
def test_the_arguments_of_methods_are_pytorchs(name: str) -> None:
    ours, theirs = named(getattr(nn.Module, name)), named(getattr(torch.nn.Module, name))
    assert ours == [p for p in theirs if p[0] != "args"]


def test_functional_has_pytorchs_place() -> None:
    assert all(getattr(G, name) is getattr(F, name) for name in F.__all__)
    assert nn.functional is G
    assert nn.parameter.Parameter is nn.Parameter
    assert nn.utils.clip_grad_norm_ is nn.clip_grad_norm_


# -------------------------------------------------------------------- what is no tensor

IMAGE = np.zeros((1, 3, 8, 8), np.float32)
LAYERS: dict[str, Callable[[], nn.Module]] = {
    "Conv2d": lambda: nn.Conv2d(3, 4, 3),
    "ConvTranspose2d": lambda: nn.ConvTranspose2d(3, 4, 3),
    "Linear": lambda: nn.Linear(8, 2),
    "BatchNorm2d": lambda: nn.BatchNorm2d(3),
    "LocalResponseNorm": lambda: nn.LocalResponseNorm(2),
    "MaxPool2d": lambda: nn.MaxPool2d(2),
    "AvgPool2d": lambda: nn.AvgPool2d(2),
    "AdaptiveAvgPool2d": lambda: nn.AdaptiveAvgPool2d(2),
    "AdaptiveMaxPool2d": lambda: nn.AdaptiveMaxPool2d(2),
    "GlobalAvgPool2d": nn.GlobalAvgPool2d,
    "Flatten": nn.Flatten,
    "Unflatten": lambda: nn.Unflatten(1, (3, 1)),
    "Maxout": lambda: nn.Maxout(3),
    "Dropout": nn.Dropout,
    "Dropout2d": nn.Dropout2d,
    "MLPConv": lambda: nn.Sequential(nn.MLPConv(3, (4, 4), 3), nn.GlobalAvgPool2d()),
    **{name: getattr(nn, name) for name in ("ReLU", "ReLU6", "LeakyReLU", "ELU", "SiLU", "Softplus", "Hardtanh", "PReLU")},
    **{name: getattr(nn, name) for name in ("Sigmoid", "Tanh")},
    "Softmax": lambda: nn.Softmax(1),
    "LogSoftmax": lambda: nn.LogSoftmax(1),
}


@pytest.mark.parametrize("name", LAYERS)
def test_arrays_lists_and_none_are_told_from_tensors(name: str) -> None:
    for value, what in ((IMAGE, "a ndarray"), ([[1.0]], "a list"), (None, "None"), (torch.zeros(1, 3, 8, 8), "a Tensor")):
        if what == "a Tensor":
            continue
        with pytest.raises(TypeError, match=rf"input must be a tensor, not {what}"):
            LAYERS[name]()(value)


@pytest.mark.parametrize("name", LAYERS)
def test_the_input_has_pytorchs_name(name: str) -> None:
    """And every layer takes an image, as a tensor."""
    with ninx.no_grad():
        y = LAYERS[name]()(input=ninx.tensor(IMAGE))
    assert isinstance(y, ninx.Tensor)


DIMENSIONS = [
    "Conv2d",
    "ConvTranspose2d",
    "MaxPool2d",
    "AvgPool2d",
    "AdaptiveAvgPool2d",
    "BatchNorm2d",
    "Linear",
    "LocalResponseNorm",
]


@pytest.mark.parametrize("name", DIMENSIONS)
def test_inputs_of_one_to_five_dimensions(name: str) -> None:
    """Where PyTorch computes, the shape is the same; where it refuses, so do we, naming the operation and the shape."""
    settings = {
        "Conv2d": (3, 4, 2),
        "ConvTranspose2d": (3, 4, 2),
        "BatchNorm2d": (3,),
        "Linear": (6, 2),
        "LocalResponseNorm": (2,),
    }
    ours, theirs = (getattr(lib, name)(*settings.get(name, (2,))) for lib in (nn, torch.nn))
    for shape in [(6,), (3, 6), (3, 6, 6), (3, 3, 6, 6), (1, 1, 3, 6, 6), (), (0, 3, 6, 6), (3, 7), (5, 6, 6), (2, 5, 6, 6)]:
        try:
            expected = tuple(theirs(torch.zeros(shape)).shape)
        except (RuntimeError, ValueError, IndexError):
            with pytest.raises(
                (ValueError, IndexError), match=r"(?i)" + name.rstrip("2d").lower().replace("pool", "")[:4]
            ) as raised:
                ours(ninx.zeros(*shape))
            assert "\n" not in str(raised.value)
            continue
        assert ours(ninx.zeros(*shape)).shape == expected, shape


FLOATS = ["Conv2d", "ConvTranspose2d", "BatchNorm2d", "LocalResponseNorm", "MaxPool2d", "AvgPool2d", "Dropout", "Dropout2d"]
FLOATS += ["AdaptiveAvgPool2d", "AdaptiveMaxPool2d", "GlobalAvgPool2d"]


@pytest.mark.parametrize("name", FLOATS)
def test_an_image_of_bytes_is_told_how_to_be_scaled(name: str) -> None:
    with pytest.raises(TypeError, match=r"needs floating-point numbers, got uint8; write x.float\(\) / 255"):
        LAYERS[name]()(ninx.zeros(1, 3, 8, 8, dtype=np.uint8))
    with pytest.raises(TypeError, match=r"needs floating-point numbers, got int64; write x.float\(\)$"):
        LAYERS[name]()(ninx.zeros(1, 3, 8, 8, dtype=np.int64))


# -------------------------------------------------------------------- arguments that do not fit

REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: nn.Conv2d(3, 4, 3, padding_mode="reflect"), ValueError, "Conv2d: padding_mode='reflect' is not supported"),
    (lambda: nn.ConvTranspose2d(3, 4, 3, padding_mode="circular"), ValueError, "padding_mode='circular' is not supported"),
    (lambda: nn.Conv2d(3, 4, 3, padding="SAME"), ValueError, "'same' with stride 1; got 'SAME'"),
    (lambda: nn.Conv2d(3, 4, 3, 2, "same"), ValueError, r"'same' with stride 1; got 'same' with stride \(2, 2\)"),
    (lambda: nn.Conv2d(3.0, 4, 3), ValueError, "Conv2d: in_channels must be a whole number, got 3.0"),
    (lambda: nn.Conv2d(3, "4", 3), ValueError, "Conv2d: out_channels must be a whole number, got '4'"),
    (lambda: nn.Conv2d(3, 4, 3, groups=None), ValueError, "Conv2d: groups must be a whole number, got None"),
    (lambda: nn.Linear(3, 4.5), ValueError, "Linear: out_features must be a whole number, got 4.5"),
    (lambda: nn.Linear(-1, 4), ValueError, "Linear: in_features=-1 and out_features=4 must not be negative"),
    (lambda: nn.BatchNorm2d("3"), ValueError, "BatchNorm2d: num_features must be a whole number, got '3'"),
    (
        lambda: nn.ConvTranspose2d(3, 4, 3)(ninx.zeros(1, 3, 4, 4), (9, 9)),
        ValueError,
        "output_size is not supported; give .* output_padding",
    ),
    (lambda: nn.AdaptiveMaxPool2d(1, return_indices=True), ValueError, "AdaptiveMaxPool2d: return_indices=True is not supported"),
    (lambda: nn.Dropout("0.5"), ValueError, "Dropout: p must be from 0 to 1, got 0.5"),
    (lambda: nn.Hardtanh(1.0, 0.0), ValueError, "Hardtanh: min_val must be below max_val"),
    (lambda: nn.Flatten("1"), ValueError, "Flatten: start_dim must be a whole number, got '1'"),
    (lambda: nn.Unflatten(1, 6), TypeError, "Unflatten: the sizes are a tuple of whole numbers"),
    (
        lambda: nn.Unflatten(1, (4, 2))(ninx.zeros(2, 6)),
        ValueError,
        r"Unflatten: sizes \(4, 2\) do not multiply to the 6 of axis 1",
    ),
    (lambda: nn.Unflatten(1, (-1, -1))(ninx.zeros(2, 6)), ValueError, r"Unflatten: sizes \(-1, -1\) do not"),
    (lambda: nn.Unflatten(2, (2, 3))(ninx.zeros(2, 6)), IndexError, "Unflatten: dim 2 is out of range"),
    (lambda: nn.MLPConv(1, 32, 5), ValueError, r"MLPConv: channels are the output channels .* such as \(192, 160, 96\), not 32"),
    (lambda: nn.MLPConv(1, (), 5), ValueError, r"MLPConv: channels are the output channels .* not \(\)"),
    (lambda: nn.MLPConv(1, "32", 5), ValueError, "MLPConv: channels are the output channels .* not '32'"),
    (lambda: nn.MLPConv(1, (4, 2.5), 5), ValueError, "Conv2d: out_channels must be a whole number, got 2.5"),
    (
        lambda: nn.CrossEntropyLoss(reduction="avg"),
        ValueError,
        "CrossEntropyLoss: reduction must be 'mean', 'sum' or 'none', got 'avg'",
    ),
    (lambda: nn.MSELoss(True), ValueError, "MSELoss: size_average=True is of the first PyTorch; write reduction='mean'"),
    (lambda: nn.NLLLoss(reduce=False), ValueError, "NLLLoss: reduce=False is of the first PyTorch"),
    (lambda: nn.CrossEntropyLoss([1.0, 2.0]), TypeError, "CrossEntropyLoss: weight must be a tensor, not a list"),
    (lambda: nn.BCEWithLogitsLoss(pos_weight=2.0), TypeError, "BCEWithLogitsLoss: pos_weight must be a tensor, not a float"),
    (lambda: nn.ParameterList([3]), TypeError, r"ParameterList: holds parameters, not int; write nn.Parameter"),
    (lambda: nn.ParameterDict({"a.b": ninx.ones(1)}), ValueError, "'a.b' cannot name a layer or a tensor: it has a dot"),
    (lambda: nn.ModuleDict({"a": F.relu}), TypeError, "ModuleDict: relu is a function; write a Module whose forward calls it"),
    (lambda: nn.ModuleDict(3), TypeError, r"ModuleDict: wants a dictionary or pairs \(name, module\), not int"),
    (lambda: nn.ModuleList(nn.ReLU()), TypeError, "ModuleList: wants several modules, such as a list, not ReLU"),
    (lambda: nn.ModuleList([nn.ReLU()])[1], IndexError, "ModuleList: there is no module 1, it has 1"),
    (lambda: nn.Sequential(nn.ReLU())["relu"], TypeError, "Sequential: an index is a whole number or a slice, not 'relu'"),
    (lambda: operator.add(nn.Sequential(), [nn.ReLU()]), TypeError, "Sequential: only another Sequential can be added, not list"),
    (lambda: nn.Sequential(nn.ReLU()) * 0, ValueError, "can be repeated a whole number of times, at least once, not 0"),
    (lambda: nn.init.xavier_uniform(ninx.ones(2, 2)), AttributeError, "init.xavier_uniform_"),
    (lambda: nn.LazyConv2d(96, 11), AttributeError, "ninx.nn has no LazyConv2d: sizes are given"),
]


@pytest.mark.parametrize(("call", "kind", "words"), REFUSED, ids=[words[:40] for _, _, words in REFUSED])
def test_what_is_not_supported_is_refused_in_a_sentence(call: Callable[[], Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


# -------------------------------------------------------------------- containers


def test_dictionaries_of_modules_are_pytorchs() -> None:
    found = []
    for lib in (nn, torch.nn):
        part = lib.ModuleDict({"a": lib.Linear(1, 2), "b": lib.ReLU()})
        part["c"] = lib.Linear(2, 1)
        part.update([("a", lib.Linear(3, 3)), ("d", lib.Tanh())])
        part.update(lib.ModuleDict({"e": lib.Sigmoid()}))
        popped = type(part.pop("b")).__name__
        del part["d"]
        net = lib.Module()
        net.parts = part
        with pytest.raises(KeyError):
            part["nothing"]
        with pytest.raises(KeyError):
            del part["nothing"]
        items = [(k, type(m).__name__) for k, m in part.items()]
        found.append((popped, items, list(part.keys()), len(list(part.values())), len(part), "a" in part, list(part), repr(net)))
        found[-1] += (list(net.state_dict()),)
        part.clear()
        assert len(part) == 0
    assert found[0] == found[1]


def test_lists_and_dictionaries_of_parameters_are_pytorchs() -> None:
    found = []
    for lib, top in ((nn, ninx), (torch.nn, torch)):
        row = lib.ParameterList([lib.Parameter(top.ones(2)), top.zeros(1)])
        row.append(lib.Parameter(top.ones(3)))
        row += [top.ones(1)]
        row.extend(lib.ParameterList([top.ones(4)]))
        row[0] = lib.Parameter(top.zeros(5))
        named = lib.ParameterDict({"left": top.ones(2)})
        named["right"] = lib.Parameter(top.ones(1))
        named.update({"up": top.ones(1)})
        named.pop("left")
        net = lib.Module()
        net.row, net.named = row, named
        shapes = [tuple(p.shape) for p in row], [tuple(p.shape) for p in row[1:3]], [tuple(p.shape) for p in named.values()]
        found.append((shapes, len(row), list(named.keys()), "up" in named, list(net.state_dict()), len(list(net.parameters()))))
        assert all(p.requires_grad for p in net.parameters())
    assert found[0] == found[1]


def test_sums_products_and_names_of_a_sequential_are_pytorchs() -> None:
    found = []
    for lib in (nn, torch.nn):
        a = lib.Sequential(OrderedDict([("conv", lib.Linear(2, 2)), ("act", lib.ReLU())]))
        b = lib.Sequential(lib.Linear(2, 2))
        made = [a, a + b, b * 2, 2 * b, operator.add(lib.ModuleList([lib.ReLU()]), [lib.Tanh()]), a[:1], a[-1]]
        found.append([(repr(m), list(m.state_dict())) for m in made])
        assert a.conv is a[0]
    assert found[0] == found[1]


ALONE = ("Softmax", "LogSoftmax", "AdaptiveAvgPool2d", "AdaptiveMaxPool2d")  # layers with one argument


def test_the_kinds_of_layers_are_told_apart() -> None:
    """isinstance says of ours what it says of PyTorch's, as programs that look for layers ask it."""
    plain = "ReLU SiLU Dropout Dropout2d Sequential ModuleList ModuleDict MSELoss L1Loss BCELoss"
    made: dict[str, Callable[[Any], Any]] = {name: lambda lib, name=name: getattr(lib, name)() for name in plain.split()}
    made |= {name: lambda lib, name=name: getattr(lib, name)(1) for name in ALONE}
    for name, make in made.items():
        for other in made:
            ours, theirs = (isinstance(make(lib), getattr(lib, other)) for lib in (nn, torch.nn))
            assert ours == theirs, (name, other)


def test_layers_begin_anew() -> None:
    for layer in (nn.Linear(3, 3), nn.Conv2d(2, 2, 3), nn.BatchNorm1d(3)):
        with ninx.no_grad():
            layer.weight[...] = 7.0
        layer.reset_parameters()
        assert not (layer.weight == 7).any()
    assert nn.Linear(0, 2)(ninx.ones(1, 0)).shape == (1, 2)
