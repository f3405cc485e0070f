"""What happens to every number by itself: ReLU, its mask, dropout, and a step of SGD with momentum and of Adam."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..kernels import fast
from .measure import Machine
from .peer import Peer
from .report import Report
from .versus import Pair
from .versus import run as versus

IMAGES, PARAMETERS = (64, 32, 32, 96), 2_000_000  # the images have 25 MB


def run(machine: Machine, rounds: int) -> Report:
    """Images 64x96x32x32 (25 MB), and 2 million parameters."""
    return versus("elementwise", machine, _pairs, rounds)


def _pairs(put: Callable[[Any], Any]) -> list[Pair]:
    rng = np.random.default_rng(0)
    x, y = (put(a) for a in rng.standard_normal((2, *IMAGES), np.float32))
    p, g, m = (put(a) for a in rng.standard_normal((3, PARAMETERS), np.float32))
    v = abs(m)
    settings = {"lr": 1e-3, "momentum": 0.9, "keep": 1.0, "decay": 1e-4, "nesterov": False}
    adam = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "scale": 1.0, "eps": 1e-8, "decay": 0.0, "shrink": 1.0}

    def step(peer: Peer, kind: str, **options: Any) -> Any:
        leaf = peer.tensor(p).clone().requires_grad_()
        leaf.grad = peer.tensor(g).clone()
        return getattr(peer.torch.optim, kind)([leaf], lr=1e-3, **options).step

    def stepped(kernel: Any, *moments: Any, **settings: Any) -> Any:
        kernel(p, g, *moments, **settings)
        return p

    return [
        Pair("relu", lambda: fast.relu(x), lambda t: partial(t.torch.relu, t.image(x)), 2 * x.nbytes),
        Pair(
            "the ReLU's mask", lambda: fast.relu_mask(x, y),
            lambda t: partial(t.torch.ops.aten.threshold_backward, t.image(x), t.image(y), 0), 3 * x.nbytes,
        ),
        Pair(
            "dropout", lambda: fast.dropout(x, 0.5, 1, 1), lambda t: partial(t.torch.dropout, t.image(x), 0.5, True),
            2 * x.nbytes, compare=False,
        ),
        Pair(
            "SGD, momentum", lambda: stepped(fast.sgd, m, **settings),
            lambda t: step(t, "SGD", momentum=0.9, weight_decay=1e-4), 5 * p.nbytes, compare=False,
        ),
        Pair("Adam", lambda: stepped(fast.adam, m, v, **adam), lambda t: step(t, "Adam"), 7 * p.nbytes, compare=False),
    ]  # fmt: skip
