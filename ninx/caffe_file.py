"""Caffe's files of weights (.caffemodel), read without Caffe and without Google's protobuf.

Such a file is a message of Protocol Buffers. Of all that Caffe's definition names only a few fields carry weights, so this file
walks through the fields (`protobuf_fields`), and steps over what it does not need.
(The library would want Caffe's definition compiled, hundreds of messages, and reads all of a file whatever it asks for.)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from typing import Any, BinaryIO, NamedTuple

from .files import read_part
from .pickled_arrays import Values
from .protobuf_fields import Fields, Span
from .stored_numbers import numbers

# Fields by their numbers in Caffe's caffe.proto. A network has its layers in "layer", older ones in "layers" (version 1), whose
# oldest have all that matters one level deeper (version 0).
_LAYER, _LAYERS = 100, 2


class _Layout(NamedTuple):
    """The numbers of a layer's fields, and by what its type says that it is fully connected."""

    name: int
    type: int
    blobs: int
    fully_connected: bytes | int


_NEW, _V1, _V0 = _Layout(1, 2, 7, b"InnerProduct"), _Layout(4, 5, 6, 14), _Layout(1, 2, 50, b"innerproduct")
_V1_INSIDE = 1  # the field of a layer of version 1 that holds one of version 0

# Of a blob: four sizes of old, or a shape; and the values, float32 or float64.
_OLD_SIZES, _SHAPE, _DIM, _FLOATS, _DOUBLES = (1, 2, 3, 4), 7, 1, 5, 8

_NAMES = ("weight", "bias")  # of a layer's first two blobs
MAX_NDIM = 32


def read_caffe_file(file: BinaryIO, where: str) -> dict[str, Values]:
    """The weights in a .caffemodel, by the names of its layers: "conv1.weight", "conv1.bias".

    A convolution's have the shape (O, C / groups, KH, KW), those of a fully connected layer (O, I), as PyTorch's. Further
    blobs of a layer are called blob2, blob3. Raises ValueError, which begins with ``where``, for anything else.
    """
    try:
        found: dict[str, Values] = {}
        fields = Fields(file)
        for number, span in fields((0, file.seek(0, 2))):
            if number in (_LAYER, _LAYERS) and isinstance(span, tuple):
                for name, values in _layer(fields, span, _NEW if number == _LAYER else _V1):
                    if name in found:
                        raise ValueError(f"two of its layers have {name[:100]!r}")
                    found[name] = values
    except ValueError as error:
        raise ValueError(f"{where}: is damaged, or no .caffemodel ({error})") from None
    if not found:
        raise ValueError(f"{where}: holds no weights of Caffe's; a .prototxt, or the state of a solver, has none")
    return found


def _layer(fields: Fields, span: Span, layout: _Layout) -> Iterator[tuple[str, Values]]:
    """The blobs of a layer, with their names."""
    name, kind, blobs = "", None, []
    for number, value in fields(span):
        if layout is _V1 and number == _V1_INSIDE and isinstance(value, tuple):
            yield from _layer(fields, value, _V0)
        elif number == layout.name and isinstance(value, tuple):
            name = _text(fields, value).decode("utf-8", "replace")
        elif number == layout.type:
            kind = value if isinstance(value, int) else bytes(_text(fields, value))
        elif number == layout.blobs and isinstance(value, tuple):
            blobs.append(value)
    for i, blob in enumerate(blobs):
        values = _blob(fields, blob)
        if i == 1:  # a bias, of old with four sizes: (1, 1, 1, O)
            values = values.reshape(-1)
        elif i == 0 and kind == layout.fully_connected and values.ndim == 4 and values.shape[:2] == (1, 1):
            values = values.reshape(values.shape[2:])
        yield f"{name}.{_NAMES[i] if i < len(_NAMES) else f'blob{i}'}", values


def _content(fields: Fields, span: Span) -> bytearray:
    return read_part(fields.file, span[0], span[1] - span[0])


def _text(fields: Fields, span: Span) -> bytearray:
    if span[1] - span[0] > 1000:
        raise ValueError(f"the name at byte {span[0]:,} has {span[1] - span[0]:,} bytes")
    return _content(fields, span)


def _blob(fields: Fields, span: Span) -> Values:
    """An array of its own."""
    old: dict[int, Any] = {}
    shape: list[int] | None = None
    values: Values | None = None
    for number, value in fields(span):
        if number in _OLD_SIZES and isinstance(value, int):
            old[number] = value
        elif number == _SHAPE and isinstance(value, tuple):
            shape = _shape(fields, value)
        elif number in (_FLOATS, _DOUBLES):
            bytes_each = 4 if number == _FLOATS else 8
            if not isinstance(value, tuple) or values is not None or (value[1] - value[0]) % bytes_each:
                raise ValueError(f"the values at byte {span[0]:,} are not stored in one piece, as Caffe stores them")
            values = numbers(_content(fields, value), f"f{bytes_each}")
    sizes = tuple(old.get(n, 0) for n in _OLD_SIZES) if shape is None else tuple(shape)
    count = 0 if values is None else len(values)
    if values is None or math.prod(sizes) != count or max(sizes, default=0) >= 2**48:
        raise ValueError(f"the blob at byte {span[0]:,} has the shape {'x'.join(map(str, sizes))[:100]} and {count:,} values")
    return values.reshape(sizes)


def _shape(fields: Fields, span: Span) -> list[int]:
    sizes: list[int] = []
    for number, value in fields(span):
        if number == _DIM:
            sizes += [value] if isinstance(value, int) else islice(fields.wholes(value), MAX_NDIM + 1)
        if len(sizes) > MAX_NDIM:
            raise ValueError(f"the blob at byte {span[0]:,} has more than {MAX_NDIM} dimensions")
    return sizes
