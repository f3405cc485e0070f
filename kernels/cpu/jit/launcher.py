from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, compiler, types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

I64, BYTES = ir.IntType(64), ir.IntType(8).as_pointer()
NUMBERS = I64.as_pointer()
ENTRY = ir.FunctionType(ir.VoidType(), [BYTES.as_pointer(), NUMBERS, NUMBERS, BYTES])
# parallel_for(entry, args, dims, steps, data, inner_ndim, array_count, workers) of numba.np.ufunc.{tbbpool,omppool,workqueue}:
# cuts 0..dims[0] into pieces; entry gets args[0] + first * steps[0] as its args[0] and the length of its piece as dims[0].
PARALLEL_FOR = ir.FunctionType(ir.VoidType(), [BYTES] * 5 + [I64] * 3)


def _compile_into(library, context, body, kinds):
    flags = compiler.Flags()
    cpu_target.options.parse_as_flags(flags, body.targetoptions)  # fastmath, error_model, ... of the body
    flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    made = compiler.compile_internal(context.typing_context, context, library, body.py_func, kinds, None, flags, {})
    library.get_function(made.fndesc.llvm_func_name).linkage = "linkonce_odr"  # may be inlined and dropped
    return made.fndesc


def _entry(context, module, fndesc, block):
    function = ir.Function(module, ENTRY, "entry_" + fndesc.mangled_name)
    function.linkage = "internal"
    b = ir.IRBuilder(function.append_basic_block("entry"))
    args, dims, steps, data = function.args
    values = cgutils.unpack_tuple(b, b.load(b.bitcast(data, block.as_pointer())))
    first = b.sub(b.ptrtoint(b.load(args), I64), b.ptrtoint(data, I64))
    with cgutils.for_range(b, b.load(dims)) as loop:
        given = [b.add(first, loop.index), *values]
        status, _ = context.call_conv.call_function(
            b, context.declare_function(module, fndesc), fndesc.restype, fndesc.argtypes, given
        )
        with cgutils.if_unlikely(b, status.is_error):
            b.store(I64(1), b.gep(steps, [I64(1)]))  # the layers hand `steps` on as it is
    b.ret_void()
    return function


@intrinsic
def spread(typing, body, runner, workers, threads, arguments):
    def generate(context, builder, signature, values):
        _, runner, workers, threads, packed = values
        fndesc = _compile_into(context.active_code_library, context, body.dispatcher, (types.int64, *arguments.types))
        entry = _entry(context, builder.module, fndesc, packed.type)
        data = builder.bitcast(cgutils.alloca_once_value(builder, packed), BYTES)
        args, dims = cgutils.alloca_once_value(builder, data), cgutils.alloca_once_value(builder, threads)
        pair = cgutils.alloca_once_value(builder, ir.Constant(ir.ArrayType(I64, 2), [1, 0]))  # the step; has any body failed?
        steps = builder.bitcast(pair, NUMBERS)
        with builder.if_else(builder.icmp_signed("!=", runner, I64(0))) as (several, one):
            with several:
                pointers = [builder.bitcast(p, BYTES) for p in (entry, args, dims, steps)]
                layer = builder.inttoptr(runner, PARALLEL_FOR.as_pointer())
                builder.call(layer, [*pointers, data, I64(0), I64(1), workers])
            with one:
                builder.call(entry, [args, dims, steps, data])
        failed = builder.load(builder.gep(steps, [I64(1)]))
        with cgutils.if_unlikely(builder, builder.icmp_signed("!=", failed, I64(0))):
            context.call_conv.return_user_exc(builder, RuntimeError, ("a kernel failed on one of its threads",))
        return context.get_dummy_value()

    return types.void(body, types.int64, types.int64, types.int64, arguments), generate
