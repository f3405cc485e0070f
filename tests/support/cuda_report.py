"""One line at the end of a test run: which layers of the tests for the GPU ran, and which did not."""

from __future__ import annotations

import re
from collections.abc import Iterable

ENGINE = "the fixture device"
LAYERS = {
    "test_cuda_compile.py": "compiled by NVRTC for sm_75 to sm_120",
    "test_cuda_kernels.py": "run on the CPU by g++ against the loops",
    "test_cuda_memory.py": "run under AddressSanitizer",
    "test_cuda_launcher.py": "launched on a stand-in for CuPy",
    "test_device.py": "trained with on the stand-in",
    "test_device_benchmarks.py": "timed on the stand-in",
    ENGINE: "used by the engine's own tests on the stand-in",
}


def is_on_device(test: str) -> bool:
    """Is this the id of a test that the fixture `device` repeats on "cuda"?"""
    return re.search(r"\[cuda[-\]]", test) is not None


def line(outcomes: Iterable[tuple[str, str]], has_gpu: bool = False) -> str:
    """The line, from (id of a test, "passed", "failed", "skipped" or "error") of all tests."""
    seen: dict[str, set[str]] = {}
    for test, outcome in outcomes:
        path, _, rest = test.partition("::")
        seen.setdefault(path.rpartition("/")[2], set()).add(outcome)
        if is_on_device(rest):
            seen.setdefault(ENGINE, set()).add(outcome)
    ran = [what for name, what in LAYERS.items() if "passed" in seen.get(name, ()) and not seen[name] & {"failed", "error"}]
    failed = [what for name, what in LAYERS.items() if seen.get(name, set()) & {"failed", "error"}]
    rest = [what for what in LAYERS.values() if what not in ran + failed]
    parts = [
        f"{label}: {'; '.join(whats)}" for label, whats in (("ok", ran), ("FAILED", failed), ("not run here", rest)) if whats
    ]
    if has_gpu:
        return f"CUDA kernels: {'. '.join(parts)}. A GPU is here: the kernels and the engine's own tests ran on it."
    return f"CUDA kernels: {'. '.join(parts)}. No GPU code ran on a GPU."
