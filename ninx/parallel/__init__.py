"""Several processes that train one network (data parallel), with the same bits for any number of them.

A batch is cut into a fixed number of micro-batches. Each is computed in the same way wherever that happens, and their gradients
are summed along one fixed tree; so the number of processes, called ranks as in MPI, changes no bit of the weights.
docs/PARALLEL.md leads through it.
"""

from ninx.kernels.listing import only_public

from . import launch
from .loader import MicroBatchLoader
from .step import MicroBatches
from .team import ALONE, Team, check_alike, own_device, world
from .tree import cut, sum_over_ranks, summed

__all__ = [
    "ALONE",
    "MicroBatchLoader",
    "MicroBatches",
    "Team",
    "check_alike",
    "cut",
    "launch",
    "own_device",
    "sum_over_ranks",
    "summed",
    "world",
]

__dir__ = only_public(globals())
