"""Images of your own: one folder for each class."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np

from ..looks import few, shortened, unfailing
from .dataset import Dataset, Image
from .pictures.opening import opaque, open_image

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp"}


def _is_image(path: Path) -> bool:
    """By its name. On the disks of others macOS writes a file of attributes, ._x.png, beside each of its own."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder. Raises ValueError for one that cannot be read: its images would be missing without a word."""
    try:
        with os.scandir(folder) as entries:
            return [folder / entry.name for entry in entries]
    except OSError as error:
        raise ValueError(f"{folder}: cannot be read ({error.strerror})") from None


def _below(folder: Path) -> Iterator[Path]:
    """All that lies in a folder and in those in it, but no folder that is a link: it may lead back."""
    for path in _entries(folder):
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _below(path)


class ImageFolder(Dataset[tuple[Image, int]]):
    """The images in ``root``/CLASS/, in colour or (``mode="L"``) in grey; a class is a sub-folder, numbered by the alphabet.

    An image is read when it is asked for. They may differ in size: a `Resize` or `RandomCrop` in the loader makes them equal.
    Raises ValueError if there are no sub-folders, or one of them holds no image.

    >>> from pathlib import Path
    >>> from PIL import Image
    >>> for name in ("cats", "dogs"):
    ...     Path("pets", name).mkdir(parents=True, exist_ok=True)
    ...     for i in range(3):
    ...         Image.new("RGB", (40, 30)).save(f"pets/{name}/{i}.png")
    >>> pets = ninx.data.ImageFolder("pets")
    >>> pets.classes, len(pets), pets[5][0].shape, pets[5][1]
    (('cats', 'dogs'), 6, (30, 40, 3), 1)
    """

    def __init__(self, root: str | Path, mode: str = "RGB"):
        root = Path(root)
        if mode not in ("RGB", "L"):
            raise ValueError(f"ImageFolder: mode must be 'RGB' or 'L', got {mode!r}")
        if not root.is_dir():
            raise ValueError(f"{root}: there is no such folder")
        folders = sorted(f for f in _entries(root) if f.is_dir() and not f.name.startswith("."))
        if not folders:
            raise ValueError(f"{root}: has no sub-folders; put the images of each class into a folder named after it")
        for folder in folders:
            if folder.name.encode("utf-8", "replace").decode() != folder.name:  # it could not be written into a checkpoint
                raise ValueError(f"{root}: the name of its folder {folder.name!r} is no text in UTF-8; rename it")
        self.root, self.mode = root, mode
        self.classes: tuple[str, ...] = tuple(f.name for f in folders)
        self.samples: list[tuple[Path, int]] = []
        for label, folder in enumerate(folders):
            files = sorted(f for f in _below(folder) if _is_image(f))
            if not files:
                raise ValueError(f"{folder}: holds no image ({', '.join(sorted(SUFFIXES))})")
            self.samples += [(f, label) for f in files]

    @property
    def labels(self) -> Image:
        """The label of every image."""
        return np.array([label for _, label in self.samples], np.int64)

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The number of each class."""
        return {name: i for i, name in enumerate(self.classes)}

    def __len__(self) -> int:
        """The number of images."""
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Image, int]:
        """(image (H, W, 3) or (H, W), uint8, label)"""
        path, label = self.samples[index]
        return np.asarray(opaque(open_image(path)).convert(self.mode)), label

    @unfailing
    def __repr__(self) -> str:
        """One line: where, how many images, in which colours, of which classes."""
        place = shortened(str(self.root), 60)
        return f"ImageFolder({place!r}: {len(self):,} images, {self.mode}; {len(self.classes)} classes: {few(self.classes)})"

    def take(self, which: slice | Image) -> Self:
        """Some of the samples: a slice, or their numbers.

        >>> from pathlib import Path
        >>> from PIL import Image
        >>> for name in ("cats", "dogs"):
        ...     Path("pets", name).mkdir(parents=True, exist_ok=True)
        ...     for i in range(3):
        ...         Image.new("RGB", (40, 30)).save(f"pets/{name}/{i}.png")
        >>> len(ninx.data.ImageFolder("pets").take(slice(0, 6, 2)))
        3
        """
        part = object.__new__(type(self))
        part.root, part.mode, part.classes = self.root, self.mode, self.classes
        part.samples = [self.samples[i] for i in np.arange(len(self))[which].tolist()]
        return part

    def split(self, count: int) -> tuple[Self, Self]:
        """(some of the samples, ``count`` others), drawn evenly from the list, which is sorted by class.

        >>> from pathlib import Path
        >>> from PIL import Image
        >>> for name in ("cats", "dogs"):
        ...     Path("pets", name).mkdir(parents=True, exist_ok=True)
        ...     for i in range(3):
        ...         Image.new("RGB", (40, 30)).save(f"pets/{name}/{i}.png")
        >>> rest, held = ninx.data.ImageFolder("pets").split(2)
        >>> len(rest), len(held), held.labels.tolist()
        (4, 2, [0, 1])
        """
        if not 0 < count < len(self):
            raise ValueError(f"split: can split off 1 to {len(self) - 1} of {len(self)} samples, not {count}")
        held = {i * len(self) // count for i in range(count)}
        parts = self.take(slice(None)), self.take(slice(None))
        for part, wanted in zip(parts, (False, True), strict=True):
            part.samples = [s for i, s in enumerate(self.samples) if (i in held) == wanted]
        return parts
