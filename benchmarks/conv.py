"""Convolutions, forward and backward, by every algorithm that there is: where do 1x1 and k x k stand on this machine?

Each result is checked before it is timed. "share" is that of the multiply-add peak, which is measured in the same turns, because
a busy machine's peak changes from minute to minute: median and quartiles of the rounds. Products with the padding count (they
are nominal), so a kernel that skips them, or Winograd's, may exceed 100 %. "direct" is the compiled kernel without Winograd's,
where that was taken. FLOP per byte is the arithmetic intensity: input + weight + output, each moved once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np

from ..array import on_device, to_numpy, xp_of
from ..kernels import clear_memory, cuda, fast, geometry, loops, memory_stats, strided
from ..kernels.cpu import winograd
from ..kernels.geometry import Geometry
from .measure import Machine, Ratio, Timing, burst, ratio, take_turns, torch_or_none
from .report import Report


class Layer(NamedTuple):
    """A convolution of square images: batch, input channels, pixels, output channels, kernel, stride, padding."""

    group: str
    N: int
    C: int
    H: int
    O: int  # noqa: E741 - the field's letter for output channels
    k: int
    stride: int = 1
    padding: int = 0

    @property
    def geometry(self) -> Geometry:
        """Its sizes."""
        x, w = (self.N, self.C, self.H, self.H), (self.O, self.C, self.k, self.k)
        return geometry.convolution("conv2d", x, w, (self.stride,) * 2, (self.padding,) * 2)

    @property
    def label(self) -> str:
        """ "64x192x32x32 -> 160 1x1" """
        step = f"/{self.stride}" if self.stride > 1 else ""
        return f"{self.N}x{self.C}x{self.H}x{self.H} -> {self.O} {self.k}x{self.k}{step}"


def _nin() -> Iterator[Layer]:
    """The layers of nin-d2l and of nin-cifar10."""
    for n, c, h, o, k, s, p in (
        (32, 1, 224, 96, 11, 4, 0), (32, 96, 54, 96, 1, 1, 0), (32, 96, 26, 256, 5, 1, 2), (32, 256, 26, 256, 1, 1, 0),
        (32, 256, 12, 384, 3, 1, 1), (32, 384, 12, 384, 1, 1, 0), (64, 3, 32, 192, 5, 1, 2), (64, 192, 32, 160, 1, 1, 0),
        (64, 96, 16, 192, 5, 1, 2), (64, 192, 16, 192, 1, 1, 0), (64, 192, 8, 192, 3, 1, 1), (64, 192, 8, 192, 1, 1, 0),
    ):  # fmt: skip
        yield Layer("nin", n, c, h, o, k, s, p)


def _kernels() -> Iterator[Layer]:
    """One input under growing kernels; then the same number of multiply-adds, with fewer images the larger the kernel."""
    for k in (1, 3, 5, 7, 11):
        yield Layer("same input", 16, 96, 16, 96, k, 1, k // 2)
    for k in (1, 3, 5, 7, 11):
        yield Layer("same FLOPs", max(1, round(484 / k**2)), 96, 16, 96, k, 1, k // 2)


def _bottleneck() -> Iterator[Layer]:
    """28x28x192 to 32 channels: 5x5 at once, 1x1 alone, and 1x1 to 16 channels before the 5x5."""
    for c, o, k in ((192, 32, 5), (192, 32, 1), (192, 16, 1), (16, 32, 5)):
        yield Layer("bottleneck", 32, c, 28, o, k, 1, k // 2)


def _convnet(batch: int) -> Iterator[Layer]:
    """The five layers of convnet-benchmarks."""
    for h, c, o, k in ((128, 3, 96, 11), (64, 64, 128, 9), (32, 128, 128, 9), (16, 128, 128, 7), (13, 384, 384, 3)):
        yield Layer("convnet", batch, c, h, o, k)


def _deepbench(batch: int) -> Iterator[Layer]:
    """DeepBench's 1x1 layers of stride 1."""
    for h, pairs in (
        (112, [(64, 64)]), (56, [(64, 256), (256, 64)]), (28, [(192, 64), (128, 512), (512, 128)]),
        (14, [(512, 192), (256, 256), (256, 1024), (1024, 256)]), (7, [(832, 256), (512, 512), (512, 2048), (2048, 512)]),
    ):  # fmt: skip
        for c, o in pairs:
            yield Layer("deepbench", batch, c, h, o, 1)


GROUPS = ("nin", "same input", "same FLOPs", "bottleneck", "convnet", "deepbench")


def layers(groups: tuple[str, ...], batch: int) -> list[Layer]:
    """The layers of these groups; ``batch`` is that of convnet and of deepbench."""
    found = [*_nin(), *_kernels(), *_bottleneck(), *_convnet(batch), *_deepbench(batch)]
    return [layer for layer in found if layer.group in groups]


COLUMNS = [
    "group", "layer", "direction", "FLOP/byte", "fast ms", "GFLOP/s", "share", "GB/s", "direct ms", "im2col ms", "GEMM ms",
    "workspace MB", "PyTorch ms", "channels_last ms", "times as fast as the better",
]  # fmt: skip


def run(machine: Machine, rounds: int, groups: tuple[str, ...] = GROUPS, batch: int = 16) -> Report:
    """Time all layers of the groups."""
    report = Report("conv", machine, COLUMNS)
    for layer in layers(groups, batch):
        for direction in ("forward", "input gradient", "weight gradient"):
            if direction == "input gradient" and layer.C <= 3:
                continue  # the gradient of an image is never asked for
            _measure(report, layer, direction, rounds)
    speeds = [r["ratio"] for r in report.records if r["ratio"]]
    if speeds:
        mean = float(np.exp(np.mean(np.log(speeds))))
        report.notes.append(f"geometric mean of the ratios: {mean:.2f}; below 1: {sum(s < 1 for s in speeds)} of {len(speeds)}")
        slow = sorted((r["ratio"], r["name"]) for r in report.records if r["ratio"] and r["ratio"] < 1)
        report.notes += [f"  {value:.2f}  {name}" for value, name in slow]
    if machine.device == "cpu":
        report.notes.append(_tiny(rounds))
    return report


def _measure(report: Report, layer: Layer, direction: str, rounds: int) -> None:
    geo, rng = layer.geometry, np.random.default_rng(0)
    x = rng.standard_normal((geo.N, geo.H, geo.W, geo.C), np.float32)
    w = rng.standard_normal((geo.O, geo.KH, geo.KW, geo.C), np.float32)
    b, g = rng.standard_normal(geo.O, np.float32), rng.standard_normal((geo.N, geo.OH, geo.OW, geo.O), np.float32)
    device = report.machine.device
    dx, dw, db, dg = (on_device(a, device) for a in (x, w, b, g))
    works = _ours(direction, dx, dw, db, dg, geo)
    theirs = _theirs(direction, x, w, b, g, layer)
    _verify(layer, direction, works | (theirs or {"processor": _ours(direction, x, w, b, g, geo)["fast"]}))
    theirs = theirs if device == "cpu" else {}
    workspace = _workspace(works["fast"]) if device == "cpu" else geo.workspace(4, cuda.BUDGET)
    peak, operations = burst()
    # Right after our own: PyTorch's threads spin for a while after their work, and the peak would seem low.
    turns = {"fast": works["fast"]} | ({"peak": peak} if device == "cpu" else {}) | works | theirs
    timing = dict(zip(turns, take_turns([*turns.values()], rounds, warm_up=1, device=device), strict=True))
    fast_time = timing["fast"].median
    rate, moved = 2e-9 * geo.macs / fast_time, geo.traffic(4)
    best: Timing | None = min((timing[n] for n in theirs), key=lambda t: t.median, default=None)
    speed = None if best is None else ratio(timing["fast"], best)
    m = report.machine
    share = Ratio(*[rate / m.peak] * 3)
    if "peak" in timing:
        share = ratio(timing["fast"], timing["peak"]).times(2 * geo.macs / operations)

    def shown(name: str) -> str:
        return f"{1e3 * timing[name].median:.2f}" if name in timing else "-"

    report.add(
        [
            layer.group, layer.label, direction, f"{2 * geo.macs / moved:.0f}", f"{1e3 * fast_time:.2f}", f"{rate:.0f}",
            f"{share.median:.0%} ({share.low:.0%} to {share.high:.0%})", f"{1e-9 * moved / fast_time:.1f}",
            *map(shown, ("direct", "im2col", "GEMM")), f"{workspace / 1e6:.1f}", *map(shown, ("PyTorch", "channels_last")),
            str(speed or "-"),
        ],
        {
            "name": f"{layer.label} {direction}", "group": layer.group, "direction": direction, "intensity": 2 * geo.macs / moved,
            "gflops": rate, "share_of_peak": asdict(share), "share_of_copy": 1e-9 * moved / fast_time / m.bandwidth,
            "workspace": workspace, "seconds": {n: t.seconds for n, t in timing.items()},
            "ratio": None if speed is None else speed.median,
        },
    )  # fmt: skip


def _workspace(work: Callable[[], Any]) -> int:
    """Bytes that were lent at one time beyond the result."""
    clear_memory()
    result = work()
    kept: int = sum(a.nbytes for a in (result if isinstance(result, tuple) else (result,)))
    return max(0, memory_stats().peak - kept)


def _ours(direction: str, x: Any, w: Any, b: Any, g: Any, geo: Geometry) -> dict[str, Callable[[], Any]]:
    """The algorithms: compiled, without Winograd's where that was taken, im2col, and for a 1x1 kernel one matrix product."""
    methods: dict[str, tuple[Any, str]] = {"fast": (fast, "auto")}
    if xp_of(x) is np and winograd.fits(geo, x.dtype):
        methods["direct"] = fast, "direct"
    methods["im2col"] = strided, "im2col"
    if geo.pointwise:
        methods["GEMM"] = strided, "gemm"

    def work(tier: Any, method: str) -> Callable[[], Any]:
        if direction == "forward":
            return lambda: tier.conv2d(x, w, b, geo, method, relu=True)
        if direction == "input gradient":
            return lambda: tier.conv2d_input_grad(g, w, geo, method, x)
        return lambda: tier.conv2d_weight_bias_grad(x, g, geo, method)

    return {name: work(*way) for name, way in methods.items()}


def _theirs(direction: str, x: Any, w: Any, b: Any, g: Any, layer: Layer) -> dict[str, Callable[[], Any]]:
    """PyTorch's, in both memory formats: with the ReLU, the ReLU's gate and the bias gradient as ours."""
    torch: Any = torch_or_none()
    if torch is None:
        return {}
    made: dict[str, Callable[[], Any]] = {}
    for name, layout in (("PyTorch", torch.contiguous_format), ("channels_last", torch.channels_last)):
        tx, tw, tg = (torch.from_numpy(a).permute(0, 3, 1, 2).contiguous(memory_format=layout) for a in (x, w, g))
        tb, settings = torch.from_numpy(b), ([layer.stride] * 2, [layer.padding] * 2, [1, 1])

        def backward(mask: list[bool], tx: Any = tx, tw: Any = tw, tg: Any = tg, settings: Any = settings) -> Any:
            return torch.ops.aten.convolution_backward(tg, tx, tw, [layer.O], *settings, False, [0, 0], 1, mask)

        if direction == "forward":
            made[name] = lambda tx=tx, tw=tw, tb=tb, s=settings: torch.relu_(torch.conv2d(tx, tw, tb, *s))  # type: ignore[misc]
        elif direction == "input gradient":
            made[name] = lambda tx=tx, f=backward: torch.ops.aten.threshold_backward(f([True, False, False])[0], tx, 0)  # type: ignore[misc]
        else:
            made[name] = lambda f=backward: f([False, True, True])[1:]  # type: ignore[misc]
    return made


def _verify(layer: Layer, direction: str, works: dict[str, Callable[[], Any]]) -> None:
    """Raise AssertionError unless all algorithms agree with the last one (PyTorch, if it is installed) to 1e-4."""

    def first(result: Any) -> Any:
        result = result[0] if isinstance(result, tuple) else result
        return result.permute(0, 2, 3, 1).numpy() if hasattr(result, "permute") else to_numpy(result)

    results = {name: first(work()) for name, work in works.items()}
    expected = list(results.values())[-1]
    for name, got in results.items():
        error = float(np.abs(got - expected).max() / np.abs(expected).max())
        if not error < 1e-4:
            raise AssertionError(f"{layer.label} {direction}: {name} is off by {error:.1e}")


def _tiny(rounds: int) -> str:
    """The nested loops, at a size where they end."""
    geo = geometry.convolution("conv2d", (1, 4, 8, 8), (4, 4, 3, 3))
    x, w = np.ones((1, 8, 8, 4), np.float32), np.ones((4, 3, 3, 4), np.float32)
    times = take_turns([lambda: loops.conv2d(x, w, None, geo), lambda: fast.conv2d(x, w, None, geo)], min(rounds, 5))
    slow, quick = (t.median for t in times)
    return f"nested loops, 1x4x8x8 -> 4 3x3: {1e3 * slow:.1f} ms; the compiled kernels {1e6 * quick:.0f} us"
