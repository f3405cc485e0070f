"""Weights in files: safetensors, read and written, and PyTorch's own files, read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .array import Array, to_numpy
from .engine import Tensor
from .files import open_regular, write_atomically
from .nn import Module
from .safetensors_file import SafetensorsFile
from .structure import rebuild
from .torch_file import Found, read_torch_file

SAVED = "ninx save 1"  # the format of `ninx.save`


def load_weights(path: str | Path) -> dict[str, Tensor]:
    """The weights in a safetensors file, or in a .pth file of ``torch.save(model.state_dict(), ...)``, by their names.

    ``model.load_state_dict(ninx.load_weights(path))`` puts them into a network. Nothing in the file is executed; bfloat16
    becomes float32. Raises ValueError, naming the file, for one that is missing, damaged or something else.

    >>> ninx.save_weights({"weight": ninx.ones(2)}, "weights.safetensors")
    >>> ninx.load_weights("weights.safetensors")
    {'weight': tensor([1., 1.])}
    """
    path = Path(path)
    where = f"weights {path}"
    with open_regular(path, "weights ") as (file, _):
        found = read_file(file, where)
    if not isinstance(found, dict) or not found:
        raise ValueError(f"{where}: holds no state_dict; save the weights alone: torch.save(model.state_dict(), ...)")
    if odd := [k for k, v in found.items() if not (isinstance(k, str) and isinstance(v, Found))]:
        raise ValueError(
            f"{where}: {str(odd[0])[:100]!r} is no tensor; save the weights alone: torch.save(model.state_dict(), ...), "
            "or read all of it with ninx.load"
        )
    return {name: Tensor(tensor.values) for name, tensor in found.items()}


def read_file(file: BinaryIO, where: str) -> Any:
    """What a file of ours, of safetensors or of PyTorch holds, with a `Found` for each tensor; of a checkpoint its weights.

    Nothing in it is executed. Raises ValueError, which begins with ``where``, for anything else.
    """
    head = file.read(9)
    file.seek(0)
    if head[8:] == b"{":  # first the length of its header, which may be any, then the header: JSON
        return _read_safetensors(file, where)
    if head[:1] == b"\x80":  # how a pickle begins
        raise ValueError(f"{where}: is of PyTorch before 1.6, or a bare pickle; save it again with a newer torch.save")
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
    """Write a network's weights, or a dictionary of tensors or arrays, as a safetensors file, whole or not at all.

    Names are those of ``state_dict``. Raises ValueError for a path that ends as PyTorch's own files do.

    >>> model = nn.Linear(3, 2)
    >>> ninx.save_weights(model, "weights.safetensors")
    >>> ninx.load_weights("weights.safetensors")["weight"].shape
    (2, 3)
    """
    from safetensors.numpy import save

    path = Path(path)
    if path.suffix in (".pth", ".pt", ".zip", ".bin"):
        raise ValueError(f"save_weights: writes safetensors, which PyTorch reads too; call the file {path.stem}.safetensors")
    state = weights.state_dict() if isinstance(weights, Module) else weights
    arrays = {}
    for name, value in state.items():
        if not isinstance(name, str) or name == "__metadata__":
            raise ValueError(f"save_weights: {name!r} cannot be the name of a tensor")
        # C-contiguous: safetensors writes the memory as it lies. (ascontiguousarray would turn 0-d into 1-d.)
        arrays[name] = np.asarray(to_numpy(value.array if isinstance(value, Tensor) else value), order="C")
    write_atomically(path, save(arrays))
