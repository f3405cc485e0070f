"""Derivatives of derivatives against ``torch.autograd.grad(create_graph=True)``, in float64.

An example takes the gradients of a function under a random cotangent, weighs them with further random cotangents, and
differentiates again: by every input, and by the cotangents, which are inputs of a gradient too.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
import strategies as some
import torch
import torch.nn.functional as T
from hypothesis import strategies as st
from oracle import Case, at_most, close, distinct, higher, input_grad, lay, library, like, positive, signed, weight_grad

import ninx
import ninx.functional as F
from ninx import ops

E = 20  # examples for each line of the table


def training(x: Any, w: Any, b: Any) -> Any:
    return library(x).batch_norm(x, None, None, w, b, training=True)


def training_plain(x: Any) -> Any:
    return library(x).batch_norm(x, None, None, training=True)


def evaluation(x: Any, w: Any, b: Any) -> Any:
    mean, var = np.linspace(-1, 1, x.shape[1]), np.linspace(0.5, 2, x.shape[1])
    return library(x).batch_norm(x, like(x, mean), like(x, var), w, b)


def entropy(x: Any, weighted: bool, **options: Any) -> Any:
    """Class 1 is ignored."""
    classes, places = x.shape[1], (x.shape[0], *x.shape[2:])
    target = np.arange(int(np.prod(places))).reshape(places) % classes
    weight = like(x, np.linspace(0.5, 2, classes)) if weighted else None
    return library(x).cross_entropy(x, like(x, target), weight, ignore_index=1, **options)


def entropy_of_probabilities(x: Any, t: Any) -> Any:
    return library(x).cross_entropy(x, t, label_smoothing=0.1)


def reduced(name: str, **options: Any) -> tuple[Any, Any]:
    def twin(x: torch.Tensor, dim: Any, keepdim: bool) -> torch.Tensor:
        return getattr(torch, name)(x, dim=tuple(range(x.ndim)) if dim is None else dim, keepdim=keepdim, **options)

    return partial(getattr(ops, name), **options), twin


def picked(x: Any) -> Any:
    """Slices, and an entry that is taken twice; squared, since to pick is linear."""
    part = x[like(x, [0, 1, 1]), 1:]
    return part * part * part


def scattered(x: Any, s: Any) -> Any:
    """Gathered, written and added at indices, some of them twice; squared."""
    once, twice = like(x, [[0, 2], [1, 0]]), like(x, [[0, 0], [2, 1]])
    y = x.scatter(1, once, s) * x.scatter_add(1, twice, s)
    return y.gather(1, twice) ** 2


EINSUM = some.plain(st.just(((3, 3, 2), (2,))))
ENTROPY = {
    "reduction": st.sampled_from(["mean", "sum", "none"]),
    "label_smoothing": st.sampled_from([0.0, 0.1]),
    "weighted": st.booleans(),
}
IMAGES = st.tuples(st.integers(2, 4), st.integers(2, 4), st.integers(2, 4), st.integers(2, 3))
NORMED = some.plain(IMAGES.map(lambda x: (x, x[1:2], x[1:2])))
LOGITS = IMAGES.map(lambda x: (x[: 2 + x[3] % 3],))
RESPONSES = some.plain(
    IMAGES.map(lambda x: (x,)),
    size=st.integers(1, 5),
    alpha=st.sampled_from([1e-2, 1.0]),
    beta=st.sampled_from([0.5, 0.75]),
    k=st.sampled_from([1.0, 2.0]),
)
PAIRED = some.plain(IMAGES.map(lambda x: ((x[0], 2 * x[1], *x[2:]),)))

CASES = [
    Case("conv2d", F.conv2d, T.conv2d, some.convolution(bias=True)),
    Case("conv2d_input_grad", input_grad, input_grad, some.convolution_input_grad),
    Case("conv2d_weight_grad", weight_grad, weight_grad, some.convolution_weight_grad),
    Case("conv_transpose2d", F.conv_transpose2d, T.conv_transpose2d, some.transposed_convolution(bias=True)),
    Case("unfold squared", lambda x, **o: F.unfold(x, **o) ** 2, lambda x, **o: T.unfold(x, **o) ** 2, some.unfolding()),
    Case("fold squared", lambda c, **o: F.fold(c, **o) ** 2, lambda c, **o: T.fold(c, **o) ** 2, some.folding),
    Case("matmul", ops.matmul, torch.matmul, some.products()),
    Case("linear", F.linear, T.linear, some.plain(st.just(((4, 2, 3), (5, 3), (5,))))),
    Case("mul", ops.mul, torch.mul, some.plain(some.broadcast())),
    Case("div", ops.div, torch.div, some.plain(some.broadcast())),
    Case("pow", ops.pow, torch.pow, some.plain(some.broadcast()), (positive, at_most(8))),  # real powers of positive numbers
    Case("pow whole", lambda a, b: a**b, lambda a, b: a**b, some.plain(some.one(), b=st.sampled_from([1, 2, 3, -1]))),
    Case("exp", ops.exp, torch.exp, some.plain(some.one()), at_most(80)),  # e^80 is where float32 ends
    Case("log", ops.log, torch.log, some.plain(some.one()), positive),
    Case("sqrt", ops.sqrt, torch.sqrt, some.plain(some.one()), positive),
    *[Case(n, getattr(ops, n), getattr(torch, n), some.plain(some.one()), positive) for n in ("rsqrt", "log2", "log10", "log1p")],
    *[Case(n, getattr(ops, n), getattr(torch, n), some.plain(some.one())) for n in ("square", "reciprocal", "atan")],
    *[Case(n, getattr(ops, n), getattr(torch, n), some.plain(some.one()), at_most(8)) for n in ("exp2", "expm1")],
    Case("tan", ops.tan, torch.tan, some.plain(some.one()), at_most(1)),
    Case("sin", ops.sin, torch.sin, some.plain(some.one())),
    # Where these saturate, 1 - y loses its digits, in float64 too.
    Case("tanh", ops.tanh, torch.tanh, some.plain(some.one()), at_most(4)),
    Case("sigmoid", ops.sigmoid, torch.sigmoid, some.plain(some.one()), at_most(8)),
    Case("softmax", F.softmax, T.softmax, some.along(least=2, smallest=2), at_most(8)),
    Case("log_softmax", F.log_softmax, T.log_softmax, some.along(least=2, smallest=2), at_most(8)),
    Case("cross_entropy", entropy, entropy, some.plain(LOGITS, **ENTROPY), at_most(8)),
    Case(
        "cross_entropy of probabilities",
        entropy_of_probabilities,
        entropy_of_probabilities,
        some.plain(LOGITS.map(lambda x: x * 2)),
        (at_most(8), positive),
    ),
    Case("logsumexp", *reduced("logsumexp"), some.reduction(least=1), at_most(8)),
    Case("var", *reduced("var", correction=1), some.reduction(least=1, smallest=2)),
    Case("std", *reduced("std", correction=0), some.reduction(least=1, smallest=3)),
    Case("mean", lambda x, **o: ops.mean(x, **o) ** 2, lambda x, **o: reduced("mean")[1](x, **o) ** 2, some.reduction(least=1)),
    Case("prod", lambda x, **o: ops.prod(x, **o), lambda x, **o: torch.prod(x, **o), some.along(smallest=2), at_most(4)),
    Case("cumsum", lambda x, **o: ops.cumsum(x, **o) ** 2, lambda x, **o: torch.cumsum(x, **o) ** 2, some.along()),
    Case("norm", lambda x, dim: ops.norm(x, 2, dim), lambda x, dim: torch.norm(x, 2, dim), some.along(smallest=2)),
    Case("einsum", lambda a, b: ops.einsum("iij,j->i", a, b) ** 2, lambda a, b: torch.einsum("iij,j->i", a, b) ** 2, EINSUM),
    Case("scatter", lambda x, s: scattered(x, s), lambda x, s: scattered(x, s), some.plain(st.just(((2, 3), (2, 2))))),
    Case("getitem", picked, picked, some.plain(some.one(2, 3, smallest=2))),
    Case("max_pool2d", F.max_pool2d, T.max_pool2d, some.max_pooling, distinct),
    Case(
        "max_pool2d squared",
        lambda x, **o: F.max_pool2d(x, **o) ** 2,
        lambda x, **o: T.max_pool2d(x, **o) ** 2,
        some.max_pooling,
        distinct,
    ),
    Case("avg_pool2d", F.avg_pool2d, T.avg_pool2d, some.pooling()),
    Case(
        "avg_pool2d squared", lambda x, **o: F.avg_pool2d(x, **o) ** 2, lambda x, **o: T.avg_pool2d(x, **o) ** 2, some.pooling()
    ),
    Case("local_response_norm", F.local_response_norm, T.local_response_norm, RESPONSES),
    Case("maxout", lambda x: F.maxout(x, 2) ** 2, lambda x: x.unflatten(1, (-1, 2)).max(2).values ** 2, PAIRED, distinct),
    Case("batch_norm training", training, training, NORMED),
    Case("batch_norm training without weight and bias", training_plain, training_plain, some.plain(IMAGES.map(lambda x: (x,)))),
    Case("batch_norm evaluation", evaluation, evaluation, NORMED),
]


def compare(case: Case, inputs: Any, layouts: Sequence[str], seed: int, order: int) -> None:
    """The derivatives of one order. At every level each gradient of the level before has a cotangent, a further input."""
    (shapes, options), rng = inputs, np.random.default_rng(seed)
    arrays = case.values(shapes, rng)
    with torch.no_grad():
        level = [tuple(case.twin(*map(torch.tensor, arrays), **options).shape)]
    known, levels = [a.shape for a in arrays], []
    for _ in range(order):
        levels.append([signed(rng, s) for s in level])
        level = list(known)
        known += [a.shape for a in levels[-1]]

    def leaf(array: np.ndarray, how: str = "C") -> ninx.Tensor:
        return ninx.from_numpy(lay(array, how)[0]).requires_grad_()

    ours = higher(
        ninx.grad,
        partial(case.ours, **options),
        [leaf(a, how) for a, how in zip(arrays, layouts, strict=False)],
        [[leaf(g, how) for g, how in zip(level, layouts[::-1] * 2, strict=False)] for level in levels],
    )
    theirs = higher(
        torch.autograd.grad,
        partial(case.twin, **options),
        [torch.tensor(a, requires_grad=True) for a in arrays],
        [[torch.tensor(g, requires_grad=True) for g in level] for level in levels],
    )
    assert any(d is not None for d in theirs)
    for i, (derivative, reference) in enumerate(zip(ours, theirs, strict=True)):
        if derivative is None or reference is None:  # no dependence: None in one may be zeros in the other
            for d in (None if derivative is None else derivative.array, None if reference is None else reference.numpy()):
                assert d is None or not d.any(), f"derivative {i} is {d} here and None there"
        else:
            close(f"derivative {i} of order {order}", derivative, reference, np.float64)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_second_derivatives(case: Case) -> None:
    @some.examples(E, case.inputs, some.layouts, some.seeds)
    def _(inputs: Any, layouts: Any, seed: int) -> None:
        compare(case, inputs, layouts, seed, 2)


def written_out(x: Any) -> Any:
    """Batch normalisation in training. PyTorch's own takes mean and variance for constants from its third derivative on."""
    mean = x.mean((0, 2, 3), keepdim=True)
    return (x - mean) / (((x - mean) ** 2).mean((0, 2, 3), keepdim=True) + 1e-5) ** 0.5


def network(x: Any, w: Any, v: Any) -> Any:
    """Convolution, normalisation, an activation, pooling, a loss: none of them alone."""
    here = library(x)
    h = here.tanh(here.conv2d(x, w, padding=1))
    h = here.batch_norm(h, None, None, training=True) if here is F else written_out(h)
    h = here.avg_pool2d(here.max_pool2d(h, 2), 2)
    return here.cross_entropy(here.linear(h.flatten(1), v), like(x, [0, 2, 1]))


THIRD = [
    *CASES[:3],
    Case("local_response_norm", F.local_response_norm, T.local_response_norm, RESPONSES, at_most(8)),
    Case("batch_norm", training_plain, written_out, some.plain(IMAGES.map(lambda x: (x,)))),
    # Beyond 1, tanh is near its end, and so are its derivatives.
    Case("network", network, network, some.plain(st.just(((3, 2, 4, 4), (5, 2, 3, 3), (4, 5)))), at_most(1)),
]


@pytest.mark.parametrize("case", THIRD, ids=lambda c: c.name)
def test_third_derivatives(case: Case) -> None:
    @some.examples(E, case.inputs, some.layouts, some.seeds)
    def _(inputs: Any, layouts: Any, seed: int) -> None:
        compare(case, inputs, layouts, seed, 3)


def test_the_chain_of_adjoints_is_closed() -> None:
    """By the trilinear form: the second derivative of <g, conv2d(x, w)> by x and w is conv2d again, and there is no fourth."""
    rng = np.random.default_rng(0)
    x, w, g = (ninx.tensor(signed(rng, s), requires_grad=True) for s in ((2, 3, 5, 5), (4, 3, 3, 3), (2, 4, 3, 3)))
    v = ninx.tensor(signed(rng, x.shape), requires_grad=True)
    (dx,) = ninx.grad(F.conv2d(x, w), x, g, create_graph=True)
    (dg,) = ninx.grad(dx, g, v, create_graph=True)
    np.testing.assert_allclose(dg.array, F.conv2d(v, w).array, rtol=1e-12)
    (dw,) = ninx.grad(dg, w, g, create_graph=True)
    (back,) = ninx.grad(dw, v, w, create_graph=True)
    np.testing.assert_allclose(back.array, dx.array, rtol=1e-12)
    assert ninx.grad(back, x, v, allow_unused=True) == (None,)
