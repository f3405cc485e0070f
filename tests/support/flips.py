"""One bit of a file changed, as a disk or a memory does it: in the compiled kernels that are kept, and in checkpoints."""

from __future__ import annotations

import random
from pathlib import Path

from processes import COMPILING, python

DIGEST = """
import hashlib
print(hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in results)).hexdigest())
"""
FEW = """
import numpy as np
from ninx.kernels import fast
a = np.random.default_rng(0).standard_normal(9999)
results = [fast.relu(a), fast.relu(a.astype(np.float32)), fast.relu_mask(a, a[::-1].copy()), fast.dropout(a, 0.5, 1, 1)]
"""


def flipped(content: bytes, rng: random.Random) -> bytes:
    """The content with one bit changed."""
    found = bytearray(content)
    found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
    return bytes(found)


def in_kernels(work: str, flips: int, folder: Path, seed: int = 0) -> list[str]:
    """A flip in each compiled kernel that ``work`` uses, again and again, until there were so many; what went wrong.

    ``work`` sets ``results``, a list of arrays. Each time all must be compiled anew, to the same results.
    """
    rng, wrong = random.Random(seed), []
    right = python(work + DIGEST, NINX_CACHE_DIR=str(folder)).stdout
    if len(right) != 65:
        return ["the work does not run"]
    while flips > 0:
        damaged = {path: flipped(path.read_bytes(), rng) for path in sorted(folder.rglob("*.kernel"))}
        for path, content in damaged.items():
            path.write_bytes(content)
        flips -= len(damaged)
        run = python(work + DIGEST, NINX_CACHE_DIR=str(folder))
        if (run.returncode, run.stdout, run.stderr) != (0, right, COMPILING):
            wrong.append(f"exit {run.returncode}, {run.stdout!r}, {run.stderr[-300:]!r}")
        wrong += [f"{path.name} was not written anew" for path, content in damaged.items() if path.read_bytes() == content]
        if len(damaged) < 4:
            return [*wrong, f"only {len(damaged)} kernels are kept"]
    return wrong


def in_checkpoints(flips: int, folder: Path, seed: int = 0) -> list[str]:
    """So many flips, each in a whole checkpoint: each is refused in a sentence; without the checksum it is read, or refused."""
    from ninx import train
    from ninx.train import recipe

    small = {"limit": 10, "epochs": 1, "batch_size": 10, "model.name": "nin-mnist-v0", "model.switches": {}}
    run = train.Training(recipe.load("digits", small), folder / "run")
    list(run.run())
    whole, rng, wrong, path = run.checkpoint.read_bytes(), random.Random(seed), [], folder / "flipped.safetensors"
    for number in range(flips):
        path.write_bytes(flipped(whole, rng))
        for verify in (True, False):
            try:
                train.read_checkpoint(path, verify)
                if verify:
                    wrong.append(f"flip {number} was not noticed")
            except ValueError:
                pass
            except Exception as error:
                wrong.append(f"flip {number}, verify={verify}: {type(error).__name__}: {error}")
    return wrong
