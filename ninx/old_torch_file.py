"""PyTorch's files from before version 1.6 (2020), among them many weights that are still offered: no zip archive, but pickles.

They stand one behind the other: a magic number, a version, facts on the machine, the object, and the keys of the storages. Then
come the storages themselves, in the order of the keys: a count, and so many values. So when the object is read, its storages
are not there yet: its tensors are made on memory that is filled afterwards.
"""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np

from .files import read_part
from .pickled_arrays import Values
from .pickles import read_pickle
from .stored_numbers import BFLOAT16, numbers, width
from .torch_file import KNOWN, plain, storage_of

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
BEGINNING = MAGIC.to_bytes(10, "little")  # how the magic number stands in the first pickle


class _Storages:
    """The storages that the object named: their types, and the memory that awaits their values."""

    def __init__(self, size: int):
        self.room = self.size = size  # all of them lie in the file, so they cannot have more bytes than it
        self.found: dict[str, tuple[str, str, Values]] = {}

    def of(self, identity: Any) -> Values:
        """The memory of a storage, by ('storage', type, key, device, count, None)."""
        if not isinstance(identity, tuple) or len(identity) != 6 or identity[5] is not None:
            raise ValueError("a storage that is a part of another one, as before PyTorch 0.4")
        kind, key, count = storage_of(identity[:5])
        if key not in self.found:
            self.room -= count * width(kind.value)
            if count < 0 or self.room < 0:
                raise ValueError(f"its storages have more bytes than the file, {self.size:,}")
            dtype = np.float32 if kind.value == BFLOAT16 else np.dtype(kind.value)
            self.found[key] = kind.name, kind.value, np.zeros(count, dtype)
        name, _, values = self.found[key]
        if name != kind.name or len(values) != count:
            raise ValueError(f"storage {key[:20]} has {len(values)} {name}, not the {count} {kind.name} of its tensor")
        return values


def read_old_torch_file(file: BinaryIO, where: str) -> Any:
    """What torch.save wrote before PyTorch 1.6, as `read_torch_file` gives it. Nothing is run.

    Raises ValueError, which begins with ``where``, for anything else.
    """
    size = file.seek(0, 2)
    storages = _Storages(size)
    file.seek(0)
    try:
        if [read_pickle(file, where, {}) for _ in range(2)] != [MAGIC, VERSION]:
            raise ValueError("it does not begin as those of torch.save")
        machine = read_pickle(file, where, {})
        if not isinstance(machine, dict):
            raise ValueError("it does not say in which order its bytes are")
        order = "<" if machine.get("little_endian") is not False else ">"
        found = read_pickle(file, where, KNOWN, storages.of)
        keys = read_pickle(file, where, {})
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or sorted(keys) != sorted(storages.found):
            raise ValueError("its storages are not those that its tensors want")
        for key in keys:
            _fill(file, storages.found[key], order)
        if file.read(1):
            raise ValueError("something stands behind its last storage")
        return plain(found, {})
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith(where) else f"{where}: cannot be read ({text[:200]})") from None


def _fill(file: BinaryIO, storage: tuple[str, str, Values], order: str) -> None:
    """Read the next storage: how many values it has, which is known, and these."""
    name, code, values = storage
    count = int.from_bytes(read_part(file, file.tell(), 8), "little" if order == "<" else "big")
    if count != len(values):
        raise ValueError(f"a storage has {count:,} {name}, and its tensor wants {len(values):,}")
    values[...] = numbers(read_part(file, file.tell(), count * width(code)), code, order)
