"""Digits on paper as people photograph and crop them come out as the MNIST digit they were made from; blank sheets do not."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

import ninx
from ninx import data
from ninx.data.pictures.parts import box_of, filled, grown, mean_around, parts_of, rim_of

DIGITS = data.digits("test")
H, W = 300, 400
Y, X = np.mgrid[0:H, 0:W]
Make = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.clip(picture, 0, 255).astype(np.uint8)


def _large(digit: np.ndarray, side: int) -> np.ndarray:
    """Ink from 0 to 1."""
    return np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC), np.float64) / 255


def _on_sheet(digit: np.ndarray, side: int = 200, corner: tuple[int, int] = (50, 100)) -> np.ndarray:
    sheet = np.zeros((H, W))
    sheet[corner[0] : corner[0] + side, corner[1] : corner[1] + side] = _large(digit, side)
    return sheet


def _paper(ink: np.ndarray, light: float = 235, dark: float = 40) -> np.ndarray:
    return light + (dark - light) * ink


def _crop(digit: np.ndarray, margin: int, scale: int) -> np.ndarray:
    """The bounding box of the digit and ``margin`` pixels around it, then enlarged."""
    wide = np.pad(digit, margin + 1)
    rows, cols = box_of(wide > 25)
    cut = wide[rows.start - margin : rows.stop + margin, cols.start - margin : cols.stop + margin]
    return np.asarray(Image.fromarray(cut).resize((cut.shape[1] * scale, cut.shape[0] * scale), Image.Resampling.BICUBIC))


def _on_table(sheet: np.ndarray, table: float, angle: float = 0, pad: int = 60) -> np.ndarray:
    picture = Image.fromarray(np.pad(sheet, pad, constant_values=-1000).astype(np.float32))
    turned = np.asarray(picture.rotate(angle, Image.Resampling.BILINEAR, fillcolor=-1000))
    return np.where(turned < -1, table, turned)


def _ruled(digit: np.ndarray, slope: float, squared: bool, grey: float = 150, dark: float = 40) -> np.ndarray:
    lines = (Y + slope * X) % 30 < 2
    if squared:
        lines |= (X - slope * Y) % 30 < 2
    return np.minimum(_paper(_on_sheet(digit), dark=dark), np.where(lines, grey, 255))


def _shadow(digit: np.ndarray, edge: float, factor: float) -> np.ndarray:
    slanted = X + 0.2 * Y
    return _paper(_on_sheet(digit)) * np.where(slanted > edge, factor, 1)


KINDS: dict[str, Make] = {
    **{
        f"crop, margin {margin}, times {scale}, {ink}": lambda a, rng, m=margin, s=scale, dark=ink == "dark": (
            255 - _crop(a, m, s) if dark else _crop(a, m, s)
        )
        for margin in range(4)
        for scale in (1, 8)
        for ink in ("dark", "light")
    },
    "crop with noise": lambda a, rng: (lambda c: _paper(c / 255) + rng.normal(0, 8, c.shape))(_crop(a, 0, 8)),
    "crop in uneven light": lambda a, rng: (lambda c: _paper(c / 255) * np.linspace(1, 0.8, c.shape[1]))(_crop(a, 1, 8)),
    "dark on light": lambda a, rng: 255 - a,
    "touching two edges": lambda a, rng: _paper(np.pad(_crop(a, 0, 8), ((0, 60), (0, 60))) / 255),
    "16 bits": lambda a, rng: (255 - a).astype(np.uint16) * 257,
    "sheet on a dark table": lambda a, rng: _on_table(_paper(_on_sheet(a)), 60),
    "sheet on a dark table, noise": lambda a, rng: (
        _on_table(_paper(_on_sheet(a)), 60, rng.uniform(-8, 8)) + rng.normal(0, 5, (H + 120, W + 120))
    ),
    "board on a light table": lambda a, rng: _on_table(_paper(_on_sheet(a), 40, 220), 190) + rng.normal(0, 4, (H + 120, W + 120)),
    "table at two sides": lambda a, rng: _on_table(_paper(_on_sheet(a)), 70, 3)[30:-90, 30:-90] + rng.normal(0, 3, (H, W)),
    "pencil on a sheet on a table": lambda a, rng: (
        _on_table(_paper(_on_sheet(a), 220, 165), 70) + rng.normal(0, 3, (H + 120, W + 120))
    ),
    "uneven light, dark": lambda a, rng: (
        (200 + 0.1 * X - 60 * (Y / H) ** 2) * (1 - 0.8 * _on_sheet(a)) + rng.normal(0, 4, (H, W))
    ),
    "uneven light, light": lambda a, rng: 40 + 0.1 * X + 0.1 * Y + 150 * _on_sheet(a) + rng.normal(0, 4, (H, W)),
    "noise, dark": lambda a, rng: _paper(_on_sheet(a), 210, 60) + rng.normal(0, 12, (H, W)),
    "noise, light": lambda a, rng: _paper(_on_sheet(a), 60, 210) + rng.normal(0, 12, (H, W)),
    "faint pencil": lambda a, rng: _paper(_on_sheet(a), 220, 180) + rng.normal(0, 3, (H, W)),
    "shadow beside": lambda a, rng: _shadow(a, 330, 0.6),
    "shadow across": lambda a, rng: _shadow(a, 240, 0.65) + rng.normal(0, 3, (H, W)),
    "ruled": lambda a, rng: _ruled(a, 0, False) + rng.normal(0, 3, (H, W)),
    "ruled, at a slope": lambda a, rng: _ruled(a, 0.03, False) + rng.normal(0, 3, (H, W)),
    "squared": lambda a, rng: _ruled(a, 0, True) + rng.normal(0, 3, (H, W)),
    "squared, pencil": lambda a, rng: _ruled(a, -0.02, True, 190, 120) + rng.normal(0, 3, (H, W)),
    "blurred": lambda a, rng: np.asarray(
        Image.fromarray(_bytes(_paper(_on_sheet(a)))).filter(ImageFilter.GaussianBlur(4)), np.float64
    ),
}


def _picture(kind: str, digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    picture = KINDS[kind](digit, rng)
    return picture if picture.dtype == np.uint16 else _bytes(picture)


def _likeness(a: np.ndarray, b: np.ndarray) -> float:
    """The best correlation when one is moved by up to a pixel: the centre of mass is rounded."""
    moves = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return max(np.corrcoef(np.roll(a, move, (0, 1)).ravel().astype(float), b.ravel())[0, 1] for move in moves)


@pytest.mark.parametrize("kind", KINDS)
def test_a_digit_comes_out_as_what_it_was_made_from(kind: str) -> None:
    rng = np.random.default_rng(0)
    likeness = []
    for digit in DIGITS.images[::100]:
        likeness.append(_likeness(data.read_digit(_picture(kind, digit, rng)), digit))
    assert np.median(likeness) > 0.9
    assert min(likeness) > 0.6


BLANKS: dict[str, np.ndarray] = {
    "ruled": np.where(Y % 40 < 2, 150, 235),
    "squared, with noise": np.where((Y % 30 < 2) | (X % 30 < 2), 160, 235) + np.random.default_rng(0).normal(0, 3, (H, W)),
    "sheet on a table": _on_table(np.full((H, W), 235.0), 60),
    "sheet on a table, turned": _on_table(np.full((H, W), 235.0), 60, 10)
    + np.random.default_rng(1).normal(0, 4, (H + 120, W + 120)),
    "shadow": np.where(X > 280, 150, 230) + np.random.default_rng(2).normal(0, 3, (H, W)),
    "half in the shadow": np.where(X + 0.3 * Y > 240, 120, 230),
    "lamp": 235 - 100 * ((X / W - 0.5) ** 2 + (Y / H - 0.5) ** 2) + np.random.default_rng(3).normal(0, 3, (H, W)),
}


@pytest.mark.parametrize("kind", BLANKS)
def test_a_blank_sheet_shows_no_digit(kind: str) -> None:
    for read in (data.read_digit, data.read_digits):
        with pytest.raises(ValueError, match="the image shows no digit"):
            read(_bytes(BLANKS[kind]))


# -------------------------------------------------------------------- one digit or several


def _line(numbers: list[int], gap: int, height: int = 76) -> np.ndarray:
    """Digits of 60 pixels beside each other, ``gap`` pixels between their ink."""
    cut = [(_large(DIGITS.images[i], 84)) for i in numbers]
    cut = [ink[box_of(ink > 0.1)] for ink in cut]
    cut = [np.pad(ink, (((height - len(ink)) // 2, height - len(ink) - (height - len(ink)) // 2), (0, gap))) for ink in cut]
    return np.pad(np.hstack(cut), 15)


def _pages() -> dict[str, tuple[np.ndarray, list[int]]]:
    rng = np.random.default_rng(4)
    rows = [[0, 301, 512], [444, 125, 736], [907, 618, 19]]
    lines = [_line(row, 20) for row in rows]
    wide = max(line.shape[1] for line in lines)
    page = np.vstack([np.pad(line, ((0, 0), (0, wide - line.shape[1]))) for line in lines])
    slope = np.zeros((160, 420))
    for k, number in enumerate(rows[1]):
        slope[30 + 20 * k : 114 + 20 * k, 30 + 130 * k : 114 + 130 * k] = _large(DIGITS.images[number], 84)
    return {
        "one": (_paper(_line([0], 0)), [0]),
        "two of MNIST": (255.0 - np.hstack([DIGITS.images[3], DIGITS.images[2]]), [3, 2]),
        "a line": (_paper(lines[0]), rows[0]),
        "a line, cropped": (_paper(lines[1][box_of(lines[1] > 0.1)]), rows[1]),
        "a line that slopes": (_paper(slope), rows[1]),
        "three lines": (_paper(page), [i for row in rows for i in row]),
        "three lines in bad light": (
            _paper(page) * np.linspace(1, 0.7, wide) + rng.normal(0, 4, page.shape),
            [i for row in rows for i in row],
        ),
        "a line on a sheet on a table": (_on_table(_paper(np.pad(lines[2], 40)), 60, 2), rows[2]),
    }


@pytest.mark.parametrize("light", [False, True])
@pytest.mark.parametrize("kind", _pages())
def test_several_digits_are_read_in_their_order(kind: str, light: bool) -> None:
    page, numbers = _pages()[kind]
    page = _bytes(255 - page if light else page)
    found = data.read_digits(page)
    assert [digit.shape for digit in found] == [(28, 28)] * len(numbers)
    for digit, number in zip(found, numbers, strict=True):
        assert _likeness(digit, DIGITS.images[number]) > 0.8
    told = data.read_digits(page, invert=not light)
    assert all(np.array_equal(a, b) for a, b in zip(found, told, strict=True))
    if len(numbers) == 1:
        assert np.array_equal(data.read_digit(page), found[0])
    else:
        with pytest.raises(ValueError, match=f"the image shows {len(numbers)} digits, .* read_digits reads them all"):
            data.read_digit(page)


def _strokes(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """Black rectangles (left, top, right, bottom) on white."""
    picture = Image.new("L", (200, 200), 255)
    for box in boxes:
        ImageDraw.Draw(picture).rectangle(box, fill=0)
    return np.asarray(picture)


@pytest.mark.parametrize(
    ("picture", "count"),
    [
        (_strokes((60, 60, 70, 160), (60, 150, 120, 160), (80, 40, 130, 48)), 1),  # a 5 whose bar is apart
        (_strokes((60, 30, 130, 90), (65, 98, 135, 160)), 1),  # an 8 in two halves
        (_strokes((90, 60, 100, 160), (90, 40, 100, 50)), 1),  # a 1 with a dot
        (_strokes((60, 40, 70, 100), (60, 100, 120, 110), (112, 60, 122, 160)), 1),  # a 4 in two strokes
        (_strokes((60, 40, 70, 100), (60, 100, 104, 110), (112, 60, 122, 160)), 1),  # and they do not touch
        (_strokes((90, 40, 105, 160), (10, 10, 11, 11), (180, 190, 182, 191)), 1),  # specks
        (_strokes((50, 40, 60, 160), (130, 40, 140, 160)), 2),  # 11
        (_strokes((90, 20, 100, 80), (90, 110, 100, 170)), 2),  # one below the other
    ],
)
def test_what_is_one_digit_stays_one(picture: np.ndarray, count: int) -> None:
    assert len(data.read_digits(picture)) == len(data.read_digits(255 - picture)) == count


def test_what_shines_through_beside_a_digit_is_no_digit() -> None:
    """As tall as the digit, but much fainter."""
    picture = _strokes((60, 40, 75, 160))
    picture = np.where(_strokes((120, 50, 126, 150)) == 0, np.uint8(160), picture)
    for one in (picture, 255 - picture):
        assert len(data.read_digits(one)) == 1


def test_a_speck_far_from_the_digit_does_not_make_it_small() -> None:
    digit = np.pad(_crop(DIGITS.images[0], 5, 4), 60)
    specked = digit.copy()
    specked[3:5, 3:5] = 255
    assert _likeness(data.read_digit(specked), data.read_digit(digit)) > 0.999


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_no_clean_digit_is_refused_or_split_or_taken_for_its_inverse(step: int) -> None:
    for i, digit in enumerate(DIGITS.images[::step]):
        light, dark = data.read_digits(digit), data.read_digits(255 - digit)
        assert len(light) == len(dark) == 1, i * step
        assert np.abs(light[0].astype(int) - dark[0]).max() <= 1, i * step  # rounding
        assert _likeness(light[0], digit) > 0.7, i * step


# -------------------------------------------------------------------- the tools


@pytest.mark.parametrize("corners", [True, False])
def test_the_parts_of_a_mask_are_those_of_scipy(corners: bool) -> None:
    from scipy import ndimage

    rng = np.random.default_rng(0)
    for _ in range(100):
        mask = rng.random(rng.integers(1, 25, 2)) < rng.random()
        labels, count = parts_of(mask, corners)
        expected, expected_count = ndimage.label(mask, np.ones((3, 3)) if corners else None)
        assert count == expected_count
        pairs = set(zip(labels.ravel().tolist(), expected.ravel().tolist(), strict=True))
        assert len(pairs) == count + (not mask.all()), "the same pixels belong together"
        assert np.array_equal(filled(mask), ndimage.binary_fill_holes(mask))


def test_what_is_around_a_pixel_is_that_of_scipy() -> None:
    from scipy import ndimage

    rng, nine = np.random.default_rng(0), np.ones((3, 3))
    for _ in range(100):
        mask = rng.random(rng.integers(1, 25, 2)) < rng.random()
        assert np.array_equal(grown(mask), ndimage.binary_dilation(mask, nine))
        assert np.array_equal(grown(mask, 3), ndimage.binary_dilation(mask, nine, 3))
        assert np.array_equal(rim_of(mask), mask & ~ndimage.binary_erosion(mask, nine))
        grey = rng.random(mask.shape)
        np.testing.assert_allclose(mean_around(grey), ndimage.uniform_filter(grey, 3, mode="nearest"), rtol=1e-12)
        if mask.any():
            assert box_of(mask) == ndimage.find_objects(mask.astype(int))[0]


def test_two_greys_part_where_otsu_parts() -> None:
    from ninx.data.pictures.paper import two_greys

    rng = np.random.default_rng(0)
    mixed = np.concatenate([rng.normal(50, 5, 3000), rng.normal(200, 5, 300)])
    assert 65 < two_greys(mixed) < 185
    assert two_greys(np.array([10.0, 10, 10, 30])) == pytest.approx(20, abs=0.5)
    assert two_greys(np.full(9, 7.0)) is None
    assert two_greys(rng.normal(100, 10, 3000)) is None
    assert two_greys(np.linspace(0, 255, 3000)) is None


# -------------------------------------------------------------------- what a network makes of them


@pytest.mark.slow
def test_a_network_reads_the_pictures_as_well_as_the_digits(tmp_path: Path) -> None:
    """200 digits in each kind of picture: at least 97 % of the right answers that the plain digit gets, each and together."""
    subprocess.run([sys.executable, "-m", "ninx", "train", "--out", "run"], cwd=tmp_path, check=True, capture_output=True)
    saved = ninx.train.read_checkpoint(tmp_path / "run" / "checkpoint.safetensors")
    model, preparation = saved.model().eval(), saved.preparation()
    images, labels = DIGITS.images[::5], DIGITS.labels[::5]

    def right(pictures: list[np.ndarray | None]) -> float:
        read = [p if p is not None else np.zeros((28, 28), np.uint8) for p in pictures]
        with ninx.no_grad():
            answers = model(ninx.from_numpy(np.stack([preparation.one(p) for p in read]))).argmax(1).numpy()
        return float(np.mean((answers == labels) & np.array([p is not None for p in pictures])))

    def read(picture: np.ndarray) -> np.ndarray | None:
        try:
            return data.read_digit(picture)
        except ValueError:
            return None

    plain = right([read(image) for image in images])
    print(f"\nthe data's own digit {right(list(images)):.3f}, read by read_digit {plain:.3f}")
    shares = {}
    for kind in KINDS:
        rng = np.random.default_rng(0)
        shares[kind] = right([read(_picture(kind, image, rng)) for image in images])
        print(f"{kind:40s} {shares[kind]:.3f}")
    assert min(shares.values()) >= 0.97 * plain, shares
    assert np.mean(list(shares.values())) >= 0.97 * plain
