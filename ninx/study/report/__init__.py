"""`report`: one page about a run, or about several side by side, that opens in any browser and needs nothing beside itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ...files import write_atomically
from ...train import Evaluation, Training
from ..pages import page
from ..pages.shell import asset
from ..studied import Studied, just_trained, names, study
from . import answers, network, several, training
from .parts import paragraph, text

__all__ = ["REPORT", "after_training", "html", "report"]

REPORT = "report.html"  # its name in a run folder


class Part(NamedTuple):
    """A part of the page: its heading, and what stands below it for each run. ``wide``: one run below the other."""

    title: str
    of_run: Callable[[Studied], str]
    wide: bool = False


def report(
    folders: Sequence[str | Path], path: str | Path, data_dir: str | Path | None = None, device: str = "cpu"
) -> list[Studied]:
    """Write the page about the runs in these folders; returns what it is about.

    What is trained on data that are not there gets a page without the parts that need them. Raises ValueError for a run that is
    missing or damaged.

    >>> from pathlib import Path
    >>> ninx.train.Training(ninx.train.recipe.load("digits", {"limit": 20}), "run").save()
    >>> (studied,) = ninx.study.report.report(["run"], "page.html")
    >>> studied.found.state, "Confusion matrix" in Path("page.html").read_text(encoding="utf-8")
    ('stopped', True)
    """
    runs = [study(folder, data_dir, device) for folder in folders]
    write_atomically(path, html(runs, Path(path).name).encode())
    return runs


def after_training(training: Training, result: Evaluation) -> Path:
    """Write the page about a training that has just ended into its run folder, with the evaluation that is known already.

    >>> training = ninx.train.Training(ninx.train.recipe.load("digits", {"limit": 20}), "run")
    >>> training.save()
    >>> result = ninx.train.evaluate(training.model, training.test_set, training.preparation)
    >>> ninx.study.report.after_training(training, result).name
    'report.html'
    """
    path = training.folder / REPORT
    write_atomically(path, html([just_trained(training, result)]).encode())
    return path


def html(runs: Sequence[Studied], own_name: str = REPORT) -> str:
    """The page as a text; ``own_name``: its file's, which is not listed among the files of the run.

    >>> ninx.train.Training(ninx.train.recipe.load("digits", {"limit": 20}), "run").save()
    >>> ninx.study.report.html([ninx.study.studied.study("run")])[:15]
    '<!doctype html>'
    """
    titles = names([run.run.folder for run in runs])
    one = len(runs) == 1
    title = training.headline(runs[0]) if one else f"{len(runs)} runs: {', '.join(titles)}"
    sections = [("What was trained", training.overview(runs[0]))] if one else _comparison(runs, titles)
    sections.append(("Curves", training.curves(runs, titles)))
    parts = [
        Part("Confusion matrix", answers.confusion),
        Part("Worst mistakes", answers.mistakes, wide=True),
        Part("Calibration: is it as sure as it is right?", _sureness(runs)),
        Part("Layers and what they cost", network.layers),
        Part("What a check of the network finds, before any training", network.findings),
        Part("Recipe", training.recipe),
        Part("When and where", training.machine),
        Part("Files", lambda run: training.files(run, own_name), wide=True),
    ]
    if not one:
        parts.insert(0, Part("Each run", training.overview))
    sections += [(part.title, _beside(part, runs, titles)) for part in parts]
    body = "".join(f"<section><h2>{text(name)}</h2>\n{inside}</section>\n" for name, inside in sections)
    note = paragraph("A report by ninx. Nothing on this page is loaded from elsewhere.", "soft")
    head = f"<header><h1>{text(title)}</h1>{note}</header>"
    return page(title, f"{head}<main>\n{body}</main>", styles=[asset("report.css", __package__)])


def _comparison(runs: Sequence[Studied], titles: Sequence[str]) -> list[tuple[str, str]]:
    return [
        ("Side by side", several.overview(runs, titles)),
        ("Settings that differ", several.settings(runs, titles)),
        ("What is more than chance", several.chance(runs, titles)),
        ("Images they disagree on", several.disagreements(runs, titles)),
    ]


def _sureness(runs: Sequence[Studied]) -> Callable[[Studied], str]:
    """Each run's diagram has a name of its own on the page."""
    return lambda run: answers.sureness(run, f"reliability-{next(i for i, other in enumerate(runs) if other is run)}")


def _beside(part: Part, runs: Sequence[Studied], titles: Sequence[str]) -> str:
    if len(runs) == 1:
        return part.of_run(runs[0])
    shown = "".join(f"<div><h3>{text(title)}</h3>\n{part.of_run(run)}</div>" for run, title in zip(runs, titles, strict=True))
    return f'<div class="{"stacked" if part.wide else "beside"}">{shown}</div>'
