"""A small Network in Network, trained by hand."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ...windows import Array, windows

NAMES = ("train",)
PARTS = ("losses", "first weight", "second weight", "third weight")
SECONDS = 10


def cases() -> list[tuple[Any, ...]]:
    """One step, then several; one window and several, one image and several."""
    made = []
    for i, (n, side, c, hidden, classes, steps) in enumerate(
        [(1, 3, 1, 2, 2, 1), (2, 3, 1, 2, 2, 1), (2, 4, 1, 2, 3, 1), (3, 5, 2, 3, 3, 4)]
    ):
        draw = np.random.default_rng(90 + i)
        x, labels = draw.integers(0, 4, (n, side, side, c)) / 2.0, draw.integers(0, classes, n)
        shapes = ((hidden, 3, 3, c), (hidden, hidden), (classes, hidden))
        weights = [draw.integers(-2, 4, shape) / (4.0 if len(shape) == 4 else 2.0) for shape in shapes]
        made.append((x, labels, *weights, 0.5, steps))
    return made


def oracle(
    x: Array,
    labels: Array,
    w1: Array,
    w2: Array,
    w3: Array,
    lr: float,
    steps: int,
    gates: tuple[bool, bool] = (True, True),
    mean: bool = True,
    batch: bool = True,
    sign: float = -1.0,
    late: bool = False,
    last_relu: bool = False,
    trained: tuple[bool, bool, bool] = (True, True, True),
) -> tuple[list[float], Array, Array, Array]:
    """Forward, backward and a step, as often as asked; the options are mistakes."""
    w1, w2, w3 = w1.copy(), w2.copy(), w3.copy()
    rows = np.stack([windows(image, 3, 1) for image in x])
    rows = rows.reshape(*rows.shape[:3], -1)  # (N, OH, OW, 9 C)
    losses = []
    for _ in range(steps):
        a1 = np.maximum(h1 := rows @ w1.reshape(len(w1), -1).T, 0)
        a2 = np.maximum(h2 := a1 @ w2.T, 0)
        maps = a2 @ w3.T
        if last_relu:
            maps = np.maximum(maps, 0)
        z = maps.mean((1, 2))
        total = np.logaddexp.reduce(z, axis=1)
        losses.append(float((total - z[np.arange(len(z)), labels]).mean()))
        dz = (np.exp(z - total[:, None]) - np.eye(z.shape[1])[labels]) / (len(z) if batch else 1)
        dmaps = np.broadcast_to(dz[:, None, None] / (maps[0, :, :, 0].size if mean else 1), maps.shape)
        if last_relu:
            dmaps = dmaps * (maps > 0)
        d3 = np.einsum("nijk,nijh->kh", dmaps, a2)
        dh2 = (dmaps @ (w3 + (sign * lr * d3 if late else 0))) * ((h2 > 0) if gates[1] else 1)
        d2 = np.einsum("nijk,nijh->kh", dh2, a1)
        dh1 = (dh2 @ (w2 + (sign * lr * d2 if late else 0))) * ((h1 > 0) if gates[0] else 1)
        d1 = np.einsum("nijk,nijr->kr", dh1, rows).reshape(w1.shape)
        for w, d, moves in ((w1, d1, trained[0]), (w2, d2, trained[1]), (w3, d3, trained[2])):
            if moves:
                w += sign * lr * d
    return losses, w1, w2, w3


MISTAKES = {
    "relu_forgotten_back": [
        partial(oracle, gates=(False, False)),
        partial(oracle, gates=(False, True)),
        partial(oracle, gates=(True, False)),
    ],
    "mean_forgotten_back": partial(oracle, mean=False),
    "batch_forgotten": partial(oracle, batch=False),
    "uphill": partial(oracle, sign=1.0),
    "new_weights_in_backward": partial(oracle, late=True),
    "last_relu": partial(oracle, last_relu=True),
    "first_layer_not_trained": partial(oracle, trained=(False, True, True)),
    "last_layer_alone": partial(oracle, trained=(False, False, True)),
}
