"""Caffe's files: weights (.caffemodel), and definitions of networks (.prototxt)."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import caffe_writer
import numpy as np
import pytest
import rationed
from others import blobs_of, caffe_nin, the_same
from torch import nn as theirs

import ninx
from ninx import limits

# -------------------------------------------------------------------- Caffe


@pytest.mark.parametrize("layout", ["new", "v1", "v0"])
def test_the_published_nin_for_cifar10(tmp_path: Path, layout: str) -> None:
    net = caffe_nin("Caffe's NIN for CIFAR-10")
    path = tmp_path / "cifar10_nin.caffemodel"
    path.write_bytes(caffe_writer.caffemodel(blobs_of(net), layout, "CIFAR10_full"))
    ours = ninx.models.create("nin-cifar10")
    found = ninx.load_weights(path, ours)
    assert list(found) == list(ours.state_dict())
    assert sum(v.numel() for v in found.values()) == 966_986
    the_same(ours, net, (2, 3, 32, 32))
    raw = ninx.load_weights(path)
    assert list(raw)[:4] == ["conv1.weight", "conv1.bias", "cccp1.weight", "cccp1.bias"]
    assert raw["cccp1.weight"].shape == (160, 192, 1, 1)
    assert raw["cccp1.bias"].shape == (160,)
    raw["conv1.weight"].fill_(0)  # memory of its own


def test_the_published_nin_for_imagenet(tmp_path: Path) -> None:
    net = caffe_nin("Caffe's NIN for ImageNet")
    path = tmp_path / "nin_imagenet.caffemodel"
    path.write_bytes(caffe_writer.caffemodel(blobs_of(net), "v1", "nin_imagenet", diff=True))
    ours = ninx.models.create("nin-imagenet", dropout=0.0)  # with other numbers in its names
    ninx.load_weights(path, ours)
    the_same(ours, net, (1, 3, 99, 99))


def test_fully_connected_layers_and_groups_of_caffe(tmp_path: Path) -> None:
    """As the zoo's AlexNet has them; of old a matrix has four sizes as well."""
    layers = OrderedDict(
        conv2=theirs.Conv2d(4, 6, 3, groups=2), relu2=theirs.ReLU(), flat=theirs.Flatten(), fc6=theirs.Linear(24, 5)
    )
    net = theirs.Sequential(layers)
    for layout in ("new", "v1", "v0"):
        path = tmp_path / f"{layout}.caffemodel"
        path.write_bytes(caffe_writer.caffemodel(blobs_of(net), layout))
        ours = ninx.nn.Sequential(
            {
                "conv2": ninx.nn.Conv2d(4, 6, 3, groups=2),
                "r": ninx.nn.ReLU(),
                "f": ninx.nn.Flatten(),
                "fc6": ninx.nn.Linear(24, 5),
            }
        )
        assert ninx.load_weights(path, ours)["fc6.weight"].shape == (5, 24)
        the_same(ours, net, (2, 4, 4, 4))


def test_doubles_and_further_blobs(tmp_path: Path) -> None:
    values = [np.arange(6.0).reshape(1, 6), np.ones(2, np.float32), np.full((3,), 7, np.float32)]
    (tmp_path / "w.caffemodel").write_bytes(caffe_writer.caffemodel({"bn": ("BatchNorm", values)}))
    found = ninx.load_weights(tmp_path / "w.caffemodel")
    assert list(found) == ["bn.weight", "bn.bias", "bn.blob2"]
    assert found["bn.weight"].dtype == np.float64
    assert found["bn.blob2"].tolist() == [7, 7, 7]


def test_googles_own_library_writes_the_same_layout(tmp_path: Path) -> None:
    """Its messages are made here from the few fields of Caffe's definition that carry weights."""
    pytest.importorskip("google.protobuf", reason="protobuf is not installed (pip install protobuf)")
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kind = descriptor_pb2.FieldDescriptorProto
    messages: dict[str, list[tuple[Any, ...]]] = {
        "BlobShape": [("dim", 1, kind.TYPE_INT64, True)],
        "BlobProto": [("num", 1, kind.TYPE_INT64, False), ("channels", 2, kind.TYPE_INT64, False),
                      ("data", 5, kind.TYPE_FLOAT, True), ("shape", 7, "BlobShape", False)],
        "LayerParameter": [("name", 1, kind.TYPE_STRING, False), ("type", 2, kind.TYPE_STRING, False),
                           ("blobs", 7, "BlobProto", True), ("phase", 10, kind.TYPE_INT32, False)],
        "NetParameter": [("name", 1, kind.TYPE_STRING, False), ("layer", 100, "LayerParameter", True)],
    }  # fmt: skip
    file = descriptor_pb2.FileDescriptorProto(name="few.proto", package="few", syntax="proto2")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for label, number, what, repeated in fields:
            added = message.field.add(name=label, number=number, label=3 if repeated else 1)
            if isinstance(what, str):
                added.type, added.type_name = kind.TYPE_MESSAGE, f".few.{what}"
            else:
                added.type = what
                added.options.packed = repeated
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    net = message_factory.GetMessageClass(pool.FindMessageTypeByName("few.NetParameter"))(name="a net")
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2)
    layer = net.layer.add(name="conv1", type="Convolution", phase=1)
    layer.blobs.add(data=values.ravel().tolist()).shape.dim.extend(values.shape)
    (tmp_path / "w.caffemodel").write_bytes(net.SerializeToString())
    np.testing.assert_array_equal(ninx.load_weights(tmp_path / "w.caffemodel")["conv1.weight"].numpy(), values)


_ONE = {"conv1": ("Convolution", [np.ones((2, 1, 3, 3), np.float32), np.zeros(2, np.float32)])}
GOOD = caffe_writer.caffemodel(_ONE)
_BLOB = caffe_writer.blob(np.ones(2, np.float32))


def _with_blob(blob: bytes) -> bytes:
    return caffe_writer.field(100, caffe_writer.field(1, b"conv1") + caffe_writer.field(7, blob))


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "holds no weights of Caffe's"),
        (b'name: "a net"\nlayer {\n}\n', "stored in an unknown way"),
        (caffe_writer.field(1, b"only a name"), "holds no weights"),
        (GOOD[:-40], r"should have \d+ bytes, and \d+ are left"),
        (GOOD + GOOD, "two of its layers have 'conv1.weight'"),
        (b"\xff" * 30, "has no end"),
        (caffe_writer.field(100, b"\x80"), "has no end"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "should have 9,223,372,036,854,775,807 bytes"),
        (_with_blob(_BLOB[:-1] + b"\x03"), "has the shape 3 and 2 values"),
        (_with_blob(caffe_writer.field(7, caffe_writer.field(1, 2))), "has the shape 2 and 0 values"),
        (_with_blob(caffe_writer.field(5, b"12345")), "are not stored in one piece"),
        (_with_blob(_BLOB + _BLOB), "are not stored in one piece"),
        (_with_blob(caffe_writer.field(5, 3)), "are not stored in one piece"),
        (_with_blob(caffe_writer.field(7, caffe_writer.field(1, bytes(40)))), "has more than 32 dimensions"),
        (_with_blob(caffe_writer.field(7, caffe_writer.field(1, b"\0" + b"\xff" * 8 + b"\x7f")) + caffe_writer.field(5, b"")),
         "the shape 0x9223372036854775807"),
        (_with_blob(caffe_writer.field(7, caffe_writer.field(1, b"\x81"))), "has no end"),
        (caffe_writer.field(100, caffe_writer.field(1, b"n" * 2000)), "has 2,000 bytes"),
        (b"\x08\x01" * (limits.FIELDS + 1), "it has more than 200,000 fields"),
    ],
)  # fmt: skip
def test_damaged_files_of_caffe(tmp_path: Path, content: bytes, match: str) -> None:
    path = tmp_path / "w.caffemodel"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^weights .*w\.caffemodel: .*{match}") as caught:
        ninx.load_weights(path)
    assert "\n" not in str(caught.value)


def test_a_hostile_file_of_caffe_takes_little(tmp_path: Path) -> None:
    path = tmp_path / "w.caffemodel"
    path.write_bytes(_with_blob(caffe_writer.field(7, caffe_writer.field(1, b"\x01" * 20_000_000))))
    taken = rationed.read("ninx.load_weights(path)", path)
    assert "has more than 32 dimensions" in taken.found
    assert taken.megabytes < 50
    assert taken.seconds < 5
    path.write_bytes(b"\x0a\x00" * 10_000_000)
    taken = rationed.read("ninx.load_weights(path)", path)
    assert "more than 200,000 fields" in taken.found
    assert taken.seconds < 5


# -------------------------------------------------------------------- Caffe's definitions


def prototxt(net: theirs.Module, old: bool, shape: tuple[int, ...] | None) -> str:
    """The definition of a network in Caffe's words: of old "layers" with types in capitals, or "layer"."""
    text = 'name: "a net"  # as published\n' + "".join(f"input_dim: {n}\n" for n in ((1, *shape) if shape else ()))
    layers = [("data", "DATA", 'data_param { source: "/a/\\"b" backend: LMDB batch_size: 64 }\n  include: { phase: TRAIN }')]
    for name, layer in net.named_children():
        if isinstance(layer, theirs.Conv2d):
            sizes = f"pad: {layer.padding[0]} kernel_size: {layer.kernel_size[0]} stride: {layer.stride[0]} group: {layer.groups}"
            rest = f"num_output: {layer.out_channels} {sizes} weight_filler {{ type: 'gaussian' std: 5e-2 }}"
            layers.append((name, "CONVOLUTION", f"blobs_lr: 1. blobs_lr: 2\n  convolution_param {{ {rest} }}"))
        elif isinstance(layer, theirs.Linear):
            layers.append((name, "INNER_PRODUCT", f"inner_product_param {{ num_output: {layer.out_features} }}"))
        elif isinstance(layer, theirs.LocalResponseNorm):
            layers.append((name, "LRN", "lrn_param { local_size: 5; alpha: 0.0001, beta: 0.75 }"))
        elif isinstance(layer, (theirs.MaxPool2d, theirs.AvgPool2d)):
            kind = "MAX" if isinstance(layer, theirs.MaxPool2d) else "AVE"
            layers.append((name, "POOLING", f"pooling_param {{ pool: {kind} kernel_size: 3 stride: 2 }}"))
        elif isinstance(layer, theirs.AdaptiveAvgPool2d):
            layers.append((f"pool{name}", "POOLING", "pooling_param { pool: AVE global_pooling: true }"))
        elif isinstance(layer, (theirs.ReLU, theirs.Dropout)):
            layers.append((name, type(layer).__name__.upper(), ""))
    layers.append(("loss", "SOFTMAX_LOSS", 'bottom: "label"'))
    modern = {"INNER_PRODUCT": "InnerProduct", "RELU": "ReLU", "LRN": "LRN", "SOFTMAX_LOSS": "SoftmaxWithLoss"}
    bottom = "data"
    for name, kind, rest in layers:
        told = kind if old else f'"{modern.get(kind, kind.capitalize())}"'
        in_place = kind in ("RELU", "DROPOUT")
        text += f'layer{"s" * old} {{\n  name: "{name}"\n  type: {told}\n  {rest}\n'
        text += f'  bottom: "{bottom}"\n  top: "{bottom if in_place else name}"\n}}\n'
        bottom = bottom if in_place else name
    return text


@pytest.mark.parametrize("old", [False, True])
def test_a_published_nin_from_its_definition(tmp_path: Path, old: bool) -> None:
    net = caffe_nin("Caffe's NIN for CIFAR-10")
    (tmp_path / "train_val.prototxt").write_text(prototxt(net, old, None))
    (tmp_path / "w.caffemodel").write_bytes(caffe_writer.caffemodel(blobs_of(net), "v1" if old else "new"))
    ours = ninx.models.from_prototxt(tmp_path / "train_val.prototxt", (3, 32, 32))
    found = ninx.load_weights(tmp_path / "w.caffemodel", ours)
    assert list(found)[:2] == ["conv1.weight", "conv1.bias"]
    the_same(ours, net, (2, 3, 32, 32))
    preset = ninx.models.create("nin-cifar10").eval()
    ninx.load_weights(tmp_path / "w.caffemodel", preset)
    x = ninx.rand(2, 3, 32, 32)
    np.testing.assert_allclose(ours(x).detach().numpy(), preset(x).detach().numpy(), rtol=1e-5)


def test_the_nin_for_imagenet_from_its_definition(tmp_path: Path) -> None:
    net = caffe_nin("Caffe's NIN for ImageNet")
    (tmp_path / "deploy.prototxt").write_text(prototxt(net, True, (3, 224, 224)))
    with ninx.nn.shapes_only():
        ours = ninx.models.from_prototxt(tmp_path / "deploy.prototxt")
    shapes = {k: tuple(v.shape) for k, v in net.state_dict().items()}
    assert {k: v.shape for k, v in ours.state_dict().items()} == shapes
    assert sum(p.numel() for p in ours.parameters()) == 7_595_176


def test_every_kind_of_layer_of_a_definition(tmp_path: Path) -> None:
    image = [theirs.Conv2d(2, 4, 3, 2, 1, groups=2), theirs.LocalResponseNorm(5), theirs.MaxPool2d(3, 2, ceil_mode=True)]
    features = [theirs.Flatten(), theirs.Linear(36, 5), theirs.ReLU(), theirs.Linear(5, 3)]
    net = theirs.Sequential(OrderedDict((f"layer{i}", layer) for i, layer in enumerate(image + features)))
    path = tmp_path / "net.prototxt"
    (tmp_path / "w.caffemodel").write_bytes(caffe_writer.caffemodel(blobs_of(net)))
    text = prototxt(net, False, None)
    shape = 'layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 dim: 12 dim: 12 } } }\n'
    for told in (shape + text, "input_shape { dim: [1] }\n".replace("[1]", "1 dim: 2 dim: 12 dim: 12") + text):
        path.write_text(told)
        ours = ninx.models.from_prototxt(path)
        ninx.load_weights(tmp_path / "w.caffemodel", ours)
        the_same(ours, net, (2, 2, 12, 12))


_POOL = 'layer { name: "p" type: "Pooling" pooling_param { %s } }'
_CONV = 'layer { name: "c" type: "Convolution" convolution_param { %s } }'


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "it describes no layers"),
        ("layer {", "it is cut off"),
        ("layer { name: }", "line 1: '}' cannot stand there"),
        ("a: 1\nb: %", "line 2: '%' cannot stand there"),
        ("} ", "line 1: '}' cannot stand there"),
        ("layer { " * 30, "line 1: '{' cannot stand there"),
        ("a: 1 " * 250_000, "1,000,001 characters, and 1,000,000 are the limit"),
        ('layer { name: "s" type: "Slice" }', "layer 's' is of the type 'Slice', which cannot be made here"),
        (_CONV % "kernel_size: 3", "layer 'c': num_output should be a whole number"),
        (_CONV % "num_output: 4", "layer 'c': kernel_size should be one or two whole numbers"),
        (_CONV % "num_output: 4 kernel_size: 30", "layer 'c': kernel 30x30 .* does not fit input 8x8"),
        (_CONV % "num_output: 4 kernel_size: 3 stride: 0", "layer 'c': stride"),
        (_CONV % "num_output: 2000000000 kernel_size: 3", "to 54,000,000,000 parameters, and 1,000,000,000 are the limit"),
        (_POOL % "pool: STOCHASTIC kernel_size: 2", "layer 'p' pools by 'STOCHASTIC'"),
        (_POOL % "kernel_size: 2" + _POOL % "kernel_size: 2", "cannot be called 'p' here"),
        ('layer { name: "r" type: "ReLU" relu_param { negative_slope: "x" } }', "negative_slope should be a number"),
        ('layer { name: "l" type: "LRN" lrn_param { norm_region: WITHIN_CHANNEL } }', "normalises within a channel"),
        ('layer { name: "a" type: "ReLU" top: "a" } layer { name: "b" type: "ReLU" bottom: "a" bottom: "c" }', "only a chain"),
    ],
)
def test_definitions_that_cannot_be_made(tmp_path: Path, text: str, match: str) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"^prototxt .*net\.prototxt: .*{match}") as caught:
        ninx.models.from_prototxt(path, (3, 8, 8))
    assert "\n" not in str(caught.value)


def test_a_definition_that_does_not_say_its_images(tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_text(_CONV % "num_output: 4 kernel_size: 3")
    with pytest.raises(ValueError, match=r"say input_shape=\(C, H, W\)"):
        ninx.models.from_prototxt(tmp_path / "net.prototxt")
    with pytest.raises(ValueError, match="there is no such file"):
        ninx.models.from_prototxt(tmp_path / "none.prototxt")
