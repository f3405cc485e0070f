"""The functions of `ninx.functional` under PyTorch's name for them: ``import ninx.nn.functional as F``."""

from .. import functional
from ..functional import *  # noqa: F403 - functional.__all__ says which

__all__ = functional.__all__
__dir__ = functional.__dir__


def __getattr__(name: str) -> object:
    """Only for what is not there: what `ninx.functional` says to it."""
    return getattr(functional, name)
