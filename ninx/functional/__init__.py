"""Differentiable functions on tensors, with PyTorch's names and arguments (``import ninx.functional as F``)."""

from typing import TYPE_CHECKING

from ninx.kernels.listing import only_public

from ..hints import hinted
from ..ops import pad, relu, sigmoid, tanh
from .activation import leaky_relu, log_softmax, maxout, softmax
from .conv import conv2d, conv2d_input_grad, conv2d_weight_grad, conv_transpose2d
from .encoding import one_hot
from .fully_connected import linear
from .loss import cross_entropy, l1_loss, mse_loss, nll_loss
from .normalization import batch_norm, local_response_norm
from .pooling import adaptive_avg_pool2d, avg_pool2d, global_avg_pool2d, max_pool2d
from .regularisation import dropout, dropout2d

__all__ = [
    "adaptive_avg_pool2d",
    "avg_pool2d",
    "batch_norm",
    "conv2d",
    "conv2d_input_grad",
    "conv2d_weight_grad",
    "conv_transpose2d",
    "cross_entropy",
    "dropout",
    "dropout2d",
    "global_avg_pool2d",
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
    "relu",
    "sigmoid",
    "softmax",
    "tanh",
]

__dir__ = only_public(globals())
if not TYPE_CHECKING:  # a type checker would take it for a promise that every name is there
    __getattr__ = hinted(__name__)
