"""Several networks side by side, and the sentence that their numbers make."""

from __future__ import annotations

from collections.abc import Sequence

from ..tables import Column, Sheet
from .summary import Summary
from .table import MB, patch, size

PARTS = ["half", "a third", "a quarter", "a fifth", "a sixth", "a seventh", "an eighth", "a ninth", "a tenth"]


def times(ratio: float, what: str) -> str:
    """How many times as much, in words.

    >>> [ninx.study.beside.times(r, "parameters") for r in (0.125, 0.9, 1.52, 12.3)]
    ['an eighth of the parameters', '0.90 times the parameters', '1.5 times the parameters', '12 times the parameters']
    """
    part = round(1 / ratio) if ratio else 0
    if 2 <= part <= 10 and abs(ratio * part - 1) < 0.02:
        return f"{PARTS[part - 2]} of the {what}"
    return f"{ratio:.{2 if ratio < 1 else 1 if ratio < 10 else 0}f} times the {what}"


def sheet(names: Sequence[str], summaries: Sequence[Summary]) -> Sheet:
    """A row for each network.

    >>> s = ninx.summary(nn.Linear(3, 2), (3,), batch=8)
    >>> ninx.study.beside.sheet(["small"], [s]).rows[0].cells[:4]
    ('small', '3', '8', '0.0')
    """
    heads = [Column("network", text=True), Column("input", spare=2), Column("parameters"), Column("MB"), Column("MFLOPs")]
    table = Sheet([*heads, Column("in 1x1", spare=1), Column("sees", spare=3), Column("kept"), Column("step")])
    for name, s in zip(names, summaries, strict=True):
        memory = s.memory
        sizes = (0, 0, 0) if memory is None else (memory.weight_bytes, memory.kept, memory.peak)
        weights, kept, step = ("" if memory is None else f"{n / MB:,.{1 if n < 100 * MB else 0}f}" for n in sizes)
        cells = [name, size(s.input_shape), f"{s.params:,}", weights, f"{s.flops / 1e6:,.0f}"]
        table.add(*cells, f"{100 * s.pointwise_macs:.1f} %", patch(s.receptive_field), kept, step)
    return table


def sentence(names: tuple[str, str], summaries: tuple[Summary, Summary]) -> str:
    """What the second network is beside the first.

    >>> with nn.shapes_only():
    ...     a = ninx.summary(ninx.models.create("alexnet-caffe"), (3, 227, 227))
    ...     b = ninx.summary(ninx.models.create("nin-imagenet"), (3, 224, 224))
    >>> ninx.study.beside.sentence(("alexnet-caffe", "nin-imagenet"), (a, b))
    'nin-imagenet has an eighth of the parameters of alexnet-caffe (7,595,176 for 60,965,224; in float32 29.0 MiB for 232.6 MiB)
    and 1.5 times the compute (1,100,188,800 MACs for 724,406,816).'
    """
    (first, second), (a, b) = names, summaries
    mib = [4 * s.params / 2**20 for s in (b, a)]
    text = f"{second} has {times(b.params / max(a.params, 1), 'parameters')} of {first} ({b.params:,} for {a.params:,}; "
    text += f"in float32 {mib[0]:,.1f} MiB for {mib[1]:,.1f} MiB) and {times(b.macs / max(a.macs, 1), 'compute')} "
    text += f"({b.macs:,} MACs for {a.macs:,})"
    if a.memory is not None and b.memory is not None:
        peaks = [s.memory.peak / MB for s in (b, a) if s.memory is not None]
        text += f"; a training step takes {times(peaks[0] / peaks[1], 'memory')} ({peaks[0]:,.0f} MB for {peaks[1]:,.0f} MB)"
    return text + "."
