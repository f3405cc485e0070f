"""The parts of a report that set several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import comparison
from ..significance import wilson
from ..studied import Studied
from .answers import outputs, picture_url
from .parts import folded, number, paragraph, percent, table, text

SHOWN = 8  # images on which two runs disagree


def overview(runs: Sequence[Studied], titles: Sequence[str]) -> str:
    """A row for each run; then what differs in their settings."""
    rows = []
    for run, title in zip(runs, titles, strict=True):
        r, e, history = run.run.recipe, run.evaluation, run.run.history
        low, high = wilson(int((e.answers == e.labels).sum()), len(e.labels)) if e else (0.0, 0.0)
        found = [percent(e.accuracy), f"{100 * low:.1f} to {100 * high:.1f}", number(e.loss)] if e else ["-", "-", "-"]
        if e is None and run.accuracy is not None:
            found[0] = f"{percent(run.accuracy)}, as noted"
        last = number(history[-1]["loss"]) if history else "-"
        rows.append([title, r.model.name, str(r.seed), f"{len(history)} of {r.epochs}", *found, last, run.found.state])
    heads = ["run", "network", "seed", "epochs", "accuracy", "95 %", "loss", "loss in training", "state"]
    shown = table("", heads, rows, (0, 1, 8), "The runs")
    return shown + "".join(paragraph(f"Not evaluated: {why}.", "notice") for why in dict.fromkeys(r.absent for r in runs) if why)


def settings(runs: Sequence[Studied], titles: Sequence[str]) -> str:
    """The settings that are not the same in all runs."""
    found = comparison.settings(runs)
    if not found:
        return paragraph("All settings are the same.")
    rows = [[key, *("-" if value is None else str(value) for value in values)] for key, values in found.items()]
    return table("", ["setting", *titles], rows, tuple(range(len(titles) + 1)), "Settings that differ")


def chance(runs: Sequence[Studied], titles: Sequence[str]) -> str:
    """What of the differences is more than chance: over seeds, and image by image."""
    return _seeds(runs, titles) + _pairs(runs, titles)


def _seeds(runs: Sequence[Studied], titles: Sequence[str]) -> str:
    found = comparison.groups(runs)
    if all(len(group.runs) < 2 for group in found):
        return paragraph("Each recipe was trained with one seed: how much other seeds would change is not known.", "soft")
    rows, names = [], []
    for group in found:
        names.append(", ".join(titles[i] for i in group.runs))
        spread = percent(group.spread) if len(group.runs) > 1 else "-"
        ends = f"{100 * min(group.accuracies):.2f} to {100 * max(group.accuracies):.2f}"
        rows.append([names[-1], str(len(group.runs)), percent(group.mean), spread, ends])
    shown = table("Runs that differ in the seed alone", ["runs", "seeds", "mean", "spread", "from, to"], rows)
    for b in comparison.between(found):
        known = "more than chance" if b.p < comparison.LEVEL else "no more than chance would do"
        said = f"{names[b.b]} against {names[b.a]}: {100 * b.difference:+.2f} % in the mean of {b.seeds} seeds, {known} "
        said += f"(p = {b.p:.2g}, from all signs that the differences could have; it is never below 2 / 2^seeds)."
        shown += paragraph(said)
    return shown + paragraph("Spread: the standard deviation over the seeds.", "soft")


def _pairs(runs: Sequence[Studied], titles: Sequence[str]) -> str:
    found = comparison.pairs(runs)
    if not found:
        return paragraph("The runs were not evaluated on the same images, so their answers cannot be set side by side.")
    rows = []
    for p in found:
        counts = [f"{n:,}" for n in (p.both, p.only_a, p.only_b, p.neither, len(p.differ))]
        rows.append([titles[p.a], titles[p.b], *counts, f"{p.p:.2g}", f"{p.adjusted:.2g}"])
    heads = ["A", "B", "both right", "only A", "only B", "both wrong", "other answers", "p", "p after Holm"]
    said = "".join(f"<li>{text(comparison.verdict(p, titles[p.a], titles[p.b]))}.</li>" for p in found)
    note = "p: McNemar's exact test on the images that only one of two runs has right. Holm: made larger for the number of "
    note += "pairs. It speaks of these networks, not of others that are trained the same way with other seeds."
    return table("Image by image", heads, rows, (0, 1)) + f"<ul>{said}</ul>" + paragraph(note, "soft")


def disagreements(runs: Sequence[Studied], titles: Sequence[str]) -> str:
    """The images on which two runs disagree, with both answers; of more than two runs each pair can be opened."""
    found, made = comparison.pairs(runs), []
    for pair in found:
        made.append(folded(f"{titles[pair.a]} and {titles[pair.b]}", _pair(runs, titles, pair), opened=len(found) == 1))
    return "".join(made)


def _pair(runs: Sequence[Studied], titles: Sequence[str], pair: comparison.Pair) -> str:
    a, b = runs[pair.a], runs[pair.b]
    if a.evaluation is None or b.evaluation is None or a.images is None:
        return ""
    if not len(pair.differ):
        return paragraph("They give the same answer to every image.")
    items = []
    for i in pair.differ[:SHOWN].tolist():
        true, said = a.run.classes[a.evaluation.labels[i]], ""
        for run, title in ((a, titles[pair.a]), (b, titles[pair.b])):
            said += _answer(run, title, i)
        picture = f'<img src="{picture_url(np.asarray(a.images[i][0]))}" alt="image {i}: {text(true)}">'
        items.append(f'<li><div class="pictures"><span>{picture}</span></div><p>image {i}: {text(true)}{said}</p></li>')
    count = f"{len(pair.differ):,} of {len(a.evaluation.labels):,} {a.which} images get different answers"
    more = f"; here are {SHOWN}, first those that one has right" if len(pair.differ) > SHOWN else ""
    return f'{paragraph(f"{count}{more}.")}<ul class="gallery">{"".join(items)}</ul>'


def _answer(run: Studied, title: str, i: int) -> str:
    e = run.evaluation
    assert e is not None
    mark, word = ("good", "right") if e.answers[i] == e.labels[i] else ("wrong-answer", "wrong")
    said = f"{text(outputs(run)[int(e.answers[i])])} ({percent(float(e.confidence[i]))})"
    return f'<br>{text(title)}: <span class="{mark}">{said}, {word}</span>'
