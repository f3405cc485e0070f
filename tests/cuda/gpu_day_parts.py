"""The parts of a GPU day, one function each. Each runs in a process of its own: ``python gpu_day_parts.py LETTER FILE LIMIT``.

On the stand-in for CuPy (NINX_GPU_DAY=stand-in) everything is small, and what needs hardware says "not on this machine".
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from rooms import ROOT, TESTS

HERE = Path(__file__).parent
STAND_IN = os.environ.get("NINX_GPU_DAY") == "stand-in"


class Result:
    """What a part has found so far, in a file, so that it survives the end of the process."""

    def __init__(self, path: Path, limit: float):
        self.path, self.limit, self.start = path, limit, time.perf_counter()
        self.lines: list[str] = []
        self.figures: dict[str, Any] = {}
        self.status = "not on this machine"

    def say(self, line: str, **figures: Any) -> None:
        """One finding, and figures for the JSON file."""
        self.status = "ok" if self.status != "red" else "red"
        self._add(line, figures)

    def not_here(self, what: str) -> None:
        """What needs hardware."""
        self._add(f"{what}: not on this machine", {})

    def wrong(self, line: str, **figures: Any) -> None:
        """A finding that makes the part red; it goes on."""
        self.status = "red"
        self._add(line, figures)

    def left(self) -> float:
        """Seconds until the part is stopped."""
        return self.limit - (time.perf_counter() - self.start)

    def _add(self, line: str, figures: dict[str, Any]) -> None:
        self.lines.append(line)
        self.figures |= figures
        content = {"status": self.status, "lines": self.lines, "figures": self.figures}
        self.path.write_text(json.dumps(content, default=float), encoding="utf-8")


# -------------------------------------------------------------------- (a) the machine


def a(result: Result) -> None:
    """The doctor's sentences, what the driver says of the device, one kernel of ours and one product of cuBLAS."""
    import cupy

    from ninx import doctor, gpu
    from ninx.kernels import cuda

    result.say(f"ninx {importlib.metadata.version('ninx')}", doctor=[f.sentence for f in doctor.findings()])
    properties = cupy.cuda.runtime.getDeviceProperties(0)
    versions = {"CuPy": cupy.__version__, "NumPy": np.__version__}
    for name in ("torch", "numba", "scipy"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    name = properties["name"].decode()
    result.say(f"{name}, CuPy {cupy.__version__}", device=name, versions=versions)
    driver = gpu.driver_version()
    if driver is None or STAND_IN:
        result.not_here("the driver")
    else:
        numbers = {k: properties[k] for k in ("totalGlobalMem", "multiProcessorCount", "l2CacheSize", "major", "minor")}
        result.say(f"driver for CUDA {gpu.dotted(driver)}", driver=gpu.dotted(driver), properties=numbers)
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 10, (2, 4, 4, 8)).astype(np.float32)
    np.testing.assert_array_equal(cuda.global_avg_pool2d(cupy.asarray(x)).get(), x.mean((1, 2), keepdims=True))
    left, right = rng.standard_normal((2, 512, 512)).astype(np.float32)
    product = cupy.matmul(cupy.asarray(left), cupy.asarray(right)).get()
    exact = left.astype(np.float64) @ right.astype(np.float64)
    error = float(np.abs(product - exact).max() / np.abs(exact).max())
    assert error < 1e-5, f"a product of float32 is off by {error:.1e}, as if it were rounded to TF32"
    result.say(f"a kernel of ours is right, a product of float32 to {error:.0e}", product_error=error)


# -------------------------------------------------------------------- (b) tests


def b(result: Result) -> None:
    """The tests of the engine that ask for the fixture `device`, on "cuda", and all of the kernels against the loops."""
    files = [str(p) for p in sorted(TESTS.glob("*/test_*.py")) if re.search(r'usefixtures\("device"\)', p.read_text())]
    chosen, workers = "[cuda or test_cuda_kernels", 8
    if STAND_IN:  # continuous integration runs all of them on it
        files, workers = [str(TESTS / "nn" / "test_convolution.py")], 1
        chosen = "[cuda or test_windows_of_more_than_256_pixels or test_more_entries"
    files.append(str(HERE / "test_cuda_kernels.py"))
    command = [sys.executable, "-m", "pytest", "-vv", "-n", str(workers), "--tb=short", "--no-header", "-k", chosen]
    command += ["-p", "no:cacheprovider", "-p", "gpu_day_faults", "-W", "default", *files]  # a warning of CuPy is no failure
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        try:
            process.wait(max(1.0, result.left() - 5))
            stopped = ""
        except subprocess.TimeoutExpired:
            process.kill()
            stopped = ", then stopped by the limit"
        log.seek(0)
        said = log.read()
    outcomes = re.findall(r"^(?:\[gw\d+\] \[ *\d+%\] )(PASSED|FAILED|ERROR|SKIPPED) (.+?)\s*$", said, re.MULTILINE)
    count = Counter(outcome for outcome, _ in outcomes)
    failed = [name.rpartition("tests/")[2] for outcome, name in outcomes if outcome in ("FAILED", "ERROR")]
    line = f"{count['PASSED']} passed, {len(failed)} failed, {count['SKIPPED']} skipped{stopped}"
    good = process.returncode == 0
    if not STAND_IN and "A GPU is here" not in said and not stopped:
        good, line = False, f"{line}; but not on a GPU"
    (result.say if good else result.wrong)(line, counts=dict(count), failed=failed, geometries="few" if STAND_IN else 300)
    if not good:
        print(said[-12000:])


# -------------------------------------------------------------------- (c) compute-sanitizer


def c(result: Result) -> None:
    """Every kernel once, first by itself, then under each tool. Without CuPy's pool, in which a step too far stays unseen."""
    script = [sys.executable, str(HERE / "gpu_day_parts.py"), "kernels", "", ""]
    plain = subprocess.run(script, capture_output=True, text=True)
    assert plain.returncode == 0, plain.stdout + plain.stderr
    result.say(plain.stdout.strip())
    sanitizer = shutil.which("compute-sanitizer") or shutil.which("/usr/local/cuda/bin/compute-sanitizer")
    for tool, options in (("memcheck", ["--report-api-errors", "no"]), ("racecheck", [])):
        if sanitizer is None or STAND_IN:
            result.not_here(f"compute-sanitizer {tool}")
            continue
        command = [sanitizer, "--tool", tool, *options, "--error-exitcode", "9", *script]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=max(1.0, result.left() - 3))
        except subprocess.TimeoutExpired:
            result.wrong(f"{tool}: not done in time")
            continue
        summary = re.findall(r"(?:ERROR|RACECHECK) SUMMARY: (.*)", run.stdout)
        line = f"{tool}: {summary[-1] if summary else f'exit code {run.returncode}'}"
        (result.say if run.returncode == 0 else result.wrong)(line)
        if run.returncode:
            print((run.stdout + run.stderr)[-6000:])


def kernels(_: Result) -> None:
    """What runs under compute-sanitizer: every kernel of the source, with both element types and both index types."""
    import cuda_checks
    import cupy
    import host_cuda

    from ninx.kernels import geometry
    from ninx.kernels.cuda import launcher

    if not STAND_IN:
        cupy.cuda.set_allocator(None)
    seen, kernel = set(), launcher._kernel
    launcher._kernel = lambda name, real, index: seen.add(name) or kernel(name, real, index)
    conv = geometry.convolution("conv2d", (2, 4, 9, 7), (6, 2, 3, 2), (2, 1), (1, 2), (1, 2), 2)
    pool = geometry.pooling("pool", (2, 3, 9, 7), (3, 2), (2, 2), (1, 1))
    wide = geometry.pooling("pool", (1, 2, 18, 19), (17, 16), (2, 3), (3, 2))  # its positions take four bytes
    for number in range(4):
        for check, geo, option in (
            ("convolution", conv, 3000), ("columns", conv, 3000), ("max_pooling", pool, True), ("max_pooling", wide, True),
            ("average_pooling", pool, False),
        ):  # fmt: skip
            cuda_checks.run(check, geo, number, number, option)
        dtype, context = cuda_checks.variant(number)
        with context:
            cuda_checks.steps(dtype, (3, 5), np.random.default_rng(0))
            cuda_checks.the_rest(dtype, np.random.default_rng(0))
    missing = set(host_cuda.kernels_of(launcher.source())) - seen
    launcher._kernel = kernel
    assert not missing, f"these kernels did not run: {missing}"
    print(f"all {len(seen)} kernels ran, in float32 and float64, with indices of 32 and 64 bits")


# -------------------------------------------------------------------- (d) training


class _Enough(Exception):
    """Five steps are done."""


def first_losses(device: str, folder: Path, count: int = 5) -> list[float]:
    """The losses of the first steps of the recipe "digits"."""
    from ninx import train

    small = {"batch_size": 8} if STAND_IN else {}
    recipe = train.recipe.load("digits", {"epochs": 1, "limit": 320, **small})
    training, losses = train.Training(recipe, folder, device=device), []

    def note(_: int, loss: float) -> None:
        losses.append(float(loss))
        if len(losses) == count:
            raise _Enough

    with contextlib.suppress(_Enough):
        list(training.run(note))
    return losses


def d(result: Result) -> None:
    """The first five losses of the CPU to 1e-3, and three epochs by the command."""
    import ninx

    with tempfile.TemporaryDirectory() as folder:
        there = first_losses("cuda", Path(folder) / "cuda")
        with ninx.use_kernels("strided"):  # nothing has to be compiled for it
            here = first_losses("cpu", Path(folder) / "cpu")
        gap = max(abs(p - q) for p, q in zip(here, there, strict=True))
        line = f"the first {len(here)} losses differ from the CPU's by {gap:.1e} at most"
        good = len(here) == 5 and gap < 1e-3
        (result.say if good else result.wrong)(line, losses_cpu=here, losses_gpu=there)
        start = time.perf_counter()
        size = ["--limit", "16", "--holdout", "10"] if STAND_IN else []
        said = command("train", "--device", "cuda", "--epochs", "3", *size, cwd=folder)
        accuracy = re.findall(r"(?:test|held-out) accuracy +(\d+\.\d+) %", said)
        assert accuracy, said
        seconds = time.perf_counter() - start
        line = f"three epochs: {accuracy[-1]} % right after {seconds:.0f} s"
        good = STAND_IN or float(accuracy[-1]) > 95
        (result.say if good else result.wrong)(line, accuracy=float(accuracy[-1]), seconds_of_three_epochs=seconds)


def command(*words: str, cwd: str | Path = ".") -> str:
    """What a command of ninx prints; it runs in this process, where the stand-in may be."""
    import io

    from ninx.cli import main

    text, before, arguments = io.StringIO(), Path.cwd(), sys.argv
    os.environ |= {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    os.chdir(cwd)
    sys.argv = ["ninx", *words]
    try:
        with contextlib.redirect_stdout(text):
            main()
    except SystemExit as end:
        if end.code:
            raise AssertionError(f"ninx {' '.join(words)}: exit code {end.code}\n{text.getvalue()}") from None
    finally:
        sys.argv = arguments
        os.chdir(before)
    return text.getvalue()


# -------------------------------------------------------------------- (e) copies


def copies_of(work: Callable[[], None]) -> Counter[str]:
    """How many copies go "in" to the device, "out" of it, and go on there ("within", real devices only), while ``work`` runs."""
    if STAND_IN:
        import cupy_stand_in

        cupy_stand_in.transfers.clear()
        work()
        return Counter(way for way, _ in cupy_stand_in.transfers)
    import cupy
    from torch.profiler import ProfilerActivity, profile  # sees all that the process asks of the GPU, CuPy's copies too

    with profile(activities=[ProfilerActivity.CUDA]) as seen, tempfile.TemporaryDirectory() as folder:
        work()
        cupy.cuda.Device().synchronize()
        seen.stop()
        seen.export_chrome_trace(f"{folder}/trace.json")
        events = json.loads(Path(f"{folder}/trace.json").read_text())["traceEvents"]
    ways = {"HtoD": "in", "DtoH": "out", "DtoD": "within"}
    names = [event["name"].split()[1] for event in events if event.get("cat") == "gpu_memcpy"]
    return Counter(ways.get(name, name) for name in names)


def e(result: Result) -> None:
    """Three steps of nin-cifar10, after two, fed by the loader, which copies a batch ahead: what goes in, and out."""
    import cupy

    import ninx
    import ninx.functional as F
    from ninx import data, models, optim

    host = np.arange(1000, dtype=np.float32)
    assert copies_of(lambda: cupy.asarray(host).get().sum()) == {"in": 1, "out": 1}, "copies cannot be counted here"
    batch, steps = (2 if STAND_IN else 64), 3
    ninx.manual_seed(0)
    net = models.create("nin-cifar10").to("cuda")
    learn = optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (8 * batch, 32, 32, 3), dtype=np.uint8)
    dataset = data.ArrayDataset(images, np.arange(8 * batch) % 10, [str(i) for i in range(10)])
    batches = iter(data.DataLoader(dataset, batch, transform=data.ToTensor(), device="cuda"))

    def step() -> None:
        x, y = next(batches)
        loss = F.cross_entropy(net(x), y)
        learn.zero_grad()
        loss.backward()
        learn.step()
        assert np.isfinite(loss.item())

    step()
    step()
    before = ninx.layout_copies()
    found = copies_of(lambda: [step() for _ in range(steps)] and None)
    layouts = ninx.layout_copies() - before
    line = f"{steps} steps copy {found['in']} arrays in and {found['out']} out, and {layouts} images change their layout"
    good = (found["in"], found["out"], layouts) == (2 * steps, steps, 0)
    wanted = "" if good else f" (wanted: {2 * steps}, {steps}, 0)"
    (result.say if good else result.wrong)(line + wanted, copies=dict(found), layout_copies=layouts, steps=steps)


# -------------------------------------------------------------------- (f) benchmarks, (g) roofs


def _small() -> None:
    """Sizes that the stand-in does in seconds."""
    from ninx.benchmarks import conv, measure, step, suites

    layers = [conv.Layer("bottleneck", 2, 8, 6, 4, k, padding=k // 2) for k in (1, 3)]
    conv.layers = lambda groups, batch: layers
    step.CASES, step.INFERENCE = [("nin-mnist-v2", 2, 28)], []
    measure.MATRIX, conv.MOST_SETS, suites.GPU_ROUNDS = 64, 2, 2


def f(result: Result) -> None:
    """Both suites by the command, which writes its figures to a file."""
    from ninx.benchmarks import peer

    if STAND_IN:
        _small()
    if peer.peer("cuda") is None:
        result.not_here("PyTorch on a GPU")
    for suite in ("step", "conv"):
        path = result.path.with_name(f"bench-{suite}.json")
        command("bench", suite, "--quick", "--device", "cuda", "--json", str(path))
        report = json.loads(path.read_text())
        rows = [{k: v for k, v in record.items() if k not in ("seconds", "ours", "theirs")} for record in report["records"]]
        for row, record in zip(rows, report["records"], strict=True):
            row["ms"] = _medians(record)
        peers = [row["ratio"] for row in rows if row["ratio"]]
        line = f"{suite}: {len(rows)} measured and right"
        if peers:
            tf32 = [row["ratio_tf32"] for row in rows]
            line += f", {_mean(peers):.2f} times as fast as PyTorch in float32, {_mean(tf32):.2f} times with its TF32"
        result.say(line, **{suite: rows, f"{suite}_machine": report["machine"], f"{suite}_notes": report["notes"]})


def _medians(record: dict[str, Any]) -> dict[str, float]:
    """Milliseconds by name, from a record of either suite."""
    named = record.get("seconds") or {"fast": record["ours"]["seconds"]} | {
        name: timing["seconds"] for name, timing in record["theirs"].items()
    }
    return {name: 1e3 * float(np.median(seconds)) for name, seconds in named.items()}


def _mean(ratios: list[float]) -> float:
    return float(np.exp(np.mean(np.log(ratios))))


def g(result: Result) -> None:
    """The roofs now, and each layer's share of those that part (f) met in the same turns."""
    from ninx.benchmarks import measure

    if STAND_IN:
        _small()
    flops, bandwidth = measure.gpu_rates("cuda")
    roofs = {"cublas_tflops": flops / 1e3, "copy_gbs": bandwidth}
    result.say(f"cuBLAS float32 {flops / 1e3:.1f} TFLOP/s, device copy {bandwidth:.0f} GB/s (read + written)", roofs=roofs)
    path = result.path.with_name("f.json")
    layers = json.loads(path.read_text())["figures"].get("conv", []) if path.exists() else []
    if not layers:
        result.wrong("part (f) has measured no layers")
        return
    shares = [{"name": r["name"], "of_roof": r["share_of_roof"], "of_pytorch": r["ratio"]} for r in layers]
    for what, goal, key, rows in (
        ("1x1 layers at 95 % of a roof", 0.95, "share_of_roof", [r for r in layers if r["kernel"] == 1]),
        ("3x3 and 5x5 layers at 50 % of PyTorch's speed", 0.5, "ratio", [r for r in layers if r["kernel"] in (3, 5)]),
    ):
        known = [r[key] for r in rows if r[key]]
        if known and not STAND_IN:
            result.say(f"{sum(v >= goal for v in known)} of {len(known)} {what}")
    result.say(f"{len(shares)} layers", shares=shares)


def main() -> None:
    """Run one part."""
    letter, path, limit = sys.argv[1:]
    result = Result(Path(path), float(limit or 0))
    with ExitStack() as stack:
        if STAND_IN:
            import cupy_stand_in

            stack.enter_context(cupy_stand_in.installed())
        import gpu_day_faults

        if letter != "b":
            gpu_day_faults.plant(letter)
        try:
            {f.__name__: f for f in (a, b, c, d, e, f, g, kernels)}[letter](result)
        except Exception as error:
            if path:
                result.wrong(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
            raise


if __name__ == "__main__":
    main()
