"""A page that leads through a folder names every file of it, and no file that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rooms import ROOT

# The page's tables have a file or several in their first column, in code marks, with paths that start at the folder. A name that
# ends with a slash stands for all files of that folder.
PAGES = {"docs/KERNELS.md": "kernels", "docs/ENGINE.md": "ninx/engine"}
SOURCES = {".py", ".cu", ".cuh"}


def named(page: str) -> set[str]:
    """What the first columns of the page's tables name."""
    return {name for row in re.findall(r"^\| *(`[^|]*)\|", page, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)}


def missing_and_unnamed(page: str, folder: Path) -> tuple[set[str], set[str]]:
    """(names of files that are not there, files that have no name); an ``__init__.py`` need not be named."""
    names = named(page)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in SOURCES}
    missing = {name for name in names if not (folder / name).exists() or (folder / name).is_dir() != name.endswith("/")}
    wanted = {file for file in files if not file.endswith("__init__.py")} - names
    return missing, {file for file in wanted if not any(name.endswith("/") and file.startswith(name) for name in names)}


@pytest.mark.parametrize("page", PAGES)
def test_the_page_names_every_file(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert missing_and_unnamed(text, ROOT / PAGES[page]) == (set(), set())


def test_a_missing_and_an_unnamed_file_are_found(tmp_path: Path) -> None:
    for file in ("a.py", "b.py", "__init__.py", "deep/c.py", "deep/d.cu", "other/e.py", "notes.txt"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    page = "| file | |\n|---|---|\n| `a.py`, `gone.py` | not `b.py` |\n| `deep/` | two |\n| `other` | no slash |\n"
    assert missing_and_unnamed(page, tmp_path) == ({"gone.py", "other"}, {"b.py", "other/e.py"})
