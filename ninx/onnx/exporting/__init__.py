"""`export`: a network as a file of ONNX.

The way: two forward passes are watched (watching) and compared (comparing); each call becomes nodes (layers, operations and shapes
are the tables, building collects what they make); what happens to the pixels may come before them (preparing); and file writes it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ... import nn
from ...files import write_atomically
from ...kernels.geometry import whole
from .file import IR, LARGEST, OPSET, proto
from .watching import Unexportable

__all__ = ["IR", "OPSET", "Unexportable", "export", "exported"]


def export(
    model: nn.Module,
    input_shape: Sequence[int],
    path: str | os.PathLike[str],
    *,
    classes: Sequence[str] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write the network as it answers in eval mode into a file of ONNX.

    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.GlobalAvgPool2d(), nn.Flatten())
    >>> ninx.onnx.export(net, (3, 16, 16), "net.onnx", classes=["cat", "dog"])
    """
    file = exported(model, input_shape, classes=classes, metadata=metadata)
    write_atomically(Path(path), file.SerializeToString())


def exported(
    model: nn.Module,
    input_shape: Sequence[int],
    *,
    classes: Sequence[str] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Any:
    """What `export` writes, as an ``onnx.ModelProto``."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"onnx.export: takes an nn.Module, not a {type(model).__name__}")
    shape = tuple(whole(n, "onnx.export", "every size in input_shape") for n in input_shape)
    if min(shape, default=0) < 1:
        raise ValueError(
            f"onnx.export: input_shape is that of one image, such as (3, 32, 32), without the batch; got {input_shape}"
        )
    size = sum(p.array.nbytes for p in [*model.parameters(), *model.buffers()])
    if size > LARGEST:
        raise ValueError(f"onnx.export: the weights have {size / 1e9:.1f} GB, and a file of ONNX holds 2 GB")
    return proto(model, shape, classes, metadata or {})
