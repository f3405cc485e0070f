"""What a check has found: findings in order of their weight, and how they are shown."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable
from html import escape
from typing import Any, Literal, NamedTuple, TypeAlias

from ...tables import Column, Sheet

Level: TypeAlias = Literal["stops learning", "risk", "note"]
LEVELS: tuple[Level, ...] = ("stops learning", "risk", "note")
WIDTH = 80  # of the text, where no terminal says otherwise

# The rules, by what they look at. Within a level the causes come before what follows from them: pixels from 0 to 255, say, before
# the large loss that they make.
RULES = (
    # data
    *("labels-out-of-range", "not-finite-input", "labels-shuffled", "pixels-not-normalised", "missing-class", "sorted-batches"),
    *("other-preparation", "duplicates"),
    # structure
    *("raises", "batch-norm-one-value", "logits-not-classes", "softmax-before-loss", "relu-logits", "same-channels"),
    *("collapses", "shared-parameter", "unused-parameter", "relu-before-gap"),
    # optimiser
    *("not-optimised", "schedule", "rate-too-large", "rate-too-small", "decay-too-large"),
    # signal
    *(
        "not-finite",
        "dead-maps",
        "dead-relus",
        "saturated",
        "images-look-alike",
        "no-gradient",
        "vanishing-gradient",
        "loss-at-start",
    ),
    # what costs little
    *("max-named-average", "dropout-beside-norm", "bias-before-norm", "padded-average", "dropped-pixels", "receptive-field"),
    *("decay-of-all", "frozen"),
)


class Finding(NamedTuple):
    """One thing that was found.

    ``rule``: one of `RULES`. ``where``: the layer, or "data", "optimiser"; ``cause``: what is wrong; ``evidence``: what was
    counted or measured; ``mend``: the change that makes the finding go away; ``source``: who designed it so, or wrote of it.
    """

    level: Level
    rule: str
    where: str
    cause: str
    evidence: str
    mend: str
    source: str = ""

    def lines(self, width: int = WIDTH) -> list[str]:
        """As text of at most ``width`` columns.

        >>> net = nn.Sequential(nn.Flatten(), nn.Linear(9, 8), nn.Linear(8, 10))
        >>> ninx.check(net, input_shape=(1, 3, 3)).findings[0].lines()[-1]
        '    mend: put a ReLU after 1, or make one layer of the two'
        """
        place = f" ({self.where})" if self.where else ""
        parts = [("", f"{self.level.upper()} {self.rule}{place}: {self.cause}")]
        parts += [("seen: ", self.evidence), ("mend: ", self.mend), ("source: ", self.source)]
        made: list[str] = []
        for name, text in parts:
            indent = "    " if name else ""
            if text:
                made += textwrap.wrap(name + text, width, initial_indent=indent, subsequent_indent="    ", break_on_hyphens=False)
        return made


class LayerSignal(NamedTuple):
    """How large what goes through a layer is, forward and backward; root mean squares over a batch.

    ``dead``: the share of channels that are 0 everywhere in the batch (only of a ReLU's output; else None). ``step``: how large
    the optimiser's first step is against the layer's weights (None: no weights, or no optimiser).
    """

    name: str
    kind: str
    value: float
    gradient: float
    dead: float | None
    step: float | None


class Report:
    """The findings of a check, the heaviest first; empty if there is nothing to say. ``str`` and a notebook show them.

    ``loss``: before training, and ``expected``: ln K, that of a network that knows nothing of K classes. ``layers``: the signal
    in each layer. ``rates``: (learning rate, loss after a few steps) of a rate range test, if there was one; ``start`` is the
    loss at its beginning.

    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(9, 8), nn.Linear(8, 10))
    >>> report = ninx.check(net, input_shape=(1, 3, 3))
    >>> report.headline, len(report), [finding.rule for finding in report]
    ('1 risk', 1, ['collapses'])
    """

    def __init__(
        self,
        findings: Iterable[Finding],
        *,
        loss: float | None = None,
        expected: float | None = None,
        layers: Iterable[LayerSignal] = (),
        rates: Iterable[tuple[float, float]] = (),
        start: float | None = None,
    ):
        order = {level: i for i, level in enumerate(LEVELS)}
        self.findings = tuple(sorted(findings, key=lambda f: (order[f.level], RULES.index(f.rule))))
        self.loss, self.expected, self.start = loss, expected, start
        self.layers, self.rates = tuple(layers), tuple(rates)

    def __iter__(self) -> Any:
        """The findings."""
        return iter(self.findings)

    def __len__(self) -> int:
        """How many findings there are."""
        return len(self.findings)

    def __bool__(self) -> bool:
        """Is there anything to say?"""
        return bool(self.findings)

    def at(self, *levels: Level) -> tuple[Finding, ...]:
        """The findings of some levels.

        >>> net = nn.Sequential(nn.Flatten(), nn.Linear(9, 8), nn.Linear(8, 10))
        >>> [finding.rule for finding in ninx.check(net, input_shape=(1, 3, 3)).at("risk")]
        ['collapses']
        """
        return tuple(f for f in self.findings if f.level in levels)

    @property
    def headline(self) -> str:
        """How many findings of each level, in a few words."""
        counts = [(len(self.at(level)), level) for level in LEVELS]
        words = [f"{n} that stop{'s' * (n == 1)} learning" if level == LEVELS[0] else f"{n} {level}{'s' * (n != 1)}"
                 for n, level in counts if n]  # fmt: skip
        return ", ".join(words) or "nothing found"

    def dictionary(self) -> dict[str, Any]:
        """All of it as plain values, for JSON; what is no number (NaN, infinity) is None.

        >>> list(ninx.check(nn.Sequential(nn.Flatten(), nn.Linear(9, 10)), input_shape=(1, 3, 3)).dictionary())
        ['findings', 'loss', 'expected_loss', 'layers', 'rates']
        """
        return {
            "findings": [f._asdict() for f in self.findings],
            "loss": _finite(self.loss),
            "expected_loss": self.expected,
            "layers": [{key: _finite(value) for key, value in layer._asdict().items()} for layer in self.layers],
            "rates": [[rate, _finite(loss)] for rate, loss in self.rates],
        }

    def text(self, width: int = WIDTH) -> str:
        """As text in lines of at most ``width`` columns.

        >>> ninx.check(nn.Sequential(nn.Flatten(), nn.Linear(9, 10)), input_shape=(1, 3, 3)).text()
        'nothing found.'
        """
        lines = [self.headline + "."]
        if self.loss is not None and self.expected is not None:
            lines.append(f"The loss before training is {self.loss:.3f}; guessing costs {self.expected:.3f}.")
        for finding in self.findings:
            lines += ["", *finding.lines(width)]
        return "\n".join(lines)

    def sheet(self) -> Sheet:
        """The signal in every layer as a table.

        >>> report = ninx.check(nn.Sequential(nn.Flatten(), nn.Linear(9, 10)), input_shape=(1, 3, 3))
        >>> [row.cells[1] for row in report.sheet().rows]
        ['Flatten', 'Linear']
        """
        heads = [Column("layer", text=True), Column("kind", text=True), Column("values"), Column("gradients")]
        table = Sheet([*heads, Column("dead", spare=1), Column("first step")], title="root mean squares over the batch")
        for s in self.layers:
            dead, step = "" if s.dead is None else f"{s.dead:.0%}", "" if s.step is None else f"{s.step:.2g} of w"
            table.add(s.name or "-", s.kind, f"{s.value:.3g}", f"{s.gradient:.2g}", dead, step)
        return table

    def __repr__(self) -> str:
        """All findings, in lines of 80 characters."""
        return self.text()

    def _repr_html_(self) -> str:
        """A list for a notebook."""
        items = ""
        for f in self.findings:
            place = f" ({f.where})" if f.where else ""
            head = f"<b>{escape(f.level)}</b> {escape(f.rule + place)}: {escape(f.cause)}"
            rest = [("seen", f.evidence), ("mend", f.mend), ("source", f.source)]
            items += f"<li>{head}" + "".join(f"<br>{name}: {escape(text)}" for name, text in rest if text) + "</li>"
        return f"<p>{escape(self.headline)}</p><ul>{items}</ul>"


def _finite(value: Any) -> Any:
    """The value, but None for a number that JSON does not have."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
