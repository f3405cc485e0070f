"""``ninx maps``: where in an image a network sees what speaks for each class."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from .. import data
from ..data.folder import SUFFIXES
from ..looks import printable, shortened
from ..study.deletion import DRAWS, Deletion, deletion
from ..study.maps import TOP, Maps, of_pictures
from ..train.runs import Run, load_run, read
from .console import DataDir, Device, complain, console, say, whole
from .picture import pixels
from .tables import percent
from .using import RunFolder, to_device

TEST_IMAGES = 200


def show_maps(
    run: RunFolder,
    images: Annotated[
        list[Path] | None, typer.Argument(help="PNG or JPEG files of any size. None: images of the test set.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The folder of the PNG files. Default: maps, in the run folder.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, max=10, help="How many classes, those with the highest scores.")] = 3,
    show: Annotated[bool, typer.Option("--show", help="Show the maps in the terminal, too.")] = False,
    deleted: Annotated[
        bool,
        typer.Option("--deletion", help=f"Hide the strongest {TOP:.0%} of the cells, and random ones instead: who costs more?"),
    ] = False,
    test: Annotated[int | None, typer.Option(min=1, help="Take so many images of the test set.", show_default=False)] = None,
    invert: Annotated[
        bool | None, typer.Option("--invert/--no-invert", help="As for `ninx predict`: dark on light, or light on dark.")
    ] = None,
    data_dir: DataDir = None,
    device: Device = "cpu",
) -> None:
    """Draw the class maps of a trained network: where in the image it sees what speaks for each class.

    Before global average pooling the mean of a map is the class's score; behind a fully connected layer class activation maps
    take their place. A frame shows what the strongest cell of a map sees. Exit code 2 if an image cannot be read.
    """
    if not run.is_dir() and run.suffix.lower() in SUFFIXES:
        raise ValueError(f"maps: {run} is a picture; the run comes first: ninx maps RUN IMAGE...")
    trained = load_run(run)
    to_device(trained, device)
    if not images:
        return _test_set(trained, test or (TEST_IMAGES if deleted else 4), out, top, show, deleted, data_dir)
    if test is not None:
        raise ValueError("maps: either images or --test, not both")
    failed, told = False, False
    for path in images:
        try:
            picture = read(trained.checkpoint, path, invert)
        except ValueError as error:  # the next picture may be better
            complain(error)
            failed = True
            continue
        found = of_pictures(trained, [picture])
        if not told:
            say(escape(f"Shown are {found.what}."))
            told = True
        _tell(found, 0, printable(str(path)), top, show)
        _files(found, [path.stem], trained, out, top)
        if deleted:
            _fell(deletion(trained, [trained.preparation.one(picture)]), found.classes)
    if failed:
        raise typer.Exit(2)


def _test_set(trained: Run, count: int, out: Path | None, top: int, show: bool, deleted: bool, data_dir: Path | None) -> None:
    """The first images of the test set: their maps, or with --deletion what hiding costs the true class."""
    dataset = data.load(trained.recipe.data, "test", data_dir)
    chosen = dataset.take(slice(count))
    pictures = [chosen[i][0] for i in range(len(chosen))]
    if deleted:
        inputs = np.stack([trained.preparation.one(picture) for picture in pictures])
        _fell(deletion(trained, inputs, chosen.labels), trained.classes)
        return
    found = of_pictures(trained, pictures)
    say(escape(f"Shown are {found.what}."))
    for n in range(len(found.values)):
        _tell(found, n, f"test image {n} ({trained.classes[int(chosen.labels[n])]})", top, show)
    _files(found, [f"test-{n}" for n in range(len(found.values))], trained, out, top)


def _tell(found: Maps, n: int, name: str, top: int, show: bool) -> None:
    """The table of one image, and with --show its maps."""
    console.print()
    sheet = found.sheet(n, top)
    sheet.title = name
    sheet.show(console)
    if show:
        console.print()
        console.print(terminal(found, n, top))


def terminal(found: Maps, n: int, top: int) -> Group:
    """The maps of the best classes side by side, as many as fit, in half blocks; where there are no colours in greys.

    Without colours an overlay cannot be told from the image, so the map stands alone.
    """
    coloured = console.color_system in ("256", "truecolor") and not console.no_color
    parts = []
    for k in found.best(n, top):
        image = found.image(n, k, frame=coloured, side=1)
        if not coloured:
            image = found.alone(n, k)
        picture = pixels(image, coloured)
        picture.append("\n" + shortened(printable(found.classes[k]), 20) + f" {found.scores[n, k]:.2f}", "bold")
        parts.append(picture)
    width = max(len(line) for part in parts for line in part.plain.split("\n")) + 3
    fit = max(1, (console.width + 3) // width)
    rows: list[Table | Text] = []
    for i in range(0, len(parts), fit):
        table = Table.grid(padding=(0, 3, 0, 0), pad_edge=False)
        table.add_row(*parts[i : i + fit])
        rows += [table, Text()]
    return Group(*rows[:-1])


def _files(found: Maps, names: list[str], trained: Run, out: Path | None, top: int) -> None:
    """The PNG files."""
    for path in found.save(out or trained.folder / "maps", names, top):
        whole(f"Wrote {path}")


def _fell(found: Deletion, classes: tuple[str, ...]) -> None:
    """What hiding cells does, in sentences."""
    n, (hidden, cells) = len(found.before), found.hidden
    if n == 1:
        name, random = escape(printable(classes[int(found.classes[0])])), found.random[0]
        say(
            f"Hidden: {hidden} of {cells} cells. The score of {name}, {found.before[0]:.2f}, becomes {found.strongest[0]:.2f} "
            f"without the strongest, {random.mean():.2f} without random ones (mean of {DRAWS} draws, {random.min():.2f} to "
            f"{random.max():.2f}), {found.weakest[0]:.2f} without the weakest."
        )
        return
    say(
        f"{n:,} test images, {hidden} of {cells} cells hidden in the median colour of the image. The true class's score, "
        f"{found.before.mean():.2f} on average, falls by {found.falls.mean():.2f} without the strongest cells, by "
        f"{found.random_falls.mean():.2f} without random ones (mean of {DRAWS} draws), and by "
        f"{(found.before - found.weakest).mean():.2f} without the weakest."
    )
    seen, wins = found.visible, found.wins
    say(
        f"The strongest cost more than random ones for {percent(wins.mean())} of the images, and more than the weakest for "
        f"{percent((found.strongest < found.weakest).mean())}."
    )
    if not seen.all() and seen.any():
        say(
            f"For {int((~seen).sum())} images the strongest cells lie on the background: to hide them changes fewer pixels than "
            f"to hide random ones. Of these they cost more for {percent(wins[~seen].mean())}, of the other {int(seen.sum())} for "
            f"{percent(wins[seen].mean())}."
        )
