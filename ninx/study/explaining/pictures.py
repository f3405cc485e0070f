"""The pictures of a page: what the network took for something else, and what it knew, among the test images of its run."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import PIL

from ... import data, nn
from ...array import to_numpy
from ...data.dataset import Image
from ...engine import Tensor
from ...freezing import freeze
from ...train.loop import unlike
from ...train.preparation import Preparation
from ...train.runs import BATCH, DIGITS, Run

TESTED = 1_000  # test images that are tried, evenly spread over the set
MISTAKES, RIGHT = 12, 10  # of them in the page
TALL_FIRST = int(PIL.__version__.split(".")[0]) >= 13  # scales what is tall down the columns first, and rounds in between


@dataclass
class Tried:
    """What became of the test images: the ones to show, how many were right, and what rounding the weights changes.

    ``distance``: the largest difference of a score, as a share of the largest score; ``changed``: how many answers are others.
    """

    pictures: list[dict[str, Any]]
    tested: int
    right: int
    distance: float
    changed: int


def tried(run: Run, rounded: nn.Module, data_dir: Any = None) -> Tried:
    """Show both networks the test images of the run; raises ValueError where they are not there.

    The worst mistakes are those that the network was surest of: the true class got the least probability.
    """
    dataset = data.load(run.recipe.data, "test", data_dir)
    if dataset.classes != run.classes:
        raise ValueError(f"explain: {unlike(run.classes, dataset.classes, 'test')}")
    chosen = np.unique(np.linspace(0, len(dataset) - 1, min(len(dataset), TESTED)).astype(int)).tolist()
    images, labels = [dataset[i][0] for i in chosen], np.array([int(dataset[i][1]) for i in chosen])
    inputs = [run.preparation.one(image) for image in images]
    scores, others = scores_of(run.model, inputs), scores_of(rounded, inputs)
    wrong = scores.argmax(1) != labels
    shifted = scores - scores.max(1, keepdims=True)
    loss = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(labels)), labels]
    worst = [i for i in np.argsort(-loss, kind="stable").tolist() if wrong[i]][:MISTAKES]
    known = [int(np.flatnonzero(~wrong & (labels == c))[0]) for c in np.unique(labels[~wrong])[:RIGHT]]
    pictures = [
        {
            **picture_of(images[i], run.preparation, inputs[i]),
            "label": int(labels[i]),
            "mistake": bool(wrong[i]),
            "answer": answer,
        }
        for i, answer in ((i, int(others[i].argmax())) for i in (*worst, *known))
    ]
    distance = float(np.abs(scores - others).max() / max(np.abs(scores).max(), 1e-30))
    changed = int((scores.argmax(1) != others.argmax(1)).sum())
    return Tried(pictures, len(chosen), int((~wrong).sum()), distance, changed)


def scores_of(model: nn.Module, inputs: Sequence[Image]) -> Any:
    """The logits (N, classes) of prepared pictures (C, H, W) of one shape."""
    answer = freeze(model, inputs[0].shape)
    batches = (inputs[start : start + BATCH] for start in range(0, len(inputs), BATCH))
    return np.concatenate([to_numpy(answer(Tensor(np.stack(batch))).array) for batch in batches])


def picture_of(image: Image, preparation: Preparation | None, prepared: Image) -> dict[str, Any]:
    """A picture for the page: its pixels, uint8 (H, W) or (H, W, C); of a whitened one also what the network is given."""
    if preparation is not None and preparation.recipe.resize is not None:
        image = data.Resize(preparation.recipe.resize)(image)  # as large as it will be used
    pixels = image if image.ndim == 3 else image[:, :, None]
    found = {"shape": pixels.shape, "pixels": base64.b64encode(np.ascontiguousarray(pixels).tobytes()).decode()}
    if preparation is None or preparation.zca is None:
        return found
    rows = np.ascontiguousarray(prepared.transpose(1, 2, 0), "<f4")
    return found | {"given": {"shape": rows.shape, "data": base64.b64encode(rows.tobytes()).decode()}}


def noise(model: nn.Module, shape: tuple[int, ...]) -> list[dict[str, Any]]:
    """Two pictures of noise, for a network without a data set; what it is to say of them."""
    rng = np.random.default_rng(0)
    c, h, w = shape
    images = [rng.integers(0, 256, (h, w, c), np.uint8) for _ in range(2)]
    answers = scores_of(model, [data.ToTensor()(image) for image in images]).argmax(1)
    return [
        {**picture_of(image, None, image), "label": None, "mistake": False, "answer": int(answer)}
        for image, answer in zip(images, answers, strict=True)
    ]


def plain_steps(shape: tuple[int, ...]) -> dict[str, Any]:
    """The preparation of a network by itself: its pictures (C, H, W) are scaled to their size, with values from 0 to 1."""
    c, h, w = shape
    return {"frame": "fit", "image": [h, w, c], "whitened": False, "tallFirst": TALL_FIRST}


def steps_of(run: Run) -> dict[str, Any]:
    """The preparation of a run, as the page does it."""
    p, recipe = run.preparation.recipe, run.recipe
    h, w, *c = run.checkpoint.image_shape
    own_size = recipe.data not in data.names() and p.resize is not None
    local, contrast = data.LocalContrastNorm(), data.GlobalContrastNorm(p.gcn or 1)
    return {
        "frame": "digit" if recipe.data in DIGITS else "own" if own_size else "fit",
        "image": [h, w, *(c or [1])],
        "resize": p.resize,
        "contrast": {"scale": contrast.scale, "bias": contrast.bias, "epsilon": contrast.epsilon} if p.gcn else None,
        "local": {"weights": local.weights.tolist(), "threshold": local.threshold} if p.lcn else None,
        "tallFirst": TALL_FIRST,
        "whitened": run.preparation.zca is not None,
        "crop": p.crop,
        "mean": run.preparation.mean if p.normalize else None,
        "std": run.preparation.std if p.normalize else None,
    }
