"""What a check of a claim returns, and what several checks need."""

from __future__ import annotations

from typing import Any, NamedTuple

from ... import models, nn
from ..summary import Summary, summary

TRUE, FALSE, HALF, UNKNOWN = "true", "false", "half true", "cannot be known"
VERDICTS = (TRUE, FALSE, HALF, UNKNOWN)


class Finding(NamedTuple):
    """The verdict of a check, one of `VERDICTS`, and the figures that it rests on."""

    verdict: str
    figures: dict[str, Any]


def judged(*parts: bool) -> str:
    """The verdict on a claim of several parts: true if all hold, false if none does, otherwise half true.

    >>> from ninx.study.claims.claim import judged
    >>> judged(True, False)
    'half true'
    """
    return TRUE if all(parts) else HALF if any(parts) else FALSE


def near(a: float, b: float, relative: float = 0.05) -> bool:
    """Is a rounded figure what was meant? Equal to 5 %, or as said.

    >>> from ninx.study.claims.claim import near
    >>> near(9.68, 10)
    True
    """
    return abs(a - b) <= relative * abs(b)


def counted(name: str) -> Summary:
    """The layers of a network by its name, for its own input, without memory for its weights.

    >>> from ninx.study.claims.claim import counted
    >>> counted("nin-mnist").params
    349674
    """
    preset = models.preset(name)
    with nn.shapes_only():
        return summary(preset.make(), preset.input_shape)


def weights(*layers: nn.Module) -> int:
    """How many numbers these layers learn.

    >>> from ninx.study.claims.claim import weights
    >>> weights(nn.Conv2d(3, 2, 3, bias=False))
    54
    """
    return sum(p.numel() for layer in layers for p in layer.parameters())
