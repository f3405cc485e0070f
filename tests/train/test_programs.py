"""Programs as tutorials write them (beside this file) give with ninx, only their imports changed, what they give with PyTorch.

A program finds three names of this file: ``results``, the list that it fills; ``fill(module)``, which gives the parameters values
that depend on their number and size only, for each library draws its own; and ``pictures(n, channels, side)``, as NumPy arrays.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import official
import pytest
import torch
import torchvision_stand_in

import ninx

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))

CHANGES = [  # what a reader changes, in lines that import
    (r"^import torch$", "import ninx as torch"),
    (r"^import torch\.", "import ninx."),
    (r"^from torch(vision)?\b", "from ninx"),
]


def with_ninx(program: str) -> str:
    """The program with its imports changed, and nothing else."""
    for old, new in CHANGES:
        program = re.sub(old, new, program, flags=re.MULTILINE)
    return program


def pictures(n: int, channels: int, side: int) -> np.ndarray:
    """Pictures of blobs, (n, channels, side, side), float32 between 0 and 1."""
    return np.random.default_rng(side).random((n, channels, side, side), np.float32)


def filler(library):
    """``fill`` for one library."""

    def fill(module):
        rng = np.random.default_rng(7)
        for p in module.parameters():
            bound = 1.5 / np.sqrt(max(1, p.numel() / p.shape[0]))
            p.data.copy_(library.from_numpy(rng.uniform(-bound, bound, tuple(p.shape)).astype(np.float32)))

    return fill


def run(program: str, library, folder: Path) -> list:
    """The results of a program."""
    results: list = []
    names = {"results": results, "fill": filler(library), "pictures": pictures, "folder": str(folder), "__name__": "program"}
    exec(compile(program, f"<with {library.__name__}>", "exec"), names)
    return results


def plain(value):
    """A result of either library as numbers, texts and arrays."""
    if isinstance(value, (torch.Tensor, ninx.Tensor)):
        return value.detach().numpy()
    return value


def same(ours, theirs) -> None:
    ours, theirs = plain(ours), plain(theirs)
    assert type(ours) is type(theirs)
    if isinstance(theirs, np.ndarray):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    elif isinstance(theirs, float):
        assert ours == pytest.approx(theirs, rel=1e-5, abs=1e-5)
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            same(a, b)
    else:
        assert ours == theirs


@pytest.mark.parametrize("path", PROGRAMS, ids=[path.stem for path in PROGRAMS])
def test_a_program_gives_the_same_with_only_its_imports_changed(path, tmp_path, monkeypatch):
    torchvision_stand_in.install(monkeypatch)
    raw = tmp_path / "MNIST" / "raw"
    for split, count in [("train", 40), ("test", 24)]:
        digits = ninx.data.digits(split).take(slice(count))
        official.write_mnist(raw, split, digits.images, digits.labels, packed=False)
    program = path.read_text(encoding="utf-8")
    changed = with_ninx(program)
    lines = zip(program.splitlines(), changed.splitlines(), strict=True)
    assert all(a.startswith(("import ", "from ")) for a, b in lines if a != b)
    theirs = run(program, torch, tmp_path)
    assert len(theirs) > 5
    same(run(changed, ninx, tmp_path), theirs)
