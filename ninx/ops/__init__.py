"""Differentiable operations on tensors: arithmetic, reductions, shapes, the matrix product; and the making of tensors.

What ``__all__`` names is also `ninx.NAME`; the rest (imported ``as`` itself) serves Tensor's methods and the floors above.
"""

# fmt: off
from ninx.kernels.listing import only_public

from ..engine.methods import explain as _explain
from .arithmetic import (
    add,
    addcdiv,
    addcmul,
    div,
    divide,
    floor_divide,
    lerp,
    mul,
    multiply,
    pow,
    remainder,
    sub,
    subtract,
    true_divide,
)
from .axes import sequence as sequence
from .bitwise import bitwise_and, bitwise_left_shift, bitwise_not, bitwise_or, bitwise_right_shift, bitwise_xor
from .choosing import clamp, clamp_max, clamp_min, clip, masked_fill, maximum, minimum, where
from .comparison import (
    allclose,
    eq,
    equal,
    ge,
    greater,
    greater_equal,
    gt,
    isclose,
    le,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    lt,
    ne,
    not_equal,
)
from .contraction import einsum
from .counting import all, any, bincount, count_nonzero, unique
from .creation import as_tensor, from_numpy, get_default_dtype, is_floating_point, is_tensor, set_default_dtype, tensor
from .elementary import (
    abs,
    absolute,
    arctan,
    atan,
    ceil,
    cos,
    exp,
    exp2,
    expm1,
    floor,
    isfinite,
    isinf,
    isnan,
    log,
    log1p,
    log2,
    log10,
    neg,
    negative,
    reciprocal,
    round,
    rsqrt,
    sigmoid,
    sign,
    sin,
    sqrt,
    square,
    tan,
    tanh,
    trunc,
)
from .extremes import amax, amin, argmax, argmin, argsort, max, median, min, sort, topk
from .filled import arange, empty, empty_like, eye, full, full_like, linspace, ones, ones_like, zeros, zeros_like
from .indexing import crop as crop
from .indexing import getitem as getitem
from .indexing import spread as spread
from .inplace import add_ as add_
from .inplace import become as become
from .inplace import changed as changed
from .inplace import copy_ as copy_
from .inplace import detach
from .inplace import div_ as div_
from .inplace import fill_ as fill_
from .inplace import mul_ as mul_
from .inplace import setitem_ as setitem_
from .inplace import sub_ as sub_
from .joining import cat, chunk, concat, hstack, split, stack, tensor_split, unbind, vstack
from .linalg import addmm, bmm, dot, matmul, mm, mv, outer
from .operands import astype, broadcast_to
from .operands import contiguous as contiguous
from .operands import is_contiguous as is_contiguous
from .operands import operand as operand
from .operands import sum_to as sum_to
from .operands import to as to
from .operands import type_name as type_name
from .operands import type_named as type_named
from .rearranging import diag, flip, meshgrid, repeat_interleave, roll, tile, tril, triu
from .rearranging import repeat as repeat
from .rectifier import masked as masked
from .rectifier import relu
from .reductions import cumsum, logsumexp, mean, norm, prod, std, std_mean, sum, var, var_mean
from .sampling import bernoulli, normal, rand, rand_like, randint, randn, randn_like, randperm
from .sampling import bernoulli_ as bernoulli_
from .sampling import normal_ as normal_
from .sampling import random_ as random_
from .sampling import uniform_ as uniform_
from .selection import (
    gather,
    index_select,
    masked_select,
    narrow,
    nonzero,
    scatter,
    scatter_add,
    select,
    take_along_dim,
)
from .selection import scatter_ as scatter_
from .shapes import flatten, movedim, permute, ravel, reshape, squeeze, t, transpose, unflatten, unsqueeze
from .shapes import pad as pad
from .shapes import unwritable as unwritable
from .sharing import cuda_array_interface as cuda_array_interface
from .sharing import dlpack_capsule as dlpack_capsule
from .sharing import from_dlpack
from .tensors import clone
from .tensors import deepcopy as deepcopy
from .tensors import picklable as picklable
from .tensors import rebuild as rebuild
from .tensors import to_string as to_string

__all__ = [
    "abs", "absolute", "add", "addcdiv", "addcmul", "addmm", "all", "allclose", "amax", "amin", "any", "arange", "arctan",
    "argmax", "argmin", "argsort", "as_tensor", "astype", "atan", "bernoulli", "bincount", "bitwise_and", "bitwise_left_shift",
    "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "bmm", "broadcast_to", "cat", "ceil", "chunk", "clamp",
    "clamp_max", "clamp_min", "clip", "clone", "concat", "cos", "count_nonzero", "cumsum", "detach", "diag", "div", "divide",
    "dot", "einsum", "empty", "empty_like", "eq", "equal", "exp", "exp2", "expm1", "eye", "flatten", "flip", "floor",
    "floor_divide", "from_dlpack", "from_numpy", "full", "full_like", "gather", "ge", "get_default_dtype", "greater",
    "greater_equal", "gt", "hstack", "index_select", "is_floating_point", "is_tensor", "isclose", "isfinite", "isinf", "isnan",
    "le", "lerp", "less", "less_equal", "linspace", "log", "log1p", "log2", "log10", "logical_and", "logical_not", "logical_or",
    "logical_xor", "logsumexp", "lt", "masked_fill", "masked_select", "matmul", "max", "maximum", "mean", "median", "meshgrid",
    "min", "minimum", "mm", "moveaxis", "movedim", "mul", "multiply", "mv", "narrow", "ne", "neg", "negative", "nonzero", "norm",
    "normal", "not_equal", "ones", "ones_like", "outer", "permute", "pow", "prod", "rand", "rand_like", "randint", "randn",
    "randn_like", "randperm", "ravel", "reciprocal", "relu", "remainder", "repeat_interleave", "reshape", "roll", "round",
    "rsqrt", "scatter", "scatter_add", "select", "set_default_dtype", "sigmoid", "sign", "sin", "sort", "split", "sqrt", "square",
    "squeeze", "stack", "std", "std_mean", "sub", "subtract", "sum", "swapaxes", "swapdims", "t", "take_along_dim", "tan", "tanh",
    "tensor", "tensor_split", "tile", "topk", "transpose", "tril", "triu", "true_divide", "trunc", "unbind", "unflatten",
    "unique", "unsqueeze", "var", "var_mean", "vstack", "where", "zeros", "zeros_like",
]
moveaxis, swapaxes, swapdims = movedim, transpose, transpose  # other names of theirs
# fmt: on

_explain(globals())  # Tensor's methods have the docstrings of these functions
__dir__ = only_public(globals())
