"""For the tests of kernels: small as their arrays are, the work is done on threads."""

from importlib.util import find_spec

import pytest


@pytest.fixture(autouse=True)
def _on_threads_however_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else two threads that write the same place would be found by no test."""
    if find_spec("numba"):
        monkeypatch.setattr("ninx.kernels.cpu.jit.compiled.SMALL", 0)
