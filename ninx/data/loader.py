"""The loader: batches of a data set, in an order and with random transforms that depend on the seed and the epoch alone."""

from __future__ import annotations

import itertools
import math
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

import numpy as np

from .. import random
from ..looks import brief, unfailing
from . import chance
from .ahead import copied_ahead
from .collate import collate
from .combining import IterableDataset
from .composing import Transform, applied, check_callable
from .dataset import Samples
from .options import check_dataset, check_numbers, check_order, check_workers
from .samplers import BatchSampler, RandomSampler, SequentialSampler, batched

THREADS = sys.platform not in ("emscripten", "wasi")  # in a browser there is one thread, which makes all batches itself

T = TypeVar("T")
Plan = Iterable[tuple[list[Any], list[int]]]  # for each batch: the samples' indices, and the numbers that seed their transforms


class DataLoader(Generic[T]):
    """Iterate over batches of ``dataset``: of pairs (image, label), [images (B, C, H, W), labels (B)].

    The options are PyTorch's, in its order; ``seed``, ``transform`` and ``device`` are ninx's own. A batch is made by PyTorch's
    rules (`default_collate`) or by ``collate_fn``: arrays keep their dtype, uint8 too, Python's floats become float64, and
    pairs come as a list of two. Images lie channels-last in memory.

    Each pass is an epoch: ``epoch`` counts them and may be set, and (seed, epoch) decides the order and every random transform.
    Without ``seed`` it is that of `ninx.manual_seed`, which also begins the epochs anew. A loader that is made again begins
    with the same order: make it once, before the loop over the epochs. A ``generator``, NumPy's or `ninx.Generator`, is asked
    for a new seed in each pass.

    ``num_workers`` threads prepare batches ahead, ``prefetch_factor`` (2) each; the batches are the same for any number. Since
    they are threads of one process, pin_memory, persistent_workers, multiprocessing_context and in_order change nothing.
    ``transform`` is called with (image, rng), or with the image alone if it takes no more; after it all images must have one
    shape. On a ``device`` that is a GPU, one batch is copied ahead while the one before is learnt from.

    Raises ValueError and TypeError for options that exclude each other. What a sample raises bears a note with its index.

    >>> digits, prepare = ninx.data.digits("train"), ninx.data.ToTensor()
    >>> loader = ninx.data.DataLoader(digits, batch_size=64, shuffle=True, transform=prepare)
    >>> images, labels = next(iter(loader))
    >>> len(loader), images.shape, labels.shape
    (63, (64, 1, 28, 28), (64,))
    """

    def __init__(
        self,
        dataset: Samples[T],
        batch_size: int = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Sequence[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
        seed: int | None = None,
        transform: Transform | Callable[[Any], Any] | None = None,
        device: str = "cpu",
    ):
        self.batch_size, self.num_workers, self.timeout = check_numbers(batch_size, num_workers, timeout)
        check_order(dataset, batch_size, shuffle, sampler, batch_sampler, drop_last)
        check_dataset(dataset, sampler is not None or batch_sampler is not None)
        check_workers(self.num_workers, worker_init_fn, multiprocessing_context, prefetch_factor, persistent_workers)
        if collate_fn is not None and not callable(collate_fn):
            raise TypeError(f"DataLoader: collate_fn is called with a list of samples, but {brief(collate_fn)} is no function")
        if seed is not None and generator is not None:
            raise ValueError("DataLoader: seed and generator both decide about chance; leave one out")
        if isinstance(dataset, IterableDataset) and self.num_workers:
            raise ValueError("DataLoader: an IterableDataset is read by one alone; leave num_workers out")
        self.dataset, self.shuffle, self.drop_last = dataset, bool(shuffle), bool(drop_last)
        self.seed = None if seed is None else chance.seed_of("DataLoader", "seed", seed)
        if generator is not None and not isinstance(generator, np.random.Generator):
            self.seed, generator = chance.seed_of("DataLoader", "generator", generator), None
        self.generator, self.epoch, self._seeding = generator, 0, random.seeding()[1]
        self.transform, self.device = transform, device
        if transform is not None:
            check_callable("DataLoader", transform)
        self.collate_fn = collate if collate_fn is None else collate_fn
        self.worker_init_fn, self.multiprocessing_context = worker_init_fn, multiprocessing_context
        self.pin_memory, self.pin_memory_device = pin_memory, pin_memory_device
        self.prefetch_factor, self.persistent_workers, self.in_order = prefetch_factor, persistent_workers, in_order
        self._given = batch_sampler if sampler is None else sampler  # else the order is the loader's own
        self.sampler: Any = sampler
        if sampler is None and not isinstance(dataset, IterableDataset):
            self.sampler = (RandomSampler if self.shuffle else SequentialSampler)(dataset)
        self.batch_sampler: Any = batch_sampler
        if batch_sampler is None and self.sampler is not None:
            self.batch_sampler = BatchSampler(self.sampler, self.batch_size, self.drop_last)

    def __len__(self) -> int:
        """The number of batches in an epoch. Raises TypeError if the data set or the sampler does not know its length."""
        try:
            if self.batch_sampler is not None:
                return len(self.batch_sampler)
            n = len(self.dataset)
        except TypeError:
            what = self.dataset if self._given is None else self._given
            raise TypeError(
                f"DataLoader: the number of batches is not known, since {type(what).__name__} has no length"
            ) from None
        return n // self.batch_size if self.drop_last else math.ceil(n / self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        """One epoch."""
        return self.from_batch(0)

    def from_batch(self, first: int) -> Iterator[Any]:
        """One epoch from batch number ``first`` on, for who was stopped in its middle: the same batches as in the whole epoch.

        Those before are neither read nor transformed, except of an `IterableDataset`, which can only be read through.

        >>> loader = ninx.data.DataLoader(range(6), batch_size=2)
        >>> [batch.tolist() for batch in loader.from_batch(1)]
        [[2, 3], [4, 5]]
        """
        seed = self._begin()
        epoch, self.epoch = self.epoch, self.epoch + 1
        if isinstance(self.dataset, IterableDataset):
            made: Iterator[Any] = itertools.islice(self._stream(seed, epoch), first, None)
        else:
            jobs = ((seed, epoch, *planned) for planned in itertools.islice(self._plan(seed, epoch), first, None))
            made = self._ahead(jobs) if self.num_workers and THREADS else (self._batch(*job) for job in jobs)
        return made if self.device == "cpu" else copied_ahead(made, self.device)

    @unfailing
    def __repr__(self) -> str:
        """The settings, and what comes out of them, one a line."""
        try:
            count = f"{len(self):,} batches"
        except TypeError:
            count = "batches"
        plain = isinstance(self.dataset, (list, tuple))  # of thousands of images, perhaps
        order = ("shuffled" if self.shuffle else "in order") if self._given is None else "in the order of a sampler"
        lines = [
            f"{count} of {self.batch_size}, {order}, seed {random.seeding()[0] if self.seed is None else self.seed}, "
            f"epoch {self.epoch}, {self.num_workers} workers, on {self.device}",
            f"dataset: {f'a {type(self.dataset).__name__} of {len(self.dataset):,}' if plain else brief(self.dataset)}",
            f"transform: {brief(self.transform)}",
        ]
        return "\n  ".join(["DataLoader(", *(line.replace("\n", "\n  ") for line in lines)]) + "\n)"

    def _begin(self) -> int:
        """The seed of this pass."""
        if self.generator is not None:
            return int(self.generator.integers(2**63))
        if self.seed is not None:
            return self.seed
        seed, seeding = random.seeding()
        if seeding != self._seeding:
            self._seeding, self.epoch = seeding, 0
        return seed

    def _plan(self, seed: int, epoch: int) -> Plan:
        """What seeds a sample's random transforms: its index, or its place in the epoch where a sampler may draw it twice."""
        if self._given is None:
            n = len(self.dataset)
            order = self.sampler.drawn(np.random.default_rng((seed, epoch))) if self.shuffle else range(n)
            return ((indices, indices) for indices in batched(order, self.batch_size, self.drop_last))
        places = itertools.count()
        return ((list(indices), list(itertools.islice(places, len(indices)))) for indices in self._batches())

    def _batches(self) -> Iterator[Sequence[Any]]:
        for indices in self.batch_sampler:
            if not hasattr(indices, "__len__"):
                raise TypeError(
                    f"DataLoader: batch_sampler yields lists of numbers of samples, not {brief(indices)}; or is it a sampler?"
                )
            yield indices

    def _ahead(self, jobs: Iterable[tuple[int, int, list[Any], list[int]]]) -> Iterator[Any]:
        """Some batches for each thread under way; the oldest is handed out first."""
        most = (self.prefetch_factor or 2) * self.num_workers
        with ThreadPoolExecutor(self.num_workers, thread_name_prefix="ninx-loader") as pool:
            waiting: deque[Future[Any]] = deque()
            try:
                for job in jobs:
                    waiting.append(pool.submit(self._batch, *job))
                    if len(waiting) > most:
                        yield self._next(waiting)
                while waiting:
                    yield self._next(waiting)
            finally:  # also when the consumer stops early
                for future in waiting:
                    future.cancel()

    def _next(self, waiting: deque[Future[Any]]) -> Any:
        future = waiting.popleft()
        try:
            return future.result(self.timeout or None)
        except TimeoutError:
            if future.done():  # it is the data set's own
                raise
            raise RuntimeError(f"DataLoader: a batch was not ready within timeout={self.timeout} seconds") from None

    def _batch(self, seed: int, epoch: int, indices: list[Any], numbers: list[int]) -> Any:
        samples: list[Any] = []
        try:
            if several := getattr(self.dataset, "__getitems__", None):
                chance.begin((seed, epoch, *numbers[:1]))
                samples = [self._transformed(sample) for sample in several(indices)]
            else:
                for index, number in zip(indices, numbers, strict=True):
                    chance.begin((seed, epoch, number))
                    samples.append(self._transformed(self.dataset[index]))
        except Exception as error:
            if len(samples) < len(indices):
                error.add_note(f"DataLoader: raised by sample {indices[len(samples)]!r} of {type(self.dataset).__name__}")
            raise
        finally:
            chance.begin(None)
        return self.collate_fn(samples)

    def _stream(self, seed: int, epoch: int) -> Iterator[Any]:
        """The batches of an IterableDataset."""
        samples = iter(self.dataset)
        for first in itertools.count(0, self.batch_size):
            batch = []
            try:
                for place in range(first, first + self.batch_size):
                    chance.begin((seed, epoch, place))
                    batch.append(self._transformed(next(samples)))
            except StopIteration:
                pass
            finally:
                chance.begin(None)
            if batch and (len(batch) == self.batch_size or not self.drop_last):
                yield self.collate_fn(batch)
            if len(batch) < self.batch_size:
                return

    def _transformed(self, sample: Any) -> Any:
        if self.transform is None:
            return sample
        if type(sample) not in (tuple, list) or len(sample) != 2:
            raise TypeError(
                "DataLoader: transform is for samples (image, label), but a sample is "
                f"{brief(sample)[:80]}; call the transform in the data set's __getitem__"
            )
        image, label = sample
        return applied(self.transform, image), label
