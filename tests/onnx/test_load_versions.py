"""Operators as each version of ONNX has them, and windows at the edges: ONNX Runtime says what comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx_files
import onnxruntime
import pytest
from onnx import helper

import ninx
import ninx.onnx


def whole(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def agree(path: Path, kind: str, x: np.ndarray, others: tuple[Any, ...], settings: dict[str, Any], opset: int) -> None:
    """The operator on x and on tensors of the file (None: absent), here and there."""
    names = [f"t{i}" if other is not None else "" for i, other in enumerate(others)]
    tensors = {name: other for name, other in zip(names, others, strict=True) if name}
    node = helper.make_node(kind, ["x", *names], ["y"], name="n", **settings)
    made_type = {"ArgMax": 7, "Cast": settings.get("to", 1)}.get(kind, 1)
    file = onnx_files.written(path / "n.onnx", [node], {"x": x.shape}, ["y"], tensors, opset=opset, made_type=made_type)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    (wanted,) = onnxruntime.InferenceSession(str(file), options, ["CPUExecutionProvider"]).run(None, {"x": x})
    found = ninx.onnx.load(file)(ninx.tensor(x)).detach().numpy()
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def values(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


CUBE = values(2, 3, 4, 5)
VERSIONS: list[tuple[str, dict[int, tuple[tuple[Any, ...], dict[str, Any]]]]] = [
    ("Dropout", {7: ((), {"ratio": 0.3}), 10: ((), {"ratio": 0.3}), 12: ((np.float32(0.3),), {}), 22: ((), {})}),
    ("Clip", {7: ((), {"min": -0.5}), 10: ((), {"min": -0.5, "max": 0.25}), 11: ((np.float32(-0.5), np.float32(0.25)), {})}),
    (
        "Clip",
        {12: ((None, np.float32(0.25)), {}), 13: ((np.float32(0), np.float32(6)), {}), 20: ((np.float32(1), np.float32(-1)), {})},
    ),
    ("Squeeze", {11: ((), {"axes": [0]}), 12: ((), {}), 13: ((whole(-4),), {}), 21: ((), {})}),
    ("Unsqueeze", {7: ((), {"axes": [0, 5]}), 12: ((), {"axes": [1]}), 13: ((whole(-1, 0),), {})}),
    ("Softmax", {7: ((), {}), 12: ((), {"axis": 2}), 11: ((), {"axis": -1}), 13: ((), {}), 17: ((), {"axis": 1})}),
    ("LogSoftmax", {7: ((), {}), 12: ((), {"axis": 3}), 13: ((), {"axis": 2})}),
    ("Pad", {7: ((), {"pads": [0, 1, 0, 2, 1, 0, 0, 1], "value": 0.5}), 10: ((), {"pads": [0, 0, 1, 1] * 2, "mode": "reflect"})}),
    ("Pad", {11: ((whole(0, 1, 0, 2, 1, 0, 0, 1), np.float32(2)), {}), 13: ((whole(0, 0, 1, 1, 0, 0, 2, 3),), {"mode": "edge"})}),
    ("Pad", {18: ((whole(1, -1, 2, 0), None, whole(-1, 1)), {}), 19: ((whole(0, 0, 1, 1, 0, 0, 2, 3),), {"mode": "wrap"})}),
    ("Slice", {7: ((), {"starts": [1], "ends": [9], "axes": [2]}), 9: ((), {"starts": [0, -2], "ends": [1, 9]})}),
    ("Slice", {10: ((whole(-1), whole(-99), whole(3), whole(-2)), {}), 13: ((whole(1, 0), whole(2, -1)), {})}),
    ("ReduceMean", {7: ((), {"axes": [2, 3]}), 13: ((), {"axes": [-1], "keepdims": 0}), 18: ((whole(1, 2),), {}), 20: ((), {})}),
    (
        "ReduceMax",
        {8: ((), {"axes": [1]}), 12: ((), {}), 18: ((whole(0),), {"keepdims": 0}), 19: ((), {"noop_with_empty_axes": 1})},
    ),
    ("ReduceSum", {7: ((), {"axes": [1]}), 11: ((), {"axes": [-2]}), 13: ((whole(3, 0),), {}), 14: ((), {"keepdims": 0})}),
    ("ReduceMin", {8: ((), {"axes": [1]}), 18: ((whole(1),), {"keepdims": 0})}),
    ("ArgMax", {7: ((), {"axis": 2}), 11: ((), {"axis": -1, "keepdims": 0}), 12: ((), {"select_last_index": 1})}),
    ("BatchNormalization", {v: (tuple(abs(values(3, seed=i)) for i in range(4)), {"epsilon": 0.01}) for v in (7, 8, 9, 14, 15)}),
    ("Flatten", {7: ((), {}), 9: ((), {"axis": 0}), 11: ((), {"axis": -1}), 13: ((), {"axis": 4})}),
    ("Reshape", {7: ((whole(0, 0, -1),), {}), 13: ((whole(6, -1, 5),), {}), 14: ((whole(5, 24),), {"allowzero": 1})}),
    ("Transpose", {7: ((), {}), 13: ((), {"perm": [0, 2, 3, 1]})}),
    ("Gather", {7: ((np.array([[0, 2], [1, 1]]),), {"axis": 1}), 11: ((np.array(-1),), {"axis": 2}), 13: ((whole(1, -2),), {})}),
    ("LRN", {7: ((), {"size": 3, "alpha": 0.5}), 13: ((), {"size": 5, "alpha": 0.5, "beta": 0.6, "bias": 2.0})}),
    ("Cast", {7: ((), {"to": 7}), 9: ((), {"to": 9}), 13: ((), {"to": 10}), 19: ((), {"to": 11})}),
    ("Concat", {7: ((values(2, 3, 1, 5),), {"axis": 2}), 13: ((values(2, 1, 4, 5),), {"axis": -3})}),
    ("PRelu", {7: ((values(3, 1, 1),), {}), 9: ((values(1),), {}), 16: ((values(4, 1),), {})}),
    ("MatMul", {7: ((values(5, 6),), {}), 9: ((values(2, 3, 5, 2),), {}), 13: ((values(5),), {})}),
    *((kind, {v: ((), {}) for v in (7, 13, 17)}) for kind in ("Relu", "Sigmoid", "Tanh", "Elu", "Softplus", "Exp", "Abs", "Neg")),
    *((kind, {v: ((), {}) for v in (7, 20)}) for kind in ("LeakyRelu", "HardSigmoid", "GlobalAveragePool", "GlobalMaxPool")),
    *((kind, {v: ((values(3, 1, 5),), {}) for v in (8, 13, 14)}) for kind in ("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min")),
]


@pytest.mark.parametrize(("kind", "opset"), [(i, opset) for i, (_, cases) in enumerate(VERSIONS) for opset in cases])
def test_operators_of_each_version(tmp_path: Path, kind: int, opset: int) -> None:
    name, cases = VERSIONS[kind]
    others, settings = cases[opset]
    x = abs(CUBE) if name == "Pow" else CUBE[:1] if name == "Squeeze" else CUBE
    agree(tmp_path, name, x, others, settings, opset)


WINDOWS = [
    {"kernel_shape": [3, 3]},
    {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 0]},
    {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 1, 2, 1]},
    {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
    {"kernel_shape": [2, 3], "strides": [2, 3], "auto_pad": "SAME_LOWER"},
    {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER"},
    {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "VALID"},
    {"kernel_shape": [2, 3], "dilations": [2, 3]},
]
CEILED = [
    {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
    {"kernel_shape": [2, 2], "strides": [3, 3], "ceil_mode": 1, "pads": [0, 1, 0, 1]},
    {"kernel_shape": [1, 1], "strides": [2, 2], "ceil_mode": 1, "pads": [0, 0, 0, 0]},
    {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1, "pads": [1, 0, 0, 2]},
]
POOLINGS = [("MaxPool", 10), ("MaxPool", 12), ("MaxPool", 22), ("AveragePool", 10), ("AveragePool", 19)]
IMAGE, LINE = values(2, 4, 8, 7), values(2, 4, 9)


@pytest.mark.parametrize("number", range(len(WINDOWS) + len(CEILED)))
@pytest.mark.parametrize(("kind", "opset"), POOLINGS)
def test_poolings(tmp_path: Path, kind: str, opset: int, number: int) -> None:
    settings = [*WINDOWS, *CEILED][number]
    if kind == "AveragePool" and ("dilations" in settings and opset < 19):
        pytest.skip("average pooling has no dilation yet")
    for counted in ({}, {"count_include_pad": 1}) if kind == "AveragePool" else ({},):
        agree(tmp_path, kind, IMAGE, (), settings | counted, opset)


@pytest.mark.parametrize("kind", ["MaxPool", "AveragePool"])
def test_poolings_of_lines(tmp_path: Path, kind: str) -> None:
    agree(tmp_path, kind, LINE, (), {"kernel_shape": [3], "strides": [2], "pads": [1, 0]}, 12)


@pytest.mark.parametrize("number", range(len(WINDOWS)))
def test_convolutions(tmp_path: Path, number: int) -> None:
    settings = dict(WINDOWS[number])
    kernel = settings["kernel_shape"]
    agree(tmp_path, "Conv", IMAGE, (values(6, 2, *kernel), values(6, seed=1)), settings | {"group": 2}, 11)
    del settings["kernel_shape"]  # then it is that of the weight
    agree(tmp_path, "Conv", IMAGE, (values(3, 4, *kernel),), settings, 7)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 6, 7])
def test_transposed_convolutions(tmp_path: Path, number: int) -> None:
    settings = WINDOWS[number] | {"group": 2}
    others = (values(4, 3, *settings["kernel_shape"]), values(6, seed=1))
    more = {"output_padding": [1, 0]} if number in (1, 2) else {}
    agree(tmp_path, "ConvTranspose", IMAGE, others, settings | more, 11)
    if number == 2:
        del settings["pads"]
        agree(tmp_path, "ConvTranspose", IMAGE, others, settings | {"output_shape": [16, 14]}, 11)
        agree(tmp_path, "ConvTranspose", IMAGE, others, settings | {"output_shape": [16, 14], "auto_pad": "SAME_UPPER"}, 11)


def test_convolutions_of_lines(tmp_path: Path) -> None:
    settings = {"strides": [2], "dilations": [2], "pads": [1, 2]}
    agree(tmp_path, "Conv", LINE, (values(6, 2, 3), values(6)), settings | {"group": 2}, 11)
    agree(tmp_path, "ConvTranspose", LINE, (values(4, 3, 3), values(6)), settings | {"group": 2}, 11)


@pytest.mark.parametrize("settings", [{}, {"transB": 1}, {"alpha": 0.5, "beta": 2.0}, {"transA": 1}])
def test_products(tmp_path: Path, settings: dict[str, Any]) -> None:
    matrix = values(5, 6) if "transB" not in settings else values(6, 5)
    x = values(3, 5) if "transA" not in settings else values(5, 3)
    for bias in ((), (values(6),), (values(3, 6),), (values(1),)):
        agree(tmp_path, "Gemm", x, (matrix, *bias), settings, 13)
    agree(tmp_path, "Gemm", x, (matrix, values(6)), settings, 7)


SPLITS: list[tuple[int, dict[str, np.ndarray], dict[str, Any]]] = [
    (7, {}, {"split": [1, 3]}),
    (13, {"t": whole(3, 1)}, {}),
    (18, {}, {"num_outputs": 2}),
]


@pytest.mark.parametrize(("opset", "tensors", "settings"), SPLITS)
def test_split(tmp_path: Path, opset: int, tensors: dict[str, np.ndarray], settings: dict[str, Any]) -> None:
    node = helper.make_node("Split", ["x", *tensors], ["y", "z"], axis=2, **settings)
    file = onnx_files.written(tmp_path / "n.onnx", [node], {"x": CUBE.shape}, ["y", "z"], tensors, opset=opset)
    wanted = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"]).run(None, {"x": CUBE})
    for one, other in zip(ninx.onnx.load(file)(ninx.tensor(CUBE)), wanted, strict=True):
        np.testing.assert_array_equal(one.numpy(), other)


def test_an_even_number_of_neighbours_has_one_more_after_the_channel(tmp_path: Path) -> None:
    """As ONNX says; its runtime takes only odd numbers, and PyTorch has the one more before the channel."""
    node = helper.make_node("LRN", ["x"], ["y"], size=2, alpha=3.0, beta=0.5, bias=2.0)
    net = ninx.onnx.load(onnx_files.written(tmp_path / "n.onnx", [node], {"x": CUBE.shape}, ["y"]))
    squares = CUBE**2
    squares[:, :-1] += CUBE[:, 1:] ** 2
    np.testing.assert_allclose(net(ninx.tensor(CUBE)).numpy(), CUBE / np.sqrt(2 + 3 / 2 * squares), rtol=1e-5)
