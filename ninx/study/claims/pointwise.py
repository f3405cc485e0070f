"""Claims about what a 1x1 convolution is, costs and changes."""

from __future__ import annotations

from ... import functional as F
from ... import nn
from ...engine import Tensor
from ...ops import arange, randn
from ...random import manual_seed
from ..summary import summary
from .claim import FALSE, HALF, TRUE, Finding, counted, judged, near


def largest(x: Tensor) -> float:
    """The largest magnitude in a tensor."""
    return float(x.abs().max().item())


def every_pixel(
    channels: int = 32,
    outputs: int = 8,
    side: int = 6,
    kernel: int = 1,
) -> Finding:
    """Compare a convolution with one nn.Linear, applied pixel by pixel."""
    manual_seed(0)
    conv = nn.Conv2d(channels, outputs, kernel, padding=kernel // 2)
    dense = nn.Linear(channels, outputs)
    centre = conv.weight[:, :, kernel // 2, kernel // 2]
    dense.load_state_dict({"weight": centre, "bias": conv.bias})
    x = randn(1, channels, side, side)
    y = conv(x)
    pixels = x.flatten(2).transpose(1, 2)  # a row for each pixel
    rows = dense(pixels).transpose(1, 2)
    gap = largest(y.flatten(2) - rows) / largest(y)
    figures = {"positions": pixels.shape[1], "length": channels, "gap": gap}
    return Finding(judged(gap < 1e-5), figures)


def fewer_channels(
    side: int = 28,
    inputs: int = 192,
    outputs: int = 32,
    kernel: int = 1,
    claimed: tuple[int, int] = (6_144, 4_816_896),
) -> Finding:
    """Count weights and multiply-adds of one layer, and look at its size."""
    layer = nn.Conv2d(inputs, outputs, kernel, bias=False)
    s = summary(layer, (inputs, side, side))
    shape = s.rows[0].output_shape
    figures = {
        "claimed": claimed,
        "weights": s.params,
        "macs": s.macs,
        "shape": shape,
    }
    kept = shape == (outputs, side, side)
    return Finding(judged((s.params, s.macs) == claimed, kept), figures)


def same_channels(
    side: int = 28,
    channels: int = 192,
    kernel: int = 1,
    relu: bool = True,
) -> Finding:
    """What does a 1x1 layer with as many outputs as inputs change?"""
    manual_seed(0)
    layer = nn.Conv2d(channels, channels, kernel)
    s = summary(layer, (channels, side, side))
    same = s.rows[0].output_shape == (channels, side, side)
    activation = nn.ReLU() if relu else nn.Identity()
    _, bias = layer.parameters()
    x = randn(1, channels, 4, 4)
    both = activation(layer(x)) + activation(layer(-x))
    bent = largest(both - 2 * bias.reshape(-1, 1, 1))  # 0 if it is linear
    figures = {"parameters": s.params, "macs": s.macs, "bent": bent}
    return Finding(judged(same, bent > 1e-3), figures)


def ten_times_less(
    side: int = 28,
    inputs: int = 192,
    outputs: int = 32,
    kernel: int = 5,
    through: int = 16,
    claimed: float = 10,
) -> Finding:
    """Count the multiply-adds of a 5x5 layer, and with a 1x1 in front."""

    def macs(*layers: nn.Module) -> int:
        return summary(nn.Sequential(*layers), (inputs, side, side)).macs

    pad = kernel // 2
    direct = macs(nn.Conv2d(inputs, outputs, kernel, padding=pad))
    squeezed = macs(
        nn.Conv2d(inputs, through, 1),
        nn.Conv2d(through, outputs, kernel, padding=pad),
    )
    ratio = direct / squeezed
    figures = {"direct": direct, "squeezed": squeezed, "ratio": ratio}
    return Finding(judged(near(ratio, claimed)), figures)


def im2col_is_the_identity(
    kernel: int = 1,
    stride: int = 1,
    padding: int = 0,
    side: int = 7,
) -> Finding:
    """Is the im2col matrix the image itself, its pixels in a row?"""
    x = arange(2.0 * side * side).reshape(1, 2, side, side)
    columns = F.unfold(x, kernel, padding=padding, stride=stride)
    pixels = x.flatten(2)
    same = columns.shape == pixels.shape and columns.equal(pixels)
    figures = {
        "columns": columns.shape[1:],
        "pixels": pixels.shape[1:],
        "equal": same,
    }
    return Finding(judged(same), figures)


def small_share(
    networks: tuple[str, ...] = (
        "nin-cifar10",
        "nin-imagenet",
        "nin-d2l",
        "nin-mnist",
        "nin-svhn",
    ),
    claimed: float = 100 / 3,
) -> Finding:
    """Which share of the multiply-adds do the 1x1 convolutions do?"""
    shares = {name: 100 * counted(name).pointwise_macs for name in networks}
    verdict = judged(*(share < claimed for share in shares.values()))
    return Finding(verdict, {"shares": shares})


def non_linearity(after: nn.Module | None = None, channels: int = 8) -> Finding:
    """Is f(x + y) = f(x) + f(y) for a 1x1, and with a ReLU behind it?"""
    manual_seed(0)
    layer = nn.Conv2d(channels, channels, 1, bias=False)
    block = nn.Sequential(layer, after or nn.ReLU())
    x, y = randn(2, 1, channels, 5, 5)

    def gap(f: nn.Module) -> float:
        return largest(f(x + y) - f(x) - f(y)) / largest(f(x + y))

    figures = {"alone": gap(layer), "with_relu": gap(block)}
    return Finding(judged(gap(layer) > 1e-5, gap(block) > 1e-5), figures)


def receptive_field(
    kernels: tuple[int, ...] = (5, 1, 1),
    side: int = 32,
) -> Finding:
    """Which patch does one value see: after the first layer, at the end?"""
    layers = [nn.Conv2d(4, 4, k, padding=k // 2) for k in kernels]
    rows = summary(nn.Sequential(*layers), (4, side, side)).rows
    first, *_, last = (row.receptive_field or (0, 0) for row in rows)
    figures = {"first": first, "last": last, "image": (side, side)}
    whole = last >= (side, side)
    verdict = TRUE if whole else HALF if last > first else FALSE
    return Finding(verdict, figures)
