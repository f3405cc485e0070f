"""Several processes that compile at once: each kernel once, who needs one waits for it, `warm_up` leaves nothing to be done."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import output, python, succeeds

import ninx

pytest.importorskip("numba", reason="without Numba there is no tier 'fast'")

from ninx.kernels import ahead
from ninx.kernels.cpu.jit import claims, tasks, warmup

locks = pytest.mark.skipif(claims.fcntl is None, reason="Windows has no such locks")

# -------------------------------------------------------------------- claims

HOLD = """
import sys, time
from pathlib import Path
from ninx.kernels.cpu.jit import claims
assert claims.take(Path({path!r}), 0)
Path({path!r}).with_suffix(".held").touch()
time.sleep(600)
"""


@pytest.fixture
def held(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """A kernel's file that another process has claimed, and that process."""
    path = tmp_path / "build" / "module.name-0.kernel"
    process = subprocess.Popen([sys.executable, "-c", HOLD.format(path=str(path))])
    while not path.with_suffix(".held").exists():
        assert process.poll() is None
        time.sleep(0.01)
    yield path, process
    process.kill()
    process.wait()


@locks
def test_what_another_process_has_claimed_cannot_be_had(held: tuple[Path, subprocess.Popen[bytes]]) -> None:
    path, _ = held
    assert not claims.take(path, 0)
    other = path.with_name("module.other-0.kernel")
    assert claims.take(other, 0)  # another kernel in the same folder
    assert claims.take(other, 0)  # by the one that has it
    claims.give_up(other)


@locks
def test_the_claims_of_a_process_that_dies_are_free(held: tuple[Path, subprocess.Popen[bytes]]) -> None:
    path, process = held
    threading.Timer(0.2, process.kill).start()
    assert claims.take(path, 300)
    claims.give_up(path)


@locks
def test_who_waits_takes_the_file_when_it_is_there(tmp_path: Path) -> None:
    """Two processes that want one kernel: one compiles, the other reads. Whichever is first."""
    code = MADE + "import numpy as np\nfrom ninx.kernels import fast\nfast.relu(np.ones(5000, np.float32))\nprint(len(made))"
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "NINX_CACHE_DIR": str(tmp_path)}
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sorted(process.communicate()[0] for process in both) == ["0\n", "1\n"]


def test_nothing_is_claimed_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "module.name-0.kernel"
    assert not claims.possible(path.parent)
    assert claims.take(path, 0)
    claims.give_up(path)


# -------------------------------------------------------------------- all at once

MADE = """
from ninx.kernels.cpu.jit import cache
made = []
save = cache.KernelCache.save_overload
cache.KernelCache.save_overload = lambda self, *given: made.append(self._name) or save(self, *given)
"""
STEP = """
import ninx
from ninx import functional as F, models, optim, rand, tensor
ninx.set_num_threads(2)
for name, learner in ("nin-mnist", optim.SGD), ("nin-cifar10", optim.Adam):
    net = models.create(name, batch_norm=True)
    learn = learner(net.parameters(), lr=0.1)
    F.cross_entropy(net(rand(8, *models.preset(name).input_shape)), tensor([1] * 8)).backward()
    learn.step()
"""
WARM = """
import ninx
seen = []
first = ninx.warm_up({folder!r}, progress=lambda *given: seen.append(given))
names, done, totals = zip(*seen)
assert sorted(done) == list(range(1, first + 1)) and set(totals) == {{first}}, seen
assert "direct_weights._correlate" in names
assert ninx.warm_up({folder!r}) == 0
"""
READ_ONLY = """
import os
from pathlib import Path
opened = os.open
def refused(*_, **__): raise PermissionError(30, "read-only file system")
os.open = lambda path, flags, *rest: refused() if flags & (os.O_WRONLY | os.O_RDWR) else opened(path, flags, *rest)
Path.mkdir = Path.touch = Path.write_bytes = Path.replace = refused
"""


@pytest.mark.slow
def test_warm_up_leaves_nothing_to_be_compiled(tmp_path: Path) -> None:
    """Also where the folder can only be read afterwards."""
    folder = str(tmp_path / "image")
    succeeds(WARM.format(folder=folder))
    names = [path.name for path in Path(folder).rglob("*.kernel")]
    assert succeeds(READ_ONLY + STEP, NINX_CACHE_DIR=folder) == ""
    assert sorted(path.name for path in Path(folder).rglob("*.kernel")) == sorted(names)


@pytest.mark.slow
def test_beside_a_program_each_kernel_is_compiled_once(tmp_path: Path) -> None:
    """Its own processes end with it; what a later program misses, that one compiles."""
    code = MADE + "import ninx\nninx.kernels.compile_ahead()\n" + STEP + "print(*made)"
    run = python(code, NINX_CACHE_DIR=str(tmp_path / "cache"))
    assert run.returncode == 0, run.stderr
    made = run.stdout.split()
    kept = [path.name for path in (tmp_path / "cache").rglob("*.kernel")]
    assert "ninx.kernels.cpu.conv.packing.pack_forward" in made
    assert len(made) == len(set(made)) < len(kept)  # the others were compiled meanwhile


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tasks of the processes that would be started on three processors with an empty cache."""
    tasks_: list[str] = []

    class Process:
        kill = None

    monkeypatch.setattr(ahead.atexit, "register", lambda _: None)
    monkeypatch.setattr(ahead, "available", lambda: 3)
    monkeypatch.setattr(ahead, "process", lambda task, root: tasks_.append(task) or Process)
    monkeypatch.setattr(warmup, "cache_folder", lambda: tmp_path / "kernels-1")
    monkeypatch.setenv("NINX_CACHE_DIR", str(tmp_path))
    return tasks_


@locks
def test_the_other_processors_compile_ahead(started: list[str]) -> None:
    ninx.kernels.compile_ahead()
    assert started == [tasks.TRAINING] * 2  # and this process
    ninx.kernels.compile_ahead(training=False)
    assert started[2:] == [tasks.INFERENCE] * 2


@locks
def test_a_build_is_told_from_others(started: list[str], tmp_path: Path) -> None:
    """Numba says which folder is that of this build; another's says nothing about what is to be done here."""
    for name, count in ("kernels-2", 2), ("kernels-1", 0):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / f"{tasks.USUAL}.complete").touch()
        del started[:]
        ninx.kernels.compile_ahead()
        assert len(started) == count


def test_no_other_process_is_started_where_nothing_can_be_kept(
    started: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    for folder in tmp_path / "file", tmp_path / "file" / "in it":
        monkeypatch.setenv("NINX_CACHE_DIR", str(folder))
        ninx.kernels.compile_ahead()
    assert started == []


def test_a_single_processor_compiles_by_itself(started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "available", lambda: 1)
    ninx.kernels.compile_ahead()
    assert started == []


@locks
def test_the_first_run_starts_them_before_it_loads_numba(tmp_path: Path) -> None:
    code = """
import sys, ninx
from ninx.kernels import ahead
ahead.available = lambda: 2
ahead.process = lambda *_: print("llvmlite" in sys.modules, "numba" in sys.modules) or type("Process", (), {"kill": lambda: None})
ninx.kernels.compile_ahead()
"""
    assert output(code, NINX_CACHE_DIR=str(tmp_path / "cache")).split() == ["False", "False"]


def test_a_process_that_fails_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warmup.sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError, match="warm_up: a process that compiles has failed"):
        ninx.warm_up(tmp_path / "cache")


def test_warm_up_says_where_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        ninx.warm_up(tmp_path / "file")


def test_other_tiers_have_nothing_to_compile() -> None:
    with ninx.use_kernels("strided"):
        assert ninx.warm_up() == 0


def test_every_task_holds_every_kernel(tmp_path: Path) -> None:
    """In another order; and most of them for float64, too, where all are asked for."""
    code = """
from collections import Counter
from ninx.kernels import set_num_threads
from ninx.kernels.cpu.jit import compiled, tasks
set_num_threads(2)
def made(task):
    return {k._cache.path(t).name: k._cache._name for work in tasks.works(task) for k, t in compiled.what_it_runs(work)}
training, inference, usual, everything = map(made, ("training", "inference", "usual", "all"))
assert set(training) == set(inference) == set(usual) < set(everything)
assert list(training) != list(inference)
first = [name.rpartition("-")[0] for name in training]
assert first[0] == "direct_weights._correlate"  # the slowest; what comes last in a step is quickly made, and can wait
assert first.index("pool._max_unpool") < first.index("packing.pack_backward") < first.index("pointwise._sgd")
assert first.index("pointwise._sgd") < first.index("winograd_weights._correlate") < first.index("loss._softmax_cross_entropy")
once, times = [".winograd", "_points", ".normalization."], Counter(everything.values())
assert Counter(usual.values()) == {name: 1 for name in compiled._names if ".peak." not in name}
assert times == {name: 1 if any(part in name for part in [".peak.", *once]) else 2 for name in compiled._names}
assert len(times) > 20
"""
    assert succeeds(code, NINX_CACHE_DIR=str(tmp_path)) == ""  # nothing was compiled
    assert not list(tmp_path.rglob("*.kernel"))
