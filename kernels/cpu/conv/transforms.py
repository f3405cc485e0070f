"""The transforms of Winograd's convolution: matrices from both sides of a small square of pixels, a vector of channels at a time.

The coefficients of a product of two polynomials need one multiplication for each of them: take both factors' values at as many
nodes, multiply node by node, and find the polynomial that has these values (Toom and Cook). Transposed, that is a sliding
window: m outputs of a window of r taps from n = m + r - 1 inputs with n multiplications instead of m * r,

    y = A' ((G w) * (B' x))        A (n, m), G (n, r), B (n, n); * is entry by entry, ' the transpose

and over two axes with each matrix from both sides: m*m outputs with n*n multiplications instead of m*m*r*r. Here n is 6, at the
nodes 0, 1, -1, 2, -1/2 and infinity, and 36 products make 4x4 outputs of a 3x3 kernel in place of 144, 3x3 outputs of a 4x4
kernel in place of 144, or 2x2 outputs of a 5x5 kernel in place of 100. Rounding errors are smaller with 2 and -1/2 than with 2
and -2 (Barabasz, Anderson, Soodhalter and Gregg, arXiv 1803.10986). Sources: Winograd, "Arithmetic complexity of computations",
1980; Lavin and Gray, arXiv 1509.09308.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from llvmlite import ir as llvm

from ..jit.emit import Emitter, Value, microkernel, number

Matrix = list[list[Fraction]]
NODES = [Fraction(0), Fraction(1), Fraction(-1), Fraction(2), Fraction(-1, 2)]  # of the interpolation; and infinity
SIDE = len(NODES) + 1
POINTS = SIDE * SIDE  # of a tile
ONE = 1  # number of the node 1, whose row of A is all ones: the value there is the sum of the coefficients
TAPS = (3, 4, 5)  # the kernel sizes that have microkernels


def matrices(r: int) -> tuple[Matrix, Matrix, Matrix]:
    """(A', G, B') for r taps; B' is the same for all r. Powers of two are moved from B' to G: then less is rounded off."""
    m = SIDE + 1 - r
    outputs = [[p**i for p in NODES] + [Fraction(i == m - 1)] for i in range(m)]
    taps, inputs = [], []
    for i, p in enumerate(NODES):
        others = NODES[:i] + NODES[i + 1 :]
        divisor = math.prod((p - q for q in others), start=Fraction(1))
        row = [*_from_roots(others), Fraction(0)]
        shift = Fraction(2) ** round(math.log2(abs(divisor) * max(map(abs, row))) / 2)
        taps.append([p**k / divisor * shift for k in range(r)])
        inputs.append([v / shift for v in row])
    taps.append([Fraction(k == r - 1) for k in range(r)])
    inputs.append(_from_roots(NODES))
    return outputs, taps, inputs


def _from_roots(roots: Sequence[Fraction]) -> list[Fraction]:
    """The coefficients, lowest first, of the product of (z - root)."""
    made = [Fraction(1)]
    for root in roots:
        made = [a - root * b for a, b in zip([Fraction(0), *made], [*made, Fraction(0)], strict=True)]
    return made


def _transposed(matrix: Matrix) -> Matrix:
    return [list(column) for column in zip(*matrix, strict=True)]


def _combine(e: Emitter, row: Sequence[Fraction], vectors: Sequence[Value]) -> Value:
    """The sum of row[i] * vectors[i]; zeros cost nothing, and ones no multiplication."""
    total = None
    for factor, vector in zip(row, vectors, strict=True):
        if factor == 0:
            continue
        if total is None:
            total = vector if factor == 1 else e.ir.fmul(vector, _constant(e, factor))
        elif abs(factor) == 1:
            total = e.ir.fadd(total, vector) if factor > 0 else e.ir.fsub(total, vector)
        else:
            total = e.fma(vector, _constant(e, factor), total)
    return total


def _constant(e: Emitter, value: Fraction) -> Value:
    return llvm.Constant(e.vector, [float(value)] * e.lanes)


class TransformArgs(NamedTuple):
    """target = matrix . source . matrix' for each of ``channels`` channels; both are grids of pixels.

    Pixel (i, j) of the source lies at source + i*source_row + j*source_column, of the target likewise: addresses in bytes.
    """

    source: Value
    source_row: Value
    source_column: Value
    target: Value
    target_row: Value
    target_column: Value
    channels: Value


class InputArgs(NamedTuple):
    """As `TransformArgs`; of the source only the pixels from (top, left) to before (bottom, right) are there.

    For the others the zeros at ``outside`` are read.
    """

    source: Value
    source_row: Value
    source_column: Value
    target: Value
    target_row: Value
    target_column: Value
    channels: Value
    outside: Value
    top: Value
    bottom: Value
    left: Value
    right: Value


class OutputArgs(NamedTuple):
    """As `TransformArgs`; of the target only the pixels from (top, left) to before (bottom, right) are there.

    The others are written to ``outside``. In the source no two vectors overlap: the last one lies behind the one before it.
    Epilogue: add ``bias`` (an address), apply ``relu`` (0 or 1), write 0 where ``masked_by`` (an address that moves like target,
    0: none) is not positive.
    """

    source: Value
    source_row: Value
    source_column: Value
    target: Value
    target_row: Value
    target_column: Value
    channels: Value
    outside: Value
    top: Value
    bottom: Value
    left: Value
    right: Value
    bias: Value
    relu: Value
    masked_by: Value


def _emit_transform(e: Emitter, args: Any, matrix: Matrix) -> None:
    """The transform that the class of ``args`` says."""
    reads_border, writes_border = isinstance(args, InputArgs), isinstance(args, OutputArgs)
    b, height, width = e.ir, len(matrix), len(matrix[0])

    def inside(size: int, low: Value, high: Value) -> list[Value]:
        return [b.and_(b.icmp_signed(">=", number(i), low), b.icmp_signed("<", number(i), high)) for i in range(size)]

    def grid(base: Value, row: Value, column: Value, size: int, border: bool) -> list[Value]:
        """The addresses of a grid of size x size pixels."""
        found = [b.add(base, b.add(b.mul(row, number(i)), b.mul(column, number(j)))) for i in range(size) for j in range(size)]
        if not border:
            return found
        rows, columns = inside(size, args.top, args.bottom), inside(size, args.left, args.right)
        both = [b.and_(r, c) for r in rows for c in columns]
        return [b.select(i, place, args.outside) for i, place in zip(both, found, strict=True)]

    sources = grid(args.source, args.source_row, args.source_column, width, reads_border)
    targets = grid(args.target, args.target_row, args.target_column, height, writes_border)
    masks = grid(args.masked_by, args.target_row, args.target_column, height, True) if writes_border else []

    def one(c: Value) -> None:
        offset = b.mul(c, number(e.size))
        vectors = b.udiv(b.add(c, number(e.lanes - 1)), number(e.lanes))  # before this one

        def load(address: Value) -> Value:
            return e.load(e.at(b.add(address, offset)))

        read = b.mul(vectors, number(e.lanes * e.size)) if writes_border else offset
        pixels = [e.load(e.at(b.add(p, read))) for p in sources]
        lines = [[_combine(e, row, pixels[i : i + width]) for row in matrix] for i in range(0, width * width, width)]
        made = [_combine(e, row, [line[j] for line in lines]) for row in matrix for j in range(height)]
        if writes_border:
            bias = load(args.bias)
            made = e.when(args.relu, lambda values: [e.relu(v) for v in values], [b.fadd(v, bias) for v in made])
            made = e.when(
                args.masked_by, lambda values: [e.positive(load(p), v) for p, v in zip(masks, values, strict=True)], made
            )
        for address, value in zip(targets, made, strict=True):
            e.store(value, e.at(b.add(address, offset)))

    e.over_channels(args.channels, one)


def _transform(name: str, matrix: Matrix, arguments: Any) -> Any:
    return microkernel(name, _emit_transform, arguments, matrix)


_A3, _G3, _B = matrices(3)
_A4, _G4, _ = matrices(4)
_A5, _G5, _ = matrices(5)
_A, _G = ((3, _A3), (4, _A4), (5, _A5)), ((3, _G3), (4, _G4), (5, _G5))
image = _transform("image", _B, InputArgs)
cotangent3, cotangent4, cotangent5 = (_transform(f"cotangent{r}", _transposed(a), InputArgs) for r, a in _A)
weights3, weights4, weights5 = (_transform(f"weights{r}", g, InputArgs) for r, g in _G)
outputs3, outputs4, outputs5 = (_transform(f"outputs{r}", a, OutputArgs) for r, a in _A)
taps3, taps4, taps5 = (_transform(f"taps{r}", _transposed(g), TransformArgs) for r, g in _G)
