"""Tier ``fast``: for NumPy arrays the compiled kernels of `cpu`, for CuPy arrays the functions of the same names in `cuda`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np

from . import cpu, cuda
from .cpu import pool_divisor
from .types import Array, xp_of

# fmt: off
__all__ = [
    "adam", "avg_pool2d", "avg_pool2d_input_grad", "batch_norm", "batch_norm_grad", "col2im", "conv2d", "conv2d_input_grad",
    "conv2d_weight_bias_grad", "conv2d_weight_grad", "dropout", "dropout_keep", "global_avg_pool2d", "im2col", "max_gather2d",
    "max_pool2d", "max_unpool2d", "pool_divisor", "relu", "relu_mask", "sgd", "softmax_cross_entropy",
]
# fmt: on

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def _by_device(on_cpu: Kernel) -> Kernel:
    """The kernel of the device on which the first array lies."""
    name = on_cpu.__name__

    @wraps(on_cpu)
    def kernel(first: Array, *rest: Any, **options: Any) -> Any:
        run = on_cpu if xp_of(first) is np else getattr(cuda, name)
        return run(first, *rest, **options)

    return cast(Kernel, kernel)


conv2d = _by_device(cpu.conv2d)
conv2d_input_grad = _by_device(cpu.conv2d_input_grad)
conv2d_weight_grad = _by_device(cpu.conv2d_weight_grad)
conv2d_weight_bias_grad = _by_device(cpu.conv2d_weight_bias_grad)
im2col, col2im = _by_device(cpu.im2col), _by_device(cpu.col2im)
max_pool2d, max_unpool2d, max_gather2d = _by_device(cpu.max_pool2d), _by_device(cpu.max_unpool2d), _by_device(cpu.max_gather2d)
avg_pool2d, avg_pool2d_input_grad = _by_device(cpu.avg_pool2d), _by_device(cpu.avg_pool2d_input_grad)
global_avg_pool2d = _by_device(cpu.global_avg_pool2d)
batch_norm, batch_norm_grad = _by_device(cpu.batch_norm), _by_device(cpu.batch_norm_grad)
softmax_cross_entropy = _by_device(cpu.softmax_cross_entropy)
relu, relu_mask, dropout = _by_device(cpu.relu), _by_device(cpu.relu_mask), _by_device(cpu.dropout)
sgd, adam = _by_device(cpu.sgd), _by_device(cpu.adam)


def dropout_keep(shape: tuple[int, ...], p: float, seed: int, call: int, xp: Any = np) -> Array:
    """Here no array tells the device: ``xp`` is the library that the mask is made by."""
    return (cpu if xp is np else cuda).dropout_keep(shape, p, seed, call, xp)
