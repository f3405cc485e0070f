"""One folder for each class."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import data
from ..data.pictures.opening import opaque, open_image
from .base import VisionDataset


def default_loader(path: str) -> Any:
    """The picture in a file: in colour, upright as its camera wished, and on paper where it is transparent."""
    return opaque(open_image(path)).convert("RGB")


class ImageFolder(VisionDataset):
    """The images in ``root``/CLASS/, Pillow images in colour; a class is a sub-folder, numbered by the alphabet.

    A photograph is turned upright, and what is transparent lies on black or white; ``loader``, a function of the path, reads them
    in another way. ``is_valid_file``, a function of the path, chooses among the images.

    Raises ValueError if there is no such folder, no sub-folder, or one of them holds no image.

    >>> from pathlib import Path
    >>> from PIL import Image
    >>> for name in ("cats", "dogs"):
    ...     Path("pets", name).mkdir(parents=True, exist_ok=True)
    ...     Image.new("RGB", (40, 30)).save(f"pets/{name}/1.png")
    >>> pets = ninx.datasets.ImageFolder("pets", transform=ninx.transforms.ToTensor())
    >>> pets.class_to_idx, pets[1][0].shape, pets[1][1]
    ({'cats': 0, 'dogs': 1}, (3, 30, 40), 1)
    """

    def __init__(
        self,
        root: str | Path,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        loader: Callable[[str], Any] = default_loader,
        is_valid_file: Callable[[str], bool] | None = None,
    ):
        super().__init__(root, transform, target_transform)
        found = data.ImageFolder(self.root)
        self.classes, self.loader = list(found.classes), loader
        self.samples = [(str(path), label) for path, label in found.samples if is_valid_file is None or is_valid_file(str(path))]
        self.imgs, self.targets = self.samples, [label for _, label in self.samples]
        if empty := set(range(len(self.classes))) - set(self.targets):
            raise ValueError(f"ImageFolder: is_valid_file leaves no image of the class {self.classes[min(empty)]!r}")

    def __len__(self) -> int:
        """The number of images."""
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """(image, label), each after its transform"""
        path, label = self.samples[index]
        return self._prepared(self.loader(path), label)
