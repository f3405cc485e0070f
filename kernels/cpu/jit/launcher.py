"""`spread`: compiled code runs a body on several threads.

A kernel cuts its work into parts by itself, one for each thread, and its body does part ``t``. So nothing is wanted of Numba's
``parallel=True`` and ``prange``, whose pass over the function takes half of the time of compiling it. `spread` calls what such a
loop ends in: the function ``parallel_for`` of Numba's threading layer (TBB, OpenMP or Numba's own work queue), made for NumPy's
universal functions, which loop over arrays:

    parallel_for(entry, args, dims, steps, data, inner_ndim=0, array_count=1, workers)

It cuts the numbers 0 to dims[0] into ranges, hands them to ``workers`` threads, waits for all, and each calls

    entry(args', dims', steps, data)    with args'[0] = args[0] + (first of the range) * steps[0], dims'[0] = length of the range

So args[0] would be the address of an array, and steps[0] the bytes from one element to the next. Here there is no array: with
steps[0] = 1 the difference between args'[0] and args[0] is the number of the range's first part. ``data`` is handed on as it is:
it points to the arguments of the body, which lie on the caller's stack until all are done, and is args[0] as well, as an address
to count from. ``steps`` is handed on as it is, too: its second number says whether a body has failed.

The function is called by its address, which comes as an argument, not by its name. The name would be looked up when the code is
loaded from the cache, and the process would die of it where no thread has been started yet. And so 0 can say that there are no
threads to call: the same code then does all parts one after the other.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, compiler, types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from .compiler import KernelCompiler

I64, BYTES = ir.IntType(64), ir.IntType(8).as_pointer()
NUMBERS = I64.as_pointer()
ENTRY = ir.FunctionType(ir.VoidType(), [BYTES.as_pointer(), NUMBERS, NUMBERS, BYTES])
PARALLEL_FOR = ir.FunctionType(ir.VoidType(), [BYTES] * 5 + [I64] * 3)


@intrinsic  # type: ignore[untyped-decorator]  # Numba has no types for mypy
def spread(_typing: Any, body: Any, runner: Any, workers: Any, threads: Any, arguments: Any) -> tuple[Any, Any]:
    """In a compiled function: body(t, *arguments) for t = 0 to ``threads`` - 1, on at most ``workers`` threads at once.

    ``body`` is a function made by `compiled.part`, ``runner`` the address of the threading layer's ``parallel_for``; or 0: then
    all run in this thread. An error in a body, whatever it was, becomes a RuntimeError here: the others go on to their end.
    """

    def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        _, runner, workers, threads, packed = values
        workers = builder.select(builder.icmp_signed("<", threads, workers), threads, workers)
        compiled = _compile(body.dispatcher, (types.int64, *arguments.types), context)
        entry = _entry(compiled, packed.type, context, builder.module)
        data = builder.bitcast(cgutils.alloca_once_value(builder, packed), BYTES)
        args, dims = cgutils.alloca_once_value(builder, data), cgutils.alloca_once_value(builder, threads)
        steps_and_failed = cgutils.alloca_once_value(builder, ir.Constant(ir.ArrayType(I64, 2), [1, 0]))
        steps = builder.bitcast(steps_and_failed, NUMBERS)
        with builder.if_else(builder.icmp_signed("!=", runner, I64(0))) as (on_threads, in_this_one):
            with on_threads:
                parallel_for = builder.inttoptr(runner, PARALLEL_FOR.as_pointer())
                pointers = [builder.bitcast(pointer, BYTES) for pointer in (entry, args, dims, steps, data)]
                builder.call(parallel_for, [*pointers, I64(0), I64(1), workers])
            with in_this_one:
                builder.call(entry, [args, dims, steps, data])
        failed = builder.load(builder.gep(steps, [I64(1)]))
        with cgutils.if_unlikely(builder, builder.icmp_signed("!=", failed, I64(0))):
            context.call_conv.return_user_exc(builder, RuntimeError, ("a kernel failed on one of its threads",))
        return context.get_dummy_value()

    return types.void(body, types.int64, types.int64, types.int64, arguments), generate


def _compile(body: Any, kinds: tuple[Any, ...], context: Any) -> Any:
    """Compile ``body`` for arguments of these types into the library of the function that is being compiled; how to call it.

    It stays out of the rest of Numba: no_compile leaves it to LLVM together with its caller, as one module, and the wrappers for
    calls from Python are not made.
    """
    flags = compiler.Flags()
    cpu_target.options.parse_as_flags(flags, body.targetoptions)  # the body's own fastmath, error_model, ...
    flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    library = context.active_code_library
    made = KernelCompiler(context.typing_context, context, library, kinds, None, flags, {}).compile_extra(body.py_func)
    # By default other modules may call it, so LLVM would have to keep it even where it was inlined. "Link once" lets it be
    # dropped; "ODR" promises that whoever has a function of this name has the same, so that it may be inlined at all.
    library.get_function(made.fndesc.llvm_func_name).linkage = "linkonce_odr"
    return made.fndesc


def _entry(body: Any, packed: Any, context: Any, module: Any) -> Any:
    """The function ``entry`` of the file's head: unpacks the arguments, and calls the body for each part of its range."""
    function = ir.Function(module, ENTRY, f"entry_{body.mangled_name}")
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    args, dims, steps, data = function.args
    values = cgutils.unpack_tuple(builder, builder.load(builder.bitcast(data, packed.as_pointer())))
    first = builder.sub(builder.ptrtoint(builder.load(args), I64), builder.ptrtoint(data, I64))
    callee = context.declare_function(module, body)
    with cgutils.for_range(builder, builder.load(dims)) as loop:
        given = [builder.add(first, loop.index), *values]
        status, _ = context.call_conv.call_function(builder, callee, body.restype, body.argtypes, given)
        with cgutils.if_unlikely(builder, status.is_error):
            builder.store(I64(1), builder.gep(steps, [I64(1)]))
    builder.ret_void()
    return function
