"""Compiling takes ten seconds and more, once for each machine; a second process can do about half of it.

`start` begins it, and returns at once. The process runs the kernels of a backward pass on tiny arrays, which compiles them into
the cache on disk, while the program that started it compiles those of its first forward pass; so it finds the others there.
It costs nothing later: where there is a cache, or none can be made, or only one processor, no process is started.
"""

from __future__ import annotations

import atexit
import subprocess
import sys

import numpy as np

from ...geometry import convolution, pooling
from ...threads import available
from .. import normalization, pointwise, pool
from ..conv import direct, winograd
from .cache import cache_folder


def start() -> subprocess.Popen[bytes] | None:
    """Compile the kernels of the backward pass in another process, which ends with this one; None if there is no need."""
    if available() < 2:
        return None
    try:
        cache_folder().mkdir(parents=True)
    except OSError:  # there is a cache, or none can be made, and then nothing would come of it
        return None
    command = [sys.executable, "-P", "-m", __name__]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)
    atexit.register(process.kill)
    return process


def main() -> None:
    """Run the kernels of a training step's backward pass in float32.

    The slow ones first; and the others from the last on, because the program that waits for them begins with the first: so both
    seldom compile the same one.
    """
    row, image = np.ones(32, np.float32), np.ones((1, 6, 6, 32), np.float32)
    few, weight = image[..., :8].copy(), np.ones((32, 3, 3, 32), np.float32)
    narrow, wide = (convolution("conv2d", (1, c, 6, 6), (c, c, 3, 3), padding=(1, 1)) for c in (8, 32))
    windows = pooling("max_pool2d", (1, 32, 6, 6), (2, 2), (2, 2))
    direct.conv2d_weight_grad(few, few, narrow, True)
    pointwise.sgd(row, row, row.copy(), lr=0.0, momentum=0.9, keep=1.0, decay=0.0, nesterov=False)
    pool.max_unpool2d(image[:, :3, :3].copy(), np.zeros((1, 3, 3, 32), np.uint8), windows, 1.0)
    winograd.conv2d_weight_grad(image, image, wide, True)
    winograd.conv2d_input_grad(image, weight, wide, image)
    direct.conv2d_input_grad(few, weight[:8, :, :, :8].copy(), narrow, few)
    normalization.batch_norm_grad(row[None], row[None], row, row, row, 1e-5)
    pointwise.relu_mask(few, few)


if __name__ == "__main__":
    main()
