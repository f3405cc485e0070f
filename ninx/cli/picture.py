"""A picture and bars in the terminal, for ``ninx predict --show``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.cells import cell_len
from rich.console import Console, Group
from rich.style import Style
from rich.table import Table
from rich.text import Text

from ..looks import printable, shortened

GREYS = " .:-=+*#%@"  # dark to light, where there are no colours
BAR, NAME, GAP = 20, 20, 3  # characters: a bar of 100 %, a name, and between picture and bars
SIDE = 40  # pixels at most that are shown in a row


def beside(image: np.ndarray[Any, Any], names: Sequence[str], chances: np.ndarray[Any, Any], console: Console) -> Group | Table:
    """What the network saw, uint8 (H, W) or (H, W, 3), and beside it the ten likeliest answers, in the order of the classes.

    Where there is no room beside it they stand below.
    """
    coloured = console.color_system in ("256", "truecolor") and not console.no_color  # in 16 colours there is but one grey
    seen = pixels(image, coloured)
    width = max(map(len, seen.plain.splitlines()))
    answers = bars(names, chances, console.width - width - GAP)
    if max(map(cell_len, answers.plain.splitlines())) + width + GAP > console.width:
        return Group(seen, bars(names, chances, console.width))
    table = Table.grid(padding=(0, GAP, 0, 0), pad_edge=False)
    table.add_row(seen, answers)
    return table


def pixels(image: np.ndarray[Any, Any], coloured: bool) -> Text:
    """Two pixels in one character: the upper half block has the colour of the one, its background that of the other."""
    step = -(-max(image.shape[:2]) // SIDE)
    image = image[::step, ::step]
    text = Text(no_wrap=True)
    if not coloured:  # a character is about twice as high as it is wide: every second line will do
        grey = image if image.ndim == 2 else image.mean(axis=2)
        lines = (grey[::2].astype(int) * len(GREYS) // 256).tolist()
        return Text("\n".join("".join(GREYS[v] for v in line) for line in lines), no_wrap=True)
    rgb = np.repeat(image[:, :, None], 3, axis=2) if image.ndim == 2 else image
    rgb = np.pad(rgb, ((0, len(rgb) % 2), (0, 0), (0, 0)))
    for y in range(0, len(rgb), 2):
        for upper, lower in zip(rgb[y].tolist(), rgb[y + 1].tolist(), strict=True):
            text.append("▀", Style(color="#{:02x}{:02x}{:02x}".format(*upper), bgcolor="#{:02x}{:02x}{:02x}".format(*lower)))
        text.append("\n" if y + 2 < len(rgb) else "")
    return text


def bars(names: Sequence[str], chances: np.ndarray[Any, Any], width: int) -> Text:
    """A bar for each of the ten likeliest answers, in ``width`` characters if a bar of 5 leaves them that."""
    chosen = sorted(np.argsort(-chances, kind="stable")[:10].tolist())
    told = {i: shortened(printable(names[i]), NAME) for i in chosen}
    wide = max(cell_len(name) for name in told.values())
    long = max(5, min(BAR, width - wide - len("  100.0 %")))
    text, best = Text(no_wrap=True), int(chances.argmax())
    for i in chosen:
        bar = "█" * round(long * float(chances[i]))
        name = " " * (wide - cell_len(told[i])) + told[i]
        text.append(f"{name} {bar:{long}} {100 * chances[i]:5.1f} %\n", "bold" if i == best else "")
    text.rstrip()
    return text
