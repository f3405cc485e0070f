"""The networks: their sizes as published, and that they are what PyTorch would build."""

import re
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch_nets
from torch import nn as tnn

import ninx
import ninx.functional as F
from ninx import models, nn, optim

pytestmark = pytest.mark.usefixtures("device")

PARAMETERS = {
    "nin-cifar10": 966_986,
    "nin-cifar100": 984_356,
    "nin-mnist": 349_674,
    "nin-svhn": 1_986_026,
    "nin-imagenet": 7_595_176,
    "nin-d2l": 1_992_166,
    "nin-mnist-v0": 4_370,
    "nin-mnist-v1": 4_590,
    "nin-mnist-v2": 5_010,
    "nin-bn-fc": 935_690,
    "nin-cifar10-bn": 969_822,
    "alexnet-caffe": 60_965_224,
    "alexnet": 61_100_840,
    "vgg11": 132_863_336,
    "vgg16": 138_357_544,
}


@pytest.mark.host_only("the shapes are those of any device")
def test_every_model_has_its_number_of_parameters() -> None:
    assert set(models.names()) == set(PARAMETERS)
    with nn.shapes_only():
        for name, count in PARAMETERS.items():
            assert sum(p.numel() for p in models.create(name).parameters()) == count, name


@pytest.mark.host_only("the shapes are those of any device")
def test_shapes_only_takes_no_memory_and_no_random_numbers() -> None:
    state = ninx.get_rng_state()
    with nn.shapes_only():
        bare = models.create("nin-cifar10-bn")
        linear = nn.Linear(3, 4)
    assert ninx.get_rng_state() == state
    whole = models.create("nin-cifar10-bn")
    assert {k: (v.shape, v.dtype) for k, v in bare.state_dict().items()} == {
        k: (v.shape, v.dtype) for k, v in whole.state_dict().items()
    }
    assert not any(any(p.array.strides) for p in bare.parameters() if p.ndim > 1)  # every entry is the same number
    with pytest.raises(ValueError, match="read-only"):
        linear.load_state_dict(nn.Linear(3, 4).state_dict())
    nn.Linear(3, 4).load_state_dict(nn.Linear(3, 4).state_dict())  # outside, layers have values again


def near(ours: ninx.Tensor, theirs: torch.Tensor, tolerance: float, what: str) -> None:
    """Every entry within ``tolerance`` of PyTorch's, measured by the largest of them, which is not 0."""
    got, wanted = ours.detach().numpy(), theirs.detach().numpy()
    assert got.shape == wanted.shape, what
    assert wanted.any(), f"{what}: nothing to compare"
    assert np.abs(got - wanted).max() <= tolerance * np.abs(wanted).max(), what


SLOW = [pytest.mark.host_only("layers as in the smaller networks, and slow")]


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=SLOW if n in ("nin-imagenet", "nin-d2l", "nin-svhn") else []) for n in torch_nets.NETS]
)
def test_model_equals_pytorch(name: str) -> None:
    """Logits and every gradient in training, then running statistics and logits in evaluation; float64, and float32 logits."""
    theirs, ours = torch_nets.alive(torch_nets.NETS[name]().double()), models.create(name).double()
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    rng, n = np.random.default_rng(0), 4 if name == "nin-bn-fc" else 2  # its last normalisation sees n values
    ninx.manual_seed(0)
    shape = (1, 28, 28) if name.startswith("nin-mnist") else models.preset(name).input_shape
    x, y = rng.standard_normal((n, *shape)), rng.integers(0, 10, n)
    logits = ours(ninx.tensor(x))
    ninx.manual_seed(0)  # the same masks
    reference = theirs(torch.tensor(x))
    near(logits, reference, 1e-8, "logits")
    F.cross_entropy(logits, ninx.tensor(y)).backward()
    tnn.functional.cross_entropy(reference, torch.tensor(y)).backward()
    biases = {f"{k}.bias" for k, m in theirs.named_modules() if isinstance(m, tnn.Conv2d)}
    for (key, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        if (
            name == "nin-cifar10-bn" and key in biases
        ):  # the normalisation takes it out again: its gradient is 0, but for rounding
            assert max(np.abs(p.grad.numpy()).max(), q.grad.abs().max().item()) < 1e-15, key
        else:
            near(p.grad, q.grad, 1e-8, f"gradient of {key}")
    for (key, p), q in zip(ours.named_buffers(), theirs.buffers(), strict=True):
        near(p, q, 1e-12, key)
    with torch.no_grad(), ninx.no_grad():
        reference = theirs.eval()(torch.tensor(x))
        near(ours.eval()(ninx.tensor(x)), reference, 1e-8, "logits in evaluation")
        near(ours.float()(ninx.tensor(x.astype(np.float32))), reference, 1e-4, "logits in float32")


def test_switches() -> None:
    x = ninx.randn(2, 1, 28, 28)
    plain = models.create("nin-mnist", dropout=0)
    assert not any(type(m).__name__ == "Dropout" for m in plain.modules())
    average = models.create("nin-mnist", pool2="avg")
    assert [type(m).__name__ for m in average.modules() if "Pool2d" in type(m).__name__] == [
        "MaxPool2d",
        "AvgPool2d",
        "GlobalAvgPool2d",
    ]
    assert (models.create("nin-mnist").eval()(x).detach().numpy() >= 0).all()
    assert (models.create("nin-mnist", last_relu=False).eval()(x).detach().numpy() < 0).any()
    assert [m.p for m in models.create("nin-mnist", dropout=0.3).modules() if type(m).__name__ == "Dropout"] == [0.3, 0.3]
    assert not (models.create("nin-mnist-v2")(x).detach().numpy() < 0).any()
    assert (models.create("nin-mnist-v2", last_relu=False)(x).detach().numpy() < 0).any()
    for name in models.names():
        if "mnist" in name or "cifar" in name or "svhn" in name:
            assert models.create(name, num_classes=7, in_channels=3)(ninx.randn(2, 3, 28, 28)).shape == (2, 7)
    sizes = {}
    for pooling in ("ceil", "pad1", "floor"):
        net = models.create("nin-mnist", pooling=pooling)
        shape = x.shape
        value = x
        for layer in list(net)[:2]:
            value = layer(value)
        sizes[pooling] = value.shape[2:]
        assert net.eval()(x).shape == (shape[0], 10)
    assert sizes == {"ceil": (14, 14), "pad1": (14, 14), "floor": (13, 13)}


def test_the_published_head_gives_forty_logits() -> None:
    """AvgPool2d(14) on 224 pixels leaves 2x2 per map. The global head has ten logits at any size."""
    for name in ("nin-mnist-v0", "nin-mnist-v1", "nin-mnist-v2"):
        assert models.create(name, head="as-published")(ninx.zeros(1, 1, 224, 224)).shape == (1, 40)
        assert models.create(name, head="as-published")(ninx.zeros(1, 1, 112, 112)).shape == (1, 10)
        for size in (28, 224):
            assert models.create(name)(ninx.zeros(1, 1, size, size)).shape == (1, 10)


def test_one_small_image_is_no_batch_to_normalise() -> None:
    net, image = models.create("nin-bn-fc"), ninx.randn(1, 3, 32, 32)
    with pytest.raises(ValueError, match="batch_norm: training needs more than one value for each channel"):
        net(image)
    assert net.eval()(image).shape == (1, 10)


KEYS = {
    "alexnet-caffe": "conv1 conv2 conv3 conv4 conv5 fc6 fc7 fc8",
    "alexnet": "features.{0,3,6,8,10} classifier.{1,4,6}",
    "vgg11": "features.{0,3,6,8,11,13,16,18} classifier.{0,3,6}",
    "vgg16": "features.{0,2,5,7,10,12,14,17,19,21,24,26,28} classifier.{0,3,6}",
}


@pytest.mark.host_only("the shapes are those of any device")
@pytest.mark.parametrize("name", KEYS)
def test_the_classics_have_the_keys_of_their_sources(name: str) -> None:
    with nn.shapes_only():
        keys = list(models.create(name).state_dict())
    wanted = []
    for word in KEYS[name].split():
        start, _, numbers = word.partition("{")
        wanted += [start + n for n in numbers.rstrip("}").split(",")]
    assert keys == [f"{layer}.{kind}" for layer in wanted for kind in ("weight", "bias")]


@pytest.mark.host_only("layers as in the networks above, and slow")
@pytest.mark.parametrize("name", torch_nets.MAPS)
def test_the_maps_of_the_classics_equal_pytorch(name: str) -> None:
    """All before the first Linear, on a small image, in float64; the weights of the rest are never made."""
    with nn.shapes_only():
        ours = models.create(name)
    theirs = torch_nets.alive(torch_nets.MAPS[name]().double())
    layers = ours[:15] if name == "alexnet-caffe" else ours[0]
    for p, q in zip(layers.parameters(), theirs.parameters(), strict=True):
        assert p.shape == tuple(q.shape)
        p.array = q.detach().numpy()
    rng = np.random.default_rng(0)
    side = 35 if name.startswith("vgg") else 67
    x = rng.standard_normal((1, 3, side, side))
    maps, reference = layers(ninx.tensor(x)), theirs(torch.tensor(x))
    near(maps, reference, 1e-8, "maps")
    g = rng.standard_normal(reference.shape)
    maps.backward(ninx.tensor(g))
    reference.backward(torch.tensor(g))
    for (key, p), q in zip(layers.named_parameters(), theirs.parameters(), strict=True):
        near(p.grad, q.grad, 1e-8, f"gradient of {key}")


@pytest.mark.slow
@pytest.mark.host_only("layers as in the networks above, and slow")
@pytest.mark.parametrize("name", torch_nets.MAPS)
def test_the_logits_of_the_classics_equal_pytorch(name: str) -> None:
    """The whole networks, in float32."""
    theirs = torch_nets.alive(torch_nets.whole(name)).eval()
    with nn.shapes_only():
        ours = models.create(name).eval()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert p.shape == tuple(q.shape)
        p.array = q.detach().numpy()
    x = np.random.default_rng(0).standard_normal((1, *models.preset(name).input_shape), dtype=np.float32)
    with torch.no_grad(), ninx.no_grad():
        near(ours(ninx.tensor(x)), theirs(torch.tensor(x)), 1e-4, "logits")


@pytest.mark.host_only("the shapes are those of any device")
@pytest.mark.parametrize("name", [n for n in torch_nets.NETS if not n.startswith("nin-mnist-v")])
def test_every_switch_does_what_it_says(name: str) -> None:
    """Turned against its default, each switch changes the layers that it names, and no other."""
    known = models.switches_of(name)

    def layers(**switches: object) -> list[str]:
        return [repr(m) for m in models.create(name, **switches).modules() if not list(m.children())]

    def kinds(lines: list[str], *wanted: str) -> list[str]:
        return [line for line in lines if line.startswith(wanted)]

    default = layers()
    if "pool2" in known:
        turned = layers(pool2="max" if known["pool2"] == "avg" else "avg")
        assert [a.split("(")[0] for a, b in zip(default, turned, strict=True) if a != b] in (["MaxPool2d"], ["AvgPool2d"])
        pools = [line.split("(")[0] for line in kinds(turned, "MaxPool2d", "AvgPool2d")]
        assert pools[1] == {"max": "AvgPool2d", "avg": "MaxPool2d"}[known["pool2"]]
    if "last_relu" in known:
        last = len(default) - 1 - default[::-1].index("ReLU()")
        assert layers(last_relu=False) == default[:last] + default[last + 1 :]
        assert len(default) - last == 3  # GlobalAvgPool2d and Flatten come after it
    for border, text in {
        "ceil": "padding=0.*ceil_mode=True",
        "pad1": "padding=1(?!.*ceil_mode=True)",  # an average pooling tells its ceil_mode only where it is True
        "floor": "padding=0(?!.*ceil_mode=True)",
    }.items():
        turned = layers(pooling=border)
        pools = kinds(turned, "MaxPool2d", "AvgPool2d")
        assert len(pools) >= 2
        assert all(re.search(text, line) for line in pools)
        assert (turned == default) == (border == known["pooling"])
    rate, places = 0.2 if name == "nin-cifar10-bn" else 0.5, 1 if name in ("nin-imagenet", "nin-d2l", "nin-bn-fc") else 2
    assert kinds(default, "Dropout") == [f"Dropout(p={rate})"] * places
    assert kinds(layers(dropout=0.25), "Dropout") == ["Dropout(p=0.25)"] * places
    assert layers(dropout=0) == [line for line in default if not line.startswith("Dropout")] != default
    normed, bare = layers(batch_norm=True), layers(batch_norm=False)
    assert bare == [line for line in normed if not line.startswith("BatchNorm2d")] != normed
    if name != "nin-bn-fc":
        assert all(b.startswith("BatchNorm2d") for a, b in pairwise(normed) if a.startswith("Conv2d"))


def test_unknown_names_and_switches_suggest_the_nearest() -> None:
    with pytest.raises(ValueError, match="no model 'nin-minst'; did you mean 'nin-mnist'"):
        models.create("nin-minst")
    with pytest.raises(ValueError, match="model nin-mnist: there is no switch 'pool'; did you mean 'pool"):
        models.create("nin-mnist", pool=2)
    with pytest.raises(ValueError, match=r"pooling must be .ceil. or .pad1. or .floor., got 'same'"):
        models.create("nin-mnist", pooling="same")
    with pytest.raises(ValueError, match="head must be 'global' or 'as-published', got 'max'"):
        models.create("nin-mnist-v1", head="max")
    with pytest.raises(ValueError, match="pool2 must be 'max' or 'avg', got 'min'"):
        models.create("nin-mnist", pool2="min")


@pytest.mark.parametrize(
    ("switches", "match"),
    [
        ({"last_relu": "False"}, "nin-mnist: last_relu must be true or false, got 'False'"),
        ({"batch_norm": 0}, "batch_norm must be true or false, got 0"),
        ({"num_classes": "ten"}, "num_classes must be a whole number, got 'ten'"),
        ({"num_classes": True}, "num_classes must be a whole number, got True"),
        ({"dropout": "0.5"}, "dropout must be a number, got '0.5'"),
        ({"pool2": None}, "pool2 must be a word, got None"),
    ],
)
def test_switches_of_another_type_are_refused(switches: dict, match: str) -> None:
    """The text "False" is what --set gives for a slip, and it would count as true."""
    with pytest.raises(ValueError, match=match):
        models.create("nin-mnist", **switches)
    assert models.create("nin-mnist", num_classes=np.int64(3), dropout=0)[4][4].bias.shape == (3,)


def test_twenty_steps_follow_pytorch(device: str) -> None:
    """Twenty SGD steps of nin-mnist with dropout, from the same weights on the same batches, float64: the weights agree to 1e-10.

    Three steps on the stand-in for CuPy, which is slow.
    """
    theirs = torch_nets.nin_mnist().double()
    with torch.no_grad():
        for m in theirs.modules():
            if isinstance(m, tnn.Conv2d):
                tnn.init.kaiming_normal_(m.weight, nonlinearity="relu", generator=torch.Generator().manual_seed(0))
    ours = models.create("nin-mnist").double()
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    settings = {"lr": 0.01, "momentum": 0.9, "weight_decay": 5e-4}
    a, b = optim.SGD(ours.parameters(), **settings), torch.optim.SGD(theirs.parameters(), **settings)
    digits = ninx.data.load("digits", "train")
    losses = []
    for step in range(20 if device == "cpu" else 3):
        batch = slice(8 * step, 8 * step + 8)
        x = digits.images[batch, None].astype(np.float64) / 255
        ninx.manual_seed(step)
        loss = F.cross_entropy(ours(ninx.tensor(x)), ninx.tensor(digits.labels[batch]))
        ninx.manual_seed(step)  # the same masks
        reference = tnn.functional.cross_entropy(theirs(torch.tensor(x)), torch.tensor(digits.labels[batch]))
        for optimizer, value in ((a, loss), (b, reference)):
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
        losses.append(loss.item())
    assert losses[-1] != pytest.approx(losses[0], abs=1e-3)  # something was learnt, so there is something to compare
    for (key, p), q in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        reference = q.detach().numpy()
        assert np.abs(p.numpy() - reference).max() <= 1e-10 * np.abs(reference).max(), key
