"""What the CUDA kernels must compute, through their launcher: bit for bit what the loops do.

The values are whole numbers, few enough digits that every sum and product is exact, so no order of adding may matter and no
tolerance is needed. Those for float64 have more digits than a float32 holds: it would show if a kernel used one.

They run on whatever ``import cupy`` gives: the stand-in, or a GPU. No hypothesis and no PyTorch here: test_cuda_memory.py runs
this file in a process with another memory allocator.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import host_cuda
import numpy as np
import pytest

from ninx.kernels import cuda, loops
from ninx.kernels.cuda import launcher
from ninx.kernels.geometry import Geometry


def on_gpu(array: np.ndarray) -> Any:
    """The same on the device."""
    return launcher.library().asarray(array)


FACTORS = {np.dtype(np.float32): 2**5, np.dtype(np.float64): 2**20}  # sums of products of these are exact
TERMS = {np.dtype(np.float32): 2**12, np.dtype(np.float64): 2**40}  # sums of these are exact
VARIANTS = 8  # element type x index type x order of the threads


def variant(number: int) -> tuple[Any, ExitStack]:
    """(element type, a context with the index type and the order of the threads) number 0 to 7."""
    stack, patch = ExitStack(), pytest.MonkeyPatch()
    stack.callback(patch.undo)
    if number & 2:
        patch.setattr(launcher, "MOST_INT32", 0)  # nothing is small enough for 32 bits
    stack.enter_context(host_cuda.threads_reversed(bool(number & 4)))
    return np.dtype(np.float64 if number & 1 else np.float32), stack


def numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any, largest: Any = TERMS) -> np.ndarray:
    most = largest[np.dtype(dtype)]
    return rng.integers(-most, most + 1, shape).astype(dtype)


def equal(name: str, got: Any, expected: np.ndarray) -> None:
    """The same bits (but any NaN is NaN, and -0 is 0), type and shape, and no gaps."""
    assert isinstance(got, launcher.library().ndarray), name
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype), name
    assert got.flags.c_contiguous, name
    np.testing.assert_array_equal(got.get(), expected, err_msg=name)


def convolution(geo: Geometry, dtype: Any, rng: np.random.Generator, budget: int) -> None:
    """The three products, by every method and with this budget for the columns."""
    x = numbers(rng, (geo.N, geo.H, geo.W, geo.C), dtype, FACTORS)
    w = numbers(rng, (geo.O, geo.KH, geo.KW, geo.C // geo.groups), dtype, FACTORS)
    b = numbers(rng, (geo.O,), dtype, FACTORS)
    g = numbers(rng, (geo.N, geo.OH, geo.OW, geo.O), dtype, FACTORS)
    dx, dw, db, dg = map(on_gpu, (x, w, b, g))
    y, no_bias = loops.conv2d(x, w, b, geo), loops.conv2d(x, w, None, geo)
    into_x, into_w = loops.conv2d_input_grad(g, w, geo), loops.conv2d_weight_grad(x, g, geo)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cuda, "BUDGET", budget)
        for method in ("auto", "im2col"):
            equal("conv2d", cuda.conv2d(dx, dw, db, geo, method), y)
            equal("conv2d without a bias", cuda.conv2d(dx, dw, None, geo, method), no_bias)
            equal("input_grad", cuda.conv2d_input_grad(dg, dw, geo, method), into_x)
            equal("weight_grad", cuda.conv2d_weight_grad(dx, dg, geo, method), into_w)


def columns(geo: Geometry, dtype: Any, rng: np.random.Generator, budget: int) -> None:
    """im2col and col2im, whole and in parts."""
    x = numbers(rng, (geo.N, geo.H, geo.W, geo.C), dtype)
    cols = numbers(rng, (geo.N * geo.OH * geo.OW, geo.KH * geo.KW * geo.C), dtype)
    expected, back = loops.im2col(x, geo), loops.col2im(cols, geo)
    equal("im2col", cuda.im2col(on_gpu(x), geo), expected)
    equal("col2im", cuda.col2im(on_gpu(cols), geo), back)
    first, total = 0, np.zeros_like(back)
    for part in geo.parts(x.itemsize, budget):
        last = first + part.images * part.rows * geo.OW
        equal("im2col of a part", cuda.im2col(on_gpu(x), geo, part), expected[first:last])
        total += cuda.col2im(on_gpu(cols[first:last]), geo, part).get()
        first = last
    assert first == len(cols)
    np.testing.assert_array_equal(total, back, err_msg="col2im in parts")


def max_pooling(geo: Geometry, dtype: Any, rng: np.random.Generator, specials: bool) -> None:
    """Values, positions, and both adjoints; with ``specials`` also ties, NaN and infinities."""
    shape = (geo.N, geo.H, geo.W, geo.C)
    x = numbers(rng, shape, dtype)
    if specials:
        some = rng.choice(np.array([np.nan, -np.inf, np.inf, -0.0, 0.0, 1.0, 2.0], dtype), rng.integers(1, 8))
        x = rng.choice(some, shape)
    y, arg = loops.max_pool2d(x, geo)
    got, got_arg = cuda.max_pool2d(on_gpu(x), geo)
    equal("max_pool2d", got, y)
    equal("its positions", got_arg, arg)
    g, z = numbers(rng, y.shape, dtype), numbers(rng, x.shape, dtype)
    equal("max_unpool2d", cuda.max_unpool2d(on_gpu(g), got_arg, geo), loops.max_unpool2d(g, arg, geo))
    equal("max_gather2d", cuda.max_gather2d(on_gpu(z), got_arg, geo), loops.max_gather2d(z, arg, geo))


def average_pooling(geo: Geometry, dtype: Any, rng: np.random.Generator, count_pad: bool) -> None:
    """Averages and their adjoint. In float32 the adjoint gets divisors that are powers of two: loops divide in float64."""
    x = numbers(rng, (geo.N, geo.H, geo.W, geo.C), dtype)
    divisor = loops.pool_divisor(geo, count_pad)
    equal("avg_pool2d", cuda.avg_pool2d(on_gpu(x), geo, divisor), loops.avg_pool2d(x, geo, divisor))
    if dtype == np.float32:
        divisor = 2 ** rng.integers(0, 4, divisor.shape)
    g = numbers(rng, (geo.N, geo.OH, geo.OW, geo.C), dtype)
    got = cuda.avg_pool2d_input_grad(on_gpu(g), geo, on_gpu(divisor))  # a divisor of the host or of the device
    equal("avg_pool2d_input_grad", got, loops.avg_pool2d_input_grad(g, geo, divisor))
    equal("global_avg_pool2d", cuda.global_avg_pool2d(on_gpu(x)), loops.global_avg_pool2d(x))


def steps(dtype: Any, shape: tuple[int, ...], rng: np.random.Generator) -> None:
    """Bias + ReLU, its mask, dropout."""
    x, g = numbers(rng, shape, dtype), numbers(rng, shape, dtype)
    b = numbers(rng, shape[-1:], dtype)
    x.flat[: 3 * shape[-1] : 2] = np.nan
    y = on_gpu(x)
    assert cuda.bias_relu(y, on_gpu(b)) is y
    equal("bias_relu", y, np.maximum(x + b, 0))
    equal("relu_mask", cuda.relu_mask(on_gpu(g), y), np.where(y.get() > 0, g, dtype.type(0)))
    p, seed, call = float(rng.choice([0.0, 0.25, 0.5, 1.0, rng.random()])), int(rng.integers(2**63)), int(rng.integers(1, 2**40))
    keep = loops.dropout_keep(shape, p, seed, call)
    equal("dropout_keep", cuda.dropout_keep(shape, p, seed, call), keep)
    scale = dtype.type(0 if p == 1 else 1 / (1 - p))
    with np.errstate(invalid="ignore"):
        equal("dropout", cuda.dropout(on_gpu(x), p, seed, call), np.where(keep, x * scale, dtype.type(0)))


def the_rest(dtype: Any, rng: np.random.Generator) -> None:
    """Run the optimisers and the loss, whatever they compute: what counts is which memory they touch."""
    p, g, m, v = (on_gpu(rng.random((3, 5)).astype(dtype)) for _ in range(4))
    for velocity in (None, v):
        cuda.sgd(p, g, velocity, lr=0.1, momentum=0.9, keep=1.0, decay=0.1, nesterov=False)
    cuda.adam(p, g, m, v, lr=0.1, beta1=0.9, beta2=0.999, scale=1.0, eps=1e-8, decay=0.0, shrink=1.0)
    for classes in (1, 10, 300):
        labels = np.array([classes, -1, -100, 0, classes - 1])  # the last row, at the end of the memory, counts
        cuda.softmax_cross_entropy(on_gpu(rng.random((5, classes)).astype(dtype)), on_gpu(labels))


Check = Callable[[Geometry, Any, np.random.Generator, Any], None]
CHECKS: dict[str, Check] = {f.__name__: f for f in (convolution, columns, max_pooling, average_pooling)}


def run(check: str, geo: Geometry, number: int, seed: int, option: Any) -> None:
    """One check of one geometry in one variant."""
    dtype, context = variant(number)
    with context:
        CHECKS[check](geo, dtype, np.random.default_rng(seed), option)
