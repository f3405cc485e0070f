"""What a graph is made of: vertices, the edges that lead to them, and what an operation keeps."""

from __future__ import annotations

from typing import Any, NamedTuple

from ninx.kernels.geometry import Geometry

from .vjps import Vjp

Shape = tuple[int, ...]


class Kept(NamedTuple):
    """An array that an operation keeps for its vjps.

    ``nbytes`` is 0 where the memory is there anyway: of a weight, of the image, or of what an earlier operation keeps.
    """

    name: str
    shape: Shape
    nbytes: int


class Edge(NamedTuple):
    """From ``source``, whose value goes into an operation; and back, by the ``vjp``. None: no gradient goes back.

    ``used``: did the backward pass ask for it? The gradient of the image, which nobody trains, is not asked for.
    """

    source: int
    vjp: Vjp | None = None
    used: bool = False


class Vertex(NamedTuple):
    """A value of the graph, and the operation that made it.

    kind      "input", "parameter", "constant" (all else without a gradient), "operation", or "error" (what did not work)
    name      of the operation, or of the parameter in the state_dict; ``names``: all of a parameter that has several
    layers    the modules at work, by their names: two where one operation does the work of two; ``settings``: as they are printed
    masked    does its way back begin with the mask of a ReLU?
    fused     what one record does, where that is more than its name says: ("conv2d", "bias", "ReLU")
    error     why it could not be done, or not on the way back
    """

    number: int
    kind: str
    name: str
    shape: Shape = ()
    dtype: str = ""
    names: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    settings: str = ""
    fused: tuple[str, ...] = ()
    masked: bool = False
    edges: tuple[Edge, ...] = ()
    kept: tuple[Kept, ...] = ()
    geometry: Geometry | None = None
    error: str = ""

    @property
    def nbytes(self) -> int:
        """What it keeps for the backward pass, in bytes."""
        return sum(kept.nbytes for kept in self.kept)

    def as_json(self) -> dict[str, Any]:
        """As a dictionary of plain values.

        >>> from ninx.study.graph.vertices import Edge, Vertex
        >>> Vertex(1, "operation", "relu", (2, 3), "float32", edges=(Edge(0),)).as_json()["edges"]
        [{'source': 0, 'vjp': None, 'used': False}]
        """
        edges = [edge._asdict() | {"vjp": edge.vjp and edge.vjp._asdict()} for edge in self.edges]
        kept = [kept._asdict() for kept in self.kept]
        found = self._asdict() | {"edges": edges, "kept": kept, "bytes": self.nbytes}
        del found["geometry"]
        return found


class Graph(NamedTuple):
    """The vertices, each after those that it comes from. In a notebook it shows itself as a picture, at a prompt as a table.

    ``batch``: how many images went in; ``error``: why there is no more of it, in a sentence.
    """

    name: str
    batch: int
    vertices: tuple[Vertex, ...]
    error: str = ""

    @property
    def nbytes(self) -> int:
        """What all operations keep for the backward pass, in bytes."""
        return sum(v.nbytes for v in self.vertices)

    def as_json(self) -> dict[str, Any]:
        """All of it, for `json.dumps`.

        >>> found = ninx.study.graph.of(nn.Linear(3, 2), (3,), batch=8).as_json()
        >>> [v["name"] for v in found["vertices"] if v["kind"] == "parameter"]
        ['weight', 'bias']
        """
        found = {"network": self.name, "batch": self.batch, "bytes": self.nbytes, "error": self.error}
        return found | {"vertices": [v.as_json() for v in self.vertices]}

    def __repr__(self) -> str:
        """The table, in plain text."""
        from .table import as_text

        return as_text(self)

    def _repr_svg_(self) -> str | None:
        """The picture for a notebook; None where it cannot be laid out for want of igraph: then it shows the table."""
        from .boxes import picture
        from .svg import svg

        try:
            return svg(picture(self))
        except ImportError:
            return None
