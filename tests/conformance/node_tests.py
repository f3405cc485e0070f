"""ONNX's own tests of its operators, as the package onnx ships them: a model of one node, inputs, and what must come out.

Each is read by `ninx.onnx.load` twice: as it is, all inputs given, and with all but the first input stored in the file as
weights, constants or settings are: then layers are made of it.
"""

from __future__ import annotations

import importlib
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnx.backend.test.case.node as node_cases
from onnx import numpy_helper

import ninx
import ninx.onnx
from ninx.onnx.loading.reading import OPSETS
from ninx.onnx.loading.stored import TYPES
from ninx.onnx.loading.table import OPERATORS

MODULES = {
    "BatchNormalization": "batch_normalization",
    "And": "and_",
    "Or": "or_",
    "Not": "not_",
    "LessOrEqual": "less_or_equal",
    "GreaterOrEqual": "greater_or_equal",
}  # of the package, where it is not the operator's name
BFLOAT16 = 16


class Outcome(NamedTuple):
    """What became of a test: "passed", "not in scope" or "failed", and why."""

    operator: str
    name: str
    result: str
    why: str = ""


def cases(operators: list[str] | None = None) -> Iterator[tuple[str, Any]]:
    """(operator, test) of all operators in the table; expanded ones, of which a function is made, are those of all of these."""
    for operator in operators or list(OPERATORS):
        before = len(node_cases._NodeTestCases)
        name = f"{node_cases.__name__}.{MODULES.get(operator, operator.lower())}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's, of the package's own sums
            importlib.import_module(name)
        found = _KNOWN.setdefault(operator, node_cases._NodeTestCases[before:])
        yield from ((operator, case) for case in found)


_KNOWN: dict[str, list[Any]] = {}  # a module gives its tests only when it is imported


def outcome(operator: str, case: Any) -> Outcome:
    """Run one test."""
    if why := out_of_scope(case):
        return Outcome(operator, case.name, "not in scope", why)
    try:
        for as_weights in (False, True):
            check(case, as_weights)
    except Exception as error:
        return Outcome(operator, case.name, "failed", f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
    return Outcome(operator, case.name, "passed")


def out_of_scope(case: Any) -> str:
    """Why a test asks for something that ninx does not have; "" if it does not."""
    graph = case.model.graph
    if others := sorted({node.op_type for node in graph.node} - OPERATORS.keys()):
        return f"needs {others[0]}"
    if case.model.opset_import[0].version not in OPSETS:
        return f"of an opset before {OPSETS.start}"
    kinds = [value.type for value in (*graph.input, *graph.output)]
    if any(not kind.HasField("tensor_type") for kind in kinds):
        return "sequences and optional values are no tensors"
    targets = [a.i for node in graph.node if node.op_type == "Cast" for a in node.attribute if a.name == "to"]
    if any(t not in TYPES or t == BFLOAT16 for t in (*(kind.tensor_type.elem_type for kind in kinds), *targets)):
        return "texts, bfloat16, floats of 8 bits and numbers of 4 bits and fewer are no dtypes here"
    if graph.node[0].op_type == "ConvTranspose" and len(case.data_sets[0][0][0].shape) == 5:
        return "convolutions are of lines and images"
    if "training_dropout" in case.name and "zero_ratio" not in case.name:
        return "the mask that is expected is drawn by NumPy"
    return ""


def check(case: Any, as_weights: bool) -> None:
    """Read the model, compute, compare: shapes and dtypes exactly, values as closely as the test says."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    for given, wanted in case.data_sets:
        arrays = [numpy_helper.to_array(a) if isinstance(a, onnx.TensorProto) else np.asarray(a) for a in given]
        names = [value.name for value in model.graph.input]
        if as_weights and len(arrays) > 1:
            for name, array in zip(names[1:], arrays[1:], strict=True):
                model.graph.initializer.append(numpy_helper.from_array(array, name))
            arrays = arrays[:1]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            path.write_bytes(model.SerializeToString())
            network = ninx.onnx.load(path)
        with ninx.no_grad():
            made = network(*(ninx.Tensor(array) for array in arrays))
        answers = made if isinstance(made, tuple) else (made,)
        assert len(answers) == len(wanted)
        for answer, expected in zip(answers, wanted, strict=True):
            expected = numpy_helper.to_array(expected) if isinstance(expected, onnx.TensorProto) else np.asarray(expected)
            assert answer.dtype == expected.dtype, f"{answer.dtype} instead of {expected.dtype}"
            assert answer.shape == expected.shape, f"{answer.shape} instead of {expected.shape}"
            np.testing.assert_allclose(answer.numpy(), expected, rtol=case.rtol, atol=case.atol)
