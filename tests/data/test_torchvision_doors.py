"""ninx.transforms and ninx.datasets: torchvision's documented behaviour, by hand, by Pillow and by PyTorch."""

import hashlib
import math
import subprocess
import sys
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
import torch.nn.functional as TF
from official import cifar_python, drawn, write_mnist, write_svhn, write_tar
from PIL import Image

import ninx
from ninx import data, datasets, transforms
from ninx.data import sources
from ninx.transforms import functional
from ninx.utils.data import DataLoader


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


BYTES = _rng().integers(0, 256, (6, 8, 3), np.uint8)
PICTURE = Image.fromarray(BYTES)


def kinds(values: np.ndarray = BYTES) -> dict[str, Any]:
    """The same image (H, W, 3) of each kind."""
    return {
        "picture": Image.fromarray(values),
        "bytes": values,
        "floats": values.transpose(2, 0, 1).astype(np.float32),
        "tensor": ninx.tensor(values.transpose(2, 0, 1).astype(np.float32)),
        "tensor of bytes": ninx.tensor(np.ascontiguousarray(values.transpose(2, 0, 1))),
    }


def planes(image: Any) -> np.ndarray:
    """(C, H, W) of an image of any kind."""
    if isinstance(image, Image.Image):
        image = np.asarray(image)
    if isinstance(image, ninx.Tensor):
        return image.numpy()
    return image.transpose(2, 0, 1) if image.dtype == np.uint8 else image


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
    values = _rng().integers(-5, 1000, (4, 5)).astype(np.int32)
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
    image = _rng().random((3, 4, 5)).astype(dtype)

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


# -------------------------------------------------------------------- every kind goes in, the same kind comes out


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        (transforms.CenterCrop(4), lambda x: x[:, 1:5, 2:6]),
        (transforms.CenterCrop((2, 8)), lambda x: x[:, 2:4]),
        (transforms.RandomCrop((6, 8)), lambda x: x),
        (transforms.RandomCrop((10, 10), padding=(1, 2)), lambda x: np.pad(x, ((0, 0), (2, 2), (1, 1)))),
        (transforms.RandomCrop((6, 9), pad_if_needed=True, fill=7), lambda x: None),
        (transforms.RandomHorizontalFlip(1), lambda x: x[:, :, ::-1]),
        (transforms.RandomHorizontalFlip(0), lambda x: x),
        (transforms.RandomVerticalFlip(1), lambda x: x[:, ::-1]),
        (transforms.Pad(1), lambda x: np.pad(x, ((0, 0), (1, 1), (1, 1)))),
        (transforms.Pad((1, 2), fill=5), lambda x: np.pad(x, ((0, 0), (2, 2), (1, 1)), constant_values=5)),
        (transforms.RandomCrop((8, 10), padding=1, fill=7.0), lambda x: np.pad(x, ((0, 0), (1, 1), (1, 1)), constant_values=7)),
        (transforms.Pad([1, 2, 3, 0], padding_mode="edge"), lambda x: np.pad(x, ((0, 0), (2, 0), (1, 3)), mode="edge")),
        (transforms.Pad(2, padding_mode="reflect"), lambda x: np.pad(x, ((0, 0), (2, 2), (2, 2)), mode="reflect")),
        (transforms.Pad(2, padding_mode="symmetric"), lambda x: np.pad(x, ((0, 0), (2, 2), (2, 2)), mode="symmetric")),
        (transforms.RandomRotation((90, 90), expand=True), lambda x: np.rot90(x, 1, (1, 2))),
        (transforms.RandomRotation((180, 180)), lambda x: np.rot90(x, 2, (1, 2))),
        (transforms.RandomAffine(0), lambda x: x),
        (transforms.RandomAffine((180, 180)), lambda x: np.rot90(x, 2, (1, 2))),
        (transforms.Lambda(lambda image: image), lambda x: x),
    ],
)
def test_pixels_go_where_they_should(kind: str, transform: Any, expected: Callable[[np.ndarray], Any]) -> None:
    image = kinds()[kind]
    before = planes(image).copy()
    found = transform(image)
    assert type(found) is type(image)
    wanted = expected(before)
    if wanted is None:  # two pixels more on the width: any of two windows
        wide = np.pad(before, ((0, 0), (0, 0), (1, 1)), constant_values=7)
        assert any(np.array_equal(planes(found), wide[:, :, i : i + 9]) for i in (0, 1))
    else:
        assert np.array_equal(planes(found), wanted)
    assert np.array_equal(planes(image), before)


@pytest.mark.parametrize("kind", kinds())
def test_grey(kind: str) -> None:
    image = kinds()[kind]
    one, three = transforms.Grayscale()(image), transforms.Grayscale(3)(image)
    if kind == "picture":
        assert (one.mode, three.mode) == ("L", "RGB")
        assert np.array_equal(np.asarray(one), np.asarray(PICTURE.convert("L")))
        assert np.array_equal(np.asarray(three), np.dstack([np.asarray(one)] * 3))
        return
    x = planes(image).astype(np.float32)
    grey = np.float32(0.2989) * x[0] + np.float32(0.587) * x[1] + np.float32(0.114) * x[2]
    assert planes(one).shape == (1, 6, 8)
    assert np.allclose(planes(one)[0], grey.astype(planes(image).dtype), atol=1e-4)
    assert np.array_equal(planes(three), planes(one).repeat(3, 0))


@pytest.mark.parametrize("size", [3, 12, (5, 9), [5, 9], (4,), np.int64(3)])
def test_resize_of_every_kind(size: Any) -> None:
    short = size if isinstance(size, int | np.int64) else size[0]
    h, w = (size[0], size[1]) if isinstance(size, tuple | list) and len(size) == 2 else (short, int(short * 8 / 6))
    resize = transforms.Resize(size)
    picture = resize(PICTURE)
    assert picture.size == (w, h)
    assert np.array_equal(np.asarray(picture), np.asarray(PICTURE.resize((w, h), Image.Resampling.BILINEAR)))
    assert np.array_equal(resize(BYTES), np.asarray(picture))
    floats = kinds()["floats"]
    theirs = TF.interpolate(torch.tensor(floats)[None], (int(h), int(w)), mode="bilinear", antialias=True)[0].numpy()
    np.testing.assert_allclose(resize(floats), theirs, atol=1e-3)
    np.testing.assert_allclose(resize(kinds()["tensor"]).numpy(), theirs, atol=1e-3)
    np.testing.assert_allclose(resize(ninx.tensor(floats[None])).numpy()[0], theirs, atol=1e-3)
    for y in (resize(BYTES[..., :1]), resize(BYTES[..., :2]), resize(np.dstack([BYTES, BYTES[..., :1]])), resize(BYTES[..., 0])):
        assert y.shape[:2] == (h, w)
        assert y.dtype == np.uint8
    assert np.array_equal(resize(BYTES[..., :1])[..., 0], resize(BYTES[..., 0]))
    deep = resize(BYTES[..., 0].astype(np.uint16) * 257)
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - resize(BYTES[..., 0])).max() <= 1


def test_resize_filters_and_the_longer_side() -> None:
    mode = transforms.InterpolationMode
    for interpolation, there in ((mode.NEAREST, Image.Resampling.NEAREST), (mode.BICUBIC, Image.Resampling.BICUBIC)):
        found = transforms.Resize((3, 4), interpolation=interpolation)(PICTURE)
        assert np.array_equal(np.asarray(found), np.asarray(PICTURE.resize((4, 3), there)))
    for interpolation in (2, Image.Resampling.BILINEAR, "bilinear", mode.BILINEAR):
        assert transforms.Resize(3, interpolation)(PICTURE).size == (4, 3)
    assert transforms.Resize(5, max_size=6)(Image.new("L", (20, 10))).size == (6, 3)
    bicubic = TF.interpolate(torch.tensor(kinds()["floats"])[None], (3, 4), mode="bicubic", antialias=True)[0].numpy()
    np.testing.assert_allclose(transforms.Resize((3, 4), mode.BICUBIC)(kinds()["tensor"]).numpy(), bicubic, atol=1e-3)


def test_in_ninx_data_a_picture_becomes_an_array() -> None:
    for name, argument in (("Resize", (3, 4)), ("CenterCrop", 4), ("RandomCrop", 4), ("RandomHorizontalFlip", 1)):
        transform = getattr(data, name)(argument)
        found = transform(PICTURE, _rng())
        assert isinstance(found, np.ndarray)
        assert np.array_equal(found, transform(BYTES, _rng()))
        assert isinstance(getattr(transforms, name)(argument)(PICTURE), Image.Image)
    palette = PICTURE.quantize(8)
    assert data.CenterCrop(4)(palette).shape == (4, 4, 3)
    assert transforms.CenterCrop(4)(palette).mode == "P"
    assert transforms.Pad(2, padding_mode="edge")(palette).convert("RGB").size == (12, 10)


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: transforms.Resize(0), ValueError, "size must be at least 1, got 0"),
        (lambda: transforms.Resize(2.5), TypeError, "size must be of whole numbers, got 2.5"),
        (lambda: transforms.Resize("28"), TypeError, r"size is a whole number, or \(height, width\), got '28'"),
        (lambda: transforms.Resize((1, 2, 3)), TypeError, "size is a whole number"),
        (lambda: transforms.Resize(True), TypeError, "whole numbers"),
        (lambda: transforms.Resize(5, antialias=False), ValueError, "always smooths"),
        (lambda: transforms.Resize(5, "cubic"), ValueError, "interpolation is one of .*bicubic"),
        (lambda: transforms.Resize((5, 5), max_size=9), ValueError, "max_size is for one number"),
        (lambda: transforms.Resize(5, 0)(BYTES), ValueError, "NEAREST is for Pillow images"),
        (lambda: transforms.Resize(5)(BYTES[..., 0] > 100), TypeError, "nothing between two values of bool"),
        (
            lambda: transforms.Resize(5)("a.png"),
            TypeError,
            r"Resize: an image is a Pillow image, an array or a tensor, not 'a.png'",
        ),
        (lambda: transforms.Resize(5)(5), TypeError, "Resize: an image is"),
        (lambda: transforms.Resize(5)(BYTES[None]), ValueError, r"Resize: takes one image"),
        (lambda: transforms.Resize(5)(BYTES.transpose(2, 0, 1)), ValueError, "has its channels first"),
        (lambda: transforms.Resize(5)(BYTES.astype(np.float32)), ValueError, "has its channels last"),
        (lambda: transforms.Resize(5)(np.zeros((0, 5), np.uint8)), ValueError, "no pixels, 0x5"),
        (lambda: transforms.Resize(5)(ninx.ones(3, 4, 4, requires_grad=True)), ValueError, r"give image.detach\(\)"),
        (lambda: data.RandomHorizontalFlip(1)(BYTES.transpose(2, 0, 1)), ValueError, "has its channels first"),
        (lambda: data.RandomTranslate(1)(BYTES), TypeError, "takes an array .* of floats, as ToTensor makes it"),
        (lambda: data.RandomAffine(1)(BYTES), TypeError, "takes an array .* of floats"),
        (lambda: data.RandomAffine(10, (0.9, 1.1)), TypeError, "ninx.transforms.RandomAffine takes torchvision's pairs"),
        (lambda: data.RandomAffine((-10, 10)), TypeError, "ninx.transforms.RandomAffine takes"),
        (lambda: transforms.RandomAffine(10, scale=0.1), TypeError, r"scale is a pair of numbers, such as \(1 - 0.1, 1 \+ 0.1\)"),
        (lambda: transforms.RandomAffine(10, 0.1), TypeError, "translate is a pair of numbers"),
        (lambda: transforms.RandomAffine(10, (3, 3)), ValueError, "fractions of the image"),
        (lambda: transforms.RandomAffine(10, None, (0, 1)), ValueError, "positive factor"),
        (lambda: transforms.RandomAffine(-10), ValueError, "degrees must be at least 0"),
        (lambda: transforms.RandomRotation("ten"), TypeError, "degrees is a number or"),
        (lambda: transforms.RandomRotation((30, -30)), TypeError, "degrees is a number or"),
        (lambda: transforms.RandomCrop(5, 0, 7), TypeError, "pad_if_needed is True or False, got 7"),
        (lambda: transforms.RandomCrop(5, padding_mode="wrap"), ValueError, "padding_mode is one of"),
        (lambda: transforms.RandomCrop(9)(PICTURE), ValueError, r"does not fit into an image of \(6, 8\)"),
        (lambda: transforms.CenterCrop(9)(PICTURE), ValueError, "put a Resize or a Pad before it"),
        (lambda: transforms.Pad(-1), ValueError, "padding is at least 0"),
        (lambda: transforms.Pad((1, 2, 3)), TypeError, "1, 2 or 4 whole numbers"),
        (lambda: transforms.Pad(1, (1, 2, 3))(BYTES), ValueError, "colours to fill with are for Pillow images"),
        (lambda: transforms.RandomVerticalFlip(2), ValueError, "p must be from 0 to 1"),
        (lambda: transforms.Grayscale(2), ValueError, "num_output_channels is 1 or 3"),
        (lambda: transforms.Grayscale()(ninx.zeros(2, 4, 4)), ValueError, "1 or 3 channels, got 2"),
        (lambda: transforms.Lambda(5), TypeError, "Lambda: a transform is called"),
        (lambda: transforms.Compose(transforms.ToTensor()), TypeError, r"takes a list of transforms, got ToTensor\(\)"),
        (lambda: transforms.Compose([5]), TypeError, "Compose: a transform is called with an image, but 5 is no function"),
        (lambda: transforms.Compose([transforms.ToTensor]), TypeError, r"ToTensor is a class, not a transform; make one of it"),
        (lambda: transforms.Compose(None), TypeError, "takes a list of transforms"),
        (lambda: functional.crop(PICTURE, 4, 0, 5, 5), ValueError, "does not lie inside an image of 6x8"),
        (lambda: functional.pil_to_tensor(BYTES), TypeError, "takes a Pillow image, not ndarray"),
        (lambda: functional.to_grayscale(BYTES), TypeError, "takes a Pillow image, not ndarray"),
        (lambda: functional.to_pil_image("x"), TypeError, "not str"),
        (lambda: functional.to_pil_image(ninx.zeros(5, 2, 2)), ValueError, "1 to 4 channels"),
        (lambda: functional.to_pil_image(BYTES.astype(np.float64)), TypeError, "no image of 3 channels of float64"),
        (lambda: functional.to_pil_image(BYTES, "L"), ValueError, "mode must be one of RGB"),
        (lambda: functional.convert_image_dtype(ninx.tensor([2.0]), np.uint8), ValueError, "floats are 0 to 1"),
        (lambda: functional.convert_image_dtype(ninx.tensor([2]), np.float32), TypeError, "between floats and uint8"),
        (lambda: functional.convert_image_dtype(BYTES), TypeError, "takes a tensor, not ndarray"),
    ],
)
def test_mistakes_are_answered_in_a_sentence(make: Callable[[], Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        make()


# -------------------------------------------------------------------- to and from pictures


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_there_and_back(channels: int) -> None:
    values = _rng().integers(0, 256, (5, 7, channels), np.uint8)
    picture = transforms.ToPILImage()(values)
    assert picture.mode == ["L", "LA", "RGB", "RGBA"][channels - 1]
    assert np.array_equal(np.asarray(picture).reshape(values.shape), values)
    tensor = transforms.ToTensor()(picture)
    again = transforms.ToPILImage()(tensor)  # 255 * (v / 255) in float32, cut off as PyTorch's byte() does
    expected = torch.from_numpy(tensor.numpy()).mul(255).byte().permute(1, 2, 0).numpy()
    assert np.array_equal(np.asarray(again).reshape(values.shape), expected)
    assert np.array_equal(transforms.PILToTensor()(picture).numpy(), values.transpose(2, 0, 1))


def test_pictures_of_other_depths() -> None:
    for dtype, mode in ((np.int32, "I"), (np.float32, "F"), (np.int16, "I;16"), (np.bool_, "1")):
        values = (np.arange(6).reshape(2, 3) % 2).astype(dtype)
        picture = transforms.ToPILImage()(values)
        assert picture.mode == mode
        assert np.array_equal(np.asarray(picture), values)
    assert transforms.ToPILImage("F")(ninx.tensor([[0.5]])).getpixel((0, 0)) == 0.5
    assert transforms.ToPILImage()(ninx.tensor([[[2.0, -1.0]]])).tobytes() == b"\xff\x00"


def test_convert_image_dtype() -> None:
    x = ninx.tensor(np.array([0, 1 / 512, 0.5, 0.999, 1], np.float32))
    assert transforms.ConvertImageDtype(np.uint8)(x).tolist() == [0, 0, 127, 255, 255]
    back = transforms.ConvertImageDtype()(ninx.tensor(np.arange(256, dtype=np.uint8)))
    assert np.array_equal(back.numpy(), torch.arange(256).to(torch.uint8).float().div(255).numpy())
    assert transforms.ConvertImageDtype(np.uint8)(back).tolist() == list(range(256))
    assert transforms.ConvertImageDtype(ninx.float64)(x).dtype == np.float64


# -------------------------------------------------------------------- turning


def test_affine_against_the_formula_of_torchvision() -> None:
    """M = T C R(angle) S(scale) SHy SHx C^-1, as its documentation writes it, and PyTorch's nearest sampling by M^-1."""
    image = np.arange(1, 10 * 14 + 1, dtype=np.float32).reshape(1, 10, 14)
    rng = _rng(4)
    for _ in range(40):
        angle, scale = float(rng.uniform(-180, 180)), float(rng.uniform(0.5, 2))
        shear = [float(s) for s in rng.uniform(-30, 30, 2)]
        move = [int(m) for m in rng.integers(-3, 4, 2)]
        a, sx, sy = (math.radians(v) for v in (angle, *shear))
        m = scale * np.array(
            [
                [math.cos(a - sy) / math.cos(sy), -math.cos(a - sy) * math.tan(sx) / math.cos(sy) - math.sin(a)],
                [math.sin(a - sy) / math.cos(sy), -math.sin(a - sy) * math.tan(sx) / math.cos(sy) + math.cos(a)],
            ]
        )
        matrix = functional.inverse_affine((7, 5), angle, move, scale, shear)
        for point in ((0.0, 0.0), (3.5, 2.5), (13.0, 9.0)):
            x, y = m @ (np.array(point) - (7, 5)) + (7, 5) + move
            back = (matrix[0] * x + matrix[1] * y + matrix[2], matrix[3] * x + matrix[4] * y + matrix[5])
            assert np.allclose(back, point, atol=1e-9)
        found = functional.affine(image, angle, move, scale, shear)
        for row, column in ((0, 0), (5, 7), (9, 3), (4, 12)):
            x = matrix[0] * (column + 0.5) + matrix[1] * (row + 0.5) + matrix[2]
            y = matrix[3] * (column + 0.5) + matrix[4] * (row + 0.5) + matrix[5]
            if min(x % 1, 1 - x % 1, y % 1, 1 - y % 1) > 1e-3:
                inside = 0 <= x < 14 and 0 <= y < 10
                assert found[0, row, column] == (image[0, int(y), int(x)] if inside else 0)


def test_turning_pictures_is_pillow_s() -> None:
    for angle in (0, 17, 90, -45):
        found = functional.rotate(PICTURE, angle, expand=True, fill=9)
        assert np.array_equal(np.asarray(found), np.asarray(PICTURE.rotate(angle, expand=True, fillcolor=(9, 9, 9))))
    moved = functional.affine(PICTURE, 0, (2, 1), 1.0, 0)
    assert np.array_equal(np.asarray(moved)[1:, 2:], BYTES[:-1, :-2])
    assert not np.asarray(moved)[0].any()


class Extreme:
    """In place of a generator: the upper end of every range, and the ranges that were asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, float]] = []

    def uniform(self, low: float, high: float) -> float:
        self.asked.append((low, high))
        return high


def test_random_affine_draws_in_torchvision_s_units() -> None:
    rng = Extreme()
    image = Image.new("L", (20, 10))
    transforms.RandomAffine(30, translate=(0.1, 0.3), scale=(0.9, 1.2), shear=5)(image, rng)
    assert rng.asked == [(-30, 30), (-2, 2), (-3, 3), (0.9, 1.2), (-5, 5), (0.0, 0.0)]
    rng = Extreme()
    transforms.RandomAffine((10, 20), shear=(1, 2, 3, 4))(image, rng)
    assert rng.asked == [(10, 20), (0, 0), (0, 0), (1, 2), (3, 4)]
    rng = Extreme()
    transforms.RandomRotation(15)(image, rng)
    assert rng.asked == [(-15, 15)]


RANDOM = [
    lambda: transforms.RandomCrop(4),
    lambda: transforms.RandomHorizontalFlip(),
    lambda: transforms.RandomVerticalFlip(),
    lambda: transforms.RandomRotation(180),
    lambda: transforms.RandomAffine(180),
    lambda: transforms.Compose([transforms.RandomCrop(4), transforms.RandomHorizontalFlip()]),
]


@pytest.mark.parametrize("make", RANDOM)
def test_chance_is_that_of_manual_seed(make: Callable[[], Any]) -> None:
    transform = make()

    def drawn_from(seed: int) -> list[bytes]:
        ninx.manual_seed(seed)
        return [transform(PICTURE).tobytes() for _ in range(12)]

    assert drawn_from(1) == drawn_from(1) != drawn_from(2)
    assert len(set(drawn_from(1))) > 1


class Pictures:
    """PIL images with a random transform inside the data set, as in torchvision."""

    def __init__(self, transform: Any):
        self.transform = transform

    def __len__(self) -> int:
        return 20

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.transform(Image.fromarray(np.roll(BYTES, index, axis=1))), index


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_change_nothing_of_the_chance_inside_a_data_set(workers: int) -> None:
    chain = [
        transforms.RandomCrop(6, padding=2),
        transforms.RandomHorizontalFlip(),
        transforms.RandomAffine(20, (0.1, 0.1), (0.8, 1.2)),
    ]
    dataset = Pictures(transforms.Compose([*chain, lambda image: image, transforms.ToTensor(), transforms.Normalize(0.5, 0.5)]))
    loaders = [DataLoader(dataset, 6, shuffle=True, seed=3, num_workers=n) for n in (0, workers)]
    epochs = []
    for _ in range(2):
        a, b = (np.concatenate([x.numpy() for x, _ in loader]) for loader in loaders)
        assert np.array_equal(a, b)
        epochs.append(a)
    assert not np.array_equal(*epochs)


def test_a_compose_may_be_changed() -> None:
    compose = transforms.Compose([transforms.ToTensor()])
    compose.transforms.insert(0, transforms.CenterCrop(2))
    compose.transforms.append(lambda image, rng: image + rng.integers(5, 6))
    assert compose(PICTURE).shape == (3, 2, 2)
    assert compose(PICTURE).min().item() >= 5


def test_the_doors_open_only_when_asked(tmp_path: Path) -> None:
    code = """
import sys, ninx
assert "PIL" not in sys.modules and "ninx.data" not in sys.modules
from ninx import datasets, transforms
import ninx.transforms as T
from ninx.utils.data import DataLoader
assert T is ninx.transforms and ninx.utils.data.DataLoader is DataLoader is ninx.data.DataLoader and ninx.datasets is datasets
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


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
