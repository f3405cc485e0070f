"""A picture as text that other programs draw: Mermaid (in Markdown) and DOT (graphviz). No library is needed for either."""

from __future__ import annotations

from .boxes import Box, Picture

MERMAID_CLASSES = """\
  classDef operation fill:#dbe8ff,stroke:#3a63b8,color:#111
  classDef parameter fill:#fff2cc,stroke:#a67c00,color:#111
  classDef input fill:#d9f2e0,stroke:#2f7d4f,color:#111
  classDef constant fill:#eeeeee,stroke:#777777,color:#111
  classDef error fill:#ffd9d6,stroke:#c0261c,color:#111"""
COLOURS = {"operation": "#dbe8ff", "parameter": "#fff2cc", "input": "#d9f2e0", "constant": "#eeeeee", "error": "#ffd9d6"}


def mermaid(p: Picture) -> str:
    """A flowchart for Mermaid: the arrows are the values, what stands on them gives the gradient back.

    >>> p = ninx.study.graph.boxes.picture(nn.Linear(3, 2, bias=False).graph((3,)))
    >>> ninx.study.graph.texts.mermaid(p).splitlines()[4:6]
    ['flowchart TD', '  v0["input<br/>64x3 float32"]']
    """
    lines = ["---", f"title: {_yaml(p.title)}", "---", f"%% {p.summary}", "flowchart TD"]
    framed = {key for frame in p.frames for key in frame.boxes}
    by_key = {box.key: box for box in p.boxes}
    lines += [f"  {_mermaid_box(box)}" for box in p.boxes if box.key not in framed]
    for number, frame in enumerate(p.frames):
        lines.append(f'  subgraph f{number}["{_mermaid(frame.text)}"]')
        lines += [f"    {_mermaid_box(by_key[key])}" for key in frame.boxes]
        lines.append("  end")
    for arrow in p.arrows:
        label = f'|"{_mermaid(arrow.back)}"|' if arrow.back else ""
        lines.append(f"  v{arrow.source} {'-->' if arrow.used else '-.->'}{label} v{arrow.target}")
    lines.append(MERMAID_CLASSES)
    for kind in COLOURS:
        keys = [f"v{box.key}" for box in p.boxes if box.kind == kind]
        lines += [f"  class {','.join(keys)} {kind}"] if keys else []
    return "\n".join(lines) + "\n"


def _mermaid_box(box: Box) -> str:
    return f'v{box.key}["{"<br/>".join(_mermaid(line.text) for line in box.lines)}"]'


def _mermaid(text: str) -> str:
    """Text between quotation marks: what would end it, or look like HTML, Markdown or a code, by its number."""
    return "".join(f"#{ord(c)};" if c in '"<>&#;`\\' else c for c in text)


def _yaml(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def dot(p: Picture) -> str:
    """A graph for graphviz, as `mermaid`.

    >>> p = ninx.study.graph.boxes.picture(nn.Linear(3, 2, bias=False).graph((3,)))
    >>> ninx.study.graph.texts.dot(p).splitlines()[0]
    'digraph "Linear" {'
    """
    lines = [f"digraph {_quoted(p.title)} {{", f"  label={_quoted(p.summary)}; labelloc=t; fontname=Helvetica"]
    lines.append("  node [shape=box, style=filled, fontname=Helvetica, fontsize=11]; edge [fontname=Helvetica, fontsize=10]")
    for box in p.boxes:
        label = "".join(_escaped(line.text) + "\\l" for line in box.lines)
        lines.append(f'  v{box.key} [label="{label}", tooltip={_quoted(box.tip)}, fillcolor="{COLOURS[box.kind]}"]')
    for number, frame in enumerate(p.frames):
        keys = "; ".join(f"v{key}" for key in frame.boxes)
        lines.append(f"  subgraph cluster{number} {{ label={_quoted(frame.text)}; style=dashed; {keys} }}")
    for arrow in p.arrows:
        style = "" if arrow.used else ", style=dashed"
        lines.append(f"  v{arrow.source} -> v{arrow.target} [label={_quoted(arrow.back)}{style}]")
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
