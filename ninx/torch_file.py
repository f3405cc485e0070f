"""PyTorch's files (.pth, .pt), read without PyTorch and without running anything in them.

torch.save writes an uncompressed zip archive: ``data.pkl`` is a pickle in which every tensor is a call of
_rebuild_tensor_v2(storage, offset, size, stride, ...), and ``data/KEY`` holds the bytes of storage KEY. Tensors may share one.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from . import limits
from .pickled_arrays import NUMBERS, PickledArray, Values, known_arrays
from .pickles import Known, OrderedState, ordered_dict, read_pickle
from .stored_numbers import BFLOAT16, numbers, width

_TYPES = {
    "Double": "f8",
    "Float": "f4",
    "Half": "f2",
    "BFloat16": BFLOAT16,
    "Long": "i8",
    "Int": "i4",
    "Short": "i2",
    "Char": "i1",
    "Byte": "u1",
    "Bool": "?",
}
_DTYPES = "float64 float32 float16 int64 int32 int16 int8 uint8"
MAX_NDIM = 32


@dataclass(frozen=True)
class Found:
    """A tensor of the file."""

    values: Values
    requires_grad: bool = False


class _Sparing:
    """A file that gives at most so many bytes at once: zipfile reads the list of an archive's parts in one go, however long."""

    def __init__(self, file: BinaryIO, most: int):
        self.file, self.most = file, most
        self.tell, self.seek, self.seekable = file.tell, file.seek, file.seekable

    def read(self, count: int = -1) -> bytes:
        if count > self.most:
            raise ValueError(f"the list of its parts has {count:,} bytes, and {self.most:,} are the limit")
        return self.file.read(count)


def storage_of(identity: Any) -> tuple[Known, str, int]:
    """(type, key, count) of ('storage', type, key, device, count), by which a pickle names a storage; the device does not matter.

    Raises ValueError for anything else.
    """
    if not isinstance(identity, tuple) or len(identity) != 5:
        raise ValueError("a storage without its five properties")
    what, kind, key, _, count = identity
    if not isinstance(what, str) or what != "storage":
        raise ValueError("what is kept beside the pickle should be a storage")
    if not isinstance(kind, Known) or not isinstance(key, str) or type(count) is not int:
        raise ValueError("a storage whose properties are of the wrong kind")
    if kind.value not in _TYPES.values():
        raise ValueError(f"a storage of the kind {kind.name}")
    return kind, key, count


class _File:
    """An open archive and the storages that have been read from it."""

    def __init__(self, archive: zipfile.ZipFile, size: int):
        infos = archive.infolist()
        if len(infos) == 1 and infos[0].filename.endswith((".pth", ".pt")):
            raise ValueError(f"it is an archive with {infos[0].filename[:100]!r} in it; unpack that first")
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
        """The values of a storage."""
        kind, key, count = storage_of(identity)
        if key not in self.storages:
            content = self.read(f"data/{key}")
            if len(content) % width(kind.value):
                raise ValueError(f"storage {key[:20]} has {len(content)} bytes, which is no whole number of values")
            self.storages[key] = kind.name, numbers(content, kind.value, self.order)
        name, values = self.storages[key]
        if name != kind.name or len(values) != count:
            raise ValueError(f"storage {key[:20]} has {len(values)} {name}, not the {count} {kind.name} of its tensor")
        return values


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any = False, *_: Any) -> Found:
    """_rebuild_tensor_v2: a window on the storage. Every index is checked to lie inside it."""
    if not isinstance(storage, np.ndarray) or type(offset) is not int or not _whole(size) or not _whole(stride):
        raise ValueError("a tensor whose properties are of the wrong kind")
    if offset < 0 or len(size) != len(stride) or len(size) > MAX_NDIM:
        raise ValueError(f"a tensor of the size {str(size)[:100]} with the strides {str(stride)[:100]}")
    if math.prod(size) > limits.unfolded(storage.nbytes):  # with strides of 0 one value may stand for any number of them
        raise ValueError(f"a tensor of the size {size} shows a storage of {len(storage)} values too often")
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if 0 not in size else offset - 1
    if last >= len(storage):
        raise ValueError(f"a tensor of the size {size} reaches beyond its storage of {len(storage)} values")
    steps = tuple(s * storage.itemsize for s in stride) if 0 not in size else None
    values: Values = np.ndarray(size, storage.dtype, storage, offset * storage.itemsize if 0 not in size else 0, steps)
    return Found(values, requires_grad is True and values.dtype.kind == "f")


def _whole(numbers: Any) -> bool:
    return isinstance(numbers, tuple) and all(type(n) is int and 0 <= n < 2**48 for n in numbers)


def _parameter(tensor: Any, requires_grad: Any = True, *_: Any) -> Found:
    if not isinstance(tensor, Found):
        raise ValueError("a parameter that is no tensor")
    return Found(tensor.values, requires_grad is True and tensor.values.dtype.kind == "f")


def _device(kind: Any, number: Any = None) -> str:
    """torch.device: here a device is its name."""
    known = isinstance(kind, str) and kind in ("cpu", "cuda", "mps", "xpu", "meta")
    if not known or not (number is None or type(number) is int):
        raise ValueError("an unknown device")
    return kind if number is None else f"{kind}:{number}"


def _counter(counts: Any = None) -> OrderedState:
    """collections.Counter, as the schedules have for their milestones."""
    if counts is not None and not isinstance(counts, dict):
        raise ValueError("a Counter that is made of no dictionary")
    return OrderedState(counts or {})


KNOWN: dict[str, Any] = {
    "collections.OrderedDict": ordered_dict,
    "collections.Counter": _counter,
    "collections.defaultdict": lambda *_: OrderedState(),
    **{f"{module}.{kind}": None for module in ("builtins", "__builtin__") for kind in ("dict", "list", "int", "float")},
    "torch.Size": lambda sizes=(): tuple(sizes),
    "torch.device": _device,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    **{f"torch.{name}Storage": code for name, code in _TYPES.items()},
    **{f"torch.{name}": np.dtype(name) for name in _DTYPES.split()},
    "torch.bool": np.dtype(np.bool_),
    **known_arrays(NUMBERS, lambda value: value[()]),
}


def read_torch_file(file: BinaryIO, where: str) -> Any:
    """What torch.save has written: dictionaries, lists, tuples and plain values, with a `Found` for each tensor.

    Tensors that shared memory share it here too; bfloat16 becomes float32. Raises ValueError, which begins with ``where``, for
    anything else; nothing is run.
    """
    try:
        size = file.seek(0, 2)
        sparing: Any = _Sparing(file, limits.DIRECTORY)
        with zipfile.ZipFile(sparing) as archive:
            sparing.most = size
            content = _File(archive, size)
            found = read_pickle(content.read("data.pkl"), where, KNOWN, content.storage)
        return plain(found, {})
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, OverflowError) as error:
        raise ValueError(f"{where}: is damaged or cut off ({' '.join(str(error).split())[:200]})") from None
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith(where) else f"{where}: cannot be read ({text[:200]})") from None


def plain(value: Any, done: dict[int, Any], depth: int = 0) -> Any:
    """The value without what stood in for something else. Each container once, however often it is named: a short pickle may
    name one a thousand times a thousand times, or put it into itself."""
    if id(value) in done:
        if done[id(value)] is None:
            raise ValueError("something that contains itself")
        return done[id(value)]
    if depth > limits.NESTED:
        raise ValueError(f"it is nested more than {limits.NESTED} deep")
    if isinstance(value, PickledArray):
        if value.value is None:
            raise ValueError("an array without a content")
        done[id(value)] = value.value.astype(value.value.dtype.newbyteorder("="))
        return done[id(value)]
    if isinstance(value, Known):
        if not isinstance(value.value, np.dtype):
            raise ValueError(f"it holds {value.name[:100]!r} itself, which is no data")
        return value.value
    if not isinstance(value, (dict, list, tuple)):
        return value
    done[id(value)] = None
    made: Any
    if isinstance(value, dict):
        made = {k: plain(v, done, depth + 1) for k, v in value.items()}
    else:
        made = type(value)(plain(v, done, depth + 1) for v in value)
    done[id(value)] = made
    return made
