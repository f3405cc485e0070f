"""CIFAR-10 and CIFAR-100: the binary version and the Python version, unpacked or still in their .tar.gz.

Binary: records of one label byte (CIFAR-100: coarse, then fine) and 3,072 bytes, the red, the green and the blue plane of 32x32.
Python: a pickled dictionary of the same bytes and a list, or an array, of labels, read by `ninx.pickles`, which runs nothing.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .. import limits
from ..files import open_regular
from ..pickled_arrays import WHOLE, PickledArray, known_arrays
from ..pickles import read_pickle
from .dataset import ArrayDataset, Image
from .idx import check_labels
from .tar import members_of

PIXELS = 3 * 32 * 32
KNOWN = known_arrays(WHOLE, int)

_TEN = "airplane automobile bird cat deer dog frog horse ship truck"
_HUNDRED = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle caterpillar
cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster
house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree
orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose
sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television
tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""
CLASSES = {"cifar10": _TEN.split(), "cifar100": _HUNDRED.split()}

_BATCHES = [f"data_batch_{i}" for i in range(1, 6)]
# The files of each version by split, and the archive that holds them.
VERSIONS: dict[str, list[tuple[str, dict[str, list[str]]]]] = {
    "cifar10": [
        (
            "cifar-10-binary.tar.gz",
            {
                "train": [f"cifar-10-batches-bin/{b}.bin" for b in _BATCHES],
                "test": ["cifar-10-batches-bin/test_batch.bin"],
            },
        ),
        (
            "cifar-10-python.tar.gz",
            {"train": [f"cifar-10-batches-py/{b}" for b in _BATCHES], "test": ["cifar-10-batches-py/test_batch"]},
        ),
    ],
    "cifar100": [
        ("cifar-100-binary.tar.gz", {"train": ["cifar-100-binary/train.bin"], "test": ["cifar-100-binary/test.bin"]}),
        ("cifar-100-python.tar.gz", {"train": ["cifar-100-python/train"], "test": ["cifar-100-python/test"]}),
    ],
}


def read_cifar(files: Sequence[Path], name: str, split: str) -> ArrayDataset:
    """The data set in its batches, or in the one archive; images (N, 32, 32, 3)."""
    if files[0].name.endswith(".tar.gz"):
        members = next(versions[split] for archive, versions in VERSIONS[name] if archive == files[0].name)
        batches = [(f"{files[0]}, {member}", content) for member, content in _unpack(files[0], members).items()]
    else:
        batches = [(str(path), _content(path)) for path in files]
    parts = [
        read_binary(content, name, where) if member.endswith(".bin") else read_python(content, name, where)
        for (where, content), member in ((batch, batch[0]) for batch in batches)
    ]
    counts = {len(labels) for _, labels in parts}
    if len(counts) > 1 or 0 in counts:  # a binary batch has no head that says how long it should be
        raise ValueError(f"{batches[0][0]}: the batches should be equally long, but hold {sorted(counts)} images")
    return ArrayDataset(np.concatenate([i for i, _ in parts]), np.concatenate([n for _, n in parts]), CLASSES[name])


def _content(path: Path) -> bytes:
    with open_regular(path) as (file, size):
        if size > limits.UNFOLDED:
            raise ValueError(f"{path}: has {size:,} bytes, and {limits.UNFOLDED:,} are the limit for a file of CIFAR")
        return file.read()


def _unpack(archive: Path, members: Sequence[str]) -> dict[str, bytes]:
    """The contents of some files of the archive, in memory: nothing is written, so no name in it can do harm."""
    with open_regular(archive) as (raw, _):
        try:
            with gzip.open(raw) as packed:
                found = members_of(packed, members, limits.UNFOLDED)
        except ValueError as error:
            raise ValueError(f"{archive}: {error}") from None
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{archive}: is damaged or cut off ({str(error) or type(error).__name__})") from None
    if missing := [m for m in members if m not in found]:
        raise ValueError(f"{archive}: has no file {missing[0]} in it")
    return {m: found[m] for m in members}


def read_binary(content: bytes, name: str, where: str) -> tuple[Image, Image]:
    """(images (N, 32, 32, 3), labels) of a batch of the binary version."""
    size = PIXELS + (2 if name == "cifar100" else 1)
    if not content or len(content) % size:
        raise ValueError(f"{where}: has {len(content):,} bytes, which is not a whole number of records of {size:,}")
    records = np.frombuffer(content, np.uint8).reshape(-1, size)
    if name == "cifar100":
        check_labels(records[:, 0], 20, f"{where} (coarse)")
    labels = records[:, size - PIXELS - 1]
    check_labels(labels, len(CLASSES[name]), where)
    return _planes_last(records[:, -PIXELS:]), labels


def _planes_last(rows: Image) -> Image:
    return np.ascontiguousarray(rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))


def read_python(content: bytes, name: str, where: str) -> tuple[Image, Image]:
    """(images (N, 32, 32, 3), labels) of a batch of the Python version."""
    batch = read_pickle(content, where, KNOWN)
    if not isinstance(batch, dict):
        raise ValueError(f"{where}: holds no dictionary")
    fields = {key.decode("latin-1") if isinstance(key, bytes) else key: value for key, value in batch.items()}
    key = "labels" if name == "cifar10" else "fine_labels"
    rows = getattr(fields.get("data"), "value", None)
    numbers = fields.get(key)
    if isinstance(numbers, PickledArray) and numbers.value is not None and numbers.value.ndim == 1:
        numbers = numbers.value.tolist()
    if rows is None or rows.dtype != np.uint8 or rows.ndim != 2 or rows.shape[1] != PIXELS or not len(rows):
        raise ValueError(f"{where}: its 'data' is no array of rows of {PIXELS:,} bytes")
    if not isinstance(numbers, list) or not all(type(n) is int and 0 <= n < 256 for n in numbers):
        raise ValueError(f"{where}: its {key!r} is no list of small whole numbers")
    if len(numbers) != len(rows):
        raise ValueError(f"{where}: holds {len(numbers):,} labels for {len(rows):,} images")
    labels = np.asarray(numbers, np.uint8)
    check_labels(labels, len(CLASSES[name]), where)
    return _planes_last(rows), labels
