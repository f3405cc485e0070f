"""The programs of the tests that a page, a docstring or a message tells one to start."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path

import pytest
from rooms import ROOT, TESTS

TEXTS = [ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md"), *TESTS.rglob("*.py")]
TOLD = re.compile(r"python (tests/\w+/\w+\.py)\b")
PROGRAMS = sorted({name for text in TEXTS for name in TOLD.findall(text.read_text(encoding="utf-8"))})


def first_imports(tree: ast.Module) -> Iterator[str]:
    """What a program imports before it says where else to look."""
    for node in tree.body:
        if "sys.path" in ast.unparse(node):
            return
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def test_there_are_some() -> None:
    assert {"tests/house/mutate.py", "tests/house/test_hints.py"} <= set(PROGRAMS)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_finds_what_it_imports(program: str) -> None:
    """Started as it is told: Python then looks into the program's own folder, and pytest's list of rooms is not there."""
    path = ROOT / program
    places = [str(path.parent), *(p for p in sys.path if TESTS not in (Path(p).resolve(), *Path(p).resolve().parents))]
    wanted = [name for name in first_imports(ast.parse(path.read_text(encoding="utf-8"))) if name != "__future__"]
    built_in = set(sys.builtin_module_names) | {"ninx"}  # the editable install has a finder of its own
    lost = [name for name in wanted if name not in built_in and PathFinder.find_spec(name, places) is None]
    assert not lost, f"python {program} does not find {', '.join(lost)}: say sys.path.insert(...) above its imports"
