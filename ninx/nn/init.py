"""Initial values, written in place into a tensor; drawn on the host from the generator that `ninx.manual_seed` sets.

fan_in and fan_out are the numbers of values that one output reads and one input feeds: for a weight (O, C/groups, KH, KW)
C/groups * KH * KW and O * KH * KW, for a matrix (out, in) the two sizes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

from ninx.kernels.listing import only_public

from ..array import empty, on_device
from ..engine import Tensor, no_grad
from ..hints import hinted
from ..ops import copy_, fill_
from ..random import generator
from .parameter import Parameter

__all__ = [
    "calculate_gain",
    "constant_",
    "dirac_",
    "fans",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "shapes_only",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

__dir__ = only_public(globals())
if not TYPE_CHECKING:  # a type checker would take it for a promise that every name is there
    __getattr__ = hinted(__name__)

_shapes_only: ContextVar[bool] = ContextVar("ninx_shapes_only", default=False)


@contextmanager
def shapes_only() -> Iterator[None]:
    """``with shapes_only():`` layers are made without values: each weight is a single 0, shown in the weight's shape.

    A network of any size then takes neither time nor memory, but it cannot be trained or loaded: for counting and comparing.

    >>> with nn.shapes_only():
    ...     model = ninx.models.create("vgg16")
    >>> sum(p.numel() for p in model.parameters())
    138357544
    """
    token = _shapes_only.set(True)
    try:
        yield
    finally:
        _shapes_only.reset(token)


def parameter(shape: tuple[int, ...], dtype: Any = None, device: Any = None) -> Parameter:
    """A parameter with undefined values (None: float32, on the CPU); a convolution's weight lies channels-last.

    >>> nn.init.parameter((8, 3, 5, 5), ninx.float32).shape
    (8, 3, 5, 5)
    """
    dtype = np.dtype(np.float32 if dtype is None else dtype)
    if _shapes_only.get():
        return Parameter(np.broadcast_to(np.zeros((), dtype), shape))
    return Parameter(on_device(empty(shape, dtype, np), "cpu" if device is None else str(device)))


def _put(tensor: Tensor, draw: Callable[[], Any]) -> Tensor:
    if _shapes_only.get():
        return tensor
    with no_grad():
        return copy_(tensor, Tensor(np.asarray(draw(), tensor.dtype)))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Every entry is ``val``.

    >>> nn.init.constant_(nn.Linear(2, 1).weight, 0.5).tolist()
    [[0.5, 0.5]]
    """
    if _shapes_only.get():
        return tensor
    with no_grad():
        return fill_(tensor, val)


def zeros_(tensor: Tensor) -> Tensor:
    """Every entry is 0.

    >>> nn.init.zeros_(nn.Linear(2, 1).weight).tolist()
    [[0.0, 0.0]]
    """
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Every entry is 1.

    >>> nn.init.ones_(nn.Linear(2, 1).weight).tolist()
    [[1.0, 1.0]]
    """
    return constant_(tensor, 1.0)


def dirac_(tensor: Tensor) -> Tensor:
    """A convolution's weight (O, C, ...) that hands each channel on: 1 in the middle of w[i, i], 0 elsewhere.

    Raises ValueError for a tensor of fewer than 3 dimensions.

    >>> conv = nn.Conv2d(2, 2, 3, padding=1, bias=False)
    >>> x = ninx.rand(1, 2, 5, 5)
    >>> w = nn.init.dirac_(conv.weight)
    >>> (conv(x) == x).all()
    tensor(True)
    """
    if tensor.ndim < 3:
        raise ValueError(f"dirac_: needs a convolution's weight, of at least 3 dimensions, got shape {tensor.shape}")

    def draw() -> Any:
        w = np.zeros(tensor.shape)
        for c in range(min(tensor.shape[:2])):
            w[(c, c, *(n // 2 for n in tensor.shape[2:]))] = 1
        return w

    return _put(tensor, draw)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """Uniform in [a, b).

    >>> w = nn.init.uniform_(ninx.zeros(100), -1, 1)
    >>> bool((w >= -1).all() & (w < 1).all()), bool((w < 0).any() & (w > 0).any())
    (True, True)
    """
    return _put(tensor, lambda: generator().uniform(a, b, tensor.shape))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Normal with this mean and standard deviation.

    >>> w = nn.init.normal_(ninx.zeros(10000), mean=5.0, std=0.01)
    >>> print(f"{w.mean().item():.2f} {w.std().item():.2f}")
    5.00 0.01
    """
    return _put(tensor, lambda: generator().normal(mean, std, tensor.shape))


def fans(tensor: Tensor) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight. Raises ValueError for fewer than 2 dimensions.

    >>> nn.init.fans(ninx.zeros(8, 3, 5, 5))  # 3*5*5 and 8*5*5
    (75, 200)
    """
    if tensor.ndim < 2:
        raise ValueError(f"fan_in and fan_out need at least 2 dimensions, got shape {tensor.shape}")
    receptive = math.prod(tensor.shape[2:])
    return tensor.shape[1] * receptive, tensor.shape[0] * receptive


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much a non-linearity shrinks the signal: sqrt(2) for ReLU (He et al., 2015, arXiv 1502.01852).

    Raises ValueError for an unknown one. ``param`` is the slope of "leaky_relu".

    >>> print(f"{nn.init.calculate_gain('relu'):.4f}")
    1.4142
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    gains = {"linear": 1.0, "conv1d": 1.0, "conv2d": 1.0, "conv3d": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2)}
    gains |= {"conv_transpose1d": 1.0, "conv_transpose2d": 1.0, "conv_transpose3d": 1.0, "selu": 3 / 4}
    if nonlinearity not in gains:
        raise ValueError(f"calculate_gain: unknown non-linearity {nonlinearity!r}; there are {', '.join([*gains, 'leaky_relu'])}")
    return gains[nonlinearity]


def xavier_uniform_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Uniform with variance gain^2 * 2 / (fan_in + fan_out) (Glorot and Bengio, 2010).

    >>> w = nn.init.xavier_uniform_(ninx.zeros(100, 50))
    >>> bool(w.abs().max() <= 0.2)  # sqrt(6 / (50 + 100))
    True
    """
    bound = gain * math.sqrt(6 / sum(fans(tensor)))
    return uniform_(tensor, -bound, bound)


def xavier_normal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Normal with variance gain^2 * 2 / (fan_in + fan_out) (Glorot and Bengio, 2010).

    >>> w = nn.init.xavier_normal_(ninx.zeros(100, 100))
    >>> print(f"{w.std().item():.2f}")  # sqrt(2 / (100 + 100))
    0.10
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(fans(tensor))))


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be 'fan_in' or 'fan_out', got {mode!r}")
    return calculate_gain(nonlinearity, a) / math.sqrt(fans(tensor)[mode == "fan_out"])


def kaiming_uniform_(tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Tensor:
    """Uniform with variance gain^2 / fan, which keeps the size of a signal through ReLUs (He et al., 2015).

    ``mode``: which fan, "fan_in" or "fan_out"; ``a``: the slope of a leaky ReLU. Raises ValueError for another mode.

    >>> w = nn.init.kaiming_uniform_(ninx.zeros(10, 600), nonlinearity="relu")
    >>> bool(w.abs().max() <= 0.1)  # sqrt(3) * sqrt(2) / sqrt(600)
    True
    """
    if 0 in tensor.shape:
        return tensor
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Tensor:
    """Normal with variance gain^2 / fan, which keeps the size of a signal through ReLUs (He et al., 2015).

    ``mode``: which fan, "fan_in" or "fan_out"; ``a``: the slope of a leaky ReLU. Raises ValueError for another mode.

    >>> w = nn.init.kaiming_normal_(ninx.zeros(100, 200), nonlinearity="relu")
    >>> print(f"{w.std().item():.2f}")  # sqrt(2) / sqrt(200)
    0.10
    """
    if 0 in tensor.shape:
        return tensor
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity))
