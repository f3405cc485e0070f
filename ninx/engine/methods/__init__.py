"""Tensor's operators and methods: one-line forwards to `ops`, so that ``x.exp()`` and ``ninx.exp(x)`` are one thing.

And so one docstring explains both: `explain` hands it on. A folder of their own keeps the engine readable and the methods typed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import FunctionType
from typing import Any

from .arithmetic import Arithmetic
from .comparison import Comparison
from .conversion import Conversion
from .description import Description
from .differentiation import Differentiation
from .inplace import InPlace
from .missing import Missing
from .reductions import Reductions
from .shapes import Shapes
from .ufuncs import Ufuncs

PARTS = (Description, Conversion, Differentiation, Arithmetic, Comparison, Reductions, Shapes, InPlace)


class Operators(Description, Differentiation, Arithmetic, Comparison, Reductions, Shapes, InPlace, Ufuncs, Missing):
    """What a Tensor can do. A method without a docstring has that of the function of its name in `ops`."""

    __slots__ = ()


def explain(functions: Mapping[str, Any]) -> None:
    """Give each method without a docstring that of the function of its name; `ops` calls this when its functions are there."""
    for part in PARTS:
        for name, method in vars(part).items():
            function = functions.get(name[2:-2] if name.startswith("__") else name)
            if isinstance(method, FunctionType) and method.__doc__ is None and function is not None:
                method.__doc__ = function.__doc__
