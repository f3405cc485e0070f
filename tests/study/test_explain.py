"""The page of `ninx explain`: what it computes is what the engine computes, and what it shows adds up."""

from __future__ import annotations

import base64
import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from explained import PACK, array_of, data_of, distances, in_node, layers_of
from PIL import Image

import ninx
from ninx import data, models, nn
from ninx.study.explaining import Unexplained, explain
from ninx.study.explaining.network import network_of, rounded
from ninx.study.explaining.pictures import plain_steps, steps_of

FORWARD = (
    f"(() => {{ const net = readNetwork(given); return net.pictures.map((p) => ({PACK})(forward(net.layers, p.input))); }})()"
)
SMALL = [name for name in models.names() if max(models.preset(name).input_shape) <= 32]
CLOSE = 1e-5  # of the largest value of a layer


def pixels_of(held: dict[str, Any]) -> np.ndarray[Any, Any]:
    """The pixels of a picture in the page's data, or of an answer of its scripts."""
    return np.frombuffer(base64.b64decode(held["pixels"]), np.uint8).reshape(held["shape"])


def as_pixels(image: np.ndarray[Any, Any]) -> dict[str, Any]:
    """An image (H, W) or (H, W, C) as the page's scripts have pixels."""
    h, w, c = (*image.shape, 1)[:3]
    return {"h": h, "w": w, "c": c, "data": image.ravel().tolist()}


def rounded_copy(model: nn.Module, shape: tuple[int, ...]) -> nn.Module:
    """The model with the weights that the page has."""
    small = copy.deepcopy(model)
    small.load_state_dict(rounded(model, network_of(model, shape)))
    return small


def check_layers(model: nn.Module, shape: tuple[int, ...], page: Path) -> None:
    """Every layer of every picture of the page, computed by the page's scripts, against the engine on the same weights."""
    found = in_node(FORWARD, data_of(page))
    same = rounded_copy(model, shape)
    for picture, texts in zip(data_of(page)["pictures"], found, strict=True):
        assert max(distances(texts, layers_of(same, data.ToTensor()(pixels_of(picture))))) <= CLOSE


@pytest.mark.parametrize("name", [*SMALL, "nin-mnist-v2"])
def test_every_layer_of_a_preset_is_the_engines(name: str, tmp_path: Path) -> None:
    model, shape = models.create(name).eval(), models.preset(name).input_shape
    made = explain(model, tmp_path / "page.html", shape, name)
    check_layers(model, shape, made.path)
    assert made.size == made.path.stat().st_size
    assert made.size < 3_000_000 or sum(p.numel() for p in model.parameters()) > 1_000_000
    assert (made.distance == 0) == (made.dtype == "float32")
    assert made.distance < 2**-10  # float16 keeps 11 bits of a number


UNUSUAL = {
    "strides, dilation and uneven kernels": nn.Sequential(
        nn.Conv2d(3, 5, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2)), nn.Conv2d(5, 6, 1, stride=2), nn.Flatten()
    ),
    "same padding that is uneven": nn.Sequential(nn.Conv2d(3, 5, (4, 3), padding="same", bias=False), nn.Flatten()),
    "windows that hang over": nn.Sequential(
        nn.MaxPool2d(3, 2, padding=1, ceil_mode=True), nn.AvgPool2d(3, 2, padding=1, ceil_mode=True), nn.Flatten()
    ),
    "averages without padding": nn.Sequential(
        nn.AvgPool2d((3, 2), (2, 1), padding=1, count_include_pad=False), nn.AvgPool2d(2, divisor_override=3), nn.Flatten()
    ),
    "dilated maxima": nn.Sequential(nn.MaxPool2d(3, 1, dilation=2), nn.Flatten()),
    "adaptive windows": nn.Sequential(nn.AdaptiveAvgPool2d((5, 4)), nn.AdaptiveMaxPool2d((3, 4)), nn.Flatten()),
    "functions": nn.Sequential(
        nn.LeakyReLU(0.1), nn.ELU(0.7), nn.Sigmoid(), nn.Tanh(), nn.SiLU(), nn.ReLU6(), nn.Hardtanh(-0.2, 0.3), nn.Flatten()
    ),
    "a head": nn.Sequential(
        nn.BatchNorm2d(3), nn.Dropout2d(), nn.Flatten(), nn.Linear(3 * 11 * 9, 7), nn.BatchNorm1d(7), nn.Identity(), nn.Dropout()
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", UNUSUAL)
def test_unusual_settings_of_layers(what: str, tmp_path: Path) -> None:
    model = copy.deepcopy(UNUSUAL[what]).train()
    model(ninx.randn(4, 3, 11, 9) * 3 + 1)  # batch normalisation learns something
    explain(model.eval(), tmp_path / "page.html", (3, 11, 9))
    check_layers(model, (3, 11, 9), tmp_path / "page.html")


def test_float16_is_read_to_the_bit() -> None:
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)]
    held = {"type": "float16", "data": base64.b64encode(finite.tobytes()).decode()}
    assert np.array_equal(np.array(in_node("Array.from(numbersOf(given))", held)), finite.astype(np.float64))


# -------------------------------------------------------------------- what the page says of one value


EVERY_KIND = nn.Sequential(
    nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 1), nn.MaxPool2d(3, 2, padding=1),
    nn.AvgPool2d(2, ceil_mode=True), nn.GlobalAvgPool2d(), nn.Flatten(), nn.Linear(5, 3),
)  # fmt: skip
MAPS_IN_ONE_LINE = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(2 * 9 * 7, 3))


@pytest.mark.parametrize(("network", "kinds"), [(EVERY_KIND, 9), (MAPS_IN_ONE_LINE, 4)])
def test_the_numbers_of_every_kind_of_value_add_up(network: nn.Module, kinds: int, tmp_path: Path) -> None:
    """What the magnifier shows makes the value: the products and their sum, the winner, the mean, the formula."""
    model = copy.deepcopy(network).train()
    model(ninx.randn(4, 3, 11, 9) * 3 + 1)
    explain(model.eval(), tmp_path / "page.html", (3, 11, 9))
    wrong = in_node(
        """(() => {
          const net = readNetwork(given), outputs = forward(net.layers, net.pictures[0].input), wrong = [];
          const add = (list) => list.reduce((a, b) => a + b, 0);
          const values = {
            conv: (c) => add(c.shares.map((s) => add(s.values.map((v, n) => v * s.weights[n])))) + c.bias,
            linear: (c) => add(c.shares.map((s) => s.values[0] * s.weights[0])) + c.bias,
            maxPool: (c) => c.values[c.winner],
            averagePool: (c) => add(c.values) / c.divisor,
            globalAverage: (c) => add(c.values) / c.values.length,
            batchNorm: (c) => ((c.input - c.mean) / Math.sqrt(c.variance + c.epsilon)) * c.weight + c.bias,
            activation: (c) => Math.max(0, c.input),
            flatten: (c) => c.input,
            softmax: (c, k) => Math.exp(c.scores[k] - c.most) / c.sum,
          };
          net.layers.forEach((layer, n) => {
            const x = outputs[n], y = outputs[n + 1];
            for (let p = 0; p < y.h * y.w; p++) for (let k = 0; k < y.c; k++) {
              const cell = cellOf(layer, x, y, Math.floor(p / y.w), p % y.w, k);
              const off = Math.abs(values[layer.kind](cell, k) - cell.value);
              if (!(off <= 1e-6 * (1 + Math.abs(cell.value)))) wrong.push([n, p, k]);
            }
          });
          return [wrong, net.layers.map((layer) => layer.kind)];
        })()""",
        data_of(tmp_path / "page.html"),
    )
    assert wrong[0] == []
    assert len(set(wrong[1])) == kinds


# -------------------------------------------------------------------- from pixels to the input

FRAMED = """given.images.map((pixels) => {
  const view = framed(pixels, given.recipe), input = prepared(view, given.recipe);
  return { shape: [view.h, view.w, view.c], pixels: btoa(String.fromCharCode(...view.data)), input: Array.from(input.data) };
})"""


def run_with(prepare: dict[str, Any], name: str = "nin-mnist-v0", data_set: str = "digits") -> ninx.train.Run:
    """A run that was saved before its first epoch, with its own preparation."""
    changes = {"limit": 20, "epochs": 1, "model.name": name, "model.switches": {}, "data": data_set}
    changes |= {f"prepare.{key}": value for key, value in prepare.items()}
    ninx.train.Training(ninx.train.recipe.load("digits", changes), "run").save()
    return ninx.load_run("run")


GIVEN = {"mean": [0.1307], "std": [0.3081]}
PREPARED: dict[str, dict[str, Any]] = {
    "as they are": {"normalize": False, "mean": None, "std": None},
    "normalised": GIVEN,
    "contrast": {"gcn": 55.0, "normalize": False, "mean": None, "std": None},
    "local contrast": {"lcn": True, "normalize": False, "mean": None, "std": None},
    "larger": {"resize": 40, **GIVEN},
    "smaller and cut": {"resize": 23, "crop": 20, **GIVEN},
}


@pytest.mark.parametrize("what", PREPARED)
def test_pixels_become_the_input_of_the_engine(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = run_with(PREPARED[what])
    images = [data.digits("test").images[i] for i in range(4)]
    recipe = steps_of(run) | {"frame": "own"}  # as test images are: already in their frame
    for image, found in zip(images, in_node(FRAMED, {"images": [*map(as_pixels, images)], "recipe": recipe}), strict=True):
        wanted = run.preparation.one(image).transpose(1, 2, 0).ravel()
        assert np.abs(np.array(found["input"]) - wanted).max() <= 1e-6 * np.abs(wanted).max()


def colourful(side: tuple[int, int]) -> np.ndarray[Any, Any]:
    """A picture with edges and slopes in all colours."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (5, 4, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize(side[::-1], Image.Resampling.NEAREST)) ^ rng.integers(
        0, 32, (*side, 3), np.uint8
    )


@pytest.mark.parametrize("side", [(280, 280), (97, 211), (211, 97), (32, 32), (9, 14)])
@pytest.mark.parametrize("shape", [(32, 32, 3), (28, 28), (20, 31)])
def test_a_picture_is_scaled_as_predict_scales_it(side: tuple[int, int], shape: tuple[int, ...]) -> None:
    image = colourful(side)
    recipe = plain_steps((*shape, 1)[2:3] + shape[:2])
    (found,) = in_node(FRAMED, {"images": [as_pixels(image)], "recipe": recipe})
    assert np.array_equal(pixels_of(found).squeeze(), data.read_image(image, shape))


def drawing(seed: int) -> np.ndarray[Any, Any]:
    """A bent stroke, soft at its edges, on black; one half in grey."""
    from PIL import ImageDraw

    rng, big = np.random.default_rng(seed), Image.new("L", (560, 560))
    points = [tuple(map(int, rng.integers(80, 480, 2))) for _ in range(5)]
    ImageDraw.Draw(big).line(points, fill=int(rng.integers(140, 256)), width=int(rng.integers(16, 90)), joint="curve")
    return np.asarray(big.resize((280, 280), Image.Resampling.BILINEAR))


def test_a_drawn_digit_is_cropped_and_centred_as_predict_does_it() -> None:
    drawings = [drawing(seed) for seed in range(24)]
    recipe = plain_steps((1, 28, 28)) | {"frame": "digit"}
    found = in_node(FRAMED, {"images": [*map(as_pixels, drawings)], "recipe": recipe})
    wanted = [data.read_digits(image) for image in drawings]
    single = [(f, w[0]) for f, w in zip(found, wanted, strict=True) if len(w) == 1]
    assert len(single) >= 20  # predict reads what lies apart as several digits
    assert all(np.array_equal(pixels_of(f).squeeze(), w) for f, w in single)


def test_nothing_drawn_is_nothing_seen() -> None:
    empty = as_pixels(np.zeros((280, 280), np.uint8))
    assert in_node("framed(given, {frame: 'digit', image: [28, 28, 1]})", empty) is None


# -------------------------------------------------------------------- of a run


def test_a_page_of_a_run_holds_its_worst_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = run_with(GIVEN)
    made = explain(run, "page.html")
    held = data_of(made.path)
    assert (made.tested, made.right) == (1000, round(1000 * run.evaluate().accuracy))
    mistakes = [p for p in held["pictures"] if p["mistake"]]
    assert len(mistakes) == made.mistakes == 12
    test = data.digits("test")
    inputs = np.stack([run.preparation.one(image) for image in test.images])
    chances = ninx.softmax(run.model(ninx.tensor(inputs)), 1).detach().numpy()
    true = chances[np.arange(1000), test.labels]
    wrong = chances.argmax(1) != test.labels
    worst = np.argsort(np.where(wrong, true, 2), kind="stable")[:12]
    assert [p["label"] for p in mistakes] == test.labels[worst].tolist()
    assert all(np.array_equal(pixels_of(p).squeeze(), test.images[i]) for p, i in zip(mistakes, worst, strict=True))
    found = in_node(FORWARD, held)
    for picture, texts in zip(held["pictures"], found, strict=True):
        layers = layers_of(run.model, run.preparation.one(pixels_of(picture).squeeze()))
        assert max(distances(texts, layers)) <= CLOSE
        assert (array_of(texts[-1]).argmax() != picture["label"]) == picture["mistake"]


def test_whitened_pictures_are_prepared_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = run_with({"zca": 0.1, "gcn": 55.0, "normalize": False, "mean": None, "std": None})
    held = data_of(explain(run, "page.html").path)
    assert held["prepare"]["whitened"]
    for picture, texts in zip(held["pictures"], in_node(FORWARD, held), strict=True):
        assert max(distances(texts, layers_of(run.model, run.preparation.one(pixels_of(picture).squeeze())))) <= CLOSE


def test_without_its_test_images_a_run_has_a_page_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = run_with(GIVEN)
    run.recipe.data = "mnist"
    made = explain(run, "page.html", data_dir=tmp_path)
    assert "mnist" in made.without
    assert (made.tested, data_of(made.path)["pictures"]) == (0, [])


# -------------------------------------------------------------------- what it refuses


class Own(nn.Module):
    def __init__(self) -> None:
        self.layer = nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        return self.layer(x)


HEAD = (nn.GlobalAvgPool2d(), nn.Flatten())
REFUSED = {
    "in 3 groups": nn.Sequential(nn.Conv2d(3, 6, 3, groups=3), *HEAD),
    "layer 0 is LocalResponseNorm, which the page cannot compute": nn.Sequential(nn.LocalResponseNorm(2), *HEAD),
    "is a Own with a forward of its own": nn.Sequential(nn.Flatten(), Own()),
    "one number per class": nn.Sequential(nn.Conv2d(3, 4, 3)),
    "return_indices": nn.Sequential(nn.MaxPool2d(2, return_indices=True), *HEAD),
    "without running statistics": nn.Sequential(nn.BatchNorm2d(3, track_running_stats=False), *HEAD),
    "flattens not all": nn.Sequential(nn.Flatten(2)),
    "4,560,000 parameters": nn.Sequential(nn.Flatten(), nn.Linear(75, 60_000)),
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_the_page_cannot_do_is_said_in_one_sentence(said: str, tmp_path: Path) -> None:
    with pytest.raises(Unexplained, match=said):
        explain(REFUSED[said], tmp_path / "page.html", (3, 5, 5))
    assert not (tmp_path / "page.html").exists()


def test_pictures_of_other_channels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Unexplained, match="2 channels"):
        explain(nn.Sequential(nn.Conv2d(2, 4, 3), *HEAD), tmp_path / "page.html", (2, 5, 5))


def test_a_network_by_itself_needs_a_shape(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs the shape of its pictures"):
        explain(nn.Sequential(*HEAD), tmp_path / "page.html")
