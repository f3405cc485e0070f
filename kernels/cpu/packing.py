"""Weights on their way into panels, the order in which the micro-kernels read them, and their gradients on the way back."""

from __future__ import annotations

import numba as nb

from ..types import Array
from .compiled import kernel
from .microkernels import lift0, lift1, lift2, turn

FAST = {"contract", "nsz", "reassoc"}  # what the compiler may do with sums; NaN and infinity keep their meaning


@kernel()
def pack_forward(
    w: Array, packed: Array, bias: Array, panels: Array, depth: int, channels: int, lanes: int, threads: int
) -> None:
    """Weights (O, depth) to panels: row k of a panel holds w[o, k] of its channels. Behind them the bias, cut the same way."""
    size = w.itemsize
    for t in nb.prange(threads):
        k0, k1 = t * depth // threads, (t + 1) * depth // threads
        for p in range(panels.shape[0]):
            vectors, channel, start = max(panels[p, 1], 1), panels[p, 2] // size, panels[p, 4]
            tail = panels[p, 3] // size if panels[p, 1] > 0 else 0
            for j in range(vectors):
                o = channel + (tail if j == vectors - 1 and vectors > 1 else j * lanes)
                done, wide = k0, vectors * lanes
                if o + lanes <= channels:  # squares of lanes x lanes
                    count = (k1 - k0) // lanes
                    arguments = (
                        count, w.ctypes.data + (o * depth + k0) * size, depth * size, lanes * size,
                        packed.ctypes.data + (start + k0 * wide + j * lanes) * size, wide * size, lanes * wide * size, 1, 0,
                    )  # fmt: skip
                    turn(w, arguments)
                    done = k0 + count * lanes
                for k in range(done, k1):
                    for lane in range(lanes):
                        packed[start + k * wide + j * lanes + lane] = w[(o + lane) * depth + k] if o + lane < channels else 0
                if t == 0:
                    at = (packed.size // (depth + 1)) * depth + panels[p, 5] // size + j * lanes
                    for lane in range(lanes):
                        packed[at + lane] = bias[o + lane] if o + lane < bias.size else 0


@kernel()
def pack_backward(
    w: Array, packed: Array, panels: Array, KH: int, KW: int, C: int, O: int, lanes: int, threads: int,  # noqa: E741
) -> None:  # fmt: skip
    """Weights (O, KH, KW, C) to panels of C: row (r, q, o) of a panel holds w[o, KH-1-r, KW-1-q, c] of its channels c."""
    size, taps = w.itemsize, KH * KW
    for t in nb.prange(threads):
        o0, o1 = t * O // threads, (t + 1) * O // threads
        for p in range(panels.shape[0]):
            vectors, wide = panels[p, 1], max(panels[p, 1], 1) * lanes
            for tap in range(taps):
                arguments = (
                    o1 - o0, w.ctypes.data + (o0 * taps + taps - 1 - tap) * C * size + panels[p, 2], taps * C * size,
                    packed.ctypes.data + (panels[p, 4] + (tap * O + o0) * wide) * size, wide * size, panels[p, 3],
                )  # fmt: skip
                if vectors == 2:
                    lift2(w, arguments)
                elif vectors == 1:
                    lift1(w, arguments)
                else:
                    lift0(w, arguments)


@kernel(fastmath=FAST)
def gather(
    part: Array, sums: Array, dw: Array, db: Array, taps: int, run: int, rows: int, height: int, in_place: bool, wide: int,
    lanes: int, threads: int,
) -> None:  # fmt: skip
    """dw[o, (tap, k)] = sum over the threads of part; likewise db."""
    depth, whole, size = taps * run, run // rows * rows, dw.itemsize
    channels, sources, step = dw.size // depth, part.shape[0], part.shape[1]
    squares = 0 if in_place else run // lanes  # of lanes x lanes sums in one tap
    blocks = taps * ((channels + lanes - 1) // lanes)
    for t in nb.prange(threads):
        for block in range(t * blocks // threads, (t + 1) * blocks // threads):
            tap, o = block % taps, block // taps * lanes
            done = 0
            start = (o // wide * taps + tap) * height * wide + o % wide
            if o + lanes <= channels:
                arguments = (
                    squares, part.ctypes.data + start * size, wide * size, lanes * wide * size,
                    dw.ctypes.data + (o * depth + tap * run) * size, depth * size, lanes * size, sources, step * size,
                )  # fmt: skip
                turn(dw, arguments)
                done = squares * lanes
            for k in range(done, run):
                at_k = k + rows - (run - whole) if in_place and k >= whole else k  # see the overlapping tile in _outer
                for lane in range(min(lanes, channels - o)):
                    at = start + at_k * wide + lane
                    total = part[0, at]
                    for u in range(1, sources):
                        total += part[u, at]
                    dw[(o + lane) * depth + tap * run + k] = total
    for o in range(db.size):
        total = sums[0, o]
        for u in range(1, sources):
            total += sums[u, o]
        db[o] = total
