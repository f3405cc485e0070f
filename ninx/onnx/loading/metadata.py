"""What a file that ninx wrote says of a layer beyond ONNX: its metadata have what ONNX has no setting for, and numbers in all
their digits. They are only believed where they agree with the node.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ... import nn

NUMBERS = ("alpha", "beta", "eps", "k", "max_val", "min_val", "momentum", "negative_slope", "p")  # settings of layers


def with_metadata(layer: nn.Module, metadata: dict[str, str]) -> nn.Module:
    """The layer with the settings that the metadata of its node say, as far as the node agrees.

    >>> from ninx.onnx.loading.metadata import with_metadata
    >>> with_metadata(nn.Dropout(0.33333334), {"ninx.class": "Dropout2d", "ninx.settings": '{"p": 0.3333333333333333}'})
    Dropout2d(p=0.3333333333333333)
    """
    settings = _settings(metadata.get("ninx.settings", ""))
    if type(layer) is nn.Dropout and metadata.get("ninx.class") == "Dropout2d":
        layer = nn.Dropout2d(layer.p)
    for name in NUMBERS:
        here, there = getattr(layer, name, None), settings.get(name)
        if isinstance(here, float) and isinstance(there, float) and np.isclose(here, there, 1e-6, 1e-7):
            setattr(layer, name, there)
    if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
        _normalising(layer, settings, metadata.get("ninx.num_batches_tracked", ""))
    return layer


def _settings(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _normalising(layer: Any, settings: dict[str, Any], batches: str) -> None:
    """A plain average over all batches has no momentum, and an absent weight is stored as ones, an absent bias as zeros."""
    if "momentum" in settings and settings["momentum"] is None and layer.momentum == 0:
        layer.momentum = None
    if settings.get("affine") is False and bool((layer.weight == 1).all()) and bool((layer.bias == 0).all()):
        layer.affine, layer.weight, layer.bias = False, None, None
    if batches.isdecimal() and len(batches) < 19:
        layer.num_batches_tracked.array[...] = int(batches)
