"""Training on a GPU, as far as a stand-in for CuPy shows it: what is copied to and from it, and that the rest is equal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cupy_stand_in as cp
import host_cuda
import numpy as np
import pytest
import torch
from test_cuda_launcher import trained

import ninx
import ninx.functional as F
from ninx import data, models, nn, optim, train
from ninx.array import to_numpy
from ninx.cli import main
from ninx.kernels import cuda, geometry

pytestmark = pytest.mark.skipif(not host_cuda.GXX, reason="g++ is not installed, so the CUDA kernels cannot run on the CPU")


@pytest.fixture(autouse=True, scope="module")
def _stand_in() -> Iterator[None]:
    with cp.installed():
        yield


def test_tensors_on_two_devices_are_refused_by_name() -> None:
    here, there = ninx.ones(1, 3, 4, 4), ninx.ones(1, 3, 4, 4, device="cuda")
    for a, b, words in ((here, there, "cpu, the other on cuda:0"), (there, here, "cuda:0, the other on cpu")):
        for name in ("add", "mul", "where", "matmul", "maximum"):
            with pytest.raises(ValueError, match=f"{name}: one tensor is on {words}"):
                ninx.where(here > 0, a, b) if name == "where" else getattr(ninx, name)(a, b)
    with pytest.raises(ValueError, match="conv2d: all must have one device, got input cuda:0, weight cpu"):
        F.conv2d(there, ninx.ones(2, 3, 1, 1))
    w, b = (ninx.ones(*shape, device="cuda") for shape in ((2, 3, 1, 1), (2,)))
    with pytest.raises(ValueError, match="conv2d: all must have one device, got input cuda:0, weight cuda:0, bias cpu"):
        F.conv2d(there, w, b.cpu())
    for i in range(3):
        parts = [here if k == i else there for k in range(3)]
        with pytest.raises(ValueError, match=r"(cat|stack): one tensor is on"):
            ninx.cat(parts)
        with pytest.raises(ValueError, match=r"(cat|stack): one tensor is on"):
            ninx.stack(parts)
    with pytest.raises(ValueError, match="setitem: a value on cpu for a tensor on cuda:0"):
        there[0] = here[0]
    there[0] = 2  # numbers and lists go where they are wanted
    assert (there * [3.0] == 6).all()


def test_a_gradient_on_another_device_is_refused_by_name() -> None:
    """That of a leaf and that of an operation's value."""

    def stray(x: ninx.Tensor) -> ninx.Tensor:
        return ninx.record(x.array * 1, (x, lambda g: ninx.Tensor(np.ones(2, np.float32))))

    x = ninx.ones(2, device="cuda", requires_grad=True)
    for y in (stray(x), stray(x * 2)):
        with pytest.raises(RuntimeError, match="backward of stray: a gradient on cpu for an input on cuda:0"):
            y.sum().backward()
    with pytest.raises(RuntimeError, match="backward of the output: a gradient on cpu for an input on cuda:0"):
        (x * 2).backward(ninx.ones(2))


def test_a_tensor_lies_on_the_device_as_it_lay_on_the_host() -> None:
    for axes in ((0, 1, 2, 3), (0, 2, 3, 1), (3, 0, 2, 1)):
        memory = np.arange(120.0).reshape(np.array([2, 3, 4, 5])[list(axes)])
        x = ninx.from_numpy(memory.transpose(np.argsort(axes)))
        there = x.to("cuda")
        back = there.cpu()
        assert there.array.strides == x.array.strides == back.array.strides
        np.testing.assert_array_equal(back.numpy(), x.numpy())
        assert not np.shares_memory(back.numpy(), memory)
    assert there.to("cuda") is there or there.to("cuda").array is there.array
    with pytest.raises(RuntimeError, match="device 'cuda:1' cannot be used: the last of 1 GPU"):
        x.to("cuda:1")


# -------------------------------------------------------------------- several devices


@pytest.fixture
def _two_devices() -> Iterator[None]:
    """A second one, which is the current one of nobody yet."""
    cp.device_count[0] = 2
    yield
    cp.device_count[0] = 1
    cp.Device(0).use()


@pytest.mark.usefixtures("_two_devices")
def test_only_the_current_device_is_used() -> None:
    """An array elsewhere would be computed with on the current device: slowly, and its values would land there."""
    x = ninx.ones(2, 3)
    refusal = r"device 'cuda:1' cannot be used: the current GPU of this thread is cuda:0; write cupy.cuda.Device\(1\).use\(\) f"
    dataset = data.ArrayDataset(np.zeros((2, 4, 4, 1), np.uint8), np.arange(2), ["0", "1"])
    for use in (
        lambda: x.to("cuda:1"),
        lambda: ninx.tensor([1.0], device="cuda:1"),
        lambda: nn.Linear(2, 2).to("cuda:1"),
        lambda: next(iter(data.DataLoader(dataset, 2, transform=data.ToTensor(), device="cuda:1"))),
    ):
        with pytest.raises(RuntimeError, match=refusal):
            use()
    cp.Device(1).use()
    there = x.to("cuda:1")
    assert there.device == x.cuda().device == (there * 2).device == "cuda:1"  # "cuda" is the current one, as in PyTorch
    with pytest.raises(RuntimeError, match=r"device 'cuda:0' cannot be used: the current GPU of this thread is cuda:1"):
        x.to("cuda:0")


@pytest.mark.usefixtures("_two_devices")
def test_training_on_the_second_device() -> None:
    """Its own arrays, kernels, pooling divisor and flag for wrong labels; nothing lies on the first."""
    expected = trained("cpu")
    for number in (0, 1):
        cp.Device(number).use()
        for a, b in zip(trained(f"cuda:{number}"), expected, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6 * np.abs(b).max())
        loss = F.cross_entropy(ninx.randn(1, 3).to("cuda"), ninx.tensor([3], device="cuda"))
        assert loss.device == f"cuda:{number}"
        with pytest.raises(IndexError, match="a label is not one of the 3 classes"):
            loss.item()


@pytest.mark.usefixtures("_two_devices")
def test_a_batch_is_copied_to_the_second_device() -> None:
    dataset = data.ArrayDataset(np.ones((4, 4, 4, 1), np.uint8), np.arange(4), [str(i) for i in range(4)])
    cp.Device(1).use()
    for images, labels in data.DataLoader(dataset, 2, transform=data.ToTensor(), device="cuda:1"):
        assert images.device == labels.device == "cuda:1"


@pytest.mark.usefixtures("_two_devices")
def test_from_one_device_to_the_other() -> None:
    """CuPy copies no array with gaps, and does not wait for what the first device still computes."""
    memory = np.arange(48.0).reshape(2, 4, 6)
    for view in (lambda a: a, lambda a: a.transpose(0, 2, 1), lambda a: a[:, ::2, 1:]):
        x = ninx.Tensor(view(cp.asarray(memory)))
        with cp.Device(1):
            cp.streams.clear()
            y = x.to("cuda:1")
            assert "synchronize" in cp.streams
            assert y.device == "cuda:1"
            np.testing.assert_array_equal(y.numpy(), view(memory))
            assert x.cpu().device == "cpu"


# -------------------------------------------------------------------- memory


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes the columns had that kernels made, or read."""
    found: list[int] = []
    launch = cuda.launch

    def seen(name: str, total: int, *args: Any, **options: Any) -> None:
        if name in ("im2col", "col2im"):
            found.append(args[name == "im2col"].nbytes)
        launch(name, total, *args, **options)

    monkeypatch.setattr(cuda, "launch", seen)
    monkeypatch.setattr(cuda, "LEAST", 2**14)
    return found


def products(geo: geometry.Geometry) -> dict[str, Any]:
    """The three products of a convolution, of whole numbers, so that they are exact."""
    rng = np.random.default_rng(0)
    shapes = (geo.N, geo.H, geo.W, geo.C), (geo.O, geo.KH, geo.KW, geo.C // geo.groups), (geo.N, geo.OH, geo.OW, geo.O)
    x, w, g = (cp.asarray(rng.integers(-9, 10, shape).astype(np.float32)) for shape in shapes)
    return {
        "conv2d": lambda: cuda.conv2d(x, w, None, geo),
        "conv2d_input_grad": lambda: cuda.conv2d_input_grad(g, w, geo),
        "conv2d_weight_grad": lambda: cuda.conv2d_weight_grad(x, g, geo),
    }


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("name", ["conv2d", "conv2d_input_grad", "conv2d_weight_grad"])
def test_a_full_memory_makes_the_columns_smaller(name: str, groups: int, sizes: list[int]) -> None:
    """And the result stays right, whatever an attempt that failed had begun."""
    call = products(geometry.convolution("conv2d", (16, 4, 24, 24), (6, 4 // groups, 3, 3), (1, 1), (1, 1), groups=groups))[name]
    wanted = call().get()
    (whole,) = sizes
    assert whole == 4 * 16 * 24 * 24 * 36
    with cp.memory_left(500_000):
        got = call()
    assert max(sizes[1:]) <= 500_000
    np.testing.assert_array_equal(got.get(), wanted)


@pytest.mark.parametrize(("kernel", "columns"), [(3, r"0\.0 MiB"), (1, r"0\.0 MiB")], ids=["3x3", "1x1"])
@pytest.mark.parametrize("name", ["conv2d", "conv2d_input_grad"])
@pytest.mark.usefixtures("sizes")
def test_a_memory_too_small_for_any_columns_is_told_in_one_sentence(name: str, kernel: int, columns: str) -> None:
    call = products(geometry.convolution("conv2d", (16, 4, 24, 24), (4, 4, kernel, kernel), padding=(kernel // 2,) * 2))[name]
    words = f"{name}: the GPU's memory is full: 0.1 MiB of images and {columns} to work in do not fit, .* MiB are free; take a "
    with cp.memory_left(100_000), pytest.raises(MemoryError, match=words) as told:
        call()
    assert str(told.value).count(". ") == 0


def test_the_command_says_it_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Whether a kernel of ours finds the memory full or CuPy."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["ninx", "train", "--device", "cuda", "--limit", "64", "--holdout", "10"])
    for left in (10_000_000, 100_000):
        with cp.memory_left(left), pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr().err.strip()
        assert end.value.code == 2
        assert said.startswith("Error: ")
        assert said.count("\n") == 0
        assert "memory" in said


# -------------------------------------------------------------------- the loss


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}, {"weight": [1.0, 2.0, 3.0]}], ids=["", "smoothed", "weighted"])
@pytest.mark.parametrize("function", [F.cross_entropy, F.nll_loss])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("label", [3, -1, 2**40])
def test_a_label_that_is_no_class_is_told_with_the_loss(function, options, reduction, label) -> None:
    """The device cannot raise, and looking at its labels would wait for it; so it is said when the loss is read."""
    if function is F.nll_loss and "label_smoothing" in options:
        return
    options = {k: ninx.tensor(v, device="cuda") if k == "weight" else v for k, v in options.items()}
    logits = ninx.randn(2, 3).to("cuda").requires_grad_()
    good, bad = (ninx.tensor(labels, device="cuda") for labels in ([0, 2], [0, label]))
    cp.transfers.clear()
    loss = function(logits, bad, reduction=reduction, **options)
    loss.backward()
    assert cp.transfers == []
    with pytest.raises(IndexError, match="cross_entropy: a label is not one of the 3 classes 0 to 2"):
        loss.item()
    assert np.isfinite(function(logits, good, reduction=reduction, **options).item())
    assert np.isnan((logits * np.nan).sum().item())  # a NaN of another kind raises nothing


def test_a_wrong_label_that_no_one_asked_for_is_forgotten_with_the_stand_in() -> None:
    """What one file of tests leaves behind is not another one's failure."""
    with cp.installed():
        F.cross_entropy(ninx.randn(1, 3).to("cuda"), ninx.tensor([3], device="cuda"))
    with cp.installed():
        assert np.isnan(ninx.tensor(np.nan, device="cuda").item())


def test_labels_on_another_device_are_refused_by_name() -> None:
    logits, labels = ninx.randn(2, 3), ninx.tensor([0, 2])
    for x, y, words in ((logits.to("cuda"), labels, "input is on cuda:0, target on cpu"),
                        (logits, labels.to("cuda"), "input is on cpu, target on cuda:0")):  # fmt: skip
        with pytest.raises(ValueError, match=f"cross_entropy: {words}"):
            F.cross_entropy(x, y)


def test_the_kernel_of_the_loss_can_be_differentiated_again() -> None:
    """Hessian-vector products of the fused loss are those of PyTorch."""
    rng = np.random.default_rng(0)
    for shape in ((4, 5), (2, 5, 3), (2, 5, 2, 3), (5,)):
        x, v = rng.standard_normal((2, *shape))
        labels = rng.integers(0, 5, shape[:1] + shape[2:] if len(shape) > 1 else ())
        labels = np.where(rng.random(labels.shape) < 0.3, -100, labels) if labels.ndim else labels
        ours = ninx.tensor(x, requires_grad=True, device="cuda")
        cp.launches.clear()
        loss = F.cross_entropy(ours, ninx.tensor(labels, device="cuda"), reduction="sum")
        assert "softmax_cross_entropy" in cp.launches
        (g,) = ninx.grad(loss, ours, create_graph=True)
        (h,) = ninx.grad((g * ninx.tensor(v, device="cuda")).sum(), ours)
        twin = torch.tensor(x, requires_grad=True)
        expected = torch.nn.functional.cross_entropy(twin, torch.tensor(labels), reduction="sum")
        (tg,) = torch.autograd.grad(expected, twin, create_graph=True)
        (th,) = torch.autograd.grad((tg * torch.tensor(v)).sum(), twin)
        for got, wanted in ((loss, expected), (g, tg), (h, th)):
            np.testing.assert_allclose(got.detach().numpy(), wanted.detach().numpy(), rtol=1e-12, atol=1e-13)


# -------------------------------------------------------------------- a step of training


@pytest.mark.parametrize("optimizer", [optim.SGD, optim.Adam])
@pytest.mark.parametrize("clipped", [False, True])
def test_a_step_copies_images_and_labels_in_and_the_loss_out(optimizer, clipped: bool) -> None:
    """Nothing else goes between host and device, no image changes its layout, and nothing is left of other steps."""
    net = models.create("nin-cifar10").to("cuda")
    learn = optimizer(net.parameters(), lr=0.01)
    cuda._kept.cache_clear()
    cp.transfers.clear()
    rng = np.random.default_rng(0)
    dataset = data.ArrayDataset(rng.integers(0, 256, (6, 32, 32, 3), dtype=np.uint8), np.arange(6), [str(i) for i in range(10)])
    loader = data.DataLoader(dataset, 2, transform=data.ToTensor(), device="cuda")
    copies = []
    for images, labels in loader:
        before = ninx.layout_copies()
        loss = F.cross_entropy(net(images), labels)
        learn.zero_grad()
        loss.backward()
        if clipped:
            nn.clip_grad_norm_(net.parameters(), 1.0)
        learn.step()
        loss.item()
        assert ninx.layout_copies() == before
        copies.append(list(cp.transfers))
        cp.transfers.clear()
    batch = [("in", (2, 32, 32, 3)), ("in", (2,))]
    average = [("in", (8, 8))]  # by what the average pooling divides: once for all steps
    assert copies == [[*batch, *batch, *average, ("out", ())], [*batch, ("out", ())], [("out", ())]]  # each batch one step ahead
    for p in net.parameters():
        assert p.device == p.grad.device == "cuda:0"


def test_the_next_batch_is_copied_beside_the_work_on_this_one() -> None:
    """In a stream of its own; each side waits for the other by an event, never the host."""
    dataset = data.ArrayDataset(np.zeros((6, 4, 4, 1), np.uint8), np.arange(6), [str(i) for i in range(6)])
    loader = data.DataLoader(dataset, 2, transform=data.ToTensor(), device="cuda")
    cp.streams.clear()
    told = []
    for images, labels in loader:
        assert images.device == labels.device == "cuda:0"
        told.append(cp.streams.copy())
        cp.streams.clear()
        cp.streams.append("work")
    made = cp.Stream.made
    list(loader)
    assert cp.Stream.made == made  # another pass, the same stream
    copy = [("default", "record"), ("copies", "wait"), ("copies", "copy"), ("copies", "copy"), ("copies", "record")]
    hand_out = [("default", "wait")]
    assert [[e if e == "work" else e[:2] for e in step] for step in told] == [
        copy + copy + hand_out,
        ["work", *copy, *hand_out],
        ["work", *hand_out],
    ]
    everything = [e for step in told for e in step if e != "work"]
    recorded = {side: [e[2] for e in everything if e[:2] == (side, "record")] for side in ("copies", "default")}
    waited = {side: [e[2] for e in everything if e[:2] == (side, "wait")] for side in ("copies", "default")}
    assert waited == {"copies": recorded["default"], "default": recorded["copies"]}  # for each other's, in their order


def test_batches_on_the_device_are_those_of_the_host() -> None:
    dataset = data.load("digits", "test").take(slice(50))
    settings = {"shuffle": True, "transform": data.Compose([data.ToTensor(), data.RandomTranslate(2)]), "num_workers": 2}
    here, there = (data.DataLoader(dataset, 16, device=d, **settings) for d in ("cpu", "cuda"))
    for _ in range(2):
        for a, b in zip(here, there, strict=True):
            for t, u in zip(a, b, strict=True):
                np.testing.assert_array_equal(t.numpy(), u.numpy())
            assert b[0].array.transpose(0, 2, 3, 1).flags.c_contiguous
    assert list(data.DataLoader(dataset.take(slice(0)), 16, device="cuda")) == []


def test_the_strided_tier_trains_on_the_device_unchanged() -> None:
    """The same NumPy-like source, without one kernel of ours."""
    cp.launches.clear()
    with ninx.use_kernels("strided"):
        here, there = trained("cpu"), trained("cuda")
    assert cp.launches == []
    for a, b in zip(there, here, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6 * np.abs(b).max())


def test_a_step_does_not_count_on_the_order_in_which_results_lie() -> None:
    """In C order, as CuPy's, or as the operands, as NumPy's: the same numbers, and no image changes its layout."""
    found = []
    for keep in (contextlib.nullcontext, cp.ufuncs_keep_the_order):
        with keep():
            ninx.manual_seed(0)
            net = models.create("nin-cifar10").to("cuda")
            learn = optim.Adam(net.parameters(), lr=0.01)
            rows = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
            images, labels = ninx.Tensor(rows.transpose(0, 3, 1, 2)).to("cuda"), ninx.tensor([1, 2], device="cuda")
            before = ninx.layout_copies()
            F.cross_entropy(net(images), labels).backward()
            learn.step()
            assert ninx.layout_copies() == before
            found.append([to_numpy(p.array) for p in net.parameters()])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


def losses(device: str, limit: int, folder: Path) -> tuple[list[float], dict[str, Any], train.Evaluation]:
    """The loss of every step of an epoch of the recipe "digits", its metrics, and the evaluation.

    In float64: in float32 the two devices round otherwise, now and then another of two nearly equal values wins a max-pool, and
    batch normalisation and a high rate magnify it. The losses then differ by more than 1e-4 from the sixth step on, and by up to
    0.03 (mean 0.008) in the 63 steps of an epoch; those of the tiers fast and strided, both on the CPU, by as much.
    """
    recipe = train.recipe.load("digits", {"epochs": 1, "limit": limit})
    run = train.Training(recipe, folder / device, device=device)
    forward = run.model.double().forward
    run.model.forward = lambda x: forward(x.double())  # type: ignore[method-assign]
    found: list[float] = []
    (metrics,) = run.run(lambda seen, loss: found.append(loss))
    few = run.test_set.take(slice(100))
    return found, metrics, train.evaluate(run.model, few, run.preparation, recipe.workers)


@pytest.mark.parametrize("limit", [pytest.param(320, id="320 digits"), pytest.param(4000, marks=pytest.mark.slow, id="all")])
def test_an_epoch_of_digits_has_the_losses_of_the_cpu(limit: int, tmp_path: Path) -> None:
    (here, metrics, seen), (there, metrics_there, seen_there) = (losses(d, limit, tmp_path) for d in ("cpu", "cuda"))
    assert len(here) == -(-limit // 64)
    assert max(here) > 1.05 * min(here)  # something was learnt
    np.testing.assert_allclose(there, here, atol=1e-4)
    assert metrics_there["accuracy"] == pytest.approx(metrics["accuracy"], abs=2 / limit)
    assert seen_there.loss == pytest.approx(seen.loss, abs=1e-3)


def test_an_epoch_of_the_training_loop_reads_one_number_a_step(tmp_path: Path) -> None:
    """The loss; and after the last step how many answers were right."""
    run = train.Training(train.recipe.load("digits", {"epochs": 1, "limit": 80, "batch_size": 32}), tmp_path, device="cuda")
    cp.transfers.clear()
    run._train(lambda seen, loss: None, pytest.fail)
    assert [shape for way, shape in cp.transfers if way == "out"] == [()] * (3 + 1)
    came_in = [(len(shape), shape[0]) for way, shape in cp.transfers if way == "in" and shape != (7, 7)]
    assert came_in == [(axes, count) for count in (32, 32, 16) for axes in (4, 1)]  # images and labels of every batch


def test_a_run_may_go_on_on_another_device(tmp_path: Path) -> None:
    """A checkpoint knows no device: what was learnt on one, Adam's state too, is taken over by the other."""
    recipe = train.recipe.load("digits", {"epochs": 1, "limit": 32})
    for first, second in (("cuda", "cpu"), ("cpu", "cuda")):
        run = train.Training(recipe, tmp_path / first, device=first)
        list(run.run())
        saved = train.read_checkpoint(run.checkpoint)
        longer = recipe.model_copy(update={"epochs": 2})
        ends = []
        for device in (first, second):
            ends += list(train.Training(longer, tmp_path / f"{first}-{device}", saved, device=device).run())
        assert ends[0]["loss"] == pytest.approx(ends[1]["loss"], abs=1e-4)
