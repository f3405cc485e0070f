"""The two innermost loops of every convolution: a tile of a matrix product kept in registers from start to end.

`product`   C[i, :] = sum over k of A[i, k] * B[k, :]     forward, input gradient: i pixels, the columns output channels
`outer`     C[i, :] += sum over p of A[p, i] * B[p, :]    weight gradient: p pixels, i input channels, the columns output channels

(and `strips`, `panel`, `lift` and `turn`, which put into place what these two read and write, and `fetch`, which has it brought
into the cache). In both, one value of A is spread over a vector and multiplied with one or two vectors of B; all rows * vectors
sums stay in registers, and C is touched once.
"""

from __future__ import annotations

from typing import Any

from llvmlite.ir import Constant, DoubleType, VectorType

from ...memory import LINE
from ..jit.emit import Emitter, Value, microkernel, number
from ..jit.vector import HOST


def _step(e: Emitter, a: list[Value], b: list[Value], acc: list[Value]) -> list[Value]:
    """acc[i, j] += a[i] * b[j], where a[i] points to one number and b[j] is a vector."""
    made = []
    for i, pointer in enumerate(a):
        value = e.spread(pointer)
        made += [e.fma(value, vector, acc[i * len(b) + j]) for j, vector in enumerate(b)]
    return made


def _emit_product(e: Emitter, vectors: int, narrow: bool) -> None:
    """C[i] = epilogue(sum over r < taps, k < run of A_i[r*a_jump + k] * B[r*b_jump + k]) for every pixel i of the tile.

    A_i lies at a + a_offsets[i], C_i at c + c_offsets[i] (tables of byte offsets), row k of B at b + k * vectors * lanes. The
    last vector of a row of C starts ``tail`` bytes after the first. The epilogue adds ``bias`` (an address, 0: none), applies
    ``relu`` (0 or 1), and writes 0 where ``gate`` (an address that moves like c, 0: none) is not positive; ``stream``: write
    past the caches. ``narrow``: C has fewer channels than one vector; then ``tail`` is their number.
    """
    taps, run, a_jump, b_jump, a, a_offsets, b, c, c_offsets, bias, relu, gate, stream, tail = e.function.args
    ir, size, rows, width = e.ir, e.size, HOST.rows(vectors), vectors * e.lanes
    pixels = [ir.add(a, e.table(a_offsets, i)) for i in range(rows)]
    mask = e.lanes_below(tail) if narrow else None

    def places(base: Value) -> list[Value]:
        """The pointers to every vector of the tile in C or in the gate."""
        found = []
        for i in range(rows):
            row = ir.add(base, e.table(c_offsets, i))
            found += [e.at(row, j * e.lanes * size) for j in range(max(vectors - 1, 1))]
            found += [e.at(ir.add(row, tail))] if vectors > 1 else []
        return found

    def announce(base: Value, write: bool) -> list[Value]:
        for pointer in places(base):
            e.prefetch(pointer, write)
        return []

    e.when(gate, lambda _: announce(gate, False))
    e.when(ir.sub(number(1), stream), lambda _: announce(c, True))

    def over_tap(r: Value, acc: list[Value]) -> list[Value]:
        starts = [e.at(ir.add(p, ir.mul(r, a_jump))) for p in pixels]
        first = ir.add(b, ir.mul(r, b_jump))

        def over_channel(k: Value, acc: list[Value], unroll: int) -> list[Value]:
            k_bytes = ir.mul(k, number(unroll * size))
            row = e.at(ir.add(first, ir.mul(k, number(unroll * width * size))))
            at = [ir.gep(s, [k_bytes]) for s in starts]
            for u in range(unroll):
                values = [e.load(e.at(row, (u * width + j * e.lanes) * size)) for j in range(vectors)]
                acc = _step(e, [e.at(p, u * size) for p in at], values, acc)
            return acc

        pairs = ir.udiv(run, number(2))
        acc = e.loop(pairs, lambda k, acc: over_channel(k, acc, 2), acc)
        done = ir.mul(pairs, number(2))
        return e.loop(ir.sub(run, done), lambda k, acc: over_channel(ir.add(done, k), acc, 1), acc)

    acc = e.loop(taps, over_tap, [e.zero] * (rows * vectors))

    def add_bias(acc: list[Value]) -> list[Value]:
        values = [e.load(e.at(bias, j * e.lanes * size)) for j in range(vectors)]
        return [ir.fadd(v, values[i % vectors]) for i, v in enumerate(acc)]

    def load(pointer: Value) -> Value:
        return e.load_some(pointer, mask) if narrow else e.load(pointer)

    acc = e.when(bias, add_bias, acc)
    acc = e.when(relu, lambda acc: [e.relu(v) for v in acc], acc)
    acc = e.when(gate, lambda acc: [e.positive(load(p), v) for p, v in zip(places(gate), acc, strict=True)], acc)

    def write(streaming: bool) -> list[Value]:
        for pointer, value in zip(places(c), acc, strict=True):
            if narrow:
                e.store_some(value, pointer, mask)
            else:
                e.store(value, pointer, streaming)
        return []

    if narrow:
        write(False)
    else:
        e.when(stream, lambda _: write(True))
        e.when(ir.sub(number(1), stream), lambda _: write(False))


def _emit_outer(e: Emitter, vectors: int) -> None:
    """C[i, :] += sum over images n, rows r and pixels q of A[n, r, q, i] * B[n, r, q, :] for the rows of the tile.

    A and B move by their own byte steps for each image, row and pixel. The rows of C lie c_step bytes apart.
    """
    images, rows, pixels, a, a_image, a_row, a_pixel, b, b_image, b_row, b_pixel, c, c_step = e.function.args
    ir, size, height = e.ir, e.size, HOST.rows(2)

    def over_image(n: Value, acc: list[Value]) -> list[Value]:
        a_n, b_n = ir.add(a, ir.mul(n, a_image)), ir.add(b, ir.mul(n, b_image))

        def over_row(r: Value, acc: list[Value]) -> list[Value]:
            a_r, b_r = ir.add(a_n, ir.mul(r, a_row)), ir.add(b_n, ir.mul(r, b_row))

            def one(q: Value, acc: list[Value]) -> list[Value]:
                a_q, b_q = e.at(ir.add(a_r, ir.mul(q, a_pixel))), e.at(ir.add(b_r, ir.mul(q, b_pixel)))
                values = [e.load(e.at(b_q, j * e.lanes * size)) for j in range(vectors)]
                return _step(e, [e.at(a_q, i * size) for i in range(height)], values, acc)

            pairs = ir.udiv(pixels, number(2))
            acc = e.loop(pairs, lambda q, acc: one(ir.or_(ir.mul(q, number(2)), number(1)), one(ir.mul(q, number(2)), acc)), acc)
            done = ir.mul(pairs, number(2))
            return e.loop(ir.sub(pixels, done), lambda q, acc: one(ir.add(done, q), acc), acc)

        return e.loop(rows, over_row, acc)

    acc = e.loop(images, over_image, [e.zero] * (height * vectors))
    for i in range(height):
        row = ir.add(c, ir.mul(c_step, number(i)))
        for j in range(vectors):
            place = e.at(row, j * e.lanes * size)
            e.store(ir.fadd(e.load(place), acc[i * vectors + j]), place)


def _emit_strips(e: Emitter, width: int) -> None:
    """Copy each of ``count`` pixels into ``strips`` strips of ``width`` neighbouring numbers, strip_step bytes apart.

    Pixel by pixel, so that the source is read in the order in which it lies.
    """
    count, source, source_step, target, target_step, strips, strip_step = e.function.args
    kind = VectorType(e.element, width).as_pointer()

    def pixel(p: Value, _: list[Value]) -> list[Value]:
        row, place = (e.ir.add(base, e.ir.mul(p, step)) for base, step in ((source, source_step), (target, target_step)))

        def one(k: Value, _: list[Value]) -> list[Value]:
            value = e.ir.load(e.ir.bitcast(e.at(e.ir.add(row, e.ir.mul(k, number(width * e.size)))), kind), align=e.size)
            e.ir.store(value, e.ir.bitcast(e.at(e.ir.add(place, e.ir.mul(k, strip_step))), kind), align=e.size)
            return []

        return e.loop(strips, one, [])

    e.loop(count, pixel, [])


def _emit_panel(e: Emitter, vectors: int) -> None:
    """Copy ``used`` numbers of each of ``count`` pixels as a panel of ``vectors`` vectors, and add their sum to ``sums``.

    What is left of the panel is filled with zeros, and not read. The sums are float64: a bias has as many terms as there are
    pixels, and one float32 sum of them would have lost more digits than all other gradients.
    """
    count, source, source_step, target, target_step, sums, used = e.function.args
    offsets, exact = [j * e.lanes * e.size for j in range(vectors)], VectorType(DoubleType(), e.lanes)
    masks = [e.lanes_below(e.ir.sub(used, number(j * e.lanes))) for j in range(vectors)]

    def one(p: Value, acc: list[Value]) -> list[Value]:
        row, place = (e.at(e.ir.add(base, e.ir.mul(p, step))) for base, step in ((source, source_step), (target, target_step)))
        values = [e.load_some(e.at(row, o), mask) for o, mask in zip(offsets, masks, strict=True)]
        for value, o in zip(values, offsets, strict=True):
            e.store(value, e.at(place, o))
        return [e.ir.fadd(a, e.ir.fpext(v, exact) if e.size < 8 else v) for a, v in zip(acc, values, strict=True)]

    for j, value in enumerate(e.loop(count, one, [Constant(exact, None)] * vectors)):
        place = e.ir.bitcast(e.at(sums, j * e.lanes * 8), exact.as_pointer())
        e.ir.store(e.ir.fadd(e.ir.load(place, align=8), value), place, align=8)


def _emit_lift(e: Emitter, vectors: int, narrow: bool) -> None:
    """Copy one panel's numbers of each of ``count`` rows; ``tail`` as in `product`."""
    count, source, source_step, target, target_step, tail = e.function.args
    mask = e.lanes_below(tail) if narrow else None

    def one(p: Value, _: list[Value]) -> list[Value]:
        row, place = (e.ir.add(base, e.ir.mul(p, step)) for base, step in ((source, source_step), (target, target_step)))
        e.store(e.load_some(e.at(row), mask) if narrow else e.load(e.at(row)), e.at(place))
        if vectors > 1:
            e.store(e.load(e.at(e.ir.add(row, tail))), e.at(place, e.lanes * e.size))
        return []

    e.loop(count, one, [])


def _emit_turn(e: Emitter) -> None:
    """Transpose ``count`` squares of lanes x lanes numbers, the sum of ``copies`` sources; the squares lie a step apart."""
    count, source, row, square, target, target_row, target_square, copies, copy = e.function.args

    def one(i: Value, _: list[Value]) -> list[Value]:
        here, there = e.ir.add(source, e.ir.mul(i, square)), e.ir.add(target, e.ir.mul(i, target_square))

        def rows(start: Value) -> list[Value]:
            return [e.load(e.at(e.ir.add(start, e.ir.mul(row, number(k))))) for k in range(e.lanes)]

        def add(c: Value, total: list[Value]) -> list[Value]:
            more = rows(e.ir.add(here, e.ir.mul(e.ir.add(c, number(1)), copy)))
            return [e.ir.fadd(a, b) for a, b in zip(total, more, strict=True)]

        total = e.loop(e.ir.sub(copies, number(1)), add, rows(here))
        for k, vector in enumerate(e.transposed(total)):
            e.store(vector, e.at(e.ir.add(there, e.ir.mul(target_row, number(k)))))
        return []

    e.loop(count, one, [])


def _emit_fetch(e: Emitter) -> None:
    """Have ``count`` lines, from an address on, brought into the second-level cache. Nothing is read, so any address will do."""
    address, count = e.function.args

    def one(i: Value, _: list[Value]) -> list[Value]:
        e.prefetch(e.at(e.ir.add(address, e.ir.mul(i, number(LINE)))), level=2)
        return []

    e.loop(count, one, [])


product0: Any = microkernel("product0", _emit_product, 1, True)
product1, product2 = (microkernel(f"product{v}", _emit_product, v, False) for v in (1, 2))
outer1, outer2 = (microkernel(f"outer{v}", _emit_outer, v) for v in (1, 2))
panel1, panel2 = (microkernel(f"panel{v}", _emit_panel, v) for v in (1, 2))
strips: Any = microkernel("strips", _emit_strips, HOST.rows(2))
lift0: Any = microkernel("lift0", _emit_lift, 1, True)
lift1, lift2 = (microkernel(f"lift{v}", _emit_lift, v, False) for v in (1, 2))
turn: Any = microkernel("turn", _emit_turn)
fetch: Any = microkernel("fetch", _emit_fetch)
