"""``ninx bench scale``: the model by hand, on figures that are round; and what the ranks measure, once on real ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numba", reason="the benchmarks need the compiled kernels")
from ranks import needs_mpi

from ninx.benchmarks import scale, scale_ranks
from ninx.benchmarks.measure import Machine

NET = scale.Network("net", bytes=1_000_000, fixed=0.010, per_image=0.001)
LINK = scale.Link("link", latency=0.0001, bandwidth=1e8)
MACHINE = Machine("a processor", 2, "", "", "", "", "", 1.0, 1.0)
MEASURED: dict[str, Any] = {
    "networks": {"net": {"bytes": 1_000_000, "images": [4, 16], "seconds": [0.014, 0.026]}},
    "exchanges": {"8": 0.0001, "4194304": 0.0421, "4096": 0.01},
    "steps": {way.name: [0.1 * way.ranks, 0.2 * way.ranks, 0.3 * way.ranks] for way in scale_ranks.WAYS},
}


def test_a_sum_over_ranks_takes_what_its_bytes_and_messages_take() -> None:
    assert scale.sum_seconds(1_000_000, 1, LINK) == 0
    assert scale.sum_seconds(1_000_000, 2, LINK) == pytest.approx(0.010 + 0.0004)  # 1 MB at 100 MB/s, 4 messages
    assert scale.sum_seconds(1_000_000, 8, LINK) == pytest.approx(0.0175 + 0.0012)  # 2 * 7/8 of it, 12 messages


def test_efficiency_is_the_time_of_one_rank_over_that_of_many() -> None:
    assert scale.step_seconds(NET, LINK, 8, 64) == pytest.approx(0.010 + 0.064 + 0.0187)
    assert scale.weak(NET, LINK, 8) == pytest.approx(0.074 / 0.0927)
    assert scale.strong(NET, LINK, 8) == pytest.approx(0.522 / (0.010 + 0.064 + 0.0187) / 8)
    assert scale.weak(NET, LINK, 1) == scale.strong(NET, LINK, 1) == 1
    assert scale.step_seconds(NET.faster(10), LINK, 1, 64) == pytest.approx(0.0074)


def test_it_pays_up_to_the_last_number_of_ranks_with_half_of_the_efficiency() -> None:
    assert scale.pays_up_to(lambda ranks: 1 / ranks) == 2
    assert scale.pays_up_to(lambda ranks: 0.9 if ranks < 100 else 0.4) == 64
    assert scale.pays_up_to(lambda ranks: 1.0) == 512


def test_a_line_through_two_steps_and_a_link_through_two_exchanges() -> None:
    (net,) = scale.networks(MEASURED["networks"])
    assert (net.fixed, net.per_image) == pytest.approx((0.010, 0.001))
    with pytest.raises(RuntimeError, match="net took longer for 4 images than for 16: the machine is busy"):
        scale.networks({"net": MEASURED["networks"]["net"] | {"seconds": [0.2, 0.1]}})
    link = scale.here(MEASURED["exchanges"])
    assert (link.latency, link.bandwidth) == pytest.approx((0.0001, 4194304 / 0.042))


def test_the_report_tells_the_model_and_what_was_measured() -> None:
    asked = []

    def measure(what: str, ranks: int, rounds: int) -> Any:
        asked.append((what, ranks))
        return MEASURED[what]

    report = scale.run(MACHINE, True, measure)
    assert asked == [("networks", 1), ("exchanges", 2), ("steps", 4)]
    assert len(report.rows) == 8
    first = report.records[0]
    assert first["efficiency"][8] == pytest.approx(scale.weak(NET, scale.LINKS[0], 8))
    assert report.rows[0] == ["net", "here", "10", "64 each", "98 %", "97 %", "97 %", "97 %", "512+"]
    told = "\n".join(report.notes)
    assert "1 rank x 1 thread          320 images/s (quartiles 256 to 427)" in told
    assert "2 ranks x 1 thread is 0.50 (0.50 to 0.50) times as fast as 1 rank x 1 thread" in told
    assert "Two ranks here exchange a few bytes in 100 microseconds, many at 0.1 GB/s." in told
    json.dumps(report.records)


def test_without_an_mpiexec_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"there is no mpiexec; pip install 'ninx\[mpi\]'"):
        scale.measured("steps", 2, 1)


@needs_mpi
def test_two_real_ranks_exchange() -> None:
    found = scale.measured("exchanges", 2, 1)
    assert set(map(int, found)) == set(scale_ranks.SIZES)
    assert all(seconds > 0 for seconds in found.values())


@needs_mpi
@pytest.mark.slow
def test_real_ranks_take_their_turns() -> None:
    found = scale.measured("steps", 4, 1)
    assert list(found) == [way.name for way in scale_ranks.WAYS]
    assert all(len(seconds) == 1 for seconds in found.values())
    assert set(scale.measured("networks", 1, 1)) == set(scale_ranks.MODELLED)
