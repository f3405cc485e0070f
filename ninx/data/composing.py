"""Transforms one after another, and how one is called: with the image and a generator, or with the image alone."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from ..looks import brief, unfailing
from . import chance

_FUNCTIONS = {types.FunctionType, types.BuiltinFunctionType, types.MethodType, functools.partial}


class Transform(Protocol):
    """Image to image. All chance comes from ``rng``; without one, from the generator that `chance` knows of."""

    def __call__(self, image: Any, rng: np.random.Generator) -> Any:
        """The new image."""
        ...


class Compose:
    """Transforms one after another: (image, rng) -> image, each with the same rng, or (image) for what takes no generator.

    Raises TypeError for what is no list of functions.

    >>> prepare = ninx.data.Compose([ninx.data.ToTensor(), ninx.data.Normalize(0.5, 0.5), lambda image: image[:, ::2]])
    >>> y = prepare(np.full((28, 28), 255, np.uint8))
    >>> y.shape, float(y.max())
    ((1, 14, 28), 1.0)
    """

    def __init__(self, transforms: Sequence[Callable[..., Any]]):
        if not isinstance(transforms, list | tuple):
            raise TypeError(f"Compose: takes a list of transforms, got {brief(transforms)}; write Compose([...])")
        for transform in transforms:
            check_callable("Compose", transform)
        self.transforms = list(transforms)

    def __call__(self, image: Any, rng: np.random.Generator | None = None) -> Any:
        """The image after all of them."""
        for transform in self.transforms:
            image = applied(transform, image, rng)
        return image

    @unfailing
    def __repr__(self) -> str:
        """One transform a line."""
        lines = [brief(transform).replace("\n", "\n    ") for transform in self.transforms]
        return "\n    ".join(["Compose(", *lines]) + "\n)" if lines else "Compose()"


def check_callable(operation: str, transform: Any) -> None:
    """Raises TypeError for what cannot be called with an image."""
    if isinstance(transform, type):
        name = transform.__name__
        raise TypeError(f"{operation}: {name} is a class, not a transform; make one of it: {name}(...)")
    if not callable(transform):
        raise TypeError(f"{operation}: a transform is called with an image, but {brief(transform)} is no function")


def applied(transform: Any, image: Any, rng: np.random.Generator | None = None) -> Any:
    """``transform(image, rng)``, or ``transform(image)`` if it takes no generator.

    A missing rng is left to ninx's own transforms: they ask `chance` only if they draw, and a generator for each sample costs
    more than most of what is done to an image.
    """
    kind: Any = type(transform)
    takes = _takes(transform if kind in _FUNCTIONS else kind)  # all objects of a class are called alike
    if takes == "nothing":
        return transform(image)
    return transform(image, chance.current() if rng is None and takes == "a generator" else rng)


@functools.lru_cache(maxsize=256)
def _takes(kind: Any) -> str:
    """What is called with (image, rng) has a second parameter that is called rng or must be given."""
    is_class = isinstance(kind, type)
    try:
        parameters = list(inspect.signature(kind.__call__ if is_class else kind).parameters.values())
    except (TypeError, ValueError):  # a function written in C may not tell
        return "nothing"
    by_place = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if not any(p.name == "rng" or p.default is p.empty for p in by_place[1 + is_class : 2 + is_class]):
        return "nothing"
    return "a generator or None" if is_class and kind.__module__.startswith("ninx.") else "a generator"
