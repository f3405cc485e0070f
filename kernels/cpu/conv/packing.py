"""Weights on their way into panels, the order in which the micro-kernels read them, and their gradients on the way back."""

from __future__ import annotations

from ...types import Array
from ..jit.compiled import helper, kernel
from .microkernels import lift0, lift1, lift2, turn
from .transforms import CELLS, SIDE, weights3, weights5

FAST = {"contract", "nsz", "reassoc"}  # what the compiler may do with sums; NaN and infinity keep their meaning


@kernel()
def pack_forward(
    t: int, w: Array, packed: Array, bias: Array, panels: Array, depth: int, channels: int, lanes: int, threads: int
) -> None:
    """Weights (O, depth) to panels: row k of a panel holds w[o, k] of its channels. Behind them the bias, cut the same way."""
    size = w.itemsize
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
    t: int, w: Array, packed: Array, panels: Array, KH: int, KW: int, C: int, O: int, lanes: int, threads: int,  # noqa: E741
) -> None:  # fmt: skip
    """Weights (O, KH, KW, C) to panels of C: row (r, q, o) of a panel holds w[o, KH-1-r, KW-1-q, c] of its channels c."""
    size, taps = w.itemsize, KH * KW
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


@helper()
def _transform(w: Array, source: int, made: int, point: int, r: int, C: int, c: int, count: int, turned: bool) -> None:
    """G w G' of one output's r x r taps, channels c to c + count; its points lie ``point`` bytes apart."""
    size = w.itemsize
    step = C * size
    source += c * size
    if turned:  # by 180 degrees
        source, step = source + (r * r - 1) * step, -step
    arguments = source, r * step, step, made, SIDE * point, point, count, 0, 0, 0, 0, 0, 0, 0, 0
    if r == 3:
        weights3(w, arguments)
    else:
        weights5(w, arguments)


@kernel()
def pack_forward_tiles(
    t: int, w: Array, packed: Array, spare: Array, panels: Array, r: int, C: int, lanes: int, threads: int
) -> None:
    """Weights (O, r, r, C), transformed as tiles.py says, to panels: row (point, c) of a panel holds those of its outputs.

    A vector of outputs at a time, which between transform and panel stays in the second-level cache.
    """
    size, depth = w.itemsize, CELLS * C
    made = spare.ctypes.data + t * spare.shape[1] * size
    for p in range(t * panels.shape[0] // threads, (t + 1) * panels.shape[0] // threads):
        vectors, tail = panels[p, 1], panels[p, 3] // size
        for j in range(vectors):
            o = panels[p, 2] // size + (tail if j > 0 else 0)
            for lane in range(lanes):
                source = w.ctypes.data + (o + lane) * r * r * C * size
                _transform(w, source, made + lane * depth * size, C * size, r, C, 0, C, False)
            count, wide, start = depth // lanes, vectors * lanes, panels[p, 4] + j * lanes
            arguments = (
                count, made, depth * size, lanes * size,
                packed.ctypes.data + start * size, wide * size, lanes * wide * size, 1, 0,
            )  # fmt: skip
            turn(w, arguments)
            for k in range(count * lanes, depth):
                for lane in range(lanes):
                    packed[start + k * wide + lane] = spare[t, lane * depth + k]


@kernel()
def pack_backward_tiles(t: int, w: Array, packed: Array, panels: Array, r: int, O: int, C: int, lanes: int, threads: int) -> None:  # noqa: E741
    """Transformed weights, turned by 180 degrees, for sums over outputs: row (point, o) of a panel holds its channels c."""
    size = w.itemsize
    for o in range(t * O // threads, (t + 1) * O // threads):
        for p in range(panels.shape[0]):
            vectors = panels[p, 1]
            row = vectors * lanes * size
            for j in range(vectors):
                c = (panels[p, 2] + (panels[p, 3] if j > 0 else 0)) // size
                made = packed.ctypes.data + panels[p, 4] * size + o * row + j * lanes * size
                _transform(w, w.ctypes.data + o * r * r * C * size, made, O * row, r, C, c, lanes, True)


@kernel(fastmath=FAST)
def gather(
    t: int, part: Array, sums: Array, dw: Array, db: Array, taps: int, run: int, rows: int, height: int, in_place: bool, wide: int,
    lanes: int, threads: int,
) -> None:  # fmt: skip
    """dw[o, (tap, k)] = sum over the threads of part; likewise db."""
    depth, whole, size = taps * run, run // rows * rows, dw.itemsize
    channels, sources, step = dw.size // depth, part.shape[0], part.shape[1]
    squares = 0 if in_place else run // lanes  # of lanes x lanes sums in one tap
    blocks = taps * ((channels + lanes - 1) // lanes)
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
    if t == 0:
        for o in range(db.size):
            whole_sum = sums[0, o]
            for u in range(1, sources):
                whole_sum += sums[u, o]
            db[o] = whole_sum
