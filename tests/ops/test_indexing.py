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
    (lambda: X["a"], IndexError, "an index is made of whole numbers, slices, None, ... and masks; got 'a'"),
    (lambda: X[1.0], IndexError, "an index is made of whole numbers.* got 1.0"),
    (lambda: X[np.array([0.0])], IndexError, "an index is made of whole numbers.* got entries of float64"),
    (
        lambda: X[np.array([1, 0], np.uint8)],
        IndexError,
        "an array of uint8 as an index is numbers in NumPy and a mask in PyTorch",
    ),
    (
        lambda: X[[[0, 1], [1, 2]]],
        IndexError,
        r"do not read a list of lists, slices or tensors alike; .* write x\[\[0, 1\], \[1, 2\]\]",
    ),
    (lambda: X[[slice(0, 1), 1]], IndexError, "do not read a list of lists, slices or tensors alike"),
    (lambda: X[[ninx.tensor(0), ninx.tensor(1)]], IndexError, "do not read a list of lists, slices or tensors alike"),
    (lambda: X[..., ...], IndexError, "getitem: an index can only have a single ellipsis"),
    (lambda: X[ninx.tensor([True, False, True])], IndexError, "getitem: boolean index did not match"),
    (lambda: X[[5]], IndexError, r"getitem: index 5 is out of bounds .*shape \(2, 3\)"),
    (lambda: ops.setitem_(zeros(2, 3), [5], 1.0), IndexError, r"setitem: index 5 is out of bounds .*shape \(2, 3\)"),
    (lambda: X.gather(1, ninx.tensor([[3]])), IndexError, "gather: index 3 is out of range for 3 entries"),
    (lambda: X.gather(1, ninx.tensor([[-1]])), IndexError, "gather: index -1 is out of range for 3 entries"),
    (lambda: X.gather(1, ninx.tensor([0])), ValueError, r"gather: the index \(1,\) must have as many axes as \(2, 3\)"),
    (lambda: X.gather(1, ninx.tensor([[0]] * 3)), ValueError, r"gather: the index \(3, 1\) .* none longer but dim 1"),
    (lambda: X.gather(1, X), IndexError, "gather: the index must hold whole numbers, not float32"),
    (lambda: X.scatter(1, ninx.tensor([[0]])), TypeError, "scatter: give src, a tensor or a number"),
    (
        lambda: X.scatter(1, ninx.tensor([[0]]), X, reduce="add"),
        TypeError,
        "scatter: there is no argument reduce; scatter_add adds",
    ),
    (
        lambda: X.scatter(1, ninx.tensor([[0, 1]]), zeros(1, 1)),
        ValueError,
        r"scatter: src \(1, 1\) is smaller than the index \(1, 2\)",
    ),
    (lambda: X.index_select(0, ninx.tensor([[0]])), ValueError, r"index_select: the index is a vector, got shape \(1, 1\)"),
    (lambda: X.narrow(1, 2, 2), IndexError, "narrow: 2 entries from 2 on are not in the 3 along dim 1"),
    (lambda: X.masked_select(X), TypeError, r"masked_select: the mask must be boolean, not float32; write mask.bool\(\)"),
    (lambda: X.masked_fill(X > 0, zeros(2)), ValueError, r"masked_fill: one value for all, not a tensor of shape \(2,\)"),
    (
        lambda: ninx.functional.one_hot(ninx.tensor([3]), 3),
        IndexError,
        "one_hot: class numbers are from 0 to num_classes - 1 = 2, got 3",
    ),
    (lambda: ninx.functional.one_hot(X), TypeError, "one_hot: class numbers must be whole numbers, got float32"),
    (lambda: ops.setitem_(zeros(2, 3), 0, zeros(2)), ValueError, r"setitem: .* \(2,\) does not fit .* \(3,\)"),
]

test_errors_name_the_operation_and_the_values = tables.raise_one_sentence(ERRORS)


# -------------------------------------------------------------------- every form that NumPy and PyTorch share

FORMS = [  # i and j: vectors of whole numbers; m: a mask of the first axis, p: of the first two; n: a number without dimensions
    *("x[0]", "x[-1, 2]", "x[n]", "x[n, :, n]", "x[np.int64(1)]", "x[()]", "x[...]", "x[..., 0]", "x[1, ...]", "x[0, ..., 1]"),
    *("x[None]", "x[:, None]", "x[..., None]", "x[None, 0, None, :, 1]", "x[True]", "x[False]", "x[:, True]", "x[tensor(True)]"),
    *(
        "x[1:]",
        "x[:-1, 1:3]",
        "x[::2, ::3]",
        "x[n:]",
        "x[:, n:3]",
        "x[np.int64(0) : np.int32(2)]",
        "x[2:2]",
        "x[5:]",
        "x[0:0, 1]",
    ),
    *("x[[0, 2]]", "x[[]]", "x[[0, 0], [1, 2]]", "x[([0, 1], [1, 2])]", "x[(0, 2), :]", "x[[[0, 1], [2, 0]], 1]", "x[range(2)]"),
    *(
        "x[[[0, 1], [2, 0]],]",
        "x[:, range(1, 3)]",
        "x[[np.int64(1), 0]]",
        "x[[True, False, True]]",
        "x[[n, n], 0]",
        "x[:, [-1, 0]]",
    ),
    *(
        "x[i]",
        "x[i, j]",
        "x[:, i]",
        "x[..., i]",
        "x[i, None]",
        "x[None, i]",
        "x[i, :, j]",
        "x[i, ..., j]",
        "x[:, i, j]",
        "x[i, 1:]",
    ),
    *("x[i.reshape(1, 3), :, j.reshape(3, 1)]", "x[1:, i, ::2]", "x[i[:0]]", "x[i, j, 0]", "x[n, i]", "x[i, n]"),
    *("x[0, i]", "x[0, :, i]", "x[i, :, 0]", "x[:, 0, i]", "x[:, i, 0]", "x[0, ..., i]", "x[..., i, 0]", "x[0, None, :, i]"),
    *("x[:, 0, None, i]", "x[None, i, :, 0]", "x[:, None, i, 0]", "x[n, :, i]", "x[None, 0, :, [1, 2, 0]]", "x[..., 0, None, i]"),
    *("x[m]", "x[m, 1]", "x[m, :, 1]", "x[:, [1, 2], None]", "x[p]", "x[p, 0]", "x[0, :, [True, False, True, False, True]]"),
    *("x[x > 0]", "x[x > 99]", "x[m, None]", "x[None, m]", "x[0, x[0] > 0]", "x[:, x[0, :, 0] > 0]", "x[m, i[:2]]"),
]


NAMED = {"i": [2, 0, 2], "j": [1, 1, 3], "m": [True, False, True], "n": 1, "p": (np.arange(12).reshape(3, 4) % 3 == 0).tolist()}


class Picks:
    """Hands on the index with which it is read; compares like the tensor, so that an index may ask for x > 0."""

    def __init__(self, x: Any):
        self.x = x

    def __getitem__(self, index: Any) -> Any:
        return index


def index_of(code: str, x: Any) -> Any:
    """What stands between the brackets, in the library of x."""
    library = torch if isinstance(x, torch.Tensor) else ninx
    names = {name: library.tensor(value) for name, value in NAMED.items()} | {"x": x, "np": np, "tensor": library.tensor}
    return eval(f"_[{code[2:-1]}]" if code[2:-1] else "()", names | {"_": Picks(x)})


def read(code: str, x: Any) -> Any:
    return x[index_of(code, x)]


@pytest.mark.parametrize("code", FORMS)
def test_reading_and_its_gradient_are_those_of_pytorch(code: str) -> None:
    rng = np.random.default_rng(0)
    x = signed(rng, (3, 4, 5))
    agree(lambda x: read(code, x) * 1, lambda x: read(code, x) * 1, [x], rng, keep_signs=True)
    ours, theirs = ninx.from_numpy(x.copy()), torch.tensor(x)  # and both are a view, or both a copy
    for y in (read(code, ours), read(code, theirs)):
        if y.numel():
            y[...] = 0
    np.testing.assert_array_equal(ours.array, theirs.numpy())


@pytest.mark.parametrize("code", [code for code in FORMS if code != "x[False]"])  # writes nothing
@pytest.mark.parametrize("kind", ["number", "ones", "full"])
def test_writing_and_its_gradient_are_those_of_pytorch(code: str, kind: str) -> None:
    """Also of a value with more axes than there is place for, all of size 1."""
    rng = np.random.default_rng(0)
    x = signed(rng, (3, 4, 5))
    place = torch.arange(60).reshape(3, 4, 5)[index_of(code, torch.tensor(x))]
    shape = {"number": (), "ones": (1,) * (place.ndim + 1), "full": tuple(place.shape)}[kind]
    if kind == "full" and len(place.unique()) < place.numel():
        pytest.skip("which of two values lands in one place is not promised")
    if kind == "ones" and code.startswith("x[x >"):
        with pytest.raises(ValueError, match=r"setitem: a value of shape \(1, 1\) does not fit"):  # NumPy's limit
            ninx.from_numpy(x)[index_of(code, ninx.from_numpy(x))] = ninx.ones(*shape)
        return

    def put(x: Any, v: Any) -> Any:
        y = x * 1
        y[index_of(code, x)] = v
        return y * y

    agree(put, put, [x, signed(rng, shape)], rng, keep_signs=True)


def test_a_number_without_dimensions_gives_a_view_and_a_slice_may_hold_one() -> None:
    x, one = ninx.zeros(3, 2), ninx.tensor(1)
    x[one][:] = 5
    x[one:2, one] += 1
    assert x.tolist() == [[0, 0], [5, 6], [0, 0]]
    y = x[one:]
    one[...] = 2
    assert y.shape == (2, 2)
    assert 6 in x
    assert 7 not in x


# -------------------------------------------------------------------- an index along one axis, and masks

ALONG = {
    "gather": lambda x, i: x.gather(1, i),
    "gather from the end": lambda x, i: x.gather(-2, i * 0 + 1),
    "take_along_dim": lambda x, i: x.take_along_dim(i[:1] - 1, 1),
    "index_select": lambda x, i: x.index_select(1, i[0]),
    "select": lambda x, i: x.select(1, -1),
    "narrow": lambda x, i: x.narrow(1, 1, 2),
    "narrow from the end": lambda x, i: x.narrow(1, -3, 2),
    "masked_select": lambda x, i: x.masked_select(x > 0),
    "masked_select of rows": lambda x, i: x.masked_select(x[0] > 0),
    "masked_fill": lambda x, i: x.masked_fill(x > 0, -1.5),
    "scatter a number": lambda x, i: x.scatter(1, i, 2.5),
    "scatter value=": lambda x, i: x.scatter(1, i[:, :1], value=2.5),
    "scatter": lambda x, i: x.scatter(1, i[:, :1], (x * 3)[:, :1]),
    "scatter_": lambda x, i: (x * 1).scatter_(0, i[:1] * 0 + 2, (x * 3)[:1, :3]),
    "scatter_add": lambda x, i: x.scatter_add(1, i, (x * 3)[:, :3]),
}


@pytest.mark.parametrize("name", ALONG)
def test_entries_by_an_index_along_an_axis(name: str) -> None:
    rng = np.random.default_rng(0)
    index = np.array([[0, 2, 2], [1, 3, 0], [3, 1, 1]])
    function = ALONG[name]
    ours, theirs = ninx.from_numpy(index), torch.tensor(index)
    agree(lambda x: function(x, ours), lambda x: function(x, theirs), [signed(rng, (3, 4))], rng, keep_signs=True)


def test_class_numbers_become_rows() -> None:
    labels = np.array([[2, 0], [1, 1]])
    ours, theirs = ninx.from_numpy(labels), torch.tensor(labels)
    for options in ({}, {"num_classes": 4}):
        np.testing.assert_array_equal(
            ninx.functional.one_hot(ours, **options).array, torch.nn.functional.one_hot(theirs, **options).numpy(), strict=True
        )
    rows = ninx.zeros(4, 3).scatter_(1, ours.reshape(4).unsqueeze(1), 1)
    np.testing.assert_array_equal(
        rows.array, torch.zeros(4, 3).scatter_(1, theirs.reshape(4).unsqueeze(1), 1).numpy(), strict=True
    )


def test_where_something_holds_is_told_as_rows_or_vectors() -> None:
    for array in (np.array([[0, 3], [5, 0]]), np.array([0.0, 2.0]), np.array(3), np.array(0), np.zeros((0, 2))):
        ours, theirs = ninx.from_numpy(array), torch.tensor(array)
        np.testing.assert_array_equal(ours.nonzero().array, theirs.nonzero().numpy(), strict=True)
        for mine, other in (
            (ours.nonzero(as_tuple=True), theirs.nonzero(as_tuple=True)),
            (ninx.where(ours != 0), torch.where(theirs != 0)),
        ):
            for a, b in zip(mine, other, strict=True):
                np.testing.assert_array_equal(a.array, b.numpy(), strict=True)
