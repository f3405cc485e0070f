"""One line at the end of a test run: which layers of the tests for the GPU ran, and which did not."""

from __future__ import annotations

from collections.abc import Iterable

LAYERS = {
    "test_cuda_compile.py": "compiled by NVRTC for sm_75 to sm_120",
    "test_cuda_kernels.py": "run on the CPU by g++ against the loops",
    "test_cuda_memory.py": "run under AddressSanitizer",
    "test_cuda_launcher.py": "launched on a stand-in for CuPy",
}


def line(outcomes: Iterable[tuple[str, str]]) -> str:
    """The line, from (path of a test's file, "passed", "failed", "skipped" or "error") of all tests."""
    seen: dict[str, set[str]] = {}
    for path, outcome in outcomes:
        seen.setdefault(path.rpartition("/")[2], set()).add(outcome)
    ran = [what for name, what in LAYERS.items() if "passed" in seen.get(name, ()) and not seen[name] & {"failed", "error"}]
    failed = [what for name, what in LAYERS.items() if seen.get(name, set()) & {"failed", "error"}]
    rest = [what for what in LAYERS.values() if what not in ran + failed]
    parts = [
        f"{label}: {'; '.join(whats)}" for label, whats in (("ok", ran), ("FAILED", failed), ("not run here", rest)) if whats
    ]
    return f"CUDA kernels: {'. '.join(parts)}. Nothing ran on a GPU."
