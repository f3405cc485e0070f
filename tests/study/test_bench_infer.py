"""The suite `infer`: its figures from fixed times, what the engines compute, and how they are asked in processes of their own."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from clock import Clock

pytest.importorskip("numba", reason="the benchmarks need the compiled kernels")

import ninx
from ninx.benchmarks import engines, infer, suites
from ninx.benchmarks.measure import Machine

MACHINE = Machine("some processor", 2, "16 of 32 bytes", "some BLAS", "tbb", "2.0", "2.13", 100.0, 8.0)
ANSWER = [[1.0, -2.0]]


class Fake:
    """An engine that needs no process: it takes the seconds that its name says."""

    log: list[str]
    seconds: dict[str, list[float]]
    told: dict[str, dict[str, Any]]

    def __init__(self, name: str, *case: Any):
        self.log.append(f"start {name} {' '.join(map(str, case))}")
        told = {"answer": ANSWER, "version": f"{name} 1.0"} | self.told.get(name, {})
        self.name, self.skipped, self.version = name, told.get("skipped"), told["version"]
        self.answer = np.array(told["answer"])

    def turn(self) -> float:
        self.log.append(self.name)
        return self.seconds[self.name].pop(0)

    def close(self) -> None:
        self.log.append(f"end {self.name}")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[Fake]:
    monkeypatch.setattr(infer, "Engine", Fake)
    monkeypatch.setattr(infer, "ENGINES", dict.fromkeys(("frozen", "other"), ("", None)))
    Fake.log, Fake.told = [], {}
    Fake.seconds = {"frozen": [0.5, 1.0, 0.5], "other": [1.0, 2.0, 2.0]}
    return Fake


def test_every_figure_of_a_case(fake: type[Fake]) -> None:
    """The ratios are those of each round: 2, 2 and 4."""
    report = infer.run(MACHINE, 3, True)
    assert report.rows == [
        ["nin-cifar10", "1", "frozen", "500.00", "500.00", "1.00 (1.00 to 1.00)"],
        ["nin-cifar10", "1", "other", "2000.00", "2000.00", "2.00 (2.00 to 3.00)"],
    ]
    assert [r["seconds"] for r in report.records] == [(0.5, 1.0, 0.5), (1.0, 2.0, 2.0)]
    assert report.records[1]["times"] == {"median": 2.0, "low": 2.0, "high": 3.0}
    assert report.notes == ["frozen 1.0", "other 1.0"]


def test_they_take_turns_and_end(fake: type[Fake]) -> None:
    infer.run(MACHINE, 3, True)
    started = ["start frozen nin-cifar10 1 32 2", "start other nin-cifar10 1 32 2"]
    assert fake.log == [*started, *["frozen", "other"] * 3, "end frozen", "end other"]


def test_all_cases_and_an_image_of_several(fake: type[Fake]) -> None:
    fake.seconds = {"frozen": [0.5] * 6, "other": [1.0] * 6}
    report = infer.run(MACHINE, 1, False)
    cases = [(p, b) for p in ("nin-cifar10", "nin-d2l") for b in ("1", "8", "64")]
    assert [(row[0], row[1]) for row in report.rows[::2]] == cases
    assert [row[4] for row in report.rows[::2]] == ["500.00", "62.50", "7.81"] * 2
    assert "start other nin-d2l 64 224 2" in fake.log


def test_an_engine_that_cannot_run_is_left_out_visibly(fake: type[Fake]) -> None:
    fake.told = {"other": {"skipped": "no module named other"}}
    report = infer.run(MACHINE, 3, True)
    assert report.rows[1] == ["nin-cifar10", "1", "other", "-", "-", "-"]
    assert report.notes[1] == "other is left out: no module named other"
    assert "other" not in fake.log
    assert fake.log[-1] == "end other"


@pytest.mark.parametrize("wrong", [[[1.001, -2.0]], [[1.0, float("nan")]]])
def test_a_wrong_answer_is_not_timed(fake: type[Fake], wrong: Any) -> None:
    fake.told = {"other": {"answer": wrong}}
    with pytest.raises(AssertionError, match="nin-cifar10: other and frozen differ by"):
        infer.run(MACHINE, 3, True)
    assert fake.log[2:] == ["end frozen", "end other"]
    fake.told = {"other": {"answer": [[1.00001, -2.0]]}}
    infer.run(MACHINE, 3, True)


def test_it_is_a_suite_of_the_processors(fake: type[Fake]) -> None:
    fake.seconds = {"frozen": [0.5] * 9, "other": [1.0] * 9}
    assert len(suites.SUITES["infer"](MACHINE, True, 16).rows) == 2
    assert fake.log.count("frozen") == 5
    with pytest.raises(ValueError, match="bench infer: measures the processor"):
        infer.run(replace(MACHINE, device="cuda"), 1, True)


# -------------------------------------------------------------------- the engines themselves

PACKAGES = {"PyTorch": "torch", "torch.compile": "torch", "ONNX Runtime": "onnxruntime", "OpenVINO": "openvino"}


@pytest.mark.parametrize("name", [n for n in engines.ENGINES if n != "torch.compile"])
def test_every_engine_answers_as_eager_ninx(name: str) -> None:
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name], reason=f"{name} is not installed")
    net, images = engines.inputs("nin-mnist-v2", 2, 28)
    line, work = engines.first_line(name, net, images, 1)
    with ninx.no_grad():
        expected = net(ninx.from_numpy(images)).numpy()
    assert work is not None, line
    assert np.allclose(line["answer"], expected, rtol=1e-4, atol=1e-5)
    assert np.allclose(work(), expected, rtol=1e-4, atol=1e-5)
    assert line["version"].split()[0] in ("ninx", *PACKAGES.values())


def test_every_process_has_the_same_network_and_images() -> None:
    (net, images), (again, same) = (engines.inputs("nin-mnist-v2", 2, 28) for _ in range(2))
    assert np.array_equal(images, same)
    assert all(np.array_equal(p.array, q.array) for p, q in zip(net.parameters(), again.parameters(), strict=True))
    assert not net.training


def test_what_an_engine_lacks_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    net, images = engines.inputs("nin-mnist-v2", 1, 28)
    line, work = engines.first_line("ONNX Runtime", net, images, 1)
    assert work is None
    assert line == {"skipped": "import of onnxruntime halted; None in sys.modules"}


def test_a_process_tells_its_answer_and_then_a_time_for_each_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    threads = ninx.get_num_threads()
    clock = Clock(monkeypatch)
    work = clock.work("work", 0.25, np.array(ANSWER))
    monkeypatch.setitem(engines.ENGINES, "fixed", ("ninx", lambda net, images, threads: work))
    monkeypatch.setattr(sys, "stdin", ["\n", "\n"])
    try:
        engines.main("fixed", "nin-mnist-v2", 1, 28, 1)
        assert ninx.get_num_threads() == 1
    finally:
        ninx.set_num_threads(threads)
    told, *times = capsys.readouterr().out.splitlines()
    assert json.loads(told)["answer"] == ANSWER
    assert times == ["0.25", "0.25"]


def test_an_engine_in_its_own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(infer, "PAUSE", 0.0)
    engine = infer.Engine("ninx, frozen", "nin-mnist-v2", 1, 28, 1)
    try:
        net, images = engines.inputs("nin-mnist-v2", 1, 28)
        with ninx.no_grad():
            assert np.allclose(engine.answer, net(ninx.from_numpy(images)).numpy(), rtol=1e-4, atol=1e-5)
        assert engine.skipped is None
        assert engine.version == "ninx 0.1.0"
        assert engine.turn() > 0
    finally:
        engine.close()
    unknown = infer.Engine("no such engine", "nin-mnist-v2", 1, 28, 1)
    unknown.close()
    assert unknown.skipped == "its process ended"
