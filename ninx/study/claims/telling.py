"""How an answer is told: a story in lines of 80 columns, a row of a table, HTML for a notebook, plain data for JSON."""

from __future__ import annotations

from html import escape
from typing import Any, NamedTuple

from rich.cells import cell_len
from rich.text import Text

from ...notebook import code_html
from ...tables import Column, Sheet, wrapped
from .claim import FALSE, HALF, TRUE, UNKNOWN, Finding

WIDTH = 80  # of the text, where no terminal says otherwise
PARTS = ("claim", "source", "test", "result", "verdict", "why")
STYLES = {TRUE: "green", FALSE: "red", HALF: "yellow", UNKNOWN: "yellow"}


class Answer(NamedTuple):
    """A claim that was tested: who says what, what was done, what came out. ``code``: the source of its check.

    At a prompt it tells itself as a story, and so does ``str``. ``words`` are templates, which the figures fill.
    """

    name: str
    language: str
    finding: Finding
    words: dict[str, str]
    labels: dict[str, str]
    code: str

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`, in English whatever the language."""
        return self.finding.verdict

    @property
    def figures(self) -> dict[str, Any]:
        """What the check computed."""
        return self.finding.figures

    def say(self, part: str) -> str:
        """One part in words: "title", "claim", "source", "test", "result", "verdict" or "why".

        >>> ninx.study.claims.check("vgg-count").say("result")
        '13 convolutions and 3 fully connected layers: 16. VGG-11: 8 and 3.'
        """
        if part == "verdict":
            return self.labels[self.verdict]
        return self.words[part].format(**{name: self._plain(value) for name, value in self.figures.items()})

    def _plain(self, value: Any) -> Any:
        """A figure as a text can hold it: yes or no, and shares in percent by their names."""
        if isinstance(value, bool):
            return self.labels["yes" if value else "no"]
        return ", ".join(f"{k} {v:.1f} %" for k, v in value.items()) if isinstance(value, dict) else value

    def story(self, width: int = WIDTH) -> list[str]:
        """The answer in lines of at most ``width`` columns, without the code.

        >>> ninx.study.claims.check("vgg-count").story()[-3]
        'verdict  false'
        """
        indent = max(map(cell_len, (self.labels[part] for part in PARTS))) + 2
        lines = [self.name]
        for part in PARTS:
            label = self.labels[part]
            text = wrapped(self.say(part), width - indent)
            lines.append(label + " " * (indent - cell_len(label)) + text[0])
            lines += [" " * indent + line for line in text[1:]]
        return lines

    def __repr__(self) -> str:
        """The story, and below it the code."""
        return "\n".join([*self.story(), "", self.code.rstrip()])

    def _repr_html_(self) -> str:
        """The same for a notebook."""
        rows = "".join(
            f'<tr><th style="text-align: left">{escape(self.labels[part])}</th>'
            f'<td style="text-align: left">{escape(self.say(part))}</td></tr>'
            for part in PARTS
        )
        caption = f'<caption style="text-align: left">{escape(self.name)}</caption>'
        return f"<table>{caption}<tbody>{rows}</tbody></table>\n{code_html(self.code)}"

    def as_data(self) -> dict[str, Any]:
        """Everything, for JSON. The verdict and the figures are the same in every language.

        >>> sorted(ninx.study.claims.check("vgg-count").as_data())
        ['claim', 'code', 'figures', 'id', 'language', 'result', 'source', 'test', 'title', 'verdict', 'why']
        """
        told = {part: self.say(part) for part in ("title", "claim", "source", "test", "result", "why")}
        return {"id": self.name, "language": self.language, **told, "verdict": self.verdict} | {
            "figures": self.figures,
            "code": self.code,
        }


class Answers(tuple[Answer, ...]):
    """Several answers; at a prompt and in a notebook a table."""

    __slots__ = ()

    def sheet(self) -> Sheet:
        """A row for each: its name, the verdict, the claim in a line.

        >>> ninx.study.claims.Answers([ninx.study.claims.check("vgg-count")]).sheet().rows[0].cells[0]
        'vgg-count'
        """
        labels = self[0].labels if self else {"verdict": "verdict", "claim": "claim"}
        table = Sheet([Column("id", text=True), Column(labels["verdict"], text=True), Column(labels["claim"], text=True)])
        for answer in self:
            table.add(answer.name, Text(answer.say("verdict"), STYLES[answer.verdict]), answer.say("title"))
        return table

    def __repr__(self) -> str:
        """The table, in plain text."""
        return self.sheet().text(WIDTH)

    def _repr_html_(self) -> str:
        """The table for a notebook."""
        return self.sheet().html()
