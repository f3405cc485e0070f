"""What PyTorch exports, read by `ninx.onnx.load`: logits and gradients are PyTorch's."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch_nets
from torch import nn

import ninx
import ninx.onnx

TRAINING, EVAL, PRESERVE = (getattr(torch.onnx.TrainingMode, name) for name in ("TRAINING", "EVAL", "PRESERVE"))


class Residual(nn.Module):
    """A block of a ResNet: two convolutions, and what is added to them, made to fit by one of 1x1."""

    def __init__(self, c: int, o: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(c, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.relu = nn.ReLU(inplace=True)
        self.conv2, self.bn2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        self.downsample = nn.Sequential(nn.Conv2d(c, o, 1, stride, bias=False), nn.BatchNorm2d(o)) if stride > 1 else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.layer1 = nn.Sequential(Residual(8, 8, 1), Residual(8, 8, 1))
        self.layer2 = nn.Sequential(Residual(8, 16, 2), Residual(16, 16, 1))
        self.fc = nn.Linear(16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(torch.flatten(nn.functional.adaptive_avg_pool2d(self.layer2(self.layer1(self.stem(x))), 1), 1))


class VGG(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = torch_nets.vgg_maps("8 M 16 16 M")
        self.avgpool = nn.AdaptiveAvgPool2d(4)
        head = [
            nn.Linear(256, 32),
            nn.ReLU(True),
            nn.Dropout(),
            nn.Linear(32, 32),
            nn.ReLU(True),
            nn.Dropout(0.3),
            nn.Linear(32, 10),
        ]
        self.classifier = nn.Sequential(*head)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


class Depthwise(nn.Module):
    """Inverted residuals as in MobileNetV2, with ReLU6, and a gate of each channel as in MobileNetV3."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
        expand, depthwise = nn.Conv2d(8, 24, 1, bias=False), nn.Conv2d(24, 24, 3, 1, 1, groups=24, bias=False)
        self.block = nn.Sequential(expand, nn.BatchNorm2d(24), nn.ReLU6(), depthwise, nn.BatchNorm2d(24), nn.ReLU6())
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(24, 6, 1), nn.ReLU(), nn.Conv2d(6, 24, 1), nn.Hardsigmoid())
        self.project = nn.Sequential(nn.Conv2d(24, 8, 1, bias=False), nn.BatchNorm2d(8))
        self.head = nn.Linear(8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        y = self.block(x)
        return self.head((x + self.project(y * self.gate(y))).mean([2, 3]))


class Odds(nn.Module):
    """What else classifiers are made of: uneven padding, dilation, transposed convolution, views, parts, softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, dilation=2, padding=(2, 1), groups=1)
        self.up = nn.ConvTranspose2d(8, 6, 3, stride=2, padding=1, output_padding=1, groups=2)
        self.prelu, self.elu = nn.PReLU(6), nn.ELU()
        self.pool = nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False)
        self.line = nn.Conv1d(6, 4, 3, padding=1)
        self.fc = nn.Linear(4, 10)
        self.scale = nn.Parameter(torch.full((6, 1, 1), 0.7))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.leaky_relu(self.conv(nn.functional.pad(x, (1, 0, 0, 2))), 0.2)
        x = self.pool(self.elu(self.prelu(self.up(x)))) * self.scale
        x = torch.cat([x[:, :3, ::2], x[:, 3:, 1::2]], 1) if x.shape[2] % 2 == 0 else x - x.amax((2, 3), keepdim=True)
        x = self.line(x.reshape(x.shape[0], 6, -1))
        x = torch.sqrt(torch.exp(x).transpose(1, 2).sum(1) + 1) / 3
        return nn.functional.log_softmax(self.fc(x), 1)


def made(make: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    net: Any = torch_nets.alive(make())  # type: ignore[arg-type]  # any module has parameters
    return net.eval()  # type: ignore[no-any-return]  # a module


def exported(net: nn.Module, x: torch.Tensor, path: Path, **settings: Any) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that one of PyTorch's two exporters is old
        torch.onnx.export(net, (x,), str(path), **settings)
    net.eval()
    return path


def close(one: Any, other: Any, what: str) -> None:
    one, other = one.detach().numpy(), other.detach().numpy()
    assert one.shape == other.shape, what
    assert abs(one - other).max() <= 1e-5 * abs(other).max(), what


def compare(net: nn.Module, x: torch.Tensor, path: Path, learnt: bool = True) -> None:
    """Logits; the gradient of the input, and those of the parameters if the file has them all, under PyTorch's names.

    The gradients in float64: in float32 the larger of two nearly equal values may be another one here and there.
    """
    loaded = ninx.onnx.load(path)
    close(loaded(ninx.tensor(x.numpy())), net(x), "logits")
    net, loaded = net.double(), loaded.double()
    theirs, ours = x.double().requires_grad_(), ninx.tensor(x.double().numpy(), requires_grad=True)
    y, z = net(theirs), loaded(ours)
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    net.zero_grad()
    (y * weights).sum().backward()
    (z * ninx.tensor(weights.numpy())).sum().backward()
    close(ours.grad, theirs.grad, "input")
    if learnt:
        found = dict(loaded.named_parameters())
        for name, parameter in net.named_parameters():
            close(found[name].grad, parameter.grad, name)
        assert len(found) == len(list(net.parameters()))


SMALL = {"resnet": ResNet, "vgg": VGG, "depthwise": Depthwise, "nin-mnist-v1": lambda: torch_nets.whole("nin-mnist-v1")}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("mode", [TRAINING, EVAL], ids=["training", "eval"])
def test_small_networks(tmp_path: Path, name: str, mode: Any) -> None:
    """For evaluation PyTorch writes batch normalisations into the convolutions before them: then those have other weights."""
    net = made(SMALL[name])
    x = torch.randn(2, 1 if "mnist" in name else 3, 16, 16)
    settings = {"dynamic_axes": {"x": {0: "n"}}, "input_names": ["x"], "training": mode, "do_constant_folding": False}
    path = exported(net, x, tmp_path / "net.onnx", dynamo=False, **settings)
    compare(net, torch.randn(3, *x.shape[1:]), path, learnt=mode is TRAINING or name in ("vgg", "nin-mnist-v1"))


def test_what_else_classifiers_are_made_of(tmp_path: Path) -> None:
    net, x = made(Odds), torch.randn(2, 3, 13, 13)
    compare(net, x, exported(net, x, tmp_path / "net.onnx", dynamo=False), learnt=False)


def test_trained_with_batch_normalisation_as_torch_does(tmp_path: Path) -> None:
    """One step of SGD in training mode, running statistics included."""
    net = made(ResNet)
    x, labels = torch.randn(6, 3, 16, 16), torch.arange(6)
    path = exported(net, x, tmp_path / "net.onnx", dynamo=False, training=TRAINING, do_constant_folding=False)
    loaded = ninx.onnx.load(path).train()
    net.train()
    nn.functional.cross_entropy(net(x), labels).backward()
    torch.optim.SGD(net.parameters(), 0.1).step()
    ninx.functional.cross_entropy(loaded(ninx.tensor(x.numpy())), ninx.tensor(labels.numpy())).backward()
    ninx.optim.SGD(loaded.parameters(), 0.1).step()
    state = loaded.state_dict()
    for key, value in net.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            np.testing.assert_allclose(
                state[key].numpy(), value.numpy(), rtol=1e-4, atol=1e-4 * float(value.abs().max()), err_msg=key
            )


@pytest.mark.parametrize("name", [*SMALL, "odds"])
@pytest.mark.slow
def test_the_newer_exporter(tmp_path: Path, name: str) -> None:
    pytest.importorskip("onnxscript", reason="PyTorch's newer exporter needs the package onnxscript")
    net, x = made((SMALL | {"odds": Odds})[name]), torch.randn(2, 1 if "mnist" in name else 3, 16, 16)
    compare(net, x, exported(net, x, tmp_path / "net.onnx", dynamo=True, verbose=False), learnt=False)


@pytest.mark.parametrize("name", [*torch_nets.NETS, *torch_nets.MAPS])
@pytest.mark.slow
def test_twins_of_the_presets(tmp_path: Path, name: str) -> None:
    net: Any = torch_nets.alive(torch_nets.whole(name)).eval()
    channels = next(net.parameters()).shape[1]
    side = {"nin-imagenet": 224, "nin-d2l": 224, "nin-bn-fc": 224}.get(
        name, 224 if name in torch_nets.MAPS else 28 if channels == 1 else 32
    )
    x = torch.randn(2, channels, side, side)
    settings: dict[str, Any] = {"dynamo": False, "training": PRESERVE, "do_constant_folding": False}
    if name == "alexnet-caffe":  # the older exporter writes its normalisation with an If
        pytest.importorskip("onnxscript", reason="PyTorch's newer exporter needs the package onnxscript")
        settings = {"dynamo": True, "verbose": False}
    compare(net, x, exported(net, x, tmp_path / "net.onnx", **settings))
