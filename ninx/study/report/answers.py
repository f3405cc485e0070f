"""The parts of a report that are about the network's answers: what it takes for what, its worst mistakes, how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...looks import shortened
from ...train import Evaluation
from ...train.runs import answers
from .. import heat
from ..calibration import DRAWS, Calibration, calibration
from ..maps import Maps, of_pictures
from ..studied import Studied
from . import charts
from .parts import boxed, chart, folded, number, paragraph, percent, table, text, titled

MOST = 20  # classes in a confusion matrix
WORST = 8  # mistakes that are shown
NAME = 24  # characters of a class's name


def outputs(run: Studied) -> list[str]:
    """What each output stands for, shortened."""
    count = len(run.run.classes)
    if run.evaluation is not None and len(run.evaluation.answers):
        count = max(count, int(run.evaluation.answers.max()) + 1)
    return [shortened(name, NAME) for name in answers(run.run.classes, count)]


def confusion(run: Studied) -> str:
    """What was taken for what: a matrix; of many classes the most frequent confusions."""
    e = run.evaluation
    if e is None:
        return paragraph("The images are not at hand.", "soft")
    names = [*(shortened(name, NAME) for name in run.run.classes), "none"][: e.confusion.shape[1]]
    if len(run.run.classes) > MOST:
        return _frequent(e, names) + folded("Every class", _classes(e, names))
    return _matrix(e, names) + folded("Every class", _classes(e, names))


def _matrix(e: Evaluation, names: Sequence[str]) -> str:
    """Rows are true classes; the larger its share of the row, the stronger a cell's colour."""
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in names)
    rows = ""
    for i, counts in enumerate(e.confusion):
        total, cells = max(int(counts.sum()), 1), ""
        for j, n in enumerate(counts.tolist()):
            kind = "right" if i == j else "wrong"
            share = f"{n / total:.3f}"
            cells += f'<td class="{kind}" style="--share: {share}">{n}</td>' if n else '<td class="none">0</td>'
        rows += f'<tr><th scope="row">{text(names[i])}</th>{cells}</tr>\n'
    caption = titled("Rows are the true class, columns the answer.")
    inside = f'<table class="confusion">{caption}<thead><tr><td></td>{head}</tr></thead><tbody>\n{rows}</tbody></table>'
    return boxed(inside, "Confusion matrix")


def _frequent(e: Evaluation, names: Sequence[str]) -> str:
    wrong = e.confusion.copy()
    np.fill_diagonal(wrong, 0)
    first = np.argsort(-wrong, axis=None, kind="stable")[:MOST]
    places = [np.unravel_index(k, wrong.shape) for k in first if wrong.flat[k]]
    rows = [[names[i], names[j], str(wrong[i, j]), percent(wrong[i, j] / max(e.confusion[i].sum(), 1))] for i, j in places]
    return table("The most frequent confusions", ["true class", "taken for", "images", "of the class"], rows, (0, 1))


def _classes(e: Evaluation, names: Sequence[str]) -> str:
    """For each class how many of its images are right, and how many of the answers that name it."""
    rows = []
    for i, counts in enumerate(e.confusion):
        right, named = int(counts[i]), int(e.confusion[:, i].sum())
        rows.append([names[i], str(counts.sum()), percent(right / max(counts.sum(), 1)), percent(right / max(named, 1))])
    return table("", ["class", "images", "found (recall)", "right where it is the answer (precision)"], rows, label="Every class")


def worst(e: Evaluation, count: int = WORST) -> list[int]:
    """The numbers of the images with wrong answers, the least likely true class first; those that are no numbers at the end.

    >>> labels, answers = np.array([0, 0, 1]), np.array([0, 1, 0])
    >>> result = ninx.train.Evaluation(1.0, np.eye(2), labels, answers, np.array([1, 0.6, 0.9]), np.array([1, 0.4, 0.1]))
    >>> ninx.study.report.answers.worst(result)
    [2, 1]
    """
    wrong = np.flatnonzero(e.answers != e.labels)
    return [int(i) for i in wrong[np.argsort(e.likelihood[wrong], kind="stable")][:count]]


def mistakes(run: Studied) -> str:
    """The worst mistakes: the image, and the maps of the class that was answered and of the true one."""
    e = run.evaluation
    if e is None or run.images is None:
        return paragraph("The images are not at hand.", "soft")
    count, chosen = int((e.answers != e.labels).sum()), worst(e)
    if not chosen:
        return paragraph(f"There are none: all {len(e.labels):,} {run.which} images are right.")
    pictures = [np.asarray(run.images[i][0]) for i in chosen]
    sure = bool(np.isfinite(e.confidence[chosen]).all())
    maps, why = _maps(run, pictures) if sure else (None, "There are no maps, since the scores are no finite numbers.")
    shown = "".join(_mistake(run, i, pictures[n], maps, n) for n, i in enumerate(chosen))
    said = (
        f"{count:,} of {len(e.labels):,} {run.which} images are taken for something else. These are the worst: those whose true "
    )
    said += f"class seemed least likely. {why}"
    return f'{paragraph(said)}<ul class="gallery">{shown}</ul>'


def _maps(run: Studied, pictures: Sequence[Any]) -> tuple[Maps | None, str]:
    """The class maps of some pictures, and a sentence about them; or why there are none."""
    try:
        maps = of_pictures(run.run, pictures)
    except ValueError as error:
        return None, f"There are no maps ({error})."
    return maps, f"Shown are {maps.what}; bright cells are the largest, and the frame is what the strongest cell sees."


def _mistake(run: Studied, i: int, picture: Any, maps: Maps | None, n: int) -> str:
    assert run.evaluation is not None
    e, names = run.evaluation, outputs(run)
    true, answer = int(e.labels[i]), int(e.answers[i])
    cells = _picture(picture_url(picture), f"image {i}: {names[true]}", "image")
    for k in (answer, true):
        if maps is None:
            break
        url, score = heat.data_url(maps.image(n, k, side=112)), f"{names[k]}: {maps.scores[n, k]:.2f}"
        cells += _picture(url, f"map of {names[k]}", score)
    said = f"image {i}: {names[true]} ({percent(float(e.likelihood[i]))}), taken for {names[answer]} "
    said += f"({percent(float(e.confidence[i]))})"
    return f'<li><div class="pictures">{cells}</div>{paragraph(said)}</li>'


def _picture(url: str, alt: str, under: str) -> str:
    return f'<span><img src="{url}" alt="{text(alt)}"><span class="under">{text(under)}</span></span>'


def picture_url(picture: Any) -> str:
    """An image of a data set, uint8 (H, W) or (H, W, 3), for a page."""
    return heat.data_url(np.ascontiguousarray(picture))


def sureness(run: Studied, name: str) -> str:
    """The reliability diagram, the expected calibration error with its formula, and what is chance; ``name`` as in charts."""
    if run.evaluation is None:
        return paragraph("The images are not at hand.", "soft")
    try:
        found = calibration(run.evaluation)
    except ValueError:
        return paragraph("The probabilities are no finite numbers, so nothing can be said of them.", "soft")
    low, high = found.chance
    inside = "which is what chance makes of it" if low <= found.error <= high else "so it is more than chance"
    inside = "better than chance would make it" if found.error < low else inside
    mean_sure, right = float(np.mean(run.evaluation.confidence)), run.evaluation.accuracy
    lean = "more sure than right" if mean_sure > right else "less sure than right"
    said = f"Expected calibration error: {percent(found.error)}. A perfectly calibrated network that is as sure would have "
    said += (
        f"{percent(low)} to {percent(high)} on {len(run.evaluation.labels):,} images (95 % of {DRAWS} draws), {inside}. On the "
    )
    said += f"whole the network is {percent(mean_sure)} sure and {percent(right)} right: {lean}."
    svg = charts.reliability(
        name, "Reliability diagram", found.confidence.tolist(), found.accuracy.tolist(), found.counts.tolist()
    )
    return f"{paragraph(said)}{_formula()}{chart(svg, 'Reliability diagram', _bins(found))}"


def _formula() -> str:
    total = "<munder><mo>∑</mo><mi>b</mi></munder>"
    share = "<mfrac><msub><mi>n</mi><mi>b</mi></msub><mi>N</mi></mfrac>"
    gap = "<mo>|</mo><msub><mi>acc</mi><mi>b</mi></msub><mo>&minus;</mo><msub><mi>conf</mi><mi>b</mi></msub><mo>|</mo>"
    formula = f'<math display="block"><mi>ECE</mi><mo>=</mo>{total}{share}{gap}</math>'
    return formula + paragraph(
        "n_b of the N answers have a confidence (the probability of the likeliest class) in bin b; acc_b is the share of them "
        "that is right, conf_b their mean confidence (Naeini et al., 2015; Guo et al., 2017).",
        "soft",
    )


def _bins(found: Calibration) -> str:
    rows = []
    for i, n in enumerate(found.counts.tolist()):
        edges = f"{i / len(found.counts):.1f} to {(i + 1) / len(found.counts):.1f}"
        shares = [number(found.confidence[i], ".3f"), number(found.accuracy[i], ".3f")] if n else ["-", "-"]
        rows.append([edges, str(n), *shares])
    return table("Answers by their confidence", ["confidence", "answers", "mean confidence", "right"], rows)
