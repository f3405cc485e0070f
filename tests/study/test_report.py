"""The page about a run, without a browser: what stands in it, for every ending, with and without the images."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import some_runs

import ninx
from ninx.study.report import charts, html, report
from ninx.study.report.answers import worst
from ninx.study.report.training import toml
from ninx.study.studied import study

SECTIONS = ["What was trained", "Curves", "Confusion matrix", "Worst mistakes", "Calibration: is it as sure as it is right?"]
SECTIONS += ["Layers and what they cost", "What a check of the network finds, before any training", "Recipe"]
SECTIONS += ["When and where", "Files"]


class Page(HTMLParser):
    """Headings, text, tables (rows of cells), ids, and every address that a browser might load."""

    def __init__(self, text: str):
        super().__init__()
        self.headings: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br", "img", "path", "use"):
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag in ("h2", "h3"):
            self.headings.append("")
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if name in ("src", "href", "xlink:href", "data", "srcset", "action"):
                self.addresses.append(str(value))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("style", "script"):
            return
        self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data
        elif self.open and self.open[-1] in ("h2", "h3"):
            self.headings[-1] += data

    @property
    def words(self) -> str:
        """The text with single blanks."""
        return " ".join(self.text.split())

    def rows(self, *first: str) -> list[list[str]]:
        """The rows of the table whose head begins so."""
        return next(table[1:] for table in self.tables if table and tuple(table[0][: len(first)]) == first)


def written(*folders: Path, data_dir: Path | None = None) -> Page:
    path = folders[0] / "report.html"
    report(folders, path, data_dir)
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert len(page.ids) == len(set(page.ids)), "two elements have one name"
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in page.addresses)
    inside = {address[1:] for address in page.addresses if address.startswith("#")} | set(re.findall(r"url\(#([^)]+)\)", text))
    assert inside <= set(page.ids)
    assert "#0000" not in re.sub(r"data:[^\"]*", "", text), "a colour that the page does not choose"
    assert not re.search(r">(nan|None|inf)<", text)
    return page


def test_a_finished_run_has_everything(tmp_path: Path) -> None:
    run = some_runs.finished(tmp_path / "run")
    page, loaded = written(run), ninx.load_run(run)
    assert page.headings == SECTIONS
    result = loaded.evaluate()
    assert f"nin-mnist-v0 on digits: {100 * result.accuracy:.2f} % of 1,000 test images right" in page.words
    matrix = page.rows("", *"0123456789")
    assert [[int(n) for n in row[1:]] for row in matrix] == result.confusion.tolist()
    losses = page.rows("epoch", "training")
    assert [float(row[1]) for row in losses] == pytest.approx([m["loss"] for m in loaded.history], rel=1e-4)
    assert page.text.count("The numbers") == 5  # beside each chart
    layers = page.rows("layer", "kind and settings")
    assert len(layers) == len(ninx.summary(loaded.model, (1, 28, 28)).rows)
    for name, _, digest in page.rows("file", "size"):
        assert digest == hashlib.sha256((run / name).read_bytes()).hexdigest()
    assert {row[0] for row in page.rows("file", "size")} == {
        *("checkpoint.safetensors", "checkpoint-1.safetensors", "checkpoint-2.safetensors", "metrics.jsonl", "run.json"),
    }
    assert "Expected calibration error" in page.words


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        (some_runs.stopped, r"This run was stopped after 1 of 3 epochs\. It goes on with: ninx train --resume"),
        (some_runs.not_a_number, r"are no numbers any more: train: the loss became nan in epoch 2 .* last epoch that was saved"),
        (some_runs.failed, r"This run failed after 1 of 3 epochs: \w+Error"),
    ],
)
def test_other_endings_are_told(ending: Any, said: str, tmp_path: Path) -> None:
    page = written(ending(tmp_path / "run"))
    assert re.search(said, page.words)
    assert page.headings == SECTIONS
    assert len(page.rows("epoch", "training")) == 1


def test_a_network_whose_weights_are_no_numbers_has_a_page(tmp_path: Path) -> None:
    run = some_runs.finished(tmp_path / "run")
    checkpoint = ninx.train.read_checkpoint(run)
    checkpoint.weights["0.0.weight"][:] = np.nan
    checkpoint.history[2]["loss"] = float("nan")
    ninx.train.save_checkpoint(run / "checkpoint.safetensors", checkpoint)
    page = written(run)
    assert "a metric of epoch 3 is no finite number" in page.words
    assert "The probabilities are no finite numbers" in page.words
    assert page.rows("epoch", "training")[2][1] == "NaN"


def test_before_the_first_epoch_there_is_a_page_too(tmp_path: Path) -> None:
    some_runs.training(tmp_path / "run").save()
    page = written(tmp_path / "run")
    assert "No epoch was finished, so there are no curves." in page.words
    assert "With which command it was trained was not noted." in page.words


def test_without_the_images_it_says_so_and_shows_the_rest(tmp_path: Path) -> None:
    run = some_runs.of_pictures(tmp_path / "run", tmp_path / "pictures", ["a cat", "<dog>"])
    whole = written(run)
    assert {"a cat", "<dog>"} <= {row[0] for row in whole.rows("", "<dog>")}
    (tmp_path / "pictures").rename(tmp_path / "gone")
    page = written(run)
    assert "The test images are not at hand:" in page.words
    assert page.words.count("The images are not at hand.") == 3
    assert page.headings == SECTIONS
    assert len(page.rows("epoch", "training")) == 3
    assert page.rows("layer") == whole.rows("layer")


def test_many_classes_have_no_matrix_but_the_most_frequent_confusions(tmp_path: Path) -> None:
    run = some_runs.of_pictures(tmp_path / "run", tmp_path / "pictures", [f"class {i}" for i in range(25)], epochs=1)
    page, confusion = written(run), ninx.load_run(run).evaluate().confusion
    rows = page.rows("true class", "taken for")
    counts = [int(row[2]) for row in rows]
    np.fill_diagonal(confusion, 0)
    assert counts == sorted(confusion[confusion > 0], reverse=True)[:20]
    assert len(page.rows("class", "images")) == 25


def test_the_worst_mistakes_are_those_whose_true_class_seemed_least_likely(tmp_path: Path) -> None:
    run = study(some_runs.finished(tmp_path / "run"))
    assert run.evaluation is not None
    e = run.evaluation
    chosen = worst(e)
    assert all(e.answers[i] != e.labels[i] for i in chosen)
    wrong = [float(e.likelihood[i]) for i in range(1000) if e.answers[i] != e.labels[i]]
    assert [float(e.likelihood[i]) for i in chosen] == sorted(wrong)[:8]
    page = Page(html([run]))
    assert sorted(map(int, re.findall(r"image (\d+): \d \(", page.text))) == sorted(chosen)


def test_several_runs_stand_side_by_side(tmp_path: Path) -> None:
    runs = [some_runs.finished(tmp_path / f"seed{seed}", seed=seed) for seed in (0, 1)]
    runs.append(some_runs.finished(tmp_path / "fast", optim__lr=0.05))
    page = written(*runs)
    assert page.headings[:4] == ["Side by side", "Settings that differ", "What is more than chance", "Images they disagree on"]
    assert [row[0] for row in page.rows("run", "network")] == ["seed0", "seed1", "fast"]
    assert page.rows("setting") == [["seed", "0", "1", "0"], ["optim.lr", "0.02", "0.02", "0.05"]]
    assert [row[:2] for row in page.rows("A", "B")] == [["seed0", "seed1"], ["seed0", "fast"], ["seed1", "fast"]]
    groups = page.rows("runs", "seeds")
    assert [row[:2] for row in groups] == [["seed0, seed1", "2"], ["fast", "1"]]
    assert len(page.rows("epoch", "seed0", "seed1", "fast")) == 3
    assert page.headings.count("seed0") == 9


def test_a_recipe_comes_back_from_its_toml(tmp_path: Path) -> None:
    for name in ninx.train.recipe.names():
        r = ninx.train.recipe.load(name, {} if "staged" in name else {"layers": {'6.4 "ü"': {"lr": 0.5}}})
        if r.growth is None:
            tree = tomllib.loads(toml(r))
            assert ninx.train.recipe.parse(tree, "again") == r, name


def test_a_chart_breaks_where_a_value_is_missing_and_shows_names_as_they_are() -> None:
    given = [charts.Line("$a$_<b>", [1, 2, 3], [1.0, float("nan"), 2.0]), charts.Line("_c", [1, 2], [1.0, 2.0], 1)]
    svg = charts.lines("x", "A <title>", given, "y")
    assert "A &lt;title&gt;</title>" in svg
    assert "$a$_&lt;b&gt;" in svg
    assert "_c" in svg
    assert "<metadata" not in svg
    assert "http://" not in svg.replace("http://www.w3.org/", "")


def test_training_does_not_fail_when_the_report_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    import ninx.study.report
    from ninx.cli.commands import app

    monkeypatch.chdir(tmp_path)
    small = ["--limit", "20", "--epochs", "1", "--set", "model.name=nin-mnist-v0", "--set", "model.switches={}"]
    done = CliRunner().invoke(app, ["train", *small])
    assert done.exit_code == 0, done.output
    kept = json.loads((tmp_path / "runs" / "digits-seed0" / "run.json").read_text())
    page = Page((tmp_path / "runs" / "digits-seed0" / "report.html").read_text(encoding="utf-8"))
    assert f"{100 * kept['result']['right'] / 1000:.2f} % of 1,000 test images right" in page.words
    assert "finished" in page.words

    def broken(*_: Any) -> Path:
        raise ZeroDivisionError("no paper")

    monkeypatch.setattr(ninx.study.report, "after_training", broken)
    done = CliRunner().invoke(app, ["train", *small])
    assert done.exit_code == 0, done.output
    assert "There is no report: no paper" in done.output
    assert not (tmp_path / "runs" / "digits-seed0-2" / "report.html").exists()
    assert "test accuracy" in done.output
