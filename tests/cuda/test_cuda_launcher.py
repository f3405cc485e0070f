"""The launcher, on a stand-in for CuPy: which kernels it starts, on what memory, and what it refuses."""

from __future__ import annotations

import importlib.util
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cuda_checks
import cupy_stand_in as cp
import host_cuda
import numpy as np
import pytest

import ninx
import ninx.functional as F
from ninx import nn
from ninx.array import to_numpy
from ninx.kernels import cuda, geometry, loops, strided
from ninx.kernels.cuda import launcher

pytestmark = pytest.mark.skipif(not host_cuda.GXX, reason="g++ is not installed, so the CUDA kernels cannot run on the CPU")


@pytest.fixture(autouse=True, scope="module")
def _stand_in() -> Iterator[None]:
    with cp.installed():
        yield


def ones(*shape: int, dtype: Any = np.float64) -> cp.ndarray:
    return cp.asarray(np.ones(shape, dtype))


CONV = geometry.convolution("conv2d", (2, 4, 5, 6), (3, 4, 2, 3))
POINT = geometry.convolution("conv2d", (2, 4, 5, 6), (3, 4, 1, 1))
POOL = geometry.pooling("pool", (2, 4, 5, 6), (2, 3), (1, 1))
SGD: dict[str, Any] = {"lr": 0.1, "momentum": 0.9, "keep": 1.0, "decay": 0.0, "nesterov": False}
ADAM: dict[str, Any] = {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "scale": 1.0, "eps": 1e-8, "decay": 0.0, "shrink": 1.0}


# -------------------------------------------------------------------- the interface


def functions(tier: Any) -> dict[str, Any]:
    return {name: f for name, f in vars(tier).items() if inspect.isfunction(f) and not name.startswith("_")}


def test_the_tier_has_the_functions_of_the_others_with_their_arguments() -> None:
    ours = functions(cuda)
    for name, function in functions(strided).items():
        if function.__module__ == strided.__name__:
            assert inspect.signature(ours[name]) == inspect.signature(function), name
    assert set(cuda.__all__) <= set(vars(cuda))


def test_the_struct_has_the_fields_of_the_launcher_in_their_order() -> None:
    struct = re.search(r"struct Windows \{(.*?)\};", launcher.source(), re.S)
    assert struct
    fields = [name for line in re.findall(r"Index (.*?);", struct[1]) for name in line.split(", ")]
    assert tuple(fields) == launcher.Windows._fields


def test_import_loads_no_cupy_and_a_call_without_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import sys, ninx.kernels.cuda.launcher; print('cupy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(ImportError, match=r"install ninx\[gpu\]"):
        cuda.global_avg_pool2d(np.ones((1, 2, 2, 1)))


def test_the_source_belongs_to_the_package() -> None:
    files = {path.name for path in Path(launcher.__file__).parent.iterdir() if path.suffix in (".cu", ".cuh")}
    assert files == set(launcher.FILES)


# -------------------------------------------------------------------- which memory


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any, Any]]:
    """(a, b, out) of every matrix product."""
    found: list[tuple[Any, Any, Any]] = []
    real = cp.matmul
    monkeypatch.setattr(cp, "matmul", lambda a, b, out=None: found.append((a, b, out)) or real(a, b, out))
    return found


def test_a_1x1_convolution_is_one_product_of_the_memory_that_is_there(products: list[Any]) -> None:
    x, w, g = ones(2, 5, 6, 4), ones(3, 1, 1, 4), ones(2, 5, 6, 3)
    cp.launches.clear()
    y = cuda.conv2d(x, w, None, POINT)
    dx = cuda.conv2d_input_grad(g, w, POINT)
    cuda.conv2d_weight_grad(x, g, POINT)
    assert cp.launches == []
    memory = [[np.shares_memory(a.memory, b.memory) for a, b in zip(p, q, strict=True)] for p, q in zip(
        products, ((x, w, y), (g, w, dx), (g, x, x)), strict=True)]  # fmt: skip
    assert memory == [[True, True, True], [True, True, True], [True, True, False]]
    for a, b, out in products:  # as cuBLAS takes them: each matrix connected, perhaps transposed
        assert all(m.flags.c_contiguous or m.flags.f_contiguous for m in (a, b))
        assert out.flags.c_contiguous
        assert a.ndim == b.ndim == out.ndim == 2


@pytest.mark.parametrize("options", [{"stride": (2, 1)}, {"groups": 2}])
def test_other_1x1_convolutions_pick_their_pixels_first(options: dict[str, Any]) -> None:
    geo = geometry.convolution("conv2d", (2, 4, 5, 6), (2, 4 // options.get("groups", 1), 1, 1), **options)
    cp.launches.clear()
    cuda.conv2d(ones(2, 5, 6, 4), ones(2, 1, 1, geo.columns), None, geo)
    assert cp.launches == ["im2col"]


def test_a_1x1_convolution_with_pixels_that_no_window_sees() -> None:
    """The output padding of a transposed convolution makes them: x is larger than y, though kernel and stride are 1."""
    geo = geometry.transposed("conv", (2, 3, 4, 5), (3, 2, 1, 1), (1, 1), (0, 0), (1, 0), (2, 1))
    assert (geo.H, geo.OH) == (5, 4)
    for number in range(cuda_checks.VARIANTS):
        cuda_checks.run("convolution", geo, number, number, 10**9)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("images", "side"), [(1, 24), (16, 24), (16, 6)])  # parts of an image, parts of several images
def test_the_columns_stay_under_the_budget(images: int, side: int, groups: int, monkeypatch: pytest.MonkeyPatch) -> None:
    budget, sizes = 64 * 2**10, []
    monkeypatch.setattr(cuda, "BUDGET", budget)
    geo = geometry.convolution("conv2d", (images, 4, side, side), (6, 4 // groups, 3, 3), (1, 1), (1, 1), groups=groups)
    x, w, g = ones(images, side, side, 4), ones(6, 3, 3, 4 // groups), ones(images, side, side, 6)
    real = launcher.launch

    def seen(name: str, total: int, *args: Any, **options: Any) -> None:
        sizes.append(args[{"im2col": 1, "col2im": 0}[name]].nbytes)
        real(name, total, *args, **options)

    monkeypatch.setattr(cuda, "launch", seen)
    calls = {
        "conv2d": lambda: cuda.conv2d(x, w, None, geo),
        "input_grad": lambda: cuda.conv2d_input_grad(g, w, geo),
        "weight_grad": lambda: cuda.conv2d_weight_grad(x, g, geo),
    }
    for name, call in calls.items():
        sizes.clear()
        call()
        assert len(sizes) > 1, name
        assert max(sizes) == geo.workspace(8, budget) <= budget, name


def test_arrays_with_gaps_are_copied() -> None:
    rng = np.random.default_rng(0)
    x, w, g = rng.random((2, 4, 5, 6)), rng.random((3, 4, 2, 3)), rng.random((2, 3, 4, 4))
    lying = [a.transpose(0, 2, 3, 1) for a in (x, w, g)]
    dx, dw, dg = (cp.asarray(a).transpose(0, 2, 3, 1) for a in (x, w, g))
    assert not dx.flags.c_contiguous
    np.testing.assert_allclose(cuda.conv2d(dx, dw, None, CONV).get(), loops.conv2d(*lying[:2], None, CONV), rtol=1e-13)
    np.testing.assert_allclose(
        cuda.conv2d_input_grad(dg, dw, CONV).get(), loops.conv2d_input_grad(*lying[2:0:-1], CONV), rtol=1e-13
    )
    y, arg = cuda.max_pool2d(dx, POOL)
    expected, places = loops.max_pool2d(lying[0], POOL)
    cuda_checks.equal("max_pool2d", y, expected)
    cuda_checks.equal("arg", arg, places)


def test_no_images() -> None:
    geo = geometry.convolution("conv2d", (0, 4, 5, 6), (3, 4, 2, 3))
    point = geometry.convolution("conv2d", (0, 4, 5, 6), (3, 4, 1, 1))
    pool = geometry.pooling("pool", (0, 4, 5, 6), (2, 2), (2, 2))
    x, w, g, w1, g1 = ones(0, 5, 6, 4), ones(3, 2, 3, 4), ones(0, 4, 4, 3), ones(3, 1, 1, 4), ones(0, 5, 6, 3)
    cp.launches.clear()
    assert cuda.conv2d(x, w, ones(3), geo).shape == (0, 4, 4, 3)
    assert cuda.conv2d(x, w1, ones(3), point).shape == (0, 5, 6, 3)
    assert cuda.conv2d_input_grad(g, w, geo).shape == cuda.conv2d_input_grad(g1, w1, point).shape == x.shape
    cuda_checks.equal("weight_grad", cuda.conv2d_weight_grad(x, g, geo), np.zeros(w.shape))
    cuda_checks.equal("weight_grad", cuda.conv2d_weight_grad(x, g1, point), np.zeros(w1.shape))
    assert cuda.im2col(x, geo).shape == (0, 24)
    assert cuda.col2im(ones(0, 24), geo).shape == x.shape
    y, arg = cuda.max_pool2d(x, pool)
    assert y.shape == arg.shape == cuda.max_gather2d(x, arg, pool).shape == (0, 2, 3, 4)
    assert cuda.max_unpool2d(y, arg, pool).shape == cuda.avg_pool2d_input_grad(y, pool, np.ones((2, 3))).shape == x.shape
    assert cuda.avg_pool2d(x, pool, np.ones((2, 3))).shape == y.shape
    assert cuda.global_avg_pool2d(x).shape == (0, 1, 1, 4)
    loss, grad = cuda.softmax_cross_entropy(ones(0, 3), cp.asarray(np.zeros(0, np.int64)))
    assert (loss.shape, grad.shape) == ((0,), (0, 3))
    assert cp.launches == []


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_a_step_of_parameters_in_another_order_or_with_gaps(name: str) -> None:
    """No kernel takes them, but they are learnt all the same."""
    rng = np.random.default_rng(0)
    settings = SGD if name == "sgd" else ADAM
    for change in (lambda a: a.T, lambda a: a[:, ::2]):
        host = [rng.random((4, 6)) for _ in range(3 if name == "sgd" else 4)]
        device = [change(cp.asarray(a)) for a in host]
        getattr(loops, name)(*map(change, host), **settings)
        cp.launches.clear()
        getattr(cuda, name)(*device, **settings)
        assert cp.launches == []
        for a, b in zip(device, map(change, host), strict=True):
            np.testing.assert_allclose(a.get(), b, rtol=1e-14)


def trained(device: str) -> list[np.ndarray]:
    """The loss and the parameters of a small network after two steps of training."""
    ninx.manual_seed(0)
    net = nn.Sequential(
        *(nn.Conv2d(3, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, 6, 1), nn.ReLU()),
        *(nn.MaxPool2d(3, 2, ceil_mode=True), nn.Dropout(0.5), nn.Conv2d(6, 6, 3, padding=1), nn.ReLU()),
        *(nn.AvgPool2d(2, 2), nn.Conv2d(6, 10, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    ).to(device)
    rng = np.random.default_rng(0)
    x = ninx.tensor(rng.standard_normal((4, 3, 12, 12)), dtype=np.float32, device=device)
    labels = ninx.tensor(rng.integers(0, 10, 4), device=device)
    optimizer = ninx.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
    for _ in range(2):
        loss = F.cross_entropy(net(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return [to_numpy(t.array) for t in (loss, *net.parameters())]


def test_the_engine_trains_on_the_stand_in() -> None:
    """The same dropout, the same numbers as on the CPU, and the kernels did it."""
    expected = trained("cpu")
    cp.launches.clear()
    for a, b in zip(trained("cuda"), expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6 * np.abs(b).max())
    assert set(cp.launches) == {
        *("im2col", "col2im", "max_pool2d_1", "max_unpool2d_1", "avg_pool2d", "avg_pool2d_input_grad"),
        *("global_avg_pool2d", "dropout_keep", "dropout", "bias_relu", "relu_mask", "sgd_momentum"),
        "softmax_cross_entropy",
    }


# -------------------------------------------------------------------- compiling and launching


def test_a_module_is_compiled_once_for_each_type(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    real = cp.RawModule
    monkeypatch.setattr(cp, "RawModule", lambda **k: made.append(k["options"]) or real(**k))
    with cp.installed():
        for _ in range(3):
            for dtype in (np.float32, np.float64):
                cuda.max_pool2d(ones(2, 5, 6, 4, dtype=dtype), POOL)
                cuda.global_avg_pool2d(ones(2, 5, 6, 4, dtype=dtype))
    assert made == [launcher.options(np.float32, np.int32), launcher.options(np.float64, np.int32)]


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """(name, index type, grid, block, arguments) of what would be launched; nothing runs."""
    found: list[Any] = []
    monkeypatch.setattr(launcher, "_kernel", lambda name, real, index: lambda *a: found.append((name, index, *a)))
    return found


def test_the_index_type_has_room_for_the_largest_array(launched: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "MOST_INT32", 240)
    cuda.global_avg_pool2d(ones(2, 5, 6, 4))  # 240 entries in, 8 out
    cuda.global_avg_pool2d(ones(1, 241, 1, 1))
    assert [index for _, index, *_ in launched] == [np.int32, np.int64]
    assert [{type(n) for n in args[2:]} for *_, args in launched] == [{np.int32}, {np.int64}]


@pytest.mark.parametrize("size", [2**30 + 1, 2**31, 2**40])
def test_a_stride_beyond_32_bits(size: int) -> None:
    """It steps over the whole image: one window."""
    geo = geometry.pooling("pool", (1, 2, 5, 6), (2, 3), (size, size), (1, 1), ceil_mode=False)
    for number in range(cuda_checks.VARIANTS):
        cuda_checks.run("max_pooling", geo, number, 0, True)
        cuda_checks.run("average_pooling", geo, number, 0, True)
    cuda_checks.run("convolution", geometry.convolution("conv2d", (1, 2, 5, 6), (3, 2, 2, 2), (size, 1)), 0, 0, 10**9)


def test_the_limit_leaves_room_for_one_grid() -> None:
    """The loop over entries adds one grid to an index that was below the limit, and the sum must not overflow."""
    assert launcher.MOST_INT32 + launcher.MOST_BLOCKS * launcher.THREADS < 2**31


@pytest.mark.slow
def test_an_index_beyond_32_bits() -> None:
    """An image of more than 2**31 values, of which only a few pages are ever touched."""
    try:
        x = np.zeros((1, 2**16, 2**15 + 1, 1), np.float32)
    except MemoryError:
        pytest.skip("no 9 GB of virtual memory")
    x[0, -1, -1, 0] = 7
    geo = geometry.pooling("pool", (1, 1, *x.shape[1:3]), (1, 1), (2**16 - 1, 2**15))
    y, arg = cuda.max_pool2d(cp.ndarray(x), geo)
    assert y.get().tolist() == [[[[0.0], [0.0]], [[0.0], [7.0]]]]
    assert cuda.max_gather2d(cp.ndarray(x), arg, geo).get()[0, 1, 1, 0] == 7


def test_the_grid_is_as_large_as_needed_and_no_larger_than_allowed(launched: list[Any]) -> None:
    for total in (1, 256, 257, 10**6, 2**29):
        launcher.launch("any", total, ones(1))
    launcher.launch("any", 10**6, ones(1), rows=True)
    grids = [(*grid, *block) for _, _, grid, block, _ in launched]
    assert grids == [(1, 256), (1, 256), (2, 256), (3907, 256), (2**16, 256), (2**16, 128)]


# -------------------------------------------------------------------- what is refused

P = np.ones((2, 3))
ERRORS: list[tuple[Any, type[Exception], str]] = [
    (lambda: cuda.conv2d(P, ones(3, 2, 3, 4), None, CONV), TypeError, r"conv2d: x must be a CuPy array, got numpy\.ndarray"),
    (
        lambda: cuda.conv2d(ones(2, 5, 6, 3), ones(3, 2, 3, 4), None, CONV),
        ValueError,
        r"conv2d: x must have shape \(2, 5, 6, 4\), got \(2, 5, 6, 3\)",
    ),
    (lambda: cuda.conv2d(ones(2, 5, 6, 4), ones(3, 2, 3, 3), None, CONV), ValueError, r"w must have shape \(3, 2, 3, 4\)"),
    (lambda: cuda.conv2d(ones(2, 5, 6, 4), ones(3, 2, 3, 4), ones(4), CONV), ValueError, r"b must have shape \(3,\)"),
    (
        lambda: cuda.conv2d(ones(2, 5, 6, 4), ones(3, 2, 3, 4, dtype=np.float32), None, CONV),
        TypeError,
        "conv2d: w must be float64, got float32",
    ),
    (lambda: cuda.global_avg_pool2d(ones(1, 2, 2, 1, dtype=np.float16)), TypeError, "x must be float32 or float64, got float16"),
    (lambda: cuda.global_avg_pool2d(ones(1, 2, 2, 1, dtype=np.int64)), TypeError, "x must be float32 or float64, got int64"),
    (lambda: cuda.conv2d_weight_grad(ones(2, 5, 6, 4), ones(2, 5, 6, 3), CONV), ValueError, r"g must have shape \(2, 4, 4, 3\)"),
    (lambda: cuda.col2im(ones(32, 23), CONV), ValueError, r"col2im: cols must have shape \(32, 24\)"),
    (
        lambda: cuda.max_unpool2d(ones(2, 4, 4, 4), ones(2, 4, 4, 4), POOL),
        TypeError,
        "max_unpool2d: arg must be uint8, got float64",
    ),
    (lambda: cuda.avg_pool2d(ones(2, 5, 6, 4), POOL, np.ones((4, 5))), ValueError, r"divisor must have shape \(4, 4\)"),
    (lambda: cuda.bias_relu(ones(2, 3), ones(2)), ValueError, r"bias_relu: b must have shape \(3,\)"),
    (lambda: cuda.bias_relu(ones(3, 2).T, ones(3)), ValueError, "bias_relu: the arrays of a kernel must be C-contiguous"),
    (lambda: cuda.sgd(ones(2), ones(2), ones(3), **SGD), ValueError, r"sgd: v must have shape \(2,\)"),
    (lambda: cuda.adam(ones(2), ones(2), ones(2), ones(2, dtype=np.float32), **ADAM), TypeError, "adam: v must be float64"),
    (lambda: cuda.softmax_cross_entropy(ones(2, 3), ones(2)), TypeError, "labels must be whole numbers, got float64"),
    (
        lambda: cuda.softmax_cross_entropy(ones(2, 3), cp.asarray(np.zeros(3, np.int64))),
        ValueError,
        r"labels must have shape \(2,\)",
    ),
    (lambda: launcher.launch("k", 1, ones(1), ones(1, dtype=np.float32)), TypeError, "all float64, got float32, float64"),
    (lambda: launcher.launch("k", 1, Elsewhere(np.ones(1))), ValueError, "k: the arrays must lie on the current device, cuda:0"),
]


class Elsewhere(cp.ndarray):
    """An array on a second device."""

    @property
    def device(self) -> Any:
        return cp.Device(1)


@pytest.mark.parametrize("elsewhere", range(3))
def test_the_device_of_every_array_is_looked_at(elsewhere: int) -> None:
    arrays = [Elsewhere(np.ones(1)) if i == elsewhere else ones(1) for i in range(3)]
    with pytest.raises(ValueError, match="k: the arrays must lie on the current device, cuda:0"):
        launcher.launch("k", 1, *arrays)


@pytest.mark.parametrize(("call", "kind", "words"), ERRORS, ids=[words[:40] for _, _, words in ERRORS])
def test_what_does_not_fit_is_refused(call: Any, kind: type[Exception], words: str) -> None:
    cp.launches.clear()
    with pytest.raises(kind, match=words):
        call()
    assert cp.launches == []


# -------------------------------------------------------------------- the stand-in


def test_the_stand_in_is_as_strict_as_cupy() -> None:
    host, device = np.ones((2, 3)), ones(2, 3)
    for mix in (
        lambda: device + host,
        lambda: host + device,
        lambda: cp.maximum(device, host),
        lambda: np.asarray(device),
        lambda: cp.matmul(device, host.T),
        lambda: host.__setitem__(0, device[0]),
        lambda: device.sum(where=device > 0),
    ):
        with pytest.raises(TypeError):
            mix()
    with pytest.raises(AttributeError):
        _ = device.tofile
    with pytest.raises(AttributeError):
        _ = cp.block
    assert (device.T + device.T).flags.c_contiguous  # NumPy would keep the order of its operands
    assert not (host.T + host.T).flags.c_contiguous
    assert np.isnan(cp.empty((2, 2)).get()).all()
    host[0, 0] = 5
    assert ones(2, 3).get()[0, 0] == 1


def test_the_stand_ins_kernels_take_what_cupys_take() -> None:
    kernel = cp.RawModule(code=launcher.source(), options=launcher.options(np.float64, np.int32)).get_function("relu_mask")
    x = ones(4)
    kernel((1,), (32,), (x, x, cp.empty(4), np.int32(4)))
    for wrong in ((x, x, x, 4), (x, x, x), (x, x, np.ones(4), np.int32(4))):  # a Python int has 64 bits
        with pytest.raises(TypeError):
            kernel((1,), (32,), wrong)
    with pytest.raises(ValueError, match="gaps"):
        kernel((1,), (32,), (x, x, ones(8)[::2], np.int32(4)))
    with pytest.raises(ValueError, match="no grid of 0 blocks"):
        kernel((0,), (32,), (x, x, x, np.int32(4)))


@pytest.mark.skipif(importlib.util.find_spec("cupy") is None, reason="CuPy is not installed: its names cannot be compared")
def test_cupy_has_every_name_that_the_stand_in_has() -> None:
    names = sorted(cp.METHODS | cp.ATTRIBUTES | cp.READ | {"get", "device", "flags"})
    functions = ["asarray", "array", "ascontiguousarray", "empty", "empty_like", "zeros", "zeros_like", "matmul", "RawModule"]
    functions += ["ndarray", "moveaxis", "expand_dims", "take_along_axis", "copyto", "where", "may_share_memory", "result_type"]
    of_cuda = ["Device", "Stream", "get_current_stream", "get_local_runtime_version", "runtime", "nvrtc"]
    of_runtime = ["getDeviceCount", "getDeviceProperties", "CUDARuntimeError"]
    more = f"(c.cuda, {of_cuda}), (c.cuda.runtime, {of_runtime}), (c.cuda.Stream, ['record', 'wait_event']), (c.add, ['at']), "
    more += "(c.cuda.Device, ['use', 'synchronize', 'id', 'mem_info']), (c.linalg, ['norm']), "
    more += "(c.lib.stride_tricks, ['as_strided'])"
    code = f"import cupy as c; print([n for where, names in ((c.ndarray, {names}), (c, {functions}), {more}) "
    code += "for n in names if not hasattr(where, n)])"
    code += "; print(issubclass(c.cuda.memory.OutOfMemoryError, MemoryError))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["[]", "True"]
