"""`ninx.ops`, imported when a method first asks it for a function.

The one place where an import points up: `ops` builds on the engine, and the engine's Tensor offers the operations as methods.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .. import ops as ops
else:

    class _Deferred:
        def __getattr__(self, name):
            value = getattr(importlib.import_module("ninx.ops"), name)
            setattr(self, name, value)  # found without this method from now on
            return value

    ops = _Deferred()
