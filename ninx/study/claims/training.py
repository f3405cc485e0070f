"""Claims about what happens in training, and when a trained network grows."""

from __future__ import annotations

from typing import Any

from ... import functional as F
from ... import models, nn, optim
from ...engine import no_grad
from ...ops import arange, rand, randn
from ...random import manual_seed
from ..growth import New, grow
from .claim import Finding, judged


def leaves(model: nn.Module) -> list[Any]:
    """The layers of a network in one list, as a flat nn.Sequential has them."""
    return [m for m in model.modules() if not list(m.children())]


def copied_by_index(
    small: str = "nin-mnist-v0",
    large: str = "nin-mnist-v1",
) -> Finding:
    """new[i].weight.copy_(old[i].weight) for every convolution old[i]."""
    old, new = (leaves(models.create(name)) for name in (small, large))
    copied, total, error = 0, 0, ""
    for i, layer in enumerate(old):
        if isinstance(layer, nn.Conv2d):
            total += 1
            try:
                with no_grad():
                    new[i].weight.copy_(layer.weight)
                copied += 1
            except (AttributeError, ValueError) as reason:
                error = error or f"layer {i}: {reason}"
    figures = {"copied": copied, "convolutions": total, "error": error}
    return Finding(judged(copied == total), figures)


def growth(
    small: str = "nin-mnist-v0",
    large: str = "nin-mnist-v1",
    new: New = "constant",
    value: float = 1.0,
) -> Finding:
    """Grow a network, and compare its outputs before and after."""
    manual_seed(1)
    model, x = models.create(small), randn(5, 1, 28, 28)
    for p in model.parameters():  # larger first weights: no map is dead
        nn.init.xavier_uniform_(p) if p.ndim > 1 else nn.init.constant_(p, 0.1)
    before, change = model(x), {}
    for way in (new, "identity"):
        grown = grow(model, large, way, value)
        gap = (grown(x) - before).abs().max() / before.abs().max()
        change[way] = gap.item()
    # The fifth layer is new: 3x3, ReLU, 1x1, ReLU, and this 1x1.
    *before_it, added = leaves(grow(model, large, new, value))[:5]
    maps = added(nn.Sequential(*before_it)(x)) - added.bias.reshape(-1, 1, 1)
    gap = (maps - maps[:, :1]).abs().max() / maps.abs().max()
    figures = {
        "changed": change[new],
        "identity": change["identity"],
        "equal_channels": gap.item() < 1e-5,
        "channels": maps.shape[1],
    }
    return Finding(judged(change[new] == 0), figures)


def batch_of_one(
    network: str = "nin-bn-fc",
    batch: int = 1,
    side: int = 32,
) -> Finding:
    """Send a batch through the network as it was made: in train mode."""
    model = models.create(network)
    x = randn(batch, 3, side, side)
    error, scores = "", 0
    try:
        scores = model(x).shape[1]
    except ValueError as reason:
        error = str(reason)
    evaluated = model.eval()(x).shape[1]
    figures = {"scores": scores, "error": error, "in_eval": evaluated}
    return Finding(judged(scores == 10), figures)


def dead_maps(last_relu: bool = True, bias: float = -10.0) -> Finding:
    """Let all ten maps be negative once, then train: do they come back?"""
    manual_seed(0)
    model = models.create("nin-mnist-v0", last_relu=last_relu)
    *_, last = model.parameters()  # the biases of the last 1x1
    nn.init.constant_(last, bias)
    x, labels = rand(6, 1, 28, 28), arange(6) % 3
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    losses, slopes = [], []
    for _ in range(5):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        slopes += [g.abs().max().item() for g in gradients]
    figures = {"first": losses[0], "last": losses[-1], "slope": max(slopes)}
    return Finding(judged(losses[-1] < losses[0]), figures)
