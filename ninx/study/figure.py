"""Class maps as a PNG file and as HTML."""

from __future__ import annotations

import io
import warnings
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..files import write_atomically
from ..looks import shortened
from . import heat

if TYPE_CHECKING:
    from .maps import Maps

TENTH = 0.1


def draw_maps(maps: Maps, n: int, path: Path, count: int = 3) -> Path:
    """Image n, and for each of its best classes the whole map and, below it, the strongest tenth of its cells."""
    from matplotlib.figure import Figure  # slow to import

    best = maps.best(n, count)
    figure = Figure(figsize=(2.1 * (len(best) + 1), 5.0), layout="constrained")
    axes: Any = figure.subplots(2, len(best) + 1, squeeze=False)
    picture = maps.pictures[n]
    axes[0, 0].imshow(picture, cmap="gray" if picture.ndim == 2 else None, vmin=0, vmax=255)
    axes[0, 0].set_title("image", fontsize=9)
    for column, k in enumerate(best, 1):
        for row, share in enumerate((1.0, TENTH)):
            axes[row, column].imshow(maps.image(n, k, share))
        axes[0, column].set_title(f"{_name(maps, k)}: {maps.scores[n, k]:.2f}", fontsize=9)
    axes[1, 1].set_ylabel("the strongest tenth", fontsize=8)
    for ax in axes.ravel():
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[:].set_visible(False)
    axes[1, 0].set_visible(False)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # the font lacks a sign of a class's name
        figure.savefig(buffer, format="png", dpi=110)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, buffer.getvalue())
    return path


def as_html(maps: Maps, count: int = 3, most: int = 5) -> str:
    """The same for a notebook, with the pictures inside."""
    rows = ""
    for n in range(min(len(maps.values), most)):
        cells = _cell(heat.enlarged(maps.pictures[n]), "image", "")
        for k in maps.best(n, count):
            said = f"{_name(maps, k)}: {maps.scores[n, k]:.2f}"
            cells += _cell(maps.image(n, k), said, f"map of class {_name(maps, k)}")
            cells += _cell(maps.image(n, k, TENTH), "strongest tenth", f"strongest cells of class {_name(maps, k)}")
        rows += f"<tr>{cells}</tr>"
    more = len(maps.values) - most
    left = f"<p>and {more} more images</p>" if more > 0 else ""
    return f"<p>{escape(repr(maps))}</p><p>{escape(maps.what)}</p><table><tbody>{rows}</tbody></table>{left}"


def _cell(image: np.ndarray[Any, Any], text: str, alt: str) -> str:
    style = "text-align: center; padding: 2px"
    picture = f'<img src="{heat.data_url(image)}" alt="{escape(alt or text)}" width="112">'
    return f'<td style="{style}">{picture}<br>{escape(text)}</td>'


def _name(maps: Maps, k: int) -> str:
    return shortened(maps.classes[k], 24)
