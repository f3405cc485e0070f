"""The same network in PyTorch, with the same weights: what the benchmarks compare with, and verify by."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import nn
from .measure import torch_or_none


def twin(module: nn.Module, channels_last: bool = False) -> Any:
    """A PyTorch module that computes what ``module`` does."""
    torch = torch_or_none()
    if torch is None:
        raise ImportError("benchmarks: comparing with PyTorch needs PyTorch; pip install torch")
    made = _layer(module, torch.nn)
    made.load_state_dict({k: torch.from_numpy(np.ascontiguousarray(v.numpy())) for k, v in module.state_dict().items()})
    made.train(module.training)
    return made.to(memory_format=torch.channels_last) if channels_last else made


def _layer(m: nn.Module, t: Any) -> Any:
    if isinstance(m, nn.Sequential):
        made = t.Sequential()
        for name, child in m.named_children():
            made.add_module(name, _layer(child, t))
        return made
    match m:
        case nn.Conv2d():
            return t.Conv2d(
                m.in_channels, m.out_channels, m.kernel_size, m.stride, m.padding, m.dilation, m.groups, m.bias is not None
            )
        case nn.Linear():
            return t.Linear(m.in_features, m.out_features, m.bias is not None)
        case nn.MaxPool2d():
            return t.MaxPool2d(m.kernel_size, m.stride, m.padding, m.dilation, ceil_mode=m.ceil_mode)
        case nn.AvgPool2d():
            settings = m.kernel_size, m.stride, m.padding, m.ceil_mode, m.count_include_pad, m.divisor_override
            return t.AvgPool2d(*settings)
        case nn.BatchNorm2d():
            return t.BatchNorm2d(m.num_features, m.eps, m.momentum, m.weight is not None, m.running_mean is not None)
        case nn.Dropout():
            return t.Dropout(m.p)
        case nn.ReLU():
            return t.ReLU(inplace=True)
        case nn.GlobalAvgPool2d():
            return t.AdaptiveAvgPool2d(1)
        case nn.Flatten():
            return t.Flatten(m.start_dim, m.end_dim)
        case nn.LocalResponseNorm():
            return t.LocalResponseNorm(m.size, m.alpha, m.beta, m.k)
    raise ValueError(f"benchmarks: {type(m).__name__} has no twin in PyTorch yet")
