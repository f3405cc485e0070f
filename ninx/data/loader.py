"""The loader: batches of a data set, in an order and with a chance that depend on the seed and the epoch alone."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from ..array import empty
from ..engine import Tensor
from ..looks import brief, unfailing
from .ahead import copied_ahead
from .dataset import Dataset
from .transforms import Transform


class DataLoader:
    """Iterate over (images (B, C, H, W), labels (B)) of ``dataset``.

    Each pass is an epoch: ``epoch`` counts them and may be set, and (seed, epoch) decides the order and every random transform.
    With ``num_workers`` threads prepare batches ahead; the batches are the same for any number. After the ``transform``
    all images must have one shape. On a ``device`` that is a GPU, one batch is copied ahead while the one before is learnt from.

    >>> digits, prepare = ninx.data.digits("train"), ninx.data.ToTensor()
    >>> loader = ninx.data.DataLoader(digits, batch_size=64, shuffle=True, transform=prepare)
    >>> images, labels = next(iter(loader))
    >>> len(loader), images.shape, labels.shape
    (63, (64, 1, 28, 28), (64,))
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        seed: int = 0,
        num_workers: int = 0,
        transform: Transform | None = None,
        device: str = "cpu",
    ):
        if batch_size < 1 or num_workers < 0:
            raise ValueError(
                f"DataLoader: batch_size must be at least 1 and num_workers at least 0, got {batch_size}, {num_workers}"
            )
        self.dataset, self.batch_size, self.shuffle, self.drop_last = dataset, batch_size, shuffle, drop_last
        self.seed, self.num_workers, self.transform, self.device = seed, num_workers, transform, device
        self.epoch = 0

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        n = len(self.dataset)
        return n // self.batch_size if self.drop_last else math.ceil(n / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """One epoch."""
        epoch, self.epoch = self.epoch, self.epoch + 1
        n = len(self.dataset)
        order = np.random.default_rng((self.seed, epoch)).permutation(n) if self.shuffle else np.arange(n)
        batches = [order[i * self.batch_size : (i + 1) * self.batch_size] for i in range(len(self))]
        made = self._ahead(epoch, batches) if self.num_workers else (self._batch(epoch, batch) for batch in batches)
        return made if self.device == "cpu" else copied_ahead(made, self.device)

    @unfailing
    def __repr__(self) -> str:
        """The settings, and what comes out of them, one a line."""
        plain = isinstance(self.dataset, (list, tuple))  # of thousands of images, perhaps
        lines = [
            f"{len(self):,} batches of {self.batch_size}, {'shuffled' if self.shuffle else 'in order'}, seed {self.seed}, "
            f"epoch {self.epoch}, {self.num_workers} workers, on {self.device}",
            f"dataset: {f'a {type(self.dataset).__name__} of {len(self.dataset):,}' if plain else brief(self.dataset)}",
            f"transform: {brief(self.transform)}",
        ]
        return "\n  ".join(["DataLoader(", *(line.replace("\n", "\n  ") for line in lines)]) + "\n)"

    def _ahead(self, epoch: int, batches: list[np.ndarray]) -> Iterator[tuple[Tensor, Tensor]]:
        """Two batches for each thread under way; the oldest is handed out first."""
        with ThreadPoolExecutor(self.num_workers, thread_name_prefix="ninx-loader") as pool:
            waiting: deque[Future[tuple[Tensor, Tensor]]] = deque()
            try:
                for batch in batches:
                    waiting.append(pool.submit(self._batch, epoch, batch))
                    if len(waiting) > 2 * self.num_workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:  # also when the consumer stops early
                for future in waiting:
                    future.cancel()

    def _batch(self, epoch: int, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        images, labels = [], []
        for i in indices.tolist():
            image, label = self.dataset[i]
            if self.transform is not None:
                image = self.transform(image, np.random.default_rng((self.seed, epoch, i)))
            images.append(np.asarray(image))
            labels.append(label)
        if len(shapes := {image.shape for image in images}) > 1:
            raise ValueError(f"DataLoader: the images of a batch must have one shape, got {sorted(shapes)}")
        batch = empty((len(images), *images[0].shape), images[0].dtype, np)
        np.stack(images, out=batch)
        return Tensor(batch), Tensor(np.asarray(labels))
