"""Weights packed into panels, the order in which the micro-kernels read them; and their gradients on the way back."""

from __future__ import annotations

from ...types import Array
from ..arguments import Plain
from ..jit.compiled import helper, kernel
from ..jit.vector import VECTOR_BYTES
from .copies import CopyPanelArgs, TransposeArgs, copy_panel1, copy_panel2, copy_panel_masked, transpose
from .panels import PANEL
from .tiling import Tiling, first_tap
from .transforms import POINTS, SIDE, InputArgs, weights3, weights4, weights5
from .weight_plan import Blocking

FAST = {"contract", "nsz", "reassoc"}  # what the compiler may do with sums; NaN and infinity keep their meaning


@kernel()
def pack_forward(
    t: int, w: Array, packed: Array, bias: Array, panels: Array, depth: int, channels: int, threads: int
) -> None:  # fmt: skip
    """Weights (O, depth) to panels: row k of a panel holds w[o, k] of its channels. Behind them the bias, cut the same way."""
    size, lanes = w.itemsize, VECTOR_BYTES // w.itemsize
    k0, k1 = t * depth // threads, (t + 1) * depth // threads
    for p in range(panels.shape[0]):
        vectors, channel = max(panels[p, PANEL.vectors], 1), panels[p, PANEL.channel] // size
        nr, start = vectors * lanes, panels[p, PANEL.weights]
        for j in range(vectors):
            o = channel + (panels[p, PANEL.tail] // size if j == vectors - 1 and vectors > 1 else j * lanes)
            done = k0
            if o + lanes <= channels:  # squares of lanes x lanes
                squares = (k1 - k0) // lanes
                args = TransposeArgs(
                    squares=squares,
                    source=w.ctypes.data + (o * depth + k0) * size,
                    row=depth * size,
                    square=lanes * size,
                    target=packed.ctypes.data + (start + k0 * nr + j * lanes) * size,
                    target_row=nr * size,
                    target_square=lanes * nr * size,
                    copies=1,
                    copy=0,
                )
                transpose(w, args)
                done = k0 + squares * lanes
            for k in range(done, k1):
                for lane in range(lanes):
                    packed[start + k * nr + j * lanes + lane] = w[(o + lane) * depth + k] if o + lane < channels else 0
            if t == 0:
                at = (packed.size // (depth + 1)) * depth + panels[p, PANEL.bias] // size + j * lanes
                for lane in range(lanes):
                    packed[at + lane] = bias[o + lane] if o + lane < bias.size else 0


@kernel()
def pack_backward(t: int, w: Array, packed: Array, panels: Array, taps: int, C: int, O: int, threads: int) -> None:  # noqa: E741
    """Weights (O, taps, C) to panels of C: row (tap, o) of a panel holds w[o, taps-1-tap, c] of its channels c."""
    size, lanes = w.itemsize, VECTOR_BYTES // w.itemsize
    o0, o1 = t * O // threads, (t + 1) * O // threads
    for p in range(panels.shape[0]):
        vectors = panels[p, PANEL.vectors]
        nr = max(vectors, 1) * lanes
        for tap in range(taps):
            args = CopyPanelArgs(
                rows=o1 - o0,
                source=w.ctypes.data + (o0 * taps + taps - 1 - tap) * C * size + panels[p, PANEL.channel],
                source_step=taps * C * size,
                target=packed.ctypes.data + (panels[p, PANEL.weights] + (tap * O + o0) * nr) * size,
                target_step=nr * size,
                tail=panels[p, PANEL.tail],
            )
            if vectors == 2:
                copy_panel2(w, args)
            elif vectors == 1:
                copy_panel1(w, args)
            else:
                copy_panel_masked(w, args)


@helper()
def _transform(
    w: Array, zeros: Array, source: int, target: int, point: int, piece: int, tiling: Tiling, C: int, c: int, channels: int,
    rotated: bool,
) -> None:  # fmt: skip
    """G w G' of a piece of one output's kernel, ``channels`` channels from c on; its points lie ``point`` bytes apart.

    Where two pieces overlap, the taps belong to the first: the other has zeros there.
    """
    size, kernel, taps = w.itemsize, tiling.kernel, tiling.taps
    i, j = piece // tiling.pieces, piece % tiling.pieces
    top, left = first_tap(i, tiling), first_tap(j, tiling)
    source += c * size
    step = C * size
    if rotated:  # by 180 degrees
        source, step = source + (kernel * kernel - 1) * step, -step
    args = InputArgs(
        source=source + (top * kernel + left) * step,
        source_row=kernel * step,
        source_column=step,
        target=target,
        target_row=SIDE * point,
        target_column=point,
        channels=channels,
        outside=zeros.ctypes.data,
        top=i * taps - top,
        bottom=taps,
        left=j * taps - left,
        right=taps,
    )
    if taps == 3:
        weights3(w, args)
    elif taps == 4:
        weights4(w, args)
    else:
        weights5(w, args)


@kernel()
def pack_forward_points(
    t: int, w: Array, packed: Array, zeros: Array, scratch: Array, panels: Array, tiling: Plain, C: int, threads: int
) -> None:
    """Weights (O, kernel, kernel, C), transformed for Winograd, to panels: row (piece, point, c) holds those of its outputs.

    A vector of outputs at a time, which between transform and panel stays in the second-level cache. ``zeros``: C of them.
    """
    tiles, size, depth, lanes = Tiling(*tiling), w.itemsize, POINTS * C, VECTOR_BYTES // w.itemsize
    transformed = scratch.ctypes.data + t * scratch.shape[1] * size
    squares = depth // lanes
    for p in range(t * panels.shape[0] // threads, (t + 1) * panels.shape[0] // threads):
        nr = panels[p, PANEL.vectors] * lanes
        for j in range(panels[p, PANEL.vectors]):
            o = (panels[p, PANEL.channel] + (panels[p, PANEL.tail] if j > 0 else 0)) // size
            for piece in range(tiles.pieces * tiles.pieces):
                for lane in range(lanes):
                    source = w.ctypes.data + (o + lane) * tiles.kernel * tiles.kernel * C * size
                    target = transformed + lane * depth * size
                    _transform(w, zeros, source, target, C * size, piece, tiles, C, 0, C, False)
                start = panels[p, PANEL.weights] + piece * depth * nr + j * lanes
                args = TransposeArgs(
                    squares=squares,
                    source=transformed,
                    row=depth * size,
                    square=lanes * size,
                    target=packed.ctypes.data + start * size,
                    target_row=nr * size,
                    target_square=lanes * nr * size,
                    copies=1,
                    copy=0,
                )
                transpose(w, args)
                for k in range(squares * lanes, depth):
                    for lane in range(lanes):
                        packed[start + k * nr + lane] = scratch[t, lane * depth + k]


@kernel()
def pack_backward_points(
    t: int, w: Array, packed: Array, zeros: Array, panels: Array, tiling: Plain, O: int, C: int, threads: int  # noqa: E741
) -> None:  # fmt: skip
    """Transformed weights, rotated by 180 degrees, for sums over outputs: row (piece, point, o) holds a panel's channels c."""
    tiles, size, lanes = Tiling(*tiling), w.itemsize, VECTOR_BYTES // w.itemsize
    for o in range(t * O // threads, (t + 1) * O // threads):
        source = w.ctypes.data + o * tiles.kernel * tiles.kernel * C * size
        for p in range(panels.shape[0]):
            row = panels[p, PANEL.vectors] * lanes * size
            for piece in range(tiles.pieces * tiles.pieces):
                for j in range(panels[p, PANEL.vectors]):
                    c = (panels[p, PANEL.channel] + (panels[p, PANEL.tail] if j > 0 else 0)) // size
                    start = packed.ctypes.data + panels[p, PANEL.weights] * size + piece * POINTS * O * row
                    target = start + o * row + j * lanes * size
                    _transform(w, zeros, source, target, O * row, piece, tiles, C, c, lanes, True)


@kernel(fastmath=FAST)
def add_up(t: int, partial: Array, sums: Array, dw: Array, db: Array, blocking: Plain, threads: int) -> None:
    """dw[o, (tap, k)] = sum over the threads of partial[thread, panel of o, (tap, k), o]; likewise db."""
    blk, size, lanes = Blocking(*blocking), dw.itemsize, VECTOR_BYTES // dw.itemsize
    mr, nr, run, taps = blk.mr, blk.nr, blk.run, blk.taps
    depth, whole, rows = taps * run, run // mr * mr, blk.x_panels * mr
    channels, sources, source_step = dw.size // depth, partial.shape[0], partial.shape[1]
    squares = 0 if blk.in_place else run // lanes  # of lanes x lanes sums in one tap
    jobs = taps * ((channels + lanes - 1) // lanes)
    for job in range(t * jobs // threads, (t + 1) * jobs // threads):
        tap, o = job % taps, job // taps * lanes
        done = 0
        start = (o // nr * taps + tap) * rows * nr + o % nr
        if o + lanes <= channels:
            args = TransposeArgs(
                squares=squares,
                source=partial.ctypes.data + start * size,
                row=nr * size,
                square=lanes * nr * size,
                target=dw.ctypes.data + (o * depth + tap * run) * size,
                target_row=depth * size,
                target_square=lanes * size,
                copies=sources,
                copy=source_step * size,
            )
            transpose(dw, args)
            done = squares * lanes
        for k in range(done, run):
            at_k = k + mr - (run - whole) if blk.in_place and k >= whole else k  # see the overlapping panel in `direct`
            for lane in range(min(lanes, channels - o)):
                at = start + at_k * nr + lane
                total = partial[0, at]
                for u in range(1, sources):
                    total += partial[u, at]
                dw[(o + lane) * depth + tap * run + k] = total
    if t == 0:
        for o in range(db.size):
            whole_sum = sums[0, o]
            for u in range(1, sources):
                whole_sum += sums[u, o]
            db[o] = whole_sum
