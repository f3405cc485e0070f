"""A network as an ONNX graph, which is what ONNX Runtime and OpenVINO read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import nn

OPSET = 19  # the first in which AveragePool has a ceil_mode


def graph(model: nn.Module, shape: tuple[int, ...]) -> bytes:
    """The ONNX file of a Sequential in eval mode, for inputs of ``shape`` (N, C, H, W). Needs the package onnx.

    Raises ValueError for a layer that is not known here.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes: list[Any] = []
    weights: list[Any] = []
    value = "input"
    for number, layer in enumerate(_layers(model)):
        for kind, arrays, settings in _operations(layer):
            names = [f"{number}.{key}" for key in arrays]
            weights += [numpy_helper.from_array(np.ascontiguousarray(a), n) for n, a in zip(names, arrays.values(), strict=True)]
            made = f"value{len(nodes)}"
            nodes.append(helper.make_node(kind, [value, *names], [made], **settings))
            value = made
    given = helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)
    answer = helper.make_tensor_value_info(value, TensorProto.FLOAT, [shape[0], None])
    made_graph = helper.make_graph(nodes, "network", [given], [answer], weights)
    file = helper.make_model(made_graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    onnx.checker.check_model(file)
    written: bytes = file.SerializeToString()
    return written


def _layers(module: nn.Module) -> Iterator[nn.Module]:
    if isinstance(module, nn.Sequential):
        for part in module:
            yield from _layers(part)
    else:
        yield module


def _operations(layer: nn.Module) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """(operation, its arrays, its attributes) of a layer; none where nothing is done in eval mode."""
    match layer:
        case nn.Conv2d():
            settings = _window(layer) | {"dilations": list(layer.dilation), "group": layer.groups}
            yield "Conv", _arrays(layer, "weight", "bias"), settings
        case nn.Linear():
            yield "Gemm", _arrays(layer, "weight", "bias"), {"transB": 1}
        case nn.BatchNorm2d():
            yield "BatchNormalization", _arrays(layer, "weight", "bias", "running_mean", "running_var"), {"epsilon": layer.eps}
        case nn.ReLU():
            yield "Relu", {}, {}
        case nn.MaxPool2d():
            yield "MaxPool", {}, _window(layer) | {"ceil_mode": int(layer.ceil_mode)}
        case nn.AvgPool2d(divisor_override=None):
            counted = {"ceil_mode": int(layer.ceil_mode), "count_include_pad": int(layer.count_include_pad)}
            yield "AveragePool", {}, _window(layer) | counted
        case nn.GlobalAvgPool2d():
            yield "GlobalAveragePool", {}, {}
        case nn.Flatten(start_dim=1):
            yield "Flatten", {}, {"axis": 1}
        case nn.Dropout():
            pass
        case _:
            raise ValueError(f"benchmarks: {type(layer).__name__} has no operation in ONNX here yet")


def _arrays(layer: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(layer, name).detach().numpy() for name in names if getattr(layer, name) is not None}


def _window(layer: Any) -> dict[str, Any]:
    """Kernel, stride and padding of a convolution or a pooling."""
    kernel, stride, padding = (_pair(getattr(layer, name)) for name in ("kernel_size", "stride", "padding"))
    return {"kernel_shape": kernel, "strides": stride, "pads": padding * 2}


def _pair(size: Any) -> list[int]:
    return list(size) if isinstance(size, tuple) else [size, size]
