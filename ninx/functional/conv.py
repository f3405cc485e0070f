"""Convolution, its two partial derivatives, and why there are no others.

A convolution y = conv2d(x, w) is linear in x and in w, so <g, conv2d(x, w)> is a trilinear form in (g, x, w):

    <g, conv2d(x, w)>  =  <conv2d_input_grad(g, w), x>  =  <conv2d_weight_grad(x, g), w>

Its three partial derivatives are the three operations of this file, and the family is closed: the derivative of any of them
is the other two. That is all there is to second, third and higher derivatives. `conv_transpose2d` is conv2d_input_grad
under the name that layers know it by.

Shapes: x (N, C, H, W), w (O, C/groups, KH, KW), y and g (N, O, OH, OW); the kernels see them channels-last.
"""

from __future__ import annotations

from typing import Any

from ninx import kernels
from ninx.kernels import geometry
from ninx.kernels.geometry import Geometry
from ninx.kernels.layout import nchw, nhwc

from ..engine import Tensor, kernel_or_formula, record
from ..ops import pad, sum
from ..ops.rectifier import Masked, ReluMask
from .inputs import first, need_floats, need_tensors

Size = int | tuple[int, int] | list[int]


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    method: str = "auto",
    relu: bool = False,
) -> Tensor:
    """y[n,o,i,j] = bias[o] + sum over c,r,q of x[n, c, i*SH - PH + r*DH, j*SW - PW + q*DW] * w[o,c,r,q]  (zeros outside).

    input (N, C, H, W), or (C, H, W); weight (O, C/groups, KH, KW); bias (O). ``padding`` may be "valid" (none) or "same"
    (stride 1 keeps the size). ``method`` forces a path: "gemm" (a 1x1 kernel as one matrix product over all pixels),
    "im2col", "direct" (every product of this sum, and so the smallest rounding errors), or "auto", which takes the fastest.
    ``relu``: max(y, 0), in the same pass.

    Raises ValueError for shapes that do not fit, and for method="gemm" with a larger kernel.

    >>> x = ninx.ones(1, 3, 8, 8)
    >>> F.conv2d(x, ninx.ones(4, 3, 3, 3), stride=2, padding=1).shape
    (1, 4, 4, 4)
    >>> F.conv2d(x, ninx.ones(4, 3, 1, 1), method="gemm")[0, 0, 0, 0]  # a 1x1 kernel adds up the channels of a pixel
    tensor(3.)
    """
    if type(input) is not Tensor or not isinstance(weight, Tensor):
        need_tensors("conv2d", input=input, weight=weight)
    if input.array.ndim == 3:
        return first(
            conv2d(input.unsqueeze(0), weight, bias, stride, padding, dilation, groups, method=method, relu=relu), "conv2d"
        )
    if isinstance(padding, str):
        input, padding = _named_padding(input, weight, stride, padding, dilation)
    _check("conv2d", input, weight, bias)
    if method not in ("auto", "direct", "gemm", "im2col"):
        raise ValueError(f"conv2d: method must be 'auto', 'direct', 'gemm' or 'im2col', got {method!r}")
    geo = geometry.convolution(
        "conv2d",
        input.array.shape,
        weight.array.shape,
        geometry.pair(stride, "conv2d", "stride"),
        geometry.pair(padding, "conv2d", "padding"),
        geometry.pair(dilation, "conv2d", "dilation"),
        groups if type(groups) is int else geometry.whole(groups, "conv2d", "groups"),
    )
    if bias is not None and bias.array.shape != (geo.O,):
        raise ValueError(f"conv2d: the bias must have shape ({geo.O},), got {bias.shape}")
    if method == "gemm" and not geo.pointwise:
        raise ValueError(
            "conv2d: method='gemm' needs a 1x1 kernel without padding, "
            f"got kernel {geo.KH}x{geo.KW} with padding {geo.PH}x{geo.PW}"
        )
    tier, rows, taps = kernels.tier(), nhwc(input.array), nhwc(weight.array)
    value = nchw(tier.conv2d(rows, taps, None if bias is None else bias.array, geo, method, relu))

    def back_input(g: Tensor) -> Tensor:
        if (mask := ReluMask.claim(input.node)) is None:
            return conv2d_input_grad(g, weight, geo, method)
        dx = kernels.tier().conv2d_input_grad(nhwc(g.array), nhwc(weight.array), geo, method, nhwc(input.array))
        return Masked(nchw(dx), mask)

    def back_weight(g: Tensor) -> Tensor:
        return conv2d_weight_grad(input, g, geo, method)

    def back_both(g: Tensor) -> tuple[Tensor, Tensor]:
        dw, db = kernels.tier().conv2d_weight_bias_grad(nhwc(input.array), nhwc(g.array), geo, method)
        return Tensor(nchw(dw)), Tensor(db)

    back_learnt = kernel_or_formula(back_both, lambda g: (back_weight(g), sum(g, (0, 2, 3))))
    learnt = (weight, back_weight) if bias is None else ((weight, bias), back_learnt)
    return record(value, (input, back_input), learnt, epilogue=ReluMask() if relu else None)


def _conv2d(x: Tensor, weight: Tensor, geo: Geometry, method: str) -> Tensor:
    """The trilinear form's own conv2d, of a geometry that is there already: what the derivatives of the others call."""
    value = nchw(kernels.tier().conv2d(nhwc(x.array), nhwc(weight.array), None, geo, method))
    return record(
        value,
        (x, lambda g: conv2d_input_grad(g, weight, geo, method)),
        (weight, lambda g: conv2d_weight_grad(x, g, geo, method)),
        name="conv2d",
    )


def conv2d_input_grad(g: Tensor, weight: Tensor, geo: Geometry, method: str = "auto") -> Tensor:
    """The derivative of <g, conv2d(x, w)> by x: every product of the forward pass, sent back to its pixel.

    g (N, O, OH, OW), weight (O, C/groups, KH, KW) -> (N, C, H, W). `functional.conv_transpose2d` is the same as a layer.

    >>> from ninx.kernels.geometry import convolution
    >>> geo = convolution("conv2d", (1, 1, 3, 3), (1, 1, 2, 2))
    >>> F.conv2d_input_grad(ninx.ones(1, 1, 2, 2), ninx.ones(1, 1, 2, 2), geo)[0, 0]  # how many windows see each pixel
    tensor([[1., 2., 1.],
            [2., 4., 2.],
            [1., 2., 1.]])
    """
    value = nchw(kernels.tier().conv2d_input_grad(nhwc(g.array), nhwc(weight.array), geo, method))
    return record(
        value,
        (g, lambda h: _conv2d(h, weight, geo, method)),
        (weight, lambda h: conv2d_weight_grad(h, g, geo, method)),
    )


def conv2d_weight_grad(x: Tensor, g: Tensor, geo: Geometry, method: str = "auto") -> Tensor:
    """The derivative of <g, conv2d(x, w)> by w: every forward product, summed over all pixels.

    x (N, C, H, W), g (N, O, OH, OW) -> (O, C/groups, KH, KW).

    >>> from ninx.kernels.geometry import convolution
    >>> geo = convolution("conv2d", (1, 1, 3, 3), (1, 1, 2, 2))
    >>> F.conv2d_weight_grad(ninx.ones(1, 1, 3, 3), ninx.ones(1, 1, 2, 2), geo)[0, 0]  # each weight meets four pixels
    tensor([[4., 4.],
            [4., 4.]])
    """
    value = nchw(kernels.tier().conv2d_weight_grad(nhwc(x.array), nhwc(g.array), geo, method))
    return record(
        value,
        (x, lambda v: conv2d_input_grad(g, v, geo, method)),
        (g, lambda v: _conv2d(x, v, geo, method)),
    )


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Tensor:
    """The adjoint of conv2d in x, as a layer: input (N, I, H, W), or (I, H, W); weight (I, O/groups, KH, KW); bias (O).

    Output size: (H - 1)*SH - 2*PH + DH*(KH - 1) + output_padding + 1. Raises ValueError for shapes that do not fit.

    >>> F.conv_transpose2d(ninx.ones(1, 8, 7, 7), ninx.ones(8, 4, 2, 2), stride=2).shape
    (1, 4, 14, 14)
    """
    name = "conv_transpose2d"
    need_tensors(name, input=input, weight=weight)
    if input.ndim == 3:
        y = conv_transpose2d(input.unsqueeze(0), weight, bias, stride, padding, output_padding, groups, dilation)
        return first(y, name)
    geo = geometry.transposed(
        name,
        input.shape,
        weight.shape,
        geometry.pair(stride, name, "stride"),
        geometry.pair(padding, name, "padding"),
        geometry.pair(output_padding, name, "output_padding"),
        geometry.pair(dilation, name, "dilation"),
        geometry.whole(groups, name, "groups"),
    )
    _check(name, input, weight, bias)
    if bias is not None and bias.array.shape != (geo.C,):
        raise ValueError(f"{name}: the bias must have shape ({geo.C},), got {bias.shape}")
    y = conv2d_input_grad(input, weight, geo)
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)


def _named_padding(x: Tensor, w: Tensor, stride: Any, name: str, dilation: Any) -> tuple[Tensor, tuple[int, int]]:
    """What padding="valid" or "same" means in numbers; where "same" is uneven, x is padded here."""
    stride, dilation = geometry.pair(stride, "conv2d", "stride"), geometry.pair(dilation, "conv2d", "dilation")
    if name == "valid":
        return x, (0, 0)
    if name != "same" or stride != (1, 1):
        raise ValueError(f"conv2d: padding is a size, 'valid', or 'same' with stride 1; got {name!r} with stride {stride}")
    geometry.need_4d("conv2d", "input", x.shape, "(N, C, H, W)")
    geometry.need_4d("conv2d", "weight", w.shape, "(O, C/groups, KH, KW)")
    total = [d * (k - 1) for d, k in zip(dilation, w.shape[2:], strict=True)]
    if any(t % 2 for t in total):
        x = pad(x, (0, total[1] % 2, 0, total[0] % 2))
    return x, (total[0] // 2, total[1] // 2)


def _check(operation: str, x: Tensor, w: Tensor, b: Tensor | None) -> None:
    """One dtype, one device."""
    dtype, device = x.array.dtype, x.array.device
    if b is not None and not isinstance(b, Tensor):
        need_tensors(operation, bias=b)
    if dtype.kind != "f":
        need_floats(operation, x)
    for other in (w,) if b is None else (w, b):
        if other.array.dtype != dtype:
            raise TypeError(_uneven(operation, "dtype", x, w, b))
        if other.array.device != device:
            raise ValueError(_uneven(operation, "device", x, w, b))


def _uneven(operation: str, what: str, x: Tensor, w: Tensor, b: Tensor | None) -> str:
    given = {"input": x, "weight": w} | ({} if b is None else {"bias": b})
    listed = ", ".join(f"{name} {getattr(t, what)}" for name, t in given.items())
    return f"{operation}: all must have one {what}, got {listed}"
