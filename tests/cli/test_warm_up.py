"""``ninx warm-up``: what it says while kernels are compiled, in a pipe; and when there is nothing to be done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

pytest.importorskip("numba", reason="without Numba there is nothing to compile")

import ninx
from ninx.cli.commands import app

NAMES = ["packing.add_up", "direct._convolve", "pool._max_pool"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """With what `warm_up` was called: it compiles three kernels for the first caller."""
    calls: list[tuple[Any, ...]] = []

    def compiled(into: Path | None, everything: bool, progress: Callable[[str, int, int], None]) -> int:
        calls.append((into, everything))
        if len(calls) > 1:
            return 0
        for i, name in enumerate(NAMES):
            progress(name, i + 1, len(NAMES))
        return len(NAMES)

    monkeypatch.setattr(ninx.kernels, "warm_up", compiled)
    return calls


def said(*arguments: str) -> list[str]:
    """The lines of the command, which ends well."""
    result = CliRunner().invoke(app, ["warm-up", *arguments])
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_a_line_for_each_kernel_and_nothing_the_second_time(asked: list[tuple[Any, ...]]) -> None:
    lines = said()
    assert lines[:3] == [f"{i + 1} of 3 kernels: {name}" for i, name in enumerate(NAMES)]
    assert lines[3].startswith("Compiled 3 kernels")
    (line,) = said("--all")
    assert line.startswith("Nothing to be done")
    assert asked == [(None, False), (None, True)]
    assert max(map(len, [*lines, line])) <= 100


def test_a_folder_is_named_as_it_is_used(asked: list[tuple[Any, ...]], tmp_path: Path) -> None:
    folder = tmp_path / "an image"
    assert said("--into", str(folder))[-1] == f"NINX_CACHE_DIR='{folder}' ninx train"
    assert asked == [(folder, False)]


def test_another_tier_has_nothing_to_compile(asked: list[tuple[Any, ...]]) -> None:
    with ninx.use_kernels("strided"):
        assert said() == ["Nothing to compile: the tier 'strided' computes."]
    assert asked == []
