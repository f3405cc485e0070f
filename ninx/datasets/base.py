"""What torchvision's data sets have in common: a root, transforms of image and label, classes, and how they show themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..data.composing import applied, check_callable
from ..data.dataset import Dataset
from ..looks import brief, unfailing


class VisionDataset(Dataset[tuple[Any, Any]]):
    """The images and the labels of a data set under ``root``, each after its transform."""

    classes: list[str]

    def __init__(self, root: str | Path, transform: Callable[..., Any] | None, target_transform: Callable[..., Any] | None):
        operation = type(self).__name__
        if not isinstance(root, str | Path):
            raise TypeError(f"{operation}: root is the folder of the files, got {brief(root)}")
        if transform is not None:
            check_callable(operation, transform)
        if target_transform is not None and not callable(target_transform):  # a class such as int may do
            raise TypeError(f"{operation}: target_transform is called with a label, but {brief(target_transform)} is no function")
        self.root = Path(root).expanduser()
        self.transform, self.target_transform = transform, target_transform

    def __len__(self) -> int:
        """The number of images."""
        raise NotImplementedError

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The number of each class."""
        return {name: i for i, name in enumerate(self.classes)}

    def _prepared(self, image: Any, label: Any) -> tuple[Any, Any]:
        """Both after their transforms."""
        if self.transform is not None:
            image = applied(self.transform, image)
        return image, label if self.target_transform is None else self.target_transform(label)

    def _split(self) -> str:
        """The line that tells which part this is."""
        return ""

    @unfailing
    def __repr__(self) -> str:
        """How many images, where, which part, and the transform."""
        lines = [f"Number of datapoints: {len(self)}", f"Root location: {self.root}", self._split()]
        if self.transform is not None:
            lines.append(f"Transform: {brief(self.transform)}".replace("\n", "\n           "))
        return "\n    ".join([f"Dataset {type(self).__name__}", *(line for line in lines if line)])
