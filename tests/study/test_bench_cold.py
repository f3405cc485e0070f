"""The suite `cold`: which processes it runs, in which order and folders, and its figures from fixed times."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_benchmarks import MACHINE

pytest.importorskip("numba", reason="the benchmarks need the compiled kernels")

from ninx.benchmarks import cold

AHEAD = "ninx.kernels.compile_ahead()"


def test_the_cases_take_turns_each_in_its_own_folder() -> None:
    seen: list[tuple[str, Path]] = []

    def measure(ahead: str, cache: Path) -> tuple[float, float]:
        assert cache.is_dir()
        filled = any(cache.iterdir())
        (cache / "kernel").touch()
        seen.append((ahead, cache))
        return 0.25, (1.0 if filled else 4.0 if ahead else 8.0) + len(seen) / 10

    report = cold.run(MACHINE, 3, measure)
    assert [ahead for ahead, _ in seen] == [""] + ["", AHEAD, ""] * 3  # the first fills the warm cache
    warm = [folder for _, folder in (seen[0], *seen[3::3])]
    assert len(set(warm)) == 1
    assert len({folder for _, folder in seen}) == 7
    assert not any(folder.exists() for _, folder in seen)
    assert report.rows == [
        ["import", "none", "0.25", "0.25 to 0.25"],
        ["first step", "empty cache", "8.50", "8.35 to 8.65"],
        ["first step", "empty cache, several processes", "4.60", "4.45 to 4.75"],
        ["first step", "warm cache", "1.70", "1.55 to 1.85"],
    ]
    assert report.records[3]["seconds"] == [1.4, 1.7, 2.0]


def test_a_process_that_fails_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cold, "STEP", "raise RuntimeError('no step')")
    with pytest.raises(RuntimeError, match="cold: the process failed: RuntimeError: no step"):
        cold.one("", tmp_path)


def test_a_process_reads_the_clock_by_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its step waits: that is in the second figure, not in the first."""
    monkeypatch.setattr(cold, "STEP", "import os; time.sleep(0.5); assert os.environ['NINX_CACHE_DIR'].endswith('here')")
    (imported, first), slept = cold.one("", tmp_path / "here"), 0.5
    assert imported > 0
    assert first >= slept
