"""Modules: what they find in themselves, their state, and that their layers are PyTorch's."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import ninx
import ninx.functional as F
from ninx import nn

pytestmark = pytest.mark.usefixtures("device")

LAYERS = {
    "Conv2d": ((6, 4, 3), {"stride": 2, "padding": 1, "groups": 2}, (2, 6, 9, 7)),
    "Conv2d-1x1": ((6, 4, 1), {"bias": False}, (2, 6, 5, 4)),
    "Conv2d-same": ((3, 4, (3, 5)), {"padding": "same", "dilation": (2, 1)}, (2, 3, 9, 7)),
    "ConvTranspose2d": ((6, 4, 3), {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2}, (2, 6, 4, 5)),
    "ConvTranspose2d-dilated": ((3, 4, 2), {"dilation": (2, 3)}, (2, 3, 4, 5)),
    "Linear": ((7, 3), {}, (2, 4, 7)),
    "BatchNorm1d": ((5,), {}, (6, 5)),
    "BatchNorm1d-lines": ((5,), {}, (3, 5, 4)),
    "BatchNorm2d": ((5,), {"momentum": None}, (3, 5, 4, 2)),
    "BatchNorm2d-eps": ((5,), {"eps": 0.5, "momentum": 0.3}, (3, 5, 4, 2)),
    "BatchNorm2d-plain": ((5,), {"affine": False, "track_running_stats": False}, (3, 5, 4, 2)),
    "BatchNorm2d-tracked": ((5,), {"affine": False}, (3, 5, 4, 2)),
    "MaxPool2d-dilated": ((2,), {"stride": 1, "dilation": 2}, (2, 3, 8, 7)),
    "AvgPool2d-divisor": ((2,), {"divisor_override": 3}, (2, 3, 8, 7)),
    "LocalResponseNorm": ((3,), {"alpha": 0.5}, (2, 6, 4, 5)),
    "LocalResponseNorm-default": ((4,), {}, (2, 3, 4)),
    "MaxPool2d": ((3,), {"stride": 2, "padding": 1, "ceil_mode": True}, (2, 3, 8, 7)),
    "AvgPool2d": ((3, 2), {"padding": 1, "ceil_mode": True, "count_include_pad": False}, (2, 3, 8, 7)),
    "AdaptiveAvgPool2d": (((3, None),), {}, (2, 3, 8, 7)),
    "Flatten": ((1, 2), {}, (2, 3, 4, 5)),
    "Flatten-default": ((), {}, (2, 3, 4, 5)),
    "Identity": ((), {}, (2, 3)),
    "ReLU": ((), {}, (2, 3)),
    "LeakyReLU": ((0.2,), {}, (2, 3)),
    "Sigmoid": ((), {}, (2, 3)),
    "Tanh": ((), {}, (2, 3)),
    "Softmax": ((1,), {}, (2, 3)),
    "Conv2d-positions": ((4, 6, 3, 2, 1, 1, 2, False, "zeros", None, None), {}, (2, 4, 7, 6)),
    "Conv2d-one image": ((3, 4, 3), {"padding": "valid"}, (3, 7, 6)),
    "ConvTranspose2d-positions": ((4, 6, 3, 2, 1, 1, 2, False, 1, "zeros", None, None), {}, (2, 4, 4, 5)),
    "ConvTranspose2d-one image": ((3, 4, 3), {}, (3, 4, 5)),
    "Linear-positions": ((7, 3, False, None, None), {}, (7,)),
    "BatchNorm2d-positions": ((5, 1e-3, 0.2, True, True, None, None), {}, (3, 5, 4, 2)),
    "BatchNorm2d-no bias": ((5,), {"bias": False}, (3, 5, 4, 2)),
    "MaxPool2d-positions": ((3, 2, 1, 1, False, True), {}, (2, 3, 8, 7)),
    "MaxPool2d-one image": ((2,), {}, (3, 8, 7)),
    "AvgPool2d-one image": ((2,), {"stride": ()}, (3, 8, 7)),
    "AdaptiveAvgPool2d-one image": ((1,), {}, (3, 8, 7)),
    "AdaptiveMaxPool2d": (((3, None),), {}, (2, 3, 8, 7)),
    "AdaptiveMaxPool2d-one": ((1,), {}, (3, 8, 7)),
    "Unflatten": ((1, (2, -1)), {}, (3, 6, 2)),
    "Unflatten-last": ((-1, [3, 2]), {}, (4, 6)),
    "Identity-arguments": ((54,), {"bias": False}, (2, 3)),
    "ELU": ((0.5,), {}, (2, 3)),
    "SiLU": ((), {}, (2, 3)),
    "Softplus": ((2.0, 1.0), {}, (2, 3)),
    "ReLU6": ((), {}, (2, 3)),
    "Hardtanh": ((-0.5, 0.5), {}, (2, 3)),
    "PReLU": ((3,), {"init": 0.5}, (2, 3, 4)),
    "LogSoftmax": ((1,), {}, (2, 3)),
}


@pytest.mark.parametrize("key", LAYERS)
def test_layer_equals_pytorch(key: str) -> None:
    """Value, input gradient and parameter gradients, in training and in evaluation, with weights moved by state_dict."""
    args, settings, shape = LAYERS[key]
    name = key.split("-")[0]
    ours, theirs = getattr(nn, name)(*args, **settings).double(), getattr(torch.nn, name)(*args, **settings).double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    rng = np.random.default_rng(1)
    for mode in (True, False):
        ours.train(mode)
        theirs.train(mode)
        for _ in range(2):  # twice, so that running statistics are used as well as made
            value = rng.standard_normal(shape)
            x, t = ninx.tensor(value, requires_grad=True), torch.tensor(value, requires_grad=True)
            y, u = ours(x), theirs(t)
            cotangent = rng.standard_normal(u.shape)
            ours.zero_grad()
            theirs.zero_grad()
            y.backward(ninx.tensor(cotangent))
            u.backward(torch.tensor(cotangent))
            np.testing.assert_allclose(y.detach().numpy(), u.detach().numpy(), rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), rtol=1e-10, atol=1e-12)
            for (k, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
                np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-10, atol=1e-11, err_msg=k)
    for k, v in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[k].numpy(), v.numpy(), rtol=1e-12, err_msg=k)


LOSSES = ["CrossEntropyLoss", "NLLLoss", "MSELoss", "L1Loss", "SmoothL1Loss", "BCELoss", "BCEWithLogitsLoss"]


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_loss_module_equals_pytorch(name: str, reduction: str) -> None:
    rng = np.random.default_rng(2)
    x = rng.random((5, 4))
    target = rng.integers(0, 4, 5) if name in ("CrossEntropyLoss", "NLLLoss") else rng.random((5, 4))
    ours = getattr(nn, name)(reduction=reduction)(ninx.tensor(x), ninx.tensor(target))
    theirs = getattr(torch.nn, name)(reduction=reduction)(torch.tensor(x), torch.tensor(target))
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("CrossEntropyLoss", {"label_smoothing": 0.2}),
        ("CrossEntropyLoss", {"ignore_index": 1}),
        ("CrossEntropyLoss", {"weight": np.array([0.5, 1.0, 2.0, 4.0])}),
        ("NLLLoss", {"ignore_index": 1}),
        ("NLLLoss", {"weight": np.array([0.5, 1.0, 2.0, 4.0])}),
    ],
)
def test_settings_of_losses_reach_the_function(name: str, settings: dict) -> None:
    x, target = np.random.default_rng(2).standard_normal((5, 4)), np.array([0, 1, 2, 3, 1])
    values, keys = [], []
    for modules, make in ((nn, ninx.from_numpy), (torch.nn, torch.tensor)):
        given = {k: make(v) if isinstance(v, np.ndarray) else v for k, v in settings.items()}
        loss = getattr(modules, name)(**given)
        values.append(loss(make(x), make(target)).item())
        keys.append(list(loss.state_dict()))
    assert values[0] == pytest.approx(values[1], rel=1e-12)
    assert keys[0] == keys[1]  # the weights are a part of the state


def test_dropout_drops_entries_or_maps_and_only_in_training() -> None:
    x = ninx.ones(4, 8, 5, 5)
    for layer, whole_maps in ((nn.Dropout(0.5), False), (nn.Dropout2d(0.5), True)):
        dropped = layer(x).array == 0
        assert 0 < dropped.mean() < 1
        assert (dropped == dropped[:, :, :1, :1]).all() == whole_maps
        assert layer.eval()(x) is x


def test_global_average() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    np.testing.assert_allclose(nn.GlobalAvgPool2d()(ninx.tensor(x)).numpy(), x.mean((2, 3), keepdims=True), rtol=1e-12)


def test_default_initial_values_have_pytorchs_distribution() -> None:
    ours, theirs = nn.Conv2d(16, 400, 5), torch.nn.Conv2d(16, 400, 5)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        bound = np.float32(1 / np.sqrt(16 * 25))  # a draw may reach it, and in float32 0.05 is a little more than in float64
        assert np.abs(p.detach().numpy()).max() <= bound
        assert q.abs().max().item() <= bound
        assert p.detach().numpy().std() == pytest.approx(q.std().item(), rel=0.1)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("xavier_uniform_", {"gain": 2.0}),
        ("xavier_normal_", {}),
        ("kaiming_uniform_", {"a": 0.3}),
        ("kaiming_uniform_", {"mode": "fan_out", "nonlinearity": "relu"}),
        ("kaiming_normal_", {"nonlinearity": "tanh"}),
        ("uniform_", {"a": -1.0, "b": 3.0}),
        ("normal_", {"mean": 1.0, "std": 0.5}),
        ("constant_", {"val": 0.3}),
        ("zeros_", {}),
        ("ones_", {}),
    ],
)
def test_initialisers_have_pytorchs_moments(name: str, settings: dict) -> None:
    """60,000 draws: mean and deviation agree to 3 % of the deviation, the extremes of a uniform one too."""
    shape = (60, 40, 5, 5)
    ours, theirs = getattr(nn.init, name)(ninx.zeros(shape), **settings).numpy(), torch.zeros(shape)
    theirs = getattr(torch.nn.init, name)(theirs, **settings).numpy()
    scale = max(theirs.std(), 1e-6)
    assert abs(ours.mean() - theirs.mean()) < 0.03 * scale
    assert abs(ours.std() - theirs.std()) < 0.03 * scale
    if "uniform" in name:
        assert ours.max() == pytest.approx(theirs.max(), rel=0.01)


@pytest.mark.parametrize("shape", [(4, 4, 1, 1), (5, 3, 3, 2), (2, 6, 4, 5), (3, 3, 4)])
def test_dirac_is_pytorchs(shape: tuple[int, ...]) -> None:
    ours, theirs = nn.init.dirac_(ninx.ones(shape)), torch.nn.init.dirac_(torch.ones(shape))
    assert np.array_equal(ours.numpy(), theirs.numpy())


class Net(nn.Module):
    def __init__(self) -> None:
        self.body = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU())
        self.heads = nn.ModuleList([nn.Linear(2, 3), nn.Linear(2, 4)])
        self.tied = self.heads[0]
        self.scale = nn.Parameter(np.ones(2))
        self.register_buffer("steps", ninx.zeros(1))
        self.absent = None


class TorchNet(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.ReLU())
        self.heads = torch.nn.ModuleList([torch.nn.Linear(2, 3), torch.nn.Linear(2, 4)])
        self.tied = self.heads[0]
        self.scale = torch.nn.Parameter(torch.ones(2))
        self.register_buffer("steps", torch.zeros(1))
        self.absent = None


def test_names_are_pytorchs() -> None:
    ours, theirs = Net(), TorchNet()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for method in ("named_parameters", "named_buffers", "named_modules", "named_children"):
        assert [n for n, _ in getattr(ours, method)()] == [n for n, _ in getattr(theirs, method)()], method


def test_load_state_dict_is_strict_and_changes_nothing_on_error() -> None:
    source, target = Net(), Net()
    good = {k: v.numpy().copy() + 1 for k, v in source.state_dict().items()}
    before = {k: v.numpy().copy() for k, v in target.state_dict().items()}
    bad = dict(good, **{"scale": np.ones(3)})
    with pytest.raises(RuntimeError, match=r"size mismatch for scale: \(3,\) given, \(2,\) wanted"):
        target.load_state_dict(bad)
    with pytest.raises(RuntimeError, match=r"missing key\(s\): scale.*unexpected key\(s\): other"):
        target.load_state_dict({k: v for k, v in good.items() if k != "scale"} | {"other": np.ones(1)})
    for k, v in target.state_dict().items():
        assert np.array_equal(v.numpy(), before[k]), k
    keys = target.load_state_dict({"scale": np.full(2, 5.0), "other": np.ones(1)}, strict=False)
    assert target.scale.tolist() == [5, 5]
    assert keys.unexpected_keys == ["other"]
    assert "body.0.weight" in keys.missing_keys
    target.load_state_dict(good)
    for k, v in target.state_dict().items():
        assert np.array_equal(v.numpy(), good[k]), k


def test_modes_apply_and_moves() -> None:
    net = Net()
    assert not any(m.training for m in net.eval().modules())
    assert all(m.training for m in net.train().modules())
    names: list[str] = []
    net.apply(lambda m: names.append(type(m).__name__))
    expected: list[str] = []
    TorchNet().apply(lambda m: expected.append(type(m).__name__.replace("TorchNet", "Net")))
    assert names == expected
    net.double()
    assert all(p.dtype == np.float64 for p in net.parameters())
    assert net.body[1].num_batches_tracked.dtype == np.int64
    assert all(p.dtype == np.float32 for p in net.float().parameters())
    assert not any(p.requires_grad for p in net.requires_grad_(False).parameters())


def test_gradients_move_with_their_parameters() -> None:
    layer = nn.Linear(2, 2)
    layer(ninx.ones(1, 2)).sum().backward()
    layer.double()
    assert {p.grad.dtype for p in layer.parameters()} == {np.dtype(np.float64)}
    layer(ninx.ones(1, 2, dtype=np.float64)).sum().backward()
    assert layer.weight.grad.tolist() == [[2, 2], [2, 2]]


def test_zero_grad() -> None:
    layer = nn.Linear(2, 2)
    layer(ninx.ones(1, 2)).sum().backward()
    assert all(p.grad is not None for p in layer.parameters())
    layer.zero_grad()
    assert all(p.grad is None for p in layer.parameters())


def test_repr_is_a_tree() -> None:
    text = repr(nn.Sequential(nn.MLPConv(1, (2, 3), 3, padding=1), nn.MaxPool2d(2), nn.Dropout(0.2)))
    assert text == "\n".join(
        [
            "Sequential(",
            "  (0): MLPConv(",
            "    (0): Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))",
            "    (1): ReLU()",
            "    (2): Conv2d(2, 3, kernel_size=(1, 1), stride=(1, 1))",
            "    (3): ReLU()",
            "  )",
            "  (1): MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)",
            "  (2): Dropout(p=0.2)",
            ")",
        ]
    )


def test_containers() -> None:
    chain = nn.Sequential({"first": nn.Linear(2, 3), "last": nn.ReLU()})
    assert list(chain.state_dict()) == ["first.weight", "first.bias"]
    numbered = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    assert len(numbered) == 3
    assert numbered[-1] is list(numbered)[2]
    assert isinstance(numbered[:2], nn.Sequential)
    assert type(nn.ModuleList(numbered)[:2]) is nn.ModuleList
    assert list(numbered[1:].state_dict()) == list(torch.nn.Sequential(*map(_twin, (0, 1, 2)))[1:].state_dict())
    numbered.append(nn.Identity())
    assert len(numbered) == 4


EDITS: dict[str, Callable[[Any, Any], object]] = {  # what is done to a container of lib's layers
    "set": lambda lib, net: net.__setitem__(-1, lib.Linear(3, 5)),
    "delete": lambda lib, net: net.__delitem__(0),
    "delete several": lambda lib, net: net.__delitem__(slice(0, 2)),
    "insert": lambda lib, net: net.insert(1, lib.Tanh()),
    "insert at the end": lambda lib, net: net.insert(len(net), lib.Linear(1, 1)),
    "extend": lambda lib, net: net.extend([lib.ReLU(), lib.Linear(1, 2)]),
    "append": lambda lib, net: net.append(lib.Linear(1, 1)),
    "add": lambda lib, net: (
        net.__iadd__([lib.ReLU()]) if isinstance(net, lib.ModuleList) else net.extend(lib.Sequential(lib.ReLU()))
    ),
    "pop": lambda lib, net: net.pop(1),
    "delete the last": lambda lib, net: net.__delitem__(-1),
    "slice": lambda lib, net: net[1:],
    "slice of a slice": lambda lib, net: net[1:][1:],
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("kind", ["Sequential", "ModuleList"])
def test_containers_are_edited_as_pytorchs(kind: str, edit: str) -> None:
    texts, keys = [], []
    for lib in (nn, torch.nn):
        layers = lib.Linear(2, 3), lib.ReLU(), lib.Linear(3, 1)
        net = lib.Sequential(*layers) if kind == "Sequential" else lib.ModuleList(layers)
        done = EDITS[edit](lib, net)
        net = done if "slice" in edit else net
        texts.append(repr(net))
        keys.append(list(net.state_dict()))
    assert texts[0] == texts[1]
    assert keys[0] == keys[1]


def test_after_a_slice_nothing_is_lost() -> None:
    layers = nn.ModuleList([nn.Linear(2, 2) for _ in range(4)])[2:]
    first = layers[0]
    assert len(layers.append(nn.Linear(2, 2))) == 3
    assert layers[0] is first
    tail = nn.Sequential(*(nn.Linear(2, 2) for _ in range(4)))[2:]  # named 2 and 3: PyTorch's append overwrites one of them
    kept = list(tail)
    assert list(tail.append(nn.ReLU()))[:2] == kept


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (lambda: nn.Sequential([nn.ReLU()]), r"Sequential: a list is no layer, write \*layers for its entries"),
        (lambda: nn.Sequential(nn.ReLU), r"Sequential: ReLU is a class, make a layer of it: ReLU\(...\)"),
        (lambda: nn.Sequential(F.relu), "Sequential: relu is a function; write a Module whose forward calls it"),
        (lambda: nn.ModuleList([[nn.ReLU()]]), r"ModuleList: a list is no layer, write \*layers"),
        (lambda: nn.ModuleList([None]), "ModuleList: NoneType is no Module"),
        (lambda: nn.Sequential({"act": nn.Tanh}), "Sequential: Tanh is a class"),
        (lambda: nn.ModuleList().append(np.ones(2)), "ModuleList: ndarray is no Module"),
        (lambda: nn.Sequential(nn.ReLU()).__setitem__(0, nn.Tanh), "Sequential: Tanh is a class"),
    ],
)
def test_what_is_no_layer_is_refused_and_does_not_vanish(made: Callable[[], object], sentence: str) -> None:
    with pytest.raises(TypeError, match=sentence):
        made()


@pytest.mark.parametrize("name", ["forward", "training", "a.b", ""])
def test_a_layer_cannot_have_the_name_of_an_attribute(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a layer"):
        nn.Sequential({name: nn.ReLU()})


def test_keywords_reach_forward() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            self.conv = nn.Conv2d(1, 2, 3)

        def forward(self, x: ninx.Tensor, features: bool = False) -> ninx.Tensor:
            y = self.conv(input=x)
            return y if features else y.mean((2, 3))

    x = ninx.zeros(1, 1, 5, 5)
    assert Net()(x, features=True).shape == (1, 2, 3, 3)
    assert Net()(x=x).shape == (1, 2)
    assert nn.CrossEntropyLoss()(input=ninx.zeros(2, 3), target=ninx.tensor([0, 2])).item() == pytest.approx(np.log(3))


def _twin(i: int) -> torch.nn.Module:
    return (torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))[i]


def test_text_of_what_differs_from_the_defaults() -> None:
    for settings in ({"bias": False}, {"padding": 2, "dilation": 3, "groups": 2}):
        assert repr(nn.Conv2d(4, 6, 3, **settings)) == repr(torch.nn.Conv2d(4, 6, 3, **settings))


@pytest.mark.parametrize("param", [None, 0.0, 0.5])
def test_gains_are_pytorchs(param: float | None) -> None:
    for name in ("linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu"):
        assert nn.init.calculate_gain(name, param) == torch.nn.init.calculate_gain(name, param)


def test_mlpconv_is_a_perceptron_slid_over_the_image() -> None:
    """The output at a pixel is the perceptron of its patch: the definition, one pixel at a time."""
    block = nn.MLPConv(2, (5, 4, 3), 3, padding=1).double()
    x = np.random.default_rng(3).standard_normal((1, 2, 6, 6))
    y = block(ninx.tensor(x)).detach().numpy()
    for i, j in ((1, 1), (2, 4), (4, 3)):
        signal = x[0, :, i - 1 : i + 2, j - 1 : j + 2].reshape(-1)
        for layer in (block[0], block[2], block[4]):
            signal = np.maximum(
                layer.weight.detach().numpy().reshape(layer.out_channels, -1) @ signal + layer.bias.detach().numpy(), 0
            )
        np.testing.assert_allclose(y[0, :, i, j], signal, rtol=1e-12)
    double = nn.MLPConv(2, (5, 4), 3, stride=2, padding=1, dtype="float64")
    assert {p.dtype for p in double.parameters()} == {np.dtype(np.float64)}
    assert double(ninx.tensor(x)).shape == (1, 4, 3, 3)
    assert (nn.MLPConv(2, (5, 3), 3, last_relu=False)(ninx.randn(1, 2, 8, 8)).detach().numpy() < 0).any()


def test_modules_can_be_copied_and_pickled() -> None:
    net = Net()
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert twin.tied is twin.heads[0]
        assert isinstance(twin.scale, nn.Parameter)
        for (k, a), b in zip(net.state_dict().items(), twin.state_dict().values(), strict=True):
            assert np.array_equal(a.numpy(), b.numpy()), k
            assert not np.shares_memory(a.numpy(), b.numpy()), k


def test_weights_lie_channels_last() -> None:
    """The kernels read a weight as (O, KH, KW, C); a weight that lies otherwise would be copied at every step."""
    assert nn.Conv2d(3, 4, 5).weight.array.transpose(0, 2, 3, 1).flags.c_contiguous


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "groups=2 must divide in_channels=3"),
        (lambda: nn.Conv2d(3, 4, (3, 3, 3)), "kernel_size must be one whole number or two"),
        (lambda: nn.Conv2d(3, 4, 3)(ninx.zeros(1, 2, 5, 5)), "input has 2 channels.*wants 3"),
        (lambda: nn.Conv2d(3, 4, 7)(ninx.zeros(1, 3, 5, 5)), r"kernel 7x7 .* does not fit input 5x5 .* = -1"),
        (lambda: nn.Linear(3, 4)(ninx.zeros(1, 2)), r"input \(1, 2\) must end with in_features of weight \(4, 3\)"),
        (lambda: nn.BatchNorm2d(3)(ninx.zeros(2, 3)), r"must be 4-d, got shape \(2, 3\)"),
        (lambda: nn.BatchNorm2d(3)(ninx.zeros(1, 3, 1, 1)), "more than one value for each channel"),
        (lambda: nn.Dropout(1.5), "p must be from 0 to 1"),
        (lambda: nn.init.kaiming_normal_(ninx.zeros(3)), "need at least 2 dimensions"),
        (lambda: nn.init.dirac_(ninx.zeros(3, 3)), r"dirac_: needs a convolution's weight, .* got shape \(3, 3\)"),
        (lambda: nn.init.calculate_gain("swish"), "unknown non-linearity 'swish'"),
    ],
)
def test_wrong_arguments_say_what_is_wrong(make, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make()
