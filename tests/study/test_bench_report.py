"""What the suites print, save and draw, with which settings they are started, and whom they compete with."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

pytest.importorskip("numba", reason="the benchmarks need the compiled kernels")

import ninx
from ninx import nn
from ninx.benchmarks import measure, peer, report, suites, twins
from ninx.benchmarks.measure import Machine
from ninx.benchmarks.peer import TF32, Peer
from ninx.benchmarks.report import Report

MACHINE = Machine("some processor", 2, "16 of 32 bytes", "some BLAS", "tbb", "2.0", "2.13", 100.0, 8.0)


def _text(made: Report) -> str:
    console = Console(record=True, width=120)
    made.show(console)
    return console.export_text()


def test_what_was_measured_on_what_is_printed() -> None:
    made = Report("pool", MACHINE, ["what", "ninx ms"], notes=["a note [with brackets]"])
    made.add(["max_pool2d", "1.25"], {})
    lines = _text(made).splitlines()
    assert lines[:4] == [
        "device cpu", "some processor; 2 thread(s) on tbb, vectors used: 16 of 32 bytes",
        "NumPy 2.0 (BLAS: some BLAS), PyTorch 2.13",
        "peak 100 GFLOP/s (float32), copy 8.0 GB/s (read + written); denormals are not flushed",
    ]  # fmt: skip
    assert lines[-1] == "a note [with brackets]"
    assert any("max_pool2d" in line and "1.25" in line for line in lines)
    gpu = _text(Report("pool", replace(MACHINE, device="cuda:1", device_name="some GPU"), ["what"]))
    assert gpu.splitlines()[:2] == ["device cuda:1: some GPU", "some processor; which tells the GPU"]


def test_all_of_it_is_saved(tmp_path: Path) -> None:
    made = Report("pool", MACHINE, ["what"], notes=["a note"])
    made.add(["a"], {"name": "a", "ratio": 2.5})
    made.add(["b"], {"name": "b", "ratio": None})
    made.save(tmp_path / "new" / "pool.json")
    assert json.loads((tmp_path / "new" / "pool.json").read_text()) == {
        "suite": "pool", "machine": asdict(MACHINE), "columns": ["what"], "rows": [["a"], ["b"]],
        "records": [{"name": "a", "ratio": 2.5}, {"name": "b", "ratio": None}], "notes": ["a note"],
    }  # fmt: skip


def test_the_table_is_saved_for_a_spreadsheet(tmp_path: Path) -> None:
    made = Report("conv", MACHINE, ["layer", 'ms, "fast"'])
    made.add(["1x1, stride 2", "2.5"], {})
    made.save_csv(tmp_path / "new" / "conv.csv")
    with (tmp_path / "new" / "conv.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["layer", 'ms, "fast"'], ["1x1, stride 2", "2.5"]]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_table_has_100_columns_and_all_of_it_if_it_is_wide(terminal: bool) -> None:
    """On a terminal of 200 columns and in a pipe; what can be spared goes first."""
    made = Report("conv", MACHINE, ["layer", "PyTorch ms", "fast ms", *[f"column {i}" for i in range(7)]])
    made.add(["8x192x28x28 -> 32 1x1", "1,234.56", "2.25", *["12,345.67"] * 7], {})

    def shown(wide: bool) -> list[str]:
        out = StringIO()
        made.show(Console(file=out, width=200, force_terminal=terminal, color_system=None), wide)
        return out.getvalue().splitlines()[4:]

    few, all_of_it = shown(False), shown(True)
    assert max(map(len, few)) <= 100
    assert "Not shown for want of width: PyTorch ms." in few
    assert not any("1,234.56" in line for line in few)
    (row,) = [line for line in all_of_it if "1,234.56" in line]
    assert all(cell in row for cell in made.rows[0])


def test_each_row_is_told_as_soon_as_it_is_measured() -> None:
    made, heard = Report("conv", MACHINE, ["layer", "direction", "ms", "GFLOP/s"]), []
    with report.told_to(heard.append):
        made.add(["16x3x8x8 -> 4 1x1", "forward", "0.5", "100"], {})
        made.add(["16x3x8x8 -> 4 3x3", "forward", "0.9", "110"], {})
    made.add(["16x3x8x8 -> 4 5x5", "forward", "1.9", "120"], {})
    assert heard == ["1 measured, the last: 16x3x8x8 -> 4 1x1 forward", "2 measured, the last: 16x3x8x8 -> 4 3x3 forward"]


def test_the_pictures_show_the_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The roofline rises with 8 GB/s until it meets the peak of 100 GFLOP/s at 12.5 FLOP a byte."""
    figures: dict[str, Any] = {}
    write = report._write
    monkeypatch.setattr(report, "_write", lambda figure, path: figures.setdefault(path.name, figure) and write(figure, path))
    made = Report("conv", MACHINE, [])
    directions = ["forward", "input gradient", "weight gradient"]
    for i, direction in enumerate(directions):
        record = {"name": f"layer {i}", "direction": direction, "intensity": 10.0 * (i + 1), "gflops": 20.0 * (i + 1)}
        record["kernel"] = 3 if i == 2 else 1
        made.add([], record | {"ratio": [2.0, None, 0.5][i]})
    assert made.draw(tmp_path) == [tmp_path / "conv-roofline.png", tmp_path / "conv-bars.png"]
    assert all((tmp_path / name).stat().st_size > 1000 for name in figures)
    (roof,) = figures["conv-roofline.png"].axes
    assert roof.lines[0].get_xydata().tolist() == [[0.5, 4.0], [12.5, 100.0], [30.0, 100.0]]
    points = {c.get_label(): c.get_offsets().tolist() for c in roof.collections}
    there = {f"{'k x k' if i == 2 else '1x1'}, {d}": [[10.0 * (i + 1), 20.0 * (i + 1)]] for i, d in enumerate(directions)}
    assert {label: where for label, where in points.items() if where} == there
    assert set(points) == {f"{kernel}, {d}" for kernel in report.KERNELS for d in directions}
    colours = {c.get_label().split(",")[0]: tuple(c.get_edgecolor()[0]) for c in roof.collections}
    assert colours["1x1"] != colours["k x k"]
    filled = {c.get_label().split(",")[0]: len(c.get_facecolor()) for c in roof.collections}
    assert filled == {"1x1": 1, "k x k": 0}  # told apart without colours, too
    assert (roof.get_xscale(), roof.get_yscale()) == ("log", "log")
    (bars,) = figures["conv-bars.png"].axes
    lengths = {p.get_y(): (p.get_width(), p.get_hatch()) for p in bars.patches if p.get_width()}
    assert [lengths[y] for y in sorted(lengths)] == [(2.0, ""), (0.5, "//")]
    assert [t.get_text() for t in bars.get_yticklabels()] == ["layer 0", "layer 2"]
    assert list(bars.lines[0].get_xdata()) == [1, 1]
    assert bars.yaxis_inverted()


def test_the_roof_is_drawn_beyond_its_corner_where_all_layers_lie_left_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Any] = []
    monkeypatch.setattr(report, "_write", lambda figure, path: figures.append(figure) or path)
    made = Report("conv", MACHINE, [])
    made.add([], {"name": "a", "direction": "forward", "intensity": 2.0, "gflops": 1.0, "ratio": None})
    assert made.draw(tmp_path) == [tmp_path / "conv-roofline.png"]
    assert figures[0].axes[0].lines[0].get_xydata()[-1].tolist() == [12.5, 100.0]
    assert Report("memory", MACHINE, []).draw(tmp_path) == []


# -------------------------------------------------------------------- the suites


@pytest.mark.parametrize(
    ("suite", "quick", "device", "rest"),
    [
        ("conv", True, "cpu", (3, ("same input", "bottleneck"), 5)),
        ("conv", False, "cpu", (7, suites.conv.GROUPS, 5)),
        ("conv", False, "cuda", (20, suites.conv.GROUPS, 5)),
        ("step", True, "cpu", (3, True)),
        ("step", False, "cpu", (9, False)),
        ("step", True, "cuda", (20, True)),
        ("memory", True, "cpu", (True,)),
        ("scaling", False, "cpu", (False,)),
        ("pool", True, "cpu", (5,)),
        ("pool", False, "cpu", (15,)),
        ("elementwise", True, "cpu", (5,)),
        ("elementwise", False, "cuda", (20,)),
    ],
)
def test_each_suite_is_started_with_its_settings(
    monkeypatch: pytest.MonkeyPatch, suite: str, quick: bool, device: str, rest: tuple[Any, ...]
) -> None:
    used: list[str] = []
    machine = replace(MACHINE, device=device)
    monkeypatch.setattr(suites, "use_device", used.append)
    monkeypatch.setattr(suites, "machine", lambda place: used.append(place) or machine)
    monkeypatch.setattr(getattr(suites, suite), "run", lambda *given: given)
    assert suites.run(suite, quick, 5, device) == (machine, *rest)
    assert used == [device, device]


# -------------------------------------------------------------------- whom they compete with


def test_pytorch_competes_where_it_is_and_sees_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    assert peer.peer("cpu") == Peer(torch, "cpu", False)
    assert peer.peer("cuda") is None
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert peer.peer("cuda:1") == Peer(torch, "cuda:1", True)
    monkeypatch.setattr(peer, "torch_or_none", lambda: None)
    assert peer.peer("cpu") is None
    assert peer.peer("cuda") is None


def test_tf32_is_switched_by_the_name() -> None:
    """Of convolutions; of matrix products it stays off."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    try:
        beside = Peer(torch, "cpu", True)
        assert beside.names == ["PyTorch", "channels_last", f"PyTorch{TF32}", f"channels_last{TF32}"]
        for name in beside.names:
            torch.backends.cuda.matmul.allow_tf32 = True
            beside.settings(name)()
            assert torch.backends.cudnn.allow_tf32 is name.endswith("TF32")
            assert torch.backends.cuda.matmul.allow_tf32 is False
            assert beside.layout(name) is (torch.channels_last if "channels" in name else torch.contiguous_format)
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


def test_the_note_on_tf32(monkeypatch: pytest.MonkeyPatch) -> None:
    assert peer.tf32_note("cpu") == []
    for rounds, words in ((True, "CUPY_TF32 is set"), (False, "ninx computes in float32 proper")):
        monkeypatch.setattr(peer, "rounds_to_tf32", lambda r=rounds: r)
        (note,) = peer.tf32_note("cuda")
        assert note.startswith(words)


def test_pytorch_has_as_many_threads_as_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    monkeypatch.setattr(measure, "get_num_threads", lambda: 1)
    try:
        assert measure.torch_or_none.__wrapped__() is torch
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


LAYERS = [
    nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), 1, 2, bias=False), nn.Conv2d(4, 4, 3, dilation=2, padding=2),
    nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.MaxPool2d(2, 1, 0, 2), nn.AvgPool2d(3, 2, 1, True, False),
    nn.AvgPool2d(2, divisor_override=3), nn.BatchNorm2d(4, 1e-2, 0.3), nn.BatchNorm2d(4, affine=False, track_running_stats=False),
    nn.ReLU(), nn.Dropout(0.5), nn.GlobalAvgPool2d(), nn.Flatten(2, 3), nn.LocalResponseNorm(3, 0.1, 0.5, 2.0),
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: repr(layer)[:40])
@pytest.mark.parametrize("training", [True, False])
def test_a_twin_computes_the_same(layer: nn.Module, training: bool) -> None:
    x = torch.randn(2, 4, 9, 8, generator=torch.Generator().manual_seed(0))
    net = nn.Sequential(layer).train(training)
    other = twins.twin(net)
    assert other.training is other[0].training is training
    if isinstance(layer, nn.Dropout):
        assert other[0].p == layer.p
        return
    for _ in range(2):  # the second time with the running statistics of the first
        ours, theirs = net(ninx.from_numpy(x.numpy().copy())), other(x.clone())
        torch.testing.assert_close(torch.from_numpy(ours.detach().numpy()), theirs.detach(), rtol=1e-4, atol=1e-5)
    for key, value in other.state_dict().items():
        torch.testing.assert_close(torch.from_numpy(net.state_dict()[key].numpy()), value, rtol=1e-4, atol=1e-5)


def test_a_twin_has_memory_of_its_own_and_the_format_asked_for() -> None:
    net = nn.Sequential(nn.Conv2d(4, 6, 3), nn.Sequential(nn.Flatten(), nn.Linear(6, 2, bias=False)))
    plain, last = twins.twin(net), twins.twin(net, channels_last=True)
    assert plain[0].weight.is_contiguous()
    assert last[0].weight.is_contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        plain[0].weight.zero_()
    assert (net[0].weight.detach().numpy() != 0).any()
    assert plain[1][1].bias is None
    with pytest.raises(ValueError, match="benchmarks: Tanh has no twin in PyTorch yet"):
        twins.twin(nn.Tanh())


def test_without_pytorch_there_is_no_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twins, "torch_or_none", lambda: None)
    with pytest.raises(ImportError, match="comparing with PyTorch needs PyTorch"):
        twins.twin(nn.ReLU())
