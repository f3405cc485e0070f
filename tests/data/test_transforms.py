"""Resizing, cropping, flipping and the contrast normalisations, each against its formula or PyTorch."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

import ninx
from ninx import data


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("size", [(5, 9), (20, 30), (12, 16), 6, 40])
def test_resize_is_that_of_pytorch(size: int | tuple[int, int]) -> None:
    image = _rng().random((3, 12, 16), np.float32)
    expected = (size, size * 16 // 12) if isinstance(size, int) else size
    theirs = TF.interpolate(torch.tensor(image)[None], expected, mode="bilinear", antialias=True, align_corners=False)[0]
    ours = data.Resize(size)(image)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)
    whole = (image * 255).astype(np.uint8)
    bytes_ = data.Resize(size)(np.ascontiguousarray(whole.transpose(1, 2, 0)))
    assert bytes_.dtype == np.uint8
    fine = TF.interpolate(torch.tensor(whole)[None].double(), expected, mode="bilinear", antialias=True, align_corners=False)[0]
    assert np.abs(bytes_.transpose(2, 0, 1) - fine.numpy()).max() <= 1.01  # two passes, each rounded to whole values
    assert data.Resize(size)(whole[0]).shape == expected


def test_crops_are_windows_of_the_padded_image_and_all_occur() -> None:
    image = np.arange(1, 31, dtype=np.float32).reshape(1, 5, 6)
    padded = np.full((1, 9, 10), -1, np.float32)
    padded[:, 2:7, 2:8] = image
    windows = {padded[:, y : y + 4, x : x + 7].tobytes() for y in range(6) for x in range(4)}
    crop = data.RandomCrop((4, 7), padding=2, fill=-1)
    assert {crop(image, _rng(seed)).tobytes() for seed in range(400)} == windows
    assert np.array_equal(data.RandomCrop((5, 6))(image, _rng()), image)
    with pytest.raises(ValueError, match=r"\(6, 6\) does not fit into an image of \(5, 6\) with padding 0"):
        data.RandomCrop(6)(image, _rng())


@pytest.mark.parametrize("size", [(2, 3), 4, (5, 6), (1, 1)])
def test_the_middle_is_where_torchvision_has_it(size: int | tuple[int, int]) -> None:
    """By its rule, int(round((height - size) / 2)), which rounds halves to even."""
    image = np.arange(30).reshape(1, 5, 6)
    h, w = size if isinstance(size, tuple) else (size, size)
    top, left = int(round((5 - h) / 2.0)), int(round((6 - w) / 2.0))  # noqa: RUF046 - as torchvision writes it
    expected = torch.tensor(image)[:, top : top + h, left : left + w].numpy()
    assert np.array_equal(data.CenterCrop(size)(image), expected)
    with pytest.raises(ValueError, match=r"\(7, 7\) does not fit into an image of \(5, 6\)"):
        data.CenterCrop(7)(image)


def test_flips_are_as_frequent_as_asked() -> None:
    image = _rng().random((3, 4, 5))
    flip = data.RandomHorizontalFlip(0.25)
    flipped = 0
    for seed in range(2000):
        found = flip(image, _rng(seed))
        flipped += np.array_equal(found, image[:, :, ::-1])
        assert np.array_equal(found, image) or np.array_equal(found, image[:, :, ::-1])
    assert 400 < flipped < 600  # 500 expected; five deviations of 19 either side
    assert np.array_equal(data.RandomHorizontalFlip(0)(image, _rng()), image)
    assert np.array_equal(data.RandomHorizontalFlip(1)(image, _rng()), np.flip(image, 2))


def test_global_contrast_against_its_formula() -> None:
    images = _rng().random((5, 3, 8, 7)).astype(np.float32) * 3 + 100
    for scale, bias in ((55.0, 0.0), (1.0, 10.0)):
        norm = data.GlobalContrastNorm(scale, bias)
        flat = images.astype(np.float64).reshape(5, -1)
        flat -= flat.mean(axis=1, keepdims=True)
        expected = scale * flat / np.sqrt(bias + (flat**2).sum(axis=1, keepdims=True))
        for image, row in zip(images, expected, strict=True):
            found = norm(image)
            assert found.dtype == np.float32
            np.testing.assert_allclose(found.ravel(), row, atol=1e-5)
    assert np.linalg.norm(data.GlobalContrastNorm()(images[0])) == pytest.approx(55, rel=1e-6)
    assert not data.GlobalContrastNorm()(np.full((3, 4, 4), 0.3, np.float32)).any(), "one grey is zero, not a division by zero"


def test_zca_makes_the_covariance_one() -> None:
    """Against the definition, in float64: with bias b an eigenvalue v becomes v / (v + b), along unchanged axes."""
    images = (_rng().standard_normal((400, 2, 3, 3)) @ _rng(1).standard_normal((3, 3)) + 5).astype(np.float32)
    zca = data.ZCA(bias=0.1).fit(images, chunk=77)
    rows = images.reshape(400, -1).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(rows.T, bias=True))
    found = zca(images).reshape(400, -1).astype(np.float64)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-5)
    expected = vectors @ np.diag(values / (values + 0.1)) @ vectors.T
    np.testing.assert_allclose(found.T @ found / 400, expected, atol=1e-4)
    np.testing.assert_allclose(zca.matrix, zca.matrix.T, atol=1e-6)
    np.testing.assert_allclose(zca(images[3]), zca(images)[3], atol=1e-6)
    again = data.ZCA().load_state_dict({k: ninx.tensor(v) for k, v in zca.state_dict().items()})
    assert np.array_equal(again(images), zca(images))


def test_gcn_and_zca_against_a_singular_value_decomposition() -> None:
    """The CIFAR preparation as a whole, in float64 from the formulas: X = U S V', whitened X V diag(1 / sqrt(S^2/n + b)) V'."""
    pixels = (_rng().random((300, 4, 4, 3)) ** 2 * np.linspace(60, 255, 3)).astype(np.uint8)
    raw = data.ArrayDataset(pixels, np.arange(300) % 2, "ab")
    x = pixels.transpose(0, 3, 1, 2).reshape(300, -1) / 255
    x = x - x.mean(axis=1, keepdims=True)
    x *= 55 / np.linalg.norm(x, axis=1, keepdims=True)
    train, test = x[:250], x[250:]
    mean = train.mean(axis=0)
    _, s, v = np.linalg.svd(train - mean, full_matrices=False)
    expected = (test - mean) @ v.T @ np.diag(1 / np.sqrt(s**2 / 250 + 0.1)) @ v
    steps = data.ToTensor(), data.GlobalContrastNorm(55)
    zca = data.ZCA(0.1).fit(data.prepared(raw.take(slice(250)), *steps).images)
    found = data.prepared(raw.take(slice(250, None)), *steps, zca).images
    np.testing.assert_allclose(found.reshape(50, -1), expected, atol=2e-4 * np.abs(expected).max())


def test_zca_is_fitted_on_the_training_set_alone() -> None:
    images = _rng().standard_normal((50, 1, 2, 2)).astype(np.float32)
    zca = data.ZCA().fit(images)
    assert not np.allclose(data.ZCA().fit(images[:25])(images), zca(images))
    with pytest.raises(ValueError, match="fit it to the training images first"):
        data.ZCA()(images)
    with pytest.raises(ValueError, match="fit it to the training images first"):
        data.ZCA().state_dict()
    with pytest.raises(ValueError, match=r"fitted to images of 4 values, got the shape \(1, 3, 3\)"):
        zca(np.zeros((1, 3, 3), np.float32))
    with pytest.raises(ValueError, match="do not belong together"):
        data.ZCA().load_state_dict({"mean": np.zeros(3), "matrix": np.zeros((2, 2))})
    with pytest.raises(ValueError, match="use a positive bias"):
        data.ZCA(bias=0).fit(np.ones((10, 1, 2, 2), np.float32))


@pytest.mark.parametrize(("kernel_size", "sigma"), [(7, 2.0), (3, 0.7)])
def test_local_contrast_against_pytorch(kernel_size: int, sigma: float) -> None:
    image = _rng().random((3, 12, 10)).astype(np.float32)
    image[:, :4, :4] = 0.5  # here the deviation is small, and its mean divides
    grid = torch.arange(kernel_size, dtype=torch.float64) - kernel_size // 2
    gauss = torch.exp(-(grid[:, None] ** 2 + grid[None] ** 2) / (2 * sigma**2))
    kernel = (gauss / gauss.sum())[None, None].repeat(3, 1, 1, 1)

    def blur(t: torch.Tensor) -> torch.Tensor:
        return TF.conv2d(t[None], kernel, padding=kernel_size // 2, groups=3)[0]

    x = torch.tensor(image).double()
    centred = x - blur(x)
    deviation = blur(centred**2).sqrt()
    expected = centred / torch.maximum(deviation, deviation.mean((1, 2), keepdim=True)).clamp(min=1e-4)
    found = data.LocalContrastNorm(kernel_size, sigma)(image)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
    assert not data.LocalContrastNorm()(np.zeros((1, 5, 5), np.float32)).any()
    np.testing.assert_array_equal(data.LocalContrastNorm()(image), data.LocalContrastNorm(7, 2.0, 1e-4)(image))  # the defaults


def test_prepared_is_each_image_by_itself() -> None:
    images, labels = _rng().integers(0, 256, (1003, 4, 5, 3), dtype=np.uint8), np.arange(1003) % 2
    raw = data.ArrayDataset(images, labels, "ab")
    gcn = data.GlobalContrastNorm()
    scaled = data.prepared(raw, data.ToTensor(), gcn)
    assert scaled.images.shape == (1003, 3, 4, 5)
    assert np.array_equal(scaled.labels, labels)
    np.testing.assert_allclose(scaled.images[1002], gcn(images[1002].transpose(2, 0, 1) / np.float32(255)), atol=1e-5)
    zca = data.ZCA().fit(scaled.images)
    white = data.prepared(raw, data.ToTensor(), gcn, zca)
    np.testing.assert_allclose(white.images[[0, 1002]], [zca(scaled.images[i]) for i in (0, 1002)], atol=1e-4)


@pytest.mark.parametrize("workers", [1, 4])
def test_no_transform_depends_on_the_number_of_threads(workers: int) -> None:
    images, labels = _rng().integers(0, 256, (150, 9, 9, 3), dtype=np.uint8), np.arange(150) % 10
    chain = [data.RandomCrop(8, padding=2), data.RandomHorizontalFlip(), data.RandomAffine(10, 0.1), data.RandomTranslate(1)]
    transform = data.Compose([data.Resize(12), data.ToTensor(), *chain, data.GlobalContrastNorm(), data.LocalContrastNorm(3)])
    loaders = [
        data.DataLoader(
            data.ArrayDataset(images, labels, "0123456789"), 16, shuffle=True, seed=3, num_workers=n, transform=transform
        )
        for n in (0, workers)
    ]
    epochs = []
    for _ in range(2):
        batches = [list(loader) for loader in loaders]
        for (x, y), (u, v) in zip(*batches, strict=True):
            assert np.array_equal(x.numpy(), u.numpy())
            assert np.array_equal(y.numpy(), v.numpy())
        epochs.append(batches[0][0][0].numpy())
    assert not np.array_equal(*epochs)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: data.Resize(0), "size must be at least 1, got 0"),
        (lambda: data.RandomCrop(3, -1), "padding is at least 0, in whole pixels, got -1"),
        (lambda: data.CenterCrop(0), "size must be at least 1, got 0"),
        (lambda: data.RandomHorizontalFlip(1.5), "p must be from 0 to 1, got 1.5"),
        (lambda: data.GlobalContrastNorm(0), "scale must be positive"),
        (lambda: data.LocalContrastNorm(4), "kernel_size must be odd"),
        (lambda: data.ZCA(-1), "bias must be at least 0"),
        (lambda: data.ZCA().fit(np.zeros((1, 1, 2, 2))), "at least 2 images"),
    ],
)
def test_wrong_arguments_say_what_is_wrong(make: Callable, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make()
