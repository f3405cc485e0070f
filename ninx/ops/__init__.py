"""Differentiable operations on tensors: arithmetic, reductions, shapes, the matrix product; and the making of tensors.

What ``__all__`` names is also `ninx.NAME`; the rest (imported ``as`` itself) serves Tensor's methods and the floors above.
"""

# fmt: off
from ninx.kernels.listing import only_public

from ..methods import explain as _explain
from .arithmetic import (
    abs,
    add,
    astype,
    broadcast_to,
    clip,
    cos,
    div,
    eq,
    exp,
    ge,
    gt,
    isfinite,
    isnan,
    le,
    log,
    logical_and,
    logical_not,
    logical_or,
    lt,
    maximum,
    minimum,
    mul,
    ne,
    neg,
    pow,
    sigmoid,
    sign,
    sin,
    sqrt,
    sub,
    tanh,
    where,
)
from .arithmetic import sum_to as sum_to
from .arithmetic import to as to
from .contraction import einsum
from .counting import all, any, bincount, count_nonzero, unique
from .creation import arange, eye, from_numpy, full, ones, ones_like, rand, randint, randn, randperm, tensor, zeros, zeros_like
from .extremes import amax, amin, argmax, argmin, argsort, max, median, min, sort, topk
from .indexing import crop as crop
from .indexing import getitem as getitem
from .indexing import spread as spread
from .inplace import add_ as add_
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
from .rearranging import diag, flip, meshgrid, repeat_interleave, roll, tile, tril, triu
from .rearranging import repeat as repeat
from .rectifier import gate as gate
from .rectifier import relu
from .reductions import cumsum, logsumexp, mean, norm, prod, std, std_mean, sum, var, var_mean
from .selection import (
    gather,
    index_select,
    masked_fill,
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
from .shapes import sequence as sequence
from .shapes import unwritable as unwritable
from .tensors import backward as backward
from .tensors import clone
from .tensors import deepcopy as deepcopy
from .tensors import picklable as picklable
from .tensors import rebuild as rebuild
from .tensors import register_hook as register_hook
from .tensors import requires_grad_ as requires_grad_
from .tensors import retain_grad as retain_grad
from .tensors import to_string as to_string

__all__ = [
    "abs", "add", "all", "amax", "amin", "any", "arange", "argmax", "argmin", "astype", "broadcast_to", "cat", "clip", "clone",
    "concat", "cos", "detach", "div", "eq", "exp", "eye", "flatten", "from_numpy", "full", "ge", "gt", "isfinite", "isnan", "le",
    "log", "logical_and", "logical_not", "logical_or", "logsumexp", "lt", "matmul", "max", "maximum", "mean", "min", "minimum",
    "mul", "ne", "neg", "ones", "ones_like", "permute", "pow", "rand", "randint", "randn", "randperm", "relu", "reshape",
    "sigmoid", "sign", "sin", "sqrt", "squeeze", "stack", "std", "sub", "sum", "tanh", "tensor", "transpose", "unsqueeze", "var",
    "where", "zeros", "zeros_like",
]
__all__ += [  # of shapes, indices and orders
    "addmm",
    "argsort",
    "bincount",
    "bmm",
    "chunk",
    "count_nonzero",
    "cumsum",
    "diag",
    "dot",
    "einsum",
    "flip",
    "gather",
    "hstack",
    "index_select",
    "masked_fill",
    "masked_select",
    "median",
    "meshgrid",
    "mm",
    "moveaxis",
    "movedim",
    "mv",
    "narrow",
    "nonzero",
    "norm",
    "outer",
    "prod",
    "ravel",
    "repeat_interleave",
    "roll",
    "scatter",
    "scatter_add",
    "select",
    "sort",
    "split",
    "std_mean",
    "swapaxes",
    "swapdims",
    "t",
    "take_along_dim",
    "tensor_split",
    "tile",
    "topk",
    "tril",
    "triu",
    "unbind",
    "unflatten",
    "unique",
    "var_mean",
    "vstack",
]
moveaxis, swapaxes, swapdims = movedim, transpose, transpose  # other names of theirs
# fmt: on

_explain(globals())  # Tensor's methods have the docstrings of these functions
__dir__ = only_public(globals())
