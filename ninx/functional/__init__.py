"""Differentiable functions on tensors, with PyTorch's names and arguments (``import ninx.functional as F``)."""

from typing import TYPE_CHECKING

from ninx.kernels.listing import only_public

from ..hints import hinted
from ..ops import pad, sigmoid, tanh
from .activation import (
    elu,
    hardtanh,
    leaky_relu,
    log_softmax,
    maxout,
    prelu,
    relu,
    relu6,
    silu,
    softmax,
    softplus,
)
from .columns import fold, unfold
from .conv import conv2d, conv2d_input_grad, conv2d_weight_grad, conv_transpose2d
from .encoding import one_hot
from .fully_connected import linear
from .loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from .normalization import batch_norm, local_response_norm
from .pooling import adaptive_avg_pool2d, adaptive_max_pool2d, avg_pool2d, global_avg_pool2d, max_pool2d
from .regularisation import dropout, dropout2d

__all__ = [
    "adaptive_avg_pool2d",
    "adaptive_max_pool2d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "conv2d",
    "conv2d_input_grad",
    "conv2d_weight_grad",
    "conv_transpose2d",
    "cross_entropy",
    "dropout",
    "dropout2d",
    "elu",
    "fold",
    "global_avg_pool2d",
    "hardtanh",
    "l1_loss",
    "leaky_relu",
    "linear",
    "local_response_norm",
    "log_softmax",
    "max_pool2d",
    "maxout",
    "mse_loss",
    "nll_loss",
    "one_hot",
    "pad",
    "prelu",
    "relu",
    "relu6",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "tanh",
    "unfold",
]

__dir__ = only_public(globals())
if not TYPE_CHECKING:  # a type checker would take it for a promise that every name is there
    __getattr__ = hinted(__name__)
