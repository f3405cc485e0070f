"""Plans for many threads: fair shares, short tables, and the right results."""

from __future__ import annotations

import numpy as np
import pytest
from geometries import convolutions
from preset_layers import batches
from processes import succeeds
from samples import normal_and_slow

pytest.importorskip("numba", reason="without Numba there is no tier 'fast'")

from ninx.kernels.cpu.conv import panels, plan, weight_plan
from ninx.kernels.cpu.conv.panels import PANEL
from ninx.kernels.cpu.conv.plan import TASK, TILE
from ninx.kernels.cpu.conv.weight_plan import WeightTask
from ninx.kernels.cpu.jit import vector
from ninx.kernels.cpu.window import Window, backward_window, forward_window

THREADS = (8, 16, 64)
FAIR = 1.15  # the largest share of the work, divided by the mean


def windows(*sizes: int) -> list[Window]:
    """Forward and backward windows of the presets' layers, for batches of these sizes."""
    found = []
    for geo in batches(*sizes):
        found += [forward_window(geo)] + [backward_window(geo)] * ((geo.SH, geo.SW) == (1, 1))
    return list(dict.fromkeys(found))


def shares(made: plan.Plan, mr: list[int]) -> tuple[np.ndarray, int]:
    """(the work of each thread, that of one micro-tile of each height): multiplications, also of repeated pixels."""
    cost = made.tiles[:, TILE.taps] * made.tiles[:, TILE.run] + 1
    cumulated = np.concatenate([[0], np.cumsum(cost)])
    narrow = made.panels[:, PANEL.narrow] == 1
    each, one = np.zeros(len(made.tasks)), 0
    for k, (count, rows) in enumerate(zip((np.sum(~narrow), np.sum(narrow)), mr, strict=False)):
        first, end = made.tasks[:, TASK.first + 2 * k], made.tasks[:, TASK.end + 2 * k]
        width = 2 if k == 0 and made.panels[0, PANEL.vectors] == 2 else 1
        each += (cumulated[end] - cumulated[first]) * int(count) * rows * width
        one += int(cost.max()) * int(count) * rows * width
    return np.add.reduceat(np.append(each, 0), np.minimum(made.first_task[:-1], len(each))) * (np.diff(made.first_task) > 0), one


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("batch", [1, 3, 5])
def test_threads_share_the_work_of_a_small_batch(batch: int, threads: int) -> None:
    """Nobody has more than 1.15 times the mean; or, where there are few micro-tiles, more than one of them above it."""
    allowed = 0
    for win in windows(batch):
        heights = [vector.HOST.mr(v) for v in panels.widths(win.O, 4)]
        work, one = shares(plan.plan.__wrapped__(win, 4, threads), heights)
        mean = work.mean()
        assert work.max() <= max(FAIR * mean, mean + one), win
        allowed += one <= (FAIR - 1) * mean
    assert allowed > 10  # of the presets' layers have enough micro-tiles, so 1.15 it is


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("batch", [1, 3, 5])
def test_threads_share_the_pixels_of_a_weight_gradient(batch: int, threads: int) -> None:
    """The same, for those threads that have a part at all: the unit is a row of an image, or for a 1x1 kernel a pixel."""
    allowed = 0
    for geo in batches(batch):
        win = forward_window(geo)
        made = weight_plan.weight_plan.__wrapped__(win, 4, threads)
        working = len(made.first_task) - 1
        assert working == max(1, min(threads, win.N * win.OH * win.OW // weight_plan.FEWEST))
        pixels = [0] * working
        for t in range(working):
            for row in made.tasks[made.first_task[t] : made.first_task[t + 1]].tolist():
                task = WeightTask(*row)
                pixels[t] += task.images * (task.bottom - task.top) * task.width
        mean = sum(pixels) / working
        assert max(pixels) <= max(FAIR * mean, mean + win.OW), win
        allowed += (FAIR - 1) * mean >= win.OW
    assert allowed > 10


def test_every_product_of_a_weight_gradient_is_summed_once() -> None:
    """Each output pixel lies in exactly one block."""
    for threads in (1, 2, 3, 64):
        for geo, _ in convolutions(100, seed=2):
            if not geo.N:
                continue
            win = forward_window(geo)
            made = weight_plan.weight_plan.__wrapped__(win, 4, threads)
            seen: list[int] = []
            for row in made.tasks[made.first_task[0] : made.first_task[-1]].tolist():
                task = WeightTask(*row)
                n = task.dy // win.O if win.pointwise else task.dy // (win.OH * win.OW * win.O) * win.OH * win.OW
                assert task.x == (n if win.pointwise else n // (win.OH * win.OW) * win.H * win.W) * win.C
                assert task.images * (task.bottom - task.top) * task.width <= made.kc
                for image in range(task.images):
                    first = n + image * win.OH * win.OW + task.top * win.OW
                    seen += range(first, first + (task.bottom - task.top) * task.width)
            assert sorted(seen) == list(range(win.N * win.OH * win.OW))


def test_taps_of_a_weight_gradient_are_where_the_definition_has_them() -> None:
    """Which output pixels see tap (r, q) inside the image, and where; unrolled rows have zeros to the left and right."""
    both = set()
    for geo, _ in convolutions(100, seed=3):
        if not geo.N:
            continue
        made = weight_plan.weight_plan.__wrapped__(forward_window(geo), 4, 2)
        win, unrolled = made.window, made.blocking.unrolled
        both.add(unrolled)
        taps = [weight_plan.Tap(*row) for row in made.taps.tolist()]
        assert len(taps) == made.blocking.taps == win.KH * (1 if unrolled else win.KW)
        for number, tap in enumerate(taps):
            r, q = (number, 0) if unrolled else divmod(number, win.KW)
            assert tap.row == r
            assert tap.left >= 0
            assert tap.column == (0 if unrolled else tap.left * win.SW - win.PW + q)
            rows = [0 <= i * win.SH - win.PH + r < win.H for i in range(win.OH)]
            columns = [unrolled or 0 <= j * win.SW - win.PW + q < win.W for j in range(win.OW)]
            assert rows == [tap.top <= i < tap.bottom for i in range(win.OH)]
            assert columns == [tap.left <= j < tap.right for j in range(win.OW)]
    assert both == {False, True}


@pytest.mark.parametrize("threads", [1, *THREADS])
def test_tables_stay_short(threads: int) -> None:
    """Whatever the batch: what is longer takes long to make, and drives the images out of the caches.

    `plan_times.py` prints how long it takes.
    """
    for win in windows(1, 128):
        made = plan.plan.__wrapped__(win, 4, threads)
        assert len(made.read) <= 4 * (max(win.OH * win.OW, plan.PIXELS, plan.CACHED // 4) + 24 * 25), win
        assert len(made.tasks) <= len(np.unique(made.tasks[:, TASK.x])) + threads, win


MANY = """
import numba
import numpy as np
from geometries import convolutions, squares
from test_fast import check_convolution
from test_winograd import check_winograd
from ninx.kernels import set_num_threads
set_num_threads(64)
for geo, rng in convolutions({count}, seed=6): check_convolution(geo, rng, np.float32)
for geo, rng in squares({count} // 4, seed=6): check_winograd(geo, rng)
assert (numba.threading_layer(), numba.config.NUMBA_NUM_THREADS) == ("{layer}", 64)
"""


@normal_and_slow(24, 200)
@pytest.mark.parametrize("layer", ["tbb", "omp", "workqueue"])
def test_64_threads_on_whatever_processors_there_are(layer: str, count: int) -> None:
    succeeds(MANY.format(count=count, layer=layer), NUMBA_NUM_THREADS="64", NUMBA_THREADING_LAYER=layer)
