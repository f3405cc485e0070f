"""What a page of `ninx explain` computes, and what the engine says of the same pictures."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from browser import HERE, need_node
from rooms import ROOT

from ninx import nn, no_grad
from ninx.engine import Tensor
from ninx.study.explaining import COMPUTING
from ninx.study.explaining.network import channels_last, leaves

# All layers of one picture as text: what the page's softmax makes of them is no layer of the network
PACK = """(outputs) => outputs.slice(1, -1).map((y) => {
  const bytes = new Uint8Array(y.data.buffer, y.data.byteOffset, 4 * y.data.length);
  let text = "";
  for (let n = 0; n < bytes.length; n += 8192) text += String.fromCharCode(...bytes.subarray(n, n + 8192));
  return btoa(text);
})"""


def in_node(expression: str, given: Any) -> Any:
    """What the page's scripts make of ``given`` without a browser."""
    scripts = [str(ROOT / "ninx" / "study" / "explaining" / name) for name in COMPUTING]
    wanted = json.dumps({"scripts": scripts, "expression": expression, "given": given})
    done = subprocess.run([need_node(), str(HERE / "compute.mjs")], input=wanted, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def data_of(page: Path) -> dict[str, Any]:
    """What is embedded in a page."""
    found = re.search(r'id="page-data">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    held: dict[str, Any] = json.loads(found.group(1))
    return held


def array_of(text: str) -> np.ndarray[Any, Any]:
    """Numbers that `PACK` has made a text of."""
    return np.frombuffer(base64.b64decode(text), "<f4")


def layers_of(model: nn.Module, prepared: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """What the engine's layers make of one prepared picture (C, H, W), one by one, channels last and in one line."""
    x, found = Tensor(prepared[None]), []
    with no_grad():
        for _, module in leaves(model):
            x = module(x)
            found.append(channels_last(x).ravel())
    return found


def distances(texts: list[str], layers: list[np.ndarray[Any, Any]]) -> list[float]:
    """At every layer the largest difference, as a share of the engine's largest value."""
    assert len(texts) == len(layers)
    pairs = [(array_of(text), layer) for text, layer in zip(texts, layers, strict=True)]
    assert all(page.shape == layer.shape for page, layer in pairs)
    return [float(np.abs(page - layer).max() / max(np.abs(layer).max(), 1e-30)) for page, layer in pairs]
