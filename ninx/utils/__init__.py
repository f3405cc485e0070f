"""PyTorch's torch.utils, as far as it is here: `ninx.utils.data`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..hints import hinted
from ..kernels.listing import only_public
from . import data

__all__ = ["data"]

if not TYPE_CHECKING:  # a type checker would take it for a promise that every name is there
    __getattr__ = hinted(__name__)

__dir__ = only_public(globals())
