"""A page that explains a network of one's own: it computes every layer in the browser, and shows the numbers of every value.

The parts: network (the layers as data), pictures (of the test set) and, in JavaScript, engine (the forward pass), prepare
(pixels to input), cell (the numbers of one value), network (which reads the page's data), words (English and Chinese), maps
(pictures of numbers), pad (to draw on), magnifier (one value), answer (classes and gallery) and view (the page).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ... import nn
from ...files import write_atomically
from ...train.runs import Run, answers
from ..pages import page
from ..pages.shell import asset
from ..summary import summary
from .network import Unexplained, network_of, rounded
from .pictures import noise, plain_steps, scores_of, steps_of, tried

__all__ = ["Explained", "Unexplained", "explain"]

COMPUTING = ("engine.js", "prepare.js", "cell.js", "network.js")  # which touch nothing of the page
SCRIPTS = (*COMPUTING, "words.js", "maps.js", "pad.js", "magnifier.js", "answer.js", "view.js")


@dataclass(frozen=True)
class Explained:
    """What was written: ``size`` in bytes; ``dtype`` of the weights in the page; how many test images were ``tested``, how many
    of these were ``right`` and are shown as ``mistakes`` (0: there were none, for the reason ``without``).

    ``distance`` is what the rounding of the weights changes in the scores, as a share of the largest; ``changed``, in how many of
    the tested images it changes the answer.

    >>> from pathlib import Path
    >>> from ninx.study.explaining import Explained
    >>> Explained(Path("page.html"), size=1_000_000, dtype="float32", distance=0.0).mistakes
    0
    """

    path: Path
    size: int
    dtype: str
    distance: float
    tested: int = 0
    right: int = 0
    changed: int = 0
    mistakes: int = 0
    without: str = ""


def explain(
    target: Run | nn.Module,
    path: str | Path,
    input_shape: tuple[int, ...] | None = None,
    title: str | None = None,
    data_dir: Any = None,
    dtype: str | None = None,
) -> Explained:
    """Write one HTML file that shows what the network does with any picture: one draws, drops or picks it.

    ``target``: a run (`ninx.load_run`), or an nn.Sequential, which needs ``input_shape`` (C, H, W). Of a run the page holds the
    worst mistakes on its test images, which are looked for in ``data_dir``. ``dtype``: "float32" or "float16" for the weights.

    Raises `Unexplained`, a ValueError, for what the page cannot compute, and ValueError where an input shape is missing.

    >>> model = nn.Sequential(nn.MLPConv(1, (4, 4, 10), 3, padding=1), nn.GlobalAvgPool2d(), nn.Flatten())
    >>> from ninx.study.explaining import explain
    >>> found = explain(model, "page.html", (1, 28, 28))
    >>> found.dtype, found.size < 200_000, found.path.exists()
    ('float32', True, True)
    """
    run = target if isinstance(target, Run) else None
    model: nn.Module = copy.deepcopy(target.model if isinstance(target, Run) else target).to("cpu").eval()
    shape = _shape(run) if run is not None else input_shape
    if shape is None or len(shape) != 3:
        raise ValueError("explain: a network by itself needs the shape of its pictures, (C, H, W), such as (1, 28, 28)")
    if shape[0] not in (1, 3):
        raise Unexplained(f"explain: the pictures have {shape[0]} channels; the page draws grey ones (1) and coloured ones (3)")
    network = network_of(model, shape, dtype)
    small = copy.deepcopy(model)
    small.load_state_dict(rounded(model, network))
    outputs = network.layers[-1]["out"][-1]
    kinds = {"float16"} & {array.dtype.name for array in network.arrays}
    found: dict[str, Any] = {"dtype": "float16" if kinds else "float32", "distance": 0.0}
    pictures: list[dict[str, Any]] = []
    if run is not None:
        try:
            test = tried(run, small, data_dir)
            pictures = test.pictures
            found |= {"tested": test.tested, "right": test.right, "changed": test.changed, "distance": test.distance}
            found |= {"mistakes": sum(p["mistake"] for p in pictures)}
        except ValueError as error:
            found["without"] = str(error)
    if not pictures:
        pictures = noise(small, shape) if run is None else []
        inputs = list(np.random.default_rng(0).random((8, *shape), np.float32))
        scores, others = scores_of(model, inputs), scores_of(small, inputs)
        found["distance"] = float(np.abs(scores - others).max() / max(np.abs(scores).max(), 1e-30))
    told = summary(model, shape)
    name = title or (run.recipe.model.name if run is not None else type(model).__name__)
    about: dict[str, Any] = {
        "name": name,
        "parameters": told.params,
        "macs": told.macs,
        "run": None if run is None else {"data": run.recipe.data, "epoch": len(run.history), "recipe": run.recipe.name},
        "classes": answers(run.classes if run is not None else tuple(map(str, range(outputs))), outputs),
        "weights": found,
        "prepare": plain_steps(shape) if run is None else steps_of(run),
        "pictures": pictures,
        "network": network.as_data(),
    }
    text = page(
        f"{name} · ninx explain",
        asset("body.html", __package__),
        styles=[asset("explain.css", __package__)],
        scripts=[asset(script, __package__) for script in SCRIPTS],
        data=about,
    )
    path, written = Path(path), text.encode()
    write_atomically(path, written)
    return Explained(path, len(written), **found)


def _shape(run: Run) -> tuple[int, ...]:
    """(C, H, W) of what the network of a run is given: a picture of its data set, prepared."""
    shape: tuple[int, ...] = run.preparation.one(np.zeros(run.checkpoint.image_shape, np.uint8)).shape
    return shape
