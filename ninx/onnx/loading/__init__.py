"""A network from an ONNX file: read and checked (reading.py), then made of layers (building.py), a table of operators
(table.py) saying how.
"""

from __future__ import annotations

from pathlib import Path

from ... import nn
from .building import built
from .reading import read

__all__ = ["load"]


def load(path: str | Path) -> nn.Module:
    """The network in an ONNX file (opsets 7 to 28), with its weights, in eval mode; ``.train()`` to train on.

    Convolutions, fully connected layers, batch normalisation, pooling, dropout and activations become the layers of `ninx.nn`;
    the other operators become modules that compute the same with differentiable functions. Layers are called as the weights
    in the file are ("features.0.weight" is the weight of "features.0"), or as their nodes are. A network that is one row of
    layers is an `nn.Sequential`. What is floats and has a dimension is learnt, unless it is the value of a Constant node.

    Nothing in the file is executed. Needs the package onnx: ``pip install 'ninx[onnx]'``.

    Raises ValueError, naming the file, for one that is missing or damaged, and, naming the node, for an operator, a setting or
    a version of ONNX that is not known here; ModuleNotFoundError without the package.

    >>> import onnx.parser
    >>> text = '<ir_version: 8, opset_import: ["" : 17]> net (float[N, 2] x) => (float[N, 2] y) { y = Relu(x) }'
    >>> onnx.save(onnx.parser.parse_model(text), "relu.onnx")
    >>> ninx.onnx.load("relu.onnx")(ninx.tensor([[-1.0, 2.0]]))
    tensor([[0., 2.]])
    """
    where = f"onnx {path}"
    return built(read(Path(path), where), where)
