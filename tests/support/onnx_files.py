"""ONNX files for tests: of nodes, and of a network of ours as an exporter writes it that keeps all names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from ninx import nn

FLOAT = TensorProto.FLOAT


def model(
    nodes: Sequence[Any],
    inputs: Mapping[str, Sequence[Any] | None],
    outputs: Sequence[str],
    tensors: Mapping[str, np.ndarray] | None = None,
    opset: int = 17,
    made_type: int = FLOAT,
) -> Any:
    """A ModelProto of these nodes; of the inputs the shapes are said, None: nothing. ``made_type``: of the outputs."""
    stored = [numpy_helper.from_array(np.asarray(array), name) for name, array in (tensors or {}).items()]
    given = [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()]
    made = [helper.make_tensor_value_info(name, made_type, None) for name in outputs]
    graph = helper.make_graph(list(nodes), "network", given, made, stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def written(path: Path, *args: Any, **settings: Any) -> Path:
    """`model`, in a file."""
    path.write_bytes(model(*args, **settings).SerializeToString())
    return path


def of_network(network: nn.Module, shape: Sequence[Any]) -> Any:
    """A row of layers: each node has the name of its module, each tensor that of its parameter; statistics and dropout too."""
    nodes: list[Any] = []
    value = "input"
    for path, layer in network.named_modules():
        if not isinstance(layer, nn.Sequential):
            kind, names, settings = _node(layer)
            made = f"value{len(nodes)}"
            tensors = [f"{path}.{name}" for name in names]
            nodes.append(helper.make_node(kind, [value, *tensors], [made], name=path, **settings))
            value = made
    state = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    state |= {f"{path}.ratio": np.float32(m.p) for path, m in network.named_modules() if isinstance(m, nn.Dropout)}
    return model(nodes, {"input": shape}, [value], state)


def _node(layer: Any) -> tuple[str, tuple[str, ...], dict[str, Any]]:
    match layer:
        case nn.Conv2d():
            settings = {"strides": layer.stride, "pads": layer.padding * 2, "dilations": layer.dilation, "group": layer.groups}
            return "Conv", ("weight", "bias"), settings
        case nn.Linear():
            return "Gemm", ("weight", "bias"), {"transB": 1}
        case nn.BatchNorm2d():
            settings = {"epsilon": layer.eps, "momentum": 1 - layer.momentum}
            return "BatchNormalization", ("weight", "bias", "running_mean", "running_var"), settings
        case nn.ReLU():
            return "Relu", (), {}
        case nn.Dropout():
            return "Dropout", ("ratio",), {}
        case nn.MaxPool2d():
            k, s, p = ((n, n) if isinstance(n, int) else n for n in (layer.kernel_size, layer.stride, layer.padding))
            return "MaxPool", (), {"kernel_shape": k, "strides": s, "pads": p * 2, "ceil_mode": int(layer.ceil_mode)}
        case nn.GlobalAvgPool2d():
            return "GlobalAveragePool", (), {}
        case nn.Flatten():
            return "Flatten", (), {}
    raise ValueError(type(layer).__name__)
