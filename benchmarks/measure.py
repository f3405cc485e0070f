"""How this project measures: several functions take turns (A B A B ...), after a warm-up, and medians are compared.

A machine's speed changes from second to second, so a time alone says little; functions that take turns meet the same
disturbances, and the median of their ratios hardly notices them. Quartiles show the spread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from .. import gpu
from ..array import on_device, synchronize, xp_of
from ..kernels import get_num_threads
from ..kernels.processor import processor

Work = Callable[[], Any]


@dataclass(frozen=True)
class Timing:
    """Seconds of one function, one for each round."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median, in seconds."""
        return float(np.median(self.seconds))

    @property
    def quartiles(self) -> tuple[float, float]:
        """The first and third quartile, in seconds."""
        low, high = np.percentile(self.seconds, (25, 75))
        return float(low), float(high)


PAUSE, PAUSES = 0.02, 25  # seconds of one look at whether all threads are idle, and how many looks there are at most


def nothing() -> None:
    """Do nothing."""


def rest() -> None:
    """Wait until no thread of this process works any more, half a second at most.

    Threads that have done their share of a product wait for the next one in a busy loop: PyTorch's for 10 ms, OpenBLAS's (NumPy's
    products) for more than 100. On two processors whatever is timed meanwhile has only one of them.
    """
    for _ in range(PAUSES):
        before = time.process_time()
        time.sleep(PAUSE)
        if time.process_time() - before < PAUSE / 10:
            return


def take_turns(
    functions: Sequence[Work],
    rounds: int,
    least: float = 0.03,
    warm_up: int = 2,
    device: str = "cpu",
    before: Sequence[Callable[[], None]] | None = None,
) -> list[Timing]:
    """Time each function ``rounds`` times, in turns; each time is the mean of calls in a row that last ``least`` seconds.

    Each turn on the CPU begins with a `rest`, because the threads of the function before would take a processor away. Then comes
    a call that is not timed, since memory and threads are cold. A GPU does what it is told later, so the clock is read only when
    the ``device`` has nothing left to do. ``before``: for each function what is to be done before its turn, a setting perhaps;
    not timed.
    """
    calls, prepare = [], before or [nothing] * len(functions)
    for setting, function in zip(prepare, functions, strict=True):
        setting()
        for _ in range(warm_up):
            function()
        synchronize(device)
        start = time.perf_counter()
        function()
        synchronize(device)
        calls.append(max(1, round(least / max(time.perf_counter() - start, 1e-9))))
    seconds: list[list[float]] = [[] for _ in functions]
    for _ in range(rounds):
        for i, function in enumerate(functions):
            prepare[i]()
            if device == "cpu":
                rest()
            function()
            synchronize(device)
            start = time.perf_counter()
            for _ in range(calls[i]):
                function()
            synchronize(device)
            seconds[i].append((time.perf_counter() - start) / calls[i])
    return [Timing(tuple(s)) for s in seconds]


@dataclass(frozen=True)
class Ratio:
    """By how much b is slower than a, round by round: above 1, a is faster."""

    median: float
    low: float
    high: float

    def times(self, factor: float) -> Ratio:
        """The same in another unit."""
        return Ratio(self.median * factor, self.low * factor, self.high * factor)

    def __str__(self) -> str:
        """ "1.72 (1.65 to 1.80)" """
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def ratio(a: Timing, b: Timing) -> Ratio:
    """The time of b divided by that of a in the same round: median and quartiles."""
    low, median, high = np.percentile(np.array(b.seconds) / np.array(a.seconds), (25, 50, 75))
    return Ratio(float(median), float(low), float(high))


@dataclass(frozen=True)
class Machine:
    """What the figures were measured on."""

    processor: str
    threads: int
    vectors: str
    blas: str
    layer: str
    numpy: str
    torch: str
    peak: float  # GFLOP/s, float32, of the device
    bandwidth: float  # GB/s, read + written, of the device
    device: str = "cpu"
    device_name: str = ""  # of a GPU


def machine(device: str = "cpu") -> Machine:
    """This machine and the device that is measured, with its peak rates measured now."""
    blas = "unknown (threadpoolctl is not installed)"
    try:
        import threadpoolctl

        (np.ones((64, 64)) @ np.ones((64, 64))).sum()
        blas = ", ".join(
            f"{p['internal_api']} {p.get('architecture', '')}, {p['num_threads']} thread(s)"
            for p in threadpoolctl.threadpool_info()
            if p["user_api"] == "blas"
        )
    except ImportError:
        pass
    import numba

    from ..kernels.cpu.jit.vector import HOST

    torch = torch_or_none()
    rate, copied = (peak(), bandwidth()) if device == "cpu" else gpu_rates(device)
    return Machine(
        processor(),
        get_num_threads(),
        f"{HOST.registers} of {HOST.bytes} bytes",
        blas,
        numba.threading_layer() if device == "cpu" else "",
        np.__version__,
        "not installed" if torch is None else torch.__version__,
        rate,
        copied,
        device,
        "" if device == "cpu" else gpu.names()[int(device.partition(":")[2] or 0)],
    )


def peak(seconds: float = 0.5) -> float:
    """GFLOP/s (float32) of multiply-adds in registers on all threads: the best of several short runs."""
    spin, operations = burst()
    spin()  # compiled on first use
    rest()
    best, until = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        start = time.perf_counter()
        spin()
        best = max(best, operations / (time.perf_counter() - start))
    return best / 1e9


def burst() -> tuple[Work, float]:
    """Some milliseconds of multiply-adds in registers on all threads (float32), and how many operations that are."""
    from ..kernels.cpu.peak import flops, spin

    threads = get_num_threads()
    return lambda: spin(2000, threads), flops(2000, threads)


def bandwidth() -> float:
    """GB/s of copying 128 MB on all threads, bytes read plus bytes written; the best of several."""
    from ..kernels.cpu.peak import copy

    a, b = np.ones(1 << 24, np.float64), np.zeros(1 << 24, np.float64)
    times = take_turns([lambda: copy(a, b, get_num_threads())], 7)[0].seconds
    return 2 * a.nbytes / min(times) / 1e9


MATRIX = 4096
GPU_TURN = 0.005  # seconds of a turn on a GPU, where only the reading of the clock disturbs


def gpu_burst(device: str) -> tuple[Work, float]:
    """A product of two large matrices by cuBLAS (float32), and how many operations that is."""
    numbers = np.random.default_rng(0).random((MATRIX, MATRIX), np.float32)  # of zeros or ones a GPU is faster than it is
    a = on_device(numbers, device)
    xp = xp_of(a)
    out = xp.empty_like(a)
    return lambda: xp.matmul(a, a, out=out), 2.0 * MATRIX**3


def gpu_rates(device: str) -> tuple[float, float]:
    """(GFLOP/s, GB/s) of a GPU: a product of two large matrices by cuBLAS (float32), and copying one of 256 MB."""
    product, operations = gpu_burst(device)
    big = on_device(np.ones(4 * MATRIX**2, np.float32), device)
    copy = xp_of(big).empty_like(big)

    def copied() -> None:
        copy[...] = big

    times, moved = take_turns([product, copied], 7, device=device)
    return 1e-9 * operations / min(times.seconds), 2e-9 * big.nbytes / min(moved.seconds)


@cache
def torch_or_none() -> Any:
    """PyTorch with as many threads as ours, or None."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(get_num_threads())
    return torch
