"""A batch from samples, by PyTorch's rules: tensors, arrays and numbers are stacked; of what holds them, each part."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from .. import ops
from ..array import empty
from ..engine import Tensor

_WAY_OUT = "give collate_fn=..., a function from the list of samples to a batch"


class Fields(dict[Any, Any]):
    """What a batch of dictionaries is: a dictionary as in PyTorch, whose fields may also be asked for by their place.

    >>> batch = ninx.data.default_collate([{"image": np.zeros(2), "label": 1}, {"image": np.ones(2), "label": 0}])
    >>> batch["label"], batch[1]
    (tensor([1, 0]), tensor([1, 0]))
    """

    def __missing__(self, key: Any) -> Any:
        """The field at a place, if no field has this number for its name."""
        if isinstance(key, int) and -len(self) <= key < len(self):
            return list(self.values())[key]
        raise KeyError(key)


def default_collate(batch: Sequence[Any]) -> Any:
    """The batch of a list of samples, as PyTorch's function of this name makes it.

    Tensors and arrays of one shape get a new first axis and keep their dtype; Python's floats become float64, its whole numbers
    int64. Texts stay as they are. Of dictionaries, tuples and lists each field is collated by itself; tuples become lists, as in
    PyTorch.

    Raises TypeError for what is none of these, such as None; ValueError for different shapes, lengths and fields.

    >>> ninx.data.default_collate([(np.zeros(2, np.float32), 3), (np.ones(2, np.float32), 5)])
    [tensor([[0., 0.],
            [1., 1.]]), tensor([3, 5])]
    """
    if not isinstance(batch, Sequence) or not batch:
        raise ValueError(f"default_collate: takes a list of one or more samples, got {type(batch).__name__} {str(batch)[:50]}")
    first = batch[0]
    if isinstance(first, (np.ndarray, Tensor)):
        return _stacked(batch)
    if isinstance(first, (bool, int, float, np.generic)) and not isinstance(first, str | bytes):
        return _numbers(batch)
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        return _fields(batch)
    if isinstance(first, Sequence):
        return _parts(batch)
    raise _strange(first)


def collate(samples: Sequence[Any]) -> Any:
    """What a loader does unless it is told otherwise: `default_collate`, with a closer look at pairs (image, label).

    In a pair an image of nested lists, channels of rows of numbers, is an array; PyTorch would take it apart. And a label that is
    a text is refused, as no loss takes it; ``collate_fn=default_collate`` lets it through.
    """
    first = samples[0]
    if type(first) in (tuple, list) and len(first) == 2:
        image, label = first
        if isinstance(label, str | bytes):
            raise TypeError(
                f"DataLoader: the label {label!r} is a text, and no tensor holds texts; number the classes, "
                "or give collate_fn=ninx.utils.data.default_collate, which leaves texts as they are"
            )
        if _is_nested(image, 3):
            samples = [(np.asarray(image), label) for image, label in samples]
    return default_collate(samples)


def _is_nested(value: Any, depth: int) -> bool:
    """Lists of lists, ``depth`` deep, and then a number."""
    for _ in range(depth):
        if not isinstance(value, list) or not value:
            return False
        value = value[0]
    return isinstance(value, int | float)


def _strange(sample: Any) -> TypeError:
    kind = type(sample)
    hint = "; transforms.ToTensor() makes a tensor of a picture" if kind.__module__.startswith("PIL.") else ""
    name = "None" if sample is None else f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    return TypeError(
        f"DataLoader: a batch is made of tensors, arrays, numbers, texts, and dictionaries, tuples and lists of them, "
        f"not of {name}{hint or '; ' + _WAY_OUT}"
    )


def _stacked(batch: Sequence[Any]) -> Tensor:
    """The tensor of all; 4-d ones lie channels-last, as every image here does."""
    arrays = []
    for thing in batch:
        if not isinstance(thing, np.ndarray):
            if not isinstance(thing, Tensor):
                raise TypeError(f"DataLoader: a batch holds an array and {type(thing).__name__} in one place; {_WAY_OUT}")
            if thing.requires_grad or thing.device != "cpu":
                return ops.stack([Tensor(t) if isinstance(t, np.ndarray) else t for t in batch])
            thing = thing.array
        arrays.append(thing)
    if len(shapes := {array.shape for array in arrays}) > 1:
        what = "images" if arrays[0].ndim > 1 else "arrays"
        raise ValueError(
            f"DataLoader: the {what} of a batch must have one shape, got {sorted(shapes)}; a Resize makes images equal, "
            "collate_fn=list keeps the samples apart"
        )
    dtypes = {array.dtype for array in arrays}
    if odd := [d for d in dtypes if d.kind not in "fiub" or d.itemsize > 8]:
        raise TypeError(f"DataLoader: a tensor holds floats, whole numbers or booleans, but a sample is an array of {odd[0]}")
    if len(dtypes) > 1:  # PyTorch's rule for which of them it will be
        return ops.stack([Tensor(array) for array in arrays])
    out = empty((len(arrays), *arrays[0].shape), arrays[0].dtype.newbyteorder("="), np)
    np.stack(arrays, out=out)
    return Tensor(out)


def _numbers(batch: Sequence[Any]) -> Tensor:
    """Floats as float64, whole numbers as int64, NumPy's in their own dtype; the first decides, as in PyTorch."""
    first = batch[0]
    try:
        if isinstance(first, float):
            return Tensor(np.asarray(batch, np.float64))
        values = np.asarray(batch)
    except (TypeError, ValueError, OverflowError):
        values = np.asarray(None)
    too_large = values.dtype == np.uint64 and not isinstance(first, np.generic)
    if values.dtype.kind not in "fiub" or values.ndim != 1 or values.dtype.itemsize > 8 or too_large:
        odd = next((v for v in batch if not isinstance(v, int | float | np.number | np.bool_)), first)
        raise TypeError(
            f"DataLoader: a batch holds {first!r} and {odd!r} ({type(odd).__name__}) in one place, which make no tensor of "
            f"numbers; {_WAY_OUT}"
        )
    if values.dtype == np.float64 and not isinstance(first, np.generic):
        values = values.astype(np.float32)  # whole numbers first, floats after them
    return Tensor(values)


def _fields(batch: Sequence[Any]) -> Any:
    first = batch[0]
    for sample in batch:
        if not isinstance(sample, Mapping) or any(key not in sample for key in first):
            found = list(sample) if isinstance(sample, Mapping) else type(sample).__name__
            raise ValueError(f"DataLoader: the dictionaries of a batch must have the same fields, got {list(first)} and {found}")
    collated = {key: _named(key, default_collate, [sample[key] for sample in batch]) for key in first}
    if type(first) is dict:
        return Fields(collated)
    if isinstance(first, MutableMapping):
        filled = copy.copy(first)
        filled.update(collated)
        return filled
    return collated


def _named(name: Any, make: Callable[[Any], Any], values: Any) -> Any:
    """``make(values)``; its error says of which field."""
    try:
        return make(values)
    except (TypeError, ValueError) as error:
        error.add_note(f"in the field {name!r}")
        raise


def _parts(batch: Sequence[Any]) -> Any:
    first = batch[0]
    for sample in batch:
        if not isinstance(sample, Sequence) or len(sample) != len(first):
            found = f"{len(sample)} things" if isinstance(sample, Sequence) else type(sample).__name__
            raise ValueError(f"DataLoader: the samples of a batch must be equally long, got {len(first)} things and {found}")
    collated = [default_collate(values) for values in zip(*batch, strict=True)]
    if hasattr(first, "_fields"):  # a named tuple
        return type(first)(*collated)
    if isinstance(first, MutableSequence) and type(first) is not list:
        filled = copy.copy(first)
        filled[:] = collated
        return filled
    return collated
