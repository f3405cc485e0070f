"""PyTorch's names that ninx has not: each answers with a sentence, and what the sentence names is there."""

import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

import ninx
from ninx import nn, optim
from ninx.hint_texts import HINTS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "FROM_PYTORCH.md"
NAMES = [(place, name, hint) for place, hints in HINTS.items() for names, hint in hints.items() for name in names.split()]
INSTANCES = {"Tensor": ninx.ones(2, 2), "Module": nn.Linear(2, 2)}


def owner(place):
    return INSTANCES[place] if place in INSTANCES else importlib.import_module(place)


def test_there_are_enough_of_them():
    assert len(NAMES) > 200
    assert len({(place, name) for place, name, _ in NAMES}) == len(NAMES)


@pytest.mark.parametrize("place", HINTS)
def test_a_missing_name_is_answered_with_what_to_use(place):
    for name, hint in [(name, hint) for p, name, hint in NAMES if p == place]:
        assert name not in dir(owner(place)), f"{place} has {name} now: take it out of ninx/hint_texts.py"
        with pytest.raises(AttributeError) as raised:
            getattr(owner(place), name)
        assert str(raised.value) == f"{place} has no {name}: {hint}"
        assert not hasattr(owner(place), name)


@pytest.mark.parametrize("place", [place for place in HINTS if place not in INSTANCES])
def test_an_import_of_a_missing_name_says_the_same(place):
    for name, hint in [(name, hint) for p, name, hint in NAMES if p == place]:
        with pytest.raises(ImportError) as raised:
            exec(f"from {place} import {name}")
        assert str(raised.value) == f"{place} has no {name}: {hint}"


OLDER = {"bottleneck", "datapipes", "functional_datapipe", "IterDataPipe", "MapDataPipe"}  # gone from PyTorch, not from programs


@pytest.mark.parametrize("place", [place for place in HINTS if place not in ("ninx.transforms", "ninx.datasets")])
def test_pytorch_has_the_name(place):
    theirs = "torch.nn.functional" if place == "ninx.functional" else place.replace("ninx", "torch", 1)
    there = torch.Tensor if place == "Tensor" else torch.nn.Module if place == "Module" else importlib.import_module(theirs)
    for name in [name for p, name, _ in NAMES if p == place]:
        assert (
            name in dir(there)
            or name in OLDER
            or (isinstance(there, ModuleType) and importlib.util.find_spec(f"{theirs}.{name}"))
        ), name


ROOTS = {
    "ninx": ninx, "nn": nn, "F": ninx.functional, "optim": optim, "np": np, "x": INSTANCES["Tensor"], "t": INSTANCES["Tensor"],
    "net": INSTANCES["Module"], "init": nn.init, "Tensor": ninx.Tensor, "kernels": ninx.kernels,
}  # fmt: skip


def test_what_the_hints_name_is_there():
    found = set()
    for _, _, hint in NAMES:
        for dotted in re.findall(r"\b((?:ninx|nn|F|optim|np|x|t|net|init|Tensor|kernels|transforms|datasets)(?:\.\w+)+)", hint):
            root, *rest = dotted.split(".")
            thing = ROOTS[root] if root in ROOTS else importlib.import_module(f"ninx.{root}")
            for name in rest:
                assert hasattr(thing, name), dotted
                thing = getattr(thing, name)
            found.add(dotted)
    assert len(found) > 40


def test_other_names_are_pythons_own_business():
    for module in (ninx, nn, optim, ninx.functional):
        with pytest.raises(AttributeError, match=r"^module 'ninx.*' has no attribute 'nothing_like_this'$"):
            module.nothing_like_this  # noqa: B018
    with pytest.raises(AttributeError, match=r"^'Tensor' object has no attribute 'nothing_like_this'$"):
        ninx.ones(1).nothing_like_this  # noqa: B018
    run = subprocess.run([sys.executable, "-c", "import ninx; ninx.ones(2).reshap(2)"], capture_output=True, text=True)
    assert run.stderr.rstrip().endswith("AttributeError: 'Tensor' object has no attribute 'reshap'. Did you mean: 'reshape'?")


def page_with_table(page: str) -> str:
    """The page with its last table written anew from the hints."""
    head, rule, _ = page.rpartition("|---|---|---|\n")
    rows = [
        f"| {place} | {names.replace(' ', ', ')} | {hint} |\n" for place, hints in HINTS.items() for names, hint in hints.items()
    ]
    return head + rule + "".join(rows)


def test_the_page_lists_them_all():
    page = PAGE.read_text(encoding="utf-8")
    assert page == page_with_table(page), "write the table anew: python tests/house/test_hints.py"


if __name__ == "__main__":
    PAGE.write_text(page_with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
