"""An optimiser and a schedule of ours beside PyTorch's, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

import ninx
from ninx import optim

OURS, THEIRS = optim.lr_scheduler, torch.optim.lr_scheduler


EPOCHS = 50


def optimizers(kind: str = "SGD", rates: tuple[float, ...] = (0.3, 1.0), **settings: Any) -> tuple[Any, Any]:
    """An optimiser of ours and one of PyTorch's, with one group for each rate."""
    if kind == "SGD":
        settings = {"momentum": 0.9} | settings
    groups = [[{"params": [zeros(1)], "lr": lr} for lr in rates] for zeros in (ninx.zeros, torch.zeros)]
    return getattr(optim, kind)(groups[0], **settings), getattr(torch.optim, kind)(groups[1], **settings)


def settings_of(optimizer: Any) -> list[tuple[Any, ...]]:
    """All that a schedule may change in the groups."""
    return [tuple(g.get(k) for k in ("lr", "momentum", "betas", "initial_lr")) for g in optimizer.param_groups]


def epochs(ours: Any, theirs: Any, a: Any, b: Any, count: int = EPOCHS) -> Iterator[int]:
    """So many epochs of both; before each, and at the end, the same settings to the last bit."""
    for t in range(count):
        assert settings_of(ours) == settings_of(theirs), t
        assert a.get_last_lr() == b.get_last_lr(), t
        yield t
        ours.step()
        theirs.step()
        a.step()
        b.step()
    assert settings_of(ours) == settings_of(theirs)
