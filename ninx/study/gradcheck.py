"""Is a derivative right? Compare it with finite differences, in random directions and with random cotangents.

For y = f(x), a direction v and a cotangent g, the chain rule says that  <g, (f(x + h v) - f(x - h v)) / 2h>  tends to
<vjp(g), v>  as h goes to 0: the error of the left side is about h^2. A single random direction sees every entry of the
gradient at once; where it disagrees, the entries are looked at one by one and the worst is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..array import on_device, to_numpy
from ..engine import Tensor, grad

Function = Callable[..., "Tensor | Sequence[Tensor]"]


class GradientError(AssertionError):
    """A gradient disagrees with finite differences; the message shows the worst entry."""


def gradcheck(
    func: Function,
    inputs: Tensor | Sequence[Tensor],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    directions: int = 3,
    seed: int = 0,
    raise_exception: bool = True,
) -> bool:
    """Compare the gradients of ``func`` with central differences of step ``eps``; every input that requires grad is checked.

    The inputs must be float64 (float32 has too few digits for a difference quotient). Each is also passed with another memory
    layout, and none may be changed by ``func``. Two numbers a, b agree if |a - b| <= atol + rtol * |b|. Raises GradientError,
    or returns False with ``raise_exception=False``.

    >>> x = ninx.tensor([0.5, 2.0], dtype=ninx.float64, requires_grad=True)
    >>> ninx.gradcheck(ninx.log, x)
    True
    >>> def wrong(x):  # 2*x, said to have the gradient g
    ...     return ninx.record(2 * x.array, (x, lambda g: g))
    >>> ninx.gradcheck(wrong, x)
    Traceback (most recent call last):
    ninx.study.gradcheck.GradientError: gradcheck: the gradient of input 0 is wrong: ...
    """
    try:
        _check(func, (inputs,) if isinstance(inputs, Tensor) else tuple(inputs), eps, atol, rtol, directions, seed)
    except GradientError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(func: Function, inputs: Tensor | Sequence[Tensor], *, seed: int = 0, **settings: Any) -> bool:
    """`gradcheck` of the gradients themselves: are the second derivatives right? Takes the settings of gradcheck.

    >>> x = ninx.tensor([0.5, 2.0], dtype=ninx.float64, requires_grad=True)
    >>> ninx.gradgradcheck(ninx.log, x)
    True
    """
    ins = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    rng = np.random.default_rng(seed)
    cotangents = [_fresh(rng.standard_normal(y.shape), y, True) for y in _outputs(func, ins)]
    count = len(ins)

    def gradients(*args: Tensor) -> list[Tensor]:
        wanted = [t for t in args[:count] if t.requires_grad]
        found = grad(_outputs(func, args[:count]), wanted, args[count:], create_graph=True, allow_unused=True)
        return [g for g in found if g is not None]

    return gradcheck(gradients, (*ins, *cotangents), seed=seed, **settings)


def _outputs(func: Function, inputs: Sequence[Tensor]) -> list[Tensor]:
    y = func(*inputs)
    return [t for t in ((y,) if isinstance(y, Tensor) else y) if t.requires_grad]


def _check(func: Function, inputs: tuple[Tensor, ...], eps: float, atol: float, rtol: float, directions: int, seed: int) -> None:
    wanted = [i for i, t in enumerate(inputs) if t.requires_grad]
    if not wanted:
        raise ValueError("gradcheck: no input requires grad")
    for i in wanted:
        if inputs[i].dtype != np.float64:
            raise ValueError(f"gradcheck: input {i} has dtype {inputs[i].dtype}; finite differences need float64")
    rng = np.random.default_rng(seed)
    values = [to_numpy(t.array).copy() for t in inputs]
    for change_layout in (False, True):
        args = [_fresh(v, t, t.requires_grad, change_layout) for v, t in zip(values, inputs, strict=True)]
        outputs = _outputs(func, args)
        if not outputs:
            raise GradientError("gradcheck: the function's value does not depend on the inputs")
        cotangents = [rng.standard_normal(y.shape) for y in outputs]
        found = grad(
            outputs,
            [args[i] for i in wanted],
            [_fresh(g, y) for g, y in zip(cotangents, outputs, strict=True)],
            allow_unused=True,
        )
        for i, (arg, value) in enumerate(zip(args, values, strict=True)):
            if not np.array_equal(to_numpy(arg.array), value, equal_nan=True):
                raise GradientError(f"gradcheck: the function changed its input {i}")
        for i, g in zip(wanted, found, strict=True):
            ours = np.zeros(values[i].shape) if g is None else to_numpy(g.array)

            def along(direction: Any, i: int = i, weights: Any = cotangents) -> float:
                return _difference(func, values, inputs, i, direction, weights, eps)

            for _ in range(directions):
                v = rng.standard_normal(values[i].shape)
                analytic, numeric = float((ours * v).sum()), along(v)
                if not abs(analytic - numeric) <= atol + rtol * abs(numeric):
                    raise GradientError(_report(i, ours, along, change_layout, analytic, numeric))


def _fresh(value: Any, like: Tensor, requires_grad: bool = False, change_layout: bool = False) -> Tensor:
    """A new leaf on the device of ``like``; ``change_layout``: its axes lie in memory in the opposite order."""
    return Tensor(on_device(value.copy(order="F" if change_layout else "C"), like.device), requires_grad)


def _difference(
    func: Function, values: list[Any], inputs: Sequence[Tensor], i: int, direction: Any, cotangents: list[Any], eps: float
) -> float:
    """<g, (f(x + eps v) - f(x - eps v)) / 2 eps> for a step along ``direction`` in input i."""
    sides = []
    for step in (eps, -eps):
        moved = [v + step * direction if j == i else v for j, v in enumerate(values)]
        outputs = _outputs(func, [_fresh(v, t, t.requires_grad) for v, t in zip(moved, inputs, strict=True)])
        sides.append([to_numpy(y.array) for y in outputs])
    return float(sum((g * (p - m)).sum() for g, p, m in zip(cotangents, *sides, strict=True)) / (2 * eps))


def _report(
    i: int, ours: Any, along: Callable[[Any], float], changed: bool, analytic: float, numeric: float, entries: int = 2000
) -> str:
    """The sentence for a gradient that is wrong, with its worst entry; of a long one, of the block that fits worst."""
    rng, blocks = np.random.default_rng(0), []
    for start in range(0, ours.size, entries) if ours.size > entries else ():
        direction = np.zeros(ours.shape)
        direction.flat[start : start + entries] = rng.standard_normal(min(entries, ours.size - start))
        blocks.append((_apart(float((ours * direction).sum()), along(direction)), start))
    first = max(blocks)[1] if blocks else 0
    worst: tuple[float, tuple[int, ...], float, float] = (-1.0, (), 0.0, 0.0)
    for k in range(first, min(first + entries, ours.size)):
        index, unit = np.unravel_index(k, ours.shape), np.zeros(ours.shape)
        unit[index] = 1
        value = along(unit)
        if _apart(ours[index], value) > worst[0]:
            worst = (_apart(ours[index], value), tuple(map(int, index)), float(ours[index]), value)
    size = f" of the {entries:,} that fit worst" if blocks else ""
    layout = " (in a non-contiguous layout)" if changed else ""
    return (
        f"gradcheck: the gradient of input {i}{layout} is wrong: along a random direction {analytic:.6g}, by finite differences "
        f"{numeric:.6g}; worst entry{size} {worst[1]}: {worst[2]:.6g} instead of {worst[3]:.6g}"
    )


def _apart(a: float, b: float) -> float:
    """The distance of two numbers; a NaN is farther off than any."""
    return np.inf if np.isnan(a - b) else abs(a - b)
