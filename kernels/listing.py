"""What ``dir(package)`` lists, and so what is offered when a name is completed at a prompt: what is public, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def only_public(namespace: dict[str, Any]) -> Callable[[], list[str]]:
    """A module's ``__dir__``: the names in its ``__all__``, and Python's own, which have two underscores.

    ``namespace``: ``globals()`` of the module. Whatever else it imports can still be reached by its name.

    >>> from ninx.kernels.listing import only_public
    >>> only_public({"__all__": ["conv2d"], "__doc__": "", "conv2d": None, "np": None})()
    ['__all__', '__doc__', 'conv2d']
    """
    return lambda: sorted({*namespace["__all__"], *(name for name in namespace if name[:2] == name[-2:] == "__")})
