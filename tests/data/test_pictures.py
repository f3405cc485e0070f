"""Pictures of every kind as people have them: depths, alphas, colours, turned, animated; files, arrays and Pillow's."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ninx
from ninx import data
from ninx.data.pictures.opening import eight_bits

SLOPE = (np.add.outer(np.arange(40), 2 * np.arange(50)) * 255 / 137).astype(np.uint8)  # 0 to 255 in many steps


def _digit(i: int = 3) -> np.ndarray:
    return np.asarray(Image.fromarray(data.digits("test").images[i]).resize((112, 112), Image.Resampling.BICUBIC))


# -------------------------------------------------------------------- depth

DEPTHS: dict[str, tuple[Callable[[np.ndarray], Any], str]] = {
    "16 bits, PNG": (lambda a: a.astype(np.uint16) * 257, "png"),
    "16 bits, TIFF": (lambda a: a.astype(np.uint16) * 257, "tif"),
    "16 bits, big-endian": (lambda a: (a.astype(np.uint16) * 257).astype(">u2"), "tif"),
    "16 bits, PGM": (lambda a: a.astype(np.uint16) * 257, "pgm"),
    "12 bits in 16": (lambda a: a.astype(np.uint16) * 16 + 15, "png"),
    "10 bits in 16": (lambda a: a.astype(np.uint16) * 4 + 3, "tif"),
    "8 bits in 16": (lambda a: a.astype(np.uint16), "png"),
    "16 bits in 32": (lambda a: a.astype(np.int32) * 257, "tif"),
    "24 bits in 32": (lambda a: a.astype(np.int32) * 65793, "tif"),
    "floats to 1": (lambda a: a.astype(np.float32) / 255, "tif"),
    "floats to 255": (lambda a: a.astype(np.float32), "tif"),
    "floats to 65535": (lambda a: a.astype(np.float32) * 257, "tif"),
}


@pytest.mark.parametrize("kind", DEPTHS)
@pytest.mark.parametrize("form", ["file", "array", "Pillow"])
def test_every_depth_is_read_as_the_picture_of_8_bits(tmp_path: Path, kind: str, form: str) -> None:
    deepen, suffix = DEPTHS[kind]

    def source(pixels: np.ndarray) -> Any:
        deep = deepen(pixels)
        if form == "array":
            return deep
        picture = Image.fromarray(deep)
        if form == "file":
            picture.save(tmp_path / f"x.{suffix}")
        return tmp_path / f"x.{suffix}" if form == "file" else picture

    for shape in (None, (40, 50), (20, 20, 3)):
        found, expected = (data.read_image(s, shape).astype(int) for s in (source(SLOPE), SLOPE))
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= 1, shape  # rounding
    for pixels in (_digit(), 255 - _digit()):
        assert np.abs(data.read_digit(source(pixels)).astype(int) - data.read_digit(pixels)).max() <= 8


def test_a_folder_of_16_bits_is_not_all_white(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    Image.fromarray(SLOPE.astype(np.uint16) * 257).save(tmp_path / "a" / "x.png")
    assert np.array_equal(data.ImageFolder(tmp_path, "L")[0][0], SLOPE)
    assert np.array_equal(data.ImageFolder(tmp_path)[0][0], np.dstack([SLOPE] * 3))


def test_how_values_are_understood() -> None:
    assert eight_bits(np.array([[False, True]])).tolist() == [[0, 255]]
    assert eight_bits(np.array([[-0.04, 0.5, 1.04]])).tolist() == [[0, 128, 255]]  # what a bicubic resize throws over
    assert eight_bits(np.array([[0, 1]])).tolist() == [[0, 1]]  # whole numbers: dark, not 0 to 1
    assert eight_bits(np.array([[0, 1.2, 255]])).tolist() == [[0, 1, 255]]
    assert eight_bits(np.array([[256, 1023]])).tolist() == [[64, 255]]
    assert eight_bits(np.array([[1024, 4095]])).tolist() == [[64, 255]]
    assert eight_bits(np.array([[4096, 65535]])).tolist() == [[16, 255]]
    assert eight_bits(np.array([[0, 70000]])).tolist() == [[0, 255]]


def test_arrays_of_every_shape_are_one_picture() -> None:
    digit = _digit()
    expected = data.read_digit(digit)
    black = np.zeros_like(digit)
    for array in (
        digit[:, :, None],
        np.dstack([digit] * 3),
        np.dstack([digit] * 3 + [np.full_like(digit, 255)]),
        np.dstack([black, black, black, digit]),  # black ink on nothing
        np.asfortranarray(digit),
        digit[::1, ::-1][:, ::-1],
        Image.fromarray(digit),
        Image.fromarray(255 - digit),
    ):
        assert np.array_equal(data.read_digit(array), expected)
    assert np.array_equal(data.read_digit(digit > 127), data.read_digit(np.where(digit > 127, 255, 0).astype(np.uint8)))
    kept = digit.copy()
    data.read_digit(digit), data.read_image(digit, (9, 9))
    assert np.array_equal(digit, kept), "the array was changed"


@pytest.mark.parametrize(
    ("source", "kind", "match"),
    [
        (np.zeros((1, 28, 28)), ValueError, r"the image is \(1, 28, 28\), not .*; its channels come last: image.transpose"),
        (np.zeros((3, 28, 28)), ValueError, r"its channels come last: .*; 3 pictures are a list: list\(images\)$"),
        (np.zeros((5, 28, 28)), ValueError, r"or \(H, W, 4\); 5 pictures are a list: list\(images\)$"),
        (np.zeros((28, 28, 2)), ValueError, r"the image is \(28, 28, 2\), not \(H, W\)"),
        (np.zeros((2, 28, 28, 3)), ValueError, r"the image is \(2, 28, 28, 3\)"),
        (np.zeros((0, 28)), ValueError, r"the image is \(0, 28\)"),
        (np.zeros(784), ValueError, r"the image is \(784,\)"),
        (np.linspace(-1, 1, 100).reshape(10, 10), ValueError, "the image has values from -1 to 1; give uint8, or floats"),
        (np.full((9, 9), np.nan), ValueError, "the image has values that are not finite"),
        (np.full((9, 9), "a"), ValueError, "the image has values of <U1"),
        (np.full((9, 9), 1j), ValueError, "the image has values of complex128"),
        ([[0, 1]], TypeError, "an image is a path, an array .* got list"),
        (None, TypeError, "got NoneType"),
        (ninx.zeros(28, 28), TypeError, "got Tensor; its .numpy\\(\\) is an array"),
    ],
)
def test_what_is_no_picture_is_refused_in_a_sentence(source: Any, kind: type[Exception], match: str) -> None:
    for read in (data.read_digit, data.read_digits, data.read_image):
        with pytest.raises(kind, match=match):
            read(source)


def test_errors_name_the_source(tmp_path: Path) -> None:
    Image.new("L", (50, 50), 77).save(tmp_path / "blank.png")
    with pytest.raises(ValueError, match=r"blank\.png shows no digit"):
        data.read_digits(str(tmp_path / "blank.png"))
    for blank in (np.full((50, 50), 77, np.uint8), Image.new("L", (50, 50), 77)):
        with pytest.raises(ValueError, match="the image shows no digit"):
            data.read_digit(blank)
    with pytest.raises(ValueError, match=r"shape must be \(H, W\) or \(H, W, 3\), got \(3, 32, 32\)"):
        data.read_image(SLOPE, (3, 32, 32))


# -------------------------------------------------------------------- alpha, colours, turns, animations


def _with_alpha(picture: Image.Image, mask: np.ndarray) -> Image.Image:
    picture.putalpha(Image.fromarray(mask))
    return picture


def _kinds_of_ink() -> dict[str, Image.Image]:
    """One digit, hard-edged so that one bit is enough, dark on what is no paper or white paper."""
    mask = np.where(_digit() > 127, np.uint8(255), np.uint8(0))
    nothing = np.zeros_like(mask)
    plain = Image.fromarray(255 - mask)
    palette = Image.fromarray((mask > 0).astype(np.uint8), "P")
    palette.putpalette([0, 0, 0, 0, 0, 0])
    sixteen = Image.fromarray((255 - mask).astype(np.uint16) * 257)
    sixteen.info["transparency"] = 65535
    return {
        "LA": Image.merge("LA", (Image.fromarray(nothing), Image.fromarray(mask))),
        "La": Image.merge("LA", (Image.fromarray(nothing), Image.fromarray(mask))).convert("La"),
        "RGBa": Image.fromarray(np.dstack([nothing, nothing, mask, mask])).convert("RGBa"),
        "white on nothing": Image.fromarray(np.dstack([mask + 255 - mask] * 3 + [mask])),
        "one grey on nothing": Image.fromarray(np.dstack([nothing + 130] * 3 + [mask])),
        "PA": _with_alpha(Image.fromarray(nothing).convert("P").convert("PA"), mask),
        "1": plain.convert("1"),
        "CMYK": plain.convert("CMYK"),
        "YCbCr": plain.convert("YCbCr"),
        "HSV": plain.convert("HSV"),
        "16 bits with a clear grey": sixteen,
        "black palette": palette,
    }


@pytest.mark.parametrize("kind", _kinds_of_ink())
def test_alpha_and_colour_spaces(kind: str) -> None:
    mask = np.where(_digit() > 127, np.uint8(255), np.uint8(0))
    picture = _kinds_of_ink()[kind]
    if kind == "black palette":
        picture.info["transparency"] = 0
    expected = data.read_digit(mask).astype(int)
    assert np.abs(data.read_digit(picture).astype(int) - expected).max() <= 8
    shown = data.read_image(picture, (112, 112)).astype(int)
    assert np.ptp(shown) > 100
    assert abs(np.corrcoef(shown.ravel(), mask.ravel())[0, 1]) > 0.99, "what shows is the digit"


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_what_an_alpha_hides_does_not_come_out(tmp_path: Path, mode: str) -> None:
    """Under the clear half lie bright colours, as drawing programs leave them."""
    pixels = np.full((8, 10, 4), 255, np.uint8)
    pixels[:, :, 0] = 20
    pixels[:, 5:] = (0, 0, 30, 255)
    pixels[:, :5, 3] = 0
    (tmp_path / "a").mkdir()
    Image.fromarray(pixels).save(tmp_path / "a" / "x.png")
    from_folder = data.ImageFolder(tmp_path, mode)[0][0]
    read = data.read_image(tmp_path / "a" / "x.png", (8, 10) if mode == "L" else (8, 10, 3))
    assert np.array_equal(from_folder, read), "a network should see the same in training and afterwards"
    assert (read[:, :5] == 255).all(), "dark is drawn, so the paper is white"
    assert read[:, 5:].max() <= 30


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_all_eight_turns_of_a_camera(tmp_path: Path, suffix: str) -> None:
    turn = Image.Transpose
    backs = [None, turn.FLIP_LEFT_RIGHT, turn.ROTATE_180, turn.FLIP_TOP_BOTTOM]
    backs += [turn.TRANSPOSE, turn.ROTATE_90, turn.TRANSVERSE, turn.ROTATE_270]
    upright = Image.fromarray(np.pad(_digit(), ((0, 0), (0, 30))))
    expected = data.read_digit(upright).astype(int)
    for tag, back in enumerate(backs, 1):
        tags = Image.Exif()
        tags[0x0112] = tag
        options = {"jpg": {"quality": 98}, "webp": {"lossless": True}}.get(suffix, {})
        (upright.transpose(back) if back is not None else upright).save(tmp_path / f"x.{suffix}", exif=tags, **options)
        assert data.read_image(tmp_path / f"x.{suffix}").shape == (112, 142, 3)
        assert np.abs(data.read_digit(tmp_path / f"x.{suffix}").astype(int) - expected).mean() < 2, tag
        with (tmp_path / f"x.{suffix}").open("rb") as file, Image.open(file) as opened:
            assert np.abs(data.read_digit(opened).astype(int) - expected).mean() < 2, tag


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif", "mpo"])
def test_of_several_pictures_in_a_file_it_is_the_first(tmp_path: Path, suffix: str) -> None:
    first = Image.fromarray(_digit())
    others = [Image.new("L", first.size), Image.fromarray(_digit(5))]
    first.save(tmp_path / f"x.{suffix}", save_all=True, append_images=others)
    if suffix == "mpo":  # as a telephone writes it: under the name of a JPEG
        shutil.move(tmp_path / "x.mpo", tmp_path / "x.jpg")
        suffix = "jpg"
    found = data.read_digit(tmp_path / f"x.{suffix}").astype(int)
    assert np.abs(found - data.read_digit(first)).mean() < 3


# -------------------------------------------------------------------- files that are no pictures, and those of others


def test_only_the_formats_that_are_meant_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow would start Ghostscript for EPS, whatever the file is called."""
    from PIL import EpsImagePlugin

    started = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *args, **kwargs: started.append(args))
    (tmp_path / "x.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n")
    for read in (data.read_digit, data.read_image):
        with pytest.raises(ValueError, match=r"x\.png cannot be read as an image \(it is none of PNG, JPEG, GIF, BMP"):
            read(tmp_path / "x.png")
    assert not started


def test_a_picture_that_unfolds_too_far_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("L", (100, 100)).save(tmp_path / "x.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueError, match=r"x\.png is too large"):
        data.read_digit(tmp_path / "x.png")


def test_files_that_macos_writes_beside_images_are_no_images(tmp_path: Path) -> None:
    (tmp_path / "a" / ".thumbnails").mkdir(parents=True)
    Image.fromarray(SLOPE).save(tmp_path / "a" / "0.PNG")
    (tmp_path / "a" / "._0.png").write_bytes(b"\0\5\x16\7" + bytes(60))
    (tmp_path / "a" / ".hidden.jpg").write_bytes(b"")
    folder = data.ImageFolder(tmp_path)
    assert [path.name for path, _ in folder.samples] == ["0.PNG"]
    assert [image.shape for image, _ in folder] == [(40, 50, 3)], "and the folder can be iterated"


def test_iterating_a_data_set_ends_and_an_index_is_one_number() -> None:
    some = data.digits("test").take(slice(7))
    assert sum(1 for _ in some) == 7
    assert some[np.int64(2)][1] == some[2][1] == some[-5][1]
    for wrong in (slice(0, 3), [0, 1]):
        with pytest.raises(TypeError, match=r"an index is one whole number, got .*; take"):
            some[wrong]  # type: ignore[index]
