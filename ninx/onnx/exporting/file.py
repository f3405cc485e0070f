"""The file: what was built, in the messages of the package onnx."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from ninx import kernels

from ... import nn
from ...array import Array, on_device, to_numpy
from ...engine import Tensor
from ...freezing.layers import evaluating
from ...random import get_rng_state, set_rng_state
from .building import BATCH, INPUT, OUTPUT, Builder, Given, Named, Value
from .comparing import IMAGES, Both, common
from .layers import LAYERS
from .operations import OPERATIONS
from .shapes import SHAPES
from .watching import Pass, Place, Ref, Unexportable

if TYPE_CHECKING:
    from ...train.preparation import Preparation

OPSET = 19  # the oldest in which AveragePool counts windows beyond the edge as PyTorch does
IR = 10  # the oldest in which a node has metadata
LARGEST = 2**31 - 2**20  # bytes of a message of protobuf, less what is no weight
OPERATORS = {**OPERATIONS, **SHAPES, **LAYERS}


def proto(model: nn.Module, shape: tuple[int, ...], preparation: Preparation | None, metadata: Mapping[str, str]) -> Any:
    """The whole file. It is checked before the weights are in it, which stand as inputs meanwhile: so they are copied once."""
    import onnx
    from onnx import helper

    builder, passes = Builder(model), _passes(model, shape, preparation)
    values, outputs = _build(builder, passes)
    nodes, names = builder.finished(outputs)
    read = {name for node in nodes for name in node.inputs}
    weights = {name: to_numpy(t.array) for name, t in [*model.named_parameters(), *model.named_buffers()] if name in read}
    weights |= {name: weights[name].reshape(size) for name, size in builder.shapes.items()}
    arrays = {name: array for name, array in builder.arrays.items() if name in read}
    constants = {name for name, array in arrays.items() if _could_learn(array)}
    inner = {names[v.name]: v for v in values if v.name in names and names[v.name] not in outputs}
    graph = helper.make_graph(
        [*(_constant(name, arrays[name]) for name in arrays if name in constants), *map(_node, nodes)],
        type(model).__name__,
        [_info(INPUT, values[len(passes.state)]), *(_info(name, Value(name, w.shape, w.dtype)) for name, w in weights.items())],
        [_info(name, value) for name, value in outputs.items()],
        [_tensor(name, arrays[name]) for name in arrays if name not in constants],
        value_info=[_info(name, value) for name, value in inner.items()],
    )
    imports = [helper.make_opsetid("", OPSET)]
    file = helper.make_model(graph, opset_imports=imports, ir_version=IR, producer_name="ninx", producer_version=version("ninx"))
    helper.set_model_props(file, dict(metadata))
    onnx.checker.check_model(file, full_check=True)
    del file.graph.input[1:]
    for name, array in weights.items():
        file.graph.initializer.add().CopyFrom(_tensor(name, array))
    return file


def _node(node: Named) -> Any:
    from onnx import helper

    made = helper.make_node(node.kind, node.inputs, [node.output], name=node.name, **node.attributes)
    for key, text in node.told.items():
        made.metadata_props.add(key=key, value=text)
    return made


def _constant(name: str, array: Array) -> Any:
    from onnx import helper

    return helper.make_node("Constant", [], [name], name=name, value=_tensor(name, array))


def _tensor(name: str, array: Array) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.asarray(array, order="C"), name)


def _passes(model: nn.Module, shape: tuple[int, ...], preparation: Preparation | None) -> Both:
    """Two passes over noise, watched and compared; the network and the random state are left as they were."""
    first = next(iter(model.parameters()), None)
    dtype, device = (np.dtype(np.float32), "cpu") if first is None else (first.dtype, first.device)
    prepare = None
    if preparation is not None:
        from .preparing import pixels_to_input  # with the readers of pictures, which a network alone does not need

        prepare = pixels_to_input(preparation)
    passes, rng, before = [], np.random.default_rng(0), get_rng_state()
    try:
        with evaluating([model]), kernels.use_kernels("strided"):  # which has nothing to compile
            for n in IMAGES:
                noise = (
                    rng.standard_normal((n, *shape)).astype(dtype)
                    if prepare is None
                    else rng.integers(0, 256, (n, *shape), np.uint8)
                )
                passes.append(Pass(model, [*OPERATORS]))
                passes[-1].run(Tensor(on_device(noise, device)), prepare)
    finally:
        set_rng_state(before)
    return common(*passes)


def _build(builder: Builder, passes: Both) -> tuple[list[Value], dict[str, Value]]:
    """All values by number (those of the state, the input, and what calls made), and the outputs by name."""
    values = [Value(name, *made) for name, made in zip([*passes.state, INPUT], passes.values, strict=False)]
    for call in passes.calls:
        builder.begin(call.function, call.place)
        given = Given(_filled(call.arguments, values))
        given.made = tuple(passes.values[n] for n in call.made)
        result = OPERATORS[call.function](builder, given)
        names = [result] if isinstance(result, str) else result
        values += [Value(name, *made) for name, made in zip(names, given.made, strict=True)]
    outputs: dict[str, Value] = {}
    builder.begin("output", Place("", 0, ""))
    for name, ref in _outputs(passes.outputs, OUTPUT):
        value = values[ref.number]
        if value in outputs.values() or not value.name.startswith("#"):  # an output is made by a node of its own
            value = value._replace(name=builder.node("Identity", value))
        outputs[name] = value
    return values, outputs


def _filled(argument: Any, values: Sequence[Value]) -> Any:
    """The argument with a `Value` for each `Ref`."""
    if isinstance(argument, Ref):
        return values[argument.number]
    if type(argument) in (tuple, list):
        return type(argument)(_filled(a, values) for a in argument)
    return {key: _filled(a, values) for key, a in argument.items()} if isinstance(argument, dict) else argument


def _outputs(returned: Any, name: str) -> Iterator[tuple[str, Ref]]:
    """The outputs by name: "output"; of several "output.0", or with the keys of a dictionary."""
    if isinstance(returned, Ref):
        yield name, returned
    elif type(returned) in (tuple, list) or isinstance(returned, dict):
        for key, part in returned.items() if isinstance(returned, dict) else enumerate(returned):
            yield from _outputs(part, f"{name}.{key}")
    else:
        raise Unexportable("onnx.export: the network returns something that is made of no image")


def _could_learn(array: Array) -> bool:
    """Could it be taken for a parameter? Then it is a node Constant, and no tensor of the file beside the weights."""
    return bool(array.ndim > 0 and array.dtype.kind == "f")


def _info(name: str, value: Value) -> Any:
    """What a value is, for the file."""
    from onnx import helper

    sizes = [n if isinstance(n, int) else BATCH if n.times == 1 else None for n in value.shape]
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), sizes)
