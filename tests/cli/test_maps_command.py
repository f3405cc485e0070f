"""``ninx maps``: as a person runs it."""

import re
from pathlib import Path

import pytest
import terminal
from PIL import Image
from test_cli import _ninx

import ninx

TINY = {"limit": 100, "epochs": 1, "model.name": "nin-mnist-v2", "model.switches": {"last_relu": False}}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run and two pictures of digits, one of them large."""
    folder = tmp_path_factory.mktemp("maps")
    for _ in ninx.train.Training(ninx.train.recipe.load("digits", TINY), folder / "run").run():
        pass
    digits = ninx.data.load("digits", "test").images
    Image.fromarray(digits[0]).save(folder / "one.png")
    Image.fromarray(digits[1]).resize((90, 120)).save(folder / "zero.png")
    return folder


def test_each_image_has_a_table_and_a_file(run: Path) -> None:
    done = _ninx("maps", "run", "one.png", "zero.png", "--top", "2", cwd=run)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Shown are the maps before global average pooling: the mean of a map is its class's score.\n")
    assert len(re.findall(r"^\d +-?\d+\.\d\d +-?\d+\.\d\d +\d, \d +\d+ to \d+ +\d+ to \d+$", done.stdout, re.M)) == 4
    for name in ("one", "zero"):
        assert f"Wrote run/maps/{name}.png" in done.stdout
        with Image.open(run / "run" / "maps" / f"{name}.png") as picture:
            assert picture.format == "PNG"


def test_a_missing_file_is_named_and_the_others_are_drawn(run: Path) -> None:
    done = _ninx("maps", "run", "nothing.png", "one.png", "-o", "elsewhere", cwd=run)
    assert done.returncode == 2
    assert "nothing.png" in done.stderr
    assert (run / "elsewhere" / "one.png").exists()


def test_wrong_arguments_end_in_a_sentence(run: Path) -> None:
    for arguments, sentence in (
        (["one.png", "run"], "one.png is a picture; the run comes first: ninx maps RUN IMAGE..."),
        (["nowhere", "one.png"], "there is no file nowhere, and no run folder"),
        (["run", "one.png", "--test", "3"], "either images or --test, not both"),
    ):
        done = _ninx("maps", *arguments, cwd=run)
        assert done.returncode == 2
        assert done.stderr.startswith("Error: ")
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr


def test_hiding_cells_of_an_image_and_of_the_test_set(run: Path) -> None:
    one = _ninx("maps", "run", "one.png", "--deletion", cwd=run)
    assert re.search(r"Hidden: 1 of 9 cells\. The score of \d, .* without the weakest\.", one.stdout), one.stderr
    many = _ninx("maps", "run", "--deletion", "--test", "20", cwd=run)
    assert re.search(r"20 test images, 1 of 9 cells hidden .* falls by -?\d\.\d\d without the strongest", many.stdout), (
        many.stderr
    )
    assert re.search(r"The strongest cost more than random ones for \d+\.\d % of the images", many.stdout)


def test_images_of_the_test_set_have_their_numbers_and_their_classes(run: Path) -> None:
    done = _ninx("maps", "run", "--test", "2", "-o", "drawn", cwd=run)
    label = int(ninx.data.load("digits", "test").labels[1])
    assert f"test image 1 ({label})" in done.stdout
    assert sorted(p.name for p in (run / "drawn").iterdir()) == ["test-0.png", "test-1.png"]


@pytest.mark.parametrize("columns", [80, 50])
def test_in_a_terminal_the_maps_are_half_blocks_side_by_side_as_far_as_they_fit(run: Path, columns: int) -> None:
    screen = terminal.run(["maps", "run", "one.png", "--show"], run, columns)
    assert screen.returncode == 0
    assert not screen.broken
    blocks = [line for line in screen.lines if "▀" in line]
    beside = (columns + 3) // (28 + 3)
    assert max(line.count("▀") for line in blocks) == 28 * beside
    assert len(blocks) == 14 * -(-3 // beside)


def test_without_colours_the_maps_stand_alone_in_signs(run: Path) -> None:
    done = _ninx("maps", "run", "one.png", "--show", cwd=run)
    assert "▀" not in done.stdout
    assert re.search(r"^[ .:\-=+*#%@]{28,}$", done.stdout, re.M)
