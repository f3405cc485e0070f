"""Data sets, the loader, transforms and image files."""

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

import ninx
from ninx import data


def test_digits_are_what_their_note_says() -> None:
    for split, count in (("train", 4000), ("test", 1000)):
        digits = data.load("digits", split)
        assert digits.images.shape == (count, 28, 28)
        assert digits.images.dtype == np.uint8
        assert np.bincount(digits.labels).tolist() == [count // 10] * 10
    train, test = (data.load("digits", s) for s in ("train", "test"))
    pixels = np.concatenate([train.images, test.images]) / 255
    assert pytest.approx((pixels.mean(), pixels.std()), rel=0.02) == (data.MEAN, data.STD)  # those of all 70,000
    seen = {image.tobytes() for image in train.images}
    assert not any(image.tobytes() in seen for image in test.images), "a test digit stands in the training set"


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(ValueError, match="no data set 'MNIST'; did you mean 'mnist'"):
        data.load("MNIST", "train")
    with pytest.raises(ValueError, match="no data set 'digit'; did you mean 'digits'"):
        data.load("digit", "train")
    with pytest.raises(ValueError, match="'train' or 'test', got 'valid'"):
        data.load("digits", "valid")


class Numbers:
    """Sample i is an image full of i."""

    def __init__(self, count: int):
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return np.full((1, 2, 2), index, np.float32), index


def test_batches_cover_everything_once() -> None:
    loader = data.DataLoader(Numbers(10), 4)
    batches = [labels.tolist() for _, labels in loader]
    assert batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert len(loader) == 3
    assert [y.tolist() for _, y in data.DataLoader(Numbers(10), 4, drop_last=True)] == batches[:2]
    assert len(data.DataLoader(Numbers(10), 4, drop_last=True)) == 2
    shuffled = [y for _, labels in data.DataLoader(Numbers(10), 4, shuffle=True) for y in labels.tolist()]
    assert sorted(shuffled) == list(range(10))
    assert shuffled != list(range(10))
    for images, labels in loader:
        assert images.dtype == np.float32
        assert labels.dtype == np.int64
        assert images.array.transpose(0, 2, 3, 1).flags.c_contiguous


def test_order_depends_on_seed_and_epoch_alone() -> None:
    def orders(seed: int, epochs: int = 2) -> list[list[int]]:
        loader = data.DataLoader(Numbers(50), 50, shuffle=True, seed=seed)
        return [next(iter(loader))[1].tolist() for _ in range(epochs)]

    assert orders(1) == orders(1)
    assert orders(1)[0] != orders(1)[1]
    assert orders(1) != orders(2)
    later = data.DataLoader(Numbers(50), 50, shuffle=True, seed=1)
    later.epoch = 1
    assert next(iter(later))[1].tolist() == orders(1)[1]


def test_the_chance_of_a_transform_depends_on_seed_epoch_and_sample() -> None:
    def noise(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return rng.random((1, 2, 2))

    drawn = []
    for seed in (1, 2):
        loader = data.DataLoader(Numbers(6), 3, seed=seed, transform=noise)
        drawn += [x.array[i, 0, 0, 0] for _ in range(2) for x, _ in loader for i in range(3)]
    assert len(set(drawn)) == len(drawn) == 24


def test_images_of_two_sizes_make_no_batch() -> None:
    class Mixed(Numbers):
        def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
            return np.zeros((1, 2, 2 + index)), index

    with pytest.raises(ValueError, match=r"of a batch must have one shape, got \[\(1, 2, 2\), \(1, 2, 3\)\]"):
        list(data.DataLoader(Mixed(2), 2))


def test_split_cuts_off_the_end() -> None:
    whole = data.ArrayDataset(np.zeros((5, 2, 2), np.uint8), np.arange(5, dtype=np.uint8), "abcde")
    first, last = whole.split(2)
    assert (first.labels.tolist(), last.labels.tolist()) == ([0, 1, 2], [3, 4])
    assert (len(first), len(last), last.classes) == (3, 2, tuple("abcde"))
    assert whole.labels.dtype == np.int64


@pytest.mark.parametrize("workers", [1, 4])
def test_threads_change_nothing(workers: int) -> None:
    """Two epochs with random shifts: bit for bit the batches that no thread prepared."""
    digits = data.load("digits", "train").take(slice(300))
    transform = data.Compose([data.ToTensor(), data.RandomTranslate(3), data.Normalize([0.1], [0.3])])
    loaders = [data.DataLoader(digits, 32, shuffle=True, seed=5, num_workers=n, transform=transform) for n in (0, workers)]
    for _ in range(2):
        for (x, y), (u, v) in zip(*loaders, strict=True):
            assert np.array_equal(x.numpy(), u.numpy())
            assert np.array_equal(y.numpy(), v.numpy())


def test_threads_pass_errors_on_and_end() -> None:
    class Broken(Numbers):
        def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
            if index == 7:
                raise ValueError("sample 7 is broken")
            return super().__getitem__(index)

    with pytest.raises(ValueError, match="sample 7 is broken"):
        list(data.DataLoader(Broken(20), 2, num_workers=2))
    stopped = iter(data.DataLoader(Numbers(1000), 2, num_workers=2))
    next(stopped)
    stopped.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("ninx-loader")]


def test_translate_moves_every_pixel_alike() -> None:
    image = np.arange(1, 26, dtype=np.float32).reshape(1, 5, 5)
    found = set()
    for seed in range(200):
        moved = data.RandomTranslate(2)(image, np.random.default_rng(seed))
        inside = np.argwhere(moved[0] > 0)
        (y, x), source = inside[0], moved[0][tuple(inside[0])]
        dy, dx = y - (int(source) - 1) // 5, x - (int(source) - 1) % 5
        found.add((int(dy), int(dx)))
        for i in range(5):
            for j in range(5):
                inside_source = 0 <= i - dy < 5 and 0 <= j - dx < 5
                assert moved[0, i, j] == (image[0, i - dy, j - dx] if inside_source else 0)
    assert found == {(dy, dx) for dy in range(-2, 3) for dx in range(-2, 3)}


def test_what_a_shift_leaves_open_is_filled() -> None:
    moved = data.RandomTranslate(2, fill=-1.0)(np.zeros((2, 5, 4), np.float32), np.random.default_rng(0))
    dy, dx = np.random.default_rng(0).integers(-2, 3, 2)
    assert dy or dx
    assert (moved == -1).sum() == 2 * (5 * 4 - (5 - abs(dy)) * (4 - abs(dx)))


class Extreme:
    """In place of a random generator: the upper or the lower end of every range."""

    def __init__(self, upper: bool = True):
        self.upper = upper

    def uniform(self, low: float, high: float) -> float:
        return high if self.upper else low


def test_affine_turns_and_scales_about_the_centre() -> None:
    image = np.random.default_rng(0).random((2, 9, 9)).astype(np.float32)
    assert np.array_equal(data.RandomAffine(0)(image, np.random.default_rng(0)), image)
    np.testing.assert_allclose(data.RandomAffine(90)(image, Extreme()), np.rot90(image, -1, axes=(1, 2)), atol=1e-5)
    wide = np.random.default_rng(0).random((2, 5, 9)).astype(np.float32)
    np.testing.assert_allclose(data.RandomAffine(180)(wide, Extreme()), np.rot90(wide, 2, axes=(1, 2)), atol=1e-5)
    square = np.zeros((1, 28, 28), np.float32)
    square[0, 9:19, 9:19] = 1
    larger = data.RandomAffine(0, 0.5)(square, Extreme())
    assert larger.sum() == pytest.approx(15 * 15, rel=0.02)
    rows = np.flatnonzero(larger[0].sum(axis=1) > 5)
    assert (rows[0], rows[-1]) == (6, 21)
    np.testing.assert_allclose(data.RandomAffine(90)(image, Extreme(False)), np.rot90(image, axes=(1, 2)), atol=1e-5)
    assert data.RandomAffine(0, 0.5)(square, Extreme(False)).sum() == pytest.approx(5 * 5, rel=0.02)
    turned = data.RandomAffine(20, 0.1)
    draws = [turned(image, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


def test_to_tensor_and_normalise() -> None:
    colour = np.random.default_rng(0).integers(0, 256, (4, 3, 3), dtype=np.uint8)
    planes = data.ToTensor()(colour)
    assert planes.shape == (3, 4, 3)
    np.testing.assert_allclose(planes, colour.transpose(2, 0, 1) / 255, rtol=1e-6)
    scaled = data.Normalize([0.1, 0.2, 0.3], [1, 2, 4])(planes)
    np.testing.assert_allclose(scaled[2], (planes[2] - 0.3) / 4, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: data.DataLoader(Numbers(3), 0), "batch_size must be at least 1"),
        (lambda: data.ArrayDataset(np.zeros((2, 3, 3)), np.zeros(3), "ab"), "2 images, but 3 labels"),
        (
            lambda: data.ArrayDataset(np.zeros((2, 3, 3)), np.array([0, 2]), "ab"),
            "labels run from 0 to 2, but there are 2 classes",
        ),
        (lambda: data.load("digits", "test").split(1000), "not 1000"),
        (lambda: data.load("digits", "test").split(0), "can split off 1 to 999 of 1000 samples, not 0"),
        (lambda: data.Normalize([0.1], [0.0]), "positive deviations"),
        (lambda: data.RandomTranslate(-1), "at least 0"),
        (lambda: data.RandomAffine(10, 1.0), "scale from 0 to below 1"),
    ],
)
def test_wrong_arguments_say_what_is_wrong(make, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make()


# ------------------------------------------------------------------ image files


def _drawing(size: tuple[int, int], box: tuple[int, int, int, int], ink: int = 255, paper: int = 0) -> Image.Image:
    picture = Image.new("L", size, paper)
    ImageDraw.Draw(picture).rectangle(box, fill=ink)
    return picture


def test_a_digit_is_cropped_scaled_and_centred(tmp_path: Path) -> None:
    """A bar of 30x120 pixels somewhere in a large picture becomes 5x20 in the middle of 28x28."""
    path = tmp_path / "bar.png"
    _drawing((300, 200), (201, 50, 230, 169)).save(path)
    digit = data.read_digit(path)
    assert digit.shape == (28, 28)
    assert digit.dtype == np.uint8
    rows, cols = np.flatnonzero(digit.any(axis=1)), np.flatnonzero(digit.any(axis=0))
    assert (rows[0], rows[-1]) == (4, 23)
    assert len(cols) == 5
    assert abs(cols.mean() - 13.5) <= 0.5
    assert digit.max() == 255


def test_files_of_every_kind_give_the_same_digit(tmp_path: Path) -> None:
    plain = _drawing((90, 90), (30, 20, 50, 70))
    plain.save(tmp_path / "a.png")
    plain.convert("RGB").save(tmp_path / "b.png")
    plain.convert("P").save(tmp_path / "c.png")
    transparent = Image.new("RGBA", (90, 90), (0, 0, 0, 0))
    transparent.paste((255, 255, 255, 255), (30, 20, 51, 71))
    transparent.save(tmp_path / "d.png")
    _drawing((90, 90), (30, 20, 50, 70), ink=0, paper=255).save(tmp_path / "dark.png")
    expected = data.read_digit(tmp_path / "a.png")
    for name in "bcd":
        assert np.array_equal(data.read_digit(tmp_path / f"{name}.png"), expected), name
    assert np.array_equal(data.read_digit(tmp_path / "dark.png", invert=True), expected)
    plain.save(tmp_path / "e.jpg", quality=95)
    lossy = data.read_digit(tmp_path / "e.jpg")  # its edges are blurred, so the crop may be a pixel larger
    assert np.corrcoef(lossy.ravel(), expected.ravel())[0, 1] > 0.9


def _photograph(path: Path, digit: np.ndarray, rng: np.random.Generator, ink: float = 60, paper: float = 200) -> None:
    """A digit of ink somewhere on a sheet that a lamp lights from one side, with noise, a speck of dust and JPEG's traces."""
    side, (h, w) = int(rng.integers(250, 400)), (600, 800)
    shape = np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC), np.float64) / 255
    y, x = int(rng.integers(60, h - side)), int(rng.integers(60, w - side))
    cover = np.zeros((h, w))
    cover[y : y + side, x : x + side] = shape
    cover[20:24, 30:34] = 1  # the speck
    down, across = np.mgrid[0:h, 0:w] / np.array([h, w]).reshape(2, 1, 1)
    light = paper + rng.uniform(-50, 20) * across + rng.uniform(-50, 20) * down - 30 * ((across - 0.5) ** 2 + (down - 0.5) ** 2)
    photo = light + cover * (ink - paper) + rng.normal(0, 6, (h, w))
    Image.fromarray(np.clip(photo, 0, 255).astype(np.uint8)).save(path, quality=70)


def _likeness(a: np.ndarray, b: np.ndarray) -> float:
    """The best correlation when one is moved by up to a pixel: the centre of mass is rounded."""
    moves = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return max(np.corrcoef(np.roll(a, move, (0, 1)).ravel(), b.ravel())[0, 1] for move in moves)


@pytest.mark.parametrize(("ink", "paper"), [(60, 200), (190, 60)])
def test_photographs_look_like_mnist(tmp_path: Path, ink: float, paper: float) -> None:
    """Whichever of ink and paper is darker; against the digits that were photographed."""
    digits, rng = data.load("digits", "test").images, np.random.default_rng(3)
    likeness = []
    for i in range(20):
        _photograph(tmp_path / "photo.jpg", digits[i], rng, ink, paper)
        found = data.read_digit(tmp_path / "photo.jpg")
        likeness.append(_likeness(found, digits[i]))
        assert (found == 0).mean() > 0.4, "the paper is not clean"
        told = data.read_digit(tmp_path / "photo.jpg", invert=ink < paper)
        assert np.array_equal(told, found)
    assert np.median(likeness) > 0.95
    assert sum(x > 0.85 for x in likeness) >= 18


def test_a_shadow_across_the_sheet_is_not_taken_for_ink(tmp_path: Path) -> None:
    """A small digit and a shadow with a hard edge, which no polynomial follows: little dark ink outweighs much grey paper."""
    from ninx.data.pictures import light_on_dark

    rng = np.random.default_rng(5)
    for i, digit in enumerate(data.load("digits", "test").images[:60]):
        sheet = np.full((200, 240), 190) + rng.normal(0, 2, (200, 240))
        y, x = rng.integers(20, 120, 2)
        small = np.asarray(Image.fromarray(digit).resize((40, 40)), np.float32) / 255
        sheet[y : y + 40, x : x + 40] *= 1 - 0.7 * small
        sheet[:, : rng.integers(30, 210)] -= 20
        grey = sheet.astype(np.float32)
        assert np.array_equal(light_on_dark(grey), light_on_dark(grey, invert=True)), i


def test_dark_on_light_is_found_out(tmp_path: Path) -> None:
    for i, digit in enumerate(data.load("digits", "test").images[:50]):
        light = Image.fromarray(digit).resize((140, 140))
        light.save(tmp_path / "light.png")
        Image.fromarray(255 - np.asarray(light)).save(tmp_path / "dark.png")
        plain = data.read_digit(tmp_path / "light.png", invert=False)
        assert np.array_equal(data.read_digit(tmp_path / "light.png"), plain), i
        assert np.array_equal(data.read_digit(tmp_path / "dark.png"), plain), i


def test_dark_ink_on_nothing_is_ink_on_white(tmp_path: Path) -> None:
    _drawing((90, 90), (30, 20, 50, 70)).save(tmp_path / "light.png")
    layer = Image.new("RGBA", (90, 90), (0, 0, 0, 0))
    layer.paste((20, 0, 40, 255), (30, 20, 51, 71))
    layer.save(tmp_path / "dark.png")
    assert np.array_equal(data.read_digit(tmp_path / "dark.png"), data.read_digit(tmp_path / "light.png"))


def test_parts_of_a_digit_are_kept_and_specks_are_not() -> None:
    """A five whose bar is apart: a part counts as ink from a tenth of the largest on."""
    from ninx.data.pictures import light_on_dark

    sheet = np.full((120, 120), 200) + np.random.default_rng(0).normal(0, 4, (120, 120))
    sheet[40:90, 50:60] = 40  # 500 pixels
    sheet[40:50, 65:75] = 40  # 100 of them apart
    sheet[70:74, 80:85] = 40  # 20
    ink = light_on_dark(sheet.astype(np.float32))
    assert ink[40:90, 50:60].all()
    assert ink[40:50, 65:75].all()
    assert not ink[69:75, 79:86].any()


def test_a_photographed_empty_sheet_shows_no_digit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sheet = 120 + 90 * np.linspace(0, 1, 300)[None] + rng.normal(0, 3, (200, 300))
    Image.fromarray(sheet.astype(np.uint8)).save(tmp_path / "sheet.png")
    with pytest.raises(ValueError, match="shows no digit"):
        data.read_digit(tmp_path / "sheet.png")


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    """A camera that was held on its side stores the picture so, and says in its tags how to turn it."""
    upright = _drawing((90, 120), (30, 20, 40, 90))
    ImageDraw.Draw(upright).rectangle((30, 80, 60, 90), fill=255)  # an L
    upright.save(tmp_path / "upright.png")
    tags = Image.Exif()
    tags[0x0112] = 6  # the orientation: to be turned by 90 degrees, clockwise
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=tags)
    assert np.array_equal(data.read_digit(tmp_path / "turned.png"), data.read_digit(tmp_path / "upright.png"))


def test_a_faint_digit_is_as_good_as_a_clear_one(tmp_path: Path) -> None:
    _drawing((90, 90), (30, 20, 50, 70)).save(tmp_path / "clear.png")
    _drawing((90, 90), (30, 20, 50, 70), ink=160, paper=120).save(tmp_path / "faint.png")
    assert np.array_equal(data.read_digit(tmp_path / "faint.png"), data.read_digit(tmp_path / "clear.png"))


def test_a_hairline_stays_a_line(tmp_path: Path) -> None:
    """A fifteenth of a pixel wide after scaling, but one pixel is the least there is."""
    _drawing((400, 400), (200, 50, 200, 349)).save(tmp_path / "line.png")
    digit = data.read_digit(tmp_path / "line.png")
    assert (digit.any(axis=1).sum(), digit.any(axis=0).sum()) == (20, 1)


def test_mnist_digits_stay_where_they_are() -> None:
    """The preparation is MNIST's own, so its digits hardly change."""
    from ninx.data.pictures import centre

    digits = data.load("digits", "test").images[:100]
    same = [np.corrcoef(centre(d.astype(np.float32)).ravel(), d.ravel())[0, 1] for d in digits]
    assert np.median(same) > 0.99


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (None, "there is no such file"),
        (b"", "cannot be read as an image"),
        (b"not an image", "cannot be read as an image"),
        (b"\x89PNG\r\n\x1a\n broken", "cannot be read as an image"),
    ],
)
def test_what_is_no_image_is_refused(tmp_path: Path, content: bytes | None, match: str) -> None:
    path = tmp_path / "x.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=match):
        data.read_digit(path)


def test_truncated_and_blank_images_are_refused(tmp_path: Path) -> None:
    _drawing((90, 90), (30, 20, 50, 70)).save(tmp_path / "whole.png")
    half = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "half.png").write_bytes(half[: len(half) // 2])
    with pytest.raises(ValueError, match="cannot be read as an image"):
        data.read_digit(tmp_path / "half.png")
    Image.new("L", (50, 50), 77).save(tmp_path / "blank.png")
    with pytest.raises(ValueError, match="shows no digit"):
        data.read_digit(tmp_path / "blank.png")
    _drawing((50, 50), (10, 10, 20, 40), ink=90, paper=77).save(tmp_path / "noise.png")
    with pytest.raises(ValueError, match=r"shows no digit: nothing stands out from its background \(greys 77 to 90\)"):
        data.read_digit(tmp_path / "noise.png")
    with pytest.raises(ValueError, match="is a folder; name the file"):
        data.read_digit(tmp_path)


def test_batches_feed_a_network() -> None:
    loader = data.DataLoader(data.load("digits", "test").take(slice(4)), 4, transform=data.ToTensor())
    images, _ = next(iter(loader))
    assert ninx.models.create("nin-mnist").eval()(images).shape == (4, 10)
