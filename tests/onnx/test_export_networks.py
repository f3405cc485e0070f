"""Whole networks as files: what stands in them, and that ONNX Runtime answers as ninx does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx_nets import LARGE, NETWORKS, ResNet, vgg, warm
from onnx_runtime import Function, distance, images, kinds, session

import ninx
from ninx import models, nn
from ninx.onnx import Unexportable, export

pytestmark = pytest.mark.host_only("a file is written on the host")

PRESETS = [pytest.param(name, marks=[pytest.mark.slow] if name in LARGE else []) for name in models.names()]


# -------------------------------------------------------------------- answers


@pytest.mark.parametrize("name", PRESETS)
def test_onnx_runtime_answers_as_the_preset(name: str, tmp_path: Path) -> None:
    assert distance(models.create(name), models.preset(name).input_shape, tmp_path / "net.onnx", (1, 2)) < 1e-5


@pytest.mark.parametrize("name", NETWORKS)
def test_onnx_runtime_answers_as_a_network_of_ones_own(name: str, tmp_path: Path) -> None:
    assert distance(warm(NETWORKS[name](), (3, 16, 16)), (3, 16, 16), tmp_path / "net.onnx", (1, 5)) < 1e-5


def test_the_number_of_images_has_a_name(tmp_path: Path) -> None:
    export(nn.Conv2d(3, 2, 3), (3, 8, 9), tmp_path / "net.onnx")
    (given,) = onnx.load(tmp_path / "net.onnx").graph.input
    assert [d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim] == ["N", 3, 8, 9]


def test_float64(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid()).double()
    export(net, (4,), tmp_path / "net.onnx")
    x = images(3, (4,)).astype(np.float64)
    (y,) = session(tmp_path / "net.onnx").run(None, {"input": x})
    assert y.dtype == np.float64
    assert np.allclose(y, net(ninx.tensor(x)).detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (lambda x: (x, x * 2), ["output.0", "output.1"]),
        (lambda x: {"a": x + 1, "b": [x, x]}, ["output.a", "output.b.0", "output.b.1"]),
        (lambda x: x, ["output"]),
    ],
)
def test_several_outputs_have_names(function: Any, names: list[str], tmp_path: Path) -> None:
    found = export(Function(function), (3,), tmp_path / "net.onnx")
    assert list(found.outputs) == names
    x = images(2, (3,))
    answers = session(tmp_path / "net.onnx").run(None, {"input": x})
    assert all(a.shape == (2, 3) for a in answers)


# -------------------------------------------------------------------- what stands in the file


def file_of(net: nn.Module, shape: tuple[int, ...], path: Path, **more: Any) -> Any:
    export(net, shape, path / "net.onnx", **more)
    return onnx.load(path / "net.onnx")


def test_layers_and_weights_keep_their_names(tmp_path: Path) -> None:
    net = ResNet()
    file = file_of(net, (3, 16, 16), tmp_path)
    names = [node.name for node in file.graph.node]
    assert names[:4] == ["conv1", "bn1", "/relu", "maxpool"]
    assert "layer1.1.downsample.0" in names
    assert "layer1.0/add" in names
    assert [n for n in names if n.startswith("layer1.0.relu")] == ["layer1.0.relu", "layer1.0.relu_1"]
    state = {name for name in net.state_dict() if not name.endswith("num_batches_tracked")}
    assert {i.name for i in file.graph.initializer} == state
    for array in file.graph.initializer:
        assert np.array_equal(onnx.numpy_helper.to_array(array), net.state_dict()[array.name].numpy())


@pytest.mark.parametrize("name", [n for n in models.names() if n not in LARGE])
def test_names_are_unique_and_sound(name: str, tmp_path: Path) -> None:
    """As Netron and ONNX want them: no two nodes of one name, no two values, none empty; and what is read is there."""
    file = file_of(models.create(name), models.preset(name).input_shape, tmp_path)
    names = [node.name for node in file.graph.node]
    made = [v for node in file.graph.node for v in node.output] + [i.name for i in file.graph.initializer] + ["input"]
    assert len(set(names)) == len(names)
    assert len(set(made)) == len(made)
    assert all(names)
    assert all(made)
    read = {v for node in file.graph.node for v in node.input}
    assert read <= set(made)
    onnx.checker.check_model(file, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(file, check_type=True, strict_mode=True, data_prop=True)
    assert len(inferred.graph.value_info) >= len(names) - 1


def test_batch_normalisation_and_dropout_stay_nodes_with_all_their_digits(tmp_path: Path) -> None:
    net = nn.Sequential({"norm": nn.BatchNorm2d(3, eps=1e-3, momentum=0.3), "drop": nn.Dropout(0.3), "drop2": nn.Dropout2d(0.6)})
    file = file_of(warm(net, (3, 4, 4)), (3, 4, 4), tmp_path)
    norm, drop, drop2 = file.graph.node
    told = [{p.key: p.value for p in node.metadata_props} for node in (norm, drop, drop2)]
    attributes = {a.name: a.f for a in norm.attribute}
    assert attributes == {"epsilon": np.float32(1e-3), "momentum": np.float32(0.7)}
    assert json.loads(told[0]["ninx.settings"])["momentum"] == 0.3
    assert json.loads(told[0]["ninx.settings"])["eps"] == 1e-3
    assert told[0]["ninx.num_batches_tracked"] == "2"
    arrays = {i.name: onnx.numpy_helper.to_array(i) for i in file.graph.initializer}
    assert list(drop.input[1:]) == ["drop/ratio", "/training_mode"]
    assert arrays["drop/ratio"] == np.float32(0.3)
    assert not arrays["/training_mode"]
    assert [t["ninx.class"] for t in told] == ["BatchNorm2d", "Dropout", "Dropout2d"]
    assert [t["ninx.module"] for t in told] == ["norm", "drop", "drop2"]


def test_what_dropout_makes_of_x_is_not_x(tmp_path: Path) -> None:
    """In evaluation the layer returns its input itself; in the file, as in training, they are two values."""

    class Net(nn.Module):
        def __init__(self) -> None:
            self.drop, self.same = nn.Dropout(0.5), nn.Identity()

        def forward(self, x: Any) -> Any:
            return x * self.same(self.drop(x))

    file = file_of(Net(), (3,), tmp_path)
    drop, mul = file.graph.node
    assert list(mul.input) == ["input", "drop"]
    assert list(drop.input[:1]) == ["input"]


def test_metadata(tmp_path: Path) -> None:
    file = file_of(nn.Linear(3, 2), (3,), tmp_path, classes=["cat", "Hündin"], metadata={"author": "me"})
    assert {p.key: p.value for p in file.metadata_props} == {"classes": '["cat", "Hündin"]', "author": "me"}
    assert json.loads(session(tmp_path / "net.onnx").get_modelmeta().custom_metadata_map["classes"]) == ["cat", "Hündin"]
    assert (file.ir_version, file.opset_import[0].version, file.producer_name) == (10, 19, "ninx")


def test_what_nobody_reads_is_left_out(tmp_path: Path) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            self.a, self.b = nn.Linear(3, 2), nn.Linear(3, 2)

        def forward(self, x: Any) -> Any:
            self.b(x)
            return self.a(x).max(1).values

    file = file_of(Net(), (3,), tmp_path)
    assert [node.op_type for node in file.graph.node] == ["Gemm", "ReduceMax"]
    assert {"a.weight", "a.bias"} == {i.name for i in file.graph.initializer if "/" not in i.name}


def test_one_weight_with_two_uses_is_there_once(tmp_path: Path) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            self.a = nn.Linear(3, 3)

        def forward(self, x: Any) -> Any:
            return self.a(self.a(x)) @ self.a.weight.t()

    assert distance(Net(), (3,), tmp_path / "net.onnx") < 1e-5
    file = onnx.load(tmp_path / "net.onnx")
    assert [i.name for i in file.graph.initializer] == ["a.weight", "a.bias"]
    assert [node.name for node in file.graph.node] == ["a", "a_1", "/permute", "/matmul"]


def test_names_that_are_taken(tmp_path: Path) -> None:
    net = nn.Sequential({"input": nn.Linear(3, 3), "output": nn.Linear(3, 3), "add": nn.ReLU(), "output_1": nn.ReLU()})
    file = file_of(net, (3,), tmp_path)
    assert [node.name for node in file.graph.node] == ["input", "output", "add", "output_1"]
    assert [o.name for o in file.graph.output] == ["output"]
    assert distance(net, (3,), tmp_path / "net.onnx") < 1e-5


# -------------------------------------------------------------------- the network stays as it was


def test_the_network_is_left_as_it_was(tmp_path: Path) -> None:
    net = warm(vgg(), (3, 16, 16)).train()
    net.classifier[2].eval()
    calls: list[int] = []
    handle = net.classifier.register_forward_hook(lambda *_: calls.append(1))
    before = {name: t.numpy().copy() for name, t in net.state_dict().items()}
    modes, hooks, random = (
        [m.training for m in net.modules()],
        [len(m._module_hooks or ()) for m in net.modules()],
        ninx.get_rng_state(),
    )
    export(net, (3, 16, 16), tmp_path / "net.onnx")
    assert [m.training for m in net.modules()] == modes
    assert [len(m._module_hooks or ()) for m in net.modules()] == hooks
    assert ninx.get_rng_state() == random
    assert all(np.array_equal(t.numpy(), before[name]) for name, t in net.state_dict().items())
    assert sys.getprofile() is None
    handle.remove()
    assert calls == [1, 1]


def test_after_an_error_too(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(3, 3), Function(lambda x: x.cumsum(1))).train()
    with pytest.raises(Unexportable):
        export(net, (3,), tmp_path / "net.onnx")
    assert sys.getprofile() is None
    assert net.training
    assert not net[0]._module_hooks
    assert not (tmp_path / "net.onnx").exists()


def test_another_profile_function_comes_back(tmp_path: Path) -> None:
    seen: list[str] = []

    def mine(frame: Any, event: str, arg: Any) -> None:
        seen.append(event)

    sys.setprofile(mine)
    try:
        export(nn.Linear(3, 2), (3,), tmp_path / "net.onnx")
        assert sys.getprofile() is mine
    finally:
        sys.setprofile(None)


def test_the_operators_of_a_network_in_a_row(tmp_path: Path) -> None:
    export(vgg(), (3, 16, 16), tmp_path / "net.onnx")
    assert kinds(tmp_path / "net.onnx") == [
        "Conv",
        "Relu",
        "MaxPool",
        "LRN",
        "Dropout",
        "Flatten",
        "Gemm",
        "Relu",
        "Dropout",
        "Gemm",
    ]


def test_nobody_waits_for_the_package_onnx_who_does_not_use_it() -> None:
    script = "import sys, ninx, ninx.cli.commands; ninx.onnx.export; assert 'onnx' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
