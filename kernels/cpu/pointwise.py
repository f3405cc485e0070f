"""What happens to every number by itself: the ReLU's mask, dropout, and the steps of the optimisers. One pass each.

These kernels only move memory, so what counts is that each array is read or written once: NumPy would make a temporary array
for every + and *.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import memory
from ..loops import dropout_key
from ..threads import get_num_threads
from ..types import Array
from .arguments import flat
from .jit.compiled import kernel
from .jit.emit import Emitter, Value, microkernel, number
from .poolkernels import dropout_keeps


class DropoutArgs(NamedTuple):
    """y[i] = x[i] * scale where dropout keeps entry start + i, else 0."""

    x: Value
    y: Value
    entries: Value
    start: Value
    threshold: Value
    key: Value
    scale: Value


class ReluArgs(NamedTuple):
    """y[i] = max(x[i], 0)"""

    x: Value
    y: Value
    entries: Value


class MaskArgs(NamedTuple):
    """out[i] = g[i] where y[i] > 0, else 0"""

    g: Value
    y: Value
    out: Value
    entries: Value


def _emit_dropout(e: Emitter, a: DropoutArgs) -> None:
    b = e.ir

    def over(i: Value) -> None:
        offset = b.mul(i, number(e.size))
        keep = dropout_keeps(e, b.add(a.start, i), a.key, a.threshold)
        value = b.fmul(e.load(e.at(b.add(a.x, offset))), e.broadcast(e.at(a.scale)))
        e.store(b.select(keep, value, e.zero), e.at(b.add(a.y, offset)))

    e.over_channels(a.entries, over)


def _emit_relu(e: Emitter, a: ReluArgs) -> None:
    def over(i: Value) -> None:
        offset = e.ir.mul(i, number(e.size))
        e.store(e.relu(e.load(e.at(e.ir.add(a.x, offset)))), e.at(e.ir.add(a.y, offset)))

    e.over_channels(a.entries, over)


def _emit_mask(e: Emitter, a: MaskArgs) -> None:
    def over(i: Value) -> None:
        offset = e.ir.mul(i, number(e.size))
        value, y = (e.load(e.at(e.ir.add(base, offset))) for base in (a.g, a.y))
        e.store(e.positive(y, value), e.at(e.ir.add(a.out, offset)))

    e.over_channels(a.entries, over)


emitted_dropout: Any = microkernel("dropout", _emit_dropout, DropoutArgs)
emitted_relu: Any = microkernel("relu", _emit_relu, ReluArgs)
emitted_mask: Any = microkernel("relu_mask", _emit_mask, MaskArgs)


@kernel()
def _relu(t: int, x: Array, y: Array, threads: int) -> None:
    lo, hi = t * x.size // threads, (t + 1) * x.size // threads
    start = lo * x.itemsize
    emitted_relu(x, ReluArgs(x=x.ctypes.data + start, y=y.ctypes.data + start, entries=hi - lo))


def relu(x: Array) -> Array:
    """max(x, 0); NaN stays NaN. At least one vector of entries for each thread, here and below."""
    y = memory.empty(x.shape, x.dtype)
    _relu(flat(x), flat(y), get_num_threads())
    return y


@kernel()
def _relu_mask(t: int, g: Array, y: Array, out: Array, threads: int) -> None:
    lo, hi = t * g.size // threads, (t + 1) * g.size // threads
    start = lo * g.itemsize
    emitted_mask(g, MaskArgs(g=g.ctypes.data + start, y=y.ctypes.data + start, out=out.ctypes.data + start, entries=hi - lo))


def relu_mask(g: Array, y: Array) -> Array:
    """g where y > 0, else 0."""
    out = memory.empty(g.shape, g.dtype)
    _relu_mask(flat(g), flat(y), flat(out), get_num_threads())
    return out


@kernel()
def _dropout(t: int, x: Array, y: Array, scale: Array, threshold: int, key: int, threads: int) -> None:
    lo, hi = t * x.size // threads, (t + 1) * x.size // threads
    args = DropoutArgs(
        x=x.ctypes.data + lo * x.itemsize,
        y=y.ctypes.data + lo * x.itemsize,
        entries=hi - lo,
        start=lo,
        threshold=threshold,
        key=key,
        scale=scale.ctypes.data,
    )
    emitted_dropout(x, args)


def dropout(x: Array, p: float, seed: int, call: int) -> Array:
    """x / (1 - p) where the hash keeps it, else 0; p < 1."""
    y = memory.empty(x.shape, x.dtype)
    _dropout(flat(x), flat(y), np.array([1 / (1 - p)], x.dtype), int(p * 2**32), dropout_key(seed, call), get_num_threads())
    return y


@kernel(fastmath={"contract"})
def _sgd(
    t: int, p: Array, g: Array, v: Array, lr: float, momentum: float, keep: float, decay: float, nesterov: bool, threads: int
) -> None:
    lo, hi = t * p.size // threads, (t + 1) * p.size // threads
    if v.size == 0:
        for i in range(lo, hi):
            p[i] -= lr * (g[i] + decay * p[i])
    elif nesterov:
        for i in range(lo, hi):
            d = g[i] + decay * p[i]
            v[i] = momentum * v[i] + keep * d
            p[i] -= lr * (d + momentum * v[i])
    else:
        for i in range(lo, hi):
            v[i] = momentum * v[i] + keep * (g[i] + decay * p[i])
            p[i] -= lr * v[i]


def sgd(p: Array, g: Array, v: Array | None, lr: float, momentum: float, keep: float, decay: float, nesterov: bool) -> None:
    """One step in place: v = momentum * v + keep * (g + decay * p), p -= lr * v; see `ninx.optim.SGD`."""
    n = p.dtype.type
    _sgd(
        flat(p),
        flat(g),
        flat(p)[:0] if v is None else flat(v),
        n(lr),
        n(momentum),
        n(keep),
        n(decay),
        nesterov,
        get_num_threads(),
    )


@kernel(fastmath={"contract"})
def _adam(
    t: int, p: Array, g: Array, m: Array, v: Array, lr: float, beta1: float, rest1: float, beta2: float, rest2: float,
    scale: float, eps: float, decay: float, shrink: float, threads: int,
) -> None:  # fmt: skip
    for i in range(t * p.size // threads, (t + 1) * p.size // threads):
        d = g[i] + decay * p[i]
        m[i] = beta1 * m[i] + rest1 * d
        v[i] = beta2 * v[i] + rest2 * d * d
        p[i] = p[i] * shrink - lr * m[i] / (np.sqrt(v[i]) * scale + eps)


def adam(
    p: Array, g: Array, m: Array, v: Array, lr: float, beta1: float, beta2: float, scale: float, eps: float, decay: float,
    shrink: float,
) -> None:  # fmt: skip
    """One step in place: p = p * shrink - lr * m / (sqrt(v) * scale + eps); see `ninx.optim.Adam`."""
    # 1 - beta is taken here: in float32, 1 - 0.999 would lose four digits.
    settings = [p.dtype.type(s) for s in (lr, beta1, 1 - beta1, beta2, 1 - beta2, scale, eps, decay, shrink)]
    _adam(flat(p), flat(g), flat(m), flat(v), *settings, get_num_threads())
