"""The page of `ninx explain` in a browser: computed as the engine does, drawn on, read by everybody, and closed."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import serious, visit
from explained import PACK, distances, layers_of
from PIL import Image

import ninx
from ninx import data
from ninx.study.explaining import explain
from ninx.study.pages.shell import asset

BROWSERS = ["chrome", pytest.param("firefox", marks=pytest.mark.slow)]
DIGITS = 20
CLOSE = 1e-5  # of the largest value of a layer
IMAGES = data.digits("test").images[:DIGITS]
LAYERS = [
    {
        "do": "evaluate",
        "expression": f"""(() => {{
          const view = {{ h: 28, w: 28, c: 1, data: Uint8Array.from({image.ravel().tolist()}) }};
          explained.run({{ view, input: prepared(view, explained.net.prepare) }}, null);
          return ({PACK})(explained.outputs());
        }})()""",
    }
    for image in IMAGES
]
BYTES = "((a) => btoa(Array.from(a, (byte) => String.fromCharCode(byte)).join('')))"
DRAWN = {
    "do": "evaluate",
    "expression": f"""(() => {{
      const pixels = explained.pixels(), {{ view }} = explained.inputOf(pixels);
      const shown = {{ drawn: {BYTES}(pixels.data), shape: [pixels.h, pixels.w, pixels.c], view: {BYTES}(view.data) }};
      return {{ ...shown, chances: Array.from(explained.outputs().at(-1).data) }};
    }})()""",
}
SETTLED = {"do": "evaluate", "expression": "new Promise((done) => setTimeout(done, 50))"}  # the page computes after the pen
SEVEN = [[0.3, 0.25], [0.72, 0.25], [0.5, 0.55], [0.42, 0.85]]
ZERO = [[0.5, 0.2], [0.32, 0.35], [0.32, 0.65], [0.5, 0.8], [0.68, 0.65], [0.68, 0.35], [0.5, 0.2]]
TO_THE_EDGE = [[0.02, 0.1], [0.98, 0.1], [0.6, 1.3]]  # the pen must stay within the paper
CLEAR = {"do": "click", "selector": "#clear"}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ninx.train.Run:
    """nin-mnist as the recipe makes it, with the weights that it begins with: every value is as good as that of a trained one."""
    monkeypatch.chdir(tmp_path)
    ninx.train.Training(ninx.train.recipe.load("digits", {"limit": 200, "epochs": 1}), "run").save()
    return ninx.load_run("run")


def check_drawing(run: ninx.train.Run, found: dict[str, Any]) -> None:
    """What the page says of its drawing is what predict says of the drawing as a file."""
    Image.fromarray(np.frombuffer(base64.b64decode(found["drawn"]), np.uint8).reshape(found["shape"])).save("drawing.png")
    (answer,) = run.predict_each("drawing.png")
    view = np.frombuffer(base64.b64decode(found["view"]), np.uint8).reshape(28, 28)
    assert np.array_equal(view, answer.image)
    assert np.abs(answer.probabilities - np.array(found["chances"])).max() < 1e-5


@pytest.mark.parametrize("browser", BROWSERS)
def test_layers_and_drawings_are_the_engines(browser: str, run: ninx.train.Run) -> None:
    page = explain(run, "page.html").path
    drawings = [
        [CLEAR, {"do": "draw", "selector": "#pad", "points": points}, SETTLED, DRAWN] for points in (SEVEN, ZERO, TO_THE_EDGE)
    ]
    seen = visit(page, *LAYERS, *(step for steps in drawings for step in steps), browser=browser)
    assert (seen.errors, seen.requests) == ([], [])
    for image, texts in zip(IMAGES, seen.results, strict=False):
        assert max(distances(texts, layers_of(run.model, run.preparation.one(image)))) <= CLOSE
    for number in range(3):
        check_drawing(run, seen.results[DIGITS + 4 * number + 3])


def test_a_file_that_is_opened_is_read_as_predict_reads_it(run: ninx.train.Run) -> None:
    page = explain(run, "page.html").path
    Image.fromarray(np.pad(data.digits("test").images[3], ((20, 9), (30, 31)))).resize((311, 200)).save("digit.png")
    Path("text.png").write_text("no picture")
    upload = {"do": "upload", "selector": "#file"}
    note = {"do": "evaluate", "expression": "element('pad-note').textContent"}
    steps = upload | {"files": ["digit.png"]}, SETTLED, SETTLED, DRAWN, upload | {"files": ["text.png"]}, SETTLED, SETTLED, note
    seen = visit(page, *steps)
    check_drawing(run, seen.results[3])
    assert seen.results[-1] == "That file is no picture that the browser can read."
    assert (seen.errors, seen.requests) == ([], [])


AXE = {"do": "axe"}
WIDE = {"do": "evaluate", "expression": "document.documentElement.scrollWidth - innerWidth"}
OTHER_LANGUAGE = {"do": "click", "selector": "#language"}
LATIN = {"do": "evaluate", "expression": "document.body.innerText.match(/[a-z]{3,}( [a-z]{2,}){2,}/g)"}


@pytest.mark.parametrize(
    ("width", "scheme"),
    [(1280, "light"), (390, "dark"), *(pytest.param(*p, marks=pytest.mark.slow) for p in ((1280, "dark"), (390, "light")))],
)
def test_everybody_can_use_it(run: ninx.train.Run, width: int, scheme: str) -> None:
    """No serious violation, and no page wider than the screen, in either language; in Chinese no English sentence is left."""
    page = explain(run, "page.html").path
    seen = visit(page, AXE, WIDE, OTHER_LANGUAGE, AXE, WIDE, LATIN, width=width, scheme=scheme)
    assert [serious(seen.results[0]), serious(seen.results[3])] == [[], []]
    assert [max(0, seen.results[1]), max(0, seen.results[4])] == [0, 0]
    assert seen.results[5] is None
    assert (seen.errors, seen.requests) == ([], [])


def test_the_keyboard_reaches_every_value(run: ninx.train.Run) -> None:
    page = explain(run, "page.html").path
    focus = {"do": "evaluate", "expression": "(document.querySelectorAll('.name')[3].focus(), 0)"}
    title = {"do": "evaluate", "expression": "element('magnifier-title').textContent"}
    field = {"do": "evaluate", "expression": "(document.querySelector('[data-part=k]').focus(), 0)"}
    value = {"do": "evaluate", "expression": "[document.activeElement.dataset.part, document.activeElement.value]"}
    press = {"do": "press"}
    steps = focus, press | {"key": "Enter"}, title, field, press | {"key": "ArrowUp"}, value, press | {"key": "Tab"}, value
    seen = visit(page, *steps)
    assert seen.results[2] == "0.3 · 1\u00d71 convolution"
    assert seen.results[5] == ["k", "2"]  # the field keeps the focus while the magnifier is drawn anew
    assert seen.results[7][0] == "i"
    assert seen.errors == []


def test_a_map_that_is_clicked_comes_under_the_magnifier(run: ninx.train.Run) -> None:
    page = explain(run, "page.html").path
    chosen = {"do": "evaluate", "expression": "document.querySelector('[data-part=k]').value"}
    first = {"do": "click", "selector": ".layers li:nth-child(2) .sheet", "at": [0.001, 0.01]}
    title = {"do": "evaluate", "expression": "element('magnifier-title').textContent"}
    code = {"do": "evaluate", "expression": "element('source').textContent"}
    score = {"do": "click", "selector": "#classes tbody tr:nth-child(4) .link"}
    seen = visit(page, first, chosen, title, score, chosen, title, code)
    assert seen.results[1:3] == ["1", "0.1 · batch normalisation"]
    assert seen.results[4:6] == ["4", "5 · global average pooling"]
    assert seen.results[6] == asset("engine.js", "ninx.study.explaining").strip()  # the page shows the code that runs in it
    assert seen.errors == []
