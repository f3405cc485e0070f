"""The page about a run in a browser: no complaint, nothing asked of the network, and everybody can use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import browser
import pytest
import some_runs

import ninx.study.report

WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
OPEN = "document.querySelectorAll('details').forEach(d => { d.open = true; })"
COLOURS = """[...document.querySelectorAll('.chart svg')].map(svg =>
    [...svg.querySelectorAll('path, text')].map(e => getComputedStyle(e).stroke + getComputedStyle(e).fill).join(' '))"""


def seen(page: Path, which: str = "chrome", width: int = 1280, scheme: str = "light") -> browser.Visit:
    """What a visitor meets who opens everything."""
    steps: list[dict[str, Any]] = [{"do": "evaluate", "expression": OPEN}, {"do": "axe"}]
    steps += [{"do": "evaluate", "expression": WIDE}, {"do": "evaluate", "expression": COLOURS}]
    visit = browser.visit(page, *steps, browser=which, width=width, scheme=scheme)
    assert visit.errors == []
    assert visit.requests == []
    assert browser.serious(visit.results[1]) == []
    assert visit.results[2] == 0, "the page itself scrolls sideways"
    return visit


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page for each ending, and one about two runs."""
    browser.need_browser("chrome")
    browser.need_modules()
    root = tmp_path_factory.mktemp("runs")
    some_runs.finished(root / "finished")
    some_runs.stopped(root / "stopped", holdout=50, seed=1)
    some_runs.not_a_number(root / "nan")
    some_runs.of_pictures(root / "no-images", root / "pictures", [f"class {i}" for i in range(25)])
    (root / "pictures").rename(root / "gone")
    made = {name: root / name / "report.html" for name in ("finished", "stopped", "nan", "no-images")}
    for name, path in made.items():
        ninx.study.report.report([root / name], path)
    made["two"] = root / "two.html"
    ninx.study.report.report([root / "finished", root / "nan"], made["two"])
    return made


WIDE_AND_LIGHT, NARROW_AND_DARK = (1280, "light"), (390, "dark")


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        ("two", *WIDE_AND_LIGHT),
        ("finished", *NARROW_AND_DARK),
        *(pytest.param(name, *WIDE_AND_LIGHT, marks=pytest.mark.slow) for name in ("finished", "stopped", "nan", "no-images")),
        *(pytest.param(name, *NARROW_AND_DARK, marks=pytest.mark.slow) for name in ("two", "stopped", "nan", "no-images")),
    ],
)
def test_everybody_can_read_it(pages: dict[str, Path], name: str, width: int, scheme: str) -> None:
    seen(pages[name], width=width, scheme=scheme)


def test_charts_have_the_colours_of_light_and_of_dark(pages: dict[str, Path]) -> None:
    light, dark = (seen(pages["finished"], scheme=scheme).results[3] for scheme in ("light", "dark"))
    assert len(light) == len(dark) == 5
    for one, other in zip(light, dark, strict=True):
        assert "rgb(28, 36, 48)" in one, "the ink of a light page"
        assert "rgb(232, 236, 241)" in other, "the ink of a dark page"
        assert "rgb(28, 36, 48)" not in other


@pytest.mark.slow
@pytest.mark.parametrize("name", ["finished", "nan", "two"])
def test_firefox_shows_it_as_well(pages: dict[str, Path], name: str) -> None:
    browser.need_browser("firefox")
    seen(pages[name], "firefox", 390)
