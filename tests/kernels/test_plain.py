"""The kernels for bare arrays: next to PyTorch in every tier, for NumPy's arrays and for CuPy's (the stand-in's)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import cupy_stand_in as cp
import devices
import host_cuda
import numpy as np
import pytest
import torch

import ninx
from ninx import kernels
from ninx.array import to_numpy
from ninx.kernels import cuda
from ninx.kernels.cuda import launcher

F = torch.nn.functional
PLACES = [(tier, "numpy") for tier in kernels.TIERS] + [(tier, "cupy") for tier in ("strided", "fast")]


@pytest.fixture(params=PLACES, ids=lambda place: "-".join(place))
def put(request: pytest.FixtureRequest) -> Iterator[Any]:
    """How an array gets where the test wants it; the test runs in that tier."""
    tier, library = request.param
    if tier == "fast" and library == "numpy":
        pytest.importorskip("numba")
    with ninx.use_kernels(tier), nullcontext() if library == "numpy" else devices.some_cupy():
        yield (lambda a: a) if library == "numpy" else lambda a: launcher.library().asarray(a)


def channels_last(a: Any) -> Any:
    """The same values in channels-last memory."""
    return np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


CONVOLUTIONS: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((2, 4, 6, 5), (3, 4, 1, 1), {}),
    ((2, 4, 6, 5), (6, 4, 3, 2), {"stride": (2, 1), "padding": (1, 0)}),
    ((1, 4, 9, 8), (6, 2, 3, 3), {"padding": 1, "dilation": 2, "groups": 2}),
    ((2, 4, 6, 5), (3, 4, 1, 1), {"stride": 2}),
    ((0, 2, 4, 4), (3, 2, 3, 3), {}),
]


def same(got: Any, expected: torch.Tensor, dtype: Any) -> None:
    """PyTorch's values, a NumPy or CuPy array, and channels-last memory."""
    rows = got.transpose(0, 2, 3, 1)
    assert rows.flags.c_contiguous
    assert got.dtype == dtype
    np.testing.assert_allclose(to_numpy(got), expected.detach().numpy(), atol=1e-12 if dtype == np.float64 else 2e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("x_shape", "w_shape", "options"), CONVOLUTIONS)
def test_convolution_and_its_gradients_are_pytorchs(put, x_shape, w_shape, options, dtype) -> None:
    rng = np.random.default_rng(0)
    x, w, b = (rng.standard_normal(shape).astype(dtype) for shape in (x_shape, w_shape, w_shape[:1]))
    tx, tw, tb = (torch.tensor(a, requires_grad=True) for a in (x, w, b))
    y = F.conv2d(tx, tw, tb, **options)
    g = rng.standard_normal(y.shape).astype(dtype)
    y.backward(torch.tensor(g))
    for lay in (lambda a: a, channels_last):
        px, pw, pg, pb = put(lay(x)), put(lay(w)), put(lay(g)), put(b)
        same(kernels.conv2d(px, pw, pb, **options), y, dtype)
        same(kernels.conv2d(px, pw, **options), y - tb[:, None, None], dtype)
        same(kernels.conv2d_input_grad(pg, pw, x_shape, **options), tx.grad, dtype)
        same(kernels.conv2d_weight_grad(px, pg, w_shape, **options), tw.grad, dtype)
    for a, before in ((px, x), (pw, w), (pg, g), (pb, b)):
        np.testing.assert_array_equal(to_numpy(a), before)


@pytest.mark.parametrize("options", [{"kernel_size": 2}, {"kernel_size": (3, 2), "stride": 2, "padding": 1, "ceil_mode": True}])
def test_pooling_is_pytorchs(put, options) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 7, 6)).astype(np.float32)
    for lay in (lambda a: a, channels_last):
        a = put(lay(x))
        same(kernels.max_pool2d(a, **options), F.max_pool2d(torch.tensor(x), **options), np.float32)
        same(kernels.max_pool2d(a, **options | {"dilation": 2}), F.max_pool2d(torch.tensor(x), **options, dilation=2), np.float32)
        for counts in (True, False):
            theirs = F.avg_pool2d(torch.tensor(x), **options, count_include_pad=counts)
            same(kernels.avg_pool2d(a, **options, count_include_pad=counts), theirs, np.float32)
        same(kernels.global_avg_pool2d(a), F.adaptive_avg_pool2d(torch.tensor(x), 1), np.float32)


def test_an_image_that_lies_channels_last_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so a 1x1 convolution is one product of the memory that is there."""
    found: list[Any] = []
    monkeypatch.setattr(kernels.strided, "conv2d", lambda x, *_: found.append(x) or np.ones((1, 4, 4, 1)))
    x, w = channels_last(np.ones((1, 2, 4, 4))), channels_last(np.ones((1, 2, 1, 1)))
    with ninx.use_kernels("strided"):
        kernels.conv2d(x, w)
        kernels.conv2d(np.ascontiguousarray(x), w)
    assert [np.shares_memory(a, x) for a in found] == [True, False]


I, W, G = np.ones((1, 2, 4, 4)), np.ones((3, 2, 3, 3)), np.ones((1, 3, 2, 2))  # noqa: E741
REFUSED = {
    "a list": (lambda: kernels.conv2d([[1.0]], W), TypeError, "conv2d: x must be a NumPy or CuPy array, got builtins.list"),
    "a Tensor": (lambda: kernels.max_pool2d(ninx.ones(1, 1, 2, 2), 2), TypeError, "max_pool2d: x must be a NumPy or CuPy array"),
    "whole numbers": (
        lambda: kernels.conv2d(I.astype(int), W),
        TypeError,
        r"conv2d: x must be float32 or float64, got int64; write x\.astype\(np\.float32\)",
    ),
    "two types": (
        lambda: kernels.conv2d(I, W.astype(np.float32)),
        TypeError,
        "conv2d: all arrays must be of one type, but x is float64, w float32",
    ),
    "three dimensions": (lambda: kernels.conv2d(I[0], W), ValueError, "conv2d: input must have 4 dimensions"),
    "channels": (lambda: kernels.conv2d(I, W[:, :1]), ValueError, "conv2d: input has 2 channels, but weight"),
    "the bias": (lambda: kernels.conv2d(I, W, np.ones(2)), ValueError, r"conv2d: b must have shape \(3,\), got \(2,\)"),
    "too small": (lambda: kernels.conv2d(I[..., :2, :2], W), ValueError, "conv2d: kernel 3x3 .* does not fit input 2x2"),
    "the cotangent": (
        lambda: kernels.conv2d_input_grad(G, W, (1, 2, 5, 5)),
        ValueError,
        r"conv2d_input_grad: g must have shape \(1, 3, 3, 3\), got \(1, 3, 2, 2\)",
    ),
    "no shape": (lambda: kernels.conv2d_weight_grad(I, G, (3, 2, 3)), ValueError, "conv2d_weight_grad: weight must have 4 dim"),
    "half a pixel": (lambda: kernels.conv2d_input_grad(G, W, (1, 2, 4.5, 4)), ValueError, "every size must be a whole number"),
    "half a step": (lambda: kernels.conv2d(I, W, stride=1.5), ValueError, "conv2d: stride must be a whole number, got 1.5"),
    "padding by name": (lambda: kernels.conv2d(I, W, padding="same"), ValueError, "conv2d: padding must be a whole number"),
    "no pixels": (lambda: kernels.global_avg_pool2d(I[:, :, :0]), ValueError, "global_avg_pool2d: the maps of x have no pixels"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_in_one_sentence(name: str) -> None:
    call, kind, words = REFUSED[name]
    with pytest.raises(kind, match=words) as told:
        call()
    assert str(told.value).count(". ") == 0


# -------------------------------------------------------------------- CuPy's arrays

on_a_stand_in = pytest.mark.skipif(not host_cuda.GXX, reason="g++ is not installed, so the CUDA kernels cannot run on the CPU")


@on_a_stand_in
def test_arrays_of_two_libraries_or_devices_are_refused_by_name() -> None:
    with cp.installed():
        x, w = cp.asarray(I), cp.asarray(W)
        for call in (lambda: kernels.conv2d(x, W), lambda: kernels.conv2d(I, w)):
            with pytest.raises(TypeError, match=r"conv2d: [xw] must be a CuPy array, as another is, got numpy\.ndarray"):
                call()
        with ninx.use_kernels("loops"), pytest.raises(ValueError, match="the tier 'loops' takes NumPy arrays only"):
            kernels.conv2d(x, w)
        with cp.Device(1):
            elsewhere = cp.asarray(W)
        with pytest.raises(ValueError, match="all arrays must be on one device, but x is on cuda:0, w on cuda:1"):
            kernels.conv2d(x, elsewhere)
        with cp.Device(1):
            bias = cp.asarray(np.ones(len(W), W.dtype))
        with pytest.raises(ValueError, match="all arrays must be on one device, but x is on cuda:0, b on cuda:1"):
            kernels.conv2d(x, w, bias)


@on_a_stand_in
def test_cupys_arrays_stay_on_their_gpu_and_nothing_waits_for_it() -> None:
    """The kernels run on the second device though the first is the current one; nothing is copied to or from the host."""
    with cp.installed():
        with cp.Device(1):
            x, w, g = (cp.asarray(a) for a in (I, W, G))
        cp.transfers.clear()
        cp.streams.clear()
        results = [
            kernels.conv2d(x, w), kernels.conv2d_input_grad(g, w, x.shape), kernels.conv2d_weight_grad(x, g, w.shape),
            kernels.max_pool2d(x, 2), kernels.global_avg_pool2d(x),
        ]  # fmt: skip
        assert cp.transfers == cp.streams == []
        kernels.avg_pool2d(x, 2)
        kernels.avg_pool2d(x, 2)
        assert len(cp.transfers) == 1  # by what is divided: once
        assert {a.device.id for a in results} == {1}
        assert cp.Device().id == 0
        assert "im2col" in cp.launches


@on_a_stand_in
def test_a_label_that_is_no_class_is_told_later_by_the_strided_tier_too() -> None:
    """A GPU cannot raise, and looking at its labels would wait for it."""
    with cp.installed():
        logits, labels = cp.asarray(np.zeros((3, 4), np.float32)), cp.asarray(np.array([0, 4, -100]))
        cp.transfers.clear()
        loss, _ = kernels.strided.softmax_cross_entropy(logits, labels)
        assert cp.transfers == []
        with pytest.raises(IndexError, match="a label is not one of the 4 classes"):
            cuda.check_labels()
        np.testing.assert_allclose(to_numpy(loss), [np.log(4), np.nan, 0], rtol=1e-6)
        assert loss.dtype == np.float32
