"""The graph of a training step: what is in it is what the engine records, and what is drawn is what is in it."""

import itertools
import json
import re
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from typing import Any

import numpy as np
import pytest

import ninx
import ninx.functional as F
from ninx import models, nn, random
from ninx.engine import Leaf, Tensor, record
from ninx.study import graph as graphs
from ninx.study.dry import dry_steps
from ninx.study.graph.boxes import Picture, merged, picture
from ninx.study.graph.layout import Layout, Rect, layout
from ninx.study.graph.repeats import runs
from ninx.study.graph.svg import svg
from ninx.study.graph.texts import dot, mermaid
from ninx.study.graph.vertices import Graph, Vertex
from ninx.study.graph.vjps import described, held
from ninx.study.uncomputed import loss_of

pytestmark = pytest.mark.host_only("nothing is computed, and all of it on the host")

SMALL = ["nin-mnist", "nin-mnist-v2", "nin-bn-fc", "nin-cifar10", "nin-cifar10-bn"]


class Block(nn.Module):
    """A residual block."""

    def __init__(self, channels: int) -> None:
        self.a = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.b = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.b(F.relu(self.norm(self.a(x)))) + x)


class Mixed(nn.Module):
    """An input that is prepared, a value used twice, a parameter and a buffer of its own."""

    def __init__(self) -> None:
        self.conv, self.scale = nn.Conv2d(3, 4, 3), nn.Parameter(ninx.ones(4, 1, 1))
        self.mean = nn.Buffer(ninx.ones(3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv((x - self.mean) / 255)
        return ninx.cat([y * self.scale, y * y], 1)


def shared() -> nn.Module:
    conv = nn.Conv2d(8, 8, 3, padding=1)
    return nn.Sequential(nn.Conv2d(3, 8, 1), conv, nn.Tanh(), conv, nn.Tanh())


def deep(blocks: int = 9) -> nn.Module:
    """With 30 layers that have weights: 1 + 9 * 3 + 1 + 1."""
    middle = [Block(8) for _ in range(blocks)]
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), *middle, nn.Conv2d(8, 8, 1), nn.GlobalAvgPool2d(), nn.Flatten(), nn.Linear(8, 10)
    )


OWN: dict[str, tuple[Any, tuple[int, ...]]] = {
    "residual": (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), Block(8)), (3, 8, 8)),
    "mixed": (Mixed, (3, 6, 6)),
    "shared": (shared, (3, 6, 6)),
    "deep": (deep, (3, 8, 8)),
    "dropout": (lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.5)), (3, 8, 8)),
    "linear": (lambda: nn.Sequential(nn.Linear(6, 4), nn.Sigmoid(), nn.Linear(4, 3)), (6,)),
}


def network(name: str) -> tuple[nn.Module, tuple[int, ...]]:
    if name in OWN:
        make, shape = OWN[name]
        return make(), shape
    return models.create(name), models.preset(name).input_shape


def drawn(name: str, batch: int = 2) -> Graph:
    model, shape = network(name)
    return graphs.of(model, shape, batch=batch)


def operations(graph: Graph) -> list[Vertex]:
    return [v for v in graph.vertices if v.kind == "operation"]


def one(graph: Graph, name: str) -> Vertex:
    (found,) = [v for v in graph.vertices if v.name == name]
    return found


# -------------------------------------------------------------------- what the engine records


def recorded(model: nn.Module, shape: tuple[int, ...], batch: int = 2) -> tuple[Counter[Any], Counter[Any]]:
    """(nodes, edges) of a real step, walked from its loss: names and shapes, and for each edge what is at both of its ends."""
    names: dict[int, list[str]] = {}
    for name, p in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(p), []).append(name)

    def what(node: Any) -> Any:
        return ("parameter", tuple(names[id(node.tensor())])) if isinstance(node, Leaf) else (node.name, node.shape)

    loss = loss_of(model.train()(Tensor(np.ones((batch, *shape), np.float32))), Tensor(np.zeros(batch, np.int64)))
    nodes, edges, waiting, seen = Counter[Any](), Counter[Any](), [loss.node], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        nodes[what(node)] += 1
        for sources, _, _ in node.entries:
            for source in sources:
                if source is not None:
                    edges[what(source), what(node)] += 1
                    waiting.append(source)
    return nodes, edges


def told(graph: Graph) -> tuple[Counter[Any], Counter[Any]]:
    """The same of a graph: what is on the way back."""

    def what(v: Vertex) -> Any:
        return ("parameter", v.names) if v.kind == "parameter" else (v.name, v.shape)

    nodes, edges = Counter[Any](), Counter[Any]()
    for v in graph.vertices:
        used = [edge for edge in v.edges if edge.used]
        if used or v.kind == "parameter":
            nodes[what(v)] += 1
        for edge in used:
            edges[what(graph.vertices[edge.source]), what(v)] += 1
    return nodes, edges


@pytest.mark.parametrize("name", [*SMALL, *OWN])
def test_operations_shapes_and_edges_are_the_engines(name: str) -> None:
    model, shape = network(name)
    nodes, edges = recorded(model, shape)
    assert len(edges) >= 4
    assert told(graphs.of(model, shape, batch=2)) == (nodes, edges)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in models.names() if name not in SMALL])
def test_of_the_large_presets_too(name: str) -> None:
    model, shape = network(name)
    assert told(graphs.of(model, shape, batch=2)) == recorded(model, shape)


@pytest.mark.skipif(sys.platform != "linux", reason="the footprint is worked out on Linux")
@pytest.mark.parametrize("name", [n for n in models.names() if n != "alexnet-caffe"])  # whose normalisation NumPy computes
def test_the_bytes_kept_are_those_that_the_memory_of_a_step_knows(name: str) -> None:
    with nn.shapes_only():
        model, shape = network(name)
    graph = graphs.of(model, shape, batch=16)
    whole = dry_steps(model, shape, 16).kept
    objects = 1600 * len(operations(graph))  # bytes of Python's: nodes, functions, tuples
    assert graph.nbytes <= whole <= graph.nbytes + objects


def test_what_each_operation_keeps() -> None:
    graph = graphs.of(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 1), nn.Tanh()), (3, 8, 8), batch=2)
    first, second, tanh = (v for v in operations(graph) if v.kept)
    image, value = 2 * 4 * 6 * 6 * 4, 2 * 2 * 6 * 6 * 4
    assert {(k.name, k.nbytes) for k in first.kept} == {("input", 0), ("y", image)}  # the image is there anyway
    assert {(k.name, k.nbytes) for k in second.kept} == {("input", 0), ("weight", 0)}  # the first keeps it already
    assert [(k.name, k.nbytes) for k in tanh.kept] == [("y", value)]
    assert graph.nbytes == image + value


def test_nothing_is_kept_for_what_no_parameter_needs() -> None:
    graph = graphs.of(nn.Sequential(nn.Tanh(), nn.Conv2d(3, 2, 1)), (3, 4, 4), batch=1)
    assert one(graph, "tanh").kept == ()
    assert [k.nbytes for k in one(graph, "conv2d").kept if k.name == "input"] == [4 * 3 * 4 * 4]


# -------------------------------------------------------------------- the vjps


def test_each_vjp_is_told_by_its_formula() -> None:
    found = {}
    for v in operations(drawn("residual")):
        found[v.name] = [edge.vjp.text for edge in v.edges if edge.vjp]
    assert found["add"] == ["g", "g"]
    assert found["conv2d"] == [
        "conv2d_input_grad(g, weight, geo, method)", "conv2d_weight_grad(input, g, geo, method)", "sum(g, (0, 2, 3))",
    ]  # fmt: skip
    assert found["batch_norm"] == ["batch_norm.formula"] * 3
    assert found["relu"] == ["g"]


def test_a_vjp_is_found_among_several_of_a_line() -> None:
    a, b = (lambda g: g + 1), (lambda g: g * 2)
    assert [described(f).text for f in (a, b)] == ["g + 1", "g * 2"]
    assert described(a).place.startswith("test_graph.py:")
    assert described(len).name == "len"


def test_of_an_operation_of_ones_own() -> None:
    class Cube(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return record(x.array**3, (x, lambda g: g * 3 * x * x), name="cube")

    cube = one(graphs.of(nn.Sequential(nn.Linear(4, 4), Cube()), (4,), batch=2), "cube")
    assert cube.edges[0].vjp is not None
    assert cube.edges[0].vjp.text == "g * 3 * x * x"
    assert [(k.name, k.shape, k.nbytes) for k in cube.kept] == [("x", (2, 4), 32)]
    assert cube.layers == ("1",)


def test_what_a_vjp_holds_is_found_where_it_lies_deep() -> None:
    x, y = np.ones(2), Tensor(np.ones(3))
    inner = lambda g: g * y  # noqa: E731
    assert {name: a.shape for name, a in held(lambda g: inner(g) + [x][0])} == {"y": (3,), "x": (2,)}


def test_fused_operations_are_marked() -> None:
    found = [v.fused for v in operations(drawn("dropout"))]
    assert found[:2] == [("conv2d", "bias", "ReLU"), ("max_pool2d", "Dropout")]
    first, pooled = operations(drawn("dropout"))[:2]
    assert (first.layers, pooled.layers) == (("0", "1"), ("2", "3"))
    assert first.masked
    assert not pooled.masked


def test_a_batch_norm_and_its_relu() -> None:
    graph = graphs.of(nn.Sequential(nn.Conv2d(3, 4, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU()), (3, 4, 4), batch=2)
    assert one(graph, "batch_norm").fused == ("batch_norm", "ReLU")
    assert one(graph, "batch_norm").layers == ("1", "2")
    assert one(graph, "conv2d").fused == ()


# -------------------------------------------------------------------- residual, shared, repeated


def test_a_residual_block_has_two_paths_into_one_addition() -> None:
    graph = drawn("residual")
    add = one(graph, "add")
    (a, b), vertices = add.edges, graph.vertices
    assert {vertices[a.source].layers, vertices[b.source].layers} == {("1.b",), ("0",)}
    into = [arrow for arrow in picture(graph).arrows if arrow.target == add.number]
    assert len({arrow.source for arrow in into}) == 2


def test_a_shared_weight_is_one_parameter_with_two_arrows() -> None:
    graph = drawn("shared")
    weight = one(graph, "1.weight")
    assert weight.names == ("1.weight", "3.weight")
    p = picture(graph)
    assert len([arrow for arrow in p.arrows if arrow.source == weight.number]) == 2
    assert next(box for box in p.boxes if box.key == weight.number).beside is None


def test_a_value_times_itself_has_two_arrows() -> None:
    p = picture(drawn("mixed"))
    pairs = Counter((arrow.source, arrow.target) for arrow in p.arrows)
    assert sorted(pairs.values())[-2:] == [1, 2]


def test_what_is_done_with_the_image_is_shown_though_nobody_asks_for_its_gradient() -> None:
    graph = drawn("mixed")
    assert [edge.used for v in (one(graph, "sub"), one(graph, "div")) for edge in v.edges] == [False] * 3
    assert one(graph, "mean").kind == "constant"


def test_repeated_blocks_are_drawn_once() -> None:
    graph = drawn("deep")
    found = [(len(run.blocks), len(run.blocks[0])) for run in runs(graph) if len(run.blocks) > 1]
    assert found == [(9, 6)]
    p, whole = picture(graph), picture(graph, collapse=False)
    assert [frame.text for frame in p.frames] == ["9 times"]
    assert whole.frames == ()
    assert sum(box.kind == "operation" for box in whole.boxes) - sum(box.kind == "operation" for box in p.boxes) == 8 * 6
    names = [line.text for box in p.boxes for line in box.lines if line.role == "title"]
    assert "{2-10}.a.weight" in names
    assert sum("weight" in n and "{" not in n for n in names) == 3


def test_of_a_repeated_block_all_is_counted() -> None:
    def kept(p: Picture) -> float:
        texts = [line.text for box in p.boxes for line in box.lines if line.role == "kept"]
        return sum(float(m[1]) for m in (re.match(r"keeps ([\d.]+) kB", text) for text in texts) if m)

    graph = drawn("deep", batch=64)
    assert kept(picture(graph)) == pytest.approx(kept(picture(graph, collapse=False)), abs=2)


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [nn.Conv2d(4, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 4, 3, padding=2, dilation=2), nn.Tanh()],
        lambda: [nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6), nn.Sigmoid()],
    ],
)  # fmt: skip
def test_what_differs_is_no_repetition(layers: Any) -> None:
    net = nn.Sequential(*layers())
    shape = (4, 6, 6) if isinstance(net[0], nn.Conv2d) else (6,)
    assert all(len(run.blocks) == 1 for run in runs(graphs.of(net, shape, batch=2)))


def test_weights_that_are_used_again_are_not_hidden_in_a_repetition() -> None:
    graph = graphs.of(nn.Sequential(nn.Linear(6, 6), nn.Tanh()) * 4, (6,), batch=2)
    assert all(len(run.blocks) == 1 for run in runs(graph))


@pytest.mark.parametrize(
    ("names", "wanted"),
    [(["a.b"], "a.b"), (["a.1.w", "a.2.w"], "a.{1-2}.w"), (["1", "3", "4"], "{1,3,4}"), (["a", "b.c"], "a ... b.c")],
)
def test_names_are_merged(names: list[str], wanted: str) -> None:
    assert merged(names) == wanted


# -------------------------------------------------------------------- what does not work


@pytest.mark.parametrize(
    ("net", "layer", "operation", "says"),
    [
        (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(16, 8, 3), nn.ReLU()), "2", "conv2d", "8 channels"),
        (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(7, 3)), "2", "linear", "it has 288 features"),
        (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.MaxPool2d(9)), "1", "max_pool2d", "does not fit"),
    ],
)
def test_a_graph_ends_where_shapes_do_not_fit(net: Any, layer: str, operation: str, says: str) -> None:
    graph = graphs.of(net(), (3, 8, 8), batch=2)
    last = graph.vertices[-1]
    assert (last.kind, last.name, last.layers) == ("error", operation, (layer,))
    assert says in last.error
    assert graph.error == f"{layer}: {last.error}"
    assert [graph.vertices[edge.source].kind for edge in last.edges] == ["operation"]
    assert not any(edge.used for v in graph.vertices for edge in v.edges)
    text = svg(picture(graph))
    assert '<g class="error"' in text
    assert re.search(r'class="error" x=.*' + says.split()[0], text)


def test_an_error_in_the_networks_own_forward() -> None:
    class Wrong(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1)[self.there]  # type: ignore[no-any-return]

    graph = graphs.of(nn.Sequential(nn.Conv2d(3, 2, 1), Wrong()), (3, 4, 4), batch=2)
    assert graph.error.startswith("1: AttributeError: 'Wrong' object has no attribute 'there'")


def test_an_error_on_the_way_back_is_shown_at_its_operation() -> None:
    class Wrong(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return record(x.array * 1, (x, lambda g: g.sum()), name="wrong")

    graph = graphs.of(nn.Sequential(nn.Linear(4, 4), Wrong()), (4,), batch=2)
    assert "a gradient of shape ()" in one(graph, "wrong").error
    assert not any(v.kind == "error" for v in graph.vertices)
    assert "backward of wrong" in graph.error


def test_the_network_is_left_as_it_was() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5)).eval()
    before, state = {k: v.numpy().copy() for k, v in net.state_dict().items()}, random.get_rng_state()
    graphs.of(net, (3, 6, 6), batch=2)
    assert not net.training
    assert all(np.array_equal(before[k], v.numpy()) for k, v in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())
    assert np.array_equal(state, random.get_rng_state())


def test_given_tensors_are_taken_and_not_changed() -> None:
    class Words(nn.Module):
        def __init__(self) -> None:
            self.table = nn.Parameter(ninx.ones(5, 3))

        def forward(self, words: Tensor, scale: Tensor) -> Tensor:
            return self.table[words].mean(1) * scale

    words = ninx.tensor([[0, 1], [4, 2], [3, 3]])
    graph = graphs.of(Words(), words, ninx.ones(3, 1))
    assert graph.error == ""
    assert graph.batch == 3
    assert [v.shape for v in graph.vertices if v.kind == "input"] == [(3, 2), (3, 1)]
    with pytest.raises(ValueError, match="say how large an image is"):
        graphs.of(Words())


def test_a_network_without_parameters() -> None:
    graph = graphs.of(nn.Sequential(nn.ReLU(), nn.Flatten()), (3, 4, 4), batch=2)
    assert graph.nbytes == 0
    assert [v.name for v in operations(graph)][:2] == ["relu", "reshape"]


# -------------------------------------------------------------------- how it is drawn


def shapes_of(placed: Layout) -> list[Rect]:
    return list(placed.boxes.values())


def crossed(rect: Rect, a: tuple[float, float], b: tuple[float, float]) -> bool:
    """Does the line from a to b enter the rectangle? Looked at in many points, a little inside."""
    inner = Rect(rect.x + 1, rect.y + 1, rect.width - 2, rect.height - 2)
    points = ((a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t) for t in np.linspace(0, 1, 50))
    return any(inner.x < x < inner.x + inner.width and inner.y < y < inner.y + inner.height for x, y in points)


@pytest.mark.parametrize("collapse", [True, False])
@pytest.mark.parametrize("name", [*SMALL, *OWN, "vgg16"])
def test_no_box_touches_another_and_no_arrow_runs_through_one(name: str, collapse: bool) -> None:
    pytest.importorskip("igraph", reason="igraph lays the picture out")
    with nn.shapes_only():
        p = picture(drawn(name), collapse)
    placed = layout(p)
    assert not [(a, b) for a, b in itertools.combinations(shapes_of(placed), 2) if a.meets(b)]
    for arrow, points in zip(p.arrows, placed.arrows, strict=True):
        for a, b in itertools.pairwise(points):
            assert not [key for key, rect in placed.boxes.items() if crossed(rect, a, b)], arrow
    for frame, rect in zip(p.frames, placed.frames, strict=True):
        title = Rect(rect.x + 10, rect.y + 3, 7.3 * len(frame.text), 14)
        assert not any(title.meets(box) for box in placed.boxes.values())
        inside = {key for key, box in placed.boxes.items() if box.meets(rect)}
        assert inside == set(frame.boxes)


@pytest.mark.parametrize("name", [*OWN, "nin-bn-fc"])
def test_the_svg_is_sound_and_every_text_lies_in_its_box(name: str) -> None:
    pytest.importorskip("igraph", reason="igraph lays the picture out")
    p = picture(drawn(name))
    root = ET.fromstring(svg(p))
    space = "{http://www.w3.org/2000/svg}"
    width, height = (float(n) for n in (root.attrib["width"], root.attrib["height"]))
    assert root.attrib["viewBox"] == f"0 0 {width:.0f} {height:.0f}"
    assert "max-width: 100%" in root.attrib["style"]
    ids = {e.attrib["id"]: e for e in root.iter() if "id" in e.attrib}
    title, desc = (ids[name] for name in root.attrib["aria-labelledby"].split())
    assert (title.tag, desc.tag) == (f"{space}title", f"{space}desc")
    assert "kept for backward" in (desc.text or "")
    boxes = [g for g in root.iter(f"{space}g") if "data-key" in g.attrib]
    assert {int(g.attrib["data-key"]) for g in boxes} == {box.key for box in p.boxes}
    for g in boxes:
        rect = g.find(f"{space}rect")
        assert rect is not None
        x, y, w, h = (float(rect.attrib[k]) for k in ("x", "y", "width", "height"))
        lines = [float(t.attrib["y"]) for t in g.findall(f"{space}text")]
        for text in g.findall(f"{space}text"):
            start = float(text.attrib["x"])
            assert x < start < start + 7.23 * len(text.text or "") < x + w
        assert y < lines[0] - 11
        assert lines[-1] + 3 < y + h
        assert all(b - a >= 15 for a, b in itertools.pairwise(lines))
    assert len([e for e in root.iter(f"{space}path") if "data-arrow" in e.attrib]) == len(p.arrows)
    assert "prefers-color-scheme: dark" in (root.findtext(f"{space}style") or "")


HOSTILE = '<b>&"x"]]>\x1b[2J`|{y}'


def hostile() -> Graph:
    net = nn.Sequential({HOSTILE: nn.Linear(3, 3)})
    return graphs.of(net, (3,), batch=2, name=HOSTILE)


def test_names_are_escaped_in_the_svg() -> None:
    pytest.importorskip("igraph", reason="igraph lays the picture out")
    text = svg(picture(hostile()))
    assert "<b>" not in text
    assert "\x1b" not in text
    words = "".join(ET.fromstring(text).itertext())
    assert HOSTILE.replace("\x1b", "?") in words


def test_names_are_escaped_in_the_other_languages() -> None:
    p = picture(hostile())
    for line in mermaid(p).splitlines():
        assert re.fullmatch(r"[^\"]*(\"[^\"<>`]*(<br/>[^\"<>`]*)*\"[^\"]*)?", line) or line.startswith(("title: ", "%%"))
    assert "\x1b" not in mermaid(p) + dot(p)
    for text in re.findall(r'"((?:[^"\\]|\\.)*)"', dot(p)):
        assert "\n" not in text
    assert '\\"x\\"' in dot(p)


def test_the_three_languages_tell_the_same_boxes_and_arrows() -> None:
    p = picture(drawn("deep"))
    keys = {box.key for box in p.boxes}
    arrows = Counter((arrow.source, arrow.target) for arrow in p.arrows)
    m, d = mermaid(p), dot(p)
    assert {int(k) for k in re.findall(r'^ *v(\d+)\["', m, re.MULTILINE)} == keys
    assert {int(k) for k in re.findall(r"^ *v(\d+) \[label", d, re.MULTILINE)} == keys
    found = re.findall(r'^  v(\d+) -(?:\.-)?->?(?:\|"[^"]*"\|)? v(\d+)$', m.replace("-.->", "-->"), re.MULTILINE)
    assert Counter((int(a), int(b)) for a, b in found) == arrows
    assert Counter((int(a), int(b)) for a, b in re.findall(r"v(\d+) -> v(\d+) ", d)) == arrows
    assert m.count("subgraph") == d.count("subgraph") == 1


def test_json_holds_all_of_it() -> None:
    graph = drawn("deep")
    found = json.loads(graphs.written(graph, "x.json"))
    assert len(found["vertices"]) == len(graph.vertices)
    assert found["bytes"] == graph.nbytes
    conv = next(v for v in found["vertices"] if v["name"] == "conv2d")
    assert conv["edges"][1]["vjp"]["name"] == "conv2d_weight_grad"


def test_at_a_prompt_and_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = nn.Sequential(nn.Linear(4, 2), nn.ReLU()).graph((4,), batch=8)
    assert all(len(line) <= 80 for line in repr(graph).splitlines())
    assert "matmul" in repr(graph)
    pytest.importorskip("igraph", reason="igraph lays the picture out")
    assert (graph._repr_svg_() or "").startswith("<svg")
    monkeypatch.setitem(sys.modules, "igraph", None)
    assert graph._repr_svg_() is None
    with pytest.raises(ImportError, match=r"pip install 'ninx\[graph\]'"):
        graphs.written(graph, "x.svg")
    assert graphs.written(graph, "x.mmd")


def test_a_layer_may_be_called_graph() -> None:
    net = nn.Sequential({"graph": nn.Linear(2, 2)})
    assert list(net.state_dict()) == ["graph.weight", "graph.bias"]
    assert operations(graphs.of(net, (2,), batch=1))[0].layers == ("graph",)
