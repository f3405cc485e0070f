"""The readers of the data sets, on files of the official formats that `official` writes, whole and damaged."""

import gzip
import os
import pickle
import re
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from official import cifar_binary, cifar_python, drawn, idx, write_mnist, write_svhn, write_tar
from PIL import Image

from ninx import data, limits
from ninx.data import cifar

COUNT = 30


def _mnist(folder: Path, name: str, packed: bool) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    made = {split: drawn((COUNT, 28, 28), 10, seed) for seed, split in enumerate(("train", "test"))}
    for split, arrays in made.items():
        write_mnist(folder / name, split, *arrays, packed=packed)
    return made


def _batches(name: str, version: str, split: str) -> tuple[dict[str, bytes], np.ndarray, np.ndarray]:
    """The files of a split of CIFAR, and what is in them."""
    hundred = name == "cifar100"
    files = cifar.VERSIONS[name][0 if version == "binary" else 1][1]
    parts, contents = [], {}
    for seed, file in enumerate(files[split]):
        images, labels = drawn((110 if hundred else 12, 32, 32, 3), 100 if hundred else 10, seed)
        coarse = labels // 5
        if version == "binary":
            contents[file] = cifar_binary(images, coarse, labels) if hundred else cifar_binary(images, labels)
        else:
            contents[file] = cifar_python(
                images, {b"coarse_labels": coarse, b"fine_labels": labels} if hundred else {b"labels": labels}
            )
        parts.append((images, labels))
    return contents, np.concatenate([i for i, _ in parts]), np.concatenate([n for _, n in parts])


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


# -------------------------------------------------------------------- whole files


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_idx_files_come_back_byte_for_byte(tmp_path: Path, name: str, packed: bool) -> None:
    made = _mnist(tmp_path, name, packed)
    for split, (images, labels) in made.items():
        found = data.load(name, split, data_dir=tmp_path)
        assert np.array_equal(found.images, images)
        assert np.array_equal(found.labels, labels)
        assert found.images.dtype == np.uint8
    assert found.classes[9] == {"mnist": "9", "fashion-mnist": "Ankle boot"}[name]
    written = (tmp_path / name / ("t10k-images-idx3-ubyte" + ".gz" * packed)).read_bytes()
    assert idx(found.images) == (gzip.decompress(written) if packed else written)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("version", ["binary", "python"])
@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_cifar_comes_back_byte_for_byte(tmp_path: Path, name: str, version: str, packed: bool) -> None:
    archive = cifar.VERSIONS[name][0 if version == "binary" else 1][0]
    everything = {}
    for split in ("train", "test"):
        everything[split] = _batches(name, version, split)
    if packed:
        write_tar(tmp_path / name / archive, {"README": b"x"} | everything["train"][0] | everything["test"][0])
    else:
        _write(tmp_path, everything["train"][0] | everything["test"][0])
    for split, (_, images, labels) in everything.items():
        found = data.load(name, split, tmp_path)
        assert np.array_equal(found.images, images)
        assert np.array_equal(found.labels, labels)
        assert len(found.classes) == len(set(found.classes)) == (10 if name == "cifar10" else 100)
    assert not [p for p in tmp_path.rglob("*.bin") if packed], "an archive was unpacked onto the disk"


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("order", ["C", "F"])
def test_pickles_of_today_are_read_too(protocol: int, order: str) -> None:
    images, labels = drawn((12, 32, 32, 3), 10)
    rows = np.asarray(images.transpose(0, 3, 1, 2).reshape(12, -1), order=order)
    kinds = [labels.tolist(), labels, labels.astype(">i4"), list(labels.astype(np.int64))]  # as people write them again
    for kept in kinds:
        found = cifar.read_python(pickle.dumps({"labels": kept, "data": rows}, protocol), "cifar10", "f")
        assert np.array_equal(found[0], images)
        assert np.array_equal(found[1], labels)


@pytest.mark.parametrize(
    ("batch", "match"),
    [
        ({"labels": np.array([0.5, 1])}, "an array of 'f8', where bytes"),
        ({"labels": np.array([[0], [1]])}, "its 'labels' is no list"),
        ({"labels": np.array([0, -1])}, "its 'labels' is no list of small whole numbers"),
        ({"data": np.zeros((2, 3072), np.int16)}, r"its 'data' is no array of rows of 3,072 bytes"),
        ({"data": np.zeros((2, 3072), object)}, "an array of 'O8'"),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_arrays_that_are_no_images_or_labels_are_refused(batch: dict, match: str, protocol: int) -> None:
    content = pickle.dumps({"labels": np.arange(2), "data": np.zeros((2, 3072), np.uint8)} | batch, protocol)
    with pytest.raises(ValueError, match=match):
        cifar.read_python(content, "cifar10", "f")


def test_the_classes_of_cifar100_run_along_the_alphabet() -> None:
    assert cifar.CLASSES["cifar100"] == sorted(cifar.CLASSES["cifar100"])


@pytest.mark.parametrize("split", ["train", "test", "extra"])
def test_svhn_comes_back_and_ten_is_zero(tmp_path: Path, split: str) -> None:
    images, labels = drawn((COUNT, 32, 32, 3), 10)
    write_svhn(tmp_path / "svhn" / f"{split}_32x32.mat", images, labels)
    found = data.load("svhn", split, tmp_path)
    assert np.array_equal(found.images, images)
    assert np.array_equal(found.labels, labels)
    assert (found.labels == 0).any()


def test_a_folder_of_images_by_class(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = {}
    for split, classes in (("train", ("cat", "ant", "bee")), ("test", ("ant", "bee", "cat"))):
        for name in classes:
            (tmp_path / split / name).mkdir(parents=True)
            for i in range(2):
                pixels = rng.integers(0, 256, (5 + i, 7, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / split / name / f"{i}.png")
                pictures[split, name, i] = pixels
    (tmp_path / "train" / "cat" / "notes.txt").write_text("no image")
    found = data.load(str(tmp_path), "train")
    assert found.classes == ("ant", "bee", "cat")
    assert found.labels.tolist() == [0, 0, 1, 1, 2, 2]
    for i in range(6):
        image, label = found[i]
        assert np.array_equal(image, pictures["train", found.classes[label], i % 2])
    grey, _ = data.ImageFolder(tmp_path / "test", mode="L")[3]
    assert grey.shape == (6, 7)
    rest, held = found.split(3)
    assert sorted([*rest.samples, *held.samples]) == sorted(found.samples)
    assert held.labels.tolist() == [0, 1, 2], "what is held out should hold every class"
    assert found.take(slice(2, 4)).labels.tolist() == [1, 1]
    assert len(data.load(str(tmp_path / "train"), "train")) == 6, "without train and test the sub-folders are the classes"


def test_folders_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no folder "):
        data.load(str(tmp_path / "none"), "train")
    with pytest.raises(ValueError, match="has no sub-folders"):
        data.load(str(tmp_path), "train")
    with pytest.raises(ValueError, match="has no test images; put them into"):
        data.load(str(tmp_path), "test")
    for name in ("train/a", "train/b", "test/a", "test/c"):
        (tmp_path / name).mkdir(parents=True)
        Image.new("L", (3, 3)).save(tmp_path / name / "x.png")
    with pytest.raises(ValueError, match="test has the classes a, c, but train has a, b"):
        data.load(str(tmp_path), "test")
    (tmp_path / "train" / "b" / "x.png").write_bytes(b"\x89PNG broken")
    with pytest.raises(ValueError, match=r"x\.png cannot be read as an image"):
        data.load(str(tmp_path), "train")[1]
    (tmp_path / "train" / "b" / "x.png").unlink()
    with pytest.raises(ValueError, match="b: holds no image"):
        data.load(str(tmp_path), "train")


# -------------------------------------------------------------------- where the files are


def test_the_data_folder_is_chosen_by_argument_then_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _mnist(tmp_path / "a", "mnist", True)
    second = _mnist(tmp_path / "b", "mnist", False)
    write_mnist(tmp_path / "b" / "mnist", "train", first["train"][0][::-1], first["train"][1][::-1], packed=False)
    monkeypatch.setenv("NINX_DATA", str(tmp_path / "a"))
    assert np.array_equal(data.load("mnist", "train").images, first["train"][0])
    assert np.array_equal(data.load("mnist", "train", tmp_path / "b").images, first["train"][0][::-1])
    assert np.array_equal(data.load("mnist", "test", tmp_path / "b").images, second["test"][0])
    monkeypatch.delenv("NINX_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert data.data_folder() == tmp_path / "ninx"


def test_the_layouts_of_others_are_found(tmp_path: Path) -> None:
    """The files right in the folder, or where torchvision puts them."""
    made = _mnist(tmp_path, "MNIST/raw", True)
    assert np.array_equal(data.load("mnist", "test", tmp_path).images, made["test"][0])
    assert np.array_equal(data.load("mnist", "test", tmp_path / "MNIST" / "raw").images, made["test"][0])


def test_missing_files_are_named_with_their_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`ninx data cifar10` downloads them, or put cifar-10-binary\.tar\.gz into .*cifar10"):
        data.load("cifar10", "test", tmp_path)
    _mnist(tmp_path, "mnist", True)
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(ValueError, match=r"or put t10k-labels-idx1-ubyte\.gz into") as caught:
        data.load("mnist", "test", tmp_path)
    assert "images" not in str(caught.value)
    with pytest.raises(ValueError, match="split must be 'train' or 'test', got 'extra'"):
        data.load("mnist", "extra", tmp_path)
    with pytest.raises(ValueError, match="no data set 'mnits'; did you mean 'mnist'"):
        data.load("mnits", "train", tmp_path)


# -------------------------------------------------------------------- files that contradict themselves


def _swap(path: Path, change: Callable[[bytearray], bytes | bytearray]) -> None:
    path.write_bytes(change(bytearray(path.read_bytes())))


def _put(at: int, value: bytes) -> Callable[[bytearray], bytearray]:
    def change(content: bytearray) -> bytearray:
        content[at : at + len(value)] = value
        return content

    return change


@pytest.mark.parametrize(
    ("file", "change", "match"),
    [
        ("images-idx3", _put(2, b"\x0d"), r"is no IDX file of 3 dimensions: it begins with 00000d03, not with 00000803"),
        ("images-idx3", lambda c: c[:3], "is no IDX file"),
        ("images-idx3", lambda c: b"", "begins with nothing"),
        ("images-idx3", lambda c: c[:-1], r"promises 30x28x28 = 23,520 bytes, but it holds 23,519"),
        ("images-idx3", lambda c: c + b"x", "but it holds more"),
        ("images-idx3", _put(4, b"\xff\xff\xff\xff"), "are the limit for a file of"),
        ("images-idx3", _put(8, (14).to_bytes(4, "big") + (56).to_bytes(4, "big")), "of 14x56 pixels, not of 28x28"),
        ("labels-idx1", _put(8, b"\x0a"), "label 0 is 10, but the classes are 0 to 9"),
        ("labels-idx1", lambda c: _put(4, (29).to_bytes(4, "big"))(c[:-1]), "holds 29 labels for the 30 images"),
        ("labels-idx1", lambda c: gzip.compress(bytes(c))[:-9], "is damaged or cut off"),
        ("labels-idx1", lambda c: gzip.compress(bytes(c))[:20] + b"\xff" * 20, "is damaged or cut off"),
    ],
)
def test_idx_files_that_contradict_themselves(tmp_path: Path, file: str, change: Callable, match: str) -> None:
    _mnist(tmp_path, "mnist", packed=False)
    path = tmp_path / "mnist" / f"train-{file}-ubyte"
    _swap(path, change)
    with pytest.raises(ValueError, match=match) as caught:
        data.load("mnist", "train", tmp_path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_mnist_and_fashion_mnist_are_not_taken_for_each_other(tmp_path: Path) -> None:
    """Their files bear the same names; the first labels tell which is which."""
    from ninx.data.idx import FIRST_LABELS

    for name, other in (("mnist", "fashion-mnist"), ("fashion-mnist", "mnist")):
        for firsts in FIRST_LABELS[name]:
            labels = np.array([*firsts, *range(10)], np.uint8)
            write_mnist(tmp_path, "test", np.zeros((26, 28, 28), np.uint8), labels)
            assert data.load(name, "test", tmp_path).labels.tolist() == labels.tolist()
            with pytest.raises(ValueError, match=f"these are the labels of {name}, not of {other}"):
                data.load(other, "test", tmp_path)


@pytest.mark.parametrize(
    ("name", "version", "change", "match"),
    [
        ("cifar10", "binary", lambda c: c[:-1], "not a whole number of records of 3,073"),
        ("cifar100", "binary", lambda c: c + b"x", "not a whole number of records of 3,074"),
        ("cifar10", "binary", lambda c: b"", "has 0 bytes"),
        ("cifar10", "binary", lambda c: c[:-3073], r"should be equally long, but hold \[11, 12\] images"),
        ("cifar10", "binary", _put(3073, b"\x0a"), "label 1 is 10, but the classes are 0 to 9"),
        ("cifar100", "binary", _put(3074, b"\x14"), r"\(coarse\): label 1 is 20, but the classes are 0 to 19"),
        ("cifar100", "binary", _put(1, b"\x64"), "label 0 is 100, but the classes are 0 to 99"),
        ("cifar10", "python", lambda c: c[:-100], "cannot be read as plain data"),
        ("cifar10", "python", lambda c: b"", "cannot be read as plain data"),
        ("cifar10", "python", lambda c: c.replace(b"U\x06labels](K", b"U\x06labelz](K"), "its 'labels' is no list"),
        ("cifar10", "python", lambda c: c.replace(b"U\x02u1", b"U\x02O8"), "an array of 'O8', where bytes"),
        ("cifar10", "python", lambda c: c.replace(b"M\x0c\x00M", b"M\x0d\x00M"), "cannot be read as plain data"),
        ("cifar10", "python", lambda c: pickle.dumps([1, 2], 2), "holds no dictionary"),
        ("cifar10", "python", lambda c: pickle.dumps({"data": 3, "labels": []}, 2), "its 'data' is no array"),
        (
            "cifar10",
            "python",
            lambda c: cifar_python(np.zeros((3, 32, 32, 3), np.uint8), {b"labels": np.arange(2)}),
            "holds 2 labels for 3 images",
        ),
        (
            "cifar10",
            "python",
            lambda c: cifar_python(np.zeros((3, 32, 32, 3), np.uint8), {b"labels": np.array([1, 10, 2])}),
            "label 1 is 10, but the classes are 0 to 9",
        ),
    ],
)
def test_cifar_files_that_contradict_themselves(tmp_path: Path, name: str, version: str, change: Callable, match: str) -> None:
    files, _, _ = _batches(name, version, "train")
    _write(tmp_path, files)
    path = tmp_path / next(iter(files))
    _swap(path, change)
    with pytest.raises(ValueError, match=match) as caught:
        data.load(name, "train", tmp_path)
    assert str(path) in str(caught.value)


class Evil:
    def __reduce__(self) -> tuple:
        return os.system, ("touch executed",)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_a_pickle_that_is_a_program_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int) -> None:
    monkeypatch.chdir(tmp_path)
    files, _, _ = _batches("cifar10", "python", "train")
    first = next(iter(files))
    _write(tmp_path, files | {first: pickle.dumps({"labels": Evil()}, protocol)})
    with pytest.raises(ValueError, match=rf"{re.escape(first)}: cannot be read as plain data"):
        data.load("cifar10", "train", tmp_path)
    assert not (tmp_path / "executed").exists()


def test_an_archive_is_read_without_writing_or_following_it(tmp_path: Path) -> None:
    files, _, _ = _batches("cifar10", "binary", "test")
    path = tmp_path / "cifar10" / "cifar-10-binary.tar.gz"
    write_tar(path, {"../escaped": b"x"} | files)
    data.load("cifar10", "test", tmp_path)
    assert not (tmp_path / "escaped").exists()
    assert not (tmp_path.parent / "escaped").exists()
    with pytest.raises(ValueError, match=r"has no file cifar-10-batches-bin/data_batch_1\.bin in it"):
        data.load("cifar10", "train", tmp_path)
    with tarfile.open(path, "w:gz") as tar:
        link = tarfile.TarInfo(next(iter(files)))
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(ValueError, match="has no file"):
        data.load("cifar10", "test", tmp_path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match="is damaged or cut off"):
        data.load("cifar10", "test", tmp_path)


def test_an_archive_that_unfolds_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "UNFOLDED", 50_000)
    files, _, _ = _batches("cifar10", "binary", "test")
    write_tar(tmp_path / "cifar10" / "cifar-10-binary.tar.gz", files | {"more": bytes(50_000)})
    with pytest.raises(ValueError, match="unfolds to more than 50,000 bytes"):
        data.load("cifar10", "test", tmp_path)


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"X": np.zeros((32, 32, 3, 4), np.uint8)}, "its y should be"),
        ({"y": np.ones((4, 1))}, "its X should be"),
        ({"X": np.zeros((32, 32, 3, 4)), "y": np.ones((4, 1))}, r"bytes, but is \(32, 32, 3, 4\) of float64"),
        ({"X": np.zeros((32, 31, 3, 4), np.uint8), "y": np.ones((4, 1))}, r"\(32, 31, 3, 4\) of uint8"),
        ({"X": np.zeros((32, 32, 3, 4), np.uint8), "y": np.ones((3, 1))}, r"its y should be \(4, 1\)"),
        ({"X": np.zeros((32, 32, 3, 2), np.uint8), "y": np.array([[1], [11]])}, "label 1 is 11"),
        ({"X": np.zeros((32, 32, 3, 2), np.uint8), "y": np.array([[1], [0]])}, "should be 1 to 10"),
        ({"X": np.zeros((32, 32, 3, 2), np.uint8), "y": np.array([[1], [2.5]])}, "should be 1 to 10"),
        ({"X": np.zeros((32, 32, 3, 2), np.uint8), "y": np.array([[1], [np.nan]])}, "should be 1 to 10"),
        ({"X": "text", "y": np.ones((2, 1))}, "its X should be"),
    ],
)
def test_svhn_files_that_contradict_themselves(tmp_path: Path, fields: dict, match: str) -> None:
    from scipy.io import savemat

    path = tmp_path / "train_32x32.mat"
    savemat(path, fields)
    with pytest.raises(ValueError, match=match) as caught:
        data.load("svhn", "train", tmp_path)
    assert str(path) in str(caught.value)


def test_svhn_needs_no_scipy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = drawn((COUNT, 32, 32, 3), 10)
    write_svhn(tmp_path / "test_32x32.mat", images, labels)
    monkeypatch.setitem(__import__("sys").modules, "scipy.io", None)
    assert np.array_equal(data.load("svhn", "test", tmp_path).images, images)


# -------------------------------------------------------------------- random damage


def _corrupt(content: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes changed, cut out, doubled, or the end cut off."""
    kind = rng.integers(5)
    at = int(rng.integers(len(content)) if rng.random() < 0.5 else rng.integers(min(200, len(content))))
    span = int(rng.integers(1, 50))
    if kind == 0:
        return content[:at]
    if kind == 1:
        return content[:at] + content[at + span :]
    if kind == 2:
        return content[:at] + content[at : at + span] + content[at:]
    changed = bytearray(content)
    for i in rng.integers(max(0, at - 20), min(len(content), at + 20), 1 if kind == 3 else 10):
        changed[i] = int(rng.integers(256))
    return bytes(changed)


FORMATS = ["idx", "idx.gz", "cifar binary", "cifar python", "cifar tar", "cifar100 binary", "cifar100 python", "svhn", "folder"]


def _sample(folder: Path, kind: str) -> tuple[Path, Callable[[], data.LabelledDataset]]:
    """A whole data set of a kind, one of its files, and how it is loaded."""
    if kind.startswith("idx"):
        _mnist(folder, "mnist", packed=kind == "idx.gz")
        name = np.random.default_rng(len(kind)).choice(["images-idx3", "labels-idx1"])
        path = folder / "mnist" / (f"train-{name}-ubyte" + ".gz" * (kind == "idx.gz"))
        return path, lambda: data.load("mnist", "train", folder)
    if kind.startswith("cifar"):
        name, version = kind.split()
        name = "cifar100" if name == "cifar100" else "cifar10"
        files, _, _ = _batches(name, "python" if version == "python" else "binary", "test")
        if version == "tar":
            path = folder / "cifar10" / "cifar-10-binary.tar.gz"
            write_tar(path, files)
        else:
            _write(folder, files)
            path = folder / next(iter(files))
        return path, lambda: data.load(name, "test", folder)
    if kind == "svhn":
        path = folder / "test_32x32.mat"
        write_svhn(path, *drawn((12, 32, 32, 3), 10))
        return path, lambda: data.load("svhn", "test", folder)
    for name in "ab":
        (folder / name).mkdir()
        Image.fromarray(drawn((10, 9, 3), 2)[0]).save(folder / name / "x.png")
    return folder / "a" / "x.png", lambda: data.load(str(folder), "train")


@pytest.mark.parametrize("kind", FORMATS)
def test_two_hundred_damaged_files_end_in_a_sentence_or_in_sound_data(tmp_path: Path, kind: str) -> None:
    path, load = _sample(tmp_path, kind)
    whole = path.read_bytes()
    sound = load()
    expected = sound[0][0].shape
    rng = np.random.default_rng(7)
    refused = []
    for i in range(200):
        path.write_bytes(_corrupt(whole, rng))
        try:
            found = load()
            for image, label in (found[j] for j in range(len(found))):
                assert image.dtype == np.uint8, i
                assert kind == "folder" or image.shape == expected, i
                assert 0 <= label < len(sound.classes), i
        except ValueError as error:
            refused.append(str(error))
    assert all(str(path.parent) in sentence and "\n" not in sentence for sentence in refused)
    assert len(refused) >= (80 if "binary" in kind or kind == "idx" else 120)  # without a checksum, changed pixels pass
    assert len(refused) == 200 or kind not in ("idx.gz", "cifar tar") or _equal_when_read(sound, load, whole, path)


def _equal_when_read(sound: data.LabelledDataset, load: Callable, whole: bytes, path: Path) -> bool:
    """What a checksum covers is either refused or comes back unchanged (a byte of gzip's own head may differ)."""
    rng = np.random.default_rng(7)
    for _ in range(200):
        path.write_bytes(_corrupt(whole, rng))
        try:
            found = load()
        except ValueError:
            continue
        if not (np.array_equal(found.images, sound.images) and np.array_equal(found.labels, sound.labels)):
            return False
    return True


# -------------------------------------------------------------------- the real thing

DEBIAN = Path("/usr/share/datasets/fashion-mnist")


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="the Debian package dataset-fashion-mnist is not installed")
def test_the_real_fashion_mnist_is_whole_and_found_by_itself(tmp_path: Path) -> None:
    for split, each in (("train", 6000), ("test", 1000)):
        found = data.load("fashion-mnist", split, tmp_path)
        assert found.images.shape == (10 * each, 28, 28)
        assert np.bincount(found.labels).tolist() == [each] * 10
    for file in DEBIAN.iterdir():
        shutil.copy(file, tmp_path)
    with pytest.raises(ValueError, match="these are the labels of fashion-mnist, not of mnist"):
        data.load("mnist", "test", tmp_path)
