"""Weights in files: safetensors and PyTorch's own, read and written, and Caffe's, read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .array import Array, to_numpy
from .caffe_file import read_caffe_file
from .engine import Tensor
from .files import open_regular, write_atomically
from .nn import Module
from .old_torch_file import BEGINNING, read_old_torch_file
from .safetensors_file import SafetensorsFile
from .structure import rebuild
from .torch_file import Found, read_torch_file
from .torch_writing import torch_file_of
from .weight_names import put_into

SAVED = "ninx save 1"  # the format of `ninx.save`
TORCH_SUFFIXES = (".pth", ".pt", ".bin")  # how the names of PyTorch's files end


def load_weights(path: str | Path, model: Module | None = None) -> dict[str, Tensor]:
    """The weights in a file, by their names; with ``model`` they are also put into it, and have its names.

    What a file is, it says itself: safetensors; a .pth file of ``torch.save(model.state_dict(), ...)``, also of old; and by its
    name a .caffemodel. The model may be one of `ninx.models` under other names of its layers: those of torchvision's AlexNet and
    VGG, of Caffe's AlexNet and two Networks in Network, and of pytorchcv's (docs/INTEROP.md has the list).
    Nothing in the file is executed; bfloat16 becomes float32.

    Raises ValueError, naming the file, for one that is missing, damaged or something else, and RuntimeError if the weights are
    not those of the model.

    >>> ninx.save_weights({"weight": ninx.ones(1, 2)}, "weights.safetensors")
    >>> ninx.load_weights("weights.safetensors")
    {'weight': tensor([[1., 1.]])}
    >>> model = nn.Linear(2, 1, bias=False)
    >>> found = ninx.load_weights("weights.safetensors", model)
    >>> model.weight.tolist()
    [[1.0, 1.0]]
    """
    if isinstance(path, Module):
        raise TypeError("load_weights: the file comes first, then the model: load_weights(path, model)")
    path = Path(path)
    where = f"weights {path}"
    with open_regular(path, "weights ") as (file, _):
        if path.suffix == ".caffemodel":
            found: Any = {name: Found(values) for name, values in read_caffe_file(file, where).items()}
        else:
            found = read_file(file, where)
    if not isinstance(found, dict) or not found:
        raise ValueError(f"{where}: holds no state_dict; save the weights alone: torch.save(model.state_dict(), ...)")
    if odd := [k for k, v in found.items() if not (isinstance(k, str) and isinstance(v, Found))]:
        raise ValueError(
            f"{where}: {str(odd[0])[:100]!r} is no tensor; save the weights alone: torch.save(model.state_dict(), ...), "
            "or read all of it with ninx.load"
        )
    weights = {name: Tensor(tensor.values) for name, tensor in found.items()}
    return weights if model is None else put_into(model, weights)


def read_file(file: BinaryIO, where: str) -> Any:
    """What a file of ours, of safetensors or of PyTorch holds, with a `Found` for each tensor; of a checkpoint its weights.

    Nothing in it is executed. Raises ValueError, which begins with ``where``, for anything else.
    """
    head = file.read(40)
    file.seek(0)
    if head[8:9] == b"{":  # first the length of its header, which may be any, then the header: JSON
        return _read_safetensors(file, where)
    if head[:1] == b"\x80":  # how a pickle begins
        if BEGINNING not in head:
            raise ValueError(f"{where}: is a bare pickle, not of torch.save; save the weights with that")
        return read_old_torch_file(file, where)
    return read_torch_file(file, where) if head[:2] == b"PK" else _read_safetensors(file, where)


def _read_safetensors(file: BinaryIO, where: str) -> Any:
    try:
        opened = SafetensorsFile(file)
        metadata, arrays = opened.metadata, opened.arrays()
    except ValueError as error:
        raise ValueError(f"{where}: is damaged, or neither safetensors nor of torch.save ({error})") from None
    if metadata.get("format") == SAVED:
        try:
            return rebuild(json.loads(metadata.get("structure", "")), arrays, Found)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{where}: its description is damaged ({str(error)[:200]})") from None
    if metadata.get("format", "").startswith("ninx checkpoint"):  # its optimiser's state is no weight
        arrays = {name.removeprefix("model/"): a for name, a in arrays.items() if name.startswith("model/")}
    return {name: Found(array) for name, array in arrays.items()}


def save_weights(weights: Module | Mapping[str, Tensor | Array], path: str | Path) -> None:
    """Write a network's weights, or a dictionary of tensors or arrays, whole or not at all; the same weights give the same bytes.

    A path that ends with .pth, .pt or .bin becomes what ``torch.load(path, weights_only=True)`` reads; any other a safetensors
    file. Names are those of ``state_dict``. Raises ValueError for a name that cannot be one and for a path that ends with .zip,
    TypeError for a dtype that the format does not have.

    >>> model = nn.Linear(3, 2)
    >>> ninx.save_weights(model, "weights.safetensors")
    >>> ninx.load_weights("weights.safetensors")["weight"].shape
    (2, 3)
    >>> ninx.save_weights(model, "weights.pth")
    """
    path = Path(path)
    if path.suffix in (".zip", ".caffemodel"):
        raise ValueError(f"save_weights: call the file {path.stem}.safetensors, or {path.stem}.pth for PyTorch")
    state = weights.state_dict() if isinstance(weights, Module) else weights
    arrays = {}
    for name, value in state.items():
        if not isinstance(name, str) or name == "__metadata__":
            raise ValueError(f"save_weights: {name!r} cannot be the name of a tensor")
        # C-contiguous: both formats hold the memory as it lies. (ascontiguousarray would turn 0-d into 1-d.)
        arrays[name] = np.asarray(to_numpy(value.array if isinstance(value, Tensor) else value), order="C")
    if path.suffix in TORCH_SUFFIXES:
        write_atomically(path, torch_file_of(arrays))
        return
    from safetensors.numpy import save

    write_atomically(path, save(arrays))
