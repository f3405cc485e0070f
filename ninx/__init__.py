"""ninx: a deep-learning engine written from scratch around one idea, Network in Network.

A 1x1 convolution is one matrix product over all pixels. README.md has a first example, docs/ENGINE.md the ideas.
"""

import sys
from typing import TYPE_CHECKING, Any

from numpy import bool_, float32, float64, int64, uint8

try:
    from .kernels import get_num_threads, memory_stats, set_num_threads, use_kernels  # in a clone they lie beside this folder
except ModuleNotFoundError as error:
    if error.name != "ninx.kernels":
        raise
    raise ImportError("ninx is not installed, Python only sees its source: run `pip install -e .` in the clone") from None
from . import functional, kernels, nn, ops, optim
from .array import layout_copies
from .engine import Tensor, grad, record
from .gpu import gpu_status
from .hints import missing
from .kernels.listing import only_public
from .modes import detect_anomaly, enable_grad, inference_mode, is_grad_enabled, no_grad
from .ops import *  # noqa: F403 - every operation is also ninx.NAME; ops.__all__ says which
from .random import get_rng_state, manual_seed, set_rng_state

if TYPE_CHECKING:
    from . import data, models, train
    from .study.gradcheck import GradientError, gradcheck, gradgradcheck
    from .study.summary import summary
    from .train.checkpoint import load_checkpoint
    from .train.runs import Run, load_run
    from .weights import load_weights, save_weights

__version__ = "0.1.0"

# fmt: off
__all__ = [
    "GradientError", "Run", "Tensor", "__version__", "bool_", "data", "detect_anomaly", "enable_grad", "float32", "float64",
    "functional", "get_num_threads", "get_rng_state", "gpu_status", "grad", "gradcheck", "gradgradcheck", "inference_mode",
    "int64", "is_grad_enabled", "kernels", "layout_copies", "load_checkpoint", "load_run", "load_weights", "manual_seed",
    "memory_stats", "models", "nn", "no_grad", "ops", "optim", "record", "save_weights", "set_num_threads", "set_rng_state",
    "summary", "train", "uint8", "use_kernels",
]
# fmt: on
__all__ += ops.__all__

__dir__ = only_public(globals())

_LAZY = {
    "data": "ninx.data",
    "models": "ninx.models",
    "train": "ninx.train",
    "GradientError": "ninx.study.gradcheck",
    "gradcheck": "ninx.study.gradcheck",
    "gradgradcheck": "ninx.study.gradcheck",
    "summary": "ninx.study.summary",
    "load_checkpoint": "ninx.train.checkpoint",
    "Run": "ninx.train.runs",
    "load_run": "ninx.train.runs",
    "load_weights": "ninx.weights",
    "save_weights": "ninx.weights",
}


def __getattr__(name: str) -> Any:
    """Import on first use what brings other libraries with it or is used by few programs, so that ``import ninx`` stays quick."""
    import importlib

    if name not in _LAZY:
        raise missing("ninx", name, sys.modules["ninx"])
    module = importlib.import_module(_LAZY[name])
    return module if _LAZY[name] == f"ninx.{name}" else getattr(module, name)
