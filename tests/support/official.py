"""Files of the official formats of the data sets, written by hand, byte for byte as their authors' programs write them."""

import gzip
import io
import struct
import tarfile
from pathlib import Path

import numpy as np

Arrays = tuple[np.ndarray, np.ndarray]


def drawn(shape: tuple[int, ...], classes: int, seed: int = 0) -> Arrays:
    """Random images (N, ...) and labels, in which every class occurs."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, shape[0] - classes)]).astype(np.uint8)
    return rng.integers(0, 256, shape, dtype=np.uint8), rng.permutation(labels)


def idx(array: np.ndarray) -> bytes:
    head = bytes((0, 0, 8, array.ndim)) + b"".join(struct.pack(">I", n) for n in array.shape)
    return head + array.astype(np.uint8).tobytes()


def write_mnist(folder: Path, split: str, images: np.ndarray, labels: np.ndarray, packed: bool = True) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    prefix = {"train": "train", "test": "t10k"}[split]
    for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
        content = idx(array)
        name = f"{prefix}-{kind}-ubyte" + (".gz" if packed else "")
        (folder / name).write_bytes(gzip.compress(content, 1, mtime=0) if packed else content)


def planes(images: np.ndarray) -> np.ndarray:
    """(N, 32, 32, 3) -> (N, 3072): red, green, blue."""
    return np.concatenate([images[..., c].reshape(len(images), -1) for c in range(3)], axis=1)


def cifar_binary(images: np.ndarray, *labels: np.ndarray) -> bytes:
    """One label byte for CIFAR-10, (coarse, fine) for CIFAR-100."""
    return b"".join(bytes(int(n) for n in numbers) + row.tobytes() for *numbers, row in zip(*labels, planes(images), strict=True))


def _text(value: bytes) -> bytes:
    return b"U" + bytes([len(value)]) + value


def _numbers(values: np.ndarray) -> bytes:
    return b"](" + b"".join(b"K" + bytes([int(v)]) for v in values) + b"e"


def cifar_python(images: np.ndarray, labels: dict[bytes, np.ndarray]) -> bytes:
    """A pickle as Python 2 wrote it, protocol 2, instruction by instruction (a modern pickle writes bytes in another way)."""
    rows = planes(images)
    array = b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87Rq\x03"
    array += b"(K\x01M" + struct.pack("<H", len(rows)) + b"M\x00\x0c\x86cnumpy\ndtype\nq\x04U\x02u1K\x00K\x01\x87Rq\x05"
    array += (
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T" + struct.pack("<i", rows.size) + rows.tobytes() + b"tb"
    )
    fields = _text(b"batch_label") + _text(b"training batch 1 of 5") + _text(b"data") + array
    for key, values in labels.items():
        fields += _text(key) + _numbers(values)
    names = b"](" + b"".join(_text(b"leptodactylus_%06d.png" % i) for i in range(len(rows))) + b"e"
    return b"\x80\x02}q\x00(" + fields + _text(b"filenames") + names + b"u."


def write_tar(path: Path, members: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def write_svhn(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """As the authors': compressed, version 5, and 10 for the digit 0."""
    from scipy.io import savemat

    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = np.where(labels == 0, 10, labels).astype(np.uint8)[:, None]
    savemat(path, {"X": np.asfortranarray(images.transpose(1, 2, 3, 0)), "y": numbers}, do_compression=True)
