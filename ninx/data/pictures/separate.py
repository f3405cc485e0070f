"""The digits of a picture: which parts of the ink belong together, and in which order they are read."""

from __future__ import annotations

import numpy as np

from ..dataset import Image
from .frame import LEAST
from .paper import light_on_dark, reduced
from .parts import grown, parts_of
from .sheet import cut_out

Box = tuple[int, int, int, int]  # top, bottom, left, right


def find_digits(grey: Image, invert: bool | None = None) -> list[Image]:
    """Every digit (h, w) in a picture of grey values, light on dark, in reading order; at least one, if only of one grey."""
    grey, inside = cut_out(grey)
    ink = light_on_dark(grey, invert, inside)
    return separated(ink)


def separated(ink: Image) -> list[Image]:
    """The digits in light ink on dark; parts that may be of one digit stay together."""
    small = reduced(ink)
    low, high = float(small.min()), float(small.max())
    labels, count = parts_of(small > low + 0.25 * (high - low))
    if count == 0 or high - low < LEAST:
        return [ink]
    boxes, sizes = _boxes(labels, count), np.bincount(labels.ravel())[1:]
    large = [i for i in range(count) if sizes[i] >= 0.1 * sizes.max()]
    tallest = max(_height(boxes[i]) for i in large)
    strength = np.bincount(labels.ravel(), weights=(small - low).ravel())[1:] / sizes  # what shines through is no digit
    bodies = [i for i in large if _height(boxes[i]) >= 0.5 * tallest and strength[i] >= 0.6 * strength[large].max()]
    bodies = bodies or [int(sizes.argmax())]
    digits = _joined(bodies, boxes)
    whole = [_around([boxes[i] for i in digit]) for digit in digits]
    for i in range(count):  # the bar of a 5, dust
        if i not in bodies:
            gaps = [_gap(boxes[i], box) for box in whole]
            nearest = int(np.argmin(gaps))
            reach = 0.5 if sizes[i] >= 0.1 * sizes.max() else 0.25
            if gaps[nearest] <= reach * _height(whole[nearest]) or (len(digits) == 1 and i in large):
                digits[nearest].append(i)
    step = -(-len(ink) // len(small))
    found = []
    for number in _reading_order(whole):
        mask = grown(np.isin(labels, np.array(digits[number]) + 1), 2)
        mask = np.repeat(np.repeat(mask, step, axis=0), step, axis=1)[: ink.shape[0], : ink.shape[1]]
        alone = not (~mask & (ink > low + 0.25 * (high - low))).any()  # then the whole picture is the digit, as it is
        found.append(ink if alone else np.where(mask, ink, low))
    return found


def _boxes(labels: Image, count: int) -> list[Box]:
    top, left = np.full(count + 1, labels.size), np.full(count + 1, labels.size)
    bottom, right = np.zeros(count + 1, int), np.zeros(count + 1, int)
    y, x = np.nonzero(labels)
    part = labels[y, x]
    for least, most, place in ((top, bottom, y), (left, right, x)):
        np.minimum.at(least, part, place)
        np.maximum.at(most, part, place + 1)
    return [(int(top[i]), int(bottom[i]), int(left[i]), int(right[i])) for i in range(1, count + 1)]


def _height(box: Box) -> int:
    return box[1] - box[0]


def _width(box: Box) -> int:
    return box[3] - box[2]


def _around(boxes: list[Box]) -> Box:
    tops, bottoms, lefts, rights = zip(*boxes, strict=True)
    return min(tops), max(bottoms), min(lefts), max(rights)


def _gaps(a: Box, b: Box) -> tuple[int, int]:
    """(rows, columns) between two boxes; negative: by so many they overlap."""
    return max(a[0], b[0]) - min(a[1], b[1]), max(a[2], b[2]) - min(a[3], b[3])


def _gap(a: Box, b: Box) -> float:
    down, across = _gaps(a, b)
    return float(np.hypot(max(down, 0), max(across, 0)))


def _joined(bodies: list[int], boxes: list[Box]) -> list[list[int]]:
    """The parts that are as tall as digits, those of one digit together."""
    digits = [[i] for i in bodies]
    merged = True
    while merged:
        merged = False
        for a in range(len(digits)):
            for b in range(a + 1, len(digits)):
                if not merged and _of_one_digit(_around([boxes[i] for i in digits[a]]), _around([boxes[i] for i in digits[b]])):
                    digits[a] += digits.pop(b)
                    merged = True
    return digits


def _of_one_digit(a: Box, b: Box) -> bool:
    """One above the other with hardly a gap, like the halves of a broken 8, or side by side with less than between two digits."""
    down, across = _gaps(a, b)
    both = _around([a, b])
    if -across >= 0.35 * min(_width(a), _width(b)):
        flat = min(_height(box) / _width(box) for box in (a, b)) < 1.15  # taller: rather a digit of its own
        return down <= (0.12 if flat else 0.05) * _height(both)
    taller = max(_height(a), _height(b))
    return down < 0 and across <= 0.12 * taller and _width(both) <= 1.3 * taller


def _reading_order(boxes: list[Box]) -> list[int]:
    """The numbers of the boxes line by line, from the left to the right."""
    lines: list[list[int]] = []
    for i in sorted(range(len(boxes)), key=lambda i: boxes[i][0] + boxes[i][1]):
        for line in lines:
            near = min(line, key=lambda j: _gap(boxes[i], boxes[j]))  # a line may slope
            if -_gaps(boxes[i], boxes[near])[0] >= 0.5 * min(_height(boxes[i]), _height(boxes[near])):
                line.append(i)
                break
        else:
            lines.append([i])
    return [i for line in lines for i in sorted(line, key=lambda i: boxes[i][2])]
