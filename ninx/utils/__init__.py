"""PyTorch's torch.utils, as far as it is here: `ninx.utils.data`."""

from __future__ import annotations

from typing import NoReturn

from ..kernels.listing import only_public
from . import data

__all__ = ["data"]

_INSTEAD = {
    "tensorboard": "`ninx train` writes metrics.jsonl and curves.png; a program of yours prints, or draws with matplotlib",
    "checkpoint": "nothing is computed twice to save memory; for less memory take smaller batches",
    "model_zoo": "ninx.load_weights reads a file of weights",
    "bottleneck": "`ninx bench` measures; Python's cProfile tells where time goes",
    "benchmark": "`ninx bench` measures; timeit does in a program",
    "cpp_extension": "ninx.record makes an operation of NumPy code; its kernels are Numba and CUDA",
    "mobile_optimizer": "ninx.save_weights writes what another program may read",
    "collect_env": "`ninx doctor` tells what is installed",
}


def __getattr__(name: str) -> NoReturn:
    known = f": {_INSTEAD[name]}" if name in _INSTEAD else "; there is ninx.utils.data"
    raise AttributeError(f"ninx.utils has no {name}{known}")


__dir__ = only_public(globals())
