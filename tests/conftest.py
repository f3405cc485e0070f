"""Shared fixtures. Every test starts from the same random state, ours and PyTorch's, and leaves ours as it was."""

import gc
import sys
from collections.abc import Iterator

import cuda_report
import devices
import pytest
from hypothesis import HealthCheck, settings

import ninx

# The same examples in every run, and no limit on their time: the first call of a function imports and caches things, and a
# busy machine may let a process wait.
settings.register_profile("ninx", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ninx")


@pytest.fixture(autouse=True)
def _fresh_randomness() -> Iterator[None]:
    state = ninx.get_rng_state()
    ninx.manual_seed(0)
    if torch := sys.modules.get("torch"):  # not imported here: a test without PyTorch does not wait for it
        torch.manual_seed(0)
    yield
    ninx.set_rng_state(state)


@pytest.fixture(params=["cpu", "cuda"], scope="module")
def device(request: pytest.FixtureRequest) -> Iterator[str]:
    """Whatever a test makes lies on this device; the files that ask for it run their tests on both."""
    with devices.everything_on(request.param):
        yield request.param


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Do not repeat on a GPU what its marker says is a matter of the host's."""
    gone = [item for item in items if item.get_closest_marker("host_only") and cuda_report.is_on_device(item.nodeid)]
    config.hook.pytest_deselected(items=gone)
    items[:] = [item for item in items if item not in gone]


@pytest.fixture
def no_gc() -> Iterator[None]:
    """What dies here dies by its reference count."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was tested of the CUDA kernels, and why a part of it was not."""
    outcomes = ("passed", "failed", "error", "skipped")
    reports = [(report, outcome) for outcome in outcomes for report in terminalreporter.stats.get(outcome, [])]
    ran = ((report.nodeid, outcome) for report, outcome in reports)
    terminalreporter.write_line(cuda_report.line(ran, has_gpu=ninx.gpu_status() is None))
    about = ("test_cuda_", "test_gpu.py", "test_device")
    skipped = [report for report, outcome in reports if outcome == "skipped" and any(a in report.nodeid for a in about)]
    for reason in sorted({report.longrepr[2] for report in skipped if isinstance(report.longrepr, tuple)}):
        terminalreporter.write_line(f"CUDA kernels: {reason}")
