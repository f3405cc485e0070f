"""`export`: a network as a file of ONNX.

The way: two forward passes are watched (watching) and compared (comparing); each call becomes nodes (layers, operations and
shapes are the tables, building collects what they make); what happens to the pixels may come before them (preparing); and file
puts all of it together.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ... import nn
from ...files import write_atomically
from ...kernels.geometry import whole
from .building import INPUT, OUTPUT
from .file import IR, LARGEST, OPSET, proto
from .watching import Unexportable

if TYPE_CHECKING:
    from ...train.preparation import Preparation

__all__ = ["IR", "OPSET", "Exported", "Unexportable", "export", "exported"]


class Exported(NamedTuple):
    """What was written: where, how many bytes, how many nodes; and the names and sizes of what goes in and out ("N": images)."""

    path: Path
    size: int
    nodes: int
    inputs: dict[str, tuple[int | str, ...]]
    outputs: dict[str, tuple[int | str, ...]]


def export(
    model: nn.Module,
    input_shape: Sequence[int],
    path: str | os.PathLike[str],
    *,
    preparation: Preparation | None = None,
    classes: Sequence[str] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Exported:
    """Write what a network answers in eval mode as a file of ONNX, for batches of any size.

    ``input_shape``: of one image, (C, H, W). With the ``preparation`` of a run the file takes pictures as they are, bytes of
    shape (H, W) or (H, W, C), and ``input_shape`` is theirs. ``classes``: what the outputs stand for; they go into the metadata
    as JSON, beside the texts of ``metadata``.

    The network's forward is run twice, on two and three images of noise; it may be any Python that does the same with every
    image. Layers keep their names, parameters theirs of the `state_dict`; batch normalisation and dropout stay nodes of their
    own, so that the file can be trained on. docs/ONNX.md says what a node holds.

    Raises `Unexportable`, a ValueError, for what ONNX cannot say here: one sentence with the operation, the module and the
    user's source line; ImportError without the package onnx.

    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.GlobalAvgPool2d(), nn.Flatten())
    >>> found = ninx.onnx.export(net, (3, 16, 16), "net.onnx", classes=["cat", "dog"])
    >>> found.nodes, found.inputs, found.outputs
    (4, {'input': ('N', 3, 16, 16)}, {'output': ('N', 8)})
    """
    file = exported(model, input_shape, preparation=preparation, classes=classes, metadata=metadata)
    content: bytes = file.SerializeToString()
    write_atomically(Path(path), content)
    sizes = [
        {v.name: tuple(d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim) for v in ends}
        for ends in (file.graph.input, file.graph.output)
    ]
    return Exported(Path(path), len(content), len(file.graph.node), *sizes)


def exported(
    model: nn.Module,
    input_shape: Sequence[int],
    *,
    preparation: Preparation | None = None,
    classes: Sequence[str] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Any:
    """What `export` writes, as an ``onnx.ModelProto``, for those who want to change it first.

    >>> from ninx.onnx.exporting import exported
    >>> [node.op_type for node in exported(nn.Linear(3, 2), (3,)).graph.node]
    ['Gemm']
    """
    try:
        import onnx  # noqa: F401 - says at once whether it is there
    except ImportError as error:
        raise ImportError("onnx.export: needs the package onnx; pip install 'ninx[onnx]' brings it") from error
    if not isinstance(model, nn.Module):
        raise TypeError(f"onnx.export: takes an nn.Module, not a {type(model).__name__}")
    shape = tuple(whole(n, "onnx.export", "every size in input_shape") for n in input_shape)
    if min(shape, default=0) < 1:
        raise ValueError(
            f"onnx.export: input_shape is that of one image, such as (3, 32, 32), without the batch; got {tuple(input_shape)}"
        )
    if taken := {INPUT, OUTPUT} & {name for name, _ in [*model.named_parameters(), *model.named_buffers()]}:
        raise ValueError(
            f"onnx.export: the network has a parameter or buffer {taken.pop()!r}, as the file calls its own; rename it"
        )
    size = sum(t.array.nbytes for t in model.state_dict().values())
    if size > LARGEST:
        raise ValueError(f"onnx.export: the weights have {size / 1e9:.1f} GB, and a file of ONNX holds 2 GB")
    told = {} if classes is None else {"classes": json.dumps(list(classes), ensure_ascii=False)}
    return proto(model, shape, preparation, told | dict(metadata or {}))
