"""The weight gradient of a convolution, by every product of its sum.

dw[o,r,q,c] = sum over n, i, j of g[n,i,j,o] * x[n, i*SH-PH+r, j*SW-PW+q, c]. For each block of pixels, g is packed into panels of
nr output channels and x into panels of mr input channels (so that a panel of each stays in the first-level cache). For each pair
of panels and each tap (r, q): one call of `gemm_tn` over the rectangle of pixels whose tap lies inside the image. With few
channels x is read where it lies, or a panel holds whole kernel rows; `weight_plan` decides. Every thread sums into memory of its
own; at the end these sums are added in a fixed order.
"""

from __future__ import annotations

import numpy as np

from ... import memory
from ...geometry import Geometry
from ...threads import get_num_threads
from ...types import Array
from ..arguments import Plain, flat
from ..jit.compiled import helper, kernel
from ..jit.vector import MR2
from ..window import Window, forward_window
from .copies import PackDyArgs, PackXArgs, PrefetchArgs, pack_dy1, pack_dy2, pack_x, prefetch
from .microkernels import GemmTnArgs, gemm_tn1, gemm_tn2
from .packing import add_up
from .weight_plan import TAP, WEIGHT_TASK, Blocking, weight_plan

SKEW = 16  # numbers between two panels of x, so that they do not fall on the same cache sets


@helper()
def _ceil_div(value: int, stride: int) -> int:
    return value if stride == 1 else -((-value) // stride)


@helper()
def _pack_columns(
    like: Array, source: int, step: int, columns: int, packed: Array, place: int, panels: int, panel: int
) -> None:  # fmt: skip
    """Columns that start ``step`` numbers apart, the first at an address, to packed[place] and on, ``panel`` to the next."""
    size = like.itemsize
    args = PackXArgs(
        pixels=columns,
        source=source,
        source_step=step * size,
        target=packed.ctypes.data + place * size,
        target_step=MR2 * size,
        panels=panels,
        panel_step=panel * size,
    )
    pack_x(like, args)


@helper()
def _copy(x: Array, first: int, count: int, target: Array, at: int) -> None:
    """target[at : at + count] = x[first : first + count], as columns side by side; and the last few numbers one by one."""
    columns = max(count, 0) // MR2
    _pack_columns(x, x.ctypes.data + first * x.itemsize, MR2, columns, target, at, 1, 0)
    for k in range(columns * MR2, count):
        target[at + k] = x[first + k]


@helper()
def _pack_x(
    x: Array, start: int, packed: Array, ends: Array, images: int, top: int, height: int, columns: int, blocking: Blocking,
    win: Window,
) -> None:  # fmt: skip
    """The rows ``top`` to ``top + height`` of some images as panels: (panel, image, row, column, mr numbers).

    A column is a pixel, or if unrolled a window, whose kernel row starts at pixel column * SW - PW. The first and the last of
    these may leave the image: they are packed from ``ends``, copies of both ends of its row with zeros around. Rows outside the
    image are left as they are, because no tap reads them.
    """
    mr, row, rows, size = blocking.mr, win.W * win.C, blocking.x_panels * blocking.mr, x.itemsize
    panel = images * height * columns * mr + SKEW  # numbers from one to the next
    step, before, numbers, left, right = win.C, 0, columns * win.C, 0, columns
    if blocking.unrolled:
        step, before, numbers = win.SW * win.C, win.PW * win.C, row
        left = min(columns, _ceil_div(before, step))
        right = max(left, min(columns, (before + row - rows) // step + 1))
    for n in range(images):
        for h in range(max(0, -top), min(height, win.H - top)):
            source, place = start + (n * win.H + top + h) * row, (n * height + h) * columns * mr
            # The last panel may be narrower. It then takes in what lies behind, for sums that nobody reads; but x ends. So
            # there the last pixels are copied, too.
            end = right
            while end > left and source - before + (end - 1) * step + rows > x.size:
                end -= 1
            for part in range(3):  # the first columns, those inside, the last ones
                a, b = (0, left) if part == 0 else (left, end) if part == 1 else (end, columns)
                if a >= b:
                    continue
                first = source - before + a * step
                address = x.ctypes.data + first * size
                if part != 1:
                    address = ends.ctypes.data + part // 2 * ends.shape[1] * size
                    zeros = before if part == 0 else 0
                    done = first + zeros - source
                    _copy(x, first + zeros, min(numbers - done, (b - a - 1) * step + rows - zeros), ends[part // 2], zeros)
                _pack_columns(x, address, step, b - a, packed, place + a * mr, blocking.x_panels, panel)


@helper()
def _pack_dy(
    dy: Array, start: int, images: int, pixels: int, packed: Array, sums: Array, blocking: Blocking, win: Window
) -> None:
    """A block of dy as panels (panel, image, pixel, nr numbers), zeros beyond the last channel; and its sum."""
    size, nr, image = dy.itemsize, blocking.nr, win.OH * win.OW * win.O
    for o in range(0, win.O, nr):
        for n in range(images):
            args = PackDyArgs(
                pixels=pixels,
                source=dy.ctypes.data + (start + n * image + o) * size,
                source_step=win.O * size,
                target=packed.ctypes.data + (o * images + n * nr) * pixels * size,
                target_step=nr * size,
                sums=sums.ctypes.data + o * 8,
                used=win.O - o,
            )
            if blocking.vectors == 2:
                pack_dy2(dy, args)
            else:
                pack_dy1(dy, args)


@kernel()
def _correlate(
    t: int, x: Array, dy: Array, partial: Array, sums: Array, packed_x: Array, packed_dy: Array, ends: Array, tasks: Array,
    first_task: Array, taps: Array, blocking: Plain, window: Plain, threads: int,
) -> None:  # fmt: skip
    """partial[t, panel, (tap, k), :] = sum of x * dy, and sums[t, o] = sum of dy, over the blocks of thread t."""
    blk, win, size = Blocking(*blocking), Window(*window), x.itemsize
    mr, nr = blk.mr, blk.nr
    partial[t] = 0
    sums[t] = 0
    panels_dy = packed_dy.ctypes.data + t * packed_dy.shape[1] * size
    panels_x = packed_x.ctypes.data + t * packed_x.shape[1] * size
    for u in range(first_task[t], first_task[t + 1]):
        images, h0, h1 = tasks[u, WEIGHT_TASK.images], tasks[u, WEIGHT_TASK.top], tasks[u, WEIGHT_TASK.bottom]
        width = tasks[u, WEIGHT_TASK.width]
        pixels, x_height, top = (h1 - h0) * width, (h1 - h0 - 1) * win.SH + win.KH, h0 * win.SH - win.PH
        columns = blk.columns if blk.columns > 0 else width
        start_x, start_dy = tasks[u, WEIGHT_TASK.x], tasks[u, WEIGHT_TASK.dy] + h0 * win.OW * win.O
        _pack_dy(dy, start_dy, images, pixels, packed_dy[t], sums[t], blk, win)
        b_image, b_row, b_pixel = pixels * nr * size, width * nr * size, nr * size
        if blk.in_place:
            a_column, a_row, a_image, a_panel = win.C * size, win.W * win.C * size, win.H * win.W * win.C * size, 0
            first_a = x.ctypes.data + (start_x + top * win.W * win.C) * size
        else:
            _pack_x(x, start_x, packed_x[t], ends[t], images, top, x_height, columns, blk, win)
            first_a = panels_x
            a_column, a_row, a_image = mr * size, columns * mr * size, x_height * columns * mr * size
            a_panel = images * a_image + SKEW * size
        next_x, next_dy = x.ctypes.data + tasks[u, WEIGHT_TASK.next_x], dy.ctypes.data + tasks[u, WEIGHT_TASK.next_dy]
        lines_x, lines_dy = tasks[u, WEIGHT_TASK.next_x_lines], tasks[u, WEIGHT_TASK.next_dy_lines]
        for o in range(0, win.O, nr):
            b_panel = panels_dy + o * images * pixels * size
            c_panel = partial.ctypes.data + (t * partial.shape[1] + o * blk.taps * blk.x_panels * mr) * size
            for k in range(0, blk.run, mr):
                # In place the last panel overlaps the one before it, so that it ends with the last channel.
                a = first_a + (min(k, blk.run - mr) * size if blk.in_place else k // mr * a_panel)
                for tap in range(blk.taps):
                    # The block's output pixels whose tap lies inside the image.
                    i0, i1 = max(h0, taps[tap, TAP.top]), min(h1, taps[tap, TAP.bottom])
                    j0, j1 = taps[tap, TAP.left], min(width, taps[tap, TAP.right])
                    if i1 <= i0 or j1 <= j0:
                        continue
                    prefetch(x, PrefetchArgs(address=next_x, lines=lines_x))
                    prefetch(x, PrefetchArgs(address=next_dy, lines=lines_dy))
                    next_x, next_dy = next_x + lines_x * memory.LINE, next_dy + lines_dy * memory.LINE
                    args = GemmTnArgs(
                        images=images,
                        rows=i1 - i0,
                        pixels=j1 - j0,
                        a=a + ((i0 - h0) * win.SH + taps[tap, TAP.row]) * a_row + taps[tap, TAP.column] * a_column,
                        a_image=a_image,
                        a_row=win.SH * a_row,
                        a_pixel=a_column if blk.unrolled else win.SW * a_column,
                        b=b_panel + (i0 - h0) * b_row + j0 * b_pixel,
                        b_image=b_image,
                        b_row=b_row,
                        b_pixel=b_pixel,
                        c=c_panel + (tap * blk.x_panels * mr + k) * nr * size,
                        c_row=nr * size,
                    )
                    if blk.vectors == 2:
                        gemm_tn2(x, args)
                    else:
                        gemm_tn1(x, args)


def conv2d_weight_grad(x: Array, g: Array, geo: Geometry, bias: bool) -> tuple[Array, Array | None]:
    """(dw, db); db, the sum of g over all pixels, is None without ``bias``."""
    size, threads = x.itemsize, get_num_threads()
    dw = memory.empty((geo.O, geo.KH, geo.KW, geo.C), x.dtype)
    db = np.empty(geo.O if bias else 0, x.dtype)
    if not dw.size or not g.size:
        dw[...], db[...] = 0, 0
        return dw, db if bias else None
    plan = weight_plan(forward_window(geo), size, threads)
    blk, workers = plan.blocking, len(plan.first_task) - 1
    partial = memory.empty((workers, blk.panels * blk.taps * blk.rows * blk.nr), x.dtype)
    sums = np.empty((workers, blk.panels * blk.nr))  # float64
    packed_dy = memory.empty((workers, blk.panels * plan.kc * blk.nr), x.dtype)
    packed_x = memory.empty((workers, 0 if blk.in_place else blk.rows * plan.area + blk.x_panels * SKEW), x.dtype)
    ends = memory.empty((workers, 2, plan.end), x.dtype)
    ends[...] = 0
    _correlate(
        flat(x), flat(g), partial, sums, packed_x, packed_dy, ends, plan.tasks, plan.first_task, plan.taps,
        tuple(blk), tuple(plan.window), workers,
    )  # fmt: skip
    add_up(partial, sums, flat(dw), db, tuple(blk), threads)
    return dw, db if bias else None
