"""ONNX files from strangers: each ends in a sentence that names the file, and costs next to nothing before it."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_files
import pytest
from onnx import TensorProto, helper

import ninx
import ninx.onnx
from ninx import limits

RELU = helper.make_node("Relu", ["x"], ["y"], name="act")


def refused(path: Path, model: Any) -> str:
    """The sentence, without the file's name at its beginning."""
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    with pytest.raises(ValueError, match=rf"^onnx {path}: ") as error:
        ninx.onnx.load(path)
    text = str(error.value)
    assert "\n" not in text
    return text.removeprefix(f"onnx {path}: ")


def small(*nodes: Any, tensors: dict[str, np.ndarray] | None = None, outputs: tuple[str, ...] = ("y",), **settings: Any) -> Any:
    return onnx_files.model(nodes or [RELU], {"x": [1, 3, 4, 4]}, outputs, tensors, **settings)


def changed(change: Callable[[Any], Any], **settings: Any) -> Any:
    model = small(**settings)
    change(model)
    return model


def weight(*shape: int) -> dict[str, np.ndarray]:
    return {"w": np.zeros(shape, np.float32)}


def conv(**settings: Any) -> Any:
    return helper.make_node("Conv", ["x", "w"], ["y"], name="c", **settings)


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (b"", "it has no graph; it is empty, or no ONNX file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "no ONNX file"),
        (small().SerializeToString()[:-5], "it is cut off or damaged, or no ONNX file"),
        (small(opset=6), "it is of opset 6, and 7 to 28 are read; export it for one of these"),
        (small(opset=99), "it is of opset 99, and 7 to 28"),
        (small(helper.make_node("Einsum", ["x"], ["y"], name="sum")), "the node 'sum' (Einsum): there is no operator 'Einsum'"),
        (
            small(helper.make_node("Reluu", ["x"], ["y"])),
            "a node Reluu without a name: there is no operator 'Reluu'; did you mean",
        ),
        (small(helper.make_node("Relu", ["x"], ["y"], domain="com.me")), "of the domain 'com.me', whose operators are not known"),
        (
            small(helper.make_node("Relu", ["x"], ["y"], name="n", gain=2)),
            "the node 'n' (Relu): has the setting 'gain', which is",
        ),
        (small(helper.make_node("Relu", ["x", "x"], ["y"])), "takes 1 inputs, got 2"),
        (small(helper.make_node("Relu", ["z"], ["y"], name="n")), "the node 'n' (Relu) reads 'z', which nothing before it makes"),
        (small(helper.make_node("Relu", ["x"], []), RELU), "a node Relu without a name makes nothing"),
        (small(RELU, RELU), "makes 'y', which is there already"),
        (small(outputs=("z",)), "nothing makes its output 'z'"),
        (
            small(helper.make_node("Relu", ["b"], ["a"]), helper.make_node("Relu", ["a"], ["b"]), outputs=("b",)),
            "reads 'b', which nothing before it makes: a tensor is missing, or nodes read each other",
        ),
        (small(conv(), tensors=weight(4, 3, 3)), "Conv: of shape"),
        (small(conv(kernel_shape=[5, 5]), tensors=weight(4, 3, 3, 3)), "has the kernel_shape (5, 5), and a weight of (3, 3)"),
        (small(conv(strides=[0, 1]), tensors=weight(4, 3, 3, 3)), "strides must be sizes from 1 on, got (0, 1)"),
        (small(conv(strides=[1]), tensors=weight(4, 3, 3, 3)), "strides (1,) do not fit 2 axes"),
        (small(conv(group=3), tensors=weight(4, 3, 3, 3)), "groups=3 must divide in_channels=9 and out_channels=4"),
        (small(conv(group="3"), tensors=weight(4, 3, 3, 3)), "group must be a whole number"),
        (
            small(conv(auto_pad="SOME"), tensors=weight(4, 3, 3, 3)),
            "auto_pad must be one of NOTSET, VALID, SAME_UPPER",
        ),
        (small(conv(pads=[2**40] * 4), tensors=weight(4, 3, 3, 3)), "pads must be sizes from 0 on"),
        (small(conv(), tensors=weight(4, 3, 3, 3, 3)), "convolutions here are of lines and images"),
        (changed(lambda m: m.graph.initializer.append(m.graph.initializer[0]), tensors=weight(2)), "it has two tensors 'w'"),
        (changed(lambda m: m.graph.input.append(m.graph.input[0])), "two of its inputs have one name"),
        (changed(lambda m: m.graph.sparse_initializer.add()), "it has sparse tensors"),
        (changed(lambda m: m.graph.node[0].attribute.extend(2 * [helper.make_attribute("a", 1)])), "has the setting 'a' twice"),
        (
            changed(lambda m: setattr(m.graph.initializer[0], "data_type", 16 + 1), tensors=weight(2)),
            "FLOAT8E4M3FN, which",
        ),
        (changed(lambda m: setattr(m.graph.node[0], "name", "a\nb" * 99), outputs=("z",)), "nothing makes its output"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(tmp_path: Path, model: Any, sentence: str) -> None:
    if sentence == "Conv: of shape":  # a line's weight: it is refused when an image comes
        (tmp_path / "n.onnx").write_bytes(model.SerializeToString())
        with pytest.raises(ValueError, match="Conv: of shape"):
            ninx.onnx.load(tmp_path / "n.onnx")(ninx.zeros(1, 3, 4, 4))
    else:
        assert sentence in refused(tmp_path / "n.onnx", model)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^onnx .*nowhere\.onnx: there is no such file$"):
        ninx.onnx.load(tmp_path / "nowhere.onnx")
    with pytest.raises(ValueError, match="is a folder; name the file"):
        ninx.onnx.load(tmp_path)


@pytest.mark.parametrize("shape", [[2**40], [2**31, 2**31, 2**31], [0, 2**62], [-1, 2], [10**6, 10**6], [1] * 70])
@pytest.mark.parametrize("field", ["raw_data", "float_data"])
def test_a_tensor_has_as_many_values_as_its_shape_says(tmp_path: Path, shape: list[int], field: str) -> None:
    model = small(conv(), tensors=weight(4, 3, 3, 3))
    tensor = model.graph.initializer[0]
    del tensor.dims[:]
    tensor.dims.extend(shape)
    if field == "float_data":
        tensor.ClearField("raw_data")
        tensor.float_data.extend([0.0] * 108)
    assert "'w'" in refused(tmp_path / "n.onnx", model) or len(shape) != 4


def external(tmp_path: Path, **told: str) -> Any:
    model = small(conv(), tensors=weight(4, 3, 3, 3))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in told.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return model


def test_values_in_a_file_beside_it(tmp_path: Path) -> None:
    values = np.arange(108, dtype=np.float32)
    (tmp_path / "w.bin").write_bytes(b"head" + values.tobytes())
    model = external(tmp_path, location="w.bin", offset="4", length="432")
    (tmp_path / "n.onnx").write_bytes(model.SerializeToString())
    net = ninx.onnx.load(tmp_path / "n.onnx")
    np.testing.assert_array_equal(next(net.parameters()).detach().numpy().ravel(), values)
    for wrong in (
        {"offset": "8"},
        {"length": "100"},
        {"offset": "-4"},
        {"offset": "9" * 30},
        {"location": "none.bin"},
        {"location": "."},
    ):
        told = {"location": "w.bin", "offset": "4", "length": "432"} | wrong
        refused(tmp_path / "n.onnx", external(tmp_path, **told))


def test_values_outside_the_folder_are_not_read(tmp_path: Path) -> None:
    inside = tmp_path / "net"
    inside.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(432))
    (inside / "link.bin").symlink_to(tmp_path / "secret.bin")
    for location in ("../secret.bin", str(tmp_path / "secret.bin"), "link.bin", "a/../../secret.bin", "", "x\0y"):
        assert "which is no file in its folder" in refused(inside / "n.onnx", external(inside, location=location))
    os.mkfifo(inside / "pipe")
    assert "is no file but a device or a pipe" in refused(inside / "n.onnx", external(inside, location="pipe"))


def test_many_tensors_cannot_name_one_place_to_take_more_than_is_there(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(432))
    model = external(tmp_path, location="w.bin")
    again = model.graph.initializer.add()
    again.CopyFrom(model.graph.initializer[0])
    again.name = "v"
    assert "its tensors would take more bytes of 'w.bin' than it has" in refused(tmp_path / "n.onnx", model)


def field(number: int, content: bytes) -> bytes:
    """A field of a protobuf message that holds bytes or a message."""
    length, head = len(content), bytearray()
    while length > 127:
        head.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2]) + bytes(head) + bytes([length]) + content


def nested(depth: int) -> bytes:
    """A node with a graph in a setting, in whose node there is a graph, and so on."""
    graph = b""
    for _ in range(depth):
        graph = field(1, field(5, field(6, graph)))
    return field(7, graph)


BOMBS = {
    "nodes": lambda: field(7, b"\x0a\x00" * 4_000_000),
    "strings": lambda: field(7, field(1, b"\x0a\x00" * 4_000_000)),
    "settings": lambda: field(7, field(1, b"\x2a\x00" * 4_000_000)),
    "numbers": lambda: field(7, field(5, field(7, bytes(30_000_000)))),
    "nested": lambda: nested(3_000),
    "unknown": lambda: b"\x7b" * 1_000_000,
}
MEASURED = """
import resource, sys, onnx, ninx.onnx
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[1:]:
    try:
        ninx.onnx.load(path)
    except ValueError as error:
        print(repr(str(error)))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000)
"""


def test_small_files_do_not_unfold_in_memory(tmp_path: Path) -> None:
    """8 MB of empty messages would be a gigabyte; a process of its own tells how much it took at most."""
    paths = [tmp_path / f"{name}.onnx" for name in BOMBS]
    for path, content in zip(paths, BOMBS.values(), strict=True):
        path.write_bytes(content())
    run = subprocess.run([sys.executable, "-c", MEASURED, *paths], capture_output=True, text=True, check=True)
    *sentences, megabytes = run.stdout.splitlines()
    assert len(sentences) == len(BOMBS)
    assert not any("\\n" in sentence for sentence in sentences)
    assert float(megabytes) < 500


def test_a_file_just_within_the_limit_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    from ninx.onnx.loading.counting import FIELD, check_size

    monkeypatch.setattr(limits, "UNFOLDED", 100 * FIELD)
    most = 100
    check_size(b"\x0a\x00" * most, onnx.GraphProto)
    with pytest.raises(ValueError, match="so many parts that they would take more than 40,000 bytes"):
        check_size(b"\x0a\x00" * (most + 1), onnx.GraphProto)
    check_size(struct.pack("<BfBQ", 2 << 3 | 5, 1.0, 3 << 3 | 1, 7), onnx.AttributeProto)


def test_a_tensor_under_many_names_is_not_copied_without_end(tmp_path: Path) -> None:
    """PyTorch names equal tensors by Identity, and each is one of its own; Constants and places are held by each node."""
    many = range(400)
    again = [helper.make_node("Identity", ["w"], [f"w{i}"]) for i in many]
    sums = [helper.make_node("Add", [f"v{i}" if i else "x", f"w{i}"], [f"v{i + 1}"]) for i in many]
    model = small(*again, *sums, tensors={"w": np.zeros((1, 250_000), np.float32)}, outputs=("v400",))
    assert "its nodes read tensors so often that they would take more than 252,000,000" in refused(tmp_path / "n.onnx", model)
    places = small(
        *(helper.make_node("Gather", ["x", "w"], [f"y{i}"]) for i in many),
        tensors={"w": np.zeros(250_000, np.int64)},
        outputs=("y0",),
    )
    assert "so often that they would take more" in refused(tmp_path / "n.onnx", places)


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ModuleNotFoundError, match=r"needs the package onnx; pip install 'ninx\[onnx\]'"):
        ninx.onnx.load(tmp_path / "n.onnx")


def test_reading_takes_no_random_numbers(tmp_path: Path) -> None:
    (tmp_path / "n.onnx").write_bytes(small(conv(), tensors=weight(4, 3, 3, 3)).SerializeToString())
    state = ninx.get_rng_state()
    ninx.onnx.load(tmp_path / "n.onnx")
    assert ninx.get_rng_state() == state
