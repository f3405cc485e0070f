"""The book does what it says: every block runs and prints what stands below it, every name it points to is there."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import chapters
import pytest
import test_documents
from fences import blocks
from rooms import ROOT

import ninx

DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in [*DOCS.glob("*.md"), *DOCS.glob("book/*.md")])


def script(name: str) -> ModuleType:
    """A program of docs/ as a module."""
    spec = importlib.util.spec_from_file_location(f"docs_{Path(name).stem}", DOCS / name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


places, figures = script("_ext/places.py"), script("figures.py")


@pytest.fixture(autouse=True)
def _own_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder of its own to write into; what a chapter switches is switched back."""
    monkeypatch.chdir(tmp_path)
    threads = ninx.get_num_threads()
    yield
    ninx.set_num_threads(threads)


@pytest.mark.parametrize("chapter", chapters.CHAPTERS)
def test_every_block_prints_what_the_page_says(chapter: str, tmp_path: Path) -> None:
    with ninx.use_kernels("strided"):  # which need no compiling
        faults = chapters.run(chapters.text_of(chapter), f"docs/book/{chapter}.md", tmp_path, slow=False)
    assert not faults, "\n".join(faults)


@pytest.mark.slow
@pytest.mark.parametrize("chapter", chapters.CHAPTERS)
def test_every_block_prints_it_with_the_compiled_kernels_too(chapter: str, tmp_path: Path) -> None:
    faults = chapters.run(chapters.text_of(chapter), f"docs/book/{chapter}.md", tmp_path, slow=True)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("chapter", chapters.CHAPTERS)
def test_a_chapter_has_all_that_a_chapter_has(chapter: str) -> None:
    page = chapters.text_of(chapter)
    assert page.startswith(f"# {int(chapter[:2])}. ")
    assert "**The question.**" in page
    assert {"src", "test"} <= {role for role, _ in roles(page)}, "name the function and the test that holds it"
    assert ":::{figure} figures/" in page
    assert any(step.prints for step in chapters.steps(page)), "no block shows what it prints"
    assert chapters.stray(page) == [], "a text block that nothing prints"
    assert "\n## Exercises\n" in page
    names = re.findall(r"^\* `([^`]+)`", page.split("\n## Exercises\n")[1], re.MULTILINE)
    assert names
    assert all(re.fullmatch(rf"{chapter[:2]}-[a-z0-9-]+", name) for name in names)


@pytest.mark.parametrize("chapter", chapters.CHAPTERS)
def test_code_is_read_without_scrolling(chapter: str) -> None:
    """A page beside its two columns of links has room for 92 characters."""
    lines = [line for block in blocks(chapters.text_of(chapter), "python") for line in block.text.splitlines()]
    assert [line for line in lines if len(line) > 92] == []


@pytest.mark.parametrize("chapter", chapters.CHAPTERS)
def test_every_block_says_in_which_language_it_is_and_every_command_is_known(chapter: str) -> None:
    page = chapters.text_of(chapter)
    assert {b.language for b in blocks(page)} <= {"python", "sh", "text"}
    unknown = [line for b in blocks(page, "sh") for line in b.text.splitlines() if not test_documents.known(line)]
    assert unknown == []


# -------------------------------------------------------------------- names


def roles(page: str) -> list[tuple[str, str]]:
    """(role, target) of every {src} and {test} of a page, or of a catalogue."""
    found = re.findall(r"\{(src|test)\}`([^`]+)`", page)
    return [(role, re.sub(r"^.*<(.*)>$", r"\1", target)) for role, target in found]


def lost(page: str) -> list[str]:
    """What a page points to and is not there."""
    faults = []
    for role, target in roles(page):
        try:
            places.line(target)
        except LookupError as error:
            faults.append(f"{role} {target}: {error}")
        if role == "test" and not re.match(r"tests/\S+\.py( test_\w+)?$", target):
            faults.append(f"test {target}: no test of tests/")
    return faults


@pytest.mark.parametrize("page", [p for p in PAGES if roles((DOCS / p).read_text(encoding="utf-8"))])
def test_every_function_and_test_that_a_page_names_is_there(page: str) -> None:
    assert lost((DOCS / page).read_text(encoding="utf-8")) == []


def test_what_is_not_there_is_told() -> None:
    page = "{src}`kernels/strided.py im2col` {test}`the test <tests/kernels/test_kernels.py test_im2col_and_col2im>`"
    assert lost(page) == []
    assert lost("{src}`kernels/strided.py im3col`") == ["src kernels/strided.py im3col: kernels/strided.py defines no im3col"]
    assert lost("{src}`kernels/gone.py`") == ["src kernels/gone.py: there is no file kernels/gone.py"]
    assert lost("{test}`kernels/strided.py im2col`") == ["test kernels/strided.py im2col: no test of tests/"]
    line = places.line("ninx/engine/graph.py Node.shares")
    assert "def shares" in (ROOT / "ninx/engine/graph.py").read_text(encoding="utf-8").split("\n")[line - 1]
    assert places.line("kernels/cuda/windows.cu im2col") > 1


# -------------------------------------------------------------------- figures


def test_every_figure_is_on_a_page_and_every_page_has_its_figures() -> None:
    shown = {name for c in chapters.CHAPTERS for name in re.findall(r"\{figure\} figures/([\w-]+)\.svg", chapters.text_of(c))}
    made = {path.stem for path in figures.MADE.glob("*.svg")}
    assert shown == made == set(figures.names())


@pytest.mark.parametrize("name", figures.names())
def test_the_numbers_of_a_figure_are_todays(name: str) -> None:
    with ninx.use_kernels("strided"):
        today = figures.as_text(figures.module(name).numbers())
    kept = (figures.MADE / f"{name}.json").read_text(encoding="utf-8")
    assert json.loads(today) == json.loads(kept), f"python docs/figures.py {name}"


def test_a_figure_is_the_same_whenever_it_is_drawn(tmp_path: Path) -> None:
    name = figures.names()[0]
    figures.draw(name, tmp_path / "one")
    figures.draw(name, tmp_path / "two")
    assert (tmp_path / "one" / f"{name}.svg").read_bytes() == (tmp_path / "two" / f"{name}.svg").read_bytes()


# -------------------------------------------------------------------- the check is checked


def test_the_reader_of_chapters(tmp_path: Path) -> None:
    page = "# 1\n```python\nprint(1)\n```\n\n```text\n1\n```\n\n% slow\n\n```python\nprint(2)\n```\n```text\n3\n```\n"
    page += "words\n\n```text\nx\n```\n"
    assert [(s.prints, s.slow) for s in chapters.steps(page)] == [("1\n", False), ("3\n", True)]
    assert len(chapters.stray(page)) == 1
    assert chapters.run(page, "page", tmp_path, slow=False) == []
    (fault,) = chapters.run(page, "page", tmp_path, slow=True)
    assert "page, line 13: it prints\n2\nand the page says\n3\n" in fault
    with pytest.raises(ZeroDivisionError):
        chapters.run("```python\n1 / 0\n```\n", "page", tmp_path, slow=False)
