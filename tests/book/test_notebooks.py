"""Chapters as notebooks: nothing of the site's own words is left in them, and they run from top to bottom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import chapters
import pytest
from test_chapters import script

pytest.importorskip("jupytext", reason='notebooks are made by jupytext (pip install "ninx[notebook]")')
notebooks = script("notebooks.py")


def cells_of(made: Any) -> list[Any]:
    """The cells of Python; a block of commands is one that begins with %%."""
    return [cell for cell in made.cells if cell.cell_type == "code" and not cell.source.startswith("%%")]


def blocks_of(chapter: str) -> list[chapters.Step]:
    return [step for step in chapters.steps(chapters.text_of(chapter)) if step.block.language == "python"]


@pytest.mark.parametrize("chapter", notebooks.CHAPTERS)
def test_the_blocks_are_cells_and_the_rest_is_plain_markdown(chapter: str) -> None:
    made = notebooks.notebook(chapter)
    assert [cell.source.strip() for cell in cells_of(made)] == [step.block.text.strip() for step in blocks_of(chapter)]
    text = "\n".join(cell.source for cell in made.cells if cell.cell_type == "markdown")
    for word in ("{src}", "{test}", ":::", "```text", "% slow"):
        assert word not in text
    assert text.count("](../../book/figures/") == chapters.text_of(chapter).count(":::{figure}") > 0


@pytest.mark.slow
@pytest.mark.parametrize("chapter", notebooks.CHAPTERS)
def test_a_notebook_runs_from_top_to_bottom_and_prints_what_the_chapter_says(
    chapter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbclient = pytest.importorskip("nbclient", reason="nbclient runs notebooks")
    monkeypatch.setenv("NINX_KERNELS", "strided")
    made = notebooks.notebook(chapter)
    nbclient.NotebookClient(made, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    for cell, step in zip(cells_of(made), blocks_of(chapter), strict=True):
        if step.prints is not None:
            assert "".join(out.text for out in cell.outputs if out.get("name") == "stdout") == step.prints
