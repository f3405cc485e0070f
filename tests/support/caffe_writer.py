"""Files of Caffe as Caffe writes them, in the three layouts that its definition has had, and a network's layers for them."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np

Blobs = Mapping[str, tuple[str, Sequence[np.ndarray]]]  # by the name of the layer: its type, and its blobs


def whole(number: int) -> bytes:
    """A whole number, seven bits a byte."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def field(number: int, content: bytes | int) -> bytes:
    """A field: a whole number, or bytes."""
    if isinstance(content, int):
        return whole(number << 3) + whole(content)
    return whole(number << 3 | 2) + whole(len(content)) + content


def blob(values: np.ndarray, layout: str = "new", diff: bool = False) -> bytes:
    """A blob: of old its shape is four sizes, with ones before them. ``diff``: with gradients, as a snapshot may have them."""
    if layout == "new":
        shape = field(7, field(1, b"".join(map(whole, values.shape))))
    else:
        shape = b"".join(field(i, n) for i, n in enumerate((1,) * (4 - values.ndim) + values.shape, 1))
    content = field(8 if values.dtype == np.float64 else 5, values.tobytes())
    return content + (field(6, values.tobytes()) if diff else b"") + shape


V1_TYPES = {"Convolution": 4, "Data": 5, "Dropout": 6, "InnerProduct": 14, "Pooling": 17, "ReLU": 18, "SoftmaxWithLoss": 21}
V0_TYPES = {"Convolution": "conv", "InnerProduct": "innerproduct", "ReLU": "relu", "Pooling": "pool", "Data": "data"}


def caffemodel(layers: Blobs, layout: str = "new", name: str = "a net", diff: bool = False) -> bytes:
    """A .caffemodel: "new" has LayerParameter, "v1" V1LayerParameter, "v0" V0LayerParameter inside of one."""
    out = field(1, name.encode())
    for i, (layer, (kind, values)) in enumerate(layers.items()):
        blobs = [blob(v, layout, diff) for v in values]
        bottom = str(i).encode()
        if layout == "new":
            body = field(1, layer.encode()) + field(2, kind.encode()) + field(3, bottom) + field(4, bottom)
            body += field(6, struct.pack("<BfBf", 0x1D, 1.0, 0x25, 1.0)) + b"".join(field(7, b) for b in blobs)
            out += field(100, body + field(10, 1) + field(106, field(1, 96)))
        elif layout == "v1":
            body = field(2, bottom) + field(3, bottom) + field(4, layer.encode()) + field(5, V1_TYPES[kind])
            body += b"".join(field(6, b) for b in blobs) + whole(7 << 3 | 5) + struct.pack("<f", 1.0) + field(10, field(1, 96))
            out += field(2, body)
        else:
            body = field(1, layer.encode()) + field(2, V0_TYPES[kind].encode()) + field(3, 96)
            body += b"".join(field(50, b) for b in blobs) + whole(51 << 3 | 5) + struct.pack("<f", 1.0)
            out += field(2, field(1, body) + field(2, bottom) + field(3, bottom))
    return out
