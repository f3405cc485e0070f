"""What `ninx lab` counts, by hand, and against what the kernels really do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba", reason="the compiled kernels are counted")

from ninx.benchmarks.lab import calibration, counts, trials
from ninx.benchmarks.lab.counts import DIRECTIONS, work
from ninx.kernels import cpu, geometry, set_num_threads, strided
from ninx.kernels.cpu.conv import direct, winograd
from ninx.kernels.cpu.jit.vector import HOST


@pytest.fixture(autouse=True)
def two_threads() -> Any:
    before = calibration.get_num_threads()
    set_num_threads(min(2, before))
    yield
    set_num_threads(before)


def layer(n: int, c: int, h: int, o: int, k: int, s: int = 1, p: int = 0, groups: int = 1) -> geometry.Geometry:
    return geometry.convolution("conv2d", (n, c, h, h), (o, c // groups, k, k), (s, s), (p, p), (1, 1), groups)


def test_products_of_a_layer_that_fills_its_micro_tiles_are_its_own() -> None:
    """Channels of whole panels, pixels of whole micro-tiles (12 and 60 are multiples of 6, 10 and 12), nothing at the border."""
    lanes = 2 * HOST.lanes(4)
    geo = layer(2, 3 * lanes, 60, 2 * lanes, 1)
    for way in ("loops", "im2col", "product", "direct"):
        assert work(way, "forward", geo).flops == 2 * geo.macs, way


def test_a_row_that_only_fills_a_micro_tile_counts() -> None:
    geo = layer(1, 16, 5, 2 * HOST.lanes(4), 1)  # 25 pixels
    mr = HOST.mr(2)
    assert work("direct", "forward", geo).flops == 2 * geo.macs * (-(-25 // mr) * mr) / 25


def test_the_border_is_not_multiplied_by_the_direct_kernel_but_by_im2col() -> None:
    """Of a 3x3 kernel over 4x4 pixels with padding 1, 10 of 12 rows and columns lie inside the image."""
    geo = layer(600, 16, 4, 2 * HOST.lanes(4), 3, 1, 1)
    assert work("im2col", "forward", geo).flops == 2 * geo.macs
    assert work("direct", "forward", geo).flops == pytest.approx(2 * geo.macs * (10 / 12) ** 2, rel=0.03)


@pytest.mark.parametrize("k", [3, 9])
def test_winograd_does_the_products_that_explain_tells(k: int) -> None:
    geo, pieces = layer(8, 64, 24, 64, k, 1, k // 2), (k // 3) ** 2
    done = work("fast", "forward", geo)
    assert done.kind == "Winograd"
    assert done.flops == pytest.approx(2 * geo.N * winograd.products(geo) * geo.C * geo.O, rel=0.02)
    assert done.flops < 0.3 * work("direct", "forward", geo).flops
    assert done.parts["transforms"] == 8 * winograd.products(geo) * geo.N * (geo.C + geo.O / pieces)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("k", [1, 3])
def test_the_columns_are_made_once_or_not_at_all(monkeypatch: pytest.MonkeyPatch, direction: str, k: int) -> None:
    """Bytes that im2col writes, counted while it does; the product over the pixels makes none."""
    geo, made = layer(2, 8, 12, 8, k), [0]
    whole = strided._columns

    def columns(*given: Any) -> Any:
        result = whole(*given)
        made[0] += result.nbytes
        return result

    monkeypatch.setattr(strided, "_columns", columns)
    arrays = calibration.Arrays(geo)
    calibration.function(strided, "im2col", direction, geo, arrays)()
    written = work("im2col", direction, geo).parts["columns"] / 2
    if direction == "input":  # there it is the product that makes the matrix
        assert made == [0]
        assert written >= 4 * geo.N * geo.OH * geo.OW * geo.columns
    else:
        assert written == made[0]
    if k == 1 and direction != "input":
        assert work("product", direction, geo).parts["columns"] == 0


@pytest.mark.parametrize(
    ("geo", "direction", "kind"),
    [
        (layer(1, 8, 8, 8, 1), "forward", "direct"), (layer(1, 8, 8, 8, 1), "weight", "direct, weights"),
        (layer(8, 64, 24, 64, 3, 1, 1), "input", "Winograd"), (layer(8, 64, 24, 64, 3, 1, 1), "weight", "Winograd, weights"),
        (layer(1, 8, 8, 8, 3, 2, 1), "forward", "direct"), (layer(1, 8, 8, 8, 3, 2, 1), "input", "NumPy, input"),
        (layer(1, 8, 8, 8, 3, groups=2), "forward", "NumPy, forward"),
    ],
)  # fmt: skip
def test_fast_is_counted_by_the_kernels_that_it_takes(
    monkeypatch: pytest.MonkeyPatch, geo: geometry.Geometry, direction: str, kind: str
) -> None:
    """The kind is that of the module whose function is really called."""
    called: list[str] = []
    names = {"forward": "conv2d", "input": "conv2d_input_grad", "weight": "conv2d_weight_grad"}
    for module, name in ((direct, "direct"), (winograd, "Winograd"), (strided, "NumPy")):
        function = getattr(module, names[direction])
        monkeypatch.setattr(module, names[direction], lambda *a, f=function, n=name, **k: called.append(n) or f(*a, **k))
    calibration.function(cpu, "auto", direction, geo, calibration.Arrays(geo))()
    assert called[0] == kind.split(",")[0]
    assert work("fast", direction, geo).kind == kind


def test_the_calibration_measures_every_kind_by_its_own_kernels() -> None:
    for kind, cases in calibration.CASES.items():
        assert {work(*case).kind for case in cases} == {kind}
        parts = {name for case in cases for name in work(*case).parts}
        assert len(cases) > len(parts) - 1 or kind == "blocked", kind


def test_no_layer_of_the_sweep_is_one_of_the_calibration() -> None:
    """Sixty layers, half of them 1x1, all different."""
    geos = [calibration.layer(*size) for size in trials.LAYERS]
    assert len(set(geos)) == 60
    assert sum(geo.pointwise for geo in geos) == 30
    assert not {geo for cases in calibration.CASES.values() for _, _, geo in cases} & set(geos)
    kinds = {work("fast", d, geo).kind for geo in geos for d in DIRECTIONS}
    assert kinds == {"direct", "direct, weights", "Winograd", "Winograd, weights", "NumPy, input"}


def test_blocked_packs_both_matrices() -> None:
    geo = layer(1, 16, 6, 16, 1)
    done = work("blocked", "forward", geo)
    assert done.flops == 2 * geo.macs
    assert done.parts["packing"] == 8 * (36 * 16 + 16 * 16)
    assert counts.DIRECTIONS == ("forward", "input", "weight")
    assert np.isfinite(done.moved)
