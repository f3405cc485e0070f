"""PyTorch's files of weights (.pth, .pt), read without PyTorch and without running anything in them.

torch.save writes an uncompressed zip archive: ``data.pkl`` is a pickle of the state_dict in which every tensor is a call of
_rebuild_tensor_v2(storage, offset, size, stride, ...), and ``data/KEY`` holds the bytes of storage KEY. Tensors may share one.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from .pickles import Known, ordered_dict, read_pickle

Values = np.ndarray[Any, Any]

_BFLOAT16 = "bfloat16"  # NumPy has no such type; the values are read as float32, which holds each of them exactly
_TYPES = {
    "Double": "f8",
    "Float": "f4",
    "Half": "f2",
    "BFloat16": _BFLOAT16,
    "Long": "i8",
    "Int": "i4",
    "Short": "i2",
    "Char": "i1",
    "Byte": "u1",
    "Bool": "?",
}
MAX_NDIM = 32


class _File:
    """An open archive and the storages that have been read from it."""

    def __init__(self, archive: zipfile.ZipFile, size: int):
        infos = archive.infolist()
        if sum(info.file_size for info in infos) > size or any(info.compress_type != zipfile.ZIP_STORED for info in infos):
            raise ValueError("its parts are compressed or overlap, which PyTorch's never do")
        heads = [info.filename for info in infos if info.filename.endswith("/data.pkl") and info.filename.count("/") == 1]
        if len(heads) != 1:
            raise ValueError("it is a zip archive without a data.pkl, so none of PyTorch's")
        self.archive, self.root = archive, heads[0].removesuffix("data.pkl")
        self.names = {info.filename for info in infos}
        self.storages: dict[str, tuple[str, Values]] = {}  # the name of the type, and the values
        order = self.read("byteorder") if self.root + "byteorder" in self.names else b"little"
        if order not in (b"little", b"big"):
            raise ValueError(f"its order of bytes is {order[:10]!r}")
        self.order = "<" if order == b"little" else ">"

    def read(self, name: str) -> bytes:
        if self.root + name not in self.names:
            raise ValueError(f"the part {name[:50]} is missing")
        return self.archive.read(self.root + name)

    def storage(self, identity: Any) -> Values:
        """The values of ('storage', type, key, device, count); the device does not matter."""
        if not isinstance(identity, tuple) or len(identity) != 5 or identity[0] != "storage":
            raise ValueError("a storage without its five properties")
        _, kind, key, _, count = identity
        if not isinstance(kind, Known) or not isinstance(key, str) or type(count) is not int:
            raise ValueError("a storage whose properties are of the wrong kind")
        if kind.value not in _TYPES.values():
            raise ValueError(f"a storage of the kind {kind.name}")
        if key not in self.storages:
            self.storages[key] = kind.name, _values(self.read(f"data/{key}"), kind.value, self.order, key)
        name, values = self.storages[key]
        if name != kind.name or len(values) != count:
            raise ValueError(f"storage {key[:20]} has {len(values)} {name}, not the {count} {kind.name} of its tensor")
        return values


def _values(content: bytes, code: str, order: str, key: str) -> Values:
    width = 2 if code == _BFLOAT16 else np.dtype(code).itemsize
    if len(content) % width:
        raise ValueError(f"storage {key[:20]} has {len(content)} bytes, which is no whole number of values")
    if code == _BFLOAT16:  # the upper half of a float32
        upper = np.frombuffer(content, f"{order}u2").astype(np.uint32)
        return (upper << 16).view(np.float32)
    if code == "?":  # a byte that is neither 0 nor 1 is no bool to NumPy
        return np.not_equal(np.frombuffer(content, np.uint8), 0)
    return np.frombuffer(content, order + code).astype(code)  # a copy, which may be written to


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Values:
    """_rebuild_tensor_v2: a window on the storage. Every index is checked to lie inside it."""
    if not isinstance(storage, np.ndarray) or type(offset) is not int or not _whole(size) or not _whole(stride):
        raise ValueError("a tensor whose properties are of the wrong kind")
    if offset < 0 or len(size) != len(stride) or len(size) > MAX_NDIM:
        raise ValueError(f"a tensor of the size {size} with the strides {stride}")
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if 0 not in size else offset - 1
    if last >= len(storage):
        raise ValueError(f"a tensor of the size {size} reaches beyond its storage of {len(storage)} values")
    steps = tuple(s * storage.itemsize for s in stride) if 0 not in size else None
    return np.ndarray(size, storage.dtype, storage, offset * storage.itemsize if 0 not in size else 0, steps)


def _whole(numbers: Any) -> bool:
    return isinstance(numbers, tuple) and all(type(n) is int and 0 <= n < 2**48 for n in numbers)


def _parameter(tensor: Any, *_: Any) -> Values:
    if not isinstance(tensor, np.ndarray):
        raise ValueError("a parameter that is no tensor")
    return tensor


_KNOWN: dict[str, Any] = {
    "collections.OrderedDict": ordered_dict,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    **{f"torch.{name}Storage": code for name, code in _TYPES.items()},
}


def read_torch_file(path: str | Path) -> dict[str, Values]:
    """The arrays of a state_dict that torch.save has written; tensors that shared memory share it here too.

    bfloat16 becomes float32. Raises ValueError, naming the file, for anything that is no plain state_dict; nothing is run.
    """
    path = Path(path)
    try:
        with path.open("rb") as raw, zipfile.ZipFile(raw) as archive:
            file = _File(archive, path.stat().st_size)
            found = read_pickle(file.read("data.pkl"), f"weights {path}", _KNOWN, file.storage)
    except FileNotFoundError:
        raise ValueError(f"weights: there is no file {path}") from None
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, OverflowError) as error:
        raise ValueError(f"weights {path}: is damaged or cut off ({' '.join(str(error).split())[:200]})") from None
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith("weights ") else f"weights {path}: cannot be read ({text[:200]})") from None
    if not isinstance(found, dict) or not found:
        raise ValueError(f"weights {path}: holds no state_dict; save the weights alone: torch.save(model.state_dict(), ...)")
    if odd := [k for k, v in found.items() if not (isinstance(k, str) and isinstance(v, np.ndarray))]:
        raise ValueError(
            f"weights {path}: {str(odd[0])[:100]!r} is no tensor; save the weights alone: torch.save(model.state_dict(), ...)"
        )
    return dict(found)
