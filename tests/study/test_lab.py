"""`ninx lab`: predictions from known figures, what is compared with what, and what is said about it; no time is tested."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clock import Clock
from rich.console import Console

pytest.importorskip("numba", reason="the lab compares the compiled kernels")

import ninx
from ninx.benchmarks import lab, measure
from ninx.benchmarks.lab import calibration, comparison, convolution, counts, trials, ways
from ninx.benchmarks.lab.calibration import Predictor, Roofline, explain
from ninx.benchmarks.lab.counts import DIRECTIONS, Work, work
from ninx.benchmarks.measure import Timing

ROOF = Roofline(100e9, ((2**20, 40e9), (2**27, 20e9)))


def test_a_roof_is_the_longer_of_both_times() -> None:
    assert ROOF.bandwidth(1000) == ROOF.bandwidth(2**20) == 40e9
    assert ROOF.bandwidth(2**20 + 1) == ROOF.bandwidth(2**40) == 20e9
    assert ROOF.seconds(flops=1e9, moved=2e8) == 0.01
    assert ROOF.seconds(flops=1e9, moved=4e8) == 0.02


def test_a_prediction_is_the_sum_of_its_parts() -> None:
    """Products at 80 % of the peak, a copy at the bandwidth of the caches, 5 ns for each start, 30 us for the call."""
    done = Work("some", {"products": 1e9, "packing": 4e6, "starts": 1e5, "calls": 1.0}, 0.0)
    predictor = Predictor(ROOF, {"some": {"products": 1.25, "packing": 1.0, "starts": 5e-9, "calls": 3e-5}})
    assert predictor.seconds(done) == pytest.approx(0.0125 + 0.0001 + 0.0005 + 0.00003)
    with pytest.raises(KeyError):
        predictor.seconds(done._replace(kind="another"))


def test_factors_that_made_the_times_are_found_again() -> None:
    rng = np.random.default_rng(0)
    table, factors = rng.random((12, 4)) * [1, 10, 1e6, 1e-3], np.array([1.2, 0.0, 3e-6, 50.0])
    assert explain(table, table @ factors) == pytest.approx(factors, rel=1e-6, abs=1e-9)
    least = explain(table, table @ factors, np.array([2.0, 0, 0, 0]))
    assert least[0] == 2.0
    assert (explain(table, table @ np.array([1.0, -1e-3, 0, 0])) >= 0).all()


def test_a_calibration_explains_its_layers_but_never_measures_the_one_in_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that takes twice the time at the peak and 10 us a call: the factors say so, and predict another layer."""
    asked: list[Any] = []

    def take_turns(functions: list[Any], *_: Any, **__: Any) -> list[Timing]:
        return [Timing((2 * work(*case).flops / ROOF.peak + 1e-5,) * 3) for case in functions]

    monkeypatch.setattr(calibration, "take_turns", take_turns)
    monkeypatch.setattr(calibration, "_call", lambda case: asked.append(case.geo) or case)
    predictor, never = Predictor(ROOF), calibration.CASES["direct"][0].geo
    predictor.calibrate(["direct", "loops"], never=[never])
    assert never not in asked
    assert {geo for _, _, geo in calibration.CASES["direct"]} - set(asked) == {never}
    factors = predictor.factors["direct"]
    assert factors["products"] == pytest.approx(2, rel=1e-3)
    assert factors["calls"] == pytest.approx(1e-5, rel=0.05)
    done = work("direct", "forward", never)
    assert predictor.seconds(done) == pytest.approx(2 * done.flops / ROOF.peak + 1e-5, rel=0.01)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(
    ("k", "stride", "padding", "groups", "names"),
    [
        (1, 1, 0, 1, {"loops", "im2col", "product", "blocked", "fast"}), (3, 1, 1, 1, {"loops", "im2col", "fast"}),
        (1, 2, 0, 1, {"loops", "im2col", "product", "fast"}), (3, 1, 0, 2, {"loops", "im2col", "fast"}),
    ],
)  # fmt: skip
def test_all_ways_compute_the_same(direction: str, k: int, stride: int, padding: int, groups: int, names: set[str]) -> None:
    geo = convolution.sizes((2, 4, 6, 6), 8, k, stride, padding, groups)
    found, absent = ways.ways(direction, geo, ways.Arrays(geo))
    blocked = {"blocked"} if direction == "forward" and groups == 1 else set()
    assert found.keys() == names | blocked
    assert found.keys() | absent.keys() >= {"loops", "im2col", "product", "blocked", "fast"}
    assert not found.keys() & absent.keys()
    wanted = ways.exact(direction, geo)
    assert wanted.dtype == np.float64
    for way, function in found.items():
        result = function()
        assert result.shape == wanted.shape
        assert ways.error(result, wanted) < 2e-6, way


def test_an_error_is_relative_to_the_largest_value() -> None:
    assert ways.error(np.array([1.0, -4.0, 2.5]), np.array([1.0, -4.0, 2.0])) == 0.125
    assert ways.error(np.zeros(2), np.zeros(2)) == 0


def test_winograd_stands_beside_the_direct_kernel() -> None:
    geo = convolution.sizes((2, 32, 24, 24), 32, 3, padding=1)
    found, absent = ways.ways("forward", geo, ways.Arrays(geo))
    assert list(found) == ["im2col", "blocked", "direct", "fast"]
    assert absent["loops"] == "10,616,832 multiply-adds would take about 18 s"
    assert absent["product"] == "the kernel is 3x3 with padding 1x1"


def test_the_workspace_is_the_pool_s_and_numpy_s() -> None:
    """im2col's columns, 9 times the pixels, and no workspace for a product over them."""
    geo = convolution.sizes((4, 16, 32, 32), 16, 3)
    columns = 4 * 30 * 30 * 144 * 4
    found, _ = ways.ways("forward", geo, ways.Arrays(geo))
    assert convolution.workspace(found["im2col"]) == pytest.approx(columns, rel=0.01)
    assert convolution.workspace(found["fast"]) < columns / 20
    ones = convolution.sizes((4, 16, 32, 32), 16, 1)
    assert convolution.workspace(ways.ways("forward", ones, ways.Arrays(ones))[0]["product"]) < 10_000


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A machine of which everything is known: a second for each way, and 1 ms predicted."""
    for module in (convolution, comparison, trials):
        monkeypatch.setattr(module, "roofline", lambda: ROOF)
    monkeypatch.setattr(Predictor, "calibrate", lambda self, kinds, never=(): None)
    monkeypatch.setattr(Predictor, "seconds", lambda self, done: done.flops / ROOF.peak)
    clock = Clock(monkeypatch)
    monkeypatch.setattr(measure, "synchronize", clock.wait)
    return clock


def _turns(seconds: float) -> Any:
    return lambda functions, *_, **__: [Timing((seconds, 2 * seconds, 3 * seconds)) for _ in functions]


def test_every_figure_of_a_study(known: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "take_turns", _turns(1e-6))
    study = lab.conv((2, 16, 10, 10), 32, 1)
    assert [r.way for r in study.rows] == ["loops", "im2col", "product", "blocked", "fast"]
    product = study.rows[2]
    moved = 4 * (200 * 16 + 16 * 32 + 200 * 32)
    assert (product.flops, product.moved, product.workspace) == (2 * 200 * 16 * 32, moved, pytest.approx(0, abs=10_000))
    assert product.intensity == pytest.approx(204_800 / moved)
    assert (product.measured, *product.quartiles) == pytest.approx((2e-6, 1.5e-6, 2.5e-6))
    assert product.roof == pytest.approx(max(204_800 / 100e9, moved / 40e9))
    assert product.predicted == pytest.approx(204_800 / 100e9)
    assert product.off == pytest.approx(2.048e-6 / 2e-6)
    assert 0 < product.error < 1e-6
    assert "1.0 times as fast as im2col" in study.conclusion()
    data = study.as_json()
    assert data["macs"] == 102_400
    assert data["layer"]["OH"] == 10
    assert [way["way"] for way in data["ways"]] == [r.way for r in study.rows]
    console = Console(record=True, width=80, force_terminal=True, color_system=None)
    study.sheet().show(console)
    assert "Not shown" not in console.export_text()


def test_bytes_or_products_limit(known: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "take_turns", lambda f, *_, **__: [Timing((1.0 + i,)) for i in range(len(f), 0, -1)])
    assert "set by the bytes that it moves" in lab.conv((1, 2, 8, 8), 2, 1).conclusion()
    assert "set by its multiply-adds" in lab.conv((1, 64, 12, 12), 64, 3).conclusion()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input": (8, 3, 4), "out": 2}, r"the input is \(N, C, H, W\), such as 8x192x28x28, not 8x3x4"),
        ({"input": (1, 3, 4, 4), "out": 2, "kernel": 5}, "lab conv: kernel 5x5 with dilation 1x1 does not fit input 4x4"),
        ({"input": (1, 3, 4, 4), "out": 2, "groups": 2}, "3 input channels cannot be split into groups=2"),
        ({"input": (1, 3, 4, 4), "out": 2, "direction": "back"}, "there is no direction 'back'"),
    ],
)
def test_what_does_not_fit_is_said(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lab.conv(**arguments)


@pytest.mark.parametrize("module", [calibration, convolution, counts])
def test_the_examples_come_true(module: Any) -> None:
    done = doctest.testmod(module, extraglobs={"np": np, "ninx": ninx})
    assert done.attempted >= 1
    assert done.failed == 0


# -------------------------------------------------------------------- several kernels


def test_the_bottleneck_story(known: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """28x28x192 -> 32: 120,422,400 multiply-adds by a 5x5 kernel at once, 12,443,648 with 1x1 to 16 channels before it."""
    monkeypatch.setattr(comparison, "take_turns", _turns(1e-3))
    found = lab.compare((1, 192, 28, 28), 32, [1, 5])
    whole, cut = found.of(comparison.BOTTLENECK)
    assert (whole.macs, cut.macs) == (120_422_400, 12_443_648)
    assert (whole.measured, cut.measured) == (2e-3, 4e-3)  # two layers
    same = found.of(comparison.INPUT)
    assert [bar.macs for bar in same] == [4_816_896, 120_422_400]
    flops = found.of(comparison.FLOPS)
    assert [bar.images for bar in flops] == [25, 1]
    assert flops[0].macs == flops[1].macs
    assert found.conclusion() == (
        "At equal input a 5x5 kernel does 25 times the multiply-adds of a 1x1 and takes 1.0 times as long; at equal FLOPs a 5x5 "
        "kernel takes 1.00 times the time of a 1x1 for each multiply-add; 1x1 to 16 and then 5x5 instead of 5x5 at once does 9.7 "
        "times fewer multiply-adds and takes 2.00 of the time."
    )
    assert same[0].rate == pytest.approx(2e-9 * 4_816_896 / 2e-3)


def test_the_longest_bar_of_each_group_is_as_long_as_it_gets(
    known: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(comparison, "take_turns", lambda f, *_, **__: [Timing((1e-3 * (i + 1),)) for i in range(len(f))])
    found = lab.compare((1, 8, 12, 12), 8, [1, 3])
    lengths = [len(row.cells[-1]) for row in found.sheet().rows]
    assert max(lengths[:2]) == max(lengths[2:4]) == max(lengths[4:]) == comparison.BAR
    assert {row.cells[-1][0] for row in found.sheet().rows} == {"█", "▒"}
    text = found.sheet().text(80)
    assert max(map(len, text.splitlines())) <= 80
    assert "Not shown" not in text
    found.draw(tmp_path / "new" / "bars.png")
    assert (tmp_path / "new" / "bars.png").stat().st_size > 5000
    with pytest.raises(ValueError, match="only odd kernels keep the size of the image, got 2"):
        lab.compare((1, 8, 12, 12), 8, [2])


# -------------------------------------------------------------------- sixty layers


def test_the_share_within_the_factor_and_the_worst(known: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two layers in three directions, five are predicted well, and one takes four times as long."""
    sizes = [(1, 8, 12, 8, 1), (2, 8, 12, 16, 3)]
    cases = [(calibration.layer(*size), d) for size in sizes for d in DIRECTIONS]
    factors = [1.0, 1.2, 0.7, 4.0, 1.0, 1.49]

    def take_turns(functions: list[Any], *_: Any, **__: Any) -> list[Timing]:
        guesses = [work("fast", d, geo).flops / ROOF.peak for geo, d in cases]
        return [Timing((guess * factor,)) for guess, factor in zip(guesses, factors, strict=True)]

    monkeypatch.setattr(trials, "take_turns", take_turns)
    found = lab.sweep(sizes)
    assert found.share() == (5, 6)
    assert [t.ratio for t in found.trials] == pytest.approx([1 / f for f in factors])
    first, second = found.conclusion()
    assert first == "Within a factor of 1.5: 5 of 6 (83%); 1x1 3 of 3, k x k 2 of 3, forward 1 of 2, input 2 of 2, weight 2 of 2."
    assert "the worst 4.00 (2x8x12x12 -> 16, kernel 3x3, forward:" in second
    assert max(map(len, found.sheet().text(80).splitlines())) <= 80
    assert len(found.as_json()["trials"]) == 6
