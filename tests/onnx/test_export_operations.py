"""Every operation that can be exported: ONNX Runtime gives what ninx gives, for batches that the export has not seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_runtime import Function, distance

import ninx
import ninx.functional as F
from ninx import ops
from ninx.onnx.exporting.file import OPERATORS

pytestmark = pytest.mark.host_only("a file is written on the host")

W = ninx.tensor(np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32))
MASK = np.array([True, False, True, True])

CASES: dict[str, Callable[[Any], Any]] = {
    # numbers
    "abs": lambda x: x.abs(),
    "add": lambda x: x + 1,
    "add alpha": lambda x: x.add(x.exp(), alpha=0.5),
    "add in place": lambda x: x.clone().add_(x, alpha=2).mul_(3).relu_(),
    "amax": lambda x: x.amax((1, 2)),
    "amin": lambda x: x.amin(1, keepdim=True),
    "argmax": lambda x: x.argmax(1),
    "argmax of all": lambda x: x.argmax(),
    "argmin": lambda x: x.argmin(-1, keepdim=True),
    "astype": lambda x: (x * 10).long().float() + x.double().float(),
    "atan": lambda x: x.atan(),
    "ceil": lambda x: x.ceil(),
    "clip": lambda x: x.clip(-0.5, 0.5) + x.clamp_min(0) + x.clamp(max=0.1),
    "clip by a tensor": lambda x: ops.clip(x, ninx.zeros(6), None),
    "cos": lambda x: x.cos(),
    "div": lambda x: 1 / (x * x + 1),
    "div of whole numbers": lambda x: x.argmax(1) / 3,
    "eq": lambda x: (x.round() == 0).float(),
    "exp": lambda x: x.exp(),
    "floor": lambda x: x.floor(),
    "ge": lambda x: (x >= 0).float(),
    "gt": lambda x: (x > 0.5).float(),
    "le": lambda x: (x <= 0).float(),
    "lt": lambda x: (x < x.mean(1, keepdim=True)).float(),
    "log": lambda x: (x.abs() + 1).log(),
    "logical_and": lambda x: ops.logical_and(x > 0, x < 1).float(),
    "logical_not": lambda x: ops.logical_not(x > 0).float(),
    "logical_or": lambda x: ops.logical_or(x < 0, x > 1).float(),
    "logical_xor": lambda x: ops.logical_xor(x < 0, x < 1).float(),
    "logsumexp": lambda x: x.logsumexp((1, 3)),
    "matmul": lambda x: x @ x.transpose(2, 3),
    "max": lambda x: tuple(x.max(1)),
    "max of all": lambda x: x.max(),
    "max of two": lambda x: ninx.max(x, -x),
    "maximum": lambda x: ninx.maximum(x, 0.5 * x + 0.1),
    "mean": lambda x: x.mean((2, 3), keepdim=True),
    "mean of all": lambda x: x.mean(),
    "mean by NumPy's names": lambda x: x.mean(axis=(2, 3), keepdims=True),
    "min": lambda x: tuple(x.min(3, keepdim=True)),
    "minimum": lambda x: ninx.minimum(x, 0.1),
    "mul": lambda x: x * x.sum(1, keepdim=True) * 2,
    "ne": lambda x: (x.round() != 0).float(),
    "neg": lambda x: -x,
    "norm": lambda x: (x.norm(dim=1), x.norm(1, dim=(2, 3))),
    "pow": lambda x: (x.abs() + 1) ** 1.5 + x**2,
    "reciprocal": lambda x: (x.abs() + 1).reciprocal(),
    "round": lambda x: (x * 3).round(),
    "rsqrt": lambda x: (x.abs() + 1).rsqrt(),
    "sigmoid": lambda x: x.sigmoid(),
    "sign": lambda x: x.sign(),
    "sin": lambda x: x.sin(),
    "sqrt": lambda x: (x.abs() + 1).sqrt(),
    "square": lambda x: x.square(),
    "std": lambda x: x.std(1),
    "sub": lambda x: 1 - x,
    "sum": lambda x: x.sum((1, -1)),
    "sum of truths": lambda x: (x > 0).sum(1),
    "tan": lambda x: (x * 0.3).tan(),
    "tanh": lambda x: x.tanh(),
    "var": lambda x: x.var((2, 3), unbiased=False) + x.var(dim=(2, 3), keepdim=False),
    "where": lambda x: ninx.where(x > 0, x, 0.1 * x),
    "masked_fill": lambda x: x.masked_fill(x < 0, -1.0),
    "lerp": lambda x: x.lerp(x * 2, 0.25),
    # shapes
    "broadcast_to": lambda x: x.mean((1, 2, 3), keepdim=True).expand(-1, 3, 5, 5),
    "broadcast_to the batch": lambda x: (x.mean() * W).expand(x.shape[0], 4, 6),
    "cat": lambda x: ninx.cat([x, x * 2, x[:, :1]], 1),
    "cat with zeros": lambda x: ninx.cat([x, ninx.zeros(x.shape[0], 2, 5, 6)], dim=1),
    "cat with ones_like": lambda x: ninx.cat([x, ninx.ones_like(x) * 2, x * ninx.zeros(1).type_as(x)], 1),
    "stack": lambda x: ninx.stack([x, -x], 2),
    "hstack": lambda x: ninx.hstack([x, x]),
    "flatten": lambda x: x.flatten(1),
    "flatten later": lambda x: x.flatten(2),
    "flatten all": lambda x: x.flatten(),
    "getitem": lambda x: x[:, 1:3, ..., ::2],
    "getitem of a number": lambda x: x[:, 2],
    "getitem of the last": lambda x: x[..., -1],
    "getitem backwards": lambda x: x[:, :, ::-1, 4:1:-1],
    "getitem of None": lambda x: x[:, None, 0, :, None],
    "getitem of a list": lambda x: x[:, [2, 0, 0]],
    "getitem of a mask": lambda x: x[:, ninx.tensor(MASK)],
    "getitem of the whole": lambda x: x[:],
    "getitem of an image": lambda x: x[0],
    "index_select": lambda x: x.index_select(1, ninx.tensor([3, 1])),
    "chunk": lambda x: tuple(x.chunk(2, 1)),
    "split": lambda x: x.split([1, 3], 1)[1],
    "unbind": lambda x: x.unbind(1)[2],
    "narrow": lambda x: x.narrow(2, 1, 3),
    "pad": lambda x: F.pad(x, (1, 2, 0, 1), value=0.5),
    "pad cuts": lambda x: F.pad(x, (-1, 2)),
    "pad reflect": lambda x: F.pad(x, (1, 2, 2, 1), mode="reflect"),
    "pad replicate": lambda x: F.pad(x, (1, 2, 2, 1), mode="replicate"),
    "pad circular": lambda x: F.pad(x, (1, 2, 2, 1), mode="circular"),
    "permute": lambda x: x.permute(0, 2, 3, 1),
    "permute from the end": lambda x: x.permute(0, -1, 1, -2),
    "transpose": lambda x: x.transpose(1, 3),
    "movedim": lambda x: x.movedim(1, -1),
    "T": lambda x: x.flatten(1).T,
    "reshape": lambda x: x.reshape(-1, 2, 2, 30),
    "reshape with the batch behind": lambda x: x.reshape(4, -1),
    "reshape by the size": lambda x: x.reshape(x.size(0) * 4, 30),
    "reshape into two": lambda x: x.reshape(2, x.shape[0], -1).reshape(x.shape[0], 2, 60),
    "view": lambda x: x.view(x.size(0), -1),
    "squeeze": lambda x: x.mean((2, 3), keepdim=True).squeeze(),
    "squeeze one": lambda x: x.mean((2, 3), keepdim=True).squeeze(-1),
    "squeeze nothing": lambda x: x.squeeze(1),
    "unsqueeze": lambda x: x.unsqueeze(1).unsqueeze(-1),
    "unflatten": lambda x: x.unflatten(1, (2, 2)),
    "repeat_interleave": lambda x: x.repeat_interleave(2, 3),
    "einsum": lambda x: ninx.einsum("nchw,cw->nh", x, W),
    # layers' functions
    "avg_pool2d": lambda x: F.avg_pool2d(x, 3, 2, 1),
    "avg_pool2d without the padding": lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
    "avg_pool2d beyond the edge": lambda x: F.avg_pool2d(x, 2, 2, ceil_mode=True),
    "avg_pool2d with both": lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True),
    "avg_pool2d with neither": lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
    "adaptive_avg_pool2d": lambda x: F.adaptive_avg_pool2d(x, (3, 4)),
    "adaptive_max_pool2d": lambda x: F.adaptive_max_pool2d(x, (3, 4)),
    "batch_norm": lambda x: F.batch_norm(x, W[:, 0].contiguous(), W[:, 1].square() + 1, None, W[:, 2].contiguous()),
    "conv2d": lambda x: F.conv2d(x, W[:, :, None, None].expand(4, 6, 1, 1)[:, :4] * 1.0, relu=True),
    "conv_transpose2d": lambda x: F.conv_transpose2d(x, ninx.ones(4, 2, 3, 2), None, (2, 1), 1, (1, 0)),
    "dropout": lambda x: F.dropout(x, 0.3, training=False) * 2,
    "dropout and then in place": lambda x: F.relu(F.dropout(x.clone(), 0.5, training=False), inplace=True),
    "dropout2d": lambda x: F.dropout2d(x, 0.3, training=False) * 2,
    "elu": lambda x: F.elu(x, 0.7),
    "global_avg_pool2d": lambda x: F.global_avg_pool2d(x),
    "hardtanh": lambda x: F.hardtanh(x, -0.3, 0.6),
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "linear": lambda x: F.linear(x, W, ninx.ones(4)),
    "linear of rows": lambda x: F.linear(x[:, 0, 0], W),
    "linear with one output": lambda x: F.linear(x, W[0]),
    "local_response_norm": lambda x: F.local_response_norm(x, 3, 0.5, 0.6, 2.0),
    "log_softmax": lambda x: F.log_softmax(x, 1),
    "max_pool2d": lambda x: F.max_pool2d(x, (3, 2), (2, 1), (1, 0)),
    "max_pool2d beyond the edge": lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True),
    "max_pool2d with gaps": lambda x: F.max_pool2d(x, 2, 1, 0, 2),
    "maxout": lambda x: F.maxout(x, 2),
    "prelu": lambda x: F.prelu(x, ninx.tensor([0.1, 0.2, 0.3, 0.4])),
    "prelu with one slope": lambda x: F.prelu(x, ninx.tensor([0.1])),
    "relu": lambda x: F.relu(x) + ops.relu(-x),
    "relu6": lambda x: F.relu6(x * 5),
    "silu": lambda x: F.silu(x),
    "softmax": lambda x: F.softmax(x, -1),
    "softplus": lambda x: F.softplus(x) + F.softplus(x, 3.0),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_onnx_runtime_computes_the_same(name: str, tmp_path: Path) -> None:
    batches = (4, 5) if name == "squeeze" else (1, 4)  # of one image it would squeeze the batch too
    assert distance(Function(CASES[name]), (4, 5, 6), tmp_path / "net.onnx", batches) < 1e-5


def test_every_operator_has_a_case() -> None:
    tried = {name.split(" ")[0] for name in CASES}
    assert set(OPERATORS) - tried == set()
