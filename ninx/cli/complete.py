"""What the shell offers after a tab."""

from __future__ import annotations

from .. import data, models
from ..learn import exercise
from ..study import claims
from ..train import recipe as recipes


def recipe_names(incomplete: str) -> list[str]:
    """The recipes that begin so."""
    return [name for name in recipes.names() if name.startswith(incomplete)]


def model_names(incomplete: str) -> list[str]:
    """The networks that begin so."""
    return [name for name in models.names() if name.startswith(incomplete)]


def data_names(incomplete: str) -> list[str]:
    """The data sets that begin so."""
    return [name for name in data.names() if name.startswith(incomplete)]


def claim_names(incomplete: str) -> list[str]:
    """The claims that begin so."""
    return [name for name in claims.names() if name.startswith(incomplete)]


def exercise_names(incomplete: str) -> list[str]:
    """The exercises that begin so."""
    return [name for name in exercise.names() if name.startswith(incomplete)]


def suite_names(incomplete: str) -> list[str]:
    """The suites of the benchmark that begin so."""
    from ..benchmarks import SUITES

    return [name for name in SUITES if name.startswith(incomplete)]
