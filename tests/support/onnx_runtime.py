"""What ONNX Runtime makes of an exported network, beside ninx itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

import ninx
from ninx import nn


class Function(nn.Module):
    """A function of tensors as a network."""

    def __init__(self, function: Any):
        self.function = function

    def forward(self, *x: Any) -> Any:
        return self.function(*x)


def images(n: int, shape: tuple[int, ...], seed: int = 1) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).standard_normal((n, *shape)).astype(np.float32)


def ours(net: nn.Module, x: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """The answers of a network in eval mode."""
    with ninx.no_grad():
        y = net.eval()(ninx.tensor(x))
    parts = list(y.values()) if isinstance(y, dict) else list(y) if isinstance(y, tuple) else [y]
    return [part.numpy() for part in parts]


def session(path: Path) -> Any:
    """ONNX Runtime on a file, which says nothing and changes nothing of the arithmetic."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def distance(net: nn.Module, shape: tuple[int, ...], path: Path, batches: tuple[int, ...] = (1, 4), **more: Any) -> float:
    """max |difference| / max |answer| over all outputs, and batches of sizes that export has not seen; the file stays at path."""
    ninx.onnx.export(net, shape, path, **more)
    runtime, worst = session(path), 0.0
    for n in batches:
        x = images(n, shape)
        for mine, theirs in zip(ours(net, x), runtime.run(None, {"input": x}), strict=True):
            assert mine.shape == theirs.shape
            assert mine.dtype == theirs.dtype
            gap = np.abs(mine.astype(np.float64) - theirs.astype(np.float64)).max(initial=0)
            worst = max(worst, float(gap / np.abs(mine.astype(np.float64)).max(initial=1e-30)))
    return worst


def kinds(path: Path) -> list[str]:
    """The operators of a file, in order."""
    return [node.op_type for node in onnx.load(path).graph.node]
