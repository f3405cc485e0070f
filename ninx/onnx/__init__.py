"""Networks as files of ONNX, which other engines read: `export` writes one, `load` reads one. docs/ONNX.md says what is in it.

Needs the package onnx: ``pip install 'ninx[onnx]'``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..hints import hinted
from ..kernels.listing import only_public

if TYPE_CHECKING:
    from .exporting import Exported, Unexportable, export
    from .loading import load

__all__ = ["Exported", "Unexportable", "export", "load"]

_LAZY = {
    "Exported": "ninx.onnx.exporting",
    "Unexportable": "ninx.onnx.exporting",
    "export": "ninx.onnx.exporting",
    "load": "ninx.onnx.loading",
}

if not TYPE_CHECKING:  # a type checker would take it for a promise that every name is there
    __getattr__ = hinted(__name__, _LAZY)

__dir__ = only_public(globals())
