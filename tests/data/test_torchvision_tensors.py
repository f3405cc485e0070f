"""ninx.transforms.ToTensor and Normalize: torchvision's documented behaviour, by hand and by PyTorch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from small_picture import BYTES, PICTURE, new_rng

import ninx
from ninx import data, transforms

# -------------------------------------------------------------------- ToTensor


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV"])
def test_pictures_of_bytes_become_floats_from_0_to_1(mode: str) -> None:
    picture = PICTURE.convert("RGBA").convert(mode) if mode not in ("YCbCr", "HSV", "CMYK") else PICTURE.convert(mode)
    values = np.array(picture, np.uint8)
    values = (255 if mode == "1" else 1) * (values[None] if values.ndim == 2 else values.transpose(2, 0, 1))
    y = transforms.ToTensor()(picture)
    assert isinstance(y, ninx.Tensor)
    assert (y.dtype, y.shape) == (np.float32, values.shape)
    assert np.array_equal(y.numpy(), torch.from_numpy(values.astype(np.uint8)).float().div(255).numpy())
    assert np.array_equal(data.ToTensor()(picture), y.numpy())


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int32, np.int64, np.int16, np.bool_])
def test_only_bytes_are_scaled(dtype: Any) -> None:
    for image in (BYTES.astype(dtype), BYTES[..., 0].astype(dtype), BYTES[..., :1].astype(dtype), BYTES[..., :2].astype(dtype)):
        for y in (transforms.ToTensor()(image).numpy(), data.ToTensor()(image)):
            assert y.dtype == dtype
            assert np.array_equal(y, image[None] if image.ndim == 2 else image.transpose(2, 0, 1))


def test_pictures_of_other_depths_keep_their_values() -> None:
    values = new_rng().integers(-5, 1000, (4, 5)).astype(np.int32)
    for picture in (Image.fromarray(values), Image.fromarray(values.astype(np.float32))):
        y = transforms.ToTensor()(picture)
        assert np.array_equal(y.numpy()[0], np.asarray(picture))
        assert y.dtype in (np.int32, np.float32)


@pytest.mark.parametrize(
    ("image", "error", "match"),
    [
        (BYTES.astype(np.uint16), TypeError, r"of uint16 give image.astype\(np.float32\) / 65535"),
        (Image.fromarray(BYTES[..., 0].astype(np.uint16)), TypeError, r"of uint16 give"),
        (BYTES[None], ValueError, r"not an array \(1, 6, 8, 3\)"),
        (BYTES[0, 0], ValueError, r"not an array \(3,\)"),
        (BYTES.transpose(2, 0, 1), ValueError, r"has its channels first; write image.transpose\(1, 2, 0\)"),
        (ninx.zeros(3, 4, 4), TypeError, r"not Tensor; it is one already"),
        ("photo.png", TypeError, r"not str; PIL.Image.open\(path\)"),
        ([[1, 2]], TypeError, r"not list"),
        (np.array([["a"]]), TypeError, r"an image holds numbers"),
        (None, TypeError, r"not NoneType"),
    ],
)
def test_what_to_tensor_refuses(image: Any, error: type[Exception], match: str) -> None:
    for make in (transforms.ToTensor(), data.ToTensor()):
        with pytest.raises(error, match=match):
            make(image)


def test_what_a_tutorial_does_with_the_first_image() -> None:
    img = transforms.ToTensor()(PICTURE)
    assert img.shape == (3, 6, 8)
    assert img.unsqueeze(0).shape == (1, 3, 6, 8)
    shown = np.transpose((img / 2 + 0.5).numpy(), (1, 2, 0))
    assert np.allclose(shown, BYTES / 255 / 2 + 0.5, atol=1e-6)
    assert np.array_equal(img.permute(1, 2, 0).numpy(), img.numpy().transpose(1, 2, 0))


# -------------------------------------------------------------------- Normalize


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        ((0.1, 0.2, 0.3), (1.0, 2.0, 4.0)),
        ([0.5], [0.25]),
        (0.13, 0.3),
        (np.array([0.1, 0.2, 0.3]), np.float32(0.5)),
        ((0.1, 0.2, 0.3), (0.5,)),
        (0, 1),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normalize_is_sub_and_div_of_pytorch(mean: Any, std: Any, dtype: Any) -> None:
    image = new_rng().random((3, 4, 5)).astype(dtype)

    def column(v: Any) -> torch.Tensor:
        t = torch.as_tensor(v, dtype=torch.from_numpy(image).dtype)
        return t.view(-1, 1, 1) if t.ndim == 1 else t

    expected = ((torch.tensor(image) - column(mean)) / column(std)).numpy()
    for normal in (transforms.Normalize(mean, std), data.Normalize(mean, std)):
        for given in (image, ninx.tensor(image), ninx.tensor(image[None])):
            found = normal(given)
            assert type(found) is type(given)
            assert found.dtype == dtype
            values = found if isinstance(found, np.ndarray) else found.numpy().reshape(3, 4, 5)
            assert np.array_equal(values, expected)
    changed = ninx.tensor(image)
    assert transforms.Normalize(mean, std, inplace=True)(changed) is changed
    assert np.array_equal(changed.numpy(), expected)
    copied = image.copy()
    assert transforms.Normalize(mean, std, True)(copied) is copied
    assert np.array_equal(copied, expected)


def test_normalize_is_differentiable() -> None:
    x = ninx.ones(3, 2, 2, requires_grad=True)
    transforms.Normalize(0.5, (1.0, 2.0, 4.0))(x).sum().backward()
    assert x.grad[:, 0, 0].tolist() == [1, 0.5, 0.25]


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (
            lambda: transforms.Normalize((0.1, 0.2), (1.0, 1.0))(ninx.zeros(3, 2, 2)),
            ValueError,
            "there are 2 means, but the image has 3",
        ),
        (
            lambda: transforms.Normalize((0.1,) * 3, (1.0,) * 3)(ninx.zeros(1, 2, 2)),
            ValueError,
            "there are 3 means, but the image has 1",
        ),
        (lambda: transforms.Normalize((0.1, 0.2), (1.0,) * 3), ValueError, "as many means as positive deviations"),
        (lambda: transforms.Normalize(0.1, 0.0), ValueError, "positive deviations"),
        (lambda: transforms.Normalize("a", 1), TypeError, "mean is a number, or a list"),
        (lambda: transforms.Normalize(0, None), (TypeError, ValueError), "Normalize"),
        (lambda: transforms.Normalize([[0.1, 0.2]], 1), TypeError, "mean is a number, or a list"),
        (lambda: transforms.Normalize((), ()), TypeError, "mean is a number, or a list"),
        (lambda: transforms.Normalize(0.5, 0.5)(PICTURE), TypeError, r"not Image; put ToTensor\(\) before it"),
        (lambda: transforms.Normalize(0.5, 0.5)(BYTES), TypeError, r"takes floats \(C, H, W\), not \(6, 8, 3\) of uint8"),
        (lambda: transforms.Normalize(0.5, 0.5)(ninx.zeros(2, 2)), TypeError, r"not \(2, 2\) of float32"),
        (lambda: transforms.Normalize(0.5), TypeError, "std"),
    ],
)
def test_what_normalize_refuses(make: Callable[[], Any], error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        make()
