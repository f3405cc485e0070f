"""What is left out of Numba's compiling, and what is not."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba", reason="without Numba there is no tier 'fast'")

from numba.core.codegen import CPUCodeLibrary
from numba.core.errors import TypingError

from ninx.kernels.cpu.jit import cache, compiled, compiler
from ninx.kernels.types import Array


@pytest.fixture
def optimised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """For each time that LLVM goes over this file's functions one by one: would Python collect garbage then?"""
    seen: list[bool] = []
    optimise = CPUCodeLibrary._optimize_functions

    def noted(library: Any, module: Any) -> None:
        if library.name.endswith(".fill"):  # the first compilation also makes some functions of Numba's own
            seen.append(gc.isenabled())
        optimise(library, module)

    monkeypatch.setattr(CPUCodeLibrary, "_optimize_functions", noted)
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path)
    names = set(compiled._names)
    yield seen
    compiled._names.clear()
    compiled._names.update(names)


def filled(decorator: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Array:
    """What a kernel writes that is compiled here and now."""

    def fill(t: int, a: Array, threads: int) -> None:
        for i in range(t * a.size // threads, (t + 1) * a.size // threads):
            a[i] = i * i

    a = np.zeros(5)
    decorator(fill)(a, 2)
    return a


def test_functions_are_optimised_together_only(optimised: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    for unused in compiler.UNUSED:
        monkeypatch.setattr(unused, "run_pass", lambda *_: 1 / 0)
    assert filled(compiled.kernel()).tolist() == [0, 1, 4, 9, 16]
    assert optimised == []


def test_thorough_kernels_are_optimised_by_themselves_too(optimised: list[bool]) -> None:
    assert filled(compiled.kernel(thorough=True)).tolist() == [0, 1, 4, 9, 16]
    assert optimised


@pytest.mark.parametrize("collecting", [True, False])
def test_no_garbage_is_collected_meanwhile(optimised: list[bool], collecting: bool) -> None:
    """Afterwards it is again, if it was before."""
    (gc.enable if collecting else gc.disable)()
    try:
        filled(compiled.kernel(thorough=True))
        assert gc.isenabled() == collecting
    finally:
        gc.enable()
    assert set(optimised) == {False}


def test_garbage_is_collected_again_after_a_failure(optimised: list[bool]) -> None:
    def impossible(t: int, a: Array, threads: int) -> None:
        a.there_is_no_such_thing()  # type: ignore[attr-defined]

    with pytest.raises(TypingError):
        compiled.kernel()(impossible)(np.zeros(5), 2)
    assert gc.isenabled()
