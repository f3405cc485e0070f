"""Weights in files: safetensors, read and written, and PyTorch's own files, read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .array import Array, to_numpy
from .engine import Tensor
from .files import write_atomically
from .nn import Module
from .torch_file import read_torch_file

_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
}


def load_weights(path: str | Path) -> dict[str, Tensor]:
    """The weights in a safetensors file, or in a .pth file of ``torch.save(model.state_dict(), ...)``, by their names.

    ``model.load_state_dict(ninx.load_weights(path))`` puts them into a network. Nothing in the file is executed; bfloat16
    becomes float32. Raises ValueError, naming the file, for one that is missing, damaged or something else.

    >>> ninx.save_weights({"weight": ninx.ones(2)}, "weights.safetensors")
    >>> ninx.load_weights("weights.safetensors")
    {'weight': tensor([1., 1.])}
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except FileNotFoundError:
        raise ValueError(f"weights: there is no file {path}") from None
    except OSError as error:
        raise ValueError(f"weights {path}: cannot be read ({error.strerror})") from None
    if head[:1] == b"\x80":  # a pickle: no safetensors file has so long a header
        raise ValueError(f"weights {path}: is of PyTorch before 1.6, or a bare pickle; save it again with a newer torch.save")
    arrays = read_torch_file(path) if head[:2] == b"PK" else _read_safetensors(path)
    return {name: Tensor(array) for name, array in arrays.items()}


def _read_safetensors(path: Path) -> dict[str, Any]:
    import safetensors  # not needed by `import ninx`

    deserialize: Any = safetensors.deserialize  # unlike safe_open it also gives what NumPy has no type for
    try:
        with safetensors.safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
        parts = deserialize(path.read_bytes())
    except (OSError, safetensors.SafetensorError) as error:
        raise ValueError(f"weights {path}: is damaged, or neither safetensors nor of torch.save ({error})") from None
    arrays = {name: _array(part, f"weights {path}: {name}") for name, part in sorted(parts)}
    if metadata.get("format", "").startswith("ninx checkpoint"):  # its optimiser's state is no weight
        return {name.removeprefix("model/"): a for name, a in arrays.items() if name.startswith("model/")}
    return arrays


def _array(part: Mapping[str, Any], where: str) -> Any:
    kind, content = part["dtype"], bytearray(part["data"])
    if kind == "BF16":  # the upper half of a float32, which NumPy has
        values = (np.frombuffer(content, "<u2").astype(np.uint32) << 16).view(np.float32)
    elif kind == "BOOL":
        values = np.frombuffer(content, np.uint8) != 0
    elif kind in _TYPES:
        values = np.frombuffer(content, _TYPES[kind])
    else:
        raise ValueError(f"{where} is of the type {kind}, which ninx does not have")
    return values.reshape(part["shape"])


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
