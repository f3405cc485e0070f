"""No operation and no function without a test: the tables of the other files, held against the public names."""

from __future__ import annotations

import test_activation
import test_arithmetic
import test_convolution
import test_linalg
import test_loss
import test_normalization
import test_pooling
import test_reductions
import test_shapes

import ninx.functional as F
from ninx import ops

FILES = [test_activation, test_arithmetic, test_convolution, test_linalg, test_loss, test_normalization, test_pooling]
FILES += [test_reductions, test_shapes]
CASES = [case for file in FILES for case in file.CASES] + test_convolution.TRANSPOSED + test_pooling.WINDOWS
TESTED = {case.name.split()[0] for case in CASES} | set(test_arithmetic.EXACT) | set(test_reductions.EXACT)
# Tests of their own, beside the tables: of dropout, of losses of class numbers, of casts and of indices.
ELSEWHERE = {"dropout", "dropout2d", "cross_entropy", "nll_loss", "astype", "to", "getitem", "scatter", "setitem_"}
ELSEWHERE |= {"binary_cross_entropy", "binary_cross_entropy_with_logits"}


def test_every_operation_is_tested() -> None:
    whole = ("ninx.ops.creation", "ninx.ops.tensors")  # making tensors, and what is done with one as a whole
    modules = {name: getattr(f, "__module__", "") for name, f in vars(ops).items()}
    public = {name for name, module in modules.items() if module.startswith("ninx.ops.") and module not in whole}
    assert (public | {"clone"}) - {"changed", "sequence", "unwritable"} | set(F.__all__) == TESTED | ELSEWHERE


def test_the_functional_twins_of_operations_are_those_operations() -> None:
    assert all(getattr(F, name) is getattr(ops, name) for name in ("pad", "sigmoid", "tanh"))
