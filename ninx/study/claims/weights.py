"""Claims about how many weights, layers and multiply-adds a network has."""

from __future__ import annotations

from ... import models, nn
from ...ops import randn
from ...random import manual_seed
from .claim import Finding, counted, judged, near, weights


def megabytes(
    large: str = "alexnet-caffe",
    small: str = "nin-imagenet",
    claimed: tuple[float, float] = (230, 29),
) -> Finding:
    """Are the claimed figures millions of parameters, or MiB of float32?"""
    counts = [counted(name).params for name in (large, small)]
    millions = [n / 1e6 for n in counts]
    mib = [4 * n / 2**20 for n in counts]
    verdict = judged(*map(near, claimed, millions))
    figures = {
        "claimed": claimed,
        "parameters": counts,
        "mib": mib,
        "ratio": counts[0] / counts[1],
        "claimed_is_mib": all(map(near, claimed, mib)),
    }
    return Finding(verdict, figures)


def bottleneck_weights(
    inputs: int = 3,
    outputs: int = 2,
    kernel: int = 3,
    through: int = 1,
    claimed: tuple[int, int] = (54, 27),
) -> Finding:
    """Count the weights of a convolution, and with a 1x1 in front."""
    widths = range(1, inputs + 1)  # how many channels may lie between
    first = [nn.Conv2d(inputs, c, 1, bias=False) for c in widths]
    last = [nn.Conv2d(c, outputs, kernel, bias=False) for c in widths]
    direct, both = weights(last[-1]), list(map(weights, first, last))
    found = both[through - 1]
    figures = {
        "direct": direct,
        "first": weights(first[through - 1]),
        "second": weights(last[through - 1]),
        "found": found,
        "wide": both[-1],
        "most": sum(n < direct for n in both),
        "nin_share": 100 * counted("nin-cifar10").pointwise_params,
    }
    counts_right = (direct, found) == claimed
    saves = found < direct
    return Finding(judged(counts_right, counts_right and saves), figures)


def vgg_layers(
    network: str = "vgg16",
    claimed: int = 16,
    other: str = "vgg11",
) -> Finding:
    """Count the convolutions and the fully connected layers."""

    def kinds(name: str) -> tuple[int, int]:
        rows = [row.kind for row in counted(name).rows]
        return rows.count("Conv2d"), rows.count("Linear")

    convolutions, dense = kinds(network)
    figures = {
        "convolutions": convolutions,
        "dense": dense,
        "both": convolutions + dense,
        "other": kinds(other),
    }
    return Finding(judged(convolutions == claimed), figures)


def dense_heads(
    networks: tuple[str, ...] = ("alexnet", "vgg11", "vgg16"),
    claimed: float = 50,
) -> Finding:
    """Which share of the parameters do fully connected layers hold?"""
    found = {}
    for name in networks:
        s = counted(name)
        dense = [row.params for row in s.rows if row.kind == "Linear"]
        found[name] = 100 * sum(dense) / s.params
    first = next(r for r in counted("vgg16").rows if r.kind == "Linear")
    # A fully connected layer has one multiply-add for each weight.
    figures = {"shares": found, "first_of_vgg16": first.macs}
    verdict = judged(*(share > claimed for share in found.values()))
    return Finding(verdict, figures)


def embedded(
    small: str = "nin-imagenet",
    large: str = "alexnet-caffe",
) -> Finding:
    """Compare parameters (memory) and multiply-adds (time, energy)."""
    a, b = counted(small), counted(large)
    figures = {
        "fewer": b.params / a.params,
        "more": a.macs / b.macs,
        "macs": (a.macs, b.macs),
    }
    return Finding(judged(a.params < b.params, a.macs < b.macs), figures)


def not_a_nin(network: str = "nin-bn-fc") -> Finding:
    """Has each stage its k x k convolution, and is the head no Linear?"""
    stages = [0]
    for row in counted(network).rows:
        if row.kind in ("MaxPool2d", "AvgPool2d"):
            stages.append(0)
        stages[-1] += row.kind == "Conv2d" and not row.pointwise
    model = models.create(network)
    linear = [m for m in model.modules() if isinstance(m, nn.Linear)]
    figures = {
        "with_kernel": sum(n > 0 for n in stages),
        "stages": len(stages),
        "linear": len(linear),
        **collapse(model, linear),
    }
    return Finding(judged(all(stages), not linear), figures)


def collapse(model: nn.Module, linear: list[nn.Linear]) -> dict[str, float]:
    """The last 1x1, the mean and the Linear as one matrix, and the gap."""
    if not linear:
        return dict.fromkeys(("before", "after", "share", "gap"), 0)
    *_, last = (m for m in model.modules() if isinstance(m, nn.Conv2d))
    head = linear[-1]
    matrix = head.weight @ last.weight.flatten(1)
    manual_seed(0)
    x = randn(8, last.in_channels, 3, 3)
    y = head(last(x).mean((2, 3)))
    one = x.mean((2, 3)) @ matrix.T + head.bias
    before = last.weight.numel() + head.weight.numel()
    return {
        "before": before,
        "after": matrix.numel(),
        "share": 100 * before / weights(model),
        "gap": ((y - one).abs().max() / y.abs().max()).item(),
    }
