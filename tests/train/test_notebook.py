"""What a notebook shows: HTML that is whole and escaped, and a bar where a cell trains."""

import sys
import types
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

import ninx
from ninx import nn, notebook, train
from ninx.train import history

TINY = {"limit": 20, "epochs": 2, "batch_size": 10, "model.name": "nin-mnist-v2", "model.switches": {}}
EVIL = "<script>alert(1)</script>&\"'"


class Evil(nn.Module):
    def extra_repr(self) -> str:
        return EVIL


def read(shown: str) -> ET.Element:
    """The HTML, which is also XML: so a tag that is open or a sign that is not escaped is found."""
    return ET.fromstring(f"<div>{shown}</div>")


def text_of(shown: str) -> str:
    return "".join(read(shown).itertext())


def test_a_tensor_shows_what_it_is_and_its_values() -> None:
    x = ninx.tensor([[1.0, 2.0]], requires_grad=True)
    assert text_of(x._repr_html_()) == "1x2, float32, cpu, requires grad" + repr(x)
    assert text_of((x * 2)._repr_html_()).endswith("grad_fn=<mul>)")
    assert text_of(ninx.tensor(3)._repr_html_()) == "0-d, int64, cputensor(3)"
    assert text_of(nn.Linear(1, 1).weight._repr_html_()).startswith("1x1, float32, cpu, requires grad")


def test_of_a_long_text_the_beginning_is_shown() -> None:
    lines = text_of(ninx.zeros(4, 4, 6, 6)._repr_html_()).splitlines()
    assert len(lines) == notebook.LINES + 1
    assert lines[-1] == "..."


def test_a_network_is_a_tree_that_is_open_at_its_first_level() -> None:
    relu = nn.ReLU()
    root = read(nn.Sequential(nn.Sequential(nn.Linear(3, 2), relu), relu, Evil())._repr_html_())
    trees = list(root.iter("details"))
    assert ["open" in t.attrib for t in trees] == [True, False]
    heads = ["".join(t[0].itertext()) for t in trees]
    assert heads == ["Sequential 8 parameters", "(0) Sequential 8 parameters"]
    assert [text for text in root.itertext() if "ReLU" in text] == ["ReLU", "ReLU"]  # one layer, used twice
    assert EVIL in "".join(root.itertext())
    assert not list(root.iter("script"))


def test_a_single_layer_and_an_empty_network() -> None:
    assert text_of(nn.Linear(3, 2)._repr_html_()) == "Linear in_features=3, out_features=2, bias=True 8 parameters"
    assert text_of(nn.Linear(1, 1, bias=False)._repr_html_()).endswith(" 1 parameter")
    assert text_of(nn.Sequential()._repr_html_()) == "Sequential"


def test_metrics_are_a_table() -> None:
    found = train.History([{"epoch": 1, "loss": 0.5, "accuracy": 0.25}, {"epoch": 2, "loss": 1 / 3, "lr": 0.1, EVIL: 1.0}])
    assert [r.cells for r in found.sheet().rows] == [("1", "0.5000", "25.00 %", "", ""), ("2", "0.3333", "", "0.1", "1.0000")]
    assert EVIL in text_of(found._repr_html_())
    assert found == [*found]
    assert text_of(train.History()._repr_html_()) == "no epoch is finished yet"


def test_a_run_shows_its_line_and_its_metrics(tmp_path: Path) -> None:
    folder = tmp_path / "<b>&"
    for _ in train.Training(train.recipe.load("digits", TINY), folder).run():
        pass
    run = ninx.load_run(folder)
    shown = read(run._repr_html_())
    assert repr(run) in "".join(shown.itertext())
    assert len(list(shown.iter("tr"))) == 3
    assert not list(shown.iter("b"))


# -------------------------------------------------------------------- the bar


class Display:
    """Stands for IPython in a kernel: what was displayed, and what it became."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []

    def display(self, data: dict[str, str], raw: bool, display_id: bool) -> Any:
        assert raw
        assert display_id
        self.shown.append(data)
        return types.SimpleNamespace(update=lambda data, raw: self.shown.append(data))


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Display:
    """Inside, the code runs in a cell of a notebook; the bar is shown at every step."""
    display = Display()
    ipython, module = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    module.display = display.display  # type: ignore[attr-defined]
    ipython.display = module  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setattr(notebook, "PAUSE", 0.0)
    return display


def test_a_training_in_a_cell_shows_a_bar_and_then_its_epochs(cell: Display, tmp_path: Path) -> None:
    for _ in train.Training(train.recipe.load("digits", TINY), tmp_path).run():
        pass
    first, *updates = cell.shown
    assert first == {"text/plain": ""}
    bars = [u for u in updates if "<progress" in u["text/html"]]
    assert [(b.attrib["value"], b.attrib["max"]) for u in bars for b in read(u["text/html"]).iter("progress")] == [
        ("10", "20"),
        ("20", "20"),
        ("10", "20"),
        ("20", "20"),
    ]
    assert bars[2]["text/plain"].startswith("epoch 2/2  10/20  loss ")
    assert len(list(read(bars[2]["text/html"]).iter("tr"))) == 2  # the first epoch stands below the second's bar
    last = read(updates[-1]["text/html"])
    assert not list(last.iter("progress"))
    assert len(list(last.iter("tr"))) == 3


def test_the_bar_is_not_written_anew_at_every_step(cell: Display, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "PAUSE", 3600.0)
    live = notebook.Live()
    live.last = 1e9  # the clock of this machine is far before it
    live.show(lambda: "<p>no</p>", "no")
    live.show(lambda: "<p>yes</p>", "yes", now=True)
    assert [u["text/plain"] for u in cell.shown] == ["", "yes"]


def test_who_watches_the_steps_himself_gets_no_bar(cell: Display, tmp_path: Path) -> None:
    steps: list[int] = []
    for _ in train.Training(train.recipe.load("digits", TINY), tmp_path).run(lambda seen, loss: steps.append(seen)):
        pass
    assert steps == [10, 20, 10, 20]
    assert cell.shown == []


def test_outside_a_notebook_there_is_no_bar(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(history, "Live", None)  # who calls it fails
    assert not notebook.in_notebook()
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace()  # type: ignore[attr-defined]  # in a terminal: no kernel
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert not notebook.in_notebook()
    assert len(list(train.Training(train.recipe.load("digits", TINY), tmp_path).run())) == 2


CELLS = """
import ninx
ninx.tensor([1.0, 2.0])
---
recipe = ninx.train.recipe.load("digits", {"limit": 60, "epochs": 2})
for metrics in ninx.train.Training(recipe, "run").run():
    pass
---
run = ninx.load_run("run")
run
---
run.model
---
ninx.maps(run, ninx.data.load("digits", "test").images[0])
---
ninx.check(run.model, input_shape=(1, 28, 28))
"""


@pytest.mark.slow
def test_a_real_notebook_runs_from_top_to_bottom(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="no nbformat: pip install 'ninx[notebook]'")
    client = pytest.importorskip("nbclient", reason="no nbclient: pip install 'ninx[notebook]'")
    pytest.importorskip("ipykernel", reason="no ipykernel: pip install 'ninx[notebook]'")
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c.strip()) for c in CELLS.split("---")])
    client.NotebookClient(made, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [[o["data"].get("text/html", "") for o in c.outputs if "data" in o] for c in made.cells]
    assert [len(outputs) for outputs in shown] == [1] * 6
    for (html,) in shown[:5]:
        read(html)
    assert "<li>" in shown[5][0]
    assert shown[1][0].count("<tr>") == 3  # the two epochs are what is left of the bar
    assert "<img" in shown[4][0]
