"""The suite of the convolutions: its layers, and what is checked before anything is timed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba", reason="the benchmarks need the compiled kernels")

import ninx
from ninx import models, nn
from ninx.benchmarks import conv
from ninx.benchmarks.conv import Layer
from ninx.benchmarks.peer import TF32, Peer, peer
from ninx.kernels import memory

LAYER = Layer("nin", 2, 8, 4, 16, 1)

SOUND = np.array([1.0, -2.0, 3.0], np.float32)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(
    ("wrong", "name", "passes"),
    [
        (SOUND, "fast", True),
        (SOUND * np.float32(1 + 5e-5), "fast", True),
        (SOUND * np.float32(1 + 2e-4), "fast", False),
        (SOUND * np.float32(1 + 2e-3), f"PyTorch{TF32}", True),
        (SOUND * np.float32(1 + 2e-2), f"PyTorch{TF32}", False),
        (SOUND * [1, np.nan, 1], "fast", False),
        (SOUND * [1, np.nan, 1], f"PyTorch{TF32}", False),
        (SOUND * [1, np.inf, 1], "fast", False),
        (-SOUND, "fast", False),
    ],
)
def test_a_wrong_result_is_not_timed(wrong: Any, name: str, passes: bool, place: int) -> None:
    """Also where it is the second of two results, a bias gradient."""
    result = (wrong, SOUND) if place == 0 else (SOUND, wrong)
    works = {name: lambda: result, "PyTorch": lambda: (SOUND, SOUND)}
    if passes:
        conv._verify(LAYER, "weight gradient", works, {})
    else:
        with pytest.raises(AssertionError, match=rf"weight gradient: {name} is off by"):
            conv._verify(LAYER, "weight gradient", works, {})


def test_a_peer_that_gives_nan_is_not_compared_with() -> None:
    works = {"fast": lambda: SOUND, "PyTorch": lambda: SOUND * np.float32(np.nan)}
    with pytest.raises(AssertionError, match="is off by nan"):
        conv._verify(LAYER, "forward", works, {})


def test_all_are_compared_with_float32_proper(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last that does not round to TF32; each under the settings of its name."""
    settings, log = {n: (lambda n=n: log.append(n)) for n in ("PyTorch", f"PyTorch{TF32}")}, []  # type: ignore[misc]
    works = {"fast": lambda: SOUND, "PyTorch": lambda: SOUND, f"PyTorch{TF32}": lambda: SOUND * np.float32(1.005)}
    conv._verify(LAYER, "forward", works, settings)
    assert log == ["PyTorch", f"PyTorch{TF32}"]


@pytest.mark.parametrize("direction", ["forward", "input gradient", "weight gradient"])
@pytest.mark.parametrize(
    "layer", [LAYER, Layer("g", 2, 16, 7, 16, 3, 1, 1), Layer("g", 1, 5, 9, 3, 3, 2, 1), Layer("g", 1, 4, 6, 8, 1, 2)]
)
def test_ours_and_theirs_compute_the_same(layer: Layer, direction: str) -> None:
    """The works that are timed, really: also the bias, the ReLU, its mask and the bias gradient."""
    rng, geo = np.random.default_rng(0), layer.geometry
    shapes = (geo.N, geo.H, geo.W, geo.C), (geo.O, geo.KH, geo.KW, geo.C), (geo.O,), (geo.N, geo.OH, geo.OW, geo.O)
    arrays = [rng.standard_normal(shape, np.float32) for shape in shapes]
    beside = peer("cpu")
    assert beside is not None
    works = conv._ours(direction, *arrays, geo) | conv._theirs(beside, direction, *arrays, layer)
    conv._verify(layer, direction, works, {})
    assert ("GEMM" in works) is geo.pointwise
    assert {"fast", "im2col", "PyTorch", "channels_last"} <= works.keys()
    ours, theirs = works["fast"](), works["channels_last"]()
    if direction == "weight gradient":
        assert len(ours) == len(theirs) == 2
    elif direction == "forward":
        assert ours.min() == 0
    else:
        assert (ours[arrays[0] <= 0] == 0).all()


def test_the_workspace_is_what_is_lent_beyond_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []

    def work() -> Any:
        scratch = memory.empty((1000, 1000), np.uint8)
        kept[:] = memory.empty((200, 1000), np.uint8), memory.empty((300, 1000), np.uint8)
        del scratch
        return tuple(kept)

    kept.clear()
    page = 64 * 64
    assert abs(conv._workspace(work) - 10**6) <= page
    assert conv._workspace(lambda: np.zeros(10**6, np.uint8)) == 0


def test_the_peer_is_measured_in_both_formats() -> None:
    """NCHW memory in the one, NHWC in the other: else the same thing is timed twice."""
    beside = peer("cpu")
    assert isinstance(beside, Peer)
    rows = np.ones((2, 5, 6, 8), np.float32)
    first, second = (beside.image(rows).contiguous(memory_format=beside.layout(name)) for name in beside.names)
    assert first.shape == second.shape == (2, 8, 5, 6)
    assert first.is_contiguous()
    assert second.permute(0, 2, 3, 1).is_contiguous()


# -------------------------------------------------------------------- the layers


def test_a_layer_is_the_convolution_that_it_names() -> None:
    geo = Layer("g", 2, 3, 10, 5, 3, 2, 1).geometry
    assert (geo.N, geo.C, geo.H, geo.W, geo.O, geo.KH, geo.KW, geo.SH, geo.SW, geo.PH, geo.PW) == (
        2,
        3,
        10,
        10,
        5,
        3,
        3,
        2,
        2,
        1,
        1,
    )
    assert (geo.OH, geo.OW, geo.macs) == (5, 5, 2 * 25 * 5 * 27)
    assert Layer("g", 2, 3, 10, 5, 3, 2, 1).label == "2x3x10x10 -> 5 3x3/2"
    assert LAYER.label == "2x8x4x4 -> 16 1x1"


def test_the_groups() -> None:
    """Counts by hand; what they promise to hold equal is equal."""
    counts = dict.fromkeys(conv.GROUPS, 0)
    for layer in conv.layers(conv.GROUPS, 16):
        counts[layer.group] += 1
    assert counts == {"nin": 12, "same input": 5, "same FLOPs": 5, "large": 5, "bottleneck": 4, "convnet": 5, "deepbench": 14}
    macs = [layer.geometry.macs for layer in conv.layers(("same FLOPs",), 16)]
    assert max(macs) / min(macs) < 1.1
    same = conv.layers(("same input",), 16)
    assert len({(g.N, g.C, g.H, g.OH, g.OW) for g in (layer.geometry for layer in same)}) == 1
    assert {layer.N for layer in conv.layers(("convnet", "deepbench"), 7)} == {7}
    assert {layer.k for layer in conv.layers(("deepbench",), 16)} == {1}
    a, b, *_ = conv.layers(("bottleneck",), 16)
    assert a.geometry.macs == 25 * b.geometry.macs


def test_the_layers_of_the_presets_are_theirs() -> None:
    """Each layer of the group nin is a convolution of nin-d2l at 224 pixels or of nin-cifar10 at 32, seen while they run."""
    found: set[tuple[int, ...]] = set()
    for name, batch, pixels in (("nin-d2l", 32, 224), ("nin-cifar10", 64, 32)):
        net = models.create(name).eval()

        def note(m: Any, inputs: Any, _: Any, batch: int = batch) -> None:
            found.add((batch, m.in_channels, inputs[0].shape[2], m.out_channels, m.kernel_size[0], m.stride[0], m.padding[0]))

        for m in net.modules():
            if isinstance(m, nn.Conv2d):
                m.register_forward_hook(note)
        with ninx.no_grad():
            net(ninx.zeros(1, models.preset(name).input_shape[0], pixels, pixels))
    assert {tuple(layer)[1:] for layer in conv.layers(("nin",), 16)} <= found
