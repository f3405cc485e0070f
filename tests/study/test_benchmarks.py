"""The benchmarks' own arithmetic, and what they print; times themselves are never tested."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

pytest.importorskip("numba", reason="the benchmarks need the compiled kernels")

from rooms import ROOT

from ninx.benchmarks import conv, measure, memory, step
from ninx.benchmarks.report import Report

MACHINE = measure.Machine("some processor", 2, "16 of 32 bytes", "some BLAS", "tbb", "2.0", "not installed", 100.0, 10.0)


def test_ratios_are_those_of_single_rounds() -> None:
    """A machine that is half as fast in one round of three: the times have no common factor, the ratios have."""
    ours, theirs = measure.Timing((1.0, 2.0, 1.0)), measure.Timing((3.0, 6.0, 3.3))
    found = measure.ratio(ours, theirs)
    assert (found.median, found.low) == (3.0, 3.0)
    assert found.high == pytest.approx(3.15)
    assert found.times(2).high == pytest.approx(6.3)
    assert str(found) == "3.00 (3.00 to 3.15)"


def test_the_share_of_the_peak_is_that_of_the_same_rounds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A clock by which each call of a layer takes 4 seconds, and as many operations as a burst has take 1 second."""
    layer, now = conv.Layer("nin", 1, 8, 4, 8, 1), [0.0]
    operations = 2.0 * layer.geometry.macs

    def burst() -> tuple[measure.Work, float]:
        return lambda: now.__setitem__(0, now[0] - 3), operations

    def clock() -> float:  # four seconds between two readings
        now[0] += 4
        return now[0]

    monkeypatch.setattr(conv, "layers", lambda groups, batch: [layer])
    monkeypatch.setattr(conv, "burst", burst)
    monkeypatch.setattr(measure.time, "perf_counter", clock)
    report = conv.run(MACHINE, 3)
    assert [r["share_of_peak"] for r in report.records] == [{"median": 0.25, "low": 0.25, "high": 0.25}] * 3
    report.save(tmp_path / "conv.json")
    assert json.loads((tmp_path / "conv.json").read_text())["records"][0]["share_of_peak"]["median"] == 0.25


def _published(suite: str) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads((ROOT / f"docs/results/{suite}.json").read_text(encoding="utf-8"))["records"]
    return records


def test_the_layers_are_those_of_the_published_figures() -> None:
    """By name and by operations for each byte, which tells the padding too."""
    layers = {layer.label: layer.geometry for layer in conv.layers(conv.GROUPS, 16)}
    published = {r["name"].removesuffix(f" {r['direction']}"): r["intensity"] for r in _published("conv")}
    sizes = {label: geo.N * geo.H * geo.W * geo.C + geo.O * geo.KH * geo.KW * geo.C + geo.N * geo.OH * geo.OW * geo.O
             for label, geo in layers.items()}  # fmt: skip
    assert {label: geo.macs / (2 * sizes[label]) for label, geo in layers.items()} == pytest.approx(published)


def test_the_networks_are_those_of_the_published_figures() -> None:
    cases = [*[(*case, True) for case in step.CASES], *[(*case, False) for case in step.INFERENCE]]
    for suite in ("step", "step-malloc"):
        found = [(r["name"].split()[0], r["batch"], r["pixels"], r["training"]) for r in _published(suite)]
        assert found == cases
    assert [(r["name"], r["batch"]) for r in _published("memory")] == [case[:2] for case in memory.CASES]


def test_a_table_keeps_its_figures_where_the_terminal_is_narrow() -> None:
    report = Report("conv", MACHINE, [f"column {i}" for i in range(12)])
    report.add([f"figure {i}" for i in range(12)], {})
    console = Console(record=True, width=40)
    report.show(console)
    printed = console.export_text()
    assert all(f"{what} {i}" in printed for what in ("column", "figure") for i in range(12))
