"""The functions of `ninx.functional` under PyTorch's name for them: ``import ninx.nn.functional as F``."""

from typing import TYPE_CHECKING

from .. import functional
from ..functional import *  # noqa: F403 - functional.__all__ says which

__all__ = functional.__all__
__dir__ = functional.__dir__
if not TYPE_CHECKING:  # a type checker would take it for a promise that every name is there
    __getattr__ = functional.__getattr__
