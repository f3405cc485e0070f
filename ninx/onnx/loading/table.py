"""Which function makes a module of which operator."""

from __future__ import annotations

from collections.abc import Callable

from ... import nn, ops
from . import activations, arithmetic, choosing, convolution, normalization, pooling, products, reductions, shapes, tensors
from .arithmetic import of_one, of_two
from .choosing import of_several
from .given import Given
from .reductions import reduction

OPERATORS: dict[str, Callable[[Given], nn.Module]] = {
    # layers
    "Conv": convolution.make_conv,
    "ConvTranspose": convolution.make_transposed,
    "Gemm": products.make_gemm,
    "MatMul": products.make_matmul,
    "BatchNormalization": normalization.make_batch_norm,
    "LRN": normalization.make_lrn,
    "Dropout": normalization.make_dropout,
    "MaxPool": pooling.make_max,
    "AveragePool": pooling.make_average,
    "GlobalAveragePool": pooling.make_global_average,
    "GlobalMaxPool": pooling.make_global_max,
    "Flatten": shapes.make_flatten,
    # activations
    "Relu": activations.make_relu,
    "LeakyRelu": activations.make_leaky_relu,
    "PRelu": activations.make_prelu,
    "Elu": activations.make_elu,
    "Softplus": activations.make_softplus,
    "Sigmoid": activations.make_sigmoid,
    "HardSigmoid": activations.make_hard_sigmoid,
    "HardSwish": activations.make_hard_swish,
    "Tanh": activations.make_tanh,
    "Clip": activations.make_clip,
    "Softmax": activations.make_softmax,
    "LogSoftmax": activations.make_log_softmax,
    # arithmetic
    "Add": of_two(ops.add),
    "Sub": of_two(ops.sub),
    "Mul": of_two(ops.mul),
    "Div": of_two(arithmetic.divided),
    "Pow": of_two(arithmetic.power),
    "Sqrt": of_one(ops.sqrt),
    "Exp": of_one(ops.exp),
    "Log": of_one(ops.log),
    "Neg": of_one(ops.neg),
    "Abs": of_one(ops.abs),
    "Reciprocal": of_one(ops.reciprocal),
    "Floor": of_one(ops.floor),
    "Ceil": of_one(ops.ceil),
    "Sum": of_several(ops.add),
    "Max": of_several(ops.maximum),
    "Min": of_several(ops.minimum),
    # comparison
    "Equal": of_two(ops.eq),
    "Less": of_two(ops.lt),
    "LessOrEqual": of_two(ops.le),
    "Greater": of_two(ops.gt),
    "GreaterOrEqual": of_two(ops.ge),
    "And": of_two(ops.logical_and),
    "Or": of_two(ops.logical_or),
    "Not": of_one(ops.logical_not),
    "Where": choosing.make_where,
    # reductions
    "ReduceSum": reduction(reductions.total, since=13),
    "ReduceMean": reduction(reductions.average, since=18),
    "ReduceMax": reduction(reductions.largest, since=18),
    "ReduceMin": reduction(reductions.smallest, since=18),
    "ArgMax": reductions.make_argmax,
    # shapes
    "Reshape": shapes.make_reshape,
    "Transpose": shapes.make_transpose,
    "Squeeze": shapes.make_squeeze,
    "Unsqueeze": shapes.make_unsqueeze,
    "Concat": shapes.make_concat,
    "Slice": shapes.make_slice,
    "Gather": shapes.make_gather,
    "Pad": shapes.make_pad,
    "Split": choosing.make_split,
    "Expand": choosing.make_expand,
    # tensors
    "Constant": tensors.make_constant,
    "Identity": tensors.make_identity,
    "Cast": tensors.make_cast,
    "CastLike": choosing.make_cast_like,
    "Shape": tensors.make_shape,
    "ConstantOfShape": choosing.make_constant_of_shape,
}

# Of these the output has as many dimensions as the first input.
SAME_RANK = {
    *("Conv", "ConvTranspose", "BatchNormalization", "LRN", "Dropout", "MaxPool", "AveragePool", "GlobalAveragePool"),
    *("GlobalMaxPool", "Relu", "LeakyRelu", "PRelu", "Elu", "Softplus", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Clip"),
    *("Softmax", "LogSoftmax", "Sqrt", "Exp", "Log", "Neg", "Abs", "Reciprocal", "Cast", "Identity", "Concat", "Slice", "Pad"),
    "Transpose",
}
