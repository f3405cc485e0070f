"""Differentiable operations on tensors: arithmetic, reductions, shapes, the matrix product; and the making of tensors."""

from .arithmetic import abs as abs
from .arithmetic import (
    add, astype, broadcast_to, clip, cos, div, eq, exp, ge, gt, isfinite, isnan, le, log, logical_and, logical_not, logical_or, lt,
    maximum, minimum, mul, ne, neg, relu, sigmoid, sign, sin, sqrt, sub, sum_to, tanh, to, where,
)
from .arithmetic import pow as pow
from .creation import (
    arange, eye, from_numpy, full, ones, ones_like, rand, randint, randn, randperm, tensor, zeros, zeros_like,
)
from .inplace import add_, changed, copy_, detach, div_, fill_, mul_, setitem_, sub_
from .linalg import matmul
from .reductions import all as all
from .reductions import amax, amin, argmax, argmin, logsumexp, mean, std, var
from .reductions import any as any
from .reductions import max as max
from .reductions import min as min
from .reductions import sum as sum
from .shapes import cat, concat, flatten, getitem, pad, permute, reshape, scatter, sequence, squeeze, stack, transpose, unsqueeze
from .tensors import backward, clone, deepcopy, picklable, rebuild, register_hook, requires_grad_, retain_grad, to_string
