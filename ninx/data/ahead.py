"""Batches on a GPU before they are needed: the next one is copied while the network learns from this one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from ..array import current_gpu, on_device
from ..engine import Tensor


def moved(batch: Any, device: str) -> Any:
    """A batch with its tensors on ``device``: a tensor, or lists, tuples and dictionaries of such; all else stays as it is."""
    if isinstance(batch, Tensor):
        return Tensor(on_device(batch.array, device))
    if isinstance(batch, dict):
        return type(batch)((key, moved(value, device)) for key, value in batch.items())
    if hasattr(batch, "_fields"):  # a named tuple
        return type(batch)(*(moved(value, device) for value in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(moved(value, device) for value in batch)
    return batch


@cache
def _stream(cupy: Any, device: int) -> Any:
    """The stream for the copies to a device, one for all passes: CuPy's pool keeps what a stream was lent for that stream."""
    return cupy.cuda.Stream(non_blocking=True)


def copied_ahead(batches: Iterable[Any], device: str) -> Iterator[Any]:
    """The batches on a GPU, copied one ahead of the one that is handed out, in a stream of their own.

    CuPy copies by way of pinned memory, so that the processor need not wait. Two events keep the order: a copy waits for all that
    the GPU was told before it, since it may be given memory that is still read there; and what is told after a batch was handed
    out waits for that batch.
    """
    gpu = current_gpu(device)
    import cupy

    with gpu:
        stream = _stream(cupy, gpu.id)

    def copy(batch: Any) -> tuple[Any, Any]:
        with gpu:
            stream.wait_event(cupy.cuda.get_current_stream().record())
            with stream:
                there = moved(batch, device)
            return there, stream.record()

    def hand_out(batch: Any, copied: Any) -> Any:
        with gpu:
            cupy.cuda.get_current_stream().wait_event(copied)
        return batch

    waiting = None
    for batch in batches:
        following = copy(batch)
        if waiting is not None:
            yield hand_out(*waiting)
        waiting = following
    if waiting is not None:
        yield hand_out(*waiting)
