"""An engine of single numbers: Value with +, *, relu and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

NAMES = ("Value",)
PARTS = ("data", "grad")

Step: TypeAlias = tuple[Any, ...]

ADD, MUL = "+", "*"


def cases() -> list[tuple[Any, ...]]:
    """Each operation alone, then together; a value used twice; two ways from one value to the result; relu on both sides of 0."""
    return [
        ([2.0, 3.0], [(ADD, 0, 1)]),
        ([2.0, 3.0], [(MUL, 0, 1)]),
        ([2.0], [("relu", 0)]),
        ([-2.0], [("relu", 0)]),
        ([2.0, 3.0, 5.0], [(MUL, 0, 1), (ADD, 3, 2)]),
        ([2.0, 3.0, 5.0], [(ADD, 0, 1), (MUL, 3, 2)]),
        ([3.0], [(ADD, 0, 0)]),
        ([3.0], [(MUL, 0, 0)]),
        ([2.0, 3.0], [(MUL, 0, 1), (ADD, 2, 0)]),
        ([2.0, 5.0], [(ADD, 0, 1), (MUL, 2, 2), (MUL, 3, 0)]),
        ([3.0], [(MUL, 0, 0), (MUL, 1, 1), (ADD, 2, 1)]),
        ([2.0, -3.0, 4.0], [(MUL, 0, 1), ("relu", 3), (ADD, 4, 2), ("relu", 5), (MUL, 6, 0)]),
        ([2.0, 3.0], [(ADD, 0, 1), (ADD, 2, 2), (MUL, 3, 3), (ADD, 4, 2), ("relu", 5), (MUL, 6, 1)]),
    ]


def forward(leaves: list[float], steps: list[Step]) -> list[float]:
    """All values, in the order in which they come into being."""
    values = list(leaves)
    for name, i, *j in steps:
        a = values[i]
        values.append(max(a, 0.0) if name == "relu" else a + values[j[0]] if name == ADD else a * values[j[0]])
    return values


Slopes: TypeAlias = Callable[[Step, list[float]], list[tuple[int, float]]]


def slopes(step: Step, values: list[float]) -> list[tuple[int, float]]:
    """The derivative of a step by each of its operands."""
    name, i, *j = step
    if name == "relu":
        return [(i, float(values[i] > 0))]
    return [(i, 1.0), (j[0], 1.0)] if name == ADD else [(i, values[j[0]]), (j[0], values[i])]


def oracle(leaves: list[float], steps: list[Step], slopes: Slopes = slopes, add: bool = True) -> tuple[float, list[float]]:
    """The steps backwards: every value is complete before it passes its gradient on. Without ``add`` it is written over."""
    values = forward(leaves, steps)
    grads = [0.0] * (len(values) - 1) + [1.0]
    for k in reversed(range(len(steps))):
        for operand, slope in slopes(steps[k], values):
            passed = slope * grads[len(leaves) + k]
            grads[operand] = grads[operand] + passed if add else passed
    return values[-1], grads[: len(leaves)]


def too_early(leaves: list[float], steps: list[Step], again: bool) -> tuple[float, list[float]]:
    """A value passes its gradient on as soon as something arrives: only the first time, or each time all that it has by now."""
    values = forward(leaves, steps)
    grads, seen = [0.0] * len(values), set()

    def visit(k: int) -> None:
        if k < len(leaves) or (k in seen and not again):
            return
        seen.add(k)
        for operand, slope in slopes(steps[k - len(leaves)], values):
            grads[operand] += slope * grads[k]
            visit(operand)

    grads[-1] = 1.0
    visit(len(values) - 1)
    return values[-1], grads[: len(leaves)]


def whole_step_first(leaves: list[float], steps: list[Step], again: bool, next_one: int = 0) -> tuple[float, list[float]]:
    """The same, but both operands of a step get their share before either passes it on: the first that waits or (-1) the last."""
    values = forward(leaves, steps)
    grads, seen, waiting = [0.0] * (len(values) - 1) + [1.0], set(), [len(values) - 1]
    while waiting:
        k = waiting.pop(next_one)
        if k < len(leaves) or (k in seen and not again):
            continue
        seen.add(k)
        for operand, slope in slopes(steps[k - len(leaves)], values):
            grads[operand] += slope * grads[k]
            waiting.append(operand)
    return values[-1], grads[: len(leaves)]


def own_factor(step: Step, values: list[float]) -> list[tuple[int, float]]:
    """The product's derivative by a is taken to be a."""
    return [(i, values[i]) for i in step[1:]] if step[0] == MUL else slopes(step, values)


def always_open(step: Step, values: list[float]) -> list[tuple[int, float]]:
    """relu lets every gradient through."""
    return [(step[1], 1.0)] if step[0] == "relu" else slopes(step, values)


def value_for_step(step: Step, values: list[float]) -> list[tuple[int, float]]:
    """relu's derivative is taken to be relu itself."""
    return [(step[1], max(values[step[1]], 0.0))] if step[0] == "relu" else slopes(step, values)


def only_first(step: Step, values: list[float]) -> list[tuple[int, float]]:
    """The second operand gets nothing."""
    return slopes(step, values)[:1]


def last_step(leaves: list[float], steps: list[Step]) -> tuple[float, list[float]]:
    """Only the operands of the last step get a gradient."""
    values, grads = forward(leaves, steps), [0.0] * (len(leaves) + len(steps))
    for operand, slope in slopes(steps[-1], values):
        grads[operand] += slope
    return values[-1], grads[: len(leaves)]


MISTAKES: dict[str, Any] = {
    "gradient_written": lambda leaves, steps: oracle(leaves, steps, add=False),
    "too_early": [
        lambda leaves, steps: too_early(leaves, steps, again=False),
        lambda leaves, steps: whole_step_first(leaves, steps, again=False),
        lambda leaves, steps: whole_step_first(leaves, steps, again=False, next_one=-1),
    ],
    "passed_on_twice": [
        lambda leaves, steps: too_early(leaves, steps, again=True),
        lambda leaves, steps: whole_step_first(leaves, steps, again=True),
        lambda leaves, steps: whole_step_first(leaves, steps, again=True, next_one=-1),
    ],
    "own_factor": lambda leaves, steps: oracle(leaves, steps, own_factor),
    "relu_always_open": lambda leaves, steps: oracle(leaves, steps, always_open),
    "relu_value": lambda leaves, steps: oracle(leaves, steps, value_for_step),
    "only_first": lambda leaves, steps: oracle(leaves, steps, only_first),
    "last_step": last_step,
    "no_seed": lambda leaves, steps: (forward(leaves, steps)[-1], [0.0] * len(leaves)),
}
