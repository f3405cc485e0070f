"""Do the tests notice? Plant small faults, one at a time, in a copy of the source, and run the tests of that file's room.

    .venv/bin/python tests/house/mutate.py engine optim --samples 100 --seed 0

Prints each fault that no test noticed, with its line, and at the end for each folder how many were noticed of those that were
tried. A survivor is either a test that is missing, or a change that changes nothing: read it. The samples are drawn by the seed.
`mutants` says which faults there are. The copy and what it prints are gone afterwards; the source itself is never touched.

Which tests these are stands in mutate.toml. To be quick, they run once without a fault, in a process that then has in memory all
that it needs; each fault is tried in a fork of that process, where the code of the function at fault is replaced. Where the fault
lies outside of a plain function (a constant of a module, a compiled kernel, a default), the fork begins before anything was
imported, and takes some seconds longer. So it does where all tests pass and the function never ran: it may have done its work
before (it writes a kernel's code), or does it in a process that a test starts.
"""

from __future__ import annotations

import argparse
import ast
import compileall
import contextlib
import ctypes
import functools
import gc
import inspect
import math
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from mutants import Mutant, of_cuda, of_python
from rooms import ROOT

NOT_IN_PLACE = 99  # exit code: the fault lies where it cannot be put in place, or what was put there never ran

RAN: set[str] = set()  # the file, once the function with the fault has begun

ROOMS: dict[str, Any] = tomllib.loads((Path(__file__).parent / "mutate.toml").read_text(encoding="utf-8"))


def mutants(root: Path, folder: str) -> Iterator[tuple[str, Mutant]]:
    """(file, fault) for every fault of a folder."""
    for pattern in ROOMS[folder]["files"]:
        for path in sorted(root.glob(pattern)):
            make = of_python if path.suffix == ".py" else of_cuda
            for mutant in make(path.read_text(encoding="utf-8")):
                yield str(path.relative_to(root)), mutant


def tests_of(folder: str, file: str) -> list[str]:
    """The tests that are to notice a fault in this file; its own first."""
    of_all, more = ROOMS[folder]["tests"], ROOMS[folder].get("more", {})
    own = [tests for tests, stems in more.items() if Path(file).stem in stems]
    return [f"tests/{name}" for name in dict.fromkeys([*own, *of_all])]


def copied(root: Path, to: Path) -> None:
    """The source where Python finds it before that which is installed."""
    plain = shutil.ignore_patterns("__pycache__", ".*")
    for name in ("ninx", "tests", "docs"):
        shutil.copytree(root / name, to / name, ignore=plain)
    for name in ("kernels", "benchmarks"):
        shutil.copytree(root / name, to / "ninx" / name, ignore=plain)
    shutil.copy(root / "pyproject.toml", to)
    compileall.compile_dir(to, quiet=2, invalidation_mode=compileall.py_compile.PycInvalidationMode.CHECKED_HASH)


def run(tests: list[str]) -> int:
    """The exit code of pytest: 0 if all pass."""
    import pytest

    return int(pytest.main(["-x", "-q", "-n", "0", "-p", "no:cacheprovider", *tests]))


def forked(work: Callable[[], int], limit: float) -> int | None:
    """What ``work`` returns in a fork of this process; None if it does not end.

    It gets ``limit`` seconds of processor time, so that a slow test on a busy machine does not count as a fault that was noticed,
    and ten times as long by the clock, in case it waits for something that never comes.
    """
    child = os.fork()
    if not child:
        code = 70
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(limit), resource.getrlimit(resource.RLIMIT_CPU)[1]))
            with contextlib.suppress(AttributeError):  # Linux: it does not outlive who waits for it
                ctypes.CDLL(None).prctl(1, signal.SIGKILL)
            code = work()
        finally:
            os._exit(code)
    until = time.monotonic() + 10 * limit
    try:
        while time.monotonic() < until:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        return None
    finally:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.killpg(child, signal.SIGKILL)  # with what the tests have started
            os.waitpid(child, 0)


def enter(copy: Path) -> None:
    """From now on this process, and those it starts, see the copy; what is printed goes to a file there."""
    os.chdir(copy)
    out = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ["PYTHONPATH"] = str(copy)
    sys.path.insert(0, str(copy))
    sys.dont_write_bytecode = True


def in_copy(copy: Path, file: str) -> Path:
    """Where a file of the repository lies in the copy."""
    return copy / (file if file.startswith("ninx/") else f"ninx/{file}")


def from_the_start(copy: Path, file: str, mutant: Mutant, tests: list[str], limit: float) -> bool:
    """Does a test go red (or not end) with this fault in the file, read by a fresh process?"""
    path = in_copy(copy, file)
    before = path.read_bytes()

    def work() -> int:
        enter(copy)
        return run(tests)

    try:
        path.write_text(mutant.text, encoding="utf-8")
        return forked(work, limit) != 0
    finally:
        path.write_bytes(before)


def replaced(copy: Path, file: str, mutant: Mutant) -> bool:
    """Put the fault into the function that holds it, in this process; False if it lies in no plain function."""
    path = in_copy(copy, file)
    old, new = path.read_text(encoding="utf-8"), mutant.text
    place = _function(ast.parse(old), mutant.line, ())
    changed = _function(tree := ast.parse(new), mutant.line, ())
    module = sys.modules.get(".".join(path.relative_to(copy).with_suffix("").parts).removesuffix(".__init__"))
    if place is None or changed is None or module is None or ast.dump(place[1].args) != ast.dump(changed[1].args):
        return False
    found: Any = module
    for name in place[0]:
        found = vars(found).get(name)
    found = getattr(found, "fget", None) or getattr(found, "__func__", None) or found
    function = inspect.unwrap(found) if callable(found) else None
    changed[1].body.insert(0, ast.parse("_it_ran()").body[0])
    code = _code(compile(ast.fix_missing_locations(tree), str(path), "exec"), ".".join(place[0]))
    if not isinstance(function, FunctionType) or code is None or hasattr(found, "py_func"):
        return False
    try:
        function.__code__ = code
    except ValueError:
        return False
    function.__globals__["_it_ran"] = functools.partial(RAN.add, file)
    for thing in gc.get_objects():  # what the sound code has worked out is forgotten
        if isinstance(thing, functools._lru_cache_wrapper) and (thing.__module__ or "").startswith("ninx"):
            thing.cache_clear()
    return True


def _function(node: ast.AST, line: int, path: tuple[str, ...]) -> tuple[tuple[str, ...], ast.FunctionDef] | None:
    """(names from the module down, definition) of the outermost function whose body holds the line."""
    for child in getattr(node, "body", ()):
        if isinstance(child, ast.FunctionDef) and child.body[0].lineno <= line <= (child.end_lineno or 0):
            return (*path, child.name), child
        if isinstance(child, ast.ClassDef) and (found := _function(child, line, (*path, child.name))):
            return found
    return None


def _code(code: CodeType, name: str) -> CodeType | None:
    inner = [c for c in code.co_consts if isinstance(c, CodeType)]
    return next((c for c in inner if c.co_qualname == name), None) or next(filter(None, (_code(c, name) for c in inner)), None)


def try_all(copy: Path, faults: list[tuple[str, Mutant]], tests: list[str], limit: float, until: float) -> list[bool]:
    """For each fault: is it noticed? Fewer answers than faults if the time is over."""
    answers = copy / "answers.txt"
    answers.write_text("")

    def in_place(file: str, mutant: Mutant) -> int:
        code = run(tests) if replaced(copy, file, mutant) else NOT_IN_PLACE
        return code or (0 if RAN else NOT_IN_PLACE)

    def warm() -> int:
        enter(copy)
        if run(tests):
            return 1
        with answers.open("a") as file:
            for place, mutant in faults:
                if time.monotonic() > until:
                    break
                code = forked(functools.partial(in_place, place, mutant), limit)
                print("later" if code == NOT_IN_PLACE else "noticed" if code != 0 else "missed", file=file, flush=True)
        return 0

    if forked(warm, 1e6):
        raise SystemExit(f"{' '.join(tests)}: red without any fault:\n{(copy / 'output.txt').read_text()[-3000:]}")
    said = answers.read_text().split()
    found = []
    for (file, mutant), answer in zip(faults, said, strict=False):
        if answer == "later" and time.monotonic() > until:
            break
        found.append(from_the_start(copy, file, mutant, tests, limit + 30) if answer == "later" else answer == "noticed")
    return found


def try_folder(copy: Path, folder: str, samples: int, seed: int, limit: float, until: float) -> tuple[int, int]:
    """(noticed, tried)"""
    drawn = list(mutants(ROOT, folder))
    random.Random(seed).shuffle(drawn)
    groups: dict[tuple[str, ...], list[tuple[str, Mutant]]] = {}
    for file, mutant in drawn[:samples]:
        groups.setdefault(tuple(tests_of(folder, file)), []).append((file, mutant))
    noticed = tried = 0
    for tests, faults in groups.items():
        if time.monotonic() > until:
            break
        found = try_all(copy, faults, list(tests), limit, until)
        noticed, tried = noticed + sum(found), tried + len(found)
        for (file, mutant), seen in zip(faults, found, strict=False):
            if not seen:
                print(f"{file}:{mutant.line}: {mutant.change}", flush=True)
    return noticed, tried


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", nargs="*", metavar="folder", help=f"of {', '.join(ROOMS)} (all)")
    parser.add_argument("--samples", type=int, default=100, help="faults in each folder")
    parser.add_argument("--seed", type=int, default=0, help="which they are")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of processor time for the tests of one fault")
    parser.add_argument("--minutes", type=float, default=1e6, help="for all folders together")
    given = parser.parse_args()
    if unknown := [f for f in given.folders if f not in ROOMS]:
        parser.error(f"there is no folder {unknown[0]!r}; there are {', '.join(ROOMS)}")
    os.environ |= {"OMP_NUM_THREADS": "1"}  # a fork cannot use the threads that PyTorch had before
    import numba  # noqa: F401 - once, for all forks
    import pytest  # noqa: F401
    import torch  # noqa: F401

    until, rows = time.monotonic() + 60 * given.minutes, []
    with tempfile.TemporaryDirectory() as folder:
        copied(ROOT, Path(folder))
        for name in given.folders or ROOMS:
            rows.append((name, *try_folder(Path(folder), name, given.samples, given.seed, given.limit, until)))
            print("{}: noticed {} of {}".format(*rows[-1]), flush=True)
    print(f"\n{'folder':<12}{'noticed':>8}{'tried':>8}")
    for name, noticed, tried in rows:
        print(f"{name:<12}{noticed:>8}{tried:>8}")


if __name__ == "__main__":
    main()
