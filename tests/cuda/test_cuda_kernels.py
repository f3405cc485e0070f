"""The CUDA source computes what the loops compute: random geometries, both element types, both index types.

It is compiled as C++ for the CPU, and its threads run from the first to the last and back; where there is a GPU, it runs there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import cuda_checks
import cupy_stand_in as cp
import devices
import host_cuda
import numpy as np
import pytest
import strategies as some
import torch
from cuda_checks import on_gpu
from hypothesis import strategies as st
from test_kernels import CONVOLUTIONS

from ninx.kernels import cuda, geometry, loops
from ninx.kernels.cuda import launcher
from ninx.kernels.geometry import Geometry


@pytest.fixture(autouse=True, scope="module")
def _cupy() -> Iterator[None]:
    with devices.some_cupy():
        yield


def of_pooling(inputs: Any) -> Geometry:
    (x,), options = inputs
    return some.pooling_geometry(x, options)


BUDGETS = st.sampled_from([1, 300, 3000, cuda.BUDGET])  # one row at a time, some rows, some images, everything
ANY_CONVOLUTION = st.one_of(*CONVOLUTIONS.values())
TABLE: dict[str, tuple[st.SearchStrategy[Geometry], st.SearchStrategy[Any]]] = {
    "convolution": (ANY_CONVOLUTION, BUDGETS),
    "columns": (ANY_CONVOLUTION, BUDGETS),
    "max_pooling": (some.pooling(dilated=True, images=(1, 2)).map(of_pooling), st.booleans()),
    "average_pooling": (some.pooling(images=(1, 2)).map(of_pooling), st.booleans()),
}


def drawn(check: str, count: int) -> list[tuple[Geometry, int, int, Any]]:
    """``count`` different geometries, each with a variant (all in turn), a seed and an option: examples for `cuda_checks.run`."""
    found: dict[Geometry, tuple[int, Any]] = {}

    @some.examples(3 * count // 2, TABLE[check][0], some.seeds, TABLE[check][1])
    def _(geo: Geometry, seed: int, option: Any) -> None:
        found.setdefault(geo, (seed, option))

    examples = [(geo, i % cuda_checks.VARIANTS, *found[geo]) for i, geo in enumerate(found)]
    assert len(examples) >= count
    return examples[:count]


def run_all(check: str, examples: list[Any]) -> None:
    for example in examples:
        try:
            cuda_checks.run(check, *example)
        except Exception as error:
            error.add_note(f"with {example}")
            raise


@some.normal_and_slow(300, 2000)
@pytest.mark.parametrize("check", TABLE)
def test_random_geometries(check: str, count: int) -> None:
    run_all(check, drawn(check, count))


@pytest.mark.parametrize("number", range(cuda_checks.VARIANTS))
def test_more_entries_than_threads(number: int) -> None:
    """Several blocks, and a grid so small that every thread works on several entries."""
    rng = np.random.default_rng(0)
    conv = geometry.convolution("conv2d", (3, 5, 17, 13), (4, 5, 3, 2), (2, 1), (1, 2))
    pool = geometry.pooling("pool", (3, 5, 17, 13), (3, 2), (2, 2), (1, 1), (1, 2), True)
    for blocks in (launcher.MOST_BLOCKS, 2):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(launcher, "MOST_BLOCKS", blocks)
            cuda_checks.run("convolution", conv, number, 1, 10**9)
            cuda_checks.run("columns", conv, number, 2, 10**9)
            cuda_checks.run("max_pooling", pool, number, 3, True)
            dtype, context = cuda_checks.variant(number)
            with context:
                cuda_checks.steps(dtype, (40, 9), rng)
                check_loss(dtype, 7, 300, rng)


def test_windows_of_more_than_256_pixels() -> None:
    """Then a position needs more than one byte."""
    pool = geometry.pooling("pool", (1, 2, 20, 21), (17, 16), (2, 3), (3, 2))
    for number in range(cuda_checks.VARIANTS):
        cuda_checks.run("max_pooling", pool, number, number, bool(number & 1))
    _, arg = cuda.max_pool2d(on_gpu(np.ones((1, 20, 21, 2))), pool)
    assert arg.dtype == np.uint32
    x = np.zeros((1, 20, 21, 2))
    x[0, 17, 15] = 1  # the last tap but one of a window: a position above 255
    _, arg = cuda.max_pool2d(on_gpu(x), pool)
    assert arg.get().max() > 255


# -------------------------------------------------------------------- one thread for each entry


TORCH = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-14}


def close(name: str, got: Any, expected: torch.Tensor, dtype: Any) -> None:
    """Largest error over the largest value; PyTorch in float64 is the reference."""
    reference = expected.detach().numpy()
    assert (got.shape, got.dtype) == (reference.shape, dtype), name
    size = np.abs(got.get().astype(np.float64) - reference).max() / max(np.abs(reference).max(), 1e-300)
    assert size <= TORCH[np.dtype(dtype)], f"{name}: {size:.1e}"


@some.normal_and_slow(64, 500)
def test_pointwise(count: int) -> None:
    @some.examples(count, some.shape(least=1), st.integers(0, cuda_checks.VARIANTS - 1), some.seeds)
    def _(shape: tuple[int, ...], number: int, seed: int) -> None:
        dtype, context = cuda_checks.variant(number)
        with context:
            cuda_checks.steps(dtype, shape, np.random.default_rng(seed))


rates = st.sampled_from([0.0, 0.5, 0.9])
SGD = st.fixed_dictionaries({"momentum": rates, "dampening": rates, "weight_decay": rates, "nesterov": st.booleans()})
ADAM = st.fixed_dictionaries(
    {
        "betas": st.tuples(rates, st.sampled_from([0.0, 0.9, 0.999])),
        "eps": st.sampled_from([1e-8, 1e-3]),
        "weight_decay": rates,
        "decoupled": st.booleans(),
    }
)
STEPS = 4


def trajectory(dtype: Any, seed: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """A parameter and the gradients of some steps. Values of one sign, so that no sum nearly vanishes (float32 has no digits
    to spare then, whoever computes)."""
    rng = np.random.default_rng(seed)
    return (rng.random((3, 5)) + 8).astype(dtype), [(rng.random((3, 5)) + 0.5).astype(dtype) for _ in range(STEPS)]


@some.normal_and_slow(64, 500)
def test_sgd_is_pytorchs(count: int) -> None:
    @some.examples(count, SGD, st.integers(0, cuda_checks.VARIANTS - 1), some.seeds)
    def _(settings: dict[str, Any], number: int, seed: int) -> None:
        if settings["nesterov"] and (settings["dampening"] or not settings["momentum"]):
            settings["nesterov"] = False  # refused by PyTorch, and by ninx.optim
        dtype, context = cuda_checks.variant(number)
        start, gradients = trajectory(dtype, seed)
        twin = torch.tensor(start.astype(np.float64), requires_grad=True)
        optimizer = torch.optim.SGD([twin], lr=0.01, **settings)
        p, v = on_gpu(start), on_gpu(np.zeros(start.shape, dtype)) if settings["momentum"] else None
        with context:
            for i, g in enumerate(gradients):
                twin.grad = torch.tensor(g.astype(np.float64))
                optimizer.step()
                keep = 1 - settings["dampening"] if i else 1.0
                chosen = {"momentum": settings["momentum"], "decay": settings["weight_decay"], "nesterov": settings["nesterov"]}
                cuda.sgd(p, on_gpu(g), v, lr=0.01, keep=keep, **chosen)
        close("p", p, twin, dtype)
        if v is not None:
            close("v", v, optimizer.state[twin]["momentum_buffer"], dtype)


@some.normal_and_slow(64, 500)
def test_adam_is_pytorchs(count: int) -> None:
    @some.examples(count, ADAM, st.integers(0, cuda_checks.VARIANTS - 1), some.seeds)
    def _(settings: dict[str, Any], number: int, seed: int) -> None:
        dtype, context = cuda_checks.variant(number)
        start, gradients = trajectory(dtype, seed)
        twin = torch.tensor(start.astype(np.float64), requires_grad=True)
        kind = torch.optim.AdamW if settings["decoupled"] else torch.optim.Adam
        optimizer = kind([twin], lr=0.1, **{k: v for k, v in settings.items() if k != "decoupled"})
        p, m, v = on_gpu(start), on_gpu(np.zeros(start.shape, dtype)), on_gpu(np.zeros(start.shape, dtype))
        with context:
            for i, g in enumerate(gradients):
                twin.grad = torch.tensor(g.astype(np.float64))
                optimizer.step()
                (beta1, beta2), decay = settings["betas"], settings["weight_decay"]
                cuda.adam(
                    p, on_gpu(g), m, v, lr=0.1 / (1 - beta1 ** (i + 1)), beta1=beta1, beta2=beta2,
                    scale=1 / np.sqrt(1 - beta2 ** (i + 1)), eps=settings["eps"], decay=0.0 if settings["decoupled"] else decay,
                    shrink=1 - 0.1 * decay if settings["decoupled"] else 1.0,
                )  # fmt: skip
        for name, got, reference in (("p", p, twin), ("m", m, "exp_avg"), ("v", v, "exp_avg_sq")):
            close(name, got, optimizer.state[twin][reference] if isinstance(reference, str) else reference, dtype)


def test_dropout_keeps_what_lies_on_the_threshold() -> None:
    """Entry i stays if hash(i) >= p * 2**32; for entry 5 the two are made equal."""
    hashed = loops.mix(5 * 0x9E3779B1 + loops.dropout_key(7, 2))
    for p, kept in ((hashed / 2**32, True), ((hashed + 1) / 2**32, False)):
        assert cuda.dropout_keep((9,), p, 7, 2).get()[5] == kept


# -------------------------------------------------------------------- the loss


def check_loss(dtype: Any, n: int, classes: int, rng: np.random.Generator) -> None:
    """Loss and gradient are PyTorch's, some labels ignored."""
    x = (10 * rng.standard_normal((n, classes))).astype(dtype)
    labels = rng.integers(0, classes, n)
    labels[rng.random(n) < 0.2] = -100
    twin = torch.tensor(x.astype(np.float64), requires_grad=True)
    expected = torch.nn.functional.cross_entropy(twin, torch.tensor(labels), reduction="none")
    expected.sum().backward()
    loss, grad = cuda.softmax_cross_entropy(on_gpu(x), on_gpu(labels))
    # One rounding of a logit is the unit that both are measured by: a small loss is the difference of large logits.
    for name, got, reference, unit in (("loss", loss, expected, np.abs(x).max()), ("grad", grad, twin.grad, 1)):
        assert (got.shape, got.dtype) == (tuple(reference.shape), dtype)
        assert np.abs(got.get() - reference.detach().numpy()).max() <= TORCH[np.dtype(dtype)] * unit, name
    cuda.check_labels()


@some.normal_and_slow(64, 500)
def test_softmax_cross_entropy_is_pytorchs(count: int) -> None:
    @some.examples(count, st.integers(1, 6), st.sampled_from([1, 2, 10, 127, 128, 129, 300]), st.integers(0, 7), some.seeds)
    def _(n: int, classes: int, number: int, seed: int) -> None:
        dtype, context = cuda_checks.variant(number)
        with context:
            check_loss(dtype, n, classes, np.random.default_rng(seed))


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("label", [-1, 3, 2**40])
def test_a_label_that_is_no_class_sets_the_flag(label: int, backwards: bool) -> None:
    x = np.arange(9.0).reshape(3, 3)
    with host_cuda.threads_reversed(backwards):
        loss, grad = cuda.softmax_cross_entropy(on_gpu(x), on_gpu(np.array([0, label, 2])))
    assert np.isnan(loss.get()).tolist() == [False, True, False]
    assert not grad.get()[1].any()
    with pytest.raises(IndexError, match="a label is not one of the 3 classes 0 to 2"):
        cuda.check_labels()
    cuda.check_labels()  # said once


@pytest.mark.filterwarnings("ignore:invalid value")
def test_the_loss_of_infinite_and_nan_logits_is_pytorchs() -> None:
    rows = [[1, np.nan, 2], [np.inf, 0, 1], [-np.inf, 0, 1], [-np.inf] * 3, [0, 0, -np.inf], [1e300, -1e300, 0]]
    x, labels = np.array(rows), np.array([0, 0, 0, 1, 2, 0])
    twin = torch.tensor(x, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(twin, torch.tensor(labels), reduction="none")
    expected.sum().backward()
    loss, grad = cuda.softmax_cross_entropy(on_gpu(x), on_gpu(labels))
    np.testing.assert_allclose(loss.get(), expected.detach().numpy(), rtol=1e-15)
    np.testing.assert_allclose(grad.get(), twin.grad.numpy(), atol=1e-15)


# -------------------------------------------------------------------- would these tests notice?

MISTAKES = {  # (what stands in the source, what a tired programmer might have written, the check that must see it)
    "no padding": ("h = i * geo.SH - geo.PH + r * geo.DH, w =", "h = i * geo.SH + r * geo.DH, w =", "columns"),
    "one row too many": ("i >= geo.rows", "i > geo.rows", "columns"),
    "part forgotten": ("geo.r0 + digit(rest, geo.rows)", "digit(rest, geo.rows)", "columns"),
    "groups mixed up": ("rest * per_group + c;", "c * geo.groups + rest;", "convolution"),
    "assigned, not added": ("* geo.C + channel] += sum;", "* geo.C + channel] = sum;", "convolution"),
    "the last of equals": ("value > best ||", "value >= best ||", "max_pooling"),
    "NaN lost": ("value > best || value != value", "value > best", "max_pooling"),
    "outside chosen": ("first_r * geo.KW + first_q;", "0;", "max_pooling"),
    "dilation forgotten": ("geo.SW, geo.PW, geo.DW, geo.OW)", "geo.SW, geo.PW, 1, geo.OW)", "max_pooling"),
    "stride forgotten": ("|| start % stride != 0", "", "average_pooling"),
    "the wrong divisor": ("sum / divisor[i * geo.OW + j]", "sum / divisor[j]", "average_pooling"),
    "one entry short": ("i < (total); i += step", "i < (total) - 1; i += step", "average_pooling"),
    "float in between": ("Real sum = 0;\n    for (Index r = 0;", "float sum = 0;\n    for (Index r = 0;", "average_pooling"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", MISTAKES)
def test_planted_mistakes_are_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right, wrong, check = MISTAKES[name]
    planted = launcher.source().replace(right, wrong)
    assert planted != launcher.source(), "the source has changed: plant this mistake anew"
    monkeypatch.setattr(launcher, "source", lambda: planted)
    examples = drawn(check, 100)
    with cp.installed(), pytest.raises(AssertionError):
        run_all(check, examples)


@pytest.mark.parametrize("nth", range(3))
def test_a_missing_barrier_is_seen(nth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The threads of a block stop at each barrier only, so a missing one shows in one of the two orders."""
    source = launcher.source()
    barriers = [m.span() for m in re.finditer(r"__syncthreads\(\);", source)]
    assert len(barriers) == 3
    start, end = barriers[nth]
    planted = source[:start] + source[end:]
    monkeypatch.setattr(launcher, "source", lambda: planted)
    seen = 0
    with cp.installed():
        for backwards in (False, True):
            with host_cuda.threads_reversed(backwards):
                try:
                    check_loss(np.dtype(np.float64), 3, 300, np.random.default_rng(0))
                except (AssertionError, RuntimeError):
                    seen += 1
    assert seen
