"""Copies that put into place what the micro-kernels read and write: into panels, transposed, or just into the cache."""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite.ir import Constant, DoubleType, VectorType

from ...memory import LINE
from ..jit.emit import Emitter, Value, microkernel, number
from ..jit.vector import HOST


class PackXArgs(NamedTuple):
    """Copy each of some pixels into ``panels`` panels of mr neighbouring numbers, ``panel_step`` bytes apart."""

    pixels: Value
    source: Value
    source_step: Value
    target: Value
    target_step: Value
    panels: Value
    panel_step: Value


class PackDyArgs(NamedTuple):
    """Copy ``used`` numbers of each of some pixels into a panel of nr, filled up with zeros, and add their sum to ``sums``."""

    pixels: Value
    source: Value
    source_step: Value
    target: Value
    target_step: Value
    sums: Value
    used: Value


class CopyPanelArgs(NamedTuple):
    """Copy one panel's numbers of some rows; ``tail`` as in `GemmArgs`."""

    rows: Value
    source: Value
    source_step: Value
    target: Value
    target_step: Value
    tail: Value


class TransposeArgs(NamedTuple):
    """Transpose some squares of lanes x lanes numbers, each the sum of ``copies`` sources.

    ``row`` and ``square``: bytes from one row, one square to the next; ``copy``: from a source to the next one.
    """

    squares: Value
    source: Value
    row: Value
    square: Value
    target: Value
    target_row: Value
    target_square: Value
    copies: Value
    copy: Value


class PrefetchArgs(NamedTuple):
    """Bring ``lines`` cache lines, from an address on, into the second-level cache. Nothing is read, so any address will do."""

    address: Value
    lines: Value


def _rows(e: Emitter, args: Any, p: Value) -> tuple[Value, Value]:
    """Where row p lies in the source and in the target."""
    source = e.ir.add(args.source, e.ir.mul(p, args.source_step))
    return source, e.ir.add(args.target, e.ir.mul(p, args.target_step))


def _emit_pack_x(e: Emitter, args: PackXArgs, mr: int) -> None:
    """Pixel by pixel, so that the source is read in the order in which it lies."""
    kind = VectorType(e.element, mr).as_pointer()

    def pixel(p: Value, _: list[Value]) -> list[Value]:
        row, place = _rows(e, args, p)

        def one(k: Value, _: list[Value]) -> list[Value]:
            value = e.ir.load(e.ir.bitcast(e.at(e.ir.add(row, e.ir.mul(k, number(mr * e.size)))), kind), align=e.size)
            e.ir.store(value, e.ir.bitcast(e.at(e.ir.add(place, e.ir.mul(k, args.panel_step))), kind), align=e.size)
            return []

        return e.loop(args.panels, one, [])

    e.loop(args.pixels, pixel, [])


def _emit_pack_dy(e: Emitter, args: PackDyArgs, vectors: int) -> None:
    """The sums are float64: a bias gradient has as many terms as there are pixels, and one float32 sum would lose most digits.

    What fills the panel up is not read.
    """
    offsets, exact = [j * e.lanes * e.size for j in range(vectors)], VectorType(DoubleType(), e.lanes)
    masks = [e.lanes_below(e.ir.sub(args.used, number(j * e.lanes))) for j in range(vectors)]

    def one(p: Value, acc: list[Value]) -> list[Value]:
        row, place = (e.at(address) for address in _rows(e, args, p))
        values = [e.load_some(e.at(row, o), mask) for o, mask in zip(offsets, masks, strict=True)]
        for value, o in zip(values, offsets, strict=True):
            e.store(value, e.at(place, o))
        return [e.ir.fadd(a, e.ir.fpext(v, exact) if e.size < 8 else v) for a, v in zip(acc, values, strict=True)]

    for j, value in enumerate(e.loop(args.pixels, one, [Constant(exact, None)] * vectors)):
        place = e.ir.bitcast(e.at(args.sums, j * e.lanes * 8), exact.as_pointer())
        e.ir.store(e.ir.fadd(e.ir.load(place, align=8), value), place, align=8)


def _emit_copy_panel(e: Emitter, args: CopyPanelArgs, vectors: int, masked: bool) -> None:
    mask = e.lanes_below(args.tail) if masked else None

    def one(p: Value, _: list[Value]) -> list[Value]:
        row, place = _rows(e, args, p)
        e.store(e.load_some(e.at(row), mask) if masked else e.load(e.at(row)), e.at(place))
        if vectors > 1:
            e.store(e.load(e.at(e.ir.add(row, args.tail))), e.at(place, e.lanes * e.size))
        return []

    e.loop(args.rows, one, [])


def _emit_transpose(e: Emitter, args: TransposeArgs) -> None:
    def one(i: Value, _: list[Value]) -> list[Value]:
        here = e.ir.add(args.source, e.ir.mul(i, args.square))
        there = e.ir.add(args.target, e.ir.mul(i, args.target_square))

        def rows(start: Value) -> list[Value]:
            return [e.load(e.at(e.ir.add(start, e.ir.mul(args.row, number(k))))) for k in range(e.lanes)]

        def add(c: Value, total: list[Value]) -> list[Value]:
            more = rows(e.ir.add(here, e.ir.mul(e.ir.add(c, number(1)), args.copy)))
            return [e.ir.fadd(a, b) for a, b in zip(total, more, strict=True)]

        total = e.loop(e.ir.sub(args.copies, number(1)), add, rows(here))
        for k, vector in enumerate(e.transposed(total)):
            e.store(vector, e.at(e.ir.add(there, e.ir.mul(args.target_row, number(k)))))
        return []

    e.loop(args.squares, one, [])


def _emit_prefetch(e: Emitter, args: PrefetchArgs) -> None:
    def one(i: Value, _: list[Value]) -> list[Value]:
        e.prefetch(e.at(e.ir.add(args.address, e.ir.mul(i, number(LINE)))), level=2)
        return []

    e.loop(args.lines, one, [])


pack_x: Any = microkernel("pack_x", _emit_pack_x, PackXArgs, HOST.mr(2))
pack_dy1, pack_dy2 = (microkernel(f"pack_dy{v}", _emit_pack_dy, PackDyArgs, v) for v in (1, 2))
copy_panel_masked: Any = microkernel("copy_panel_masked", _emit_copy_panel, CopyPanelArgs, 1, True)
copy_panel1, copy_panel2 = (microkernel(f"copy_panel{v}", _emit_copy_panel, CopyPanelArgs, v, False) for v in (1, 2))
transpose: Any = microkernel("transpose", _emit_transpose, TransposeArgs)
prefetch: Any = microkernel("prefetch", _emit_prefetch, PrefetchArgs)
