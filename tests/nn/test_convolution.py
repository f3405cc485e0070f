"""Convolution, its two gradients and its transpose against PyTorch: value and every gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import strategies as some
import tables
import torch.nn.functional as T
from oracle import LAYOUTS, Case, agree, input_grad, signed, weight_grad

import ninx
import ninx.functional as F

pytestmark = pytest.mark.usefixtures("device")

CASES = [
    Case("conv2d", F.conv2d, T.conv2d, some.convolution(bias=True)),
    Case("conv2d_input_grad", input_grad, input_grad, some.convolution_input_grad),
    Case("conv2d_weight_grad", weight_grad, weight_grad, some.convolution_weight_grad),
]
TRANSPOSED = [
    Case("conv_transpose2d", F.conv_transpose2d, T.conv_transpose2d, some.transposed_convolution(bias=True)),
]

test_value_and_gradients = tables.agree_with_pytorch(CASES, 25, slow=200)
test_value_and_gradients_of_the_transpose = tables.agree_with_pytorch(TRANSPOSED)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel", [(3, 3), (2, 4), (1, 1), (4, 3)])
@pytest.mark.parametrize("dilation", [1, 2])
def test_padding_by_name(padding: str, kernel: tuple[int, int], dilation: int) -> None:
    CASES[0].check((((2, 3, 8, 9), (4, 3, *kernel)), {"padding": padding, "dilation": dilation}), (), 0)


@pytest.mark.parametrize(("stride", "dilation", "output_padding"), [(1, 2, 1), (2, 3, 2), ((1, 2), (2, 1), (1, 1))])
@pytest.mark.parametrize("kernel", [(2, 3), (1, 1)])
def test_an_output_padding_of_a_stride_or_more(stride: Any, dilation: Any, output_padding: Any, kernel: Any) -> None:
    """The dilation may allow it; a convolution of the output with this kernel would then have more pixels than x has."""
    options = {"stride": stride, "dilation": dilation, "output_padding": output_padding}
    TRANSPOSED[0].check((((2, 3, 4, 5), (3, 4, *kernel)), options), (), 0)


@pytest.mark.parametrize("how", LAYOUTS)
def test_one_image_without_a_batch(how: str) -> None:
    rng = np.random.default_rng(0)
    x, w, v = signed(rng, (3, 6, 7)), signed(rng, (4, 3, 2, 3)), signed(rng, (3, 4, 2, 3))
    hows = [how] * 4
    agree(lambda x, w: F.conv2d(x, w, None, 2, 1), lambda x, w: T.conv2d(x, w, None, 2, 1), [x, w], rng, hows)
    agree(lambda x, v: F.conv_transpose2d(x, v, None, 2, 1), lambda x, v: T.conv_transpose2d(x, v, None, 2, 1), [x, v], rng, hows)


@pytest.mark.parametrize("case", [CASES[0], *TRANSPOSED], ids=lambda c: c.name)
def test_no_images_at_all(case: Case) -> None:
    @some.examples(5, case.inputs, some.seeds)
    def _(inputs: Any, seed: int) -> None:
        (x, *rest), options = inputs
        case.check((((0, *x[1:]), *rest), options), (), seed)


zeros = ninx.zeros
X = zeros(2, 3, 5, 5)
W = zeros(4, 3, 3, 3)
DOUBLE = zeros(4, 3, 3, 3, dtype=np.float64)
WHOLE = zeros(2, 3, 5, 5, dtype=np.int64)
ERRORS: tables.Errors = [
    (lambda: F.conv2d(X, W, groups=1.5), ValueError, "groups must be a whole number, got 1.5"),
    (lambda: F.conv2d(X, DOUBLE), TypeError, "one dtype, got input float32, weight float64"),
    (lambda: F.conv2d(X, W, zeros(4, dtype=np.float64)), TypeError, "one dtype, .* bias float64"),
    (lambda: F.conv2d(WHOLE, zeros(4, 3, 3, 3, dtype=np.int64)), TypeError, "needs floating-point numbers, got int64"),
    (lambda: F.conv2d(X, W, [0.0] * 4), TypeError, "conv2d: bias must be a tensor, not a list"),
    (lambda: F.conv2d(X, W, zeros(3)), ValueError, r"bias must have shape \(4,\), got \(3,\)"),
    (lambda: F.conv2d(X, W, zeros(4, 1)), ValueError, r"bias must have shape \(4,\), got \(4, 1\)"),
    (lambda: F.conv2d(X, W, padding="full"), ValueError, "'valid', or 'same' with stride 1; got 'full'"),
    (lambda: F.conv2d(X, W, stride=2, padding="same"), ValueError, r"got 'same' with stride \(2, 2\)"),
    (lambda: F.conv2d(X, W, method="fft"), ValueError, "method must be 'auto', 'direct', 'gemm' or 'im2col', got 'fft'"),
    (lambda: F.conv2d(X, W, method="gemm"), ValueError, "method='gemm' needs a 1x1 kernel without padding, got kernel 3x3"),
    (lambda: F.conv2d(X, zeros(4, 3, 1, 1), padding=1, method="gemm"), ValueError, "got kernel 1x1 with padding 1x1"),
    (lambda: F.conv2d(X, zeros(3, 3, 3), padding="same"), ValueError, r"weight must have 4 dim.* got shape \(3, 3, 3\)"),
    (lambda: F.conv2d(zeros(5, 5), zeros(4, 3, 2, 2), padding="same"), ValueError, r"input must have 4 dim.* got shape \(5, 5\)"),
    (lambda: F.conv2d(X, zeros(0, 3, 1, 1)), ValueError, r"conv2d: weight \(0, 3, 1, 1\) has no output channels"),
    (lambda: F.conv2d(zeros(2, 0, 5, 5), zeros(4, 0, 1, 1)), ValueError, r"conv2d: weight \(4, 0, 1, 1\) has no input channels"),
    (lambda: F.conv_transpose2d(X, zeros(3, 0, 2, 2)), ValueError, r"conv_transpose2d: weight \(3, 0, 2, 2\) has no output"),
    (lambda: F.conv_transpose2d(zeros(2, 0, 5, 5), zeros(0, 3, 2, 2)), ValueError, r"\(0, 3, 2, 2\) has no input channels"),
    (lambda: F.conv_transpose2d(X, zeros(3, 2, 2, 2), stride=1.5), ValueError, "conv_transpose2d: stride must be a whole number"),
    (lambda: F.conv_transpose2d(X, zeros(3, 2, 2, 2), groups=1.5), ValueError, "conv_transpose2d: groups must be a whole"),
    (lambda: F.conv_transpose2d(X, zeros(3, 2, 2, 2), zeros(3)), ValueError, r"conv_transpose2d: the bias .* \(2,\)"),
    (lambda: F.conv_transpose2d(X, zeros(3, 2, 2, 2, dtype=np.float64)), TypeError, "conv_transpose2d: all must have one dtype"),
]

test_errors_name_the_operation_and_the_values = tables.raise_one_sentence(ERRORS)
