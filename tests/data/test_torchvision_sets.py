"""ninx.datasets: torchvision's data sets, from files made here."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from official import cifar_python, drawn, write_mnist, write_svhn, write_tar
from PIL import Image

import ninx
from ninx import datasets, transforms
from ninx.data import sources
from ninx.utils.data import DataLoader

# -------------------------------------------------------------------- data sets


@pytest.fixture
def mnist(tmp_path: Path) -> tuple[Path, np.ndarray, np.ndarray]:
    """A folder in torchvision's layout, and what is in its training set."""
    images, labels = drawn((30, 28, 28), 10)
    write_mnist(tmp_path / "MNIST" / "raw", "train", images, labels, packed=False)
    write_mnist(tmp_path / "MNIST" / "raw", "test", *drawn((12, 28, 28), 10, seed=1), packed=True)
    return tmp_path, images, labels


def test_mnist(mnist: tuple[Path, np.ndarray, np.ndarray]) -> None:
    root, images, labels = mnist
    dataset = datasets.MNIST(str(root), train=True, download=False)
    assert len(dataset) == 30
    assert len(datasets.MNIST(root, False)) == 12
    image, label = dataset[3]
    assert isinstance(image, Image.Image)
    assert (image.mode, image.size, type(label)) == ("L", (28, 28), int)
    assert np.array_equal(np.asarray(image), images[3])
    assert label == labels[3]
    assert isinstance(dataset.data, ninx.Tensor)
    assert (dataset.data.shape, dataset.data.dtype) == ((30, 28, 28), np.uint8)
    assert (dataset.targets.dtype, dataset.targets.tolist()) == (np.int64, labels.tolist())
    assert dataset.classes[7] == "7 - seven"
    assert dataset.class_to_idx["7 - seven"] == 7
    assert repr(dataset).startswith(f"Dataset MNIST\n    Number of datapoints: 30\n    Root location: {root}\n    Split: Train")
    image.putpixel((0, 0), 255 - image.getpixel((0, 0)))  # a picture of one's own
    assert np.array_equal(dataset.data[3].numpy(), images[3])
    assert dataset[np.int64(-1)][1] == labels[-1]
    for wrong in (slice(2), [1, 2], 1.0):
        with pytest.raises(TypeError, match="MNIST: an index is one whole number"):
            dataset[wrong]
    with pytest.raises(IndexError):
        dataset[30]


def test_the_loader_of_every_mnist_tutorial(mnist: tuple[Path, np.ndarray, np.ndarray]) -> None:
    root, images, labels = mnist
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    dataset = datasets.MNIST(root, train=True, download=False, transform=transform, target_transform=lambda y: y + 1)
    for x, y in DataLoader(dataset, batch_size=10, shuffle=True):
        assert (x.shape, x.dtype, y.dtype) == ((10, 1, 28, 28), np.float32, np.int64)
    (x, y), *_ = DataLoader(dataset, batch_size=10)
    assert y.tolist() == (labels[:10].astype(int) + 1).tolist()
    expected = (torch.tensor(images[:10]).float().div(255)[:, None] - 0.1307) / 0.3081
    np.testing.assert_allclose(x.numpy(), expected.numpy(), rtol=1e-6, atol=1e-6)
    by_pillow = datasets.MNIST(root, transform=transforms.Compose([lambda picture: picture.copy(), *transform.transforms]))
    for i in range(30):
        assert np.array_equal(dataset[i][0].numpy(), by_pillow[i][0].numpy())
    transform.transforms.insert(0, lambda picture: picture.rotate(90))
    turned = datasets.MNIST(root, transform=transforms.Compose([transforms.ToTensor()]))[3][0].numpy()
    assert np.allclose(dataset[3][0].numpy(), (np.rot90(turned, 1, (1, 2)) - 0.1307) / 0.3081, atol=1e-6)
    with pytest.raises(TypeError, match=r"not of PIL.Image.Image; transforms.ToTensor\(\)"):
        next(iter(DataLoader(datasets.MNIST(root), 4)))


def test_fashion_mnist_lies_beside_mnist(tmp_path: Path) -> None:
    write_mnist(tmp_path / "FashionMNIST" / "raw", "train", *drawn((30, 28, 28), 10))
    dataset = datasets.FashionMNIST(tmp_path)
    assert dataset.classes[9] == "Ankle boot"
    assert isinstance(dataset.targets, ninx.Tensor)
    with pytest.raises(ValueError, match=r"MNIST: .* holds no files of 'train'; say download=True"):
        datasets.MNIST(tmp_path)


def test_cifar(tmp_path: Path) -> None:
    images, labels = drawn((50, 32, 32, 3), 10)
    for i in range(5):
        part = slice(10 * i, 10 * i + 10)
        path = tmp_path / "cifar-10-batches-py" / f"data_batch_{i + 1}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(cifar_python(images[part], {b"labels": labels[part]}))
    dataset = datasets.CIFAR10(tmp_path, transform=transforms.ToTensor())
    assert isinstance(dataset.data, np.ndarray)
    assert np.array_equal(dataset.data, images)
    assert dataset.targets == labels.tolist()
    assert dataset.class_to_idx["cat"] == 3
    (x, y), *_ = DataLoader(dataset, 4)
    assert np.array_equal(x.numpy(), images[:4].transpose(0, 3, 1, 2) / np.float32(255))
    assert y.tolist() == labels[:4].tolist()
    fine, hundred = drawn((100, 32, 32, 3), 100)
    content = cifar_python(fine, {b"coarse_labels": hundred % 20, b"fine_labels": hundred})
    write_tar(tmp_path / "cifar-100-python.tar.gz", {"cifar-100-python/train": content, "cifar-100-python/test": content})
    for train in (True, False):
        found = datasets.CIFAR100(root=tmp_path, train=train)
        assert found.targets == hundred.tolist()
        assert found.classes[1] == "aquarium_fish"
        assert np.array_equal(np.asarray(found[5][0]), fine[5])


def test_svhn(tmp_path: Path) -> None:
    images, labels = drawn((12, 32, 32, 3), 10)
    write_svhn(tmp_path / "test_32x32.mat", images, labels)
    dataset = datasets.SVHN(tmp_path, split="test")
    assert dataset.data.shape == (12, 3, 32, 32)
    assert np.array_equal(dataset.labels, labels)
    assert np.array_equal(np.asarray(dataset[2][0]), images[2])
    assert dataset[2][1] == labels[2]
    assert "Split: test" in repr(dataset)
    with pytest.raises(ValueError, match="split is 'train', 'test' or 'extra', got True"):
        datasets.SVHN(tmp_path, True)
    with pytest.raises(ValueError, match=r"holds no files of 'train'; say download=True, or put train_32x32.mat"):
        datasets.SVHN(tmp_path)


def _photos(root: Path) -> None:
    for name, colour in (("dogs", (0, 0, 200)), ("cats", (200, 0, 0))):
        (root / name).mkdir(parents=True)
        for i in range(3):
            Image.new("RGB", (8 + i, 6), colour).save(root / name / f"{i}.png")


def test_image_folder(tmp_path: Path) -> None:
    _photos(tmp_path)
    dataset = datasets.ImageFolder(str(tmp_path), transforms.Compose([transforms.Resize((4, 4)), transforms.ToTensor()]))
    assert dataset.classes == ["cats", "dogs"]
    assert dataset.class_to_idx == {"cats": 0, "dogs": 1}
    assert dataset.targets == [0, 0, 0, 1, 1, 1]
    assert dataset.samples[4] == (str(tmp_path / "dogs" / "1.png"), 1)
    assert dataset.imgs is dataset.samples
    ((x, y),) = DataLoader(dataset, 6)
    assert x.shape == (6, 3, 4, 4)
    assert y.tolist() == dataset.targets
    assert np.allclose(x[0, :, 0, 0].numpy(), [200 / 255, 0, 0])
    plain = datasets.ImageFolder(tmp_path, target_transform=str, is_valid_file=lambda path: path.endswith("1.png"))
    assert [(image.size, label) for image, label in plain] == [((9, 6), "0"), ((9, 6), "1")]
    paths = datasets.ImageFolder(tmp_path, loader=lambda path: Path(path).name)
    assert paths[0] == ("0.png", 0)
    with pytest.raises(ValueError, match="is_valid_file leaves no image of the class 'cats'"):
        datasets.ImageFolder(tmp_path, is_valid_file=lambda path: "dogs" in path)


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda root: datasets.ImageFolder(root / "nowhere"), ValueError, "there is no such folder"),
        (lambda root: datasets.ImageFolder(root), ValueError, "has no sub-folders"),
        (lambda root: datasets.ImageFolder(5), TypeError, "root is the folder of the files, got 5"),
        (lambda root: datasets.MNIST(None), TypeError, "MNIST: root is the folder of the files, got None"),
        (lambda root: datasets.MNIST(root, "train"), TypeError, "train is True or False, got 'train'"),
        (lambda root: datasets.MNIST(root, True, 5), TypeError, "5 is no function"),
        (
            lambda root: datasets.MNIST(root, target_transform=5),
            TypeError,
            "target_transform is called with a label, but 5 is no",
        ),
        (lambda root: datasets.MNIST(root, transform=transforms.ToTensor), TypeError, "ToTensor is a class"),
        (
            lambda root: datasets.MNIST(root),
            ValueError,
            r"holds no files of 'train'; say download=True, .*ninx.data.digits\('train'\)",
        ),
        (lambda root: datasets.CIFAR10(root / "no"), ValueError, r"CIFAR10: .* holds no files of 'train'; say download=True"),
    ],
)
def test_what_data_sets_refuse(make: Callable[[Path], Any], error: type[Exception], match: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=match):
        make(tmp_path)


def test_a_class_without_images_is_named(tmp_path: Path) -> None:
    _photos(tmp_path)
    (tmp_path / "cows").mkdir()
    with pytest.raises(ValueError, match=r"cows: holds no image \("):
        datasets.ImageFolder(tmp_path)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        self.server.asked.append(self.path)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Serves a small MNIST whose hashes are known."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "*")
    for split in ("train", "test"):
        write_mnist(tmp_path / "served", split, *drawn((20, 28, 28), 10))
    old = sources.SOURCES["mnist"]
    files = {
        split: tuple(replace(f, sha256=hashlib.sha256((tmp_path / "served" / f.name).read_bytes()).hexdigest()) for f in known)
        for split, known in old.files.items()
    }
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path / "served"))) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        mirror = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setitem(sources.SOURCES, "mnist", replace(old, mirrors=(mirror,), files=files))
        yield server
        server.shutdown()
        thread.join()


def test_download(server: Any, tmp_path: Path) -> None:
    root = tmp_path / "data"
    assert len(datasets.MNIST(root, train=True, download=True)) == 20
    asked = len(server.asked)
    assert asked == 2
    assert len(datasets.MNIST(root, download=True)) == len(datasets.MNIST(root)) == 20
    assert len(server.asked) == asked, "what is there is not fetched again"
    assert len(datasets.MNIST(root, train=False, download=True)) == 20


def test_download_leaves_what_torchvision_has_put_there(server: Any, mnist: tuple[Path, np.ndarray, np.ndarray]) -> None:
    assert len(datasets.MNIST(mnist[0], download=True)) == 30
    assert server.asked == []
