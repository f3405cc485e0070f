"""No operation and no function without a test: the tables of the other files, held against the public names."""

from __future__ import annotations

import numpy as np
import test_activation
import test_arithmetic
import test_columns
import test_convolution
import test_linalg
import test_loss
import test_normalization
import test_pooling
import test_reductions
import test_shapes
import torch

import ninx
import ninx.functional as F
from ninx import ops
from ninx.engine.methods import ufuncs

FILES = [test_activation, test_arithmetic, test_columns, test_convolution, test_linalg, test_loss, test_normalization]
FILES += [test_pooling, test_reductions, test_shapes]
CASES = [case for file in FILES for case in file.CASES] + test_convolution.TRANSPOSED + test_pooling.WINDOWS
TESTED = {case.name.split()[0] for case in CASES} | set(test_arithmetic.EXACT) | set(test_reductions.EXACT)
# Tests of their own, beside the tables: of dropout, of losses of class numbers, of casts and of indices.
ELSEWHERE = {"dropout", "dropout2d", "cross_entropy", "nll_loss", "astype", "to", "getitem", "spread", "crop", "setitem_"}
ELSEWHERE |= {"contiguous", "is_contiguous", "type_name", "type_named"}  # what is written in memory, and names: test_creation.py
# Of indices along an axis and masks: test_indexing.py.
ELSEWHERE |= {"gather", "scatter", "scatter_", "scatter_add", "take_along_dim", "index_select", "select", "narrow"}
ELSEWHERE |= {"masked_select", "masked_fill", "one_hot"}
# Second names, as PyTorch has them.
ALIASES = {"absolute": "abs", "arctan": "atan", "clamp": "clip", "divide": "div", "greater": "gt", "greater_equal": "ge",
           "less": "lt", "less_equal": "le", "moveaxis": "movedim", "multiply": "mul", "negative": "neg", "not_equal": "ne",
           "subtract": "sub", "swapaxes": "transpose", "swapdims": "transpose", "true_divide": "div"}  # fmt: skip
ELSEWHERE |= {"binary_cross_entropy", "binary_cross_entropy_with_logits"}


def test_every_operation_is_tested() -> None:
    # Making tensors, and what is done with one as a whole; draws.
    whole = ("ninx.ops.creation", "ninx.ops.filled", "ninx.ops.tensors", "ninx.ops.sampling", "ninx.ops.sharing")
    modules = {name: getattr(f, "__module__", "") for name, f in vars(ops).items()}
    public = {name for name, module in modules.items() if module.startswith("ninx.ops.") and module not in whole}
    helpers = {"become", "changed", "operand", "sequence", "unwritable"}
    assert (public | {"clone"}) - helpers - set(ALIASES) | set(F.__all__) == TESTED | ELSEWHERE


def test_numpys_functions_of_these_names_lead_to_them() -> None:
    """np.sin(x) of a tensor is ops.sin(x); NumPy's own name counts: that of np.abs is absolute."""
    named = {name: vars(np)[name].__name__ for name in ops.__all__ if isinstance(vars(np).get(name), np.ufunc)}
    assert len(named) > 40
    assert {name for name, theirs in named.items() if theirs not in ufuncs._SAME | set(ufuncs._NAMES)} == set()


def test_second_names() -> None:
    for name, first in ALIASES.items():
        assert getattr(ops, name) is getattr(ops, first) is getattr(ninx, name), name
        assert hasattr(torch, name), name


def test_the_functional_twins_of_operations_are_those_operations() -> None:
    assert all(getattr(F, name) is getattr(ops, name) for name in ("pad", "sigmoid", "tanh"))
