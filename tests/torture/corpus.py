"""Small valid files of every format that ninx reads, written here, and for each what reads it.

A reader takes a path and gives back what it found as plain arrays and texts, so that two readings can be compared. ``summed``
says that the format stores a sum of the bytes: then whatever is read of a damaged file must be what was written.
"""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx_files
from caffe_writer import caffemodel
from official import cifar_binary, cifar_python, drawn, idx, write_tar
from onnx import helper
from PIL import Image

import ninx
import ninx.onnx
from ninx import data, models, nn, train
from ninx.data.cifar import VERSIONS, read_cifar
from ninx.data.idx import read_idx
from ninx.data.svhn import read_svhn
from ninx.train import recipe as recipes


class Reader(NamedTuple):
    """A format: its files, the name that they get, what reads them, and whether a sum of the bytes is stored in them."""

    files: list[bytes]
    name: str
    read: Callable[[Path], Any]
    summed: bool = False


def _mat(images: np.ndarray, labels: np.ndarray, packed: bool) -> bytes:
    """SVHN's file as MATLAB 5 lays it out."""

    def element(kind: int, content: bytes) -> bytes:
        return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)

    def variable(name: bytes, array: np.ndarray) -> bytes:
        parts = element(6, struct.pack("<II", 9, 0)) + element(5, struct.pack(f"<{array.ndim}i", *array.shape))
        parts += struct.pack("<HH", 1, len(name)) + name.ljust(4, b"\0") + element(2, array.tobytes(order="F"))
        whole = struct.pack("<II", 14, len(parts)) + parts
        if not packed:
            return whole
        squeezed = zlib.compress(whole)
        return struct.pack("<II", 15, len(squeezed)) + squeezed

    head = b"MATLAB 5.0 MAT-file, written by a test".ljust(124) + b"\x00\x01IM"
    return (
        head + variable(b"X", images.transpose(1, 2, 3, 0)) + variable(b"y", np.where(labels, labels, 10)[:, None].astype("u1"))
    )


def _gzip(content: bytes) -> bytes:
    import gzip

    return gzip.compress(content, 6, mtime=0)


def _pictures(kind: str, **settings: Any) -> list[bytes]:
    """One of each mode that the format has, of a few pixels."""
    rng, found = np.random.default_rng(3), []
    modes = {"PNG": "L RGB RGBA P 1 LA I;16", "JPEG": "L RGB CMYK", "GIF": "L P RGB", "BMP": "L RGB 1 P", "WEBP": "RGB RGBA"}
    for mode in (modes | {"TIFF": "L RGB RGBA 1 CMYK F I;16", "PPM": "L RGB 1"})[kind].split():
        values = rng.integers(0, 256, (20, 24, 3), np.uint8)
        wide = {"F": np.float32, "I;16": np.uint16}.get(mode)
        image = Image.fromarray(values[..., 0].astype(wide) * 200) if wide else Image.fromarray(values).convert(mode)
        out = io.BytesIO()
        image.save(out, kind, **settings)
        found.append(out.getvalue())
    return found


def _digits() -> list[bytes]:
    """Two digits beside each other, in formats that store no sums."""
    image, found = Image.fromarray(np.pad(np.hstack(data.digits("test").images[:2]), 8)), []
    for kind in ("BMP", "GIF", "TIFF", "PPM", "JPEG"):
        out = io.BytesIO()
        image.save(out, kind)
        found.append(out.getvalue())
    return found


def _pth(zipped: bool) -> list[bytes]:
    """Files of PyTorch, laid out by hand: a zip archive of a pickle and its storages. Not zipped: as before version 1.6."""
    rows, tensors, rest = np.arange(24, dtype="<f4"), [], b"" if zipped else b"N"
    for key, (name, shape, strides) in enumerate((("a.weight", (2, 3, 4), (12, 4, 1)), ("a.bias", (4,), (6,)))):
        text = b"X" + struct.pack("<I", len(name)) + name.encode()
        storage = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x00%dX\x03\x00\x00\x00cpuK\x18%stQ" % (key, rest)
        whole = [b"(" + b"".join(b"K%c" % n for n in numbers) + b"t" for numbers in (shape, strides)]
        head = text + b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00" + whole[0] + whole[1] + b"\x89"
        tensors.append(head + b"ccollections\nOrderedDict\n)RtR")
    pickled = b"\x80\x02}(" + b"".join(tensors) + b"u."
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for part, content in {
            "data.pkl": pickled,
            "byteorder": b"little",
            "data/0": rows,
            "data/1": rows,
            "version": b"3\n",
        }.items():
            archive.writestr(f"archive/{part}", bytes(content))
    if zipped:
        return [out.getvalue()]
    before = [pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    behind = [struct.pack("<q", len(rows)) + rows.tobytes() for _ in tensors]
    return [b"".join([*before, pickled, pickle.dumps(["0", "1"], 2), *behind])]


def _caffemodel() -> list[bytes]:
    """Each layout of Caffe's definition."""
    values = np.arange(24, dtype="<f4").reshape(2, 3, 2, 2), np.ones(2, "<f4")
    layers = {"conv1": ("Convolution", values), "relu1": ("ReLU", []), "fc": ("InnerProduct", (np.ones((3, 2)), np.ones(3)))}
    return [caffemodel(layers, layout) for layout in ("new", "v1", "v0")]


def _saved(folder: Path) -> dict[str, list[bytes]]:
    """What ninx itself writes."""
    tiny = {"limit": 10, "epochs": 1, "batch_size": 10, "model.name": "nin-mnist-v0", "model.switches": {"num_classes": 10}}
    run = train.Training(recipes.load("digits", tiny), folder / "run")
    list(run.run())
    ninx.save({"epoch": 3, "net": nn.Linear(3, 2).state_dict(), "betas": (0.9, 0.999)}, folder / "save")
    ninx.save_weights(nn.Linear(4, 3), folder / "weights")
    return {
        "checkpoint": [run.checkpoint.read_bytes()],
        "safetensors": [(folder / "save").read_bytes(), (folder / "weights").read_bytes()],
    }


PROTOTXT = b"""input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8
layers { name: "conv1" type: CONVOLUTION convolution_param { num_output: 4 kernel_size: 3 pad: 1 } }
layers { name: "pool1" type: POOLING pooling_param { pool: AVE kernel_size: 3 stride: 2 } }
layers { name: "ip" type: INNER_PRODUCT inner_product_param { num_output: 5 bias_term: false } }
"""


def _archive(folder: Path, version: int, files: dict[str, bytes]) -> bytes:
    path = folder / VERSIONS["cifar10"][version][0]
    write_tar(path, files)
    return path.read_bytes()


RECIPE = b"""name = "mine"
data = "digits"
epochs = 2
batch_size = 64
[prepare]
normalize = true
mean = [0.1307]
std = [0.3081]
[augment]
translate = 2
[model]
name = "nin-mnist"
switches = { dropout = 0.3 }
[layers."0.0"]
lr = 2.0
[optim]
name = "SGD"
lr = 0.1
momentum = 0.9
[schedule]
name = "multistep"
milestones = [1]
"""


def _image(path: Path) -> Any:
    return data.read_image(path, (20, 24, 3)), data.read_image(path)


def _checkpoint(path: Path) -> Any:
    found = train.read_checkpoint(path)
    found.preparation()
    return found.model().state_dict(), repr(found.recipe), found.classes, found.history


def _onnx() -> list[bytes]:
    """A row of layers, and a graph whose values branch, with shapes that are computed."""
    row = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3), nn.MaxPool2d(2), nn.Flatten())
    nodes = [
        helper.make_node("Conv", ["x", "a.weight"], ["a"], name="a", auto_pad="SAME_UPPER", strides=[2, 2]),
        helper.make_node("Shape", ["a"], ["shape"], start=1),
        helper.make_node("Constant", [], ["sizes"], value_ints=[1, 2, 3, 4]),
        helper.make_node("Concat", ["one", "shape"], ["whole"], axis=0),
        helper.make_node("Reshape", ["a", "whole"], ["b"], name="b"),
        helper.make_node("Pad", ["b", "pads"], ["c"], name="c"),
        helper.make_node("AveragePool", ["c"], ["d"], kernel_shape=[2, 2], pads=[0, 1, 1, 0]),
        helper.make_node("Gemm", ["v", "fc.weight", "fc.bias"], ["y"], name="fc", alpha=0.5),
    ]
    tensors = {"a.weight": np.ones((2, 3, 3, 3), "f4"), "one": np.array([1]), "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1])}
    tensors |= {"fc.weight": np.eye(3, dtype="f4"), "fc.bias": np.zeros(3, "f2").astype("f4")}
    graph = onnx_files.model(nodes, {"x": [1, 3, 8, 8], "v": ["N", 3]}, ["d", "y", "sizes"], tensors)
    plain = onnx_files.model([helper.make_node("Add", ["x", "t"], ["y"])], {"x": [2]}, ["y"])
    for kind in (1, 6, 7, 10, 11, 16):  # numbers that are no raw bytes
        plain.graph.initializer.append(helper.make_tensor("t" if kind == 1 else f"t{kind}", kind, [2], [1, 2]))
    return [model.SerializeToString() for model in (onnx_files.of_network(row, ["N", 3, 8, 8]), graph, plain)]


def _network(path: Path) -> Any:
    net = ninx.onnx.load(path)
    return net.state_dict(), repr(net), [list(t.shape) for t in net.parameters()], getattr(net, "steps", ())


def readers(folder: Path) -> dict[str, Reader]:
    """Every reader by its name. ``folder`` is for what has to be written on the way."""
    images, labels = drawn((20, 32, 32, 3), 10)
    grey = images[:, :28, :28, 0]
    binary, python = cifar_binary(images, labels), cifar_python(images, {b"labels": labels})
    ten = {f"cifar-10-batches-bin/{b}.bin": binary for b in ("data_batch_1", "test_batch")}
    saved = _saved(folder)
    archive = VERSIONS["cifar10"][0][0]
    found = {
        "idx": Reader([idx(grey)], "train-images-idx3-ubyte", lambda p: read_idx(p, 3)),
        "idx.gz": Reader([_gzip(idx(grey))], "train-images-idx3-ubyte.gz", lambda p: read_idx(p, 3), True),
        "cifar binary": Reader([binary], "test_batch.bin", lambda p: read_cifar([p], "cifar10", "test")),
        "cifar python": Reader([python], "test_batch", lambda p: read_cifar([p], "cifar10", "test")),
        "cifar tar": Reader([_archive(folder, 0, ten)], archive, lambda p: read_cifar([p], "cifar10", "test"), True),
        "svhn": Reader([_mat(images, labels, True)], "test_32x32.mat", lambda p: read_svhn([p])),
        "svhn, plain": Reader([_mat(images, labels, False)], "test_32x32.mat", lambda p: read_svhn([p])),
        "pth": Reader(_pth(True), "w.pth", ninx.load_weights, True),
        "pth, old": Reader(_pth(False), "w.pth", ninx.load),
        "prototxt": Reader([PROTOTXT], "net.prototxt", lambda p: str(models.from_prototxt(p))),
        "caffemodel": Reader(_caffemodel(), "w.caffemodel", ninx.load_weights),
        "safetensors": Reader(saved["safetensors"], "w.safetensors", ninx.load),
        "checkpoint": Reader(saved["checkpoint"], "checkpoint.safetensors", _checkpoint),
        "recipe": Reader([RECIPE], "mine.toml", lambda p: str(recipes.load(str(p)))),
    }
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "PPM"):
        found[kind] = Reader(_pictures(kind), f"x.{kind.lower()}", _image, kind == "PNG")
    packings = (None, "tiff_lzw", "tiff_adobe_deflate", "packbits")
    tiffs = [file for packing in packings for file in _pictures("TIFF", compression=packing)]
    found["TIFF"] = Reader(tiffs, "x.tif", _image)
    found["onnx"] = Reader(_onnx(), "net.onnx", _network)
    found["digits"] = Reader(_digits(), "x.png", data.read_digits)
    return found


def fingerprint(value: Any) -> int:
    """A number that two readings share exactly if they found the same."""
    if isinstance(value, dict):
        parts: list[Any] = [part for item in sorted(value.items(), key=lambda item: str(item[0])) for part in item]
    elif isinstance(value, (list, tuple)):
        parts = list(value)
    elif hasattr(value, "images"):
        parts = [value.images, value.labels, value.classes]
    else:
        array = value.detach().numpy() if hasattr(value, "detach") else value
        plain = isinstance(array, np.ndarray)
        content = np.ascontiguousarray(array).tobytes() if plain else repr(array).encode("utf-8", "replace")
        return zlib.crc32(repr((array.dtype, array.shape)).encode() + content if plain else content)
    return zlib.crc32(repr([fingerprint(part) for part in parts]).encode())
