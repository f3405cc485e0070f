"""Where each data set comes from, which files it has, and where they are looked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ninx.kernels.names import unknown

from . import cifar


@dataclass(frozen=True)
class RemoteFile:
    """A file that can be downloaded."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Source:
    """A data set: its mirrors, its files by split, and other layouts in which its files may lie.

    ``layouts[split]`` holds alternatives, each a list of files; the files of the download are always one of them.
    """

    mirrors: tuple[str, ...]
    files: dict[str, tuple[RemoteFile, ...]]
    layouts: dict[str, list[list[str]]] = field(default_factory=dict)
    folders: tuple[str, ...] = ()  # looked into besides the data folder: relative to it, or absolute

    def alternatives(self, split: str) -> list[list[str]]:
        """The files of a split, in each layout; the first is the download's."""
        return [[file.name for file in self.files[split]], *self.layouts.get(split, [])]


def _idx(*files: tuple[int, str]) -> dict[str, tuple[RemoteFile, ...]]:
    names = [f"{split}-{kind}-ubyte.gz" for split in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
    remote = [RemoteFile(name, size, sha256) for name, (size, sha256) in zip(names, files, strict=True)]
    return {"train": (remote[0], remote[1]), "test": (remote[2], remote[3])}


def _cifar(name: str, size: int, sha256: str) -> Source:
    archive = RemoteFile(cifar.VERSIONS[name][0][0], size, sha256)
    layouts = {split: [f for a, v in cifar.VERSIONS[name] for f in (v[split], [a])] for split in ("train", "test")}
    mirrors = (
        "https://www.cs.toronto.edu/~kriz/",
        "https://cave.cs.toronto.edu/kriz/",
        "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/",
    )
    return Source(mirrors, {"train": (archive,), "test": (archive,)}, layouts)


# The SHA-256 of Fashion-MNIST were computed from the data (they also fit the MD5 that torchvision gives). The others are those
# that TensorFlow Datasets publishes; nobody here has checked them against a download. The readers check the content as well.
SOURCES: dict[str, Source] = {
    "mnist": Source(
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        _idx(
            (9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
            (28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
            (1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
            (4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        ),
        folders=("MNIST/raw",),
    ),
    "fashion-mnist": Source(
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        _idx(
            (26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
            (29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
            (4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
            (5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        ),
        folders=("FashionMNIST/raw", "/usr/share/datasets/fashion-mnist"),  # Debian's package dataset-fashion-mnist
    ),
    "cifar10": _cifar("cifar10", 170_052_171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"),
    "cifar100": _cifar("cifar100", 168_513_733, "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"),
    "svhn": Source(
        ("http://ufldl.stanford.edu/housenumbers/",),  # its authors'; no other is known to hold the same files
        {
            split: (RemoteFile(f"{split}_32x32.mat", size, sha256),)
            for split, size, sha256 in (
                ("train", 182_040_794, "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8"),
                ("test", 64_275_384, "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b"),
                ("extra", 1_329_278_602, "a133a4beb38a00fcdda90c9489e0c04f900b660ce8a316a5e854838379a71eb3"),
            )
        },
    ),
}


def source(name: str) -> Source:
    """What is known of a data set. Raises ValueError for an unknown name."""
    if name not in SOURCES:
        raise ValueError(unknown("data set", name, ["digits", *SOURCES]))
    return SOURCES[name]


def data_folder(data_dir: str | Path | None = None) -> Path:
    """The folder of all data sets: ``data_dir``, else NINX_DATA, else ninx in the user's cache.

    >>> ninx.data.data_folder("my-data").name
    'my-data'
    """
    if data_dir is not None:
        return Path(data_dir)
    if given := os.environ.get("NINX_DATA"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ninx"


def _folders(name: str, data_dir: str | Path | None) -> Iterator[Path]:
    """A folder of the set's own, the data folder itself, and the places of others (torchvision, Debian)."""
    root = data_folder(data_dir)
    yield root / name
    yield root
    yield from (root / folder for folder in source(name).folders)


def _there(folder: Path, name: str) -> Path | None:
    """A file that may also lie there unpacked, if it was a single packed one."""
    names = [name.removesuffix(".gz"), name] if "idx" in name else [name]
    return next((folder / n for n in names if (folder / n).is_file()), None)


def find(name: str, split: str, data_dir: str | Path | None = None) -> list[Path] | None:
    """The files of a split, in the first folder and layout that has all of them; None if there is none."""
    known = source(name)
    if split not in known.files:
        *others, last = (repr(s) for s in known.files)
        raise ValueError(f"{name}: split must be {', '.join(others)} or {last}, got {split!r}")
    for folder in _folders(name, data_dir):
        for files in known.alternatives(split):
            found = [path for path in (_there(folder, f) for f in files) if path is not None]
            if len(found) == len(files):
                return found
    return None


def is_there(name: str, data_dir: str | Path | None = None) -> bool:
    """Is a data set on this machine, for training and testing? ``name``: of one that is known, or the path of a folder."""
    if name not in SOURCES:
        return name == "digits" or Path(name).is_dir()
    return all(find(name, split, data_dir) for split in ("train", "test"))


def missing(name: str, split: str, data_dir: str | Path | None = None) -> list[RemoteFile]:
    """The files of a split that are not in the data set's own folder, where a download puts them."""
    folder = data_folder(data_dir) / name
    return [file for file in source(name).files[split] if _there(folder, file.name) is None]
