"""The site as it is built: no dead link, every public name, nothing from the network, and everybody can read it."""

from __future__ import annotations

import fcntl
import importlib
import re
import shutil
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import browser
import chapters
import pytest
import test_docstrings
from rooms import ROOT

API = ROOT / "docs" / "api"
REFERENCE = [
    m for m in test_docstrings.MODULES if re.match(r"ninx(\.(functional|nn|optim|data|models|train|study|kernels)\b|$)", m)
]


def test_every_public_module_has_a_page_in_the_reference() -> None:
    pages = "\n".join(path.read_text(encoding="utf-8") for path in API.glob("*.rst"))
    assert set(REFERENCE) <= set(re.findall(r"automodule:: (\S+)", pages))


@pytest.fixture(scope="module")
def site() -> Path:
    """Built anew in both languages, where a warning is an error."""
    for needed in ("sphinx", "furo", "myst_parser"):
        pytest.importorskip(needed, reason='the site is built by Sphinx: pip install -e ".[docs]"')
    browser.need_node()
    if not shutil.which("npm"):
        pytest.skip("no npm: KaTeX is not there (apt-get install npm)")
    with (ROOT / "docs" / "conf.py").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # another process of the tests may want it too; what is up to date is not built twice
        done = subprocess.run([sys.executable, str(ROOT / "docs" / "build.py")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "docs" / "_build" / "html"


# -------------------------------------------------------------------- links


class Page(HTMLParser):
    """The marks of a page, and where its links lead; what the browser loads by itself."""

    def __init__(self, text: str):
        super().__init__()
        self.marks: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.marks |= {value for key in ("id", "name") if (value := given.get(key))}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"] or "")
        elif tag in ("script", "img", "source", "iframe") and given.get("src"):
            self.loaded.append(given["src"] or "")
        elif tag == "link" and given.get("href") and given.get("rel") != "canonical":
            self.loaded.append(given["href"] or "")


def dead(folder: Path) -> list[str]:
    """Each link of the pages of a folder that leads nowhere, and each thing that would be loaded from the network."""
    pages = {path.resolve(): Page(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.html"))}
    faults = []
    for path, page in pages.items():
        name = path.relative_to(folder.resolve())
        faults += [f"{name} loads {url}" for url in page.loaded if urlsplit(url).scheme or url.startswith("//")]
        for url in [*page.links, *page.loaded]:
            parts = urlsplit(url)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                faults.append(f"{name}: {url} is not there")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].marks:
                faults.append(f"{name}: {url} has no such place")
    return faults


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<a href="b.html#x">1</a><a href="b.html#y">2</a><a href="c.html">3</a><a href="#z">4</a>')
    (tmp_path / "b.html").write_text(
        '<p id="x"><a href="https://example.org">far</a><script src="https://example.org/a.js"></script>'
    )
    found = ["a.html: b.html#y has no such place", "a.html: c.html is not there", "a.html: #z has no such place"]
    assert dead(tmp_path) == [*found, "b.html loads https://example.org/a.js"]


@pytest.mark.slow
def test_no_link_is_dead(site: Path) -> None:
    assert dead(site) == []


# -------------------------------------------------------------------- the reference


def inventory(site: Path) -> set[str]:
    """Every Python name that the reference explains."""
    data = (site / "en" / "objects.inv").read_bytes().split(b"\n", 4)[4]
    lines = zlib.decompress(data).decode().splitlines()
    return {line.split(" ")[0] for line in lines if re.match(r"\S+ py:", line)}


@pytest.mark.slow
@pytest.mark.parametrize("module", REFERENCE)
def test_every_public_name_is_in_the_reference(module: str, site: Path) -> None:
    there, found = importlib.import_module(module), inventory(site)
    names = [n for n in test_docstrings.public_names(there) if test_docstrings.is_ours(getattr(there, n))]
    wanted = [f"{module}.{n}" for n in names if not isinstance(getattr(there, n), type(sys))]
    assert [name for name in wanted if name not in found] == []


# -------------------------------------------------------------------- in a browser

WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
RESULTS = "document.querySelectorAll('#search-results li').length"
PAGES = ["index", "book/syllabus", "ENGINE", "api/functional", *(f"book/{chapter}" for chapter in chapters.CHAPTERS)]


def visited(page: Path, *steps: dict[str, Any], width: int = 1280, scheme: str = "light") -> browser.Visit:
    """What a visitor meets: no complaint, nothing from the network."""
    visit = browser.visit(page, *steps, width=width, scheme=scheme)
    assert visit.errors == []
    assert [url for url in visit.requests if not url.startswith("file:")] == []
    return visit


@pytest.mark.slow
@pytest.mark.parametrize(("language", "width", "scheme"), [("en", 1280, "light"), ("zh", 390, "dark")])
@pytest.mark.parametrize("name", PAGES)
def test_everybody_can_read_it(name: str, language: str, width: int, scheme: str, site: Path) -> None:
    steps = ({"do": "axe"}, {"do": "evaluate", "expression": WIDE})
    visit = visited(site / language / f"{name}.html", *steps, width=width, scheme=scheme)
    assert browser.serious(visit.results[0]) == []
    assert visit.results[1] == 0, "the page itself scrolls sideways"


@pytest.mark.slow
@pytest.mark.parametrize(("language", "word", "chapter"), [("en", "bottleneck", "One by one"), ("zh", "瓶颈", "一乘一")])
def test_the_search_finds_a_chapter(language: str, word: str, chapter: str, site: Path) -> None:
    """The results appear one after the other."""
    found = f"document.querySelector('#search-results')?.textContent.includes('{chapter}')"
    steps = [
        {"do": "evaluate", "expression": f"location.search = '?q={word}'"},
        {"do": "wait", "expression": f"{RESULTS} > 0 && {found}"},
    ]
    visited(site / language / "search.html", *steps)
