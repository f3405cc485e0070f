"""The networks: their sizes as published, and that they are what PyTorch would build."""

import numpy as np
import pytest
import torch
from torch import nn as tnn

import ninx
import ninx.functional as F
from ninx import models, optim

PARAMETERS = {
    "nin-cifar10": 966_986,
    "nin-mnist": 349_674,
    "nin-d2l": 1_992_166,
    "nin-mnist-v0": 4_370,
    "nin-mnist-v1": 4_590,
    "nin-mnist-v2": 5_010,
}
SHAPES = {"nin-cifar10": (3, 32, 32), "nin-d2l": (1, 224, 224)}  # the others: (1, 28, 28)


def test_every_model_has_its_number_of_parameters() -> None:
    assert set(models.names()) == set(PARAMETERS)
    for name, count in PARAMETERS.items():
        assert sum(p.numel() for p in models.create(name).parameters()) == count, name


def _mlpconv(c: int, widths: tuple[int, ...], k: int, stride: int = 1, padding: int | None = None) -> tnn.Sequential:
    layers: list[tnn.Module] = []
    for i, o in enumerate(widths):
        first = tnn.Conv2d(c, o, k, stride, k // 2 if padding is None else padding)
        layers += [tnn.Conv2d(c, o, 1) if i else first, tnn.ReLU()]
        c = o
    return tnn.Sequential(*layers)


def torch_nin_mnist() -> tnn.Sequential:
    """The authors' layers, written down again from the paper's definition file, without dropout."""
    return tnn.Sequential(
        _mlpconv(1, (96, 64, 48), 5),
        tnn.MaxPool2d(3, 2, ceil_mode=True),
        _mlpconv(48, (128, 96, 48), 5),
        tnn.MaxPool2d(3, 2, ceil_mode=True),
        _mlpconv(48, (128, 96, 10), 5),
        tnn.AdaptiveAvgPool2d(1),
        tnn.Flatten(),
    )


def torch_nin_cifar10() -> tnn.Sequential:
    """As in the authors' Caffe definition, which averages in the second pooling; without dropout."""
    return tnn.Sequential(
        _mlpconv(3, (192, 160, 96), 5),
        tnn.MaxPool2d(3, 2, ceil_mode=True),
        _mlpconv(96, (192, 192, 192), 5),
        tnn.AvgPool2d(3, 2, ceil_mode=True),
        _mlpconv(192, (192, 192, 10), 3),
        tnn.AdaptiveAvgPool2d(1),
        tnn.Flatten(),
    )


def torch_nin_d2l() -> tnn.Sequential:
    return tnn.Sequential(
        _mlpconv(1, (96, 96, 96), 11, 4, 0),
        tnn.MaxPool2d(3, 2),
        _mlpconv(96, (256, 256, 256), 5),
        tnn.MaxPool2d(3, 2),
        _mlpconv(256, (384, 384, 384), 3),
        tnn.MaxPool2d(3, 2),
        _mlpconv(384, (10, 10, 10), 3),
        tnn.AdaptiveAvgPool2d(1),
        tnn.Flatten(),
    )


def torch_staged(second: tuple[bool, bool, bool]) -> tnn.Sequential:
    layers: list[tnn.Module] = []
    for c, o, more in zip((1, 10, 20), (10, 20, 10), second, strict=True):
        layers += [_mlpconv(c, (o,) * (3 if more else 2), 3), tnn.MaxPool2d(2)]
    return tnn.Sequential(*layers, tnn.AdaptiveAvgPool2d(1), tnn.Flatten())


TWINS = {
    "nin-cifar10": torch_nin_cifar10,
    "nin-mnist": torch_nin_mnist,
    "nin-d2l": torch_nin_d2l,
    "nin-mnist-v0": lambda: torch_staged((False, False, False)),
    "nin-mnist-v1": lambda: torch_staged((True, False, True)),
    "nin-mnist-v2": lambda: torch_staged((True, True, True)),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_logits_and_gradients_equal_pytorch(name: str) -> None:
    theirs = TWINS[name]().double()
    switches = {} if name.startswith("nin-mnist-v") else {"dropout": 0}
    ours = models.create(name, **switches).double()
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, *SHAPES.get(name, (1, 28, 28)))), rng.integers(0, 10, 2)
    logits, reference = ours(ninx.tensor(x)), theirs(torch.tensor(x))
    np.testing.assert_allclose(logits.detach().numpy(), reference.detach().numpy(), rtol=1e-10, atol=1e-12)
    F.cross_entropy(logits, ninx.tensor(y)).backward()
    tnn.functional.cross_entropy(reference, torch.tensor(y)).backward()
    for (key, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert q.grad.any(), f"{key} has no gradient to compare"
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-8, atol=1e-12, err_msg=key)


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


def test_unknown_names_and_switches_suggest_the_nearest() -> None:
    with pytest.raises(ValueError, match="no model 'nin-minst'; did you mean 'nin-mnist'"):
        models.create("nin-minst")
    with pytest.raises(ValueError, match="model nin-mnist: there is no switch 'pool'; did you mean 'pool"):
        models.create("nin-mnist", pool=2)
    with pytest.raises(ValueError, match="pool2 must be 'max' or 'avg', got 'min'"):
        models.create("nin-mnist", pool2="min")


def test_twenty_steps_follow_pytorch() -> None:
    """Twenty SGD steps of nin-mnist from the same weights on the same batches, float64: the weights agree to 1e-10."""
    theirs = torch_nin_mnist().double()
    with torch.no_grad():
        for m in theirs.modules():
            if isinstance(m, tnn.Conv2d):
                tnn.init.kaiming_normal_(m.weight, nonlinearity="relu", generator=torch.Generator().manual_seed(0))
    ours = models.create("nin-mnist", dropout=0).double()
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    settings = {"lr": 0.01, "momentum": 0.9, "weight_decay": 5e-4}
    a, b = optim.SGD(ours.parameters(), **settings), torch.optim.SGD(theirs.parameters(), **settings)
    digits = ninx.data.load("digits", "train")
    losses = []
    for step in range(20):
        batch = slice(8 * step, 8 * step + 8)
        x = digits.images[batch, None].astype(np.float64) / 255
        loss = F.cross_entropy(ours(ninx.tensor(x)), ninx.tensor(digits.labels[batch]))
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
