"""Convolutions, forward and backward, by every algorithm that there is: where do 1x1 and k x k stand on this machine?

Each result is checked before it is timed. "share" is that of the multiply-add peak, which is measured in the same turns, because
a busy machine's peak changes from minute to minute: median and quartiles of the rounds. Products with the padding count (they
are nominal), so a kernel that skips them, or Winograd's, may exceed 100 %. "direct" is the compiled kernel without Winograd's,
where that was taken. FLOP per byte is the arithmetic intensity: input + weight + output, each moved once.

On a GPU the peak is that of a large product by cuBLAS, and every call takes the next of several inputs, which together are larger
than the cache. PyTorch competes on the same GPU; see `peer` for what TF32 means there.
"""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np

from ..array import on_device, to_numpy, xp_of
from ..kernels import blocked, clear_memory, cuda, fast, geometry, loops, memory_stats, strided
from ..kernels.cpu.conv import winograd
from ..kernels.geometry import Geometry
from .measure import GPU_TURN, Machine, Ratio, Timing, Work, burst, gpu_burst, nothing, ratio, take_turns
from .peer import TF32, Peer, peer, tf32_note
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


def _large() -> Iterator[Layer]:
    """Kernels of 7x7 to 11x11, on images that are larger than they."""
    for n, c, h, o, k in (
        (16, 64, 32, 64, 7),
        (8, 128, 32, 128, 7),
        (8, 128, 16, 128, 7),
        (8, 64, 64, 128, 9),
        (8, 64, 32, 64, 11),
    ):
        yield Layer("large", n, c, h, o, k, 1, k // 2)


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


GROUPS = ("nin", "same input", "same FLOPs", "large", "bottleneck", "convnet", "deepbench")


def layers(groups: tuple[str, ...], batch: int) -> list[Layer]:
    """The layers of these groups; ``batch`` is that of convnet and of deepbench."""
    found = [*_nin(), *_kernels(), *_large(), *_bottleneck(), *_convnet(batch), *_deepbench(batch)]
    return [layer for layer in found if layer.group in groups]


COLUMNS = [
    "group", "layer", "direction", "FLOP/byte", "fast ms", "GFLOP/s", "share", "GB/s", "direct ms", "im2col ms", "GEMM ms",
    "workspace MB", "PyTorch ms", "channels_last ms", "times as fast as the better",
]  # fmt: skip
WITH_TF32 = ["share of roof", "PyTorch TF32 ms", "channels_last TF32 ms", "times as fast as TF32"]  # and these on a GPU
ROTATED = 2**28  # bytes of inputs of one layer that calls on a GPU go through: several times the largest cache
MOST_SETS = 64


def run(machine: Machine, rounds: int, groups: tuple[str, ...] = GROUPS, batch: int = 16) -> Report:
    """Time all layers of the groups."""
    report = Report("conv", machine, COLUMNS + (WITH_TF32 if machine.device != "cpu" else []))
    for layer in layers(groups, batch):
        for direction in ("forward", "input gradient", "weight gradient"):
            if direction == "input gradient" and layer.C <= 3:
                continue  # the gradient of an image is never asked for
            _measure(report, layer, direction, rounds)
    report.notes += _speeds([r for r in report.records if r["ratio"]])
    report.notes += [_rungs(rounds)] if machine.device == "cpu" else tf32_note(machine.device)
    report.notes.append(_conclusion(report.records))
    return report


def _speeds(compared: list[dict[str, Any]]) -> list[str]:
    """The geometric mean of the ratios, of all and of each group, and those below 1."""

    def mean(records: list[dict[str, Any]]) -> str:
        return f"{float(np.exp(np.mean(np.log([r['ratio'] for r in records])))):.2f}"

    if not compared:
        return []
    groups = {group: [r for r in compared if r["group"] == group] for group in dict.fromkeys(r["group"] for r in compared)}
    slow = sorted((r["ratio"], r["name"]) for r in compared if r["ratio"] < 1)
    return [
        f"geometric mean of the ratios: {mean(compared)}; below 1: {len(slow)} of {len(compared)}",
        f"  by group: {', '.join(f'{group} {mean(some)}' for group, some in groups.items())}",
        *(f"  {value:.2f}  {name}" for value, name in slow),
    ]


def _conclusion(records: list[dict[str, Any]]) -> str:
    """Where 1x1 and k x k kernels stand, in words, by the medians of their layers."""
    parts = []
    for name, some in (("1x1", [r for r in records if r["kernel"] == 1]), ("k x k", [r for r in records if r["kernel"] > 1])):
        if some:
            share = np.median([r["share_of_peak"]["median"] for r in some])
            bound = sum(r["share_of_copy"] > r["share_of_peak"]["median"] for r in some)
            columns = np.median([np.median(r["seconds"]["im2col"]) / np.median(r["seconds"]["fast"]) for r in some])
            parts.append(
                f"{name} layers reach {share:.0%} of the peak and are {columns:.1f} times as fast as im2col, and the bytes "
                f"rather than the multiply-adds limit {bound} of {len(some)}"
            )
    return f"In the median {'; '.join(parts)}." if parts else "No layers."


def _measure(report: Report, layer: Layer, direction: str, rounds: int) -> None:
    geo, rng, m = layer.geometry, np.random.default_rng(0), report.machine
    x = rng.standard_normal((geo.N, geo.H, geo.W, geo.C), np.float32)
    w = rng.standard_normal((geo.O, geo.KH, geo.KW, geo.C), np.float32)
    b, g = rng.standard_normal(geo.O, np.float32), rng.standard_normal((geo.N, geo.OH, geo.OW, geo.O), np.float32)
    on_gpu, beside = m.device != "cpu", peer(m.device)
    sets = 1 if not on_gpu else min(MOST_SETS, 1 + ROTATED // (x.nbytes + w.nbytes + g.nbytes))

    def mine() -> dict[str, Work]:
        dx, dw, db, dg = (on_device(a, m.device) for a in (x, w, b, g))
        return _ours(direction, dx, dw, db, dg, geo)

    works = _rotated([mine() for _ in range(sets)])
    theirs: dict[str, Work] = {}
    if beside is not None:
        theirs = _rotated([_theirs(beside, direction, x, w, b, g, layer) for _ in range(sets)])
    settings = {name: beside.settings(name) for name in theirs} if beside is not None and on_gpu else {}
    _verify(layer, direction, works | (theirs or {"processor": _ours(direction, x, w, b, g, geo)["fast"]}), settings)
    workspace = geo.workspace(4, cuda.BUDGET) if on_gpu else _workspace(works["fast"])
    peak, operations = gpu_burst(m.device) if on_gpu else burst()
    # Right after our own: PyTorch's threads spin for a while after their work, and the peak would seem low.
    turns = {"fast": works["fast"], "peak": peak} | works | theirs
    before, least = [settings.get(name, nothing) for name in turns], GPU_TURN if on_gpu else 0.03
    times = take_turns([*turns.values()], rounds, least, warm_up=1, device=m.device, before=before)
    timing = dict(zip(turns, times, strict=True))
    fast_time = timing["fast"].median
    rate, moved = 2e-9 * geo.macs / fast_time, geo.traffic(4)
    speed = _against(timing, [name for name in theirs if TF32 not in name])
    speed_tf32 = _against(timing, [name for name in theirs if TF32 in name])
    share = ratio(timing["fast"], timing["peak"]).times(2 * geo.macs / operations)
    copied = 1e-9 * moved / fast_time / m.bandwidth
    roof = max(share.median, copied)  # of what is the narrower: the multiply-adds, or the bytes

    def shown(name: str) -> str:
        return f"{1e3 * timing[name].median:{'.3f' if on_gpu else '.2f'}}" if name in timing else "-"

    row = [
        layer.group, layer.label, direction, f"{2 * geo.macs / moved:.0f}", shown("fast"), f"{rate:.0f}",
        f"{share.median:.0%} ({share.low:.0%} to {share.high:.0%})", f"{1e-9 * moved / fast_time:.1f}",
        *map(shown, ("direct", "im2col", "GEMM")), f"{workspace / 1e6:.1f}", *map(shown, ("PyTorch", "channels_last")),
        str(speed or "-"),
    ]  # fmt: skip
    if on_gpu:
        row += [f"{roof:.0%}", *map(shown, (f"PyTorch{TF32}", f"channels_last{TF32}")), str(speed_tf32 or "-")]
    report.add(
        row,
        {
            "name": f"{layer.label} {direction}", "group": layer.group, "direction": direction, "intensity": 2 * geo.macs / moved,
            "gflops": rate, "share_of_peak": asdict(share), "share_of_copy": copied, "share_of_roof": roof, "kernel": layer.k,
            "workspace": workspace, "seconds": {n: t.seconds for n, t in timing.items()},
            "ratio": speed and speed.median, "ratio_tf32": speed_tf32 and speed_tf32.median,
        },
    )  # fmt: skip


def _against(timing: dict[str, Timing], names: list[str]) -> Ratio | None:
    """How many times as fast as the best of these."""
    best = min((timing[name] for name in names), key=lambda t: t.median, default=None)
    return None if best is None else ratio(timing["fast"], best)


def _rotated(sets: list[dict[str, Work]]) -> dict[str, Work]:
    """The same works, each call with the next set of inputs."""
    if len(sets) == 1:
        return sets[0]

    def work(name: str) -> Work:
        turns = itertools.cycle([works[name] for works in sets])
        return lambda: next(turns)()

    return {name: work(name) for name in sets[0]}


def _workspace(work: Callable[[], Any]) -> int:
    """Bytes that were lent at one time beyond the result."""
    gc.collect()  # what goes later would be taken for the work's
    clear_memory()
    before = memory_stats().lent
    result = work()
    kept: int = sum(a.nbytes for a in (result if isinstance(result, tuple) else (result,)))
    return max(0, memory_stats().peak - before - kept)


def _ours(direction: str, x: Any, w: Any, b: Any, g: Any, geo: Geometry) -> dict[str, Work]:
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


def _theirs(beside: Peer, direction: str, x: Any, w: Any, b: Any, g: Any, layer: Layer) -> dict[str, Work]:
    """PyTorch's, in both memory formats: with the ReLU, the ReLU's mask and the bias gradient as ours."""
    torch = beside.torch
    made: dict[str, Work] = {}
    for name in beside.names:
        tx, tw, tg = (beside.image(a).contiguous(memory_format=beside.layout(name)) for a in (x, w, g))
        tb, settings = beside.tensor(b), ([layer.stride] * 2, [layer.padding] * 2, [1, 1])

        def backward(mask: list[bool], tx: Any = tx, tw: Any = tw, tg: Any = tg, settings: Any = settings) -> Any:
            return torch.ops.aten.convolution_backward(tg, tx, tw, [layer.O], *settings, False, [0, 0], 1, mask)

        if direction == "forward":
            made[name] = lambda tx=tx, tw=tw, tb=tb, s=settings: torch.relu_(torch.conv2d(tx, tw, tb, *s))  # type: ignore[misc]
        elif direction == "input gradient":
            made[name] = lambda tx=tx, f=backward: torch.ops.aten.threshold_backward(f([True, False, False])[0], tx, 0)  # type: ignore[misc]
        else:
            made[name] = lambda f=backward: f([False, True, True])[1:]  # type: ignore[misc]
    return made


def _verify(layer: Layer, direction: str, works: dict[str, Work], settings: dict[str, Callable[[], None]]) -> None:
    """Raise AssertionError unless all agree with the last one in float32 proper (PyTorch, if it competes).

    To 1e-4 of the largest value; what is rounded to TF32 to 1e-2.
    """

    def arrays(name: str) -> list[Any]:
        settings.get(name, nothing)()
        result = works[name]()
        return [_rows(part) for part in (result if isinstance(result, tuple) else (result,))]

    results = {name: arrays(name) for name in works}
    expected = next(parts for name, parts in reversed(results.items()) if TF32 not in name)
    for name, parts in results.items():
        for got, wanted in zip(parts, expected, strict=True):
            error = float(np.abs(got - wanted).max() / np.abs(wanted).max())
            if not error < (1e-2 if TF32 in name else 1e-4):
                raise AssertionError(f"{layer.label} {direction}: {name} is off by {error:.1e}")


def _rows(result: Any) -> Any:
    """A result as a NumPy array; an image of PyTorch's as (N, H, W, C)."""
    if not hasattr(result, "permute"):
        return to_numpy(result)
    return (result.permute(0, 2, 3, 1) if result.ndim == 4 else result).cpu().numpy()


def _rungs(rounds: int) -> str:
    """One convolution on each rung of docs/KERNELS.md, at a size where the nested loops end."""
    geo, rng = geometry.convolution("conv2d", (1, 16, 8, 8), (16, 16, 3, 3), padding=(1, 1)), np.random.default_rng(0)
    x, w = rng.standard_normal((1, 8, 8, 16), np.float32), rng.standard_normal((16, 3, 3, 16), np.float32)
    rungs: dict[str, Any] = {"nested loops": loops, "NumPy": strided, "blocked": blocked, "compiled": fast}
    times = take_turns([lambda rung=rung: rung.conv2d(x, w, None, geo) for rung in rungs.values()], min(rounds, 5))  # type: ignore[misc]
    told = ", ".join(f"{name} {1e6 * timing.median:.0f} us" for name, timing in zip(rungs, times, strict=True))
    return f"1x16x8x8 -> 16 3x3, rung by rung: {told}"
