"""Claims about the size of images, and about what a pooling makes of a border."""

from __future__ import annotations

import math

from ... import functional as F
from ... import models, nn
from ...engine import no_grad
from ...ops import ones, randint, tensor, zeros
from ..summary import summary
from .claim import Finding, judged


def forty_logits(
    network: str = "nin-mnist-v0",
    side: int = 224,
    classes: int = 10,
) -> Finding:
    """Send one image through the published head, and count the scores."""
    model = models.create(network, head="as-published")
    with no_grad():
        scores = model(zeros(1, 1, side, side))
    count = scores.shape[1]
    loss = F.cross_entropy(scores, tensor([classes - 1]))
    per_map = count // classes
    figures = {
        "scores": count,
        "per_map": per_map,
        "maps_read": [label // per_map for label in range(classes)],
        "accepted": math.isfinite(loss.item()),
    }
    return Finding(judged(count == classes), figures)


def upsampling(
    network: str = "nin-mnist-v0",
    side: int = 28,
    large: int = 224,
) -> Finding:
    """Does the network take small images, and what do large ones add?"""
    preset = models.preset(network)
    with nn.shapes_only():
        model = preset.make()
    costs = {}
    for size in (side, large):
        try:
            costs[size] = summary(model, (1, size, size)).macs
        except ValueError:  # a window does not fit into the image
            costs[size] = 0
    image = randint(0, 256, (1, 1, side, side)).float()
    times = large // side
    resized = image.repeat_interleave(times, 2).repeat_interleave(times, 3)
    back = F.avg_pool2d(resized, times)
    figures = {
        "small_macs": costs[side],
        "large_macs": costs[large],
        "times": costs[large] / costs[side] if costs[side] else 0,
        "lost": (back - image).abs().max().item(),
    }
    return Finding(judged(costs[side] == 0), figures)


def padded_average(
    padding: int = 1,
    count_include_pad: bool = True,
    side: int = 8,
) -> Finding:
    """Average an image of ones: every mean should be 1."""
    image = ones(1, 1, side, side)
    pool = nn.AvgPool2d(3, 2, padding, count_include_pad=count_include_pad)
    y = pool(image)[0, 0]
    ceil = nn.AvgPool2d(3, 2, ceil_mode=True)(image)
    figures = {
        "corner": y[0, 0].item(),
        "edge": y[0, 1].item(),
        "inside": y[1, 1].item(),
        "authors": ceil.min().item(),
    }
    return Finding(judged(bool((y - 1).abs().max() < 1e-6)), figures)
