"""The functions of `ninx.functional`, most of them layers, as operators of ONNX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...kernels.geometry import pair
from .building import Builder, Given, Value

TRAINING = "/training_mode"  # the one array that says to every Dropout: not in training


def _pads(a: Given) -> list[int]:
    """The padding as ONNX has it: top, left, bottom, right."""
    if a["padding"] == "valid":
        return [0, 0, 0, 0]
    if a["padding"] == "same":  # PyTorch's rule: where it is odd, the end gets one more
        spread = zip(pair(a["dilation"], "conv2d", "dilation"), a["weight"].shape[2:], strict=True)
        total = [d * (k - 1) for d, k in spread]
        return [t // 2 for t in total] + [t - t // 2 for t in total]
    return [*pair(a["padding"], "conv2d", "padding")] * 2


def _images(b: Builder, x: Value) -> None:
    if len(x.shape) != 4:
        raise b.refuse(f"takes a batch (N, C, H, W) in ONNX, not {len(x.shape)} axes")


def _given(b: Builder, x: Value, *others: Any) -> list[str]:
    """The names of tensors that may be absent at the end, all of the dtype of x."""
    return [b.operand(t, x.dtype) for t in (x, *others) if t is not None]


def conv2d(b: Builder, a: Given) -> str:
    """Conv, and Relu if it is done in the same pass."""
    _images(b, a.x)
    y = b.node(
        "Conv",
        *_given(b, a.x, a["weight"], a["bias"]),
        kernel_shape=list(a["weight"].shape[2:]),
        strides=list(pair(a["stride"], "conv2d", "stride")),
        pads=_pads(a),
        dilations=list(pair(a["dilation"], "conv2d", "dilation")),
        group=a["groups"],
    )
    return b.node("Relu", y) if a["relu"] else y


def conv_transpose2d(b: Builder, a: Given) -> str:
    """ConvTranspose."""
    _images(b, a.x)
    sizes = {name: list(pair(a[name], "conv_transpose2d", name)) for name in ("stride", "padding", "output_padding", "dilation")}
    return b.node(
        "ConvTranspose",
        *_given(b, a.x, a["weight"], a["bias"]),
        kernel_shape=list(a["weight"].shape[2:]),
        strides=sizes["stride"],
        pads=sizes["padding"] * 2,
        output_padding=sizes["output_padding"],
        dilations=sizes["dilation"],
        group=a["groups"],
    )


def linear(b: Builder, a: Given) -> str:
    """Gemm for a batch of rows; else the product with the transposed weight, and a sum."""
    w = a["weight"]
    if len(a.x.shape) == 2 and len(w.shape) == 2:
        return b.node("Gemm", *_given(b, a.x, w, a["bias"]), transB=1)
    x, weight, *bias = _given(b, a.x, w, a["bias"])
    y = b.node("MatMul", x, b.node("Transpose", weight, perm=[1, 0]) if len(w.shape) == 2 else weight)
    return b.node("Add", y, *bias) if bias else y


def batch_norm(b: Builder, a: Given) -> str:
    """BatchNormalization with the running statistics."""
    if a["training"]:
        raise b.refuse(
            "has no running statistics, so an image's answer depends on its batch; make it with track_running_stats=True"
        )
    channels = a["running_mean"].shape
    filled = {"weight": np.ones, "bias": np.zeros}
    weight, bias = (
        b.array(filled[name](channels, a.x.dtype), name) if a[name] is None else b.operand(a[name], a.x.dtype) for name in filled
    )
    mean, var = (b.operand(a[name], a.x.dtype) for name in ("running_mean", "running_var"))
    y = b.node("BatchNormalization", a.x, weight, bias, mean, var, epsilon=float(a["eps"]), momentum=1.0 - float(a["momentum"]))
    return b.node("Relu", y) if a["relu"] else y


def local_response_norm(b: Builder, a: Given) -> str:
    """LRN, whose neighbours lie otherwise where their number is even."""
    if a["size"] % 2 == 0:
        raise b.refuse(f"over {a['size']} channels has other neighbours in ONNX; take an odd number")
    return b.node("LRN", a.x, size=a["size"], alpha=float(a["alpha"]), beta=float(a["beta"]), bias=float(a["k"]))


def _window(b: Builder, a: Given, *more: str) -> dict[str, Any]:
    """Kernel, stride, padding and what else a pooling says of its windows."""
    _images(b, a.x)
    kernel, padding = (list(pair(a[name], b.function, name)) for name in ("kernel_size", "padding"))
    stride = kernel if a["stride"] in (None, ()) else list(pair(a["stride"], b.function, "stride"))
    return {"kernel_shape": kernel, "strides": stride, "pads": padding * 2, "ceil_mode": int(a["ceil_mode"])}


def max_pool2d(b: Builder, a: Given) -> str:
    """MaxPool."""
    if a["return_indices"]:
        raise b.refuse("with return_indices=True has no operator in ONNX that counts alike")
    return b.node("MaxPool", a.x, **_window(b, a), dilations=list(pair(a["dilation"], b.function, "dilation")))


def avg_pool2d(b: Builder, a: Given) -> str:
    """AveragePool."""
    if a["divisor_override"] is not None:
        raise b.refuse("with a divisor_override has no operator in ONNX; multiply by a number instead")
    return b.node("AveragePool", a.x, **_window(b, a), count_include_pad=int(a["count_include_pad"]))


def global_avg_pool2d(b: Builder, a: Given) -> str:
    """GlobalAveragePool."""
    return b.node("GlobalAveragePool", a.x)


def dropout(b: Builder, a: Given) -> str:
    """Dropout, which is told that this is no training: a reader that trains can tell it otherwise."""
    if TRAINING not in b.arrays:
        b.arrays[TRAINING] = np.asarray(False)
    return b.node("Dropout", a.x, b.array(np.asarray(a["p"], np.float32), "ratio"), TRAINING)


def relu(b: Builder, a: Given) -> str:
    """Relu."""
    return b.node("Relu", a.x)


def leaky_relu(b: Builder, a: Given) -> str:
    """LeakyRelu."""
    return b.node("LeakyRelu", a.x, alpha=float(a["negative_slope"]))


def elu(b: Builder, a: Given) -> str:
    """Elu."""
    return b.node("Elu", a.x, alpha=float(a["alpha"]))


def silu(b: Builder, a: Given) -> str:
    """x * Sigmoid(x)."""
    return b.node("Mul", a.x, b.node("Sigmoid", a.x))


def hardtanh(b: Builder, a: Given) -> str:
    """Clip."""
    return b.node("Clip", a.x, b.operand(a["min_val"], a.x.dtype), b.operand(a["max_val"], a.x.dtype))


def prelu(b: Builder, a: Given) -> str:
    """PRelu, whose slopes have the axes that lie behind the channels too."""
    slope, behind = a["weight"], len(a.x.shape) - 2
    if slope.shape == (1,) or behind < 1:
        return b.node("PRelu", a.x, b.operand(slope, a.x.dtype))
    shape = (*slope.shape, *(1,) * behind)
    return b.node(
        "PRelu", a.x, b.shaped(slope, shape) if isinstance(slope, Value) else b.array(slope.array.reshape(shape), "slope")
    )


def softplus(b: Builder, a: Given) -> str:
    """Softplus of beta * x, divided by beta."""
    if a["beta"] == 1:
        return b.node("Softplus", a.x)
    beta = b.operand(a["beta"], a.x.dtype)
    return b.node("Div", b.node("Softplus", b.node("Mul", a.x, beta)), beta)


def _along(kind: str) -> Callable[[Builder, Given], str]:
    """Softmax or LogSoftmax."""

    def emit(b: Builder, a: Given) -> str:
        dim = (0 if len(a.x.shape) in (0, 1, 3) else 1) if a["dim"] is None else a["dim"]
        return b.node(kind, b.cast(a.x.name, a.x.dtype, a.made[0].dtype), axis=dim)

    return emit


def maxout(b: Builder, a: Given) -> str:
    """The channels in groups, as an axis of their own, and the largest of each."""
    groups = a.made[0].shape[1]
    assert isinstance(groups, int)
    sizes = [0, groups, a["pool_size"], *a.x.shape[2:]]
    return b.node("ReduceMax", b.node("Reshape", a.x, sizes), [2], keepdims=0)


LAYERS: dict[str, Callable[[Builder, Given], Any]] = {
    **{f.__name__: f for f in (conv2d, conv_transpose2d, linear, batch_norm, local_response_norm, max_pool2d, avg_pool2d)},
    **{f.__name__: f for f in (global_avg_pool2d, dropout, relu, leaky_relu, elu, silu, hardtanh, prelu, softplus, maxout)},
    "dropout2d": dropout,
    "softmax": _along("Softmax"),
    "log_softmax": _along("LogSoftmax"),
}
