"""The tables that the commands print: what goes in, what each column says. Only made here; a command shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from .. import data, models
from ..data import sources
from ..study import staged
from ..study.summary import Summary, align
from ..study.table import patch, size
from ..tables import Column, Sheet
from ..train.recipe import Recipe

NOTE = "MACs: multiply-adds for one image. sees: side of the patch, in pixels, that one value depends on"


def percent(share: float) -> str:
    """A share of 1."""
    return f"{100 * share:.1f} %"


def network_list(summaries: list[Summary]) -> Sheet:
    """A row for each network that has a name, in the order of `models.names`."""
    heads = [Column("network", text=True), Column("source", text=True, spare=3), Column("input", spare=2), Column("parameters")]
    heads += [Column("1x1", spare=1), Column("MACs"), Column("1x1", spare=1), Column("sees")]
    table = Sheet(heads, f"{NOTE} after the last convolution")
    for name, s in zip(models.names(), summaries, strict=True):
        counts = f"{s.params:,}", percent(s.pointwise_params), f"{s.macs:,}", percent(s.pointwise_macs)
        table.add(name, models.preset(name).source, size(s.input_shape), *counts, patch(s.receptive_field))
    return table


def comparison(names: list[str], summaries: list[Summary]) -> tuple[Sheet, int]:
    """Two networks side by side; a layer that only one has, or with other settings or output, is marked. And how many are."""
    heads = [Column(""), Column(names[0], text=True), Column("output"), Column(names[1], text=True), Column("output")]
    table, different = Sheet(heads), 0
    for pair in align(*summaries):
        cells = [text for row in pair for text in ((f"{row.kind} {row.settings}", size(row.output_shape)) if row else ("", ""))]
        same = cells[:2] == cells[2:]
        different += not same
        table.add("" if same else "≠", *cells, style="" if same else "yellow")
    return table, different


def data_sets(data_dir: Path | None) -> Sheet:
    """Every split of every data set: its folder, or the files that are missing."""
    heads = [Column(name, text=True) for name in ("data set", "split", "", "where")]
    table = Sheet(heads, f"data folder: {data.data_folder(data_dir)}")
    table.add("digits", "train, test", Text("there", "green"), "in the package")
    for name, known in sources.SOURCES.items():
        for split, files in known.files.items():
            found = sources.find(name, split, data_dir)
            if found:
                table.add(name, split, Text("there", "green"), str(found[0].parent))
            else:
                absent = sources.missing(name, split, data_dir) or files
                megabytes = sum(file.size for file in absent) / 1e6
                table.add(name, split, Text("missing", "yellow"), f"{', '.join(f.name for f in absent)} ({megabytes:,.1f} MB)")
    return table


def recipe_list(known: Sequence[Recipe], seconds: Sequence[float | None]) -> Sheet:
    """A row for each recipe; ``seconds``: how long its steps would take on this machine, None where that is not known."""
    heads = [Column("recipe", text=True), Column("network", text=True, spare=2), Column("data set", text=True, spare=1)]
    heads += [Column("epochs"), Column("here"), Column("published", text=True), Column("source", text=True, spare=3)]
    table = Sheet(heads, "here: the steps of the network alone, from one that is measured now")
    for r, needed in zip(known, seconds, strict=True):
        here = "?" if needed is None else _duration(needed)
        table.add(r.name, r.model.name, r.data, str(r.epochs), here, r.published or "-", r.source or "ours")
    return table


def growth(found: dict[str, Any]) -> Iterator[Sheet]:
    """What `staged.report` found: the networks that were trained, then the differences between them."""
    spare = {"spread": 1, "least": 3, "most": 2, "seeds better": 1, "z": 2}
    for heading, rows in zip((staged.ARMS, staged.COMPARED), staged.tables(found), strict=True):
        sheet = Sheet([Column(name, name in ("network", "from", "to"), spare.get(name, 0)) for name in heading])
        for cells in rows:
            sheet.add(*cells)
        yield sheet


def _duration(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:,.0f} {unit}" if seconds >= 10 * length else f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"
