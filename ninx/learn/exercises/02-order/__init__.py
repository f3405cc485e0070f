"""The walk through a graph: gradients are added, and passed on once, when all have come."""

from __future__ import annotations

from typing import Any

NAMES = ("walk",)


def ladder(rungs: int) -> tuple[Any, ...]:
    """Every rung has two ways down to the next: 2**rungs ways in all."""
    inputs = [[], *([k, k] for k in range(rungs))]
    return inputs, [[], *([0.5, 0.5] for _ in range(rungs))], rungs


def chain(length: int) -> tuple[Any, ...]:
    """Each node has the one before it as its input."""
    return [[], *([k] for k in range(length))], [[], *([1.0] for _ in range(length))], length


def cases() -> list[tuple[Any, ...]]:
    """A step, a chain, a diamond with ways of unequal length, numbers in any order, what does not lead to the output, depth."""
    return [
        ([[], [0]], [[], [2.0]], 1),
        ([[], [], [0, 1]], [[], [], [3.0, 5.0]], 2),
        ([[], [0], [1]], [[], [2.0], [3.0]], 2),
        ([[], [0, 0]], [[], [2.0, 3.0]], 1),
        ([[], [0], [0, 1]], [[], [2.0], [5.0, 3.0]], 2),
        ([[], [0], [1, 0], [2, 1]], [[], [2.0], [3.0, 5.0], [7.0, 11.0]], 3),
        ([[], [0], [0, 1], [1, 2]], [[], [2.0], [5.0, 3.0], [11.0, 7.0]], 3),
        ([[1], [2], [], [1, 2, 0]], [[2.0], [3.0], [], [5.0, 7.0, 11.0]], 3),
        ([[1, 2], [2], [3], []], [[3.0, 5.0], [2.0], [7.0], []], 0),
        ([[2], [], [1, 4], [0, 2], [1]], [[2.0], [], [3.0, 5.0], [7.0, 11.0], [13.0]], 3),
        ([[], [0], [0], [1]], [[], [2.0], [3.0], [5.0]], 1),
        ([[], [0], [1], [1], [2, 3], [4, 0]], [[], [2.0], [3.0], [5.0], [7.0, 11.0], [13.0, 17.0]], 5),
        ladder(40),
        chain(5_000),
    ]


def oracle(inputs: list[list[int]], slopes: list[list[float]], output: int) -> list[float]:
    """Node by node: whichever has no user left that has not passed on its own."""
    waiting = [0] * len(inputs)
    reached, queue = {output}, [output]
    for node in queue:
        for operand in inputs[node]:
            waiting[operand] += 1
            if operand not in reached:
                reached.add(operand)
                queue.append(operand)
    grads, ready = [0.0] * len(inputs), [output]
    grads[output] = 1.0
    while ready:
        node = ready.pop()
        for operand, slope in zip(inputs[node], slopes[node], strict=True):
            grads[operand] += slope * grads[node]
            waiting[operand] -= 1
            if not waiting[operand]:
                ready.append(operand)
    return grads


def at_once(inputs: list[list[int]], slopes: list[list[float]], output: int, depth_first: bool) -> list[float]:
    """Each node passes on what it has when it is first met."""
    grads, seen, waiting = [0.0] * len(inputs), {output}, [output]
    grads[output] = 1.0
    while waiting:
        node = waiting.pop(-1 if depth_first else 0)
        for operand, slope in zip(inputs[node], slopes[node], strict=True):
            grads[operand] += slope * grads[node]
            if operand not in seen:
                seen.add(operand)
                waiting.append(operand)
    return grads


def again(inputs: list[list[int]], slopes: list[list[float]], output: int, depth_first: bool) -> list[float]:
    """Each node passes on all that it has whenever something comes."""
    grads, waiting = [0.0] * len(inputs), [output]
    grads[output] = 1.0
    for _ in range(20_000):
        if not waiting:
            return grads
        node = waiting.pop(-1 if depth_first else 0)
        for operand, slope in zip(inputs[node], slopes[node], strict=True):
            grads[operand] += slope * grads[node]
            waiting.append(operand)
    raise ValueError("too long")


def written(inputs: list[list[int]], slopes: list[list[float]], output: int) -> list[float]:
    """In the right order, but the last one that comes is kept."""
    order, seen = [], set()
    stack = [(output, iter(inputs[output]))]
    seen.add(output)
    while stack:
        node, rest = stack[-1]
        for operand in rest:
            if operand not in seen:
                seen.add(operand)
                stack.append((operand, iter(inputs[operand])))
                break
        else:
            order.append(stack.pop()[0])
    grads = [0.0] * len(inputs)
    grads[output] = 1.0
    for node in reversed(order):
        for operand, slope in zip(inputs[node], slopes[node], strict=True):
            grads[operand] = slope * grads[node]
    return grads


def by_number(inputs: list[list[int]], slopes: list[list[float]], output: int) -> list[float]:
    """From the highest number to the lowest."""
    grads = [0.0] * len(inputs)
    grads[output] = 1.0
    for node in reversed(range(len(inputs))):
        for operand, slope in zip(inputs[node], slopes[node], strict=True):
            grads[operand] += slope * grads[node]
    return grads


def no_slopes(inputs: list[list[int]], slopes: list[list[float]], output: int) -> list[float]:
    """The local derivatives are left out."""
    return oracle(inputs, [[1.0] * len(s) for s in slopes], output)


MISTAKES = {
    "gradient_written": written,
    "too_early": [lambda i, s, o: at_once(i, s, o, depth_first=False), lambda i, s, o: at_once(i, s, o, depth_first=True)],
    "passed_on_twice": [lambda i, s, o: again(i, s, o, depth_first=False), lambda i, s, o: again(i, s, o, depth_first=True)],
    "by_number": by_number,
    "no_slopes": no_slopes,
    "no_seed": lambda i, s, o: [0.0] * len(i),
}
