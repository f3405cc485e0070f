"""One test body for every device: on "cuda" it runs on a GPU or, where there is none, on the stand-in for CuPy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import cupy_stand_in
import host_cuda
import pytest

import ninx
from ninx.nn import parameter
from ninx.ops import creation, filled, sampling

_current = ["cpu"]


def current() -> str:
    """Where the tensors of the test that runs lie."""
    return _current[-1]


def fewer(examples: int) -> int:
    """How many of so many examples a test runs on this device."""
    return examples if current() == "cpu" else -(-examples // 5)


def definition() -> str:
    """The tier that defines what is right: the loops, which are for arrays of the host; on a GPU its own kernels stand in."""
    return "loops" if current() == "cpu" else "fast"


@contextmanager
def some_cupy() -> Iterator[None]:
    """Inside, ``import cupy`` gives the real one where there is a GPU, else the stand-in."""
    if ninx.gpu_status() is None:
        yield
        return
    if not host_cuda.GXX:
        pytest.skip("g++ is not installed, so the stand-in for CuPy cannot run kernels")
    with cupy_stand_in.installed():
        yield


@contextmanager
def everything_on(device: str) -> Iterator[None]:
    """Inside, whatever a test makes lies on this device. (The functions that make tensors all end in `leaf`.)"""
    if device == "cpu":
        yield
        return
    real = creation.leaf

    def leaf(array: Any, requires_grad: bool = False, device: Any = None) -> ninx.Tensor:
        return real(array, requires_grad, "cuda")

    with ExitStack() as stack:
        stack.enter_context(some_cupy())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for where in (creation, filled, sampling, parameter):
            patch.setattr(where, "leaf", leaf)
        _current.append("cuda:0")
        stack.callback(_current.pop)
        yield
