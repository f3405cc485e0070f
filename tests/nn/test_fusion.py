"""Layers that are done in one pass give the values and the gradients of the layers one by one, whoever looks on."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from oracle import error

import ninx
import ninx.functional as F
from ninx import kernels, nn
from ninx.nn.fusion import fused
from ninx.ops.rectifier import Masked, ReluMask

TIERS = ["strided", pytest.param("fast", marks=pytest.mark.skipif(not kernels._has_numba(), reason="the tier needs Numba"))]


@pytest.fixture(params=TIERS)
def tier(request: pytest.FixtureRequest) -> Any:
    with kernels.use_kernels(request.param):
        yield request.param


def image(*shape: int, seed: int = 0, dtype: Any = np.float64) -> ninx.Tensor:
    n, c, h, w = shape
    rows = np.random.default_rng(seed).standard_normal((n, h, w, c)).astype(dtype)
    return ninx.from_numpy(rows.transpose(0, 3, 1, 2)).requires_grad_()


def block(pool: type[nn.Module] = nn.MaxPool2d) -> nn.Sequential:
    """Every fused pair, and every operation that puts the mask of a ReLU into its own adjoint."""
    ninx.manual_seed(1)
    layers = [
        nn.MLPConv(3, (8, 9, 12), 3, padding=1),
        pool(3, 2, ceil_mode=True),
        nn.Dropout(0.4),
        nn.Conv2d(12, 8, 3),
        nn.ReLU(),
    ]
    return nn.Sequential(*layers, nn.AvgPool2d(2)).double()


def one_by_one(net: nn.Module, x: ninx.Tensor) -> ninx.Tensor:
    """The same layers without `Sequential`, and with a ReLU that is a product: nothing is fused, no mask is moved."""
    for layer in net.children():
        if isinstance(layer, nn.Sequential):
            x = one_by_one(layer, x)
        elif isinstance(layer, nn.ReLU):
            x = ninx.where(x > 0, x, 0.0)
        else:
            x = layer(x)
    return x


def results(run: Callable[[nn.Module, ninx.Tensor], ninx.Tensor], net: nn.Module) -> list[np.ndarray]:
    ninx.manual_seed(5)
    x = image(2, 3, 11, 9)
    net.zero_grad()
    y = run(net, x)
    y.backward(ninx.from_numpy(np.random.default_rng(1).standard_normal(y.shape)))
    return [y.array, x.grad.array, *(p.grad.array for p in net.parameters())]


@pytest.mark.parametrize("pool", [nn.MaxPool2d, nn.AvgPool2d])
def test_fused_is_unfused(tier: str, pool: type[nn.Module]) -> None:
    net = block(pool)
    assert len(fused(list(net.children()))) == len(list(net.children())) - (2 if pool is nn.MaxPool2d else 1)
    for got, expected in zip(results(lambda net, x: net(x), net), results(one_by_one, net), strict=True):
        assert error(got, expected) <= 1e-13


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batch_norm_and_its_relu(tier: str, dtype: Any, training: bool) -> None:
    """Values, gradients and running statistics are those of the layers one by one."""
    ninx.manual_seed(1)
    net = nn.Sequential(nn.MLPConv(3, (8, 8), 3, padding=1, batch_norm=True), nn.Conv2d(8, 4, 3)).to(dtype).train(training)
    with ninx.no_grad():
        for p in net.parameters():
            p += 0.3 * ninx.randn(*p.shape, dtype=dtype)
    found = []
    for run, twin in ((lambda net, x: net(x), net), (one_by_one, copy.deepcopy(net))):
        x = image(4, 3, 7, 6, dtype=dtype)
        run(twin, x).sum().backward()
        found.append([x.grad.array, *(p.grad.array for p in twin.parameters()), *(b.array.copy() for b in twin.buffers())])
    assert len(fused(list(next(net.children()).children()))) == 4  # of 6: convolution, normalisation + ReLU, twice
    for got, expected in zip(*found, strict=True):
        assert error(got, expected) <= (1e-5 if dtype is np.float32 else 1e-12)


def test_values_are_the_same_bit_for_bit(tier: str) -> None:
    for dtype in (np.float32, np.float64):
        conv, relu, pool, drop = nn.Conv2d(3, 21, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.3)
        conv.to(dtype)
        x = image(2, 3, 8, 8, dtype=dtype)
        ninx.manual_seed(3)
        together = nn.Sequential(conv, relu, pool, drop)(x)
        ninx.manual_seed(3)
        apart = drop(pool(relu(conv(x))))
        np.testing.assert_array_equal(together.array, apart.array)


def test_one_image_without_a_batch_is_dropped_from_too(tier: str) -> None:
    """Its shape does not suit the one pass: pooling and dropout are done one after the other."""
    pool, drop, x = nn.MaxPool2d(2), nn.Dropout(0.5), ninx.rand(4, 8, 8) + 1
    ninx.manual_seed(3)
    y = nn.Sequential(pool, drop)(x)
    ninx.manual_seed(3)
    assert np.array_equal(y.array, drop(pool(x)).array)
    assert 0 < (y.array == 0).mean() < 1


@pytest.mark.parametrize("of_drop", [True, False])
@pytest.mark.parametrize("of_pool", [True, False])
@pytest.mark.parametrize("of_all", [True, False])
def test_each_layer_is_in_the_mode_of_its_own(tier: str, of_pool: bool, of_drop: bool, of_all: bool) -> None:
    """As when a part of a network is set to eval: it is the dropout's own mode that says whether there is one."""
    net = nn.Sequential(nn.MaxPool2d(2), nn.Dropout(0.5))
    net.train(of_all)
    net[0].train(of_pool)
    net[1].train(of_drop)
    y = net(ninx.ones(1, 16, 8, 8))
    assert bool((y == 0).any()) is of_drop
    assert bool((y == 1).all()) is not of_drop


@pytest.mark.parametrize("training", [True, False])
def test_a_batch_norm_before_a_relu_is_in_the_mode_of_its_own(tier: str, training: bool) -> None:
    net = nn.Sequential(nn.BatchNorm2d(8), nn.ReLU()).train(not training)
    net[0].train(training)
    x = ninx.arange(256.0).reshape(2, 8, 4, 4)
    np.testing.assert_allclose(net(x).detach().numpy(), torch.relu(_torch_norm(x, training)).numpy(), rtol=1e-5, atol=1e-5)
    assert bool((net[0].running_mean == 0).all()) is not training


def _torch_norm(x: ninx.Tensor, training: bool) -> Any:
    return torch.nn.BatchNorm2d(8).train(training)(torch.from_numpy(x.numpy().copy())).detach()


def test_what_is_replaced_or_a_subclass_is_not_fused() -> None:
    class Louder(nn.ReLU):
        def forward(self, x: ninx.Tensor) -> ninx.Tensor:
            return F.relu(x) * 2

    conv, x = nn.Conv2d(1, 1, 1), ninx.ones(1, 1, 2, 2)
    with ninx.no_grad():
        conv.weight[...] = 1.0
        conv.bias[...] = 0.0
    assert nn.Sequential(conv, Louder())(x).tolist() == [[[[2.0, 2.0], [2.0, 2.0]]]]
    relu = nn.ReLU()
    relu.forward = lambda x: x * 3  # type: ignore[method-assign]
    assert nn.Sequential(conv, relu)(x).tolist() == [[[[3.0, 3.0], [3.0, 3.0]]]]
    assert nn.Sequential(conv, nn.ReLU(), nn.Dropout(0.5)).eval()(x).tolist() == [[[[1.0, 1.0], [1.0, 1.0]]]]
    frozen = nn.Sequential(nn.MaxPool2d(1), nn.Dropout(0.9)).eval()
    assert frozen(x).tolist() == x.tolist()


# -------------------------------------------------------------------- whoever looks at the gradient in between sees PyTorch's


def chain(library: Any, y: Any, w2: Any, kind: str) -> Any:
    """What follows a ReLU's value y and may apply its mask."""
    if library is torch:
        functions: Any = torch.nn.functional
    else:
        functions = F
    if kind == "conv":
        return functions.conv2d(y, w2, padding=1)
    return functions.max_pool2d(y, 2) if kind == "max" else functions.avg_pool2d(y, 3, 2, 1)


def drawn(kind: str) -> Iterator[tuple[Any, Any, Any, Any, Any]]:
    """(library, x, w, y, z) in ninx and in PyTorch, for y = relu(conv(x, w)) and z = a sum over what follows."""
    x, w, w2 = (image(*s, seed=i).detach().numpy() for i, s in enumerate([(2, 3, 6, 6), (4, 3, 3, 3), (5, 4, 3, 3)]))
    for library in (ninx, torch):
        tx, tw, tw2 = (library.from_numpy(a.copy()).requires_grad_() for a in (x, w, w2))
        y = F.conv2d(tx, tw, padding=1, relu=True) if library is ninx else torch.relu(torch.conv2d(tx, tw, padding=1))
        yield library, tx, tw, y, (chain(library, y, tw2, kind) ** 2).sum()


def both(kind: str, look: Callable[[Any, Any], Any]) -> tuple[Any, Any]:
    """``look(y, z)`` in ninx and in PyTorch."""
    ours, theirs = (look(y, z) for _, _, _, y, z in drawn(kind))
    return ours, theirs


KINDS = ["conv", "max", "avg"]


@pytest.mark.parametrize("kind", KINDS)
def test_retain_grad_sees_the_gradient_before_the_gate(tier: str, kind: str) -> None:
    def look(y: Any, z: Any) -> Any:
        y.retain_grad()
        z.backward()
        return np.asarray(y.grad.detach())

    ours, theirs = both(kind, look)
    assert error(ours, theirs) <= 1e-12
    assert (ours != 0).mean() > (0.4 if kind != "max" else 0.15)


@pytest.mark.parametrize("kind", KINDS)
def test_a_hook_sees_the_gradient_before_the_gate(tier: str, kind: str) -> None:
    def look(y: Any, z: Any) -> Any:
        seen = []
        y.register_hook(lambda g: seen.append(np.array(g.detach().numpy())))
        z.backward()
        return seen[0]

    ours, theirs = both(kind, look)
    assert error(ours, theirs) <= 1e-12


@pytest.mark.parametrize("kind", KINDS)
def test_grad_by_the_value_of_the_relu(tier: str, kind: str) -> None:
    def look(y: Any, z: Any) -> Any:
        library = ninx if isinstance(y, ninx.Tensor) else torch.autograd
        return library.grad(z, y)[0].detach().numpy()

    ours, theirs = both(kind, look)
    assert error(ours, theirs) <= 1e-12


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_read_twice_gets_both_gradients(tier: str, kind: str) -> None:
    def look(y: Any, z: Any) -> Any:
        y.retain_grad()
        total = z + (y * 3).sum()
        total.backward()
        return np.asarray(y.grad.detach())

    ours, theirs = both(kind, look)
    assert error(ours, theirs) <= 1e-12


@pytest.mark.parametrize("kind", KINDS)
def test_second_derivatives_go_through_the_gate(tier: str, kind: str) -> None:
    found = []
    for library, tx, tw, _, z in drawn(kind):
        grad = ninx.grad if library is ninx else torch.autograd.grad
        (g,) = grad(z, tx, create_graph=True)
        found.append([a.detach().numpy() for a in grad((g * g).sum(), (tx, tw))])
    for ours, theirs in zip(*found, strict=True):
        assert error(ours, theirs) <= 1e-10


def test_the_gate_is_put_in_where_nobody_looks(tier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else all these tests would pass without any fusion."""
    seen = []
    real = ReluMask.__call__
    monkeypatch.setattr(ReluMask, "__call__", lambda self, g, y: seen.append(type(g) is Masked) or real(self, g, y))
    ninx.manual_seed(0)
    net = block()
    net(image(2, 3, 11, 9)).sum().backward()
    assert seen == [True, True, True, True]  # AvgPool2d, MaxPool2d + Dropout, and two of the three 1x1 and kxk convolutions


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reader", ["a second operation", "a root of its own", "a second walk"])
def test_a_value_that_is_still_to_be_read_is_kept(tier: str, kind: str, reader: str) -> None:
    """Nobody watches y here, so its mask is moved; but another gradient of it comes, which needs the mask too."""
    found = []
    for library, tx, tw, y, z in drawn(kind):
        grad = ninx.grad if library is ninx else torch.autograd.grad
        if reader == "a second operation":
            grads = grad(z + (y * 3).sum(), (tx, tw))
        elif reader == "a root of its own":
            grads = grad((z, y), (tx, tw), (library.ones_like(z), 3 * library.ones_like(y)))
        else:
            grad(z, tx, retain_graph=True)
            grads = grad(z + (y * 3).sum(), (tx, tw))
        found.append([g.detach().numpy() for g in grads])
    for ours, theirs in zip(*found, strict=True):
        assert error(ours, theirs) <= 1e-12


def test_a_value_behind_its_gate_is_gone_before_the_gradient_is_made(tier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pooling keeps its argmax, so nobody needs the larger image any more: its memory serves for the gradient."""
    x, w = image(1, 1, 4, 4, dtype=np.float32), image(3, 1, 1, 1, dtype=np.float32)
    y = F.conv2d(x, w, relu=True)
    value, z = weakref.ref(y.array), F.max_pool2d(y, 2).sum()
    del y
    alive = []
    real = kernels.tier().max_unpool2d
    monkeypatch.setattr(kernels.tier(), "max_unpool2d", lambda *given: alive.append(value() is not None) or real(*given))
    z.backward()
    assert alive == [False]


def test_a_retained_graph_can_be_walked_again(tier: str) -> None:
    net = block()
    x = image(2, 3, 11, 9)
    y = net(x).sum()
    y.backward(retain_graph=True)
    first = x.grad.array.copy()
    y.backward()
    assert error(x.grad.array, 2 * first) <= 1e-14
