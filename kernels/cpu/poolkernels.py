"""The innermost loops of pooling and dropout: a vector of channels at a time, over a rectangle of taps or windows.

Each keeps its maximum or sum in a register over the whole rectangle, so memory is read and written once. The last vector of
a pixel ends with its last channel and may overlap the one before it; with fewer channels than a vector holds, `pool` leaves
the work to the strided tier.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir as llvm

from .jit.emit import I32, I64, Emitter, Value, microkernel, number


def _over_rectangle(e: Emitter, rows: Value, columns: Value, body: Any, values: list[Value]) -> list[Value]:
    """values = body(row, column, values) for every place of the rectangle."""
    return e.loop(rows, lambda r, v: e.loop(columns, lambda q, v: body(r, q, v), v), values)


def _place(e: Emitter, base: Value, r: Value, r_step: Value, q: Value, q_step: Value) -> Value:
    return e.ir.add(base, e.ir.add(e.ir.mul(r, r_step), e.ir.mul(q, q_step)))


def _splat(e: Emitter, value: Value, kind: Any) -> Value:
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


BYTE = llvm.IntType(8)


def _emit_maximum(e: Emitter) -> None:
    """y[c] = max over the taps of x, arg[c] = the tap; NaN wins, then the first of equals. See `loops.max_pool2d`.

    The taps inside the image are a rectangle of rows x columns, r_step and q_step bytes apart; the first has the number
    ``tap``, the next row's is KW higher. ``start`` is the position of the first channel in y, for the hash of dropout, which
    keeps what is at least ``threshold`` (0: no dropout); ``scale`` points to what it is then multiplied with.
    """
    x, rows, columns, r_step, q_step, tap, KW, channels, y, arg, mark, start, threshold, key, scale = e.function.args
    b, vector32 = e.ir, llvm.VectorType(I32, e.lanes)
    lowest = llvm.Constant(e.vector, [float("-inf")] * e.lanes)
    steps = llvm.Constant(vector32, list(range(e.lanes)))

    def over(c: Value) -> None:
        here = b.add(x, b.mul(c, number(e.size)))

        def one(r: Value, q: Value, state: list[Value]) -> list[Value]:
            best, where = state
            value = e.load(e.at(_place(e, here, r, r_step, q, q_step)))
            better = b.or_(b.fcmp_ordered(">", value, best), b.fcmp_unordered("uno", value, value))
            number_ = _splat(e, b.add(tap, b.add(b.mul(r, KW), q)), I32)
            return [b.select(better, value, best), b.select(better, number_, where)]

        best, where = _over_rectangle(e, rows, columns, one, [lowest, _splat(e, tap, I32)])
        positive = b.fcmp_unordered(">", best, e.zero)
        where = b.or_(where, b.select(positive, llvm.Constant(vector32, None), _splat(e, mark, I32)))

        def drop(state: list[Value]) -> list[Value]:
            value, place = state
            index = b.add(_splat(e, b.add(start, c), I32), steps)
            keep = b.icmp_unsigned(">=", _hash(e, index, _splat(e, key, I32)), _splat(e, threshold, I32))
            nowhere = llvm.Constant(vector32, [127] * e.lanes)
            return [b.select(keep, b.fmul(value, e.spread(e.at(scale))), e.zero), b.select(keep, place, nowhere)]

        best, where = e.when(threshold, drop, [best, where])
        e.store(best, e.at(b.add(y, b.mul(c, number(e.size)))))
        place = b.bitcast(e.at(b.add(arg, c)), llvm.VectorType(BYTE, e.lanes).as_pointer())
        b.store(b.trunc(where, llvm.VectorType(BYTE, e.lanes)), place, align=1)

    e.over_channels(channels, over)


def _emit_spread(e: Emitter) -> None:
    """dx[c] = scale * the sum of g over the windows whose arg is this pixel's tap. The adjoint of `maximum`.

    The windows that see the pixel are a rectangle of rows x columns, in g and in arg ``width`` windows a row; the pixel is tap
    ``tap`` of the first, and t_row and t_column less of the next ones.
    """
    g, arg, rows, columns, width, tap, t_row, t_column, channels, dx, scale = e.function.args
    b, bytes_ = e.ir, llvm.VectorType(BYTE, e.lanes)

    def over(c: Value) -> None:
        def one(r: Value, q: Value, state: list[Value]) -> list[Value]:
            at = b.add(c, b.mul(b.add(b.mul(r, width), q), channels))
            chosen = b.load(b.bitcast(e.at(b.add(arg, at)), bytes_.as_pointer()), align=1)
            mine = _splat(e, b.sub(tap, b.add(b.mul(r, t_row), b.mul(q, t_column))), BYTE)
            value = e.load(e.at(b.add(g, b.mul(at, number(e.size)))))
            return [b.fadd(state[0], b.select(b.icmp_unsigned("==", chosen, mine), value, e.zero))]

        (total,) = _over_rectangle(e, rows, columns, one, [e.zero])
        e.store(b.fmul(total, e.spread(e.at(scale))), e.at(b.add(dx, b.mul(c, number(e.size)))))

    e.over_channels(channels, over)


def _emit_sum(e: Emitter) -> None:
    """y[c] = the sum of x over the taps, times the number at ``share``."""
    x, rows, columns, r_step, q_step, channels, y, share = e.function.args
    b = e.ir

    def over(c: Value) -> None:
        here = b.add(x, b.mul(c, number(e.size)))

        def one(r: Value, q: Value, state: list[Value]) -> list[Value]:
            return [b.fadd(state[0], e.load(e.at(_place(e, here, r, r_step, q, q_step))))]

        (total,) = _over_rectangle(e, rows, columns, one, [e.zero])
        e.store(b.fmul(total, e.spread(e.at(share))), e.at(b.add(y, b.mul(c, number(e.size)))))

    e.over_channels(channels, over)


def _emit_share(e: Emitter) -> None:
    """dx[c] = the sum over the windows of g times their share; 0 where the gate (an address, 0: none) is not positive."""
    g, shares, rows, columns, width, channels, dx, gate = e.function.args
    b = e.ir

    def over(c: Value) -> None:
        def one(r: Value, q: Value, state: list[Value]) -> list[Value]:
            window = b.add(b.mul(r, width), q)
            value = e.load(e.at(b.add(g, b.mul(b.add(c, b.mul(window, channels)), number(e.size)))))
            return [e.fma(value, e.spread(e.at(b.add(shares, b.mul(window, number(e.size))))), state[0])]

        offset = b.mul(c, number(e.size))
        totals = _over_rectangle(e, rows, columns, one, [e.zero])
        (total,) = e.when(gate, lambda v: [e.positive(e.load(e.at(b.add(gate, offset))), v[0])], totals)
        e.store(total, e.at(b.add(dx, offset)))

    e.over_channels(channels, over)


def _emit_drop(e: Emitter) -> None:
    """y[i] = x[i] * scale where dropout keeps entry start + i, else 0; for ``count`` entries, at least one vector of them."""
    x, y, count, start, threshold, key, scale = e.function.args
    b, steps = e.ir, llvm.Constant(llvm.VectorType(I32, e.lanes), list(range(e.lanes)))

    def over(i: Value) -> None:
        offset = b.mul(i, number(e.size))
        index = b.add(_splat(e, b.add(start, i), I32), steps)
        keep = b.icmp_unsigned(">=", _hash(e, index, _splat(e, key, I32)), _splat(e, threshold, I32))
        value = b.fmul(e.load(e.at(b.add(x, offset))), e.spread(e.at(scale)))
        e.store(b.select(keep, value, e.zero), e.at(b.add(y, offset)))

    e.over_channels(count, over)


def _emit_relu(e: Emitter) -> None:
    """y[i] = max(x[i], 0) for ``count`` entries, at least one vector of them."""
    x, y, count = e.function.args

    def over(i: Value) -> None:
        offset = e.ir.mul(i, number(e.size))
        e.store(e.relu(e.load(e.at(e.ir.add(x, offset)))), e.at(e.ir.add(y, offset)))

    e.over_channels(count, over)


def _emit_gate(e: Emitter) -> None:
    """out[i] = g[i] where y[i] > 0, else 0, for ``count`` entries, at least one vector of them."""
    g, y, out, count = e.function.args

    def over(i: Value) -> None:
        offset = e.ir.mul(i, number(e.size))
        value, open_ = (e.load(e.at(e.ir.add(base, offset))) for base in (g, y))
        e.store(e.positive(open_, value), e.at(e.ir.add(out, offset)))

    e.over_channels(count, over)


maximum: Any = microkernel("maximum", _emit_maximum)
spread: Any = microkernel("spread", _emit_spread)
total: Any = microkernel("total", _emit_sum)
share: Any = microkernel("share", _emit_share)
drop: Any = microkernel("drop", _emit_drop)
rectify: Any = microkernel("rectify", _emit_relu)
gated: Any = microkernel("gated", _emit_gate)
