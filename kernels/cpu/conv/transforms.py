"""The transforms of Winograd's convolution: matrices from both sides of a small square of pixels, a vector of channels at a time.

The coefficients of a product of two polynomials need one multiplication for each of them: take both factors' values at as many
points, multiply point by point, and find the polynomial that has these values (Toom and Cook). Turned round (transposed), that
is a sliding window: m outputs of a window of r taps from n = m + r - 1 inputs with n multiplications instead of m * r,

    y = A' ((G w) * (B' x))        A (n, m), G (n, r), B (n, n); * is point by point, ' the transpose

and over two axes with each matrix from both sides: m*m outputs with n*n multiplications instead of m*m*r*r. Here n is 6, at the
points 0, 1, -1, 2, -1/2 and infinity: a 5x5 kernel makes 2x2 outputs with 36 products in place of 100, a 3x3 kernel 4x4 outputs
with 36 in place of 144. Rounding errors are smaller with 2 and -1/2 than with 2 and -2 (Barabasz, Anderson, Soodhalter and
Gregg, arXiv 1803.10986). Sources: Winograd, "Arithmetic complexity of computations", 1980; Lavin and Gray, arXiv 1509.09308.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from llvmlite import ir as llvm

from ..jit.emit import Emitter, Value, microkernel, number

Matrix = list[list[Fraction]]
POINTS = [Fraction(0), Fraction(1), Fraction(-1), Fraction(2), Fraction(-1, 2)]  # and infinity
SIDE = len(POINTS) + 1
CELLS = SIDE * SIDE  # points of a tile
ONES = 1  # number of the point 1, whose row of A is all ones: the value there is the sum of the coefficients
TAPS = (3, 5)  # the kernel sizes that have microkernels


def matrices(r: int) -> tuple[Matrix, Matrix, Matrix]:
    """(A', G, B') for r taps; B' is the same for all r. Powers of two are moved from B' to G: then less is rounded off."""
    m = SIDE + 1 - r
    outputs = [[p**i for p in POINTS] + [Fraction(i == m - 1)] for i in range(m)]
    taps, inputs = [], []
    for i, p in enumerate(POINTS):
        others = POINTS[:i] + POINTS[i + 1 :]
        divisor = math.prod((p - q for q in others), start=Fraction(1))
        row = [*_from_roots(others), Fraction(0)]
        shift = Fraction(2) ** round(math.log2(abs(divisor) * max(map(abs, row))) / 2)
        taps.append([p**k / divisor * shift for k in range(r)])
        inputs.append([v / shift for v in row])
    taps.append([Fraction(k == r - 1) for k in range(r)])
    inputs.append(_from_roots(POINTS))
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
            total = vector if factor == 1 else e.ir.fmul(vector, _spread(e, factor))
        elif abs(factor) == 1:
            total = e.ir.fadd(total, vector) if factor > 0 else e.ir.fsub(total, vector)
        else:
            total = e.fma(vector, _spread(e, factor), total)
    return total


def _spread(e: Emitter, value: Fraction) -> Value:
    return llvm.Constant(e.vector, [float(value)] * e.lanes)


def _emit_transform(e: Emitter, matrix: Matrix, reads_border: bool, writes_border: bool) -> None:
    """target = matrix . source . matrix' for each of ``channels`` channels; both are grids of pixels.

    Pixel (i, j) of the source lies at source + i*s_row + j*s_column, of the target likewise. If the transform ``reads_border``,
    only the pixels from (top, left) to before (bottom, right) are read, and the others at ``spare``, where zeros are. If it
    ``writes_border``, only those are written, and the others to ``spare``; and what is written gets ``bias`` (an address)
    added, then ``relu`` (0 or 1), and is 0 where ``gate`` (an address that moves like target, 0: none) is not positive.
    """
    source, s_row, s_column, target, t_row, t_column, channels, spare, top, bottom, left, right, bias, relu, gate = (
        e.function.args
    )
    b, height, width = e.ir, len(matrix), len(matrix[0])

    def inside(size: int, low: Value, high: Value) -> list[Value]:
        return [b.and_(b.icmp_signed(">=", number(i), low), b.icmp_signed("<", number(i), high)) for i in range(size)]

    def grid(base: Value, row: Value, column: Value, size: int, border: bool) -> list[Value]:
        """The addresses of a grid of size x size pixels."""
        found = [b.add(base, b.add(b.mul(row, number(i)), b.mul(column, number(j)))) for i in range(size) for j in range(size)]
        if not border:
            return found
        rows, columns = inside(size, top, bottom), inside(size, left, right)
        both = [b.and_(r, c) for r in rows for c in columns]
        return [b.select(i, place, spare) for i, place in zip(both, found, strict=True)]

    sources = grid(source, s_row, s_column, width, reads_border)
    targets = grid(target, t_row, t_column, height, writes_border)
    gates = grid(gate, t_row, t_column, height, True) if writes_border else []

    def one(c: Value) -> None:
        offset = b.mul(c, number(e.size))

        def load(address: Value) -> Value:
            return e.load(e.at(b.add(address, offset)))

        pixels = [load(p) for p in sources]
        lines = [[_combine(e, row, pixels[i : i + width]) for row in matrix] for i in range(0, width * width, width)]
        made = [_combine(e, row, [line[j] for line in lines]) for row in matrix for j in range(height)]
        if writes_border:
            added = load(bias)
            made = e.when(relu, lambda values: [e.relu(v) for v in values], [b.fadd(v, added) for v in made])
            made = e.when(gate, lambda values: [e.positive(load(p), v) for p, v in zip(gates, values, strict=True)], made)
        for address, value in zip(targets, made, strict=True):
            e.store(value, e.at(b.add(address, offset)))

    e.over_channels(channels, one)


def _made(name: str, matrix: Matrix, reads_border: bool, writes_border: bool) -> Any:
    return microkernel(name, _emit_transform, matrix, reads_border, writes_border)


_A3, _G3, _B = matrices(3)
_A5, _G5, _ = matrices(5)
image = _made("image", _B, True, False)
cotangent3, cotangent5 = (_made(f"cotangent{r}", _transposed(a), True, False) for r, a in ((3, _A3), (5, _A5)))
weights3, weights5 = _made("weights3", _G3, False, False), _made("weights5", _G5, False, False)
outputs3, outputs5 = _made("outputs3", _A3, False, True), _made("outputs5", _A5, False, True)
taps3, taps5 = (_made(f"taps{r}", _transposed(g), False, False) for r, g in ((3, _G3), (5, _G5)))
