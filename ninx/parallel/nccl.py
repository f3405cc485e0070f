"""Exchanges between GPUs by NCCL, through CuPy: two ranks send and receive at the same time.

NCCL's own all-reduce is faster on many GPUs, but the order of its sums depends on their number and on how they are wired.
Sends and receives leave the order to us, and so the bits.
"""

from __future__ import annotations

import platform
from typing import Any

from ..array import Array


class Nccl:
    """NCCL's communicator for one rank; ``identity`` is the `offer` of rank 0."""

    def __init__(self, size: int, rank: int, identity: Any):
        from cupy.cuda import nccl

        self._nccl, self._comm = nccl, nccl.NcclCommunicator(size, identity, rank)

    @staticmethod
    def offer(rank: int) -> tuple[Any, tuple[str, int]]:
        """(what rank 0 names the communicator by, True from the others, None where CuPy has no NCCL; the machine and the GPU)"""
        import cupy

        place = platform.node(), cupy.cuda.Device().id
        try:
            from cupy.cuda import nccl
        except ImportError:
            return None, place
        if not getattr(nccl, "available", False):
            return None, place
        return (nccl.get_unique_id() if rank == 0 else True), place

    def exchange(self, peer: int, give: Array, take: Array) -> None:
        """See `Team.exchange`: in a group, so that neither side waits for the other; in the stream that computes."""
        import cupy

        stream = cupy.cuda.get_current_stream().ptr
        kind = {"float32": self._nccl.NCCL_FLOAT32, "float64": self._nccl.NCCL_FLOAT64}[give.dtype.name]
        self._nccl.groupStart()
        self._comm.send(give.data.ptr, give.size, kind, peer, stream)
        self._comm.recv(take.data.ptr, take.size, kind, peer, stream)
        self._nccl.groupEnd()
