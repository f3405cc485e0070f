"""Pooling as the presets do it: the poolings of nin-cifar10 at batch 64, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..kernels import fast, geometry
from .measure import Machine
from .peer import Peer
from .report import Report
from .versus import Pair
from .versus import run as versus

BATCH = 64


def run(machine: Machine, rounds: int) -> Report:
    """Max pooling 3x3 with stride 2 of 64x96x32x32, average pooling of 64x192x16x16, global average pooling of 64x192x8x8."""
    return versus("pool", machine, _pairs, rounds)


def _pairs(put: Callable[[Any], Any]) -> list[Pair]:
    rng = np.random.default_rng(0)
    a, b, c = (put(rng.standard_normal((BATCH, h, h, n), np.float32)) for n, h in ((96, 32), (192, 16), (192, 8)))
    of_a, of_b = (geometry.pooling("pool", (BATCH, n, h, h), (3, 3), (2, 2), ceil_mode=True) for n, h in ((96, 32), (192, 16)))
    ga, gb = (put(rng.standard_normal((BATCH, g.OH, g.OW, g.O), np.float32)) for g in (of_a, of_b))
    divisor = fast.pool_divisor(of_b, True)
    _, arg = fast.max_pool2d(a, of_a)

    def backward(peer: Peer, x: Any, g: Any, pooling: Any) -> Any:
        leaf = peer.image(x).detach().requires_grad_()
        y, cotangent = pooling(leaf), peer.image(g)
        return lambda: peer.torch.autograd.grad(y, leaf, cotangent, retain_graph=True)[0]

    def maximum(peer: Peer) -> Any:
        return lambda x: peer.torch.nn.functional.max_pool2d(x, 3, 2, ceil_mode=True)

    def average(peer: Peer) -> Any:
        return lambda x: peer.torch.nn.functional.avg_pool2d(x, 3, 2, ceil_mode=True)

    return [
        Pair("max_pool2d", lambda: fast.max_pool2d(a, of_a)[0], lambda p: partial(maximum(p), p.image(a)), a.nbytes + ga.nbytes),
        Pair(
            "max_pool2d backward", lambda: fast.max_unpool2d(ga, arg, of_a), lambda p: backward(p, a, ga, maximum(p)),
            a.nbytes + ga.nbytes + arg.nbytes,
        ),
        Pair(
            "avg_pool2d", lambda: fast.avg_pool2d(b, of_b, divisor), lambda p: partial(average(p), p.image(b)),
            b.nbytes + gb.nbytes,
        ),
        Pair(
            "avg_pool2d backward", lambda: fast.avg_pool2d_input_grad(gb, of_b, divisor),
            lambda p: backward(p, b, gb, average(p)), b.nbytes + gb.nbytes,
        ),
        Pair("global_avg_pool2d", lambda: fast.global_avg_pool2d(c), lambda p: partial(p.image(c).mean, (2, 3), True), c.nbytes),
    ]  # fmt: skip
