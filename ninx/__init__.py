"""ninx: a deep-learning engine written from scratch around one idea, Network in Network.

A 1x1 convolution is one matrix product over all pixels. README.md has a first example, docs/ENGINE.md the ideas.
"""

from typing import TYPE_CHECKING

from numpy import bool_, float16, float32, float64, int8, int16, int32, int64, uint8

try:
    from .kernels import (
        get_num_threads,
        memory_stats,
        set_num_threads,
        use_kernels,
        warm_up,
    )  # in a clone they lie beside this folder
except ModuleNotFoundError as error:
    if error.name != "ninx.kernels":
        raise
    raise ImportError("ninx is not installed, Python only sees its source: run `pip install -e .` in the clone") from None
from . import kernels, ops
from .array import layout_copies
from .devices import device
from .engine import Tensor, detect_anomaly, enable_grad, grad, inference_mode, is_grad_enabled, no_grad, record, set_grad_enabled
from .gpu import gpu_status
from .hints import hinted
from .kernels.listing import only_public
from .ops import *  # noqa: F403 - every operation is also ninx.NAME; ops.__all__ says which
from .random import get_rng_state, manual_seed, set_rng_state

if TYPE_CHECKING:
    from . import (
        autograd,
        backends,
        cuda,
        data,
        datasets,
        functional,
        models,
        nn,
        onnx,
        optim,
        parallel,
        train,
        transforms,
        utils,
    )
    from .freezing import Frozen, freeze
    from .functional import log_softmax, softmax
    from .generator import Generator
    from .saving import load, save
    from .study.checking import check
    from .study.explaining import explain
    from .study.gradcheck import GradientError, gradcheck, gradgradcheck
    from .study.maps import maps
    from .study.summary import summary
    from .train.checkpoint import load_checkpoint
    from .train.runs import Run, load_run
    from .weights import load_weights, save_weights

__version__ = "0.1.0"

# PyTorch's shorter names. They are not in __all__, as ``from ninx import *`` must not replace Python's own int and float.
bool, half, float, double, short, int, long = bool_, float16, float32, float64, int16, int32, int64
contiguous_format, channels_last, preserve_format = "contiguous_format", "channels_last", "preserve_format"

# fmt: off
__all__ = [
    "Frozen",
    "Generator",
    "GradientError",
    "Run",
    "Tensor",
    "__version__",
    "autograd",
    "backends",
    "bool_",
    "check",
    "cuda",
    "data",
    "datasets",
    "detect_anomaly",
    "device",
    "enable_grad",
    "explain",
    "float16",
    "float32",
    "float64",
    "freeze",
    "functional",
    "get_num_threads",
    "get_rng_state",
    "gpu_status",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "int8",
    "int16",
    "int32",
    "int64",
    "is_grad_enabled",
    "kernels",
    "layout_copies",
    "load",
    "load_checkpoint",
    "load_run",
    "load_weights",
    "log_softmax",
    "manual_seed",
    "maps",
    "memory_stats",
    "models",
    "nn",
    "no_grad",
    "onnx",
    "ops",
    "optim",
    "parallel",
    "record",
    "save",
    "save_weights",
    "set_grad_enabled",
    "set_num_threads",
    "set_rng_state",
    "softmax",
    "summary",
    "train",
    "transforms",
    "uint8",
    "use_kernels",
    "utils",
    "warm_up",
]
# fmt: on
__all__ += ops.__all__

__dir__ = only_public(globals())

_LAZY = {
    "backends": "ninx.backends",
    "cuda": "ninx.cuda",
    "data": "ninx.data",
    "datasets": "ninx.datasets",
    "functional": "ninx.functional",
    "models": "ninx.models",
    "nn": "ninx.nn",
    "onnx": "ninx.onnx",
    "optim": "ninx.optim",
    "parallel": "ninx.parallel",
    "train": "ninx.train",
    "transforms": "ninx.transforms",
    "utils": "ninx.utils",
    "Frozen": "ninx.freezing",
    "freeze": "ninx.freezing",
    "log_softmax": "ninx.functional",
    "softmax": "ninx.functional",
    "Generator": "ninx.generator",
    "GradientError": "ninx.study.gradcheck",
    "gradcheck": "ninx.study.gradcheck",
    "gradgradcheck": "ninx.study.gradcheck",
    "check": "ninx.study.checking",
    "explain": "ninx.study.explaining",
    "maps": "ninx.study.maps",
    "summary": "ninx.study.summary",
    "load_checkpoint": "ninx.train.checkpoint",
    "Run": "ninx.train.runs",
    "load_run": "ninx.train.runs",
    "autograd": "ninx.autograd",
    "load": "ninx.saving",
    "load_weights": "ninx.weights",
    "save": "ninx.saving",
    "save_weights": "ninx.weights",
}

if not TYPE_CHECKING:  # a type checker would take it for a promise that every name is there
    __getattr__ = hinted("ninx", _LAZY)
