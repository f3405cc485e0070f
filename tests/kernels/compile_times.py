"""How long each kernel of a training takes to compile, and with what: python tests/kernels/compile_times.py

Seconds of processor time, in one process and without a cache. "Python": Numba finds the types and writes LLVM's language.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from numba.core.codegen import JITCodeLibrary

from ninx.kernels import set_num_threads
from ninx.kernels.cpu.jit.compiled import what_it_runs
from ninx.kernels.cpu.jit.compiler import KernelLibrary
from ninx.kernels.cpu.jit.tasks import TRAINING, works

STEPS = {"_optimize_functions": "each", "_optimize_final_module": "all", "_finalize_specific": "code"}
spent: Counter[str] = Counter()


def timed(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The function, which adds its time to what is ``spent``."""

    def run(*given: Any) -> Any:
        began = time.process_time()
        try:
            return function(*given)
        finally:
            spent[name] += time.process_time() - began

    return run


def main() -> None:
    """Print a line for each kernel."""
    for library in JITCodeLibrary, KernelLibrary:
        for step, name in STEPS.items():
            if library is JITCodeLibrary or step in vars(library):
                setattr(library, step, timed(getattr(library, step), name))
    set_num_threads(2)
    wanted = {(kernel, types): None for work in works(TRAINING) for kernel, types in what_it_runs(work)}
    print(f"{'kernel':40}{'whole':>8}{'Python':>8}{'LLVM: each function':>21}{'all':>8}{'code':>8}")
    sums: Counter[str] = Counter()
    for kernel, types in wanted:
        spent.clear()
        timed(kernel._compiler.compile, "whole")(types, None)
        sums += spent
        line(".".join(kernel._cache._name.split(".")[-2:]), spent)
    line("together", sums)


def line(name: str, times: Counter[str]) -> None:
    """A line of the table."""
    python = times["whole"] - times["each"] - times["all"] - times["code"]
    print(f"{name:40}{times['whole']:8.2f}{python:8.2f}{times['each']:21.2f}{times['all']:8.2f}{times['code']:8.2f}")


if __name__ == "__main__":
    main()
