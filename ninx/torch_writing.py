"""Files for PyTorch, written without it: what ``torch.load(path, weights_only=True)`` reads as a dictionary of tensors.

The format is that of torch.save, which torch_file.py describes. Here each tensor has a storage of its own, row by row. The same
weights make the same bytes: no clock and no name of a file goes in.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Mapping

import numpy as np

from .pickled_arrays import Values

STORAGES = {
    "float64": "Double",
    "float32": "Float",
    "float16": "Half",
    "int64": "Long",
    "int32": "Int",
    "int16": "Short",
    "int8": "Char",
    "uint8": "Byte",
    "bool": "Bool",
}
_ALIGNMENT = 64  # bytes: where torch.load maps a file into memory, values begin at multiples of it
_HEAD = 30  # bytes of a part's head in the archive, before its name
_FOLDER = "archive/"

# Instructions of a pickle.
_DICT, _MARK, _TUPLE, _SETITEMS, _REDUCE, _PERSISTENT, _FALSE, _STOP = b"}", b"(", b"t", b"u", b"R", b"Q", b"\x89", b"."
_TENSOR, _HOOKS = b"ctorch._utils\n_rebuild_tensor_v2\n", b"ccollections\nOrderedDict\n)R"


def torch_file_of(arrays: Mapping[str, Values]) -> bytes:
    """The content of a .pth file that holds these arrays as tensors, by their names.

    Raises TypeError for a dtype that PyTorch's files have no storage for, such as uint32.

    >>> from ninx.torch_writing import torch_file_of
    >>> torch_file_of({"weight": np.ones(2, np.float32)})[:2]
    b'PK'
    """
    for name, array in arrays.items():
        if array.dtype.name not in STORAGES:
            raise TypeError(f"{name!r} holds {array.dtype}, which a .pth file cannot; cast it to int64 or a float first")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        _add(archive, "data.pkl", _pickled(arrays))
        _add(archive, "byteorder", b"little")
        for key, array in enumerate(arrays.values()):
            _add(archive, f"data/{key}", np.asarray(array, array.dtype.newbyteorder("<")).tobytes())
        _add(archive, "version", b"3\n")
    return out.getvalue()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """One part, whose content begins at a multiple of 64 bytes: the head is made longer by a field that readers step over."""
    info = zipfile.ZipInfo(_FOLDER + name)  # its date is the first of January 1980
    info.create_system = 3  # Unix, wherever it is made
    begin = archive.fp.tell() + _HEAD + len(info.filename) + 4  # type: ignore[union-attr]  # an open archive has a file
    padding = -begin % _ALIGNMENT
    info.extra = struct.pack("<2sH", b"FB", padding) + bytes(padding)
    archive.writestr(info, content)


def _pickled(arrays: Mapping[str, Values]) -> bytes:
    """{name: _rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())}, in protocol 2."""
    items = [_text(name) + _tensor(key, array) for key, (name, array) in enumerate(arrays.items())]
    return b"\x80\x02" + _DICT + _MARK + b"".join(items) + _SETITEMS + _STOP


def _tensor(key: int, array: Values) -> bytes:
    storage = _text("storage") + f"ctorch\n{STORAGES[array.dtype.name]}Storage\n".encode() + _text(str(key)) + _text("cpu")
    persistent = _MARK + storage + _whole(array.size) + _TUPLE + _PERSISTENT
    strides = [math.prod(array.shape[axis + 1 :]) for axis in range(array.ndim)]
    sizes = b"".join(_MARK + b"".join(map(_whole, numbers)) + _TUPLE for numbers in (array.shape, strides))
    return _TENSOR + _MARK + persistent + _whole(0) + sizes + _FALSE + _HOOKS + _TUPLE + _REDUCE


def _text(text: str) -> bytes:
    content = text.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(content)) + content


def _whole(number: int) -> bytes:
    """A whole number of at least 0, in the shortest of three ways."""
    if number < 256:
        return b"K" + struct.pack("<B", number)
    if number < 2**31:
        return b"J" + struct.pack("<i", number)
    return b"\x8a\x08" + struct.pack("<q", number)
