"""Shapes against PyTorch: reshape, permute, broadcast, join, pad."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import strategies as some
import tables
import torch
from hypothesis import strategies as st
from oracle import Case, agree, library

import ninx
from ninx import ops


def by_place(x: Any, pad: Any, value: float) -> Any:
    return library(x).pad(x, pad, "constant", value)


def one_form(name: str, *args: Any) -> Any:
    """A method of both libraries, or the function of that name with the tensor first."""
    return lambda x: getattr(x, name)(*args)


def joined_parts(name: str, *args: Any) -> Any:
    """The parts of a tensor one behind the other, the first of them twice: its gradient counts double."""
    return lambda x: (torch if isinstance(x, torch.Tensor) else ops).cat(
        [part.reshape(-1) for part in (getattr(x, name)(*args)[0], *getattr(x, name)(*args))]
    )


ONE, INTO = some.plain(some.one()), some.plain(some.into())
EVEN = some.plain(st.tuples(st.tuples(st.integers(2, 4), st.sampled_from([2, 4, 6]), st.integers(2, 4))))
VECTORS = some.plain(st.tuples(*[st.integers(1, 4).map(lambda n: (n,))] * 3))
PARTS = {
    "split": [(1,), (2, 1), (3, -2), (5, 0)],
    "chunk": [(2,), (3, 1), (5, -1)],
    "tensor_split": [(2,), (4, 1), ([1, 2], 1), ([-1], 0)],
    "unbind": [(), (1,), (-1,)],
}
REARRANGED = {
    "flip": [(0,), (0, 2), ((-1, 1),)],
    "roll": [(1,), (-3, 1), ((1, 5), (0, -1))],
    "tile": [(2,), (2, 1, 3), ((2, 1, 1, 2),)],
    "repeat": [(1, 2, 1), (2, 1, 1, 2), ((2, 2, 2),)],
    "repeat_interleave": [(2,), (3, 1), (2, -1)],
    "tril": [(), (1,), (-1,)],
    "triu": [(), (1,), (-1,)],
}
CASES = [
    Case("reshape", ops.reshape, torch.reshape, some.reshaped()),
    Case("permute", ops.permute, torch.permute, some.reordered()),
    Case("transpose", lambda x, dim: ops.transpose(x, dim, 0), lambda x, dim: torch.transpose(x, dim, 0), some.along()),
    Case("flatten", lambda x, dim: ops.flatten(x, dim), lambda x, dim: torch.flatten(x, dim), some.along()),
    Case("flatten all", ops.flatten, torch.flatten, ONE),
    Case("squeeze", ops.squeeze, torch.squeeze, some.plain(some.one(side=2))),
    Case("squeeze along", ops.squeeze, torch.squeeze, some.along()),
    Case("unsqueeze", ops.unsqueeze, torch.unsqueeze, some.along()),
    Case("broadcast_to", lambda big, x: ops.broadcast_to(x, big.shape) * 2, lambda big, x: x.expand(big.shape) * 2, INTO),
    Case("sum_to", lambda big, x: ops.sum_to(big, x.shape), lambda big, x: big.sum_to_size(x.shape), INTO),
    Case("cat", lambda *t, dim: ops.cat(t, dim), lambda *t, dim: torch.cat(t, dim), some.joined()),
    Case("concat", lambda *t, dim: ops.concat(t, dim), lambda *t, dim: torch.concat(t, dim), some.joined()),
    Case("stack", lambda *t, dim: ops.stack(t, dim), lambda *t, dim: torch.stack(t, dim), some.stacked()),
    Case(
        "reshape to a copy",
        lambda x: x.transpose(0, -1).view(-1),
        lambda x: x.transpose(0, -1).reshape(-1),
        some.plain(some.one(1)),
    ),
    Case("movedim", lambda x, dim: ops.movedim(x, dim, 0), lambda x, dim: torch.movedim(x, dim, 0), some.along()),
    Case("t", ops.t, torch.t, some.plain(some.one(0, 2))),
    Case("ravel", ops.ravel, torch.ravel, ONE),
    Case("unflatten", lambda x: ops.unflatten(x, 1, (-1, 1, 2)), lambda x: x.unflatten(1, (-1, 1, 2)), EVEN),
    Case("hstack", lambda *t: ops.hstack(t), lambda *t: torch.hstack(t), some.plain(some.same(3))),
    Case("vstack", lambda *t: ops.vstack(t), lambda *t: torch.vstack(t), some.plain(some.same(3))),
    *[
        Case(f"{name} {i}", joined_parts(name, *args), joined_parts(name, *args), EVEN)
        for name, calls in PARTS.items()
        for i, args in enumerate(calls)
    ],
    *[
        Case(f"{name} {i}", one_form(name, *args), one_form(name, *args), EVEN)
        for name, calls in REARRANGED.items()
        for i, args in enumerate(calls)
    ],
    Case("meshgrid", lambda *t: ops.meshgrid(*t)[1], lambda *t: torch.meshgrid(*t, indexing="ij")[1], VECTORS),
    Case("meshgrid xy", lambda *t: ops.meshgrid(*t, indexing="xy")[0], lambda *t: torch.meshgrid(*t, indexing="xy")[0], VECTORS),
    Case("diag of a vector", lambda x: ops.diag(x, -1), lambda x: torch.diag(x, -1), some.plain(some.one(1, 1))),
    Case("diag of a matrix", lambda x: ops.diag(x, 1), lambda x: torch.diag(x, 1), some.plain(some.one(2, 2))),
    Case("pad", ops.pad, torch.nn.functional.pad, some.padded()),
    Case("pad by place", by_place, by_place, some.padded()),
]

test_value_and_gradients = tables.agree_with_pytorch(CASES)


@pytest.mark.parametrize("name", ["sum", "add", "mul", "matmul", "cat", "reshape", "exp", "where"])
def test_empty_arrays(name: str) -> None:
    rng, a, b = np.random.default_rng(0), np.zeros((0, 3)), np.zeros((3, 0))
    ours, twin, arrays = {
        "sum": (lambda x: ops.sum(x, 0), lambda x: torch.sum(x, 0), [a]),
        "add": (ops.add, torch.add, [a, a[:, :1]]),
        "mul": (ops.mul, torch.mul, [a, np.ones(3)]),
        "matmul": (ops.matmul, torch.matmul, [b, a]),
        "cat": (lambda *t: ops.cat(t, 1), lambda *t: torch.cat(t, 1), [a, a]),
        "reshape": (lambda x: ops.reshape(x, (0,)), lambda x: torch.reshape(x, (0,)), [a]),
        "exp": (ops.exp, torch.exp, [a]),
        "where": (lambda x, y: ops.where(x > 0, x, y), lambda x, y: torch.where(x > 0, x, y), [a, a]),
    }[name]
    agree(ours, twin, arrays, rng)


def test_a_scalar_has_no_sides_to_pad() -> None:
    assert ops.pad(ninx.tensor(2.0), ()).shape == torch.nn.functional.pad(torch.tensor(2.0), ()).shape == ()


zeros = ninx.zeros
X = zeros(2, 3)
ERRORS: tables.Errors = [
    (lambda: ops.broadcast_to(X, (2, 4)), ValueError, r"broadcast_to: shape \(2, 3\) cannot be broadcast to \(2, 4\)"),
    (lambda: ops.reshape(X, (4, 2)), ValueError, r"reshape: 6 entries of shape \(2, 3\) do not fit shape \(4, 2\)"),
    (lambda: ops.permute(X, (0, 0)), ValueError, r"permute: .*\(0, 0\)"),
    (lambda: ops.permute(X, (2, 3)), IndexError, "permute: dim 2 is out of range"),
    (lambda: ops.transpose(X, 0, 2), IndexError, "transpose: dim 2 is out of range"),
    (lambda: ops.squeeze(X, 2), IndexError, "squeeze: dim 2 is out of range"),
    (lambda: ops.flatten(X, 2), IndexError, "flatten: dim 2 is out of range"),
    (lambda: ops.flatten(X, 1, 0), ValueError, "flatten: start_dim 1 comes after end_dim 0"),
    (lambda: ops.unsqueeze(X, 3), IndexError, "unsqueeze: dim 3 is out of range"),
    (lambda: ops.pad(X, (1, 1), 2.0), ValueError, "pad: mode is 'constant', 'reflect', 'replicate' or 'circular', got 2.0"),
    (
        lambda: ops.pad(X, (3, 0), "reflect"),
        ValueError,
        "pad: mode 'reflect' can go on by 2 entries along an axis of 3, got 3 and 0",
    ),
    (
        lambda: ops.pad(X, (1, 0), "replicate", 2.0),
        ValueError,
        "pad: mode 'replicate' takes its entries from x, .* got value=2.0",
    ),
    (lambda: ops.pad(X, (1,)), ValueError, "pad: needs at most 2 pairs of sizes"),
    (lambda: ops.pad(X, (-2, -2)), ValueError, r"pad: sizes \(-2, -2\) cut off more than there is of shape \(2, 3\)"),
    (lambda: ops.pad(X, (1,) * 6), ValueError, "at most 2 pairs"),
    (lambda: ops.cat([]), ValueError, "cat: there are no tensors"),
    (lambda: ops.cat(X), TypeError, r"cat: takes a list of tensors, cat\(\[a, b\]\), not one Tensor"),
    (lambda: ops.stack(np.ones(3)), TypeError, r"stack: takes a list of tensors, stack\(\[a, b\]\), not one ndarray"),
    (lambda: ops.cat([ninx.tensor(1.0)] * 2), ValueError, "cat: a tensor without dimensions cannot be joined; stack"),
    (lambda: ops.cat([X, X], size=1), TypeError, "cat: there is no argument size"),
    (lambda: ops.cat([X, X], out=X), TypeError, r"cat: there is no out; write y\[...\] = ninx.cat"),
    (
        lambda: X.view(ninx.float64),
        TypeError,
        r"got .*float64.*; the bytes of a tensor are not read as another dtype, x.to\(dtype\)",
    ),
    (lambda: X.view(-1, 6 / 2), TypeError, r"sizes and axes are whole numbers, got \(-1, 3.0\)"),
    (lambda: X.reshape(-2, 3), ValueError, r"reshape: 6 entries of shape \(2, 3\) do not fit shape \(-2, 3\)"),
    (lambda: X.reshape(size=6, shape=6), TypeError, "there is no argument size, shape beside the sizes"),
    (lambda: zeros(2, 3, 4).t(), ValueError, r"t: takes at most two axes, got shape \(2, 3, 4\); x.mT swaps the last two"),
    (lambda: X.unflatten(1, (2, 2)), ValueError, r"unflatten: axis 1 of shape \(2, 3\) has not as many entries as .*\(2, 2\)"),
    (lambda: X.movedim((0, 1), 0), ValueError, "movedim: 2 axes .* cannot go to 1 places"),
    (lambda: X.split(0), ValueError, "split: parts of 0 entries do not make up the 2 of axis 0"),
    (lambda: X.split([1, 2]), ValueError, r"split: sizes \(1, 2\) do not add up to the 2 entries"),
    (lambda: X.split([-1, 3]), ValueError, r"split: sizes \(-1, 3\) do not add up to the 2 entries"),
    (lambda: X.split(-1), ValueError, "split: parts of -1 entries do not make up the 2 of axis 0"),
    (lambda: X.chunk(0), ValueError, "chunk: into at least one part, not 0"),
    (lambda: ninx.tensor(1.0).unbind(), ValueError, "unbind: a tensor without dimensions has no parts"),
    (lambda: X.repeat(2), ValueError, r"repeat: 1 numbers \(2,\) for the 2 axes of shape \(2, 3\); tile takes fewer"),
    (lambda: X.tile(-1), ValueError, r"tile: every axis is repeated 0 times or more, got \(-1,\)"),
    (lambda: X.roll((1, 2), 0), ValueError, r"roll: 2 shifts \(1, 2\) for 1 dims"),
    (
        lambda: X.repeat_interleave(ninx.tensor([1, 2]), 1),
        ValueError,
        "repeat_interleave: takes one number, or one for each of 3",
    ),
    (lambda: ops.meshgrid(X), ValueError, r"meshgrid: takes vectors, got shapes \[\(2, 3\)\]"),
    (lambda: ops.tril(zeros(3)), ValueError, r"tril: takes matrices \(..., m, n\), got shape \(3,\)"),
    (lambda: ops.diag(zeros(2, 2, 2)), ValueError, r"diag: takes a vector or a matrix, got shape \(2, 2, 2\)"),
    (lambda: ops.cat([X, X], 2), IndexError, "cat: dim 2 is out of range"),
    (lambda: ops.cat([X, zeros(2, 4)]), ValueError, r"cat: shapes \(2, 3\) and \(2, 4\) differ along more than dim 0"),
    (lambda: ops.cat([X, zeros(3)]), ValueError, r"cat: shapes \(2, 3\) and \(3,\) differ"),
    (lambda: ops.stack([X, zeros(3, 2)]), ValueError, r"stack: the shapes must be equal, got \[\(2, 3\), \(3, 2\)\]"),
]

test_errors_name_the_operation_and_the_values = tables.raise_one_sentence(ERRORS)


@pytest.mark.parametrize(
    "shape", [6, [3, 2], [-1], range(6, 7), np.array([3, -1]), np.array(6), ninx.tensor([2, 3]), (np.int32(3), 2)]
)
def test_a_shape_is_a_number_or_any_row_of_them(shape: Any) -> None:
    numbers = shape.tolist() if hasattr(shape, "tolist") else shape
    wanted = np.arange(6).reshape(numbers)
    assert ops.reshape(ninx.arange(6), shape).tolist() == wanted.tolist()
    assert ninx.arange(6).view(shape).shape == wanted.shape


@pytest.mark.parametrize(
    ("n", "sizes"), [(4, [1, 2, 1]), (4, [0, 4, 0]), (4, [4]), (0, []), (0, [0, 0]), (0, 3), (0, 0), (4, 4), (4, 5)]
)
def test_parts_may_be_empty_as_in_pytorch(n: int, sizes: Any) -> None:
    found = [[(tuple(p.shape), p.tolist()) for p in lib.ones(2, n).split(sizes, 1)] for lib in (ninx, torch)]
    assert found[0] == found[1]


@pytest.mark.parametrize("dim", [-2, -1, 0, 1])
def test_cat_takes_what_is_empty_and_other_dtypes_as_pytorch(dim: int) -> None:
    """A tensor of shape (0,) fits everywhere: a collection may begin with tensor([])."""
    rng = np.random.default_rng(0)
    rows, whole = rng.standard_normal((2, 3)).astype(np.float32), np.arange(6).reshape(2, 3)
    for arrays in (
        [np.zeros(0, np.float32), rows],
        [rows, np.zeros(0)],
        [np.zeros((0, 3) if dim in (0, -2) else (2, 0), np.float32), rows],
    ):
        ours = ops.cat([ninx.from_numpy(a) for a in arrays], dim)
        np.testing.assert_array_equal(ours.array, torch.cat([torch.tensor(a) for a in arrays], dim).numpy(), strict=True)
    for arrays in (
        [rows, whole],
        [whole, whole > 2],
        [np.zeros(0, np.float32), whole],
        [whole.astype(np.uint8), whole.astype(np.int32)],
    ):
        ours = ops.cat([ninx.from_numpy(a) for a in arrays], dim=dim)
        np.testing.assert_array_equal(ours.array, torch.cat([torch.tensor(a) for a in arrays], dim).numpy(), strict=True)
    assert ops.cat([rows, rows], axis=dim).shape == ops.concat([ninx.from_numpy(rows)] * 2, axis=dim).shape
    assert ops.cat([np.zeros(0)] * 2).shape == (0,)


def test_parts_are_views_and_copies_are_copies_as_in_pytorch() -> None:
    """A write into a part is one into the tensor; flip, roll and repeat give memory of their own."""
    views = [
        "split(2)[1]",
        "chunk(2)[1]",
        "unbind(1)[0]",
        "narrow(0, 1, 2)",
        "select(1, 2)",
        "t()",
        "T",
        "movedim(0, 1)",
        "swapaxes(0, 1)",
    ]
    views += ["tensor_split(2)[0]", "unflatten(1, (2, 2))", "ravel()", "view_as(x.t().t())", "squeeze()", "[...]", "[1:, None]"]
    copies = [
        "flip(0)",
        "roll(1)",
        "roll(0, 0)",
        "repeat(1, 1)",
        "tile(1)",
        "tril(5)",
        "index_select(0, i)",
        "gather(0, g)",
        "[[0, 1]]",
    ]
    for code in views + copies:
        written = {}
        for here in (ninx, torch):
            x = here.arange(16).reshape(4, 4)
            place = "" if code.startswith("[") else "."
            y = eval(f"x{place}{code}", {"x": x, "i": here.arange(4), "g": here.zeros((1, 4), dtype=here.int64)})
            y[...] = -1
            written[here] = x.tolist()
        assert written[ninx] == written[torch], code
        assert (written[ninx] == np.arange(16).reshape(4, 4).tolist()) == (code in copies), code


@pytest.mark.parametrize(
    "call",
    [
        lambda x, s: x.view(s),
        lambda x, s: x.reshape(s),
        lambda x, s: x.reshape(shape=s),
        lambda x, s: x.view(*s),
        lambda x, s: x.view(np.int64(-1), s[1]),
        lambda x, s: x.permute((1, 0)).reshape(list(s)),
        lambda x, s: x.permute(dims=[1, 0]).reshape(s),
        lambda x, s: x[:1].expand(size=(2, 6)),
        lambda x, s: x.broadcast_to((3, 2, 6)),
        lambda x, s: x.view_as(x.reshape(s)),
        lambda x, s: x.reshape_as(x.reshape(s)),
        lambda x, s: x[:, :1].expand_as(x),
        lambda x, s: x.flip(dims=(0,)),
        lambda x, s: x.tile(dims=(2,)),
        lambda x, s: x.repeat(repeats=(2, 2)),
    ],
)
def test_sizes_come_as_numbers_tuples_lists_and_by_name(call: Any) -> None:
    x = np.arange(12.0).reshape(2, 6)
    ours, theirs = (call(t, (4, 3)) for t in (ninx.from_numpy(x), torch.tensor(x)))
    np.testing.assert_array_equal(ours.array, theirs.numpy(), strict=True)
