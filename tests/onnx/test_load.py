"""ninx.onnx.load: a file that keeps all names is the network that it was written of, to the last bit and step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_files
import pytest
from onnx import helper

import ninx
import ninx.functional as F
import ninx.onnx
from ninx import nn, optim


def network() -> nn.Sequential:
    """With batch normalisation, dropout in three places, and one of its poolings with ceil_mode."""
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 8, 5, padding=2), nn.BatchNorm2d(8, momentum=0.3), nn.ReLU(), nn.Conv2d(8, 6, 1), nn.ReLU()),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.Dropout(0.3),
        nn.Sequential(nn.Conv2d(6, 8, 3, padding=1, groups=2), nn.BatchNorm2d(8, eps=1e-3), nn.ReLU(), nn.Dropout(0.2)),
        nn.GlobalAvgPool2d(),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(8, 5),
    )


def trained(net: nn.Module, steps: int, images: ninx.Tensor, labels: ninx.Tensor) -> dict[str, ninx.Tensor]:
    ninx.manual_seed(11)
    net.train()
    optimiser = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for _ in range(steps):
        optimiser.zero_grad()
        F.cross_entropy(net(images), labels).backward()
        optimiser.step()
    return net.state_dict()


def images() -> tuple[ninx.Tensor, ninx.Tensor]:
    ninx.manual_seed(3)
    return ninx.randn(6, 3, 16, 16), ninx.randint(0, 5, (6,))


def test_trained_on_from_a_file_it_is_the_original_bit_for_bit(tmp_path: Path) -> None:
    x, labels = images()
    original = network()
    trained(original, 2, x, labels)  # so that the statistics are no zeros and ones
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_files.of_network(original.eval(), ["N", 3, 16, 16]).SerializeToString())
    loaded = ninx.onnx.load(path)
    assert not loaded.training
    assert list(loaded.state_dict()) == list(original.state_dict())
    norms = [(m.momentum, m.eps) for m in loaded.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms == [(0.3, 1e-5), (0.1, 1e-3)]  # and not what their float32 is as a float64
    np.testing.assert_array_equal(loaded(x).detach().numpy(), original(x).detach().numpy())
    one, other = trained(original, 5, x, labels), trained(loaded, 5, x, labels)
    for key, value in one.items():
        np.testing.assert_array_equal(other[key].numpy(), value.numpy(), err_msg=key)
    assert [(n, type(m)) for n, m in loaded.named_modules()] == [(n, type(m)) for n, m in original.named_modules()]


def test_a_row_of_layers_can_be_frozen_and_summed_up(tmp_path: Path) -> None:
    x, _ = images()
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_files.of_network(network().eval(), [None, 3, 16, 16]).SerializeToString())
    loaded = ninx.onnx.load(path)
    np.testing.assert_allclose(ninx.freeze(loaded, (3, 16, 16))(x).numpy(), loaded(x).detach().numpy(), atol=1e-5)
    assert [row.name for row in ninx.summary(loaded, (3, 16, 16)).rows] == [
        row.name for row in ninx.summary(network(), (3, 16, 16)).rows
    ]


def test_values_that_branch_are_added_and_joined(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "a.weight"], ["a"], name="a", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["r"], name="r"),
        helper.make_node("Add", ["r", "x"], ["s"], name="sum"),
        helper.make_node("Concat", ["s", "x"], ["y"], name="joined", axis=1),
    ]
    weight = np.random.default_rng(0).standard_normal((2, 2, 3, 3)).astype("f4")
    net = ninx.onnx.load(onnx_files.written(tmp_path / "n.onnx", nodes, {"x": [1, 2, 4, 4]}, ["y", "r"], {"a.weight": weight}))
    x = ninx.randn(1, 2, 4, 4, requires_grad=True)
    y, r = net(x)
    conv = F.conv2d(x, ninx.tensor(weight), padding=1).relu()
    np.testing.assert_array_equal(r.detach().numpy(), conv.detach().numpy())
    np.testing.assert_array_equal(y.detach().numpy(), ninx.cat([conv + x, x], 1).detach().numpy())
    y.sum().backward()
    assert net.get_parameter("a.weight").grad is not None
    assert [name for name, _ in net.named_children()] == ["a", "r", "sum", "joined"]
    with pytest.raises(ValueError, match=r"takes 1 tensors \(x\), got 2"):
        net(x, x)


def test_values_are_forgotten_when_the_last_has_read_them(tmp_path: Path) -> None:
    nodes = [helper.make_node("Add", [f"v{i}", "v0"], [f"v{i + 1}"], name=f"n{i}") for i in range(5)]
    net = ninx.onnx.load(onnx_files.written(tmp_path / "n.onnx", nodes, {"v0": [1]}, ["v5"]))
    assert [step[2] for step in zip(net.steps, net.inputs * 5, net.done, strict=True)] == [
        [*(["v0"] if i == 4 else []), *([f"v{i}"] if i else [])][::-1] for i in range(5)
    ]
    assert net(ninx.tensor([1.0])).item() == 6


def test_what_is_learnt_is_floats_with_a_dimension_and_no_constant(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Constant", [], ["half"], value_floats=[0.5, 0.5]),
        helper.make_node("Mul", ["x", "half"], ["a"], name="halved"),
        helper.make_node("Add", ["a", "shift"], ["b"], name="shifted"),
        helper.make_node("Add", ["b", "one"], ["y"], name="last"),
    ]
    tensors = {"shift": np.ones(2, "f4"), "one": np.float32(1)}
    net = ninx.onnx.load(onnx_files.written(tmp_path / "n.onnx", nodes, {"x": [2]}, ["y"], tensors))
    assert {name: p.tolist() for name, p in net.named_parameters()} == {"shifted.input1": [1.0, 1.0]}
    assert list(net.state_dict()) == ["shifted.input1"]
    assert net(ninx.tensor([2.0, 4.0])).tolist() == [3.0, 4.0]


@pytest.mark.parametrize(
    ("names", "paths"),
    [
        (["/features/features.0/Relu", "/features/features.1/Relu", "/Relu"], ["features.0", "features.1", "Relu"]),
        (["/layer1/layer1.0/conv1/Relu", "/layer1/layer1.0/Relu", "/a/Relu"], ["layer1.0.conv1", "layer1.0.Relu", "a"]),
        (["/relu/Relu", "/relu/Relu_1", "/relu/Relu_2"], ["relu", "relu_2", "relu_3"]),
        (["a", "a.b", "a.b"], ["a.relu", "a.b", "a.b_2"]),
        (["", "", "relu"], ["relu", "relu_2", "relu_3"]),
        (["eval", "inputs", "x y/z"], ["eval_", "inputs_", "x_y.z"]),
        ([".".join("a" * 3000), "b" * 300, "__class__"], ["relu", "b" * 100, "__class___"]),
    ],
)
def test_modules_are_called_as_the_nodes_are(tmp_path: Path, names: list[str], paths: list[str]) -> None:
    nodes = [helper.make_node("Relu", [f"v{i}"], [f"v{i + 1}"], name=name) for i, name in enumerate(names)]
    net = ninx.onnx.load(onnx_files.written(tmp_path / "n.onnx", nodes, {"v0": [1]}, ["v3"]))
    assert [path for path, module in net.named_modules() if type(module) is nn.ReLU] == paths
    assert net(ninx.tensor([-1.0])).item() == 0
