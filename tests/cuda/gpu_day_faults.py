"""Mistakes to plant in a GPU day on the stand-in: each must make its part red, and leave the others running.

    NINX_GPU_DAY=stand-in NINX_GPU_DAY_FAULT=e PYTHON=.venv/bin/python tests/cuda/gpu_day.sh

A plugin of pytest too, because part (b) runs tests in processes of their own.
"""

from __future__ import annotations

import os
from typing import Any

from ninx.kernels import cuda
from ninx.kernels.cuda import launcher

RIGHT, WRONG = "h = i * geo.SH - geo.PH + r * geo.DH, w =", "h = i * geo.SH + r * geo.DH, w ="


def _kernel_forgets_the_padding() -> None:
    source = launcher.source().replace(RIGHT, WRONG)
    assert source != launcher.source(), "the source has changed: plant this mistake anew"
    launcher.source = lambda: source


def _learns_too_fast() -> None:
    for name in ("sgd", "adam"):
        right = getattr(cuda, name)

        def wrong(*arrays: Any, right: Any = right, lr: float, **settings: Any) -> None:
            right(*arrays, lr=1.5 * lr, **settings)

        setattr(cuda, name, wrong)


def _reads_the_loss_too_early() -> None:
    right = cuda.softmax_cross_entropy

    def wrong(*arguments: Any) -> Any:
        loss, slope = right(*arguments)
        loss.sum().item()
        return loss, slope

    cuda.softmax_cross_entropy = wrong


FAULTS = {"b": _kernel_forgets_the_padding, "d": _learns_too_fast, "e": _reads_the_loss_too_early}


def plant(part: str) -> None:
    """Plant the fault that NINX_GPU_DAY_FAULT asks for, if it is one of this part."""
    if os.environ.get("NINX_GPU_DAY_FAULT") == part:
        FAULTS[part]()


def pytest_configure() -> None:
    plant("b")
