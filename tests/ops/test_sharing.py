"""Memory shared with NumPy, PyTorch, JAX and CuPy (a stand-in where there is no GPU): who sees what, and for how long."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import devices
import numpy as np
import pytest
import torch

import ninx
from ninx import nn

pytestmark = pytest.mark.host_only("these libraries' arrays lie on the host; CuPy's are asked for below")

NUMBERS = "float16 float32 float64 int8 int16 int32 int64 uint8 bool".split()  # noqa: SIM905 - three lines less


class Library(NamedTuple):
    """Another library: an array of its own of NumPy's, its from_dlpack, what reads an array there, and what writes into one."""

    make: Callable[[np.ndarray], Any]
    take: Callable[[Any], Any]
    read: Callable[[Any], np.ndarray]
    write: Callable[[Any, Any, float], None] | None  # JAX's arrays are never changed


def _set(array: Any, index: Any, value: float) -> None:
    array[index] = value


def _numpy() -> Library:
    return Library(lambda a: a.copy(order="K"), np.from_dlpack, lambda a: a, _set)


def _torch() -> Library:
    return Library(lambda a: torch.from_numpy(a.copy(order="K")), torch.from_dlpack, lambda t: t.numpy(), _set)


def _jax() -> Library:
    jax = pytest.importorskip("jax", reason="JAX is not installed (pip install jax)")
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", True)
    return Library(jax.numpy.array, jax.numpy.from_dlpack, np.asarray, None)


LIBRARIES = {"numpy": _numpy, "torch": _torch, "jax": _jax}


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Library:
    return LIBRARIES[request.param]()


def _address(library: Library, array: Any) -> int:
    return array.unsafe_buffer_pointer() if library.write is None else library.read(array).ctypes.data


def _aligned(shape: tuple[int, ...], dtype: Any = np.float32) -> np.ndarray:
    """Zeros that begin at a multiple of 64 bytes: JAX copies what does not."""
    memory = np.zeros(int(np.prod(shape)) * np.dtype(dtype).itemsize + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : memory.size - 64 + start].view(dtype).reshape(shape)


# -------------------------------------------------------------------- aliasing


def test_what_they_write_we_read(library: Library) -> None:
    theirs = library.make(np.arange(6.0).reshape(2, 3))
    ours = ninx.from_dlpack(theirs)
    assert ours.shape == (2, 3)
    assert ours.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert ours.array.ctypes.data == _address(library, theirs)
    if library.write:
        library.write(theirs, (1, 2), 9.0)
        assert ours[1, 2].item() == 9
        ours[0, 0] = -1
        assert library.read(theirs)[0, 0] == -1


def test_what_we_write_they_read(library: Library) -> None:
    ours = ninx.from_numpy(_aligned((2, 3)))
    theirs = library.take(ours)
    assert _address(library, theirs) == ours.array.ctypes.data
    ours[1, 2] = 9
    assert library.read(theirs)[1, 2] == 9
    if library.write:
        library.write(theirs, (0, 0), -1.0)
        assert ours[0, 0].item() == -1


@pytest.mark.parametrize("direction", ["out", "in"])
def test_an_image_that_lies_channels_last_is_not_copied(library: Library, direction: str) -> None:
    """Nor is its layout changed: the next convolution finds pixels that are rows."""
    pixels = _aligned((2, 8, 8, 16))
    pixels[...] = np.arange(pixels.size).reshape(pixels.shape)
    image = pixels.transpose(0, 3, 1, 2)
    if direction == "out":
        theirs = library.take(ninx.from_numpy(image))
        assert _address(library, theirs) == image.ctypes.data
        np.testing.assert_array_equal(library.read(theirs), image)
        return
    theirs = library.take(image)
    ours = ninx.from_dlpack(theirs)
    assert ours.array.ctypes.data == _address(library, theirs) == image.ctypes.data
    assert ours.array.strides == image.strides
    np.testing.assert_array_equal(ours.numpy(), image)
    copies = ninx.layout_copies()
    nn.Conv2d(16, 4, 3)(ours)
    assert ninx.layout_copies() == copies


def test_pytorchs_channels_last_is_ours() -> None:
    theirs = torch.arange(48.0).reshape(2, 3, 2, 4).contiguous(memory_format=torch.channels_last)
    ours = ninx.from_dlpack(theirs)
    assert ours.is_contiguous(memory_format="channels_last")
    assert ours.array.ctypes.data == theirs.data_ptr()
    back = torch.from_dlpack(ours)
    assert back.is_contiguous(memory_format=torch.channels_last)
    assert back.data_ptr() == theirs.data_ptr()
    assert torch.equal(back, theirs)


def test_images_that_ninx_makes_go_to_jax_without_a_copy() -> None:
    """From 64 KiB on they begin at multiples of 64 bytes, as JAX wants it; it copies others itself."""
    library = _jax()
    image = nn.Conv2d(3, 64, 3)(ninx.rand(8, 3, 18, 18)).detach()
    assert image.array.nbytes >= 1 << 16
    assert _address(library, library.take(image)) == image.array.ctypes.data


@pytest.mark.parametrize("steps", [np.s_[::2], np.s_[1:4], np.s_[:, 2:5:2], np.s_[2], np.s_[..., None]])
def test_views_with_gaps(steps: Any) -> None:
    values = np.arange(30.0).reshape(5, 6)
    for ours in (ninx.from_dlpack(torch.from_numpy(values)[steps]), ninx.from_dlpack(values[steps])):
        assert np.shares_memory(ours.array, values)
        np.testing.assert_array_equal(ours.numpy(), values[steps])
    for theirs in (torch.from_dlpack(ninx.from_numpy(values)[steps]).numpy(), np.from_dlpack(ninx.from_numpy(values)[steps])):
        assert np.shares_memory(theirs, values)
        np.testing.assert_array_equal(theirs, values[steps])


def test_steps_backwards_are_copied_on_the_way_out() -> None:
    """PyTorch ends the process when it is given them: in one of its own, so that a red test does not end this one."""
    code = "import ninx, torch; print(torch.from_dlpack(ninx.arange(3.0)[::-1]).tolist())"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "[2.0, 1.0, 0.0]"), done.stderr[:200]
    with pytest.raises(BufferError, match="negative strides, which must be copied"):
        ninx.arange(3.0)[::-1].__dlpack__(copy=False)
    back = np.arange(3.0)[::-1]
    assert np.shares_memory(ninx.from_dlpack(back).array, back)  # on the way in they are as good as others


# -------------------------------------------------------------------- copies, lifetime, what may be written


def test_copy_true_and_false(library: Library) -> None:
    theirs = library.make(np.arange(3.0))
    own = ninx.from_dlpack(theirs, copy=True)
    assert own.tolist() == [0, 1, 2]
    assert own.array.ctypes.data != _address(library, theirs)
    own[0] = 5  # also of what is read-only there
    assert library.read(theirs)[0] == 0
    assert ninx.from_dlpack(theirs, copy=False).array.ctypes.data == _address(library, theirs)
    assert ninx.from_dlpack(theirs, device="cpu").array.ctypes.data == _address(library, theirs)


@pytest.mark.parametrize("take", [np.from_dlpack, torch.from_dlpack], ids=["numpy", "torch"])
def test_copy_is_asked_for_by_the_taker(take: Callable[..., Any]) -> None:
    image = ninx.rand(2, 3, 4, 5)
    copied, shared = take(image, copy=True), take(image, copy=False)
    before = image.numpy().copy()
    image[...] = 7
    assert (np.asarray(shared) == 7).all()
    np.testing.assert_array_equal(np.asarray(copied), before)


def test_memory_lives_as_long_as_somebody_uses_it(library: Library) -> None:
    theirs = library.make(np.full(100_000, 3.0))
    ours = ninx.from_dlpack(theirs)
    del theirs
    gc.collect()
    np.full(100_000, 8.0)  # takes the place, if it was given back
    assert (ours == 3).all()

    memory = _aligned((100_000,))
    memory[...] = 4
    watched = weakref.ref(memory)
    again = library.take(ninx.from_numpy(memory))
    del memory
    gc.collect()
    assert watched() is not None
    assert (library.read(again) == 4).all()
    del again
    gc.collect()
    assert watched() is None  # and no longer


def test_what_is_read_only_stays_so() -> None:
    fixed = np.arange(3.0)
    fixed.flags.writeable = False
    ours = ninx.from_dlpack(fixed)
    assert np.shares_memory(ours.array, fixed)
    for change in (lambda: ours.fill_(1), lambda: ours.add_(1), lambda: _set(ours, 0, 1.0)):
        with pytest.raises(ValueError, match="the array of this tensor is read-only"):
            change()
    assert fixed.tolist() == [0, 1, 2]
    assert not np.from_dlpack(ours).flags.writeable  # and on the way out
    assert (ours + 1).tolist() == [1, 2, 3]


def test_an_array_of_jax_is_read_only() -> None:
    theirs = _jax().make(np.arange(3.0))
    with pytest.raises(ValueError, match="the array of this tensor is read-only"):
        ninx.from_dlpack(theirs).add_(1)
    assert theirs.tolist() == [0, 1, 2]


def test_a_tensor_of_ours_becomes_one_without_history() -> None:
    x = ninx.ones(3, requires_grad=True)
    with pytest.raises(BufferError, match="requires grad, of which no other library knows; call detach"):
        ninx.from_dlpack(x * 2)
    y = ninx.from_dlpack(x.detach())
    assert np.shares_memory(y.array, x.array)
    assert not y.requires_grad
    assert y.is_leaf
    with pytest.raises(BufferError):
        torch.from_dlpack(x)
    with pytest.raises(BufferError):  # PyTorch's own word for it
        ninx.from_dlpack(torch.ones(2, requires_grad=True))


def test_changes_of_others_are_not_counted() -> None:
    """So says the documentation: here is what it means."""
    memory = np.ones(2, np.float32)
    x = ninx.from_dlpack(memory)
    w = ninx.ones(2, requires_grad=True)
    loss = (w * x).sum()
    memory[...] = 5
    loss.backward()
    assert w.grad is not None
    assert w.grad.tolist() == [5, 5]  # with x changed by ourselves it would have raised


# -------------------------------------------------------------------- dtypes


@pytest.mark.parametrize("dtype", NUMBERS)
def test_every_dtype_goes_both_ways(library: Library, dtype: str) -> None:
    values = np.arange(4).astype(dtype)
    ours = ninx.from_dlpack(library.make(values))
    assert (ours.dtype, ours.tolist()) == (values.dtype, values.tolist())
    theirs = library.take(ninx.tensor(values))
    assert str(theirs.dtype).removeprefix("torch.") == dtype
    np.testing.assert_array_equal(library.read(theirs), values)


@pytest.mark.parametrize("shape", [(), (0, 3), (1, 1), (2, 0)])
def test_numbers_and_nothing(library: Library, shape: tuple[int, ...]) -> None:
    values = np.full(shape, 2.5)
    ours = ninx.from_dlpack(library.make(values))
    assert (ours.shape, ours.tolist()) == (shape, values.tolist())
    assert tuple(library.take(ninx.tensor(values)).shape) == shape


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: torch.ones(2, dtype=torch.bfloat16), TypeError, r"an array of torch\.bfloat16 cannot be a tensor"),
        (lambda: torch.ones(2, dtype=torch.complex64), TypeError, "not complex numbers; cast with"),
        (lambda: [1.0, 2.0], TypeError, "not a list; ninx.tensor makes a copy"),
        (lambda: 2.5, TypeError, "not a float"),
        (lambda: torch.utils.dlpack.to_dlpack(torch.ones(2)), TypeError, "not a PyCapsule"),
    ],
)
def test_what_is_refused_is_named(make: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        ninx.from_dlpack(make())


class _Elsewhere:
    """An array on a device of another kind."""

    def __init__(self, kind: int):
        self.kind = kind

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.kind, 0

    def __dlpack__(self, **_: Any) -> Any:
        raise AssertionError("nobody can use it")


def test_devices_that_cannot_be_used_are_named() -> None:
    with pytest.raises(BufferError, match="on a device of kind 8 in DLPack's count"):
        ninx.from_dlpack(_Elsewhere(8))
    if ninx.gpu_status() is not None:
        with pytest.raises(RuntimeError, match=r"from_dlpack: the array lies on a GPU, and none can be used: .*pip install"):
            ninx.from_dlpack(_Elsewhere(2))
    with pytest.raises(BufferError, match="this tensor lies on cpu; move it first"):
        ninx.ones(2).__dlpack__(dl_device=(2, 0))


# -------------------------------------------------------------------- CuPy


@pytest.fixture
def cupy() -> Iterator[Any]:
    with devices.some_cupy():
        import cupy

        yield cupy


def test_cupy_shares_memory_with_a_tensor_on_the_device(cupy: Any) -> None:
    theirs = cupy.asarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    ours = ninx.from_dlpack(theirs)
    assert str(ours.device) == "cuda:0"
    theirs[0, 1] = 8
    ours[1, 2] = 9
    assert ours.tolist() == [[0, 8, 2], [3, 4, 9]]
    for again in (cupy.from_dlpack(ours), cupy.asarray(ours)):  # the second by __cuda_array_interface__
        assert isinstance(again, cupy.ndarray)
        again[0, 0] = again[0, 0] + 1
    assert theirs[0, 0].item() == 2
    del theirs, again
    gc.collect()
    assert ours.tolist() == [[2, 8, 2], [3, 4, 9]]


def test_an_image_on_the_device_is_not_copied(cupy: Any) -> None:
    image = ninx.rand(2, 3, 4, 5, device="cuda")
    for theirs in (cupy.from_dlpack(image), cupy.asarray(image)):
        assert theirs.strides == image.array.strides
        assert theirs.__cuda_array_interface__["data"] == image.__cuda_array_interface__["data"]
        assert ninx.from_dlpack(theirs).array.strides == image.array.strides


def test_an_array_moves_between_host_and_device_by_a_copy(cupy: Any) -> None:
    host = np.arange(3.0)
    there = ninx.from_dlpack(host, device="cuda")
    assert str(there.device) == "cuda:0"
    here = ninx.from_dlpack(there, device="cpu")
    assert here.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="no array gets to cuda without a copy"):
        ninx.from_dlpack(host, device="cuda", copy=False)
    copied = np.from_dlpack(type("Host", (), {"__dlpack__": lambda _, **o: there.__dlpack__(dl_device=(1, 0)),
                                               "__dlpack_device__": lambda _: (1, 0)})())  # fmt: skip
    assert copied.tolist() == [0, 1, 2]


def test_the_array_interface_is_that_of_pytorch(cupy: Any) -> None:
    """On the CPU there is none, and none while a gradient is wanted."""
    assert not hasattr(ninx.ones(2), "__cuda_array_interface__")
    assert not hasattr(torch.ones(2), "__cuda_array_interface__")
    with pytest.raises(AttributeError, match=r"lies on the CPU; x\.to\('cuda'\) copies it"):
        _ = ninx.ones(2).__cuda_array_interface__
    there = ninx.ones(2, 3, device="cuda")
    found = there.__cuda_array_interface__
    assert (found["shape"], found["typestr"], found["strides"], found["version"]) == ((2, 3), "<f4", None, 3)
    with pytest.raises(RuntimeError, match="requires grad; call detach"):
        _ = there.requires_grad_().__cuda_array_interface__
    with pytest.raises(BufferError, match="requires grad"):
        there.__dlpack__()
