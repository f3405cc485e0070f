"""Compiled kernels on the disk: kept, found again where they may be, and never run when they are damaged or another's."""

from __future__ import annotations

import pickle
import platform
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rooms
from flips import FEW, in_kernels
from processes import COMPILING, succeeds

pytest.importorskip("numba", reason="without Numba there is no tier 'fast'")

import llvmlite.binding as llvm
import numba

from ninx.kernels.cpu.jit import cache

x86 = pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="LLVM's list of features is that of x86")

RELU = "import numpy as np\nfrom ninx.kernels import fast\n"
RELU += "for t in (np.float32, np.float64): assert (fast.relu(np.array([-1, 2] * 5000, t)) == [0, 2] * 5000).all()\n"

# -------------------------------------------------------------------- in processes of their own


def test_compiled_code_is_kept_and_never_taken_for_another_build(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    assert succeeds(RELU, NINX_CACHE_DIR=str(folder)) == COMPILING
    assert succeeds(RELU, NINX_CACHE_DIR=str(folder)) == ""
    assert len(list(folder.iterdir())) == 1
    assert succeeds(RELU, NINX_CACHE_DIR=str(folder), NINX_VECTOR="16x16") == COMPILING
    assert len(list(folder.iterdir())) == 2
    for path in folder.rglob("*.kernel"):
        path.write_bytes(b"damaged")
    assert succeeds(RELU, NINX_CACHE_DIR=str(folder)) == COMPILING
    file = tmp_path / "file"
    file.write_text("no folder can be made here")
    assert succeeds(RELU, NINX_CACHE_DIR=str(file)) == COMPILING


def test_code_of_another_type_is_not_run(tmp_path: Path) -> None:
    """Two files with each other's content, both whole."""
    succeeds(RELU, NINX_CACHE_DIR=str(tmp_path))
    first, second = sorted(tmp_path.rglob("*relu*.kernel"))
    for path, content in ((second, first.read_bytes()), (first, second.read_bytes())):
        path.write_bytes(content)
    assert succeeds(RELU, NINX_CACHE_DIR=str(tmp_path)) == COMPILING
    assert succeeds(RELU, NINX_CACHE_DIR=str(tmp_path)) == ""


def test_processes_that_compile_at_once_leave_whole_files(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as both:
        runs = [both.submit(succeeds, RELU, NINX_CACHE_DIR=str(tmp_path)) for _ in range(2)]
    assert [run.result() for run in runs] == [COMPILING] * 2
    assert succeeds(RELU, NINX_CACHE_DIR=str(tmp_path)) == ""
    assert {path.suffix or path.name for path in tmp_path.glob("*/*")} == {".kernel", "claims"}


STEP = """
import ninx
from ninx import functional as F, models, optim, rand, tensor
net = models.create("nin-mnist", batch_norm=True)
learn = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
ninx.set_num_threads(2)
F.cross_entropy(net(rand(8, 1, 28, 28)), tensor([1] * 8)).backward()
learn.step()
results = [p.array for p in net.parameters()] + [p.grad.array for p in net.parameters()]
"""


@pytest.mark.parametrize(("work", "flips"), [(FEW, 8), pytest.param("import numpy as np" + STEP, 200, marks=pytest.mark.slow)])
def test_a_flipped_bit_neither_crashes_nor_changes_a_result(work: str, flips: int, tmp_path: Path) -> None:
    assert in_kernels(work, flips, tmp_path) == []


PROCESSOR = """
import llvmlite.binding as llvm
features = llvm.get_host_cpu_features()
features.update({lacks})
llvm.get_host_cpu_name, llvm.get_host_cpu_features = lambda: "{name}", lambda: features
"""


@x86
def test_a_cache_moves_between_processors_of_one_instruction_set(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    assert succeeds(PROCESSOR.format(name="znver3", lacks={}) + RELU, NINX_CACHE_DIR=str(here)) == COMPILING
    shutil.copytree(here, there)
    shutil.rmtree(here)
    assert succeeds(PROCESSOR.format(name="skylake", lacks={}) + RELU, NINX_CACHE_DIR=str(there)) == ""
    other = PROCESSOR.format(name="znver3", lacks={"popcnt": False, "ssse3": False})
    assert succeeds(other + RELU, NINX_CACHE_DIR=str(there)) == COMPILING


# -------------------------------------------------------------------- in this process


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's compiled code lies; not yet made."""
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "build")
    return tmp_path / "build"


def double(name: str = "a.module.double") -> Any:
    """A function that Numba compiles, with the cache that kernels have."""
    made = numba.njit(lambda x: 2 * x)
    made._cache = cache.KernelCache(name)
    return made


def found(function: Any) -> bool:
    """Does ``function`` give the right result? And was its code in the cache?"""
    assert function(21) == 42
    hits, misses = (sum(counts.values()) for counts in (function.stats.cache_hits, function.stats.cache_misses))
    assert hits + misses == 1
    return bool(hits)


def test_a_function_is_found_by_its_whole_name(folder: Path) -> None:
    assert [found(double(name)) for name in ("a.b.c", "a.b.c", "z.b.c", "a.b.d", "a.b.c")] == [False, True, False, False, True]
    assert len(list(folder.glob("*.kernel"))) == 3


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:20],
        lambda whole: whole[: cache.CHECKSUM],
        lambda whole: whole[:-1],
        lambda whole: whole + b"\0",
        lambda whole: bytes([whole[0] ^ 1]) + whole[1:],
        lambda whole: whole[:-1] + bytes([whole[-1] ^ 128]),
        lambda whole: whole[cache.CHECKSUM :],
    ],
    ids=["empty", "cut in the checksum", "checksum alone", "cut at the end", "longer", "first bit", "last bit", "no checksum"],
)  # fmt: skip
def test_a_damaged_file_is_compiled_anew(damage: Any, folder: Path) -> None:
    assert not found(double())
    (file,) = folder.glob("*.kernel")
    file.write_bytes(damage(file.read_bytes()))
    assert not found(double())
    assert found(double())


class Bomb:
    """Unpickling it makes a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_nothing_is_unpickled_before_the_checksum_is_right(folder: Path, tmp_path: Path) -> None:
    assert not found(double())
    (file,) = folder.glob("*.kernel")
    bomb = pickle.dumps(Bomb(tmp_path / "exploded"))
    file.write_bytes(file.read_bytes()[: cache.CHECKSUM] + bomb)
    assert not found(double())
    assert not (tmp_path / "exploded").exists()
    file.write_bytes(cache._checksum(file, bomb) + bomb)
    with pytest.raises(TypeError):  # it is no compiled function; but the bomb works
        double()(21)
    assert (tmp_path / "exploded").exists()


def test_a_file_from_another_builds_folder_is_not_taken(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not found(double())
    folder.rename(tmp_path / "other")
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "other")
    assert not found(double())


def test_a_disk_that_cannot_be_written_to_leaves_nothing_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert not found(double())
    assert [path.name for path in folder.iterdir()] == ["claims"]


TABLE = np.arange(300_000.0)  # too large for Numba to copy it into the code


def test_code_with_an_address_in_it_is_refused(folder: Path) -> None:
    function = numba.njit(lambda i: TABLE[i])
    function._cache = cache.KernelCache("a.module.looked_up")
    with pytest.raises(ValueError, match=r"a\.module\.looked_up: its code holds the address of a global array"):
        function(3)
    assert not list(folder.glob("*.kernel"))


# -------------------------------------------------------------------- what the folder's name stands for


def test_the_folder_knows_every_source(tmp_path: Path) -> None:
    copy = tmp_path / "kernels"
    shutil.copytree(rooms.ROOT / "kernels", copy, ignore=shutil.ignore_patterns("__pycache__"))
    assert cache.SOURCES.samefile(rooms.ROOT / "kernels")
    seen = {cache.hash_of_sources(cache.SOURCES)}
    assert cache.hash_of_sources(copy) in seen
    for name in ("types.py", "cpu/conv/microkernels.py", "cpu/jit/launcher.py"):
        with (copy / name).open("a") as source:
            source.write("\n")
        seen.add(cache.hash_of_sources(copy))
    assert len(seen) == 4


@x86
def test_the_processors_name_counts_where_the_features_do_not_say_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def of(name: str) -> tuple[str, ...]:
        monkeypatch.setattr(llvm, "get_host_cpu_name", lambda: name)
        return cache.instruction_set()

    assert of("znver3") == of("skylake")
    with monkeypatch.context() as other:
        other.setattr(platform, "machine", lambda: "aarch64")
        assert of("cortex-a72") != of("neoverse-n1")
    with monkeypatch.context() as unknown:
        unknown.setattr(cache.codegen, "get_host_cpu_features", lambda: "")
        assert of("znver3") != of("skylake")
    with monkeypatch.context() as asked:
        asked.setattr(numba.config, "CPU_FEATURES", "+avx2")
        assert of("znver3") != of("skylake")


SUM = """
define <16 x float> @sum(<16 x float> %a, <16 x float> %b) {
  %c = fadd <16 x float> %a, %b
  ret <16 x float> %c
}
declare i32 @llvm.ctpop.i32(i32)
define i32 @bits(i32 %a) {
  %c = call i32 @llvm.ctpop.i32(i32 %a)
  ret i32 %c
}
"""


@x86
@pytest.mark.parametrize("name", ["haswell", "skylake-avx512", "znver3", "sapphirerapids"])
def test_the_processors_name_adds_no_instruction_to_the_list_of_features(name: str) -> None:
    """That is why code may move between processors of one list."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features()
    features.update({feature: feature in ("64bit", "cmov", "cx8", "fxsr", "mmx", "sse", "sse2") for feature in features})

    def assembly(features: str) -> str:
        machine = llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(cpu=name, features=features)
        return str(machine.emit_assembly(llvm.parse_assembly(SUM)))

    free, held = assembly(""), assembly(features.flatten())
    assert [word in free for word in ("vaddps", "popcnt")] == [True, True]
    assert [word in held for word in ("\taddps", "vaddps", "popcnt")] == [True, False, False]
