"""Random tensors, all from the generator that `ninx.manual_seed` sets. They are drawn on the host: the same for each device."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine import Tensor
from ..random import generator as current_generator
from .creation import leaf
from .filled import sizes
from .inplace import copy_
from .operands import dtype_of, floating, operand, pair, to


def _from(operation: str, generator: Any) -> np.random.Generator:
    if generator is None:
        return current_generator()
    if isinstance(generator, np.random.Generator):
        return generator
    raise TypeError(
        f"{operation}: generator must be one of NumPy's (np.random.default_rng(seed)) or None, not a {type(generator).__name__}; "
        "ninx.manual_seed sets the one that is used without it"
    )


def _floats(operation: str, dtype: Any) -> np.dtype[Any]:
    kind = dtype_of(operation, np.float32 if dtype is None else dtype)
    if kind.kind != "f":
        raise TypeError(f"{operation}: draws floats, not {kind}; randint draws whole numbers")
    return kind


def _below(values: Any, high: Any, dtype: np.dtype[Any]) -> Any:
    """``values`` as ``dtype``: rounding must not lift one up to the bound that is excluded."""
    return np.minimum(values.astype(dtype), np.nextafter(np.asarray(high, dtype), -np.inf, dtype=dtype))


def rand(
    *shape: Any, size: Any = None, dtype: Any = None, requires_grad: bool = False, device: Any = None, generator: Any = None
) -> Tensor:
    """Uniform in [0, 1), from the generator that `ninx.manual_seed` sets, or a ``generator`` of NumPy's.

    >>> x = ninx.rand(2, 3)
    >>> x.shape, bool((x >= 0).all()), bool((x < 1).all())
    ((2, 3), True, True)
    """
    kind, values = _floats("rand", dtype), _from("rand", generator).random(sizes("rand", shape, size))
    return leaf(np.asarray(_below(values, 1, kind)), requires_grad, device)


def randn(
    *shape: Any, size: Any = None, dtype: Any = None, requires_grad: bool = False, device: Any = None, generator: Any = None
) -> Tensor:
    """Normal with mean 0 and standard deviation 1, from the generator that `ninx.manual_seed` sets, or one of NumPy's.

    >>> ninx.manual_seed(1)
    >>> a = ninx.randn(2, 3)
    >>> ninx.manual_seed(1)
    >>> (a == ninx.randn(2, 3)).all()
    tensor(True)
    """
    kind, draw = _floats("randn", dtype), _from("randn", generator).standard_normal
    return leaf(np.asarray(draw(sizes("randn", shape, size)), kind), requires_grad, device)


def rand_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """`rand` with the shape, dtype and device of ``input`` unless told otherwise.

    >>> ninx.rand_like(ninx.zeros(2, 3)).shape
    (2, 3)
    """
    dtype, device = input.dtype if dtype is None else dtype, input.device if device is None else device
    return rand(input.shape, dtype=dtype, requires_grad=requires_grad, device=device)


def randn_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """`randn` with the shape, dtype and device of ``input`` unless told otherwise.

    >>> ninx.randn_like(ninx.zeros(2, 3)).shape
    (2, 3)
    """
    dtype, device = input.dtype if dtype is None else dtype, input.device if device is None else device
    return randn(input.shape, dtype=dtype, requires_grad=requires_grad, device=device)


def randint(
    low: Any = 0,
    high: Any = None,
    size: Any = None,
    *,
    dtype: Any = None,
    requires_grad: bool = False,
    device: Any = None,
    generator: Any = None,
) -> Tensor:
    """Whole numbers in [low, high), int64: ``randint(high, size)`` or ``randint(low, high, size)``.

    >>> dice = ninx.randint(1, 7, (100,))
    >>> dice.min(), dice.max()
    (tensor(1), tensor(6))
    """
    if size is None and isinstance(high, (tuple, list)):
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    if size is None:
        raise TypeError("randint: write randint(high, size) or randint(low, high, size), such as randint(10, (3,))")
    if low >= high:
        raise ValueError(f"randint: no whole number is in [{low}, {high})")
    kind = dtype_of("randint", np.int64 if dtype is None else dtype)
    values = _from("randint", generator).integers(int(low), int(high), sizes("randint", (size,)))
    return leaf(np.asarray(values).astype(kind), requires_grad, device)


def randperm(n: int, *, dtype: Any = None, requires_grad: bool = False, device: Any = None, generator: Any = None) -> Tensor:
    """The numbers 0 to n - 1 in random order, int64, from the generator that `ninx.manual_seed` sets.

    >>> sorted(ninx.randperm(5).tolist())
    [0, 1, 2, 3, 4]
    """
    kind = dtype_of("randperm", np.int64 if dtype is None else dtype)
    return leaf(_from("randperm", generator).permutation(n).astype(kind, copy=False), requires_grad, device)


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    dtype: Any = None,
    requires_grad: bool = False,
    device: Any = None,
    generator: Any = None,
) -> Tensor:
    """Normal with this mean and standard deviation: numbers and a ``size``, or tensors, whose shapes broadcast. No gradient.

    >>> ninx.normal(10.0, 0.1, (2, 3)).shape, ninx.normal(ninx.zeros(4), 1.0).shape
    ((2, 3), (4,))
    """
    m, s = pair("normal", mean, std)
    m, s = floating(m), floating(s)
    if (s.array < 0).any():
        raise ValueError(f"normal: std must be at least 0, got {std}")
    shape = np.broadcast_shapes(m.shape, s.shape) if size is None else sizes("normal", (size,))
    z = randn(shape, dtype=m.dtype if dtype is None else dtype, device=m.device, generator=generator)
    return to(z * s.detach() + m.detach(), device=device).requires_grad_(requires_grad)


def bernoulli(input: Tensor, *, generator: Any = None) -> Tensor:
    """1 with the probability that each entry says, else 0; the dtype stays. No gradient.

    >>> ninx.bernoulli(ninx.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    x = operand("bernoulli", input)
    kind = _floats("bernoulli", x.dtype)
    if not bool(((x.array >= 0) & (x.array <= 1)).all()):
        raise ValueError("bernoulli: every entry is a probability, from 0 to 1")
    return leaf((rand(x.shape, dtype=np.float64, device=x.device, generator=generator).array < x.array).astype(kind))


# -------------------------------------------------------------------- in place


def normal_(x: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Every entry is drawn anew, normal with this mean and standard deviation; returns x, which becomes a constant.

    Raises TypeError for whole numbers, and as `add_` does; so do `uniform_` and `bernoulli_`.

    >>> ninx.zeros(2, 3).normal_(0, 0.01).shape
    (2, 3)
    """
    kind = _floats("normal_", x.dtype)
    if std < 0:
        raise ValueError(f"normal_: std must be at least 0, got {std}")
    return copy_(x, Tensor(np.asarray(_from("normal_", generator).normal(mean, std, x.shape), kind)))


def uniform_(x: Tensor, low: float = 0.0, high: float = 1.0, *, generator: Any = None) -> Tensor:
    """Every entry is drawn anew, uniform in [low, high); returns x, which becomes a constant.

    >>> x = ninx.zeros(100).uniform_(-1, 1)
    >>> bool((x >= -1).all()), bool((x < 1).all())
    (True, True)
    """
    kind = _floats("uniform_", x.dtype)
    if low > high:
        raise ValueError(f"uniform_: the lower bound {low} is above the upper bound {high}")
    values = np.asarray(_from("uniform_", generator).uniform(low, high, x.shape))
    return copy_(
        x, Tensor(np.asarray(values.astype(kind) if low == high else np.maximum(_below(values, high, kind), kind.type(low))))
    )


def random_(x: Tensor, low: int = 0, high: int | None = None, *, generator: Any = None) -> Tensor:
    """Every entry is drawn anew, a whole number in [low, high): ``random_(high)``, ``random_(low, high)``; returns x.

    Without bounds from 0 to the largest that the dtype holds (of floats: up to which it holds every whole number).

    >>> x = ninx.zeros(100).random_(1, 7)
    >>> x.min(), x.max()
    (tensor(1.), tensor(6.))
    """
    kind = np.dtype(x.dtype)
    if high is None and low == 0:
        high = 2 if kind.kind == "b" else 2 ** np.finfo(kind).nmant * 2 + 1 if kind.kind == "f" else int(np.iinfo(kind).max) + 1
    elif high is None:
        low, high = 0, low
    if low >= high:
        raise ValueError(f"random_: no whole number is in [{low}, {high})")
    values = _from("random_", generator).integers(low, high, x.shape, np.uint64 if high > 2**63 else np.int64)
    return copy_(x, Tensor(np.asarray(values).astype(kind)))


def bernoulli_(x: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Every entry is drawn anew: 1 with the probability p (a number, or a tensor that broadcasts), else 0; returns x.

    >>> ninx.zeros(2).bernoulli_(1.0)
    tensor([1., 1.])
    """
    chance = operand("bernoulli_", p)
    if not bool(((chance.array >= 0) & (chance.array <= 1)).all()):
        raise ValueError(f"bernoulli_: p is a probability, from 0 to 1, got {p}")
    drawn = _from("bernoulli_", generator).random(x.shape)
    return copy_(x, operand("bernoulli_", drawn).to(chance.device) < chance)
