"""The two innermost loops of every convolution: a micro-tile of a matrix product, kept in registers from start to end.

`gemm`      C[i, :] = sum over k of A[i, k] * B[k, :]     forward, input gradient: i pixels, the columns output channels
`gemm_tn`   C[i, :] += sum over p of A[p, i] * B[p, :]    weight gradient: p pixels, i input channels, the columns output channels

("tn" as in BLAS: the first factor transposed.) In both, one value of A is broadcast over a vector and multiplied with one or two
vectors of B: nr columns. All mr * nr sums stay in registers, and C is touched once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..jit.emit import Emitter, Value, microkernel, number
from ..jit.vector import HOST


class GemmArgs(NamedTuple):
    """C[i] = epilogue(sum over r < taps, k < run of A_i[r*a_tap + k] * B[r*b_tap + k]) for mr pixels i; addresses in bytes.

    A_i lies at a + a_offsets[i], C_i at c + c_offsets[i] (tables of offsets; behind these C's has those of the next micro-tile,
    which is prefetched), row k of B at b + k * nr numbers; ``a_tap`` and ``b_tap`` are the bytes from one kernel row to the next.
    The last vector of a row of C starts ``tail`` bytes after the first. Epilogue: ``add`` what is in C (0 or 1), add ``bias`` (an
    address, 0: none), apply ``relu`` (0 or 1), write 0 where ``masked_by`` (an address that moves like c, 0: none) is not
    positive. ``stream``: write past the caches.
    """

    taps: Value
    run: Value
    a_tap: Value
    b_tap: Value
    a: Value
    a_offsets: Value
    b: Value
    c: Value
    c_offsets: Value
    add: Value
    bias: Value
    relu: Value
    masked_by: Value
    stream: Value
    tail: Value


class GemmTnArgs(NamedTuple):
    """C[i, :] += sum over images n, rows r and pixels p of A[n, r, p, i] * B[n, r, p, :] for mr channels i.

    A and B move by their own byte steps for each image, row and pixel. The rows of C lie ``c_row`` bytes apart.
    """

    images: Value
    rows: Value
    pixels: Value
    a: Value
    a_image: Value
    a_row: Value
    a_pixel: Value
    b: Value
    b_image: Value
    b_row: Value
    b_pixel: Value
    c: Value
    c_row: Value


def _rank_1(e: Emitter, a: list[Value], b: list[Value], acc: list[Value]) -> list[Value]:
    """acc[i, j] += a[i] * b[j], where a[i] points to one number and b[j] is a vector."""
    made = []
    for i, pointer in enumerate(a):
        value = e.broadcast(pointer)
        made += [e.fma(value, vector, acc[i * len(b) + j]) for j, vector in enumerate(b)]
    return made


def _emit_gemm(e: Emitter, args: GemmArgs, vectors: int, masked: bool) -> None:
    """``masked``: C has fewer channels than one vector; then ``tail`` is their number."""
    ir, size, mr, nr = e.ir, e.size, HOST.mr(vectors), vectors * e.lanes
    pixels = [ir.add(args.a, e.table(args.a_offsets, i)) for i in range(mr)]
    mask = e.lanes_below(args.tail) if masked else None

    def places(base: Value, first: int = 0) -> list[Value]:
        """The pointers to every vector of the micro-tile in C or in the mask; ``first`` mr: those of the next micro-tile."""
        found = []
        for i in range(first, first + mr):
            row = ir.add(base, e.table(args.c_offsets, i))
            found += [e.at(row, j * e.lanes * size) for j in range(max(vectors - 1, 1))]
            found += [e.at(ir.add(row, args.tail))] if vectors > 1 else []
        return found

    def prefetch(base: Value, write: bool) -> list[Value]:
        for pointer in places(base, mr):
            e.prefetch(pointer, write)
        return []

    e.when(args.masked_by, lambda _: prefetch(args.masked_by, False))
    e.when(ir.sub(number(1), args.stream), lambda _: prefetch(args.c, True))

    def over_taps(r: Value, acc: list[Value]) -> list[Value]:
        starts = [e.at(ir.add(p, ir.mul(r, args.a_tap))) for p in pixels]
        first = ir.add(args.b, ir.mul(r, args.b_tap))

        def over_run(k: Value, acc: list[Value], unroll: int) -> list[Value]:
            k_bytes = ir.mul(k, number(unroll * size))
            row = e.at(ir.add(first, ir.mul(k, number(unroll * nr * size))))
            at = [ir.gep(s, [k_bytes]) for s in starts]
            for u in range(unroll):
                values = [e.load(e.at(row, (u * nr + j * e.lanes) * size)) for j in range(vectors)]
                acc = _rank_1(e, [e.at(p, u * size) for p in at], values, acc)
            return acc

        pairs = ir.udiv(args.run, number(2))
        acc = e.loop(pairs, lambda k, acc: over_run(k, acc, 2), acc)
        done = ir.mul(pairs, number(2))
        return e.loop(ir.sub(args.run, done), lambda k, acc: over_run(ir.add(done, k), acc, 1), acc)

    acc = e.loop(args.taps, over_taps, [e.zero] * (mr * vectors))

    def add_bias(acc: list[Value]) -> list[Value]:
        values = [e.load(e.at(args.bias, j * e.lanes * size)) for j in range(vectors)]
        return [ir.fadd(v, values[i % vectors]) for i, v in enumerate(acc)]

    def load(pointer: Value) -> Value:
        return e.load_some(pointer, mask) if masked else e.load(pointer)

    acc = e.when(args.add, lambda acc: [ir.fadd(load(p), v) for p, v in zip(places(args.c), acc, strict=True)], acc)
    acc = e.when(args.bias, add_bias, acc)
    acc = e.when(args.relu, lambda acc: [e.relu(v) for v in acc], acc)
    acc = e.when(
        args.masked_by, lambda acc: [e.positive(load(p), v) for p, v in zip(places(args.masked_by), acc, strict=True)], acc
    )

    def write(streaming: bool) -> list[Value]:
        for pointer, value in zip(places(args.c), acc, strict=True):
            if masked:
                e.store_some(value, pointer, mask)
            else:
                e.store(value, pointer, streaming)
        return []

    if masked:
        write(False)
    else:
        e.when(args.stream, lambda _: write(True))
        e.when(ir.sub(number(1), args.stream), lambda _: write(False))


def _emit_gemm_tn(e: Emitter, args: GemmTnArgs, vectors: int) -> None:
    ir, size, mr = e.ir, e.size, HOST.mr(2)

    def over_images(n: Value, acc: list[Value]) -> list[Value]:
        a_n, b_n = ir.add(args.a, ir.mul(n, args.a_image)), ir.add(args.b, ir.mul(n, args.b_image))

        def over_rows(r: Value, acc: list[Value]) -> list[Value]:
            a_r, b_r = ir.add(a_n, ir.mul(r, args.a_row)), ir.add(b_n, ir.mul(r, args.b_row))

            def pixel(p: Value, acc: list[Value]) -> list[Value]:
                a_p, b_p = e.at(ir.add(a_r, ir.mul(p, args.a_pixel))), e.at(ir.add(b_r, ir.mul(p, args.b_pixel)))
                values = [e.load(e.at(b_p, j * e.lanes * size)) for j in range(vectors)]
                return _rank_1(e, [e.at(a_p, i * size) for i in range(mr)], values, acc)

            def two_pixels(k: Value, acc: list[Value]) -> list[Value]:
                return pixel(ir.or_(ir.mul(k, number(2)), number(1)), pixel(ir.mul(k, number(2)), acc))

            pairs = ir.udiv(args.pixels, number(2))
            acc = e.loop(pairs, two_pixels, acc)
            done = ir.mul(pairs, number(2))
            return e.loop(ir.sub(args.pixels, done), lambda p, acc: pixel(ir.add(done, p), acc), acc)

        return e.loop(args.rows, over_rows, acc)

    acc = e.loop(args.images, over_images, [e.zero] * (mr * vectors))
    for i in range(mr):
        row = ir.add(args.c, ir.mul(args.c_row, number(i)))
        for j in range(vectors):
            place = e.at(row, j * e.lanes * size)
            e.store(ir.fadd(e.load(place), acc[i * vectors + j]), place)


gemm_masked: Any = microkernel("gemm_masked", _emit_gemm, GemmArgs, 1, True)
gemm1, gemm2 = (microkernel(f"gemm{v}", _emit_gemm, GemmArgs, v, False) for v in (1, 2))
gemm_tn1, gemm_tn2 = (microkernel(f"gemm_tn{v}", _emit_gemm_tn, GemmTnArgs, v) for v in (1, 2))
