"""Frozen networks answer as the networks do in eval mode: any layers, any number of images, whatever happens meanwhile."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from processes import succeeds

import ninx
import ninx.functional as F
from ninx import kernels, memory_stats, nn, optim
from ninx.freezing.layers import layers_of

pytestmark = pytest.mark.skipif(not kernels._has_numba(), reason="the tier needs Numba")

SMALL = {"nin-imagenet": 96, "nin-d2l": 96, "nin-mnist-v0": 28, "nin-mnist-v1": 28, "nin-mnist-v2": 28, "vgg11": 64, "vgg16": 64}
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("alexnet", "alexnet-caffe", "vgg11", "vgg16")]
QUICK = [name for name in ninx.models.names() if name not in ("alexnet", "alexnet-caffe", "vgg11", "vgg16")]


def alive(model: nn.Module, seed: int = 0) -> nn.Module:
    """Weights that keep the size of the signal, and running statistics as a training would leave them."""
    rng = np.random.default_rng(seed)
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) and module.running_mean is not None:
            size = module.num_features
            values = rng.normal(0, 0.3, size), rng.uniform(0.5, 2, size), rng.uniform(0.5, 1.5, size), rng.normal(0, 0.3, size)
            for own, value in zip((module.running_mean, module.running_var, module.weight, module.bias), values, strict=True):
                if own is not None:
                    own.data[...] = value.astype(own.dtype)
    for p in model.parameters():
        if p.ndim > 1:
            nn.init.kaiming_normal_(p, nonlinearity="relu")
    return model


def images(n: int, *shape: int, dtype: Any = np.float32, seed: int = 1) -> ninx.Tensor:
    return ninx.from_numpy(np.random.default_rng(seed).standard_normal((n, *shape)).astype(dtype))


def eager(model: nn.Module, x: ninx.Tensor) -> np.ndarray:
    was = [(m, m.training) for m in model.modules()]
    model.eval()
    with ninx.no_grad():
        y = model(x).numpy()
    for module, training in was:
        module.training = training
    return y


def off_by(frozen: Any, model: nn.Module, x: ninx.Tensor) -> float:
    got, wanted = frozen(x).numpy(), eager(model, x)
    assert got.shape == wanted.shape
    assert got.dtype == wanted.dtype
    return float(np.abs(got - wanted).max() / np.abs(wanted).max())


# -------------------------------------------------------------------- the same answers


@pytest.mark.parametrize("name", QUICK + SLOW)
def test_every_preset(name: str) -> None:
    """In training mode: the answers are those of eval mode all the same."""
    channels, pixels, _ = ninx.models.preset(name).input_shape
    pixels = SMALL.get(name, pixels)
    model = alive(ninx.models.create(name)).train()
    frozen = ninx.freeze(model, (channels, pixels, pixels), batch=2)
    assert off_by(frozen, model, images(3, channels, pixels, pixels)) < 1e-5
    assert all(m.training for m in model.modules())


LAYERS: dict[str, tuple[Callable[[], list[nn.Module]], tuple[int, ...]]] = {
    "convolution alone": (lambda: [nn.Conv2d(3, 5, 3)], (3, 9, 8)),
    "convolution without bias": (lambda: [nn.Conv2d(3, 8, 3, bias=False), nn.ReLU()], (3, 9, 8)),
    "stride and padding": (lambda: [nn.Conv2d(3, 8, (3, 2), (2, 1), (1, 0)), nn.ReLU()], (3, 9, 8)),
    "padding same": (lambda: [nn.Conv2d(3, 8, 3, padding="same"), nn.Conv2d(8, 8, 2, padding="same")], (3, 9, 8)),
    "padding valid": (lambda: [nn.Conv2d(3, 8, 3, padding="valid")], (3, 9, 8)),
    "groups": (lambda: [nn.Conv2d(4, 8, 3, groups=2), nn.ReLU()], (4, 9, 8)),
    "groups and norm": (lambda: [nn.Conv2d(4, 8, 3, groups=2), nn.BatchNorm2d(8), nn.ReLU()], (4, 9, 8)),
    "dilation": (lambda: [nn.Conv2d(3, 8, 3, dilation=2), nn.ReLU()], (3, 9, 8)),
    "Winograd": (lambda: [nn.Conv2d(32, 40, 3, padding=1), nn.ReLU(), nn.Conv2d(40, 32, 5, padding=2)], (32, 24, 24)),
    "norm": (lambda: [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()], (3, 9, 8)),
    "norm after no bias": (lambda: [nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8, eps=0.1)], (3, 9, 8)),
    "norm without weights": (lambda: [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, affine=False)], (3, 9, 8)),
    "norm without bias": (lambda: [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, bias=False)], (3, 9, 8)),
    "norm and Winograd": (lambda: [nn.Conv2d(32, 40, 3, padding=1), nn.BatchNorm2d(40), nn.ReLU()], (32, 24, 24)),
    "norm first": (lambda: [nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 8, 3)], (3, 9, 8)),
    "two norms": (lambda: [nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.BatchNorm2d(8)], (3, 9, 8)),
    "ReLU first": (lambda: [nn.ReLU(), nn.Conv2d(3, 8, 3), nn.ReLU(), nn.ReLU()], (3, 9, 8)),
    "norm after ReLU": (lambda: [nn.Conv2d(3, 8, 3), nn.ReLU(), nn.BatchNorm2d(8)], (3, 9, 8)),
    "poolings": (lambda: [nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2, padding=1), nn.Dropout(), nn.Identity()], (16, 9, 8)),
    "ceil": (lambda: [nn.MaxPool2d(3, 2, ceil_mode=True), nn.AvgPool2d(3, 2, ceil_mode=True)], (16, 12, 14)),
    "padding not counted": (lambda: [nn.AvgPool2d(3, 2, 1, count_include_pad=False)], (16, 9, 8)),
    "other divisor": (lambda: [nn.AvgPool2d(3, divisor_override=2)], (16, 9, 8)),
    "thin poolings": (lambda: [nn.MaxPool2d(2), nn.AvgPool2d(2)], (2, 8, 8)),
    "dilated pooling": (lambda: [nn.MaxPool2d(2, dilation=2)], (16, 8, 8)),
    "adaptive": (lambda: [nn.AdaptiveAvgPool2d(4), nn.AdaptiveAvgPool2d((None, 4)), nn.AdaptiveAvgPool2d(3)], (16, 8, 8)),
    "adaptive to one": (lambda: [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3)], (16, 8, 8)),
    "adaptive maximum": (lambda: [nn.AdaptiveMaxPool2d(3)], (16, 8, 8)),
    "flatten maps": (lambda: [nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8 * 7 * 6, 5), nn.ReLU()], (3, 9, 8)),
    "flatten one map": (lambda: [nn.Conv2d(3, 1, 3), nn.Flatten(), nn.Linear(42, 5, bias=False)], (3, 9, 8)),
    "flatten some axes": (lambda: [nn.Flatten(2), nn.Unflatten(2, (9, 8))], (3, 9, 8)),
    "rows": (lambda: [nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Flatten(), nn.Linear(5, 2), nn.Softmax(1)], (6,)),
    "rows of rows": (lambda: [nn.Linear(6, 5), nn.ReLU()], (4, 6)),
    "others": (lambda: [nn.ConvTranspose2d(3, 8, 2, 2), nn.LeakyReLU(0.1), nn.LocalResponseNorm(3), nn.Sigmoid()], (3, 9, 8)),
    "nothing": (lambda: [nn.Dropout(), nn.Dropout2d()], (3, 9, 8)),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("which", LAYERS)
def test_every_kind_of_layer(which: str, dtype: Any) -> None:
    make, shape = LAYERS[which]
    model = alive(nn.Sequential(*make())).to(dtype)
    x = images(5, *shape, dtype=dtype)
    if not list(model.parameters()) and dtype == np.float64:
        pytest.skip("without weights a frozen network is one of float32")
    kept = x.numpy().copy()
    for batch in (None, 2):
        assert off_by(ninx.freeze(model, shape, batch), model, x) < (3e-6 if dtype == np.float32 else 1e-13)
    assert np.array_equal(x.numpy(), kept)


def test_half_precision_goes_through_the_layers() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 2)).half()
    x = images(2, 3, 4, 4, dtype=np.float16)
    assert off_by(ninx.freeze(model, (3, 4, 4)), model, x) == 0


@pytest.mark.parametrize("n", [0, 1, 3, 4, 5, 8, 11])
def test_any_number_of_images(n: int) -> None:
    model = alive(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.GlobalAvgPool2d(), nn.Flatten()))
    frozen, x = ninx.freeze(model, (3, 8, 8), batch=4), images(11, 3, 8, 8)
    assert frozen(x[:n]).shape == (n, 8)
    if n:
        assert off_by(frozen, model, x[:n]) < 1e-6


def test_images_however_they_lie() -> None:
    model = alive(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()))
    frozen, x = ninx.freeze(model, (3, 8, 8)), images(4, 3, 8, 8).numpy()
    expected = eager(model, ninx.from_numpy(x))
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    backwards = x[:, :, ::-1].copy()[:, :, ::-1]
    for given in (x, last, backwards, ninx.from_numpy(last), np.repeat(x, 2, axis=0)[::2]):
        assert np.allclose(frozen(given).numpy(), expected, atol=1e-6)
    assert frozen(x).array.transpose(0, 2, 3, 1).flags.c_contiguous


def test_answers_stay_as_they_are() -> None:
    """The next call, which uses the same memory, leaves the answer of the last one alone; so does a change of that."""
    frozen, x = ninx.freeze(alive(nn.Sequential(nn.Conv2d(3, 8, 3))), (3, 8, 8)), images(2, 3, 8, 8)
    first = frozen(x)
    kept = first.numpy().copy()
    frozen(2 * x).zero_()
    assert np.array_equal(first.numpy(), kept)
    assert np.array_equal(frozen(x).numpy(), kept)
    assert not first.requires_grad


# -------------------------------------------------------------------- weights that change


def net() -> nn.Sequential:
    ninx.manual_seed(3)
    model = nn.Sequential(nn.Conv2d(3, 32, 1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.Flatten())
    return nn.Sequential(model, nn.Linear(32 * 24 * 24, 4)).eval()


def _optimise(model: nn.Sequential) -> None:
    model.train()
    F.cross_entropy(model(images(4, 3, 24, 24)), ninx.tensor([0, 1, 2, 3])).backward()
    optim.SGD(model.parameters(), lr=0.1).step()


def _replace(model: nn.Sequential) -> None:
    model[1].weight = nn.Parameter(np.ones((4, 32 * 24 * 24), np.float32))


CHANGES: dict[str, Callable[[nn.Sequential], Any]] = {
    "a step of an optimiser": _optimise,
    "load_state_dict": lambda model: model.load_state_dict(alive(net(), 5).state_dict()),
    "in place, direct": lambda model: nn.init.constant_(model[0][0].weight, 0.25),
    "in place, Winograd": lambda model: nn.init.constant_(model[0][2].weight, 0.25),
    "in place, a bias": lambda model: nn.init.constant_(model[0][2].bias, 3.0),
    "in place, a Linear": lambda model: nn.init.constant_(model[1].bias, 3.0),
    "the running statistics": lambda model: model.train()(images(4, 3, 24, 24, seed=9)),
    "another parameter": _replace,
    "another layer": lambda model: model.__setitem__(1, nn.Linear(32 * 24 * 24, 4)),
    "one more layer": lambda model: model.append(nn.Softmax(1)),
    "a hook": lambda model: model[0][1].register_forward_hook(lambda module, given, made: made + 1),
    "a forward of its own": lambda model: setattr(model[0][1], "forward", lambda x: x * 2),
    "other data": lambda model: setattr(model[1].weight, "data", ninx.ones(4, 32 * 24 * 24)),
    "more threads": lambda model: kernels.set_num_threads(kernels.get_num_threads() + 1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_noticed(change: str) -> None:
    threads = kernels.get_num_threads()
    model, x = alive(net()), images(3, 3, 24, 24)
    frozen = ninx.freeze(model, (3, 24, 24))
    before = frozen(x).numpy()
    try:
        CHANGES[change](model)
        assert off_by(frozen, model, x) < 1e-5
        assert change == "more threads" or not np.allclose(eager(model, x), before, rtol=1e-3)
    finally:
        kernels.set_num_threads(threads)


def test_another_number_of_threads_is_another_plan() -> None:
    """The work is cut, and memory to work in is there, for as many threads as there are now."""
    model, x, before = alive(net()), images(3, 3, 24, 24), kernels.get_num_threads()
    frozen = ninx.freeze(model, (3, 24, 24))
    try:
        for threads in (before, before + 1):
            kernels.set_num_threads(threads)
            frozen(x)
            calls = frozen._programs[3].calls
            assert {c.arguments[-1] for c in calls if "kernels.cpu.conv" in c.function.__module__} == {threads}
    finally:
        kernels.set_num_threads(before)


def test_what_is_written_past_the_version_needs_refreeze() -> None:
    model, x = alive(net()), images(3, 3, 24, 24)
    frozen = ninx.freeze(model, (3, 24, 24))
    before = frozen(x).numpy()
    model[0][0].weight.data[...] = 0.25
    assert np.array_equal(frozen(x).numpy(), before)
    frozen.refreeze()
    assert off_by(frozen, model, x) < 1e-5


def test_weights_are_packed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from ninx.kernels.cpu import prepared

    packed: list[Any] = []
    pack = prepared.pack
    monkeypatch.setattr(prepared, "pack", lambda *a: packed.append(a) or pack(*a))
    model, x = alive(net()), images(3, 3, 24, 24)
    frozen = ninx.freeze(model, (3, 24, 24), batch=4)
    for n in (3, 2, 3, 1):
        frozen(x[:n])
    assert len(packed) == 2
    nn.init.zeros_(model[0][0].weight)
    frozen(x)
    assert len(packed) == 4


# -------------------------------------------------------------------- what it is made of


class Doubled(nn.Module):
    def forward(self, x: ninx.Tensor) -> ninx.Tensor:
        assert not self.training
        assert not ninx.is_grad_enabled()
        return x * 2


def test_what_is_left_of_the_layers() -> None:
    inner = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout())
    model = nn.Sequential({"a": inner, "b": nn.MLPConv(8, (8, 8), 3), "c": Doubled(), "d": nn.Identity()})
    assert [layer.names for layer in layers_of(model)] == [("a.0", "a.1", "a.2"), ("b.0", "b.1"), ("b.2", "b.3"), ("c",)]
    inner[1].register_forward_hook(lambda *_: None)
    assert [layer.names for layer in layers_of(inner)] == [("0",), ("1",), ("2",)]


def test_an_unknown_layer_is_called_as_it_is() -> None:
    """In eval mode and without a graph, whatever the mode of the model is; that stays as it was."""
    model = alive(nn.Sequential(nn.Conv2d(3, 8, 3), Doubled(), nn.ReLU(), Doubled()))
    model[1].eval()
    frozen, x = ninx.freeze(model, (3, 8, 8), batch=2), images(3, 3, 8, 8)
    assert off_by(frozen, model, x) < 1e-6
    assert [m.training for m in model.modules()] == [True, True, False, True, True]


def test_hooks_are_called() -> None:
    seen: list[Any] = []
    model = alive(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten()))
    model[0].register_forward_hook(lambda module, given, made: seen.append(made.shape))
    frozen, x = ninx.freeze(model, (3, 8, 8)), images(3, 3, 8, 8)
    seen.clear()
    assert off_by(frozen, model, x) < 1e-6
    assert seen == [(3, 8, 6, 6)] * 2  # frozen, and eager


class Branches(nn.Module):
    def __init__(self) -> None:
        self.trunk = nn.Sequential(nn.Conv2d(3, 8, 3))

    def forward(self, x: ninx.Tensor) -> ninx.Tensor:
        return self.trunk(x) + 1


class Rectified(nn.Sequential):
    def forward(self, input: Any) -> Any:
        return super().forward(input).relu()


class Named(nn.Sequential):
    """A Sequential by another name, with the forward of one."""


def test_a_network_with_a_forward_of_its_own_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the forward of Branches is Python of its own.*such as its part 'trunk'"):
        ninx.freeze(Branches(), (3, 8, 8))
    with pytest.raises(ValueError, match="the forward of Rectified is"):
        ninx.freeze(Rectified(nn.ReLU()), (3, 8, 8))
    with pytest.raises(TypeError, match=r"takes an nn\.Module, not function"):
        ninx.freeze(lambda x: x, (3, 8, 8))  # type: ignore[arg-type]
    x = images(2, 3, 8, 8)
    for model in (Named(nn.Conv2d(3, 8, 3), nn.ReLU()), nn.Sequential(Branches(), Rectified(nn.Conv2d(8, 8, 1)))):
        assert off_by(ninx.freeze(model, (3, 8, 8)), alive(model), x) < 1e-6


def test_what_does_not_fit_is_refused() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3))
    for shape, batch, what in ((((3, 0, 8)), 1, "one image"), ((), 1, "one image"), ((3, 8, 8), 0, "batch must be at least 1")):
        with pytest.raises(ValueError, match=what):
            ninx.freeze(model, shape, batch)
    with pytest.raises(ValueError, match="input has 4 channels"):
        ninx.freeze(model, (4, 8, 8))
    frozen = ninx.freeze(model, (3, 8, 8))
    with pytest.raises(ValueError, match=r"must have shape \(N, 3, 8, 8\).*got \(2, 3, 9, 8\)"):
        frozen(images(2, 3, 9, 8))
    with pytest.raises(ValueError, match=r"got \(3, 8, 8\)"):
        frozen(images(2, 3, 8, 8)[0])
    with pytest.raises(TypeError, match="must be float32, as the weights are, got float64"):
        frozen(images(2, 3, 8, 8, dtype=np.float64))
    with pytest.raises(ValueError, match=r"BatchNorm2d '1' has no running statistics"):
        ninx.freeze(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, track_running_stats=False)), (3, 8, 8))
    with pytest.raises(ValueError, match="MaxPool2d '0' makes tuple of one image"):
        ninx.freeze(nn.Sequential(nn.MaxPool2d(2, return_indices=True)), (16, 8, 8))


def test_what_it_says_of_itself() -> None:
    model = nn.Sequential(
        nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), Doubled(), nn.MaxPool2d(2), nn.Flatten()
    )
    assert repr(ninx.freeze(model, (32, 24, 24), 4)).splitlines() == [
        "Frozen: (N, 32, 24, 24) -> (N, 4608), up to 4 images at once",
        "  0, 1, 2  Conv2d, BatchNorm2d, ReLU  Winograd  (32, 24, 24)",
        "  3        Doubled                    eager     (32, 24, 24)",
        "  4        MaxPool2d                  compiled  (32, 12, 12)",
        "  5        Flatten                    a copy    (4608,)",
    ]
    assert repr(ninx.freeze(nn.Sequential(), (2,), 4)) == "Frozen: (N, 2) -> (N, 2), up to 4 images at once"


# -------------------------------------------------------------------- elsewhere, and at once


@pytest.mark.parametrize("tier", ["strided", "loops"])
def test_on_other_tiers_the_model_itself_answers(tier: str) -> None:
    model = alive(nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten()))
    x = images(2, 2, 5, 5)
    with kernels.use_kernels(tier):
        frozen = ninx.freeze(model, (2, 5, 5))
        assert off_by(frozen, model, x) == 0
        assert repr(frozen) == "Frozen: (N, 2, 5, 5), by the model itself"
    assert off_by(frozen, model, x) < 1e-6
    assert "Conv2d, BatchNorm2d, ReLU" in repr(frozen)
    with kernels.use_kernels(tier):
        assert off_by(frozen, model, x) == 0


def test_several_threads_may_ask() -> None:
    model = alive(net())
    frozen = ninx.freeze(model, (3, 24, 24), batch=2)
    given = [images(n, 3, 24, 24, seed=n) for n in (1, 2, 3, 4)]
    expected = [eager(model, x) for x in given]
    wrong: list[int] = []

    def ask(i: int) -> None:
        for _ in range(20):
            if not np.allclose(frozen(given[i]).numpy(), expected[i], rtol=1e-4, atol=1e-4):
                wrong.append(i)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_memory_does_not_grow_with_the_batch() -> None:
    """At 64 images at most half of what eager inference needs."""
    model, x = alive(ninx.models.create("nin-cifar10")).eval(), images(64, 3, 32, 32)

    def peak(answer: Callable[[ninx.Tensor], Any]) -> int:
        ninx.kernels.clear_memory()
        before = memory_stats().lent
        answer(x)
        return memory_stats().peak - before

    with ninx.no_grad():
        whole = peak(model)
    assert peak(lambda x: ninx.freeze(model, (3, 32, 32))(x)) <= whole / 2


def test_the_float64_truth_is_as_near() -> None:
    """Folding a normalisation into the weights costs no digits that float32 has."""
    model = alive(ninx.models.create("nin-cifar10-bn")).eval()
    x = images(4, 3, 32, 32)
    frozen, ours = ninx.freeze(model, (3, 32, 32))(x).numpy(), eager(model, x)
    truth = eager(model.double(), x.double())
    assert np.abs(frozen - truth).max() < 4 * np.abs(ours - truth).max()
    assert torch.allclose(torch.from_numpy(frozen).double(), torch.from_numpy(truth), rtol=1e-4, atol=1e-5)


FORKED = """
import os, threading
import ninx
from ninx import nn

class Slow(nn.Module):
    def forward(self, x):
        if threading.current_thread() is not threading.main_thread():
            entered.set()
            go_on.wait()
        return x

entered, go_on = threading.Event(), threading.Event()
answer = ninx.freeze(nn.Sequential(nn.Flatten(), Slow(), nn.Linear(4, 2)), (1, 2, 2))
x = ninx.ones(3, 1, 2, 2)
right = answer(x).numpy()
other = threading.Thread(target=answer, args=(x,))
other.start()
entered.wait()
child = os.fork()
if child == 0:
    os._exit(0 if (answer(x).numpy() == right).all() else 3)
for _ in range(600):
    ended, status = os.waitpid(child, os.WNOHANG)
    if ended:
        break
    threading.Event().wait(0.1)
else:
    os.kill(child, 9)
    status = "the child hangs"
go_on.set()
other.join()
assert status == 0, status
assert (answer(x).numpy() == right).all()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_child_answers_although_another_thread_was_answering_at_the_fork() -> None:
    succeeds(FORKED)
