"""Changes in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .base import Base
from .deferred import ops

if TYPE_CHECKING:
    from ..tensor import Tensor


def _in_place(name: str, call: str, result: str) -> Callable[..., Tensor]:
    """The method ``name_``: the tensor becomes what the function ``name`` of `ops` makes of it. ``call``: an example."""

    def method(self: Any, *values: Any, **options: Any) -> Tensor:
        return ops.become(f"{name}_", self, getattr(ops, name), *values, **options)

    method.__name__, method.__qualname__ = f"{name}_", f"InPlace.{name}_"
    method.__doc__ = f"""`{name}` in place: the entries become the results, the history theirs; returns the tensor.

        Raises as `add_`.

        >>> {call}
        {result}
        """
    return method


class InPlace(Base):
    """Changes in place."""

    __slots__ = ()

    def __setitem__(self, index: Any, value: Any) -> None:
        ops.setitem_(self, index, value)

    def __iadd__(self, other: Any) -> Tensor:
        return ops.add_(self, other)

    def __isub__(self, other: Any) -> Tensor:
        return ops.sub_(self, other)

    def __imul__(self, other: Any) -> Tensor:
        return ops.mul_(self, other)

    def __itruediv__(self, other: Any) -> Tensor:
        return ops.div_(self, other)

    def __ifloordiv__(self, other: Any) -> Tensor:
        return ops.become("floor_divide_", self, ops.floor_divide, other)

    def __imod__(self, other: Any) -> Tensor:
        return ops.become("remainder_", self, ops.remainder, other)

    def __ipow__(self, other: Any) -> Tensor:
        return ops.become("pow_", self, ops.pow, other)

    def __iand__(self, other: Any) -> Tensor:
        return ops.become("bitwise_and_", self, ops.bitwise_and, other)

    def __ior__(self, other: Any) -> Tensor:
        return ops.become("bitwise_or_", self, ops.bitwise_or, other)

    def __ixor__(self, other: Any) -> Tensor:
        return ops.become("bitwise_xor_", self, ops.bitwise_xor, other)

    def __ilshift__(self, other: Any) -> Tensor:
        return ops.become("bitwise_left_shift_", self, ops.bitwise_left_shift, other)

    def __irshift__(self, other: Any) -> Tensor:
        return ops.become("bitwise_right_shift_", self, ops.bitwise_right_shift, other)

    def add_(self, other: Any, *, alpha: Any = 1) -> Tensor:
        return ops.add_(self, other, alpha=alpha)

    def sub_(self, other: Any, *, alpha: Any = 1) -> Tensor:
        return ops.sub_(self, other, alpha=alpha)

    def mul_(self, other: Any) -> Tensor:
        return ops.mul_(self, other)

    def div_(self, other: Any, *, rounding_mode: Any = None) -> Tensor:
        return ops.div_(self, other, rounding_mode=rounding_mode)

    def copy_(self, src: Any, non_blocking: Any = False) -> Tensor:
        return ops.copy_(self, src)

    def fill_(self, value: Any) -> Tensor:
        return ops.fill_(self, value)

    def zero_(self) -> Tensor:
        """Every entry becomes 0, in place; returns the tensor.

        >>> ninx.ones(2).zero_()
        tensor([0., 0.])
        """
        return ops.fill_(self, 0)

    def normal_(self, mean: Any = 0.0, std: Any = 1.0, *, generator: Any = None) -> Tensor:
        return ops.normal_(self, mean, std, generator=generator)

    def uniform_(self, low: Any = 0.0, high: Any = 1.0, *, generator: Any = None) -> Tensor:
        return ops.uniform_(self, low, high, generator=generator)

    def random_(self, low: Any = 0, high: Any = None, *, generator: Any = None) -> Tensor:
        return ops.random_(self, low, high, generator=generator)

    def bernoulli_(self, p: Any = 0.5, *, generator: Any = None) -> Tensor:
        return ops.bernoulli_(self, p, generator=generator)

    floor_divide_ = _in_place("floor_divide", "ninx.tensor([7, -7]).floor_divide_(2)", "tensor([ 3, -4])")
    remainder_ = _in_place("remainder", "ninx.tensor([7, -7]).remainder_(3)", "tensor([1, 2])")
    pow_ = _in_place("pow", "ninx.tensor([2.0, 3.0]).pow_(2)", "tensor([4., 9.])")
    neg_ = _in_place("neg", "ninx.tensor([1, -2]).neg_()", "tensor([-1,  2])")
    abs_ = _in_place("abs", "ninx.tensor([1, -2]).abs_()", "tensor([1, 2])")
    square_ = _in_place("square", "ninx.tensor([2.0, 3.0]).square_()", "tensor([4., 9.])")
    sqrt_ = _in_place("sqrt", "ninx.tensor([4.0, 9.0]).sqrt_()", "tensor([2., 3.])")
    rsqrt_ = _in_place("rsqrt", "ninx.tensor([4.0, 0.25]).rsqrt_()", "tensor([0.5000, 2.0000])")
    reciprocal_ = _in_place("reciprocal", "ninx.tensor([2.0, 4.0]).reciprocal_()", "tensor([0.5000, 0.2500])")
    exp_ = _in_place("exp", "ninx.tensor([0.0, 1.0]).exp_()", "tensor([1.0000, 2.7183])")
    log_ = _in_place("log", "ninx.tensor([1.0, 10.0]).log_()", "tensor([0.0000, 2.3026])")
    sin_ = _in_place("sin", "ninx.tensor([0.0, 1.0]).sin_()", "tensor([0.0000, 0.8415])")
    cos_ = _in_place("cos", "ninx.tensor([0.0, 1.0]).cos_()", "tensor([1.0000, 0.5403])")
    tanh_ = _in_place("tanh", "ninx.tensor([0.0, 1.0]).tanh_()", "tensor([0.0000, 0.7616])")
    sigmoid_ = _in_place("sigmoid", "ninx.tensor([0.0, 2.0]).sigmoid_()", "tensor([0.5000, 0.8808])")
    relu_ = _in_place("relu", "ninx.tensor([-1.0, 2.0]).relu_()", "tensor([0., 2.])")
    round_ = _in_place("round", "ninx.tensor([0.5, 1.7]).round_()", "tensor([0., 2.])")
    floor_ = _in_place("floor", "ninx.tensor([0.5, -1.7]).floor_()", "tensor([ 0., -2.])")
    ceil_ = _in_place("ceil", "ninx.tensor([0.5, 1.7]).ceil_()", "tensor([1., 2.])")
    trunc_ = _in_place("trunc", "ninx.tensor([0.5, 1.7]).trunc_()", "tensor([0., 1.])")
    clip_ = _in_place("clip", "ninx.tensor([-2.0, 2.0]).clip_(min=0)", "tensor([0., 2.])")
    clamp_ = _in_place("clamp", "ninx.tensor([-2.0, 2.0]).clamp_(-1, 1)", "tensor([-1.,  1.])")
    clamp_min_ = _in_place("clamp_min", "ninx.tensor([-2.0, 2.0]).clamp_min_(0)", "tensor([0., 2.])")
    clamp_max_ = _in_place("clamp_max", "ninx.tensor([-2.0, 2.0]).clamp_max_(0)", "tensor([-2.,  0.])")
    masked_fill_ = _in_place("masked_fill", "ninx.ones(2).masked_fill_(ninx.tensor([True, False]), 5)", "tensor([5., 1.])")
    addcmul_ = _in_place("addcmul", "ninx.ones(2).addcmul_(ninx.ones(2), ninx.ones(2), value=2)", "tensor([3., 3.])")
    addcdiv_ = _in_place("addcdiv", "ninx.ones(2).addcdiv_(ninx.ones(2), 2 * ninx.ones(2))", "tensor([1.5000, 1.5000])")
    lerp_ = _in_place("lerp", "ninx.zeros(2).lerp_(ninx.ones(2), 0.5)", "tensor([0.5000, 0.5000])")
