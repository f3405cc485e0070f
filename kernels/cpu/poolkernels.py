"""The innermost loops of pooling: a vector of channels at a time, over a rectangle of taps or windows.

Each keeps its maximum or sum in a register over the whole rectangle, so memory is read and written once. The last vector of
a pixel ends with its last channel and may overlap the one before it.

With fewer channels than a vector holds (*narrow* maps) the vector of a pixel reaches into the pixels behind it. What it reads
there is of no use, and what it writes there is overwritten by those pixels, whose turn comes next. Where nothing lies behind,
`pool` calls the twin of the function that takes one channel at a time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir as llvm

from ..types import NOWHERE
from .jit.emit import I32, I64, Emitter, Value, microkernel, number


class MaxArgs(NamedTuple):
    """y[c] = max over the taps of x, arg[c] = the tap; NaN wins, then the first of equals. See `loops.max_pool2d`.

    The taps inside the image are a rectangle of rows x columns, ``row_step`` and ``column_step`` bytes apart; the first has the
    number ``tap``, the next row's is ``KW`` higher. ``mark``: what is added to arg where the maximum is not positive. ``start``
    is the position of the first channel in y, for the hash of dropout, which keeps what is at least ``threshold`` (0: no
    dropout); ``scale`` points to what it is then multiplied with.
    """

    x: Value
    rows: Value
    columns: Value
    row_step: Value
    column_step: Value
    tap: Value
    KW: Value
    channels: Value
    y: Value
    arg: Value
    mark: Value
    start: Value
    threshold: Value
    key: Value
    scale: Value


class UnpoolArgs(NamedTuple):
    """dx[c] = scale * the sum of g over the windows whose arg is this pixel's tap. The adjoint of `maximum`.

    The windows that see the pixel are a rectangle of rows x columns, in g and in arg ``width`` windows a row; the pixel is tap
    ``tap`` of the first, and ``tap_row`` and ``tap_column`` less of the next ones.
    """

    g: Value
    arg: Value
    rows: Value
    columns: Value
    width: Value
    tap: Value
    tap_row: Value
    tap_column: Value
    channels: Value
    dx: Value
    scale: Value


class AverageArgs(NamedTuple):
    """y[c] = the sum of x over the taps, times the number at ``share``."""

    x: Value
    rows: Value
    columns: Value
    row_step: Value
    column_step: Value
    channels: Value
    y: Value
    share: Value


class AverageBackArgs(NamedTuple):
    """dx[c] = the sum over the windows of g times their share; 0 where `masked_by` (an address, 0: none) is not positive."""

    g: Value
    shares: Value
    rows: Value
    columns: Value
    width: Value
    channels: Value
    dx: Value
    masked_by: Value


def _over_rectangle(e: Emitter, rows: Value, columns: Value, body: Any, values: list[Value]) -> list[Value]:
    """values = body(row, column, values) for every place of the rectangle."""
    return e.loop(rows, lambda r, v: e.loop(columns, lambda q, v: body(r, q, v), v), values)


def _place(e: Emitter, base: Value, r: Value, row_step: Value, q: Value, column_step: Value) -> Value:
    return e.ir.add(base, e.ir.add(e.ir.mul(r, row_step), e.ir.mul(q, column_step)))


def _broadcast(e: Emitter, value: Value, kind: Any) -> Value:
    """A vector with ``value``, a 64-bit number, in all lanes, as whole numbers of type ``kind``."""
    small = e.ir.trunc(value, kind) if kind != I64 else value
    vector = llvm.VectorType(kind, e.lanes)
    first = e.ir.insert_element(llvm.Constant(vector, llvm.Undefined), small, llvm.Constant(I32, 0))
    return e.ir.shuffle_vector(first, first, llvm.Constant(llvm.VectorType(I32, e.lanes), None))


def _hash(e: Emitter, index: Value, key: Value) -> Value:
    """`loops.mix` of index * 0x9E3779B1 + key, for a vector of indices."""

    def constant(v: int) -> Value:
        return llvm.Constant(llvm.VectorType(I32, e.lanes), [v] * e.lanes)

    b = e.ir
    h = b.add(b.mul(index, constant(0x9E3779B1)), key)
    h = b.mul(b.xor(h, b.lshr(h, constant(16))), constant(0x85EBCA6B))
    h = b.mul(b.xor(h, b.lshr(h, constant(13))), constant(0xC2B2AE35))
    return b.xor(h, b.lshr(h, constant(16)))


def dropout_keeps(e: Emitter, first: Value, key: Value, threshold: Value) -> Value:
    """Which of a vector of entries, from number ``first`` on, does dropout keep? See `loops.dropout_keep`."""
    steps = llvm.Constant(llvm.VectorType(I32, e.lanes), list(range(e.lanes)))
    index = e.ir.add(_broadcast(e, first, I32), steps)
    return e.ir.icmp_unsigned(">=", _hash(e, index, _broadcast(e, key, I32)), _broadcast(e, threshold, I32))


BYTE = llvm.IntType(8)


def _emit_maximum(e: Emitter, a: MaxArgs) -> None:
    b, vector32 = e.ir, llvm.VectorType(I32, e.lanes)
    lowest = llvm.Constant(e.vector, [float("-inf")] * e.lanes)

    def over(c: Value) -> None:
        here = b.add(a.x, b.mul(c, number(e.size)))

        def one(r: Value, q: Value, state: list[Value]) -> list[Value]:
            best, where = state
            value = e.load(e.at(_place(e, here, r, a.row_step, q, a.column_step)))
            better = b.or_(b.fcmp_ordered(">", value, best), b.fcmp_unordered("uno", value, value))
            number_ = _broadcast(e, b.add(a.tap, b.add(b.mul(r, a.KW), q)), I32)
            return [b.select(better, value, best), b.select(better, number_, where)]

        best, where = _over_rectangle(e, a.rows, a.columns, one, [lowest, _broadcast(e, a.tap, I32)])
        positive = b.fcmp_unordered(">", best, e.zero)
        where = b.or_(where, b.select(positive, llvm.Constant(vector32, None), _broadcast(e, a.mark, I32)))

        def drop(state: list[Value]) -> list[Value]:
            value, place = state
            keep = dropout_keeps(e, b.add(a.start, c), a.key, a.threshold)
            nowhere = llvm.Constant(vector32, [NOWHERE] * e.lanes)
            return [b.select(keep, b.fmul(value, e.broadcast(e.at(a.scale))), e.zero), b.select(keep, place, nowhere)]

        best, where = e.when(a.threshold, drop, [best, where])
        e.store(best, e.at(b.add(a.y, b.mul(c, number(e.size)))))
        place = b.bitcast(e.at(b.add(a.arg, c)), llvm.VectorType(BYTE, e.lanes).as_pointer())
        b.store(b.trunc(where, llvm.VectorType(BYTE, e.lanes)), place, align=1)

    e.over_channels(a.channels, over)


def _over_windows(e: Emitter, a: Any, add: Any, finish: Any) -> None:
    """``finish(c, [total])`` for every vector of channels, where total = ``add(c, r, q, [total])`` over the windows (r, q).

    Most pixels are seen by 1, 2 or 4 windows. For these numbers there is a loop over the channels without another one in it:
    what it does in one round would be less than what entering and leaving an inner loop costs.
    """
    b, zero, one = e.ir, number(0), number(1)

    def over(windows: list[tuple[Value, Value]]) -> list[Value]:
        def total(c: Value) -> None:
            state = [e.zero]
            for r, q in windows:
                state = add(c, r, q, state)
            finish(c, state)

        e.over_channels(a.channels, total)
        return []

    def over_any(_: list[Value]) -> list[Value]:
        def total(c: Value) -> None:
            finish(c, _over_rectangle(e, a.rows, a.columns, lambda r, q, state: add(c, r, q, state), [e.zero]))

        e.over_channels(a.channels, total)
        return []

    def equal(value: Value, to: int) -> Value:
        return b.zext(b.icmp_signed("==", value, number(to)), I64)

    count = b.mul(a.rows, a.columns)
    single, pair, square = equal(count, 1), equal(count, 2), b.and_(equal(a.rows, 2), equal(a.columns, 2))
    e.when(single, lambda _: over([(zero, zero)]))
    e.when(pair, lambda _: over([(zero, zero), (b.sub(a.rows, one), b.sub(a.columns, one))]))
    e.when(square, lambda _: over([(zero, zero), (zero, one), (one, zero), (one, one)]))
    e.when(b.xor(b.or_(b.or_(single, pair), square), one), over_any)


def _emit_unpool(e: Emitter, a: UnpoolArgs) -> None:
    b, bytes_ = e.ir, llvm.VectorType(BYTE, e.lanes)

    def add(c: Value, r: Value, q: Value, state: list[Value]) -> list[Value]:
        at = b.add(c, b.mul(b.add(b.mul(r, a.width), q), a.channels))
        chosen = b.load(b.bitcast(e.at(b.add(a.arg, at)), bytes_.as_pointer()), align=1)
        mine = _broadcast(e, b.sub(a.tap, b.add(b.mul(r, a.tap_row), b.mul(q, a.tap_column))), BYTE)
        value = e.load(e.at(b.add(a.g, b.mul(at, number(e.size)))))
        return [b.fadd(state[0], b.select(b.icmp_unsigned("==", chosen, mine), value, e.zero))]

    def finish(c: Value, state: list[Value]) -> None:
        e.store(b.fmul(state[0], e.broadcast(e.at(a.scale))), e.at(b.add(a.dx, b.mul(c, number(e.size)))))

    _over_windows(e, a, add, finish)


def _emit_average(e: Emitter, a: AverageArgs) -> None:
    b = e.ir

    def over(c: Value) -> None:
        here = b.add(a.x, b.mul(c, number(e.size)))

        def one(r: Value, q: Value, state: list[Value]) -> list[Value]:
            return [b.fadd(state[0], e.load(e.at(_place(e, here, r, a.row_step, q, a.column_step))))]

        (total,) = _over_rectangle(e, a.rows, a.columns, one, [e.zero])
        e.store(b.fmul(total, e.broadcast(e.at(a.share))), e.at(b.add(a.y, b.mul(c, number(e.size)))))

    e.over_channels(a.channels, over)


def _emit_average_back(e: Emitter, a: AverageBackArgs) -> None:
    b = e.ir

    def add(c: Value, r: Value, q: Value, state: list[Value]) -> list[Value]:
        window = b.add(b.mul(r, a.width), q)
        value = e.load(e.at(b.add(a.g, b.mul(b.add(c, b.mul(window, a.channels)), number(e.size)))))
        return [e.fma(value, e.broadcast(e.at(b.add(a.shares, b.mul(window, number(e.size))))), state[0])]

    def finish(c: Value, state: list[Value]) -> None:
        offset = b.mul(c, number(e.size))
        (total,) = e.when(a.masked_by, lambda v: [e.positive(e.load(e.at(b.add(a.masked_by, offset))), v[0])], state)
        e.store(total, e.at(b.add(a.dx, offset)))

    _over_windows(e, a, add, finish)


def _twins(name: str, emit: Any, arguments: Any) -> tuple[Any, Any]:
    """A function that takes a vector of channels at a time, and one that takes one channel."""
    return microkernel(name, emit, arguments), microkernel(f"{name}_single", emit, arguments, single=True)


maximum, maximum_single = _twins("maximum", _emit_maximum, MaxArgs)
unpool, unpool_single = _twins("unpool", _emit_unpool, UnpoolArgs)
average, average_single = _twins("average", _emit_average, AverageArgs)
average_back, average_back_single = _twins("average_back", _emit_average_back, AverageBackArgs)
