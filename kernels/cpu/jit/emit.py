"""A small builder for functions in LLVM's language, which Numba compiles together with the function that calls them.

Why not plain Numba? Its compiler keeps neither a micro-tile of 12 or 24 vectors in registers over a loop of unknown length,
nor does it know that it should. Here each vector of the micro-tile is a value of its own (a "phi" of the loop), so the
register allocator has no choice. Each function is emitted once per module and never inlined: its registers are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from .vector import HOST

MICROKERNELS: dict[str, tuple[Callable[..., None], Any, tuple[Any, ...], bool]] = {}  # emit, arguments, settings, single
I64, I32, BYTES = ir.IntType(64), ir.IntType(32), ir.IntType(8).as_pointer()
Value = Any  # of llvmlite, which has no types for mypy


def number(value: int) -> Value:
    """A constant of 64 bits."""
    return ir.Constant(I64, int(value))


class Emitter:
    """One function ``void name(i64, ...)`` in the making: vectors of one element type, addresses in bytes.

    ``arguments``: their names, as a NamedTuple's class; the attribute of that name holds their values. With ``single`` a vector
    is one number, and the function is compiled without being optimised: it is for a few numbers, and soon ready.
    """

    def __init__(self, module: Any, name: str, arguments: Any, size: int, single: bool = False):
        self.function = ir.Function(module, ir.FunctionType(ir.VoidType(), [I64] * len(arguments._fields)), name)
        self.arguments = arguments(*self.function.args)
        self.function.linkage = "internal"
        self.function.attributes.add("noinline")
        if single:
            self.function.attributes.add("optnone")
        self.ir = ir.IRBuilder(self.function.append_basic_block("entry"))
        self.size, self.lanes = size, 1 if single else HOST.lanes(size)
        self.element = ir.FloatType() if size == 4 else ir.DoubleType()
        self.vector = ir.VectorType(self.element, self.lanes)
        self.zero = ir.Constant(self.vector, None)
        self._module = module

    def _call(self, name: str, result: Any, *arguments: Value) -> Value:
        kind = ir.FunctionType(result, [a.type for a in arguments])
        return self.ir.call(cgutils.get_or_insert_function(self._module, kind, name), arguments)

    @property
    def _suffix(self) -> str:
        return f"v{self.lanes}f{8 * self.size}"

    def at(self, address: Value, offset: int = 0) -> Value:
        """The pointer to ``address`` (a number or a pointer) plus a constant number of bytes."""
        pointer = self.ir.inttoptr(address, BYTES) if address.type == I64 else address
        return self.ir.gep(pointer, [number(offset)]) if offset else pointer

    def table(self, address: Value, index: int) -> Value:
        """Entry ``index`` of an array of 64-bit numbers."""
        return self.ir.load(self.ir.bitcast(self.at(address, 8 * index), I64.as_pointer()))

    def load(self, pointer: Value) -> Value:
        """A vector of neighbouring values."""
        return self.ir.load(self.ir.bitcast(pointer, self.vector.as_pointer()), align=self.size)

    def broadcast(self, pointer: Value) -> Value:
        """A vector with the value at ``pointer`` in all lanes."""
        value = self.ir.load(self.ir.bitcast(pointer, self.element.as_pointer()))
        empty = ir.Constant(self.vector, ir.Undefined)
        first = self.ir.insert_element(empty, value, ir.Constant(I32, 0))
        return self.ir.shuffle_vector(first, empty, ir.Constant(ir.VectorType(I32, self.lanes), None))

    def store(self, value: Value, pointer: Value, stream: bool = False) -> None:
        """Write a vector; ``stream`` past the caches, to an address that is a multiple of the vector's bytes."""
        made = self.ir.store(
            value, self.ir.bitcast(pointer, self.vector.as_pointer()), align=self.lanes * self.size if stream else self.size
        )
        if stream:
            made.set_metadata("nontemporal", self._module.add_metadata([ir.Constant(I32, 1)]))

    def lanes_below(self, count: Value) -> Value:
        """The mask of the first ``count`` lanes, for `load_some` and `store_some`."""
        kind = ir.VectorType(I64, self.lanes)
        empty = ir.Constant(kind, ir.Undefined)
        first = self.ir.insert_element(empty, count, ir.Constant(I32, 0))
        counts = self.ir.shuffle_vector(first, empty, ir.Constant(ir.VectorType(I32, self.lanes), None))
        return self.ir.icmp_signed("<", ir.Constant(kind, list(range(self.lanes))), counts)

    def load_some(self, pointer: Value, mask: Value) -> Value:
        """The lanes of the mask; the others are 0 and not read."""
        place = self.ir.bitcast(pointer, self.vector.as_pointer())
        return self._call(f"llvm.masked.load.{self._suffix}.p0", self.vector, place, ir.Constant(I32, self.size), mask, self.zero)

    def store_some(self, value: Value, pointer: Value, mask: Value) -> None:
        """Write the lanes of the mask only."""
        place = self.ir.bitcast(pointer, self.vector.as_pointer())
        self._call(f"llvm.masked.store.{self._suffix}.p0", ir.VoidType(), value, place, ir.Constant(I32, self.size), mask)

    def transposed(self, rows: list[Value]) -> list[Value]:
        """A square of as many vectors as there are lanes, transposed.

        In step d = 1, 2, 4, ... the vectors i and i + d swap those halves of each run of 2d lanes that are on the wrong side.
        """
        lanes, kind, step = self.lanes, ir.VectorType(I32, self.lanes), 1
        while step < lanes:
            low = ir.Constant(kind, [i if not i & step else lanes + i - step for i in range(lanes)])
            high = ir.Constant(kind, [i + step if not i & step else lanes + i for i in range(lanes)])
            made = list(rows)
            for i in range(lanes):
                if not i & step:
                    made[i] = self.ir.shuffle_vector(rows[i], rows[i + step], low)
                    made[i + step] = self.ir.shuffle_vector(rows[i], rows[i + step], high)
            rows, step = made, 2 * step
        return rows

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """a * b + c, rounded once."""
        return self._call(f"llvm.fma.{self._suffix}", self.vector, a, b, c)

    def prefetch(self, pointer: Value, write: bool = False, level: int = 1) -> None:
        """Say that this cache line will be wanted, in the first-level cache or the second."""
        self._call("llvm.prefetch.p0", ir.VoidType(), pointer, *(ir.Constant(I32, v) for v in (int(write), 4 - level, 1)))

    def positive(self, sign: Value, value: Value) -> Value:
        """``value`` where ``sign`` > 0, else 0."""
        return self.ir.select(self.ir.fcmp_ordered(">", sign, self.zero), value, self.zero)

    def relu(self, value: Value) -> Value:
        """max(value, 0); NaN stays NaN."""
        return self.ir.select(self.ir.fcmp_ordered("<", value, self.zero), self.zero, value)

    def loop(self, count: Value, body: Callable[[Value, list[Value]], list[Value]], values: Sequence[Value]) -> list[Value]:
        """``for i in range(count): values = body(i, values)``; the values stay in registers."""
        b, before = self.ir, self.ir.block
        inside, after = self.function.append_basic_block("loop"), self.function.append_basic_block("done")
        b.cbranch(b.icmp_signed(">", count, number(0)), inside, after)
        b.position_at_end(inside)
        index, state = b.phi(I64), [b.phi(v.type) for v in values]
        made = body(index, state)
        end, following = b.block, b.add(index, number(1))
        for phi, start, next_ in zip([index, *state], [number(0), *values], [following, *made], strict=True):
            phi.add_incoming(start, before)
            phi.add_incoming(next_, end)
        b.cbranch(b.icmp_signed("<", following, count), inside, after)
        b.position_at_end(after)
        return self._join(values, before, made, end)

    def over_channels(self, channels: Value, body: Callable[[Value], None]) -> None:
        """``body(c)`` for the first channel c of every vector; the last vector ends with the last channel and may overlap.

        With fewer channels than a vector holds there is one, which starts with the first channel and reaches beyond the last.
        """
        lanes = number(self.lanes)
        last = self.ir.sub(channels, lanes)
        last = self.ir.select(self.ir.icmp_signed("<", last, number(0)), number(0), last)

        def one(i: Value, _: list[Value]) -> list[Value]:
            c = self.ir.mul(i, lanes)
            body(self.ir.select(self.ir.icmp_signed("<", c, last), c, last))
            return []

        self.loop(self.ir.udiv(self.ir.add(channels, number(self.lanes - 1)), lanes), one, [])

    def when(self, flag: Value, body: Callable[[list[Value]], list[Value]], values: Sequence[Value] = ()) -> list[Value]:
        """``if flag: values = body(values)``"""
        b, before = self.ir, self.ir.block
        inside, after = self.function.append_basic_block("then"), self.function.append_basic_block("on")
        b.cbranch(b.icmp_signed("!=", flag, number(0)), inside, after)
        b.position_at_end(inside)
        made = body(list(values))
        end = b.block
        b.branch(after)
        b.position_at_end(after)
        return self._join(values, before, made, end)

    def _join(self, old: Sequence[Value], before: Any, new: Sequence[Value], end: Any) -> list[Value]:
        joined = []
        for o, n in zip(old, new, strict=True):
            phi = self.ir.phi(o.type)
            phi.add_incoming(o, before)
            phi.add_incoming(n, end)
            joined.append(phi)
        return joined


def write_function(module: Any, name: str, size: int) -> Any:
    """The micro-kernel of that name for numbers of ``size`` bytes, as a function of ``module``."""
    symbol = f"ninx_{name}_{8 * size}"
    function = module.globals.get(symbol)
    if function is None:
        emit, arguments, settings, single = MICROKERNELS[name]
        emitter = Emitter(module, symbol, arguments, size, single)
        emit(emitter, emitter.arguments, *settings)
        emitter.ir.ret_void()
        function = emitter.function
    return function


def microkernel(name: str, emit: Callable[..., None], arguments: Any, *settings: Any, single: bool = False) -> Any:
    """What Numba code calls as ``kernel(like, Arguments(n1=..., n2=...))``.

    ``like``, an array, gives the element type. ``arguments``, a NamedTuple's class, names the numbers: addresses, steps in
    bytes, counts. ``emit(emitter, values, *settings)`` writes the function; ``single`` as in `Emitter`.
    """
    MICROKERNELS[name] = emit, arguments, settings, single

    @intrinsic  # type: ignore[untyped-decorator]  # Numba has no types for mypy
    def call(context: Any, like: Any, numbers: Any) -> Any:
        if getattr(numbers, "instance_class", None) is not arguments:
            raise TypingError(f"{name} takes {arguments.__name__}, got {numbers}")
        size = like.dtype.bitwidth // 8

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            given = cgutils.unpack_tuple(builder, values[1])
            given = [context.cast(builder, v, t, types.int64) for v, t in zip(given, signature.args[1].types, strict=True)]
            builder.call(write_function(builder.module, name, size), given)
            return context.get_dummy_value()

        return types.void(like, numbers), generate

    return call
