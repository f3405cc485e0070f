"""A picture and bars in the terminal, for ``ninx predict --show``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

GREYS = " .:-=+*#%@"  # dark to light, where there are no colours
BAR = 20  # the width of a bar for 100 %
SIDE = 40  # pixels at most that are shown in a row


def beside(image: np.ndarray[Any, Any], names: Sequence[str], chances: np.ndarray[Any, Any], console: Console) -> Table:
    """What the network saw, uint8 (H, W) or (H, W, 3), and beside it the ten likeliest answers, in the order of the classes."""
    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_row(pixels(image, console.color_system is not None), bars(names, chances))
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


def bars(names: Sequence[str], chances: np.ndarray[Any, Any]) -> Text:
    """A bar for each of the ten most probable answers."""
    chosen = sorted(np.argsort(-chances, kind="stable")[:10].tolist())
    wide = max(len(names[i]) for i in chosen)
    best = int(chances.argmax())
    text = Text(no_wrap=True)
    for i in chosen:
        bar = "█" * round(BAR * float(chances[i]))
        text.append(f"{names[i]:>{wide}} {bar:{BAR}} {100 * chances[i]:5.1f} %\n", "bold" if i == best else "")
    text.rstrip()
    return text
