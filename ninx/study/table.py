"""A summary as a table: text for a prompt and a terminal, HTML for a notebook. A row is a layer."""

from __future__ import annotations

import textwrap
from html import escape
from typing import TYPE_CHECKING

from ..looks import shortened
from ..tables import Column, Sheet
from .uncomputed import ROOT

if TYPE_CHECKING:
    from .dry import Footprint
    from .summary import Summary

WIDTH = 80  # of the text, where no terminal says otherwise
NOTE = (
    "5x5/1/2: kernel/stride/padding. MACs: multiply-adds for one image. share: of all MACs. sees: the side of the patch of the "
    "image, in pixels, that one value depends on"
)
UNSEEN = ", and - where there is no such patch: after a linear layer, and where ways of different steps meet"
COUNTED = (
    "Counted are the multiply-adds of convolutions and matrix products in one forward pass; not biases, activations, pooling and "
    "normalisation. A backward pass does about twice as many"
)
MEMORY = (
    "FLOPs: for one image, forward. kept: what the forward pass leaves for the backward pass; a ReLU that its convolution "
    "applies keeps nothing of its own. state: the optimiser's. work: what a layer needs besides while it computes: packed "
    "weights, buffers, and the gradient of its input"
)
MB = 1_000_000


def sheet(s: Summary) -> Sheet:
    """A row for each layer; a 1x1 convolution is marked by a star, and bold where text can be.

    >>> ninx.study.table.sheet(ninx.summary(nn.Conv2d(3, 2, 1), (3, 4, 4))).rows[0].cells[:3]
    ('* -', 'Conv2d 1x1/1/0, 3->2', '2x4x4')
    """
    heads = [Column("layer", text=True), Column("kind and settings", text=True), Column("output")]
    heads += [Column("params"), Column("MACs"), Column("share", spare=2), Column("sees", spare=1)]
    table = Sheet(heads)
    starred = any(row.pointwise for row in s.rows)
    for row in s.rows:
        mark = ("* " if row.pointwise else "  ") * starred
        settings = " ".join(f"{row.kind} {row.settings.replace(' -> ', '->')}".split())  # a module of one's own may say anything
        counts = _count(row.params, 10_000_000), _count(row.macs, 100_000)
        share = f"{100 * row.macs / max(s.macs, 1):.1f} %" if row.macs else ""
        name = mark + (" ".join(row.name.split()) or "-")
        where = shortened(size(row.output_shape), 14), *counts, share, patch(row.receptive_field)
        table.add(name, shortened(settings, 200), *where, style="bold" if row.pointwise else "")
    return table


def below(s: Summary) -> list[str]:
    """What stands below the table: the sums, exactly, and what the columns mean.

    >>> ninx.study.table.below(ninx.summary(nn.Linear(3, 2), (3,)))[0]
    'parameters  8'
    """
    ones = any(row.pointwise for row in s.rows)
    hidden = s.params - sum(row.params for row in s.rows)
    params, macs = (f", of these {100 * n:.1f} % in 1x1 convolutions (*)" * ones for n in (s.pointwise_params, s.pointwise_macs))
    params += f"; {hidden:,} belong to no layer that is listed" * (hidden > 0)
    lines = [f"parameters  {s.params:,}{params}", f"MACs        {s.macs:,} for one image{macs}"]
    lines.append(f"FLOPs       {s.flops:,} for one image: two for each MAC")
    if s.receptive_field is not None:
        lines.append(f"sees        {s.receptive_field[0]}x{s.receptive_field[1]} pixels after the last convolution")
    return [*lines, NOTE + (UNSEEN if any(row.receptive_field is None for row in s.rows) else "") + "."]


def memory_sheet(s: Summary) -> Sheet:
    """A row for each layer that takes memory in a training step, in MB; and which path a convolution takes.

    >>> s = ninx.summary(nn.Conv2d(3, 2, 1), (3, 4, 4), batch=8)
    >>> ninx.study.table.memory_sheet(s).rows[0].cells[:3]
    ('-', '192', '0.00')
    """
    heads = [Column("layer", text=True), Column("FLOPs", spare=1), Column("weights"), Column("kept"), Column("gradients")]
    table = Sheet([*heads, Column("state"), Column("work"), Column("path", text=True)])
    memory, ways, told = s.memory, paths(s), set[str]()
    if memory is None:
        return table
    for row in s.rows:
        first, own = row.name not in told, memory.layers.get(row.name or ROOT)
        told.add(row.name)
        weights = memory.weights.get(row.name or ROOT, 0) if first else 0
        state = memory.optimizer.get(row.name or ROOT, 0) if first else 0
        work = (own.kept, own.workspace) if own is not None and first else (0, 0)
        if not (weights or any(work) or row.geometry):
            continue
        way = row.way(memory.batch)
        path = f"{_short(way)} ({ways.index(_why(way)) + 1})" if way else ""
        sizes = (weights, work[0], weights, state, work[1])
        table.add(" ".join(row.name.split()) or "-", _count(row.flops, 100_000), *(f"{n / MB:,.2f}" for n in sizes), path)
    for name, work in memory.layers.items():  # what a module does between its layers
        if name not in told and name != ROOT * (len(s.rows) == 1 and not s.rows[0].name) and max(work) >= MB / 100:
            table.add(name, "", "", f"{work.kept / MB:,.2f}", "", "", f"{work.workspace / MB:,.2f}", "")
    total = memory.weight_bytes, memory.kept, memory.weight_bytes, sum(memory.optimizer.values())
    table.total("together", _count(s.flops, 100_000), *(f"{n / MB:,.2f}" for n in total), "", "")
    return table


def memory_title(s: Summary) -> str:
    """What the table of the memory is about.

    >>> ninx.study.table.memory_title(ninx.summary(nn.Linear(3, 2), (3,), batch=8))
    'a training step on 8 images with SGD and momentum, in MB'
    """
    if s.memory is None:
        return ""
    named = {"sgd": "SGD and momentum", "adam": "Adam"}[s.memory.optimizer_name]
    return f"a training step on {s.memory.batch} images with {named}, in MB"


def _why(way: str) -> str:
    """The sentence of `kernels.explain` without the operation's name."""
    return way.partition(": ")[2]


def _short(way: str) -> str:
    """The path in a word."""
    if "Winograd" in way:
        return "Winograd"
    if "compiled" in way and "not compiled" not in way:
        return "direct"
    return "loops" if "nested loops" in way else "product" if "without a copy" in way else "im2col"


def paths(s: Summary) -> list[str]:
    """Why the convolutions take their paths: each reason once.

    >>> with ninx.use_kernels("loops"):
    ...     ninx.study.table.paths(ninx.summary(nn.Conv2d(3, 2, 1), (3, 4, 4), batch=8))
    ["nested loops, because the 'loops' tier was asked for"]
    """
    found: dict[str, None] = {}
    for row in s.rows:
        if s.memory is not None and (way := row.way(s.memory.batch)):
            found[_why(way)] = None
    return list(found)


def below_memory(s: Summary) -> list[str]:
    """What stands below the table of the memory: the peak, where it is, the paths, and what the columns mean.

    >>> s = ninx.summary(nn.Linear(3, 2), (3,), batch=8)
    >>> print(ninx.study.table.below_memory(s)[0])
    weights     0.00 MB (0.00 MiB)
    """
    memory = s.memory
    if memory is None:
        return []
    weights, extra = memory.weight_bytes, memory.peak
    lines = [f"weights     {weights / MB:,.2f} MB ({weights / 2**20:,.2f} MiB)"]
    lines.append(f"step        at most {extra / MB:,.2f} MB more, predicted; most is in use {_at(memory)}")
    lines.append(f"together    {(weights + extra) / MB:,.2f} MB with the weights; the images themselves are not counted")
    lines += [f"path ({i})    {way}" for i, way in enumerate(paths(s), 1)]
    return [*lines, f"{MEMORY}. {COUNTED}."]


def _at(memory: Footprint) -> str:
    """Where in the step the peak is, in words."""
    phase, layer = memory.place
    words = {
        "forward": "in the forward pass of",
        "backward": "in the backward pass of",
        "gradient": "when the gradients are put in place, at",
    }
    return f"{words[phase]} {layer}" if phase in words else "in the optimizer's step"


def as_text(s: Summary, width: int = WIDTH) -> str:
    """The table of a summary, and what stands below it, in lines of at most ``width`` characters.

    >>> print(ninx.study.table.as_text(ninx.summary(nn.Linear(3, 2), (3,))).splitlines()[1])
    layer  kind and settings  output  params  MACs    share  sees
    """
    lines = [f"input {size(s.input_shape)}", *(sheet(s).text(width).splitlines() if s.rows else ["no layers"]), ""]
    for text in below(s):
        lines += textwrap.wrap(text, width, subsequent_indent="" if text.startswith(NOTE) else " " * 12)
    if s.memory is not None:
        lines += ["", memory_title(s), *memory_sheet(s).text(width).splitlines(), ""]
        for text in below_memory(s):
            lines += textwrap.wrap(text, width, subsequent_indent="" if text.startswith(MEMORY) else " " * 12)
    return "\n".join(lines)


def as_html(s: Summary) -> str:
    """The same for a notebook.

    >>> ninx.study.table.as_html(ninx.summary(nn.Conv2d(3, 2, 1), (3, 4, 4))).count("<tr")
    2
    """
    lines = "".join(f"<p>{escape(line)}</p>\n" for line in below(s))
    shown = f"<p>input {size(s.input_shape)}</p>\n{sheet(s).html()}\n{lines}"
    if s.memory is not None:
        more = "".join(f"<p>{escape(line)}</p>\n" for line in below_memory(s))
        shown += f"<p>{escape(memory_title(s))}</p>\n{memory_sheet(s).html()}\n{more}"
    return shown


def _count(number: int, rounded: int) -> str:
    """A number; from ``rounded`` on in millions or billions; nothing for 0."""
    if number >= max(1_000_000_000, rounded):
        return f"{number / 1e9:,.2f} G"
    return "" if number == 0 else f"{number:,}" if number < rounded else f"{number / 1e6:.1f} M"


def size(shape: tuple[int, ...] | None) -> str:
    """A shape in a cell.

    >>> ninx.study.table.size((3, 32, 32)), ninx.study.table.size(None)
    ('3x32x32', '-')
    """
    return "x".join(map(str, shape)) if shape else "-"


def patch(field: tuple[int, int] | None) -> str:
    """The side of a square of pixels, both sides of another patch.

    >>> ninx.study.table.patch((5, 5)), ninx.study.table.patch((5, 3))
    ('5', '5x3')
    """
    return str(field[0]) if field and field[0] == field[1] else size(field)
