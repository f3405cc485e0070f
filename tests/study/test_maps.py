"""Class maps: they are the scores' summands, a cell depends on its patch and on nothing else, and what has no maps says why."""

import base64
import io
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import devices
import numpy as np
import pytest
from PIL import Image

import ninx
import ninx.functional as F
from ninx import nn
from ninx.study import heat
from ninx.study.deletion import deletion, hide
from ninx.study.maps import Maps, class_maps, of_pictures
from ninx.study.seen import Seen


def images(*shape: int) -> Any:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def with_maps(model: nn.Module, x: Any) -> tuple[Maps, Any, Any]:
    """The maps; what went into the pooling, as a hook sees it; and what the network says."""
    kinds = (nn.GlobalAvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
    pooling = next(m for m in model.modules() if isinstance(m, kinds))
    into: list[Any] = []
    handle = pooling.register_forward_hook(lambda module, inputs, output: into.append(inputs[0].numpy()))
    with ninx.no_grad():
        said = model.eval()(ninx.tensor(x)).numpy()
    handle.remove()
    return class_maps(model, x), into[0], said


# -------------------------------------------------------------------- what the maps are

NETWORKS: dict[str, tuple[str, dict[str, Any], tuple[int, ...], str]] = {
    "digits": ("nin-mnist", {"batch_norm": True, "last_relu": False, "dropout": 0.0}, (1, 28, 28), "gap"),
    "relu": ("nin-mnist", {}, (1, 28, 28), "gap after relu"),
    "avg": ("nin-cifar10", {}, (3, 32, 32), "gap after relu"),
    "max": ("nin-cifar10", {"pool2": "max", "last_relu": False}, (3, 32, 32), "gap"),
    "pooled relu": ("nin-mnist-v2", {}, (1, 28, 28), "gap after relu"),
    "fully connected": ("nin-bn-fc", {}, (3, 64, 64), "cam"),
    "fully connected, one cell": ("nin-bn-fc", {}, (3, 32, 32), "cam"),
}


@pytest.mark.parametrize("case", NETWORKS)
def test_the_maps_of_a_network_average_to_its_scores(case: str) -> None:
    name, switches, shape, kind = NETWORKS[case]
    ninx.manual_seed(3)
    model = ninx.models.create(name, **switches)
    maps, into, said = with_maps(model, images(3, *shape))
    assert maps.kind == kind
    assert np.array_equal(maps.scores, said)
    scale = abs(said).max()
    assert abs(maps.values.mean((2, 3), dtype=np.float64) - said).max() <= 1e-5 * scale
    if kind == "cam":
        linear = model[-1]
        w, b = linear.weight.detach().numpy().astype(np.float64), linear.bias.detach().numpy().astype(np.float64)
        into = np.einsum("kc,nchw->nkhw", w, into) + b[:, None, None]
    assert abs(maps.values - into).max() <= 1e-5 * abs(into).max()


def test_the_scores_of_global_max_pooling_are_the_strongest_cells() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveMaxPool2d(1), nn.Flatten())
    maps, into, said = with_maps(model, images(2, 1, 9, 7))
    assert (maps.kind, maps.values.shape) == ("gmp", (2, 4, 7, 5))
    assert np.array_equal(maps.values, into)
    assert np.array_equal(maps.values.max((2, 3)), said)
    assert "global max pooling" in maps.what


class Own(nn.Module):
    """A forward of its own, with a branch that is added, means over axes, and probabilities at the end."""

    def __init__(self) -> None:
        self.first, self.beside, self.last = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1), nn.Linear(4, 3)

    def forward(self, x: ninx.Tensor) -> ninx.Tensor:
        y = F.relu(self.first(x))
        y = y + self.beside(y)
        return F.softmax(self.last(y.mean((2, 3))), 1)


def test_a_forward_of_its_own_is_followed_back_through_branches_and_softmax() -> None:
    model, x = Own(), images(2, 1, 8, 8)
    maps = class_maps(model, x)
    assert (maps.kind, maps.seen) == ("cam", Seen((5, 5), (1, 1), (-2, -2)))
    assert np.allclose(maps.values.mean((2, 3)), maps.scores, atol=1e-6)
    assert np.allclose(F.softmax(ninx.tensor(maps.scores), 1).numpy(), model(ninx.tensor(x)).detach().numpy(), atol=1e-6)


def test_two_linear_layers_and_a_1x1_convolution_behind_the_pooling_are_one_map() -> None:
    tail = nn.Conv2d(5, 4, 1), nn.Flatten(), nn.Linear(4, 6, bias=False), nn.Linear(6, 3)
    maps, _, said = with_maps(nn.Sequential(nn.Conv2d(1, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), *tail), images(2, 1, 8, 8))
    assert (maps.kind, maps.values.shape) == ("cam", (2, 3, 6, 6))
    assert np.allclose(maps.values.mean((2, 3)), said, atol=1e-6)


def test_what_a_relu_cut_off_is_said() -> None:
    conv = nn.Conv2d(1, 2, 1)
    conv.weight.data[:], conv.bias.data[:] = ninx.tensor([1.0, -1.0]).reshape(2, 1, 1, 1), 0.0
    maps = class_maps(nn.Sequential(conv, nn.ReLU(), nn.GlobalAvgPool2d(), nn.Flatten()), np.ones((1, 1, 2, 2)))
    assert maps.kind == "gap after relu"
    assert "(50% of the cells)" in maps.what


NONE = {
    "fully connected": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(50, 4), nn.ReLU(), nn.Linear(4, 3)),
        (2, 1, 7, 7),
        "between layers that mix all maps, stands a ReLU",
    ),
    "as published": (
        lambda: ninx.models.create("nin-mnist-v0", head="as-published"),
        (1, 1, 224, 224),
        "leaves 2x2 values of each of 10 maps, 40 in all",
    ),
    "flat": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(50, 3)),
        (2, 1, 7, 7),
        "2 x 5 x 5 values of its last maps",
    ),
    "relu": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.GlobalAvgPool2d(), nn.Flatten(), nn.ReLU()),
        (2, 1, 7, 7),
        "behind its pooling, stands a ReLU",
    ),
    "tanh": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.GlobalAvgPool2d(), nn.Tanh(), nn.Flatten(), nn.Linear(2, 2)),
        (2, 1, 7, 7),
        "stands 'tanh'",
    ),
    "maxima": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(2, 2)),
        (2, 1, 7, 7),
        "maxima that lie in different places",
    ),
    "pixels": (lambda: nn.Sequential(nn.GlobalAvgPool2d(), nn.Flatten()), (1, 3, 4, 4), "weighs the pixels themselves"),
    "maps as output": (lambda: nn.Conv2d(1, 2, 3), (1, 1, 7, 7), r"\(1, 2, 5, 5\) of 1 images"),
}


@pytest.mark.parametrize("case", NONE)
def test_a_network_without_maps_says_why(case: str) -> None:
    make, shape, why = NONE[case]
    with pytest.raises(ValueError, match=f"^maps: .*{why}"):
        class_maps(make(), np.ones(shape, np.float32))


@pytest.mark.parametrize("given", [np.ones((4, 4)), np.ones((0, 1, 4, 4)), np.array([[[["a"]]]])])
def test_what_is_no_batch_of_images_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match=r"^maps: a network takes images \(N, C, H, W\)"):
        class_maps(nn.Sequential(nn.Conv2d(1, 2, 1), nn.GlobalAvgPool2d(), nn.Flatten()), given)


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^maps: wants a run or a network, not str"):
        class_maps("nin-mnist", np.ones((1, 1, 4, 4)))  # type: ignore[arg-type]


def test_the_network_stays_as_it_was() -> None:
    model = ninx.models.create("nin-mnist-v2")
    model[0].requires_grad_(False)
    before = {k: v.numpy().copy() for k, v in model.state_dict().items()}
    model.train()
    class_maps(model, images(30, 1, 28, 28))
    assert all(m.training for m in model.modules())
    assert all(p.grad is None for p in model.parameters())
    assert [p.requires_grad for p in model.parameters()] == [not name.startswith("0.") for name, _ in model.named_parameters()]
    assert all(np.array_equal(before[k], v.numpy()) for k, v in model.state_dict().items())


def test_many_images_go_through_in_batches_and_under_no_grad() -> None:
    model, x = nn.Sequential(nn.Conv2d(1, 3, 3), nn.GlobalAvgPool2d(), nn.Flatten()).double(), images(60, 1, 5, 5)
    with ninx.no_grad():
        maps = class_maps(model, x)
    assert maps.values.dtype == np.float64
    assert np.allclose(maps.scores, model(ninx.tensor(x, dtype=np.float64)).detach().numpy(), rtol=1e-12)


def test_maps_of_a_network_on_a_device_are_those_of_the_host() -> None:
    model, x = ninx.models.create("nin-mnist-v2", last_relu=False), images(3, 1, 28, 28)
    here = class_maps(model, x)
    with devices.some_cupy():
        there = class_maps(model.to("cuda"), ninx.tensor(x, device="cuda"))
        model.to("cpu")
    assert isinstance(there.values, np.ndarray)
    assert np.allclose(here.values, there.values, atol=1e-5 * abs(here.values).max())
    assert here.seen == there.seen


# -------------------------------------------------------------------- places


class Padded(nn.Module):
    """Pads more on one side than on the other, and adds a branch that sees more."""

    def __init__(self) -> None:
        self.wide, self.one = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(1, 2, 1)

    def forward(self, x: ninx.Tensor) -> ninx.Tensor:
        x = F.pad(x, (2, 0, 1, 0))
        return (self.wide(x) + self.one(x)).mean((2, 3))


PATCHES = {
    "ceil": lambda: [nn.Conv2d(1, 2, 5, padding=2), nn.AvgPool2d(3, 2, ceil_mode=True), nn.Conv2d(2, 2, 3, stride=2)],
    "dilated": lambda: [nn.Conv2d(1, 2, 3, dilation=2, padding=(0, 3)), nn.AvgPool2d(2, padding=1)],
    "same": lambda: [nn.Conv2d(1, 2, 4, padding="same"), nn.AvgPool2d((1, 2))],
}


@pytest.mark.parametrize("case", [*PATCHES, "own"])
def test_the_strongest_cell_depends_on_its_patch_and_on_nothing_else(case: str) -> None:
    model = Padded() if case == "own" else nn.Sequential(*PATCHES[case](), nn.GlobalAvgPool2d(), nn.Flatten())
    for p in model.parameters():
        p.data[:] = 1.0  # a linear network whose every product counts: the gradient is 0 exactly outside the patch
    x = images(4, 1, 14, 13)
    maps = class_maps(model, x)
    for n in range(4):
        i, j = maps.strongest(n, 1)
        image = ninx.tensor(x[n : n + 1], requires_grad=True)
        into = F.pad(image, (2, 0, 1, 0)) if case == "own" else image
        cells = model.wide(into) + model.one(into) if isinstance(model, Padded) else model[:-2](into)  # type: ignore[index]
        (g,) = ninx.grad(cells[0, 1, i, j], image)
        rows, columns = np.nonzero(g.numpy()[0, 0])
        assert maps.receptive_field(n, 1) == (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)


def test_cells_lie_around_the_middle_of_what_they_see() -> None:
    maps = class_maps(nn.Sequential(nn.Conv2d(1, 2, 3, 2, 1), nn.GlobalAvgPool2d(), nn.Flatten()), images(1, 1, 8, 6))
    rows, columns = maps.edges(0)  # the middles are the pixels 0, 2, 4 and 6
    assert rows.tolist() == [0, 1, 3, 5, 8]
    assert columns.tolist() == [0, 1, 3, 6]


def test_without_a_patch_the_cells_divide_the_image_and_depend_on_all_of_it() -> None:
    maps = class_maps(
        nn.Sequential(nn.Conv2d(1, 2, 1), nn.AdaptiveAvgPool2d((2, 3)), nn.GlobalAvgPool2d(), nn.Flatten()), images(1, 1, 7, 7)
    )
    assert maps.seen is None
    assert [e.tolist() for e in maps.edges(0)] == [[0, 3, 7], [0, 2, 4, 7]]
    assert maps.receptive_field(0, 0) == (0, 0, 7, 7)
    assert maps.image(0, 0).shape == (168, 168, 3)


def some_maps(**changed: Any) -> Maps:
    values = np.arange(8.0).reshape(1, 2, 2, 2)
    own = {"values": values, "scores": values.mean((2, 3)), "kind": "gap", "pictures": [np.full((4, 4), 100, np.uint8)]}
    return Maps(**(own | {"classes": ("<cat>", "dog")} | changed))


def test_classes_by_name_and_by_number() -> None:
    maps = some_maps()
    assert (maps.number("dog"), maps.number(-1), maps.best(0), maps.strongest(0, "dog")) == (1, 1, [1, 0], (1, 1))
    for wrong in ("cow", 2, -3):
        with pytest.raises(ValueError, match=r"^maps: there is no class"):
            maps.number(wrong)


# -------------------------------------------------------------------- pictures


def test_only_the_strongest_cells_are_coloured() -> None:
    image = some_maps().image(0, "dog", top=0.25, side=4)
    grey = (image == image[:, :, :1]).all(2)
    assert np.array_equal(~grey, np.kron([[0, 0], [0, 1]], np.ones((2, 2))).astype(bool))
    mixed = heat.PICTURE * 100 + heat.COLOUR * heat.COLOURS[-1]  # the largest of all the values
    assert image[3, 3].tolist() == mixed.round().tolist()


def test_dark_and_bright_are_the_same_for_all_maps_of_an_image() -> None:
    maps = some_maps(pictures=[np.zeros((4, 4), np.uint8)])
    weak, strong = maps.image(0, 0, side=4), maps.image(0, 1, side=4)
    assert weak[0, 0].tolist() == (heat.COLOUR * heat.COLOURS[0]).round().tolist()
    assert int(weak.sum()) < int(strong.sum())
    assert maps.alone(0, 0)[0, 0] == 0
    assert maps.alone(0, 1)[3, 3] == 255


def test_the_frame_is_drawn_around_the_patch_and_left_open_outside() -> None:
    maps = some_maps(seen=Seen((3, 3), (2, 2), (0, 0)))  # the strongest, (1, 1), sees rows 2 to 4 of 0 to 3
    image = maps.image(0, "dog", side=4)
    framed = (image == heat.FRAME).all(2)
    assert framed[2:, 2].all()
    assert framed[2, 2:].all()
    assert framed.sum() == 3


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_maps_that_are_no_numbers_are_drawn_all_the_same(bad: float) -> None:
    values = np.full((1, 2, 2, 2), bad)
    maps = some_maps(values=values, scores=values.mean((2, 3)))
    assert maps.image(0, 0).shape == (168, 168, 3)
    assert "nan" in maps.sheet(0).text() or "inf" in maps.sheet(0).text()


def test_a_png_file_for_each_image(tmp_path: Path) -> None:
    maps = class_maps(nn.Sequential(nn.Conv2d(3, 2, 3), nn.GlobalAvgPool2d(), nn.Flatten()), images(2, 3, 9, 9))
    assert [p.name for p in maps.save(tmp_path / "new", ["a", "b"])] == ["a.png", "b.png"]
    with Image.open(tmp_path / "new" / "b.png") as picture:
        assert picture.format == "PNG"


def test_the_html_is_whole_and_escaped_and_holds_the_pictures() -> None:
    page = some_maps()._repr_html_()
    root = ET.fromstring(f"<div>{page}</div>")
    pictures = [i.attrib["src"].removeprefix("data:image/png;base64,") for i in root.iter("img")]
    assert len(pictures) == 1 + 2 * 2
    assert all(i.attrib["alt"] for i in root.iter("img"))
    assert "<cat>: 1.50" in "".join(root.itertext())
    with Image.open(io.BytesIO(base64.b64decode(pictures[1]))) as picture:
        assert np.array_equal(np.asarray(picture), some_maps().image(0, 1))


def test_of_many_images_a_notebook_shows_five() -> None:
    values = np.zeros((7, 2, 2, 2))
    maps = some_maps(values=values, scores=values.mean((2, 3)), pictures=[np.zeros((4, 4), np.uint8)] * 7)
    assert maps._repr_html_().count("<tr>") == 5
    assert "and 2 more images" in maps._repr_html_()


# -------------------------------------------------------------------- of runs


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("run")
    tiny = {"limit": 100, "epochs": 1, "model.name": "nin-mnist-v2", "model.switches": {}}
    for _ in ninx.train.Training(ninx.train.recipe.load("digits", tiny), folder).run():
        pass
    return ninx.load_run(folder)


def test_a_run_takes_pictures_of_any_size_and_knows_the_names(run: Any, tmp_path: Path) -> None:
    digit = ninx.data.load("digits", "test").images[0]
    Image.fromarray(digit).resize((90, 120)).save(tmp_path / "large.png")
    maps = ninx.maps(run, [tmp_path / "large.png", digit])
    assert maps.classes == tuple("0123456789")
    assert [p.shape for p in maps.pictures] == [(28, 28), (28, 28)]
    said = run.predict([tmp_path / "large.png", digit])
    assert np.allclose(F.softmax(ninx.tensor(maps.scores), 1).numpy(), [p.probabilities for p in said], atol=1e-5)
    assert ninx.maps(run, digit).scores.shape == (1, 10)


def test_the_pictures_of_a_data_set_are_taken_as_they_are(run: Any) -> None:
    digits = ninx.data.load("digits", "test").images[:3]
    maps = of_pictures(run, digits)
    assert all(np.array_equal(a, b) for a, b in zip(maps.pictures, digits, strict=True))
    prepared = np.stack([run.preparation.one(d) for d in digits])
    assert np.array_equal(maps.values, ninx.maps(run, ninx.tensor(prepared)).values)


# -------------------------------------------------------------------- hiding


def test_a_hidden_cell_has_the_median_colour_of_each_channel() -> None:
    image = np.array([[[0, 0, 9], [0, 7, 7]], [[1, 2, 3], [4, 5, 6]]], np.float32)
    hidden = hide(image, np.array([[False, True]]), np.array([0, 2]), np.array([0, 2, 3]))
    assert hidden.tolist() == [[[0, 0, 3.5], [0, 7, 3.5]], [[1, 2, 3.5], [4, 5, 3.5]]]


def test_hiding_what_makes_the_score_costs_what_it_made() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.GlobalAvgPool2d(), nn.Flatten())
    net[0].weight.data[:] = ninx.tensor([1.0, -1.0]).reshape(2, 1, 1, 1)  # the maps are the image and its negative
    x = np.zeros((2, 1, 10, 10), np.float32)
    x[0, 0, :, 3], x[1, 0, 2, :5] = 20.0, 40.0  # ten cells of 20; five of 40
    found = deletion(net, x, [0, 0], draws=5)
    assert (found.hidden, found.before.tolist()) == ((10, 100), [2.0, 2.0])
    assert found.strongest.tolist() == [0.0, 0.0]  # all that was bright
    assert found.weakest.tolist() == [2.0, 2.0]
    assert (found.random > 0).all()
    assert found.changed.tolist() == [10, 5]
    assert found.wins.all()
    assert found.visible.all()
    other = deletion(net, x, [1, 1], draws=5)  # the negative's strongest cells are black: nothing is left to hide
    assert other.falls.tolist() == [0.0, 0.0]
    assert not other.visible.any()
    with pytest.raises(ValueError, match="one class for each of 2 images"):
        deletion(net, x, [0])


@pytest.mark.slow
def test_hiding_the_strongest_cells_costs_more_than_hiding_random_ones(tmp_path: Path) -> None:
    for _ in ninx.train.Training(ninx.train.recipe.load("digits"), tmp_path).run():
        pass
    run, digits = ninx.load_run(tmp_path), ninx.data.load("digits", "test").take(slice(200))
    maps = of_pictures(run, digits.images)
    assert abs(maps.values.mean((2, 3), dtype=np.float64) - maps.scores).max() <= 1e-5 * abs(maps.scores).max()
    found = deletion(run, np.stack([run.preparation.one(image) for image in digits.images]), digits.labels)
    print(found)
    assert found.falls.mean() > 1.5 * found.random_falls.mean()
    assert found.wins.mean() > 0.65
    assert found.wins[found.visible].mean() > 0.75
    assert (found.strongest < found.weakest).mean() > 0.9
