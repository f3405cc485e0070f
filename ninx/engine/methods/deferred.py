"""`ninx.ops`, `ninx.functional` and the engine's own walk, imported when a method first asks them for a function.

The one place where an import points up: they build on the engine, and the engine's Tensor offers the operations as methods.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ... import engine as engine
    from ... import functional as functional
    from ... import ops as ops
else:

    class _Deferred:
        def __init__(self, load):
            self._load = load

        def __getattr__(self, name):
            value = getattr(self._load(), name)
            setattr(self, name, value)  # found without this method from now on
            return value

    engine = _Deferred(lambda: importlib.import_module("ninx.engine"))
    ops = _Deferred(lambda: importlib.import_module("ninx.ops"))
    functional = _Deferred(lambda: importlib.import_module("ninx.functional"))
