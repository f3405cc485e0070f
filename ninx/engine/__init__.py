"""The engine: tensors that remember how they were made, and the walk back through that memory.

An operation is a plain function from tensors to a tensor. It computes its value from arrays and tells `record`, for each
input, the vector-Jacobian product (vjp): the function that carries a cotangent g, the derivative of some loss by the
operation's value, back to that input. So the derivative of ``mul`` is the two lines

    (a, lambda g: g * b)        (b, lambda g: g * a)

A vjp takes and returns tensors and is written with differentiable operations itself; that is all it takes for derivatives
of any order. Read in this order: `tensor` (what a tensor holds), `graph` (what `record` remembers), `walk` (the way back);
then `kept` (which values a vjp needs unchanged), `modes` (no_grad, detect_anomaly) and `methods` (one line each).
"""

from .graph import Leaf, Node, record, source
from .modes import detect_anomaly, enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from .tensor import Tensor, Unwritable, Version
from .twins import kernel_or_formula
from .walk import backward, grad

__all__ = [
    "Leaf", "Node", "Tensor", "Unwritable", "Version", "backward", "detect_anomaly", "enable_grad", "grad", "inference_mode",
    "is_grad_enabled", "kernel_or_formula", "no_grad", "record", "set_grad_enabled", "source",
]  # fmt: skip
