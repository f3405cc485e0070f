"""ninx.transforms: torchvision's documented behaviour, by hand, by Pillow and by PyTorch."""

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from PIL import Image
from small_picture import BYTES, PICTURE, new_rng

import ninx
from ninx import data, transforms
from ninx.transforms import functional
from ninx.utils.data import DataLoader


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
        found = transform(PICTURE, new_rng())
        assert isinstance(found, np.ndarray)
        assert np.array_equal(found, transform(BYTES, new_rng()))
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
    values = new_rng().integers(0, 256, (5, 7, channels), np.uint8)
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
    rng = new_rng(4)
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
