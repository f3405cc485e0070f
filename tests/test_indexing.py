"""Reading and writing by index against PyTorch and NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import strategies as some
import tables
import torch
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracle import LAYOUTS, agree, signed

import ninx
from ninx import ops

INDICES = {  # legal in PyTorch too
    "number": (1,),
    "from the end": (-1, ..., -2),
    "slice": (slice(1, None), slice(None, -1)),
    "steps": (slice(None, None, 2), slice(1, 4, 3)),
    "new axes": (None, ..., None),
    "nothing": (slice(2, 2),),
    "array": (np.array([2, 0, 2, 2]),),
    "array of another shape": (np.array([[0, -1], [1, 1]]),),
    "arrays": (np.array([0, 2, 0]), np.array([1, 3, 1])),
    "arrays that broadcast": (np.array([[0], [2]]), np.array([1, 3, 3])),
    "arrays apart": (np.array([1, 1]), slice(None), np.array([0, 4])),
    "array later": (slice(None), np.array([3, 0, 3])),
    "slice and array": (slice(0, 2), ..., np.array([4, 4])),
    "mask": (np.arange(60).reshape(3, 4, 5) % 3 == 0,),
    "mask of rows": (np.array([True, False, True]),),
}


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.parametrize("how", LAYOUTS)
def test_getitem(name: str, how: str) -> None:
    rng, index = np.random.default_rng(0), INDICES[name]
    theirs = tuple(torch.tensor(i) if isinstance(i, np.ndarray) else i for i in index)
    agree(lambda x: ops.getitem(x, index), lambda x: x[theirs], [signed(rng, (3, 4, 5))], rng, [how] * 2)


any_index = hnp.array_shapes(min_dims=1, max_dims=4, max_side=5).flatmap(
    lambda shape: st.tuples(
        st.just(shape),
        st.one_of(
            hnp.basic_indices(shape, allow_newaxis=True),
            hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(max_dims=2, max_side=4)),
            hnp.arrays(np.bool_, shape),
        ),
    )
)


def test_getitem_and_spread_at_any_index_of_numpy() -> None:
    """Also steps backwards, which PyTorch has not: NumPy says which entries are meant, PyTorch takes them by number."""

    @some.examples(60, any_index, some.layouts, some.seeds)
    def _(drawn: Any, layouts: Any, seed: int) -> None:
        (shape, index), rng = drawn, np.random.default_rng(seed)
        places = torch.tensor(np.array(np.arange(int(np.prod(shape))).reshape(shape)[index]))
        x = signed(rng, shape)
        agree(lambda x: ops.getitem(x, index), lambda x: x.reshape(-1)[places], [x], rng, layouts)

        def twin(part: torch.Tensor) -> torch.Tensor:
            zeros = torch.zeros(int(np.prod(shape)), dtype=part.dtype)
            return zeros.index_add(0, places.reshape(-1), part.reshape(-1)).reshape(shape)

        agree(lambda part: ops.spread(part, index, shape), twin, [signed(rng, tuple(places.shape))], rng, layouts)


PLACES = {
    "row": (1,),
    "part": (slice(1, None), 0),
    "columns": (..., np.array([0, 2])),
    "mask": (np.arange(20).reshape(4, 5) % 3 == 0,),
}


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("broadcast", [False, True])
def test_setitem(name: str, broadcast: bool) -> None:
    rng, index = np.random.default_rng(0), PLACES[name]
    theirs = tuple(torch.tensor(i) if isinstance(i, np.ndarray) else i for i in index)
    value = signed(rng, () if broadcast else np.zeros((4, 5))[index].shape)

    def put(x: Any, v: Any) -> Any:
        y = x * 2
        y[index if isinstance(x, ninx.Tensor) else theirs] = v
        return y * y

    agree(put, put, [signed(rng, (4, 5)), value], rng)


def test_an_index_may_hold_tensors_and_is_copied() -> None:
    x, rows = ninx.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=True), np.array([2, 2])
    y = x[ninx.from_numpy(rows)]
    assert y.tolist() == [[5, 6], [5, 6]]
    rows[...] = 0  # the gradient still goes to where the values came from
    y.sum().backward()
    assert x.grad.tolist() == [[0, 0], [0, 0], [2, 2]]


zeros = ninx.zeros
X = zeros(2, 3)
ERRORS: tables.Errors = [
    (lambda: X[2], IndexError, r"getitem: index 2 is out of bounds .*the tensor has shape \(2, 3\)"),
    (lambda: X[0, 0, 0], IndexError, "getitem: too many indices"),
    (lambda: ops.setitem_(zeros(2, 3), 0, zeros(2)), ValueError, r"setitem: .* \(2,\) does not fit .* \(3,\)"),
]

test_errors_name_the_operation_and_the_values = tables.raise_one_sentence(ERRORS)
