"""Einstein's sums, written with the operations that there are: transposes, one matrix product for each pair, sums."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..array import xp_of
from ..engine import Tensor
from .indexing import getitem
from .linalg import matmul
from .operands import operand
from .reductions import sum
from .shapes import permute, reshape


def einsum(equation: str, *operands: Any) -> Tensor:
    """The sum over all letters that are not after ``->``, of the products of the operands; every letter is an axis.

    Without ``->`` the letters that stand once are kept, in alphabetical order. A letter twice in one operand is its diagonal, and
    ``...`` stands for any number of axes, which are broadcast. The operands are multiplied from left to right.

    Raises ValueError for an equation that is not understood, and for sizes that do not fit.

    >>> a, b = ninx.tensor([[1, 2], [3, 4]]), ninx.tensor([1, 1])
    >>> ninx.einsum("ij,j->i", a, b), ninx.einsum("ii", a)
    (tensor([3, 7]), tensor(5))
    """
    if not isinstance(equation, str):
        raise TypeError('einsum: begins with the equation, such as einsum("ij,jk->ik", a, b); lists of numbers are not read')
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    tensors = [operand("einsum", t) for t in operands]
    terms, kept = _parsed(equation, [t.ndim for t in tensors])
    sizes = _sizes(equation, terms, tensors)
    result, have = _single(tensors[0], terms[0], sizes)
    for i, (t, term) in enumerate(zip(tensors[1:], terms[1:], strict=True), 2):
        later = {*kept, *(letter for rest in terms[i:] for letter in rest)}
        result, have = _product(result, have, *_single(t, term, sizes), later)
    gone = tuple(k for k, letter in enumerate(have) if letter not in kept)
    result, have = (sum(result, gone) if gone else result), [letter for letter in have if letter in kept]
    ones = [letter for letter in kept if letter not in have]  # of size 1 wherever they stood
    result = reshape(result, (*result.shape, *(1 for _ in ones)))
    return permute(result, [[*have, *ones].index(letter) for letter in kept])


def _parsed(equation: str, ndims: Sequence[int]) -> tuple[list[list[Any]], list[Any]]:
    """The letters of every operand and of the result; the axes of ``...`` are numbers, counted from the last one."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims):
        raise ValueError(f"einsum: {equation!r} names {len(terms)} operands, got {len(ndims)}")

    def letters(term: str, dots: int) -> list[Any]:
        before, ellipsis, after = term.partition("...")
        if not (before + after).replace("_", "!").isalpha() and before + after:
            raise ValueError(f"einsum: {term!r} in {equation!r} is not made of letters and one '...'")
        return [*before, *(range(dots - 1, -1, -1) if ellipsis else ()), *after]

    dots = [n - len(term.replace("...", "")) for term, n in zip(terms, ndims, strict=True)]
    for term, extra, n in zip(terms, dots, ndims, strict=True):
        if extra < 0 or (extra and "..." not in term):
            raise ValueError(f"einsum: {term!r} in {equation!r} does not name the {n} axes of its operand")
    parsed = [letters(term, extra) for term, extra in zip(terms, dots, strict=True)]
    flat = [letter for term in parsed for letter in term]
    if arrow:
        kept = letters(right, max((extra for term, extra in zip(terms, dots, strict=True) if "..." in term), default=0))
    else:
        kept = [*sorted({n for n in flat if isinstance(n, int)}, reverse=True)]
        kept += sorted(n for n in set(flat) if isinstance(n, str) and flat.count(n) == 1)
    if len(set(kept)) < len(kept) or not set(kept) <= set(flat):
        raise ValueError(f"einsum: every letter of the result stands there once, and in an operand too; got {equation!r}")
    return parsed, kept


def _sizes(equation: str, terms: list[list[Any]], tensors: list[Tensor]) -> dict[Any, int]:
    """The size of the axis that each letter stands for; an axis of size 1 goes with any."""
    sizes: dict[Any, int] = {}
    for term, t in zip(terms, tensors, strict=True):
        for letter, n in zip(term, t.shape, strict=True):
            if sizes.setdefault(letter, n) == 1:
                sizes[letter] = n
            if n not in (1, sizes[letter]):
                shapes = ", ".join(str(t.shape) for t in tensors)
                raise ValueError(f"einsum: {letter!r} in {equation!r} has sizes {sizes[letter]} and {n}; shapes {shapes}")
    return sizes


def _single(t: Tensor, term: list[Any], sizes: dict[Any, int]) -> tuple[Tensor, list[Any]]:
    """An operand with every letter once: diagonals are taken, and axes of size 1 that are longer elsewhere are left out."""
    for letter in [letter for letter in dict.fromkeys(term) if term.count(letter) > 1]:
        axes = [k for k, other in enumerate(term) if other == letter]
        steps = xp_of(t.array).arange(min(t.shape[k] for k in axes))
        order = [*axes, *(k for k in range(t.ndim) if k not in axes)]
        t = getitem(permute(t, order), (steps,) * len(axes))
        term = [letter, *(other for other in term if other != letter)]
    short = [k for k, letter in enumerate(term) if t.shape[k] == 1 and sizes[letter] != 1]
    t = reshape(t, tuple(n for k, n in enumerate(t.shape) if k not in short))
    return t, [letter for k, letter in enumerate(term) if k not in short]


def _product(a: Tensor, left: list[Any], b: Tensor, right: list[Any], later: set[Any]) -> tuple[Tensor, list[Any]]:
    """One matrix product: letters of both that are needed later are the batch, the others of both are summed over."""
    alone = [tuple(k for k, n in enumerate(mine) if n not in {*other, *later}) for mine, other in ((left, right), (right, left))]
    a, b = (sum(t, axes) if axes else t for t, axes in zip((a, b), alone, strict=True))
    left, right = ([n for k, n in enumerate(mine) if k not in axes] for mine, axes in zip((left, right), alone, strict=True))
    batch, summed = [n for n in left if n in right and n in later], [n for n in left if n in right and n not in later]
    rows, columns = [n for n in left if n not in right], [n for n in right if n not in left]
    a = permute(a, [left.index(n) for n in (*batch, *rows, *summed)])
    b = permute(b, [right.index(n) for n in (*batch, *summed, *columns)])
    many, inner = a.shape[: len(batch)], math.prod(a.shape[len(batch) + len(rows) :])
    high, wide = a.shape[len(batch) : len(batch) + len(rows)], b.shape[len(batch) + len(summed) :]
    product = matmul(reshape(a, (*many, math.prod(high), inner)), reshape(b, (*many, inner, math.prod(wide))))
    return reshape(product, (*many, *high, *wide)), [*batch, *rows, *columns]
