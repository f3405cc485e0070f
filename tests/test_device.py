"""Training on a GPU, as far as a stand-in for CuPy shows it: what is copied to and from it, and that the rest is equal."""

from __future__ import annotations

from collections.abc import Iterator

import cupy_stand_in as cp
import host_cuda
import numpy as np
import pytest

import ninx
import ninx.functional as F

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
    with pytest.raises(ValueError, match="setitem: a value on cpu for a tensor on cuda:0"):
        there[0] = here[0]
    there[0] = 2  # numbers and lists go where they are wanted
    assert (there * [3.0] == 6).all()


def test_a_tensor_lies_on_the_device_as_it_lay_on_the_host() -> None:
    for axes in ((0, 1, 2, 3), (0, 2, 3, 1), (3, 0, 2, 1)):
        memory = np.arange(120.0).reshape(np.array([2, 3, 4, 5])[list(axes)])
        x = ninx.from_numpy(memory.transpose(np.argsort(axes)))
        there = x.to("cuda")
        back = there.cpu()
        assert there.data.strides == x.data.strides == back.data.strides
        np.testing.assert_array_equal(back.numpy(), x.numpy())
        assert not np.shares_memory(back.numpy(), memory)
    assert there.to("cuda") is there or there.to("cuda").data is there.data
    with pytest.raises(RuntimeError, match="device 'cuda:1' cannot be used: the last of 1 GPU"):
        x.to("cuda:1")
