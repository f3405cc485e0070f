"""Weights of other programs: Caffe's files, the names that others give to the same networks, and PyTorch's files of old."""

from __future__ import annotations

import re
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import caffe_writer
import numpy as np
import pytest
import rationed
import torch
from torch import nn as theirs

import ninx
from ninx import limits
from ninx.weight_names import LAYERS

# -------------------------------------------------------------------- the networks of others, written down as they have them


def caffe_nin(name: str) -> theirs.Sequential:
    """The two published Networks in Network, with the names of Caffe's definitions."""
    small = [(3, 192, 5, 1, 2), (192, 160), (160, 96), "max", "drop", (96, 192, 5, 1, 2), (192, 192), (192, 192), "avg", "drop",
             (192, 192, 3, 1, 1), (192, 192), (192, 10)]  # fmt: skip
    large = [(3, 96, 11, 4, 0), (96, 96), (96, 96), "max", (96, 256, 5, 1, 2), (256, 256), (256, 256), "max",
             (256, 384, 3, 1, 1), (384, 384), (384, 384), "max", "drop", (384, 1024, 3, 1, 1), (1024, 1024),
             (1024, 1000)]  # fmt: skip
    row = iter(LAYERS[name])
    layers: OrderedDict[str, theirs.Module] = OrderedDict()
    for i, part in enumerate(small if "CIFAR" in name else large):
        if isinstance(part, str):
            pool: dict[str, Callable[[], theirs.Module]] = {
                "max": lambda: theirs.MaxPool2d(3, 2, ceil_mode=True),
                "avg": lambda: theirs.AvgPool2d(3, 2, ceil_mode=True),
                "drop": theirs.Dropout,
            }
            layers[f"{part}{i}"] = pool[part]()
        else:
            c, o, k, stride, padding = (*part, 1, 1, 0)[:5]
            layers[next(row)] = theirs.Conv2d(c, o, k, stride, padding)
            layers[f"relu{i}"] = theirs.ReLU()
    return theirs.Sequential(layers).append(theirs.AdaptiveAvgPool2d(1)).append(theirs.Flatten())


def blobs_of(net: theirs.Module) -> dict[str, tuple[str, list[np.ndarray]]]:
    """What Caffe would store of it, among layers that store nothing."""
    kinds = {theirs.Conv2d: "Convolution", theirs.Linear: "InnerProduct", theirs.ReLU: "ReLU"}
    found: dict[str, tuple[str, list[np.ndarray]]] = {"data": ("Data", [])}
    for name, layer in net.named_children():
        if type(layer) in kinds:
            found[name] = kinds[type(layer)], [p.detach().numpy() for p in layer.parameters()]
    return found


class NINConv(theirs.Module):
    """pytorchcv's unit."""

    def __init__(self, c: int, o: int, k: int):
        super().__init__()
        self.conv, self.activ = theirs.Conv2d(c, o, k, padding=(k - 1) // 2), theirs.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activ(self.conv(x))


class CIFARNIN(theirs.Module):
    """pytorchcv's network: poolings with padding, and named stages and units."""

    def __init__(self, classes: int):
        super().__init__()
        self.features, c = theirs.Sequential(), 3
        for i, (widths, kernel) in enumerate((((192, 160, 96), 5), ((192, 192, 192), 5), ((192, 192), 3)), 1):
            stage = theirs.Sequential()
            if i > 1:
                stage.add_module(f"pool{i}", (theirs.MaxPool2d if i == 2 else theirs.AvgPool2d)(3, 2, padding=1))
                stage.add_module(f"dropout{i}", theirs.Dropout())
            for j, o in enumerate(widths, 1):
                stage.add_module(f"unit{j}", NINConv(c, o, kernel if j == 1 else 1))
                c = o
            self.features.add_module(f"stage{i}", stage)
        self.output = theirs.Sequential(OrderedDict(final_conv=NINConv(c, classes, 1), final_pool=theirs.AvgPool2d(8, 1)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.output(self.features(x)).flatten(1)


class AlexNet(theirs.Module):
    """torchvision's, in its three parts."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 64, 192, 384, 256, 256)
        convolutions = [theirs.Conv2d(3, 64, 11, 4, 2), theirs.Conv2d(64, 192, 5, padding=2)]
        convolutions += [theirs.Conv2d(widths[i], widths[i + 1], 3, padding=1) for i in (2, 3, 4)]
        layers: list[theirs.Module] = []
        for i, convolution in enumerate(convolutions):
            layers += [convolution, theirs.ReLU(inplace=True)] + [theirs.MaxPool2d(3, 2)] * (i in (0, 1, 4))
        self.features, self.avgpool = theirs.Sequential(*layers), theirs.AdaptiveAvgPool2d((6, 6))
        self.classifier = theirs.Sequential(
            *(theirs.Dropout(), theirs.Linear(256 * 6 * 6, 4096), theirs.ReLU(inplace=True)),
            *(theirs.Dropout(), theirs.Linear(4096, 4096), theirs.ReLU(inplace=True), theirs.Linear(4096, 1000)),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


class VGG(theirs.Module):
    """torchvision's, by the letters of its paper: A has 11 layers with weights, D has 16."""

    def __init__(self, letter: str):
        super().__init__()
        groups = {"A": ((64,), (128,), (256,) * 2, (512,) * 2, (512,) * 2)}
        groups["D"] = ((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3)
        layers, c = [], 3
        for widths in groups[letter]:
            for o in widths:
                layers += [theirs.Conv2d(c, o, 3, padding=1), theirs.ReLU(inplace=True)]
                c = o
            layers.append(theirs.MaxPool2d(2, 2))
        self.features, self.avgpool = theirs.Sequential(*layers), theirs.AdaptiveAvgPool2d((7, 7))
        self.classifier = theirs.Sequential(
            *(theirs.Linear(512 * 7 * 7, 4096), theirs.ReLU(True), theirs.Dropout()),
            *(theirs.Linear(4096, 4096), theirs.ReLU(True), theirs.Dropout(), theirs.Linear(4096, 1000)),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def the_same(ours: ninx.nn.Module, net: theirs.Module, shape: tuple[int, ...]) -> None:
    """Both compute the same scores."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        wanted = net.eval()(x).numpy()
    with ninx.no_grad():
        found = ours.eval()(ninx.tensor(x.numpy())).numpy()
    assert np.ptp(wanted) > 0
    np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())


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
_GOOD = caffe_writer.caffemodel(_ONE)
_BLOB = caffe_writer.blob(np.ones(2, np.float32))


def _with_blob(blob: bytes) -> bytes:
    return caffe_writer.field(100, caffe_writer.field(1, b"conv1") + caffe_writer.field(7, blob))


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "holds no weights of Caffe's"),
        (b'name: "a net"\nlayer {\n}\n', "stored in an unknown way"),
        (caffe_writer.field(1, b"only a name"), "holds no weights"),
        (_GOOD[:-40], r"should have \d+ bytes, and \d+ are left"),
        (_GOOD + _GOOD, "two of its layers have 'conv1.weight'"),
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


# -------------------------------------------------------------------- names


@pytest.mark.parametrize(("classes", "preset"), [(10, "nin-cifar10"), (100, "nin-cifar100")])
def test_pytorchcvs_names(tmp_path: Path, classes: int, preset: str) -> None:
    net = CIFARNIN(classes)
    torch.save(net.state_dict(), tmp_path / "w.pth", _use_new_zipfile_serialization=False)  # as its files are
    ours = ninx.models.create(preset, pooling="pad1", pool2="avg")
    found = ninx.load_weights(tmp_path / "w.pth", ours)
    assert sum(v.numel() for v in found.values()) == {10: 966_986, 100: 984_356}[classes]
    the_same(ours, net, (2, 3, 32, 32))


@pytest.mark.parametrize(("preset", "make"), [("alexnet", AlexNet), ("vgg11", lambda: VGG("A")), ("vgg16", lambda: VGG("D"))])
def test_torchvisions_names_are_ours(preset: str, make: Callable[[], theirs.Module]) -> None:
    with torch.device("meta"), ninx.nn.shapes_only():
        net, ours = make(), ninx.models.create(preset)
    assert {k: tuple(v.shape) for k, v in net.state_dict().items()} == {k: v.shape for k, v in ours.state_dict().items()}


@pytest.mark.slow
def test_torchvisions_alexnet(tmp_path: Path) -> None:
    net = AlexNet()
    for zipped in (True, False):
        torch.save(net.state_dict(), tmp_path / "alexnet.pth", _use_new_zipfile_serialization=zipped)
        ours = ninx.models.create("alexnet")
        ninx.load_weights(tmp_path / "alexnet.pth", ours)
        the_same(ours, net, (1, 3, 224, 224))


def test_weights_of_another_network_are_refused_before_anything_is_changed(tmp_path: Path) -> None:
    (tmp_path / "w.caffemodel").write_bytes(caffe_writer.caffemodel(blobs_of(caffe_nin("Caffe's NIN for CIFAR-10"))))
    for preset, words in (("nin-svhn", "size mismatch"), ("nin-imagenet", r"first difference: 0\.0\.weight .* conv1\.weight")):
        ours = ninx.models.create(preset)
        before = {k: v.numpy().copy() for k, v in ours.state_dict().items()}
        with pytest.raises(RuntimeError, match=words):
            ninx.load_weights(tmp_path / "w.caffemodel", ours)
        assert all(np.array_equal(v.numpy(), before[k]) for k, v in ours.state_dict().items())


def test_a_file_that_was_packed_once_more_is_to_be_unpacked(tmp_path: Path) -> None:
    """As pytorchcv's are on the web."""
    torch.save(theirs.Linear(2, 1).state_dict(), tmp_path / "nin.pth")
    with zipfile.ZipFile(tmp_path / "nin.pth.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "nin.pth", "nin.pth")
    with pytest.raises(ValueError, match=r"it is an archive with 'nin\.pth' in it; unpack that first"):
        ninx.load_weights(tmp_path / "nin.pth.zip")


def test_the_file_comes_first(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="the file comes first, then the model"):
        ninx.load_weights(ninx.nn.Linear(1, 1), tmp_path / "w.pth")


# -------------------------------------------------------------------- PyTorch's files of old


DTYPES = ["float64", "float32", "float16", "bfloat16", "int64", "int16", "uint8", "bool"]


def _old(path: Path, value: Any) -> bytes:
    torch.save(value, path, _use_new_zipfile_serialization=False)
    return path.read_bytes()


def test_files_of_old_hold_what_those_of_today_hold(tmp_path: Path) -> None:
    base = torch.arange(24.0).reshape(4, 6)
    made = {name: base.to(getattr(torch, name)) for name in DTYPES}
    made |= {"transposed": base.t(), "rows": base[1:3], "scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3)}
    made["parameter"] = theirs.Parameter(base * 2)
    _old(tmp_path / "old.pth", made)
    torch.save(made, tmp_path / "new.pth")
    old, new = ninx.load_weights(tmp_path / "old.pth"), ninx.load_weights(tmp_path / "new.pth")
    assert list(old) == list(new) == list(made)
    for name, tensor in new.items():
        assert (old[name].dtype, old[name].shape) == (tensor.dtype, tensor.shape)
        np.testing.assert_array_equal(old[name].numpy(), tensor.numpy())
    assert np.shares_memory(old["transposed"].numpy(), old["rows"].numpy())


def test_a_checkpoint_of_old(tmp_path: Path) -> None:
    net = theirs.Linear(2, 3)
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    net(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    _old(tmp_path / "c.pth", {"epoch": 3, "net": net.state_dict(), "optimizer": optimizer.state_dict()})
    found = ninx.load(tmp_path / "c.pth")
    assert found["epoch"] == 3
    np.testing.assert_array_equal(found["net"]["weight"].numpy(), net.weight.detach().numpy())
    assert found["optimizer"]["param_groups"][0]["momentum"] == 0.9
    _old(tmp_path / "whole.pth", net)
    with pytest.raises(ValueError, match=re.escape("wants 'torch.nn.modules.linear.Linear'")):
        ninx.load(tmp_path / "whole.pth")


def test_damaged_files_of_old(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    whole = _old(path, {"w": torch.arange(4.0), "b": torch.ones(3)})
    count = whole.index((4).to_bytes(8, "little") + np.arange(4, dtype="<f4").tobytes())
    for content, words in (
        (whole[:-4], "is cut off|wants"),
        (whole + b"x", "something stands behind its last storage"),
        (whole[:count] + b"\5" + whole[count + 1 :], "a storage has 5 torch.FloatStorage, and its tensor wants 4"),
        (whole.replace(b"little_endian", b"little_xndian").replace(b"\x88", b"\x89", 1), None),
        (whole.replace(b"K\x04", b"J\xff\xff\xff\x7f"), "more bytes than the file"),
        (whole[:20], "cannot be read as plain data"),
    ):
        path.write_bytes(content)
        if words is None:
            assert ninx.load_weights(path)["w"].tolist() == [0, 1, 2, 3]
            continue
        with pytest.raises(ValueError, match=rf"w\.pth: .*({words})") as caught:
            ninx.load_weights(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["caffemodel", "pth"])
def test_three_hundred_damaged_files_end_in_a_sentence_or_in_sound_weights(tmp_path: Path, kind: str) -> None:
    """Neither format has sums: a value may change unseen, but no shape may leave its bytes."""
    path, rng, refused = tmp_path / f"w.{kind}", np.random.default_rng(5), []
    whole = _GOOD if kind == "caffemodel" else _old(path, {"w": torch.ones(2, 3), "b": torch.arange(4)})
    for i in range(300):
        changed, at = bytearray(whole), int(rng.integers(len(whole)))
        if i % 3 == 0:
            del changed[at : at + int(rng.integers(1, 40))]
        else:
            changed[at] = int(rng.integers(256))
        path.write_bytes(bytes(changed))
        try:
            found = ninx.load_weights(path)
        except ValueError as error:
            refused.append(str(error))
        else:
            assert all(np.asarray(t.numpy()).copy().size == t.numel() for t in found.values())
    assert len(refused) > 80
    assert all(str(path) in sentence and "\n" not in sentence for sentence in refused)
