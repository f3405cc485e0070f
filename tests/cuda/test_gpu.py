"""What is said where no GPU can be used: by `gpu_status`, ``ninx doctor``, ``ninx train --device cuda`` and ``Tensor.to``.

The cases are simulated by a module in CuPy's place that fails as CuPy does. Where the real wheel is installed, and there is no
GPU, the last tests run with it.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import re
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cuda_report
import numpy as np
import pytest

import ninx
from ninx import array, doctor, gpu

TOO_OLD = "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version"


def refuse(*_: Any) -> Any:
    raise RuntimeError(TOO_OLD)


def without_library(*_: Any) -> Any:
    raise ImportError("libcublas.so.13: cannot open shared object file")


def a_cupy(*, devices: Any = refuse, ones: Any = refuse, library: Any = lambda: (13, 0)) -> types.ModuleType:
    """A module that says what CuPy says: how many devices, what happens to a kernel, and to NVIDIA's libraries."""
    fake: Any = types.ModuleType("cupy")
    fake.__spec__ = importlib.machinery.ModuleSpec("cupy", None)
    fake.__version__, fake.ones, fake.ndarray = "14.0.0", ones, type("ndarray", (), {})
    cublas = property(lambda self: library())
    cuda: Any = type("cuda", (), {"cublas": cublas})()
    cuda.nvrtc = types.SimpleNamespace(getVersion=library)
    cuda.runtime = types.SimpleNamespace(getDeviceCount=devices, CUDARuntimeError=RuntimeError)
    cuda.get_local_runtime_version = lambda: 13000
    fake.cuda = cuda
    return fake


CASES: dict[str, tuple[types.ModuleType | None, int | None, str]] = {
    "nothing": (
        None,
        None,
        r"CuPy is not installed; on a machine with an NVIDIA GPU: pip install 'ninx\[gpu\]' \(CUDA 13\) or .*",
    ),
    "a driver for 13": (None, 13020, r"CuPy is not installed; pip install 'ninx\[gpu\]'"),
    "a driver for 12": (None, 12040, r"CuPy is not installed; pip install 'ninx\[gpu-cuda12\]'"),
    "a driver for 11": (None, 11080, r"CuPy is not installed; update the NVIDIA driver \(it supports CUDA 11.8\), then pip .*"),
    "no driver": (a_cupy(), None, r"CuPy 14.0.0 is installed, but there is no NVIDIA driver on this machine, .*"),
    "an old driver": (
        a_cupy(),
        12040,
        r"CuPy 14.0.0 is installed for CUDA 13, but the NVIDIA driver only supports CUDA 12.4; pip install 'ninx\[gpu-cuda12\]'",
    ),
    "no device": (a_cupy(devices=lambda: 0), 13000, "CuPy 14.0.0 is installed and there is an NVIDIA driver, but it sees no GPU"),
    "no access": (a_cupy(), 13000, f"CuPy .* driver, but it gives no access to a GPU \\(RuntimeError: {TOO_OLD}\\)"),
    "no libraries": (
        a_cupy(devices=lambda: 1, library=without_library),
        13000,
        r"CuPy 14.0.0 is installed, but NVRTC and cuBLAS cannot be loaded; pip install 'cupy-cuda1\dx\[ctk\]'",
    ),
    "no kernel": (
        a_cupy(devices=lambda: 1),
        13000,
        rf"CuPy 14.0.0 is installed, but it cannot run a kernel on the GPU \(RuntimeError: {TOO_OLD}\)",
    ),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A machine on which no GPU can be used; gives what must be said."""
    module, driver, words = CASES[request.param]
    find_spec = importlib.util.find_spec
    if module is None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "cupy" else find_spec(name))
    else:
        monkeypatch.setitem(sys.modules, "cupy", module)
    monkeypatch.setattr(gpu, "driver_version", lambda: driver)
    return words


def test_the_reason_is_one_sentence(case: str) -> None:
    status = ninx.gpu_status()
    assert status is not None
    assert re.fullmatch(case, status), status
    for use in (lambda: ninx.ones(2).to("cuda"), lambda: ninx.tensor([1.0], device="cuda:1"), lambda: array.use_device("cuda")):
        with pytest.raises(RuntimeError, match=r"^device 'cuda(:1)?' cannot be used: " + case + "$"):
            use()


def test_the_doctor_says_it_too_and_what_to_install(case: str) -> None:
    found = doctor.findings()
    assert [f.sentence.count(". ") for f in found] == [0] * len(found)  # one sentence each
    assert all(f.sentence.endswith(".") for f in found)
    said = " ".join(f.sentence for f in found if not f.good)
    status = str(ninx.gpu_status())
    if "not installed" in status:
        assert status.partition("; ")[2] in said
    else:
        assert f"No GPU can be used: {status}." in said


def test_a_machine_without_the_optional_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    absent = ("numba", "torch", "cupy")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else find_spec(name))
    said = [f.sentence for f in doctor.findings() if not f.good]
    for words in ("pip install numba.", "pip install 'ninx[bench]'.", "'ninx[gpu]'"):
        assert any(words in sentence for sentence in said), words


def test_two_wheels_of_cupy_are_one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", a_cupy())
    monkeypatch.setattr(gpu, "wheels", lambda: ["cupy-cuda12x", "cupy-cuda13x"])
    sentence = "CuPy is installed 2 times, uninstall all but one: cupy-cuda12x, cupy-cuda13x."
    assert (False, sentence) in doctor.findings()


def test_the_doctor_says_that_products_are_rounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """CuPy reads CUPY_TF32 as a number."""
    monkeypatch.setitem(sys.modules, "cupy", a_cupy())
    monkeypatch.setattr(gpu, "gpu_status", lambda: None)
    monkeypatch.setattr(gpu, "names", lambda: ["a card"])
    for value, warned in (("1", True), ("0", False), (None, False)):
        monkeypatch.delenv("CUPY_TF32", raising=False)
        if value is not None:
            monkeypatch.setenv("CUPY_TF32", value)
        assert any("CUPY_TF32 is set, so the operands" in f.sentence for f in doctor.findings() if not f.good) == warned


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "cuda1", "cpu:0", "cuda:-1"])
def test_a_device_that_is_none(device: str) -> None:
    with pytest.raises(ValueError, match=f"^device must be 'cpu', 'cuda' or 'cuda:N', got '{device}'$"):
        array.on_device(np.ones(2), device)


# -------------------------------------------------------------------- the commands, and the real wheel


def ninx_says(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", "from ninx.cli import main; main()", *args]
    environment = os.environ | {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, env=environment)


nowhere = pytest.mark.skipif(ninx.gpu_status() is None, reason="there is a GPU")


@nowhere
@pytest.mark.parametrize("command", [["train"], ["train", "--limit", "50"]])
def test_training_on_no_gpu_ends_in_one_sentence(command: list[str], tmp_path: Path) -> None:
    done = ninx_says(*command, "--device", "cuda", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Error: device 'cuda' cannot be used: {ninx.gpu_status()}\n"
    assert list(tmp_path.iterdir()) == []  # nothing was written


@nowhere
def test_the_doctor_prints_its_findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NINX_CACHE_DIR", str(tmp_path / "cache"))  # that of other tests grows meanwhile
    done = ninx_says("doctor", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines] == [f.sentence for f in doctor.findings()]
    assert {line.split()[0] for line in lines} <= {"ok", "missing"}


REAL = importlib.util.find_spec("cupy") is not None


@nowhere
@pytest.mark.skipif(
    not REAL, reason="the wheel of CuPy is not installed, so what it says without a driver is only simulated here"
)
def test_the_real_wheel_without_a_driver(tmp_path: Path) -> None:
    import cupy

    assert gpu.driver_version() is None
    reason = f"CuPy {cupy.__version__} is installed, but there is no NVIDIA driver on this machine, hence no GPU to use"
    assert ninx.gpu_status() == reason
    with pytest.raises(RuntimeError, match=f"^device 'cuda' cannot be used: {reason}$"):
        ninx.ones(2).to("cuda")
    assert f"No GPU can be used: {reason}." in ninx_says("doctor", cwd=tmp_path).stdout


@pytest.mark.parametrize("fail", [refuse, without_library])
def test_a_cupy_that_cannot_be_imported(fail: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        @staticmethod
        def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
            loader: Any = types.SimpleNamespace(create_module=lambda spec: fail(), exec_module=lambda module: None)
            return importlib.machinery.ModuleSpec("cupy", loader) if name == "cupy" else None

    monkeypatch.setattr(sys, "meta_path", [Broken, *sys.meta_path])
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    status = ninx.gpu_status()
    assert status is not None
    assert status.startswith("CuPy is installed, but cannot be imported (")
    assert any(status in f.sentence for f in doctor.findings())


def test_the_last_line_of_a_test_run_says_what_ran() -> None:
    ran = [("tests/cuda/test_cuda_compile.py::a", "passed"), ("tests/cuda/test_cuda_kernels.py::b", "failed")]
    ran += [("tests/engine/test_engine.py::c[cuda]", "passed"), ("tests/engine/test_engine.py::c[cpu]", "failed")]
    ran += [("tests/cuda/test_gpu.py::d[cuda:1]", "failed")]  # not of that fixture
    line = cuda_report.line(ran)
    ok, failed, rest = re.fullmatch(
        r"CUDA kernels: ok: (.*)\. FAILED: (.*)\. not run here: (.*)\. No .* ran on a GPU\.", line
    ).groups()
    assert ok == "compiled by NVRTC for sm_75 to sm_120; used by the engine's own tests on the stand-in"
    assert failed == "run on the CPU by g++ against the loops"
    assert rest.startswith("run under AddressSanitizer; launched on a stand-in")
    assert "No GPU code" not in cuda_report.line(ran, has_gpu=True)
