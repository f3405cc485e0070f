"""On what a run is computed: its results are the same bit for bit only where all of this is the same."""

from __future__ import annotations

from functools import cache

from .. import nn
from ..kernels import get_num_threads, set_num_threads, tier_name
from ..kernels.processor import processor

_processor = cache(processor)


def machine(model: nn.Module) -> dict[str, str | int]:
    """Processor, threads, kernels and device, for a checkpoint.

    >>> sorted(machine(nn.Linear(2, 1)))
    ['device', 'kernels', 'processor', 'threads']
    """
    device = next((str(p.device) for p in model.parameters()), "cpu")
    return {"processor": _processor(), "threads": get_num_threads(), "kernels": tier_name(), "device": device}


def differences(before: dict[str, str | int], now: dict[str, str | int]) -> str:
    """What is no longer as it was, in words; "" where all is. What is not known of before is not told.

    >>> differences({"threads": 2, "device": "cpu"}, {"threads": 4, "device": "cpu"})
    'threads: 2 before, 4 now'
    """
    return "; ".join(f"{k}: {before[k]} before, {now[k]} now" for k in before if k in now and before[k] != now[k])


THREADS = 8  # for which all work is cut; fewer processors do these parts one after the other


def make_deterministic(device: str) -> None:
    """From now on a result depends on the processor's instruction set, but on no number of threads or processors.

    The kernels' work is cut for `THREADS` threads, and NumPy's matrix products are done in one. Raises ValueError for a GPU,
    where nothing of this kind has been measured, and ImportError where threadpoolctl is missing, which holds NumPy's threads.

    >>> make_deterministic("cuda")
    Traceback (most recent call last):
    ValueError: train: --deterministic is for the processor: on a GPU it has not been measured what is the same bit for bit
    """
    if device != "cpu":
        raise ValueError(
            "train: --deterministic is for the processor: on a GPU it has not been measured what is the same bit for bit"
        )
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise ImportError("train: --deterministic needs threadpoolctl: pip install 'ninx[deterministic]'") from None
    set_num_threads(THREADS)
    threadpool_limits(1, user_api="blas")
