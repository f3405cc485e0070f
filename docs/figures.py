"""Draw figures of the book: `python docs/figures.py 03-im2col`, or all of them without a name.

Each has a file in docs/figures/: `numbers()` computes what it shows, as lists and numbers, and `draw(numbers, path)` draws it.
The numbers are kept beside the picture in docs/book/figures, where a test compares them with what `numbers()` gives today.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MADE = HERE / "book" / "figures"
STYLE = {
    "svg.hashsalt": "ninx",  # the same file whenever it is drawn
    "svg.fonttype": "path",  # and the same picture wherever it is looked at
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def names() -> list[str]:
    """Every figure."""
    return sorted(path.stem for path in (HERE / "figures").glob("[0-9]*.py"))


def module(name: str) -> Any:
    """The file of a figure, with its two functions."""
    spec = importlib.util.spec_from_file_location(f"figure_{name[:2]}", HERE / "figures" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def as_text(numbers: dict[str, Any]) -> str:
    """The numbers as they are kept: rounded to 10 digits, in which every machine agrees."""
    return json.dumps(_rounded(numbers), indent=1, ensure_ascii=False) + "\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return float(f"{value:.10g}") if isinstance(value, float) else value


def draw(name: str, folder: Path = MADE) -> None:
    """Write NAME.svg and NAME.json."""
    import matplotlib as mpl

    mpl.use("svg")
    figure = module(name)
    text = as_text(figure.numbers())
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        figure.draw(json.loads(text), folder / f"{name}.svg")
    (folder / f"{name}.json").write_text(text, encoding="utf-8")


def main(wanted: list[str]) -> int:
    """Draw the figures that are named, or all."""
    if unknown := [name for name in wanted if name not in names()]:
        print(f"There is no figure {', '.join(unknown)}. There are: {', '.join(names())}.")
        return 2
    for name in wanted or names():
        draw(name)
        print(f"Wrote docs/book/figures/{name}.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
