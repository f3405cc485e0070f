"""Weights of other programs: the names that others give to the same networks, and PyTorch's files of old."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import caffe_writer
import numpy as np
import pytest
import test_caffe
import torch
from others import CIFARNIN, VGG, AlexNet, blobs_of, caffe_nin, the_same
from torch import nn as theirs

import ninx

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
    whole = test_caffe.GOOD if kind == "caffemodel" else _old(path, {"w": torch.ones(2, 3), "b": torch.arange(4)})
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
