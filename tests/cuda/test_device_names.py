"""`ninx.device` and `ninx.cuda`: PyTorch's ways to say where a tensor lies, on a machine with and without a GPU."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import cupy_stand_in
import pytest
import torch

import ninx
from ninx import cuda

SAID: list[tuple[Any, ...]] = [("cpu",), ("cuda",), ("cuda:0",), ("cuda:1",), ("cuda", 0), ("cuda", 3)]


@pytest.mark.parametrize("said", SAID)
def test_a_device_is_said_as_in_pytorch(said: tuple[Any, ...]) -> None:
    ours, theirs = ninx.device(*said), torch.device(*said)
    assert (ours.type, ours.index, repr(ours), str(ours), f"{ours}") == (
        theirs.type, theirs.index, repr(theirs), str(theirs), f"{theirs}"
    )  # fmt: skip
    assert ours == ninx.device(*said) == str(theirs)
    assert {ours: 1}[str(theirs)] == 1
    assert ninx.device(ours) == ours
    for again in (pickle.loads(pickle.dumps(ours)), copy.deepcopy(ours)):
        assert (again, type(again), again.index) == (ours, ninx.device, theirs.index)


def test_a_number_is_a_gpu() -> None:
    assert ninx.device(1) == "cuda:1" == str(torch.device("cuda", 1))


@pytest.mark.parametrize("wrong", [("gpu",), ("cuda:",), ("cuda:x",), ("mps",), ("cpu:0",), ("cpu", 0), (None,), ("",), (True,)])
def test_another_device_is_refused(wrong: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"^device must be 'cpu', 'cuda' or 'cuda:N', got '"):
        ninx.device(*wrong)


def test_a_number_said_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="device: 'cuda:0' has a number already, so there is no place for the index 1"):
        ninx.device("cuda:0", 1)


@pytest.mark.host_only("it says where it is")
def test_a_device_goes_wherever_its_name_goes() -> None:
    place = ninx.device("cuda" if cuda.is_available() else "cpu")
    x = ninx.ones(2, device=place)
    assert x.device == x.to(place).device == ninx.zeros(1, device=x.device).device
    assert isinstance(x.device, ninx.device)
    net = ninx.nn.Linear(2, 3).to(place)
    assert net(x).device.type == place.type
    assert str(ninx.ones(1).device) == "cpu"


@pytest.mark.host_only("it is about the machine without")
def test_without_a_gpu_pytorch_s_questions_have_answers() -> None:
    if cuda.is_available():
        pytest.skip("there is a GPU")
    assert (cuda.is_available(), cuda.device_count(), cuda.memory_allocated(), cuda.max_memory_allocated()) == (False, 0, 0, 0)
    assert cuda.empty_cache() is None
    cuda.manual_seed(3)
    a = ninx.rand(2).tolist()
    cuda.manual_seed_all(3)
    assert ninx.rand(2).tolist() == a
    for call in (
        cuda.current_device,
        cuda.get_device_name,
        cuda.synchronize,
        lambda: cuda.set_device(0),
        lambda: ninx.ones(1).cuda(0),
    ):
        with pytest.raises(RuntimeError, match=r"^device 'cuda(:0)?' cannot be used: CuPy"):
            call()


@pytest.mark.host_only("it brings its own")
def test_with_a_gpu() -> None:
    if ninx.gpu_status() is None:
        pytest.skip("there is a real one")
    with cupy_stand_in.installed():
        assert (cuda.is_available(), cuda.device_count(), cuda.current_device()) == (True, 1, 0)
        assert cuda.get_device_name() == cuda.get_device_name(0) == cuda.get_device_name("cuda:0") == "stand-in for a GPU"
        cuda.set_device(0)
        cuda.synchronize()
        x = ninx.ones(4).cuda()
        assert (x.device, x.is_cuda, x.type()) == ("cuda:0", True, "ninx.cuda.FloatTensor")
        assert repr(x.device) == "device(type='cuda', index=0)"
        assert cuda.memory_allocated() >= 16
        assert (
            ninx.zeros_like(x).device
            == x.new_ones(2).device
            == ninx.rand_like(x).device
            == ninx.full_like(x, 2).device
            == "cuda:0"
        )
        assert ninx.empty_like(x).device == x.bernoulli_(0.5).device == ninx.normal(x, 1.0).device == "cuda:0"
        assert ((x.array * x).tolist(), (x * 2 % 3).device) == ((x * x).tolist(), "cuda:0")  # a bare array of the device first
        cuda.empty_cache()
