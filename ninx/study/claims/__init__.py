"""What is said about Network in Network and 1x1 convolutions, tested: each claim with its source, its check and the verdict.

A claim is two things under one name: words, in en.toml and zh.toml, and a check, a function of this folder that computes the
figures of which the words speak. Nothing is looked up: other inputs give other figures, and where they must another verdict.

    weights      how many weights, layers and multiply-adds a network has
    pointwise    what a 1x1 convolution is, costs and changes
    images       the size of images, and what a pooling makes of their border
    training     what happens in training, and when a trained network grows
    reading      what a paper says, and what published figures show
"""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from ninx.kernels.names import unknown

from ...kernels import use_kernels
from ...random import get_rng_state, set_rng_state
from . import images, pointwise, reading, training, weights
from .claim import VERDICTS, Finding
from .telling import Answer, Answers

__all__ = ["CHECKS", "LANGUAGES", "VERDICTS", "Answer", "Answers", "Finding", "check", "check_all", "names"]

LANGUAGES = ("en", "zh")

CHECKS: dict[str, Callable[..., Finding]] = {
    "affiliation": reading.affiliation,
    "megabytes": weights.megabytes,
    "54-vs-27": weights.bottleneck_weights,
    "forty-logits": images.forty_logits,
    "relu-index": training.copied_by_index,
    "growth": training.growth,
    "significance": reading.significance,
    "upsampling": images.upsampling,
    "bn-batch-1": training.batch_of_one,
    "not-a-nin": weights.not_a_nin,
    "vgg-count": weights.vgg_layers,
    "non-linearity": pointwise.non_linearity,
    "embedded": weights.embedded,
    "receptive-field": pointwise.receptive_field,
    "padded-average": images.padded_average,
    "dead-maps": training.dead_maps,
    "every-pixel": pointwise.every_pixel,
    "fewer-channels": pointwise.fewer_channels,
    "same-channels": pointwise.same_channels,
    "ten-times-less": pointwise.ten_times_less,
    "im2col": pointwise.im2col_is_the_identity,
    "small-share": pointwise.small_share,
    "dense-heads": weights.dense_heads,
}


def names() -> list[str]:
    """The claims by name: first what the sources get wrong, then what they get right.

    >>> ninx.study.claims.names()[:3]
    ['affiliation', 'megabytes', '54-vs-27']
    """
    return list(CHECKS)


def check(name: str, language: str = "en", **inputs: Any) -> Answer:
    """Test one claim; ``inputs`` replace those of its check, whose arguments say what there is.

    Raises ValueError for an unknown name or language. The random generator is left as it was.

    >>> answer = ninx.study.claims.check("54-vs-27")
    >>> answer.verdict, answer.figures["found"]
    ('false', 21)
    >>> ninx.study.claims.check("54-vs-27", claimed=(54, 21)).verdict
    'true'
    """
    if name not in CHECKS:
        raise ValueError(unknown("claim", name, CHECKS))
    if language not in LANGUAGES:
        raise ValueError(unknown("language", language, LANGUAGES))
    before = get_rng_state()
    try:
        with use_kernels("strided"):  # nothing of this size is worth compiling
            finding = CHECKS[name](**inputs)
    finally:
        set_rng_state(before)
    told = words(language)
    return Answer(name, language, finding, told[name], told["*"], inspect.getsource(CHECKS[name]))


def check_all(language: str = "en") -> Answers:
    """Test every claim. At a prompt the answers show themselves as a table, in a notebook too; each of them tells more.

    >>> answers = ninx.study.claims.check_all()
    >>> [answer.name for answer in answers if answer.verdict == "cannot be known"]
    ['significance']
    """
    return Answers(check(name, language) for name in CHECKS)


@cache
def words(language: str) -> dict[str, dict[str, str]]:
    """The words of every claim, with places for its figures; under "*" those that all of them use.

    >>> ninx.study.claims.words("en")["embedded"]["title"]
    'Few parameters, so it suits small devices'
    """
    return tomllib.loads(files(__name__).joinpath(f"{language}.toml").read_text(encoding="utf-8"))
