"""Recipes: what each says of its network, its images and its schedule, and that whole runs follow it."""

import json
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np
import official
import pytest
import torch
from PIL import Image
from rich.console import Console

import ninx
from ninx import data, optim, train
from ninx.cli import confusion, lists
from ninx.tables import Sheet
from ninx.train import estimate
from ninx.train import recipe as recipes
from ninx.train.estimate import images_of, seconds_per_image
from ninx.train.parameters import groups, initialise
from ninx.train.preparation import Preparation
from ninx.train.schedule import Schedule

SMALL = {"model": {"name": "nin-mnist-v0"}, "layers": {}, "epochs": 2, "batch_size": 8}


def test_every_recipe_trains_what_its_source_did() -> None:
    """Name, network, data set, and what was published. A new recipe needs a row."""
    expected = {
        "cifar10-paper": ("nin-cifar10", "cifar10", "10.41 %"),
        "cifar10-caffe": ("nin-cifar10", "cifar10", "10.4 %"),
        "cifar10-bn": ("nin-cifar10-bn", "cifar10", "8.1 %"),
        "cifar100-paper": ("nin-cifar100", "cifar100", "35.68 %"),
        "svhn-paper": ("nin-svhn", "svhn", "2.35 %"),
        "mnist-paper": ("nin-mnist", "mnist", "0.47 %"),
        "imagenet-caffe": ("nin-imagenet", "./imagenet", "40.64 %"),
        "fashion-d2l": ("nin-d2l", "fashion-mnist", "no figure"),
        "mnist-staged": ("nin-mnist-v0", "mnist", "95.19"),
        "digits": ("nin-mnist", "digits", ""),
        "digits-staged": ("nin-mnist-v0", "digits", ""),
        "fashion-mnist": ("nin-mnist", "fashion-mnist", ""),
    }
    assert set(expected) == set(recipes.names())
    for name, (network, dataset, published) in expected.items():
        r = recipes.load(name)
        assert (r.model.name, r.data) == (network, dataset)
        assert r.published.startswith(published)
        assert bool(r.published) == bool(r.source)


# Of the authors' definition files: deviations of the first weights that are not .05; the last layer's rates (weight, bias).
@pytest.mark.parametrize(
    ("name", "others", "last", "rates", "decay"),
    [
        ("cifar10-paper", {}, "6.4", (0.01, 0.02), 1e-4),
        ("cifar10-caffe", {}, "6.4", (0.01, 0.01), 1e-4),
        ("cifar100-paper", {"0.0": 0.001, "0.2": 0.01, "0.4": 0.01}, "6.4", (0.02, 0.04), 5e-4),
        ("svhn-paper", {}, "6.4", (0.01, 0.02), 1e-4),
        ("imagenet-caffe", {"0.0": 0.01, "4.0": 0.01, "7.4": 0.01}, "7.4", (0.01, 0.02), 5e-4),
    ],
)
def test_layers_begin_and_learn_as_published(name: str, others: dict, last: str, rates: tuple, decay: float) -> None:
    r = recipes.load(name)
    model = ninx.models.create(r.model.name, **r.model.switches)
    initialise(model, r)
    made = optim.SGD(groups(model, r), **r.optim.settings())
    settings = {id(p): (group["lr"], group["weight_decay"]) for group in made.param_groups for p in group["params"]}
    for key, p in model.named_parameters():
        layer, _, kind = key.rpartition(".")
        values, lr = p.detach().numpy(), rates[kind == "bias"] if layer == last else r.optim.lr * (1 + (kind == "bias"))
        assert settings[id(p)] == pytest.approx((lr, decay if kind == "weight" else 0)), key
        if kind == "bias":
            assert not values.any(), key
        else:
            assert values.std() == pytest.approx(others.get(layer, 0.05), rel=0.06), key
            assert abs(values.mean()) < 5 * values.std() / values.size**0.5, key
    assert made.param_groups[0]["momentum"] == 0.9


def test_constant_and_default_layers() -> None:
    layers = {"0.2": {"value": 0.25}, "2.0": {"init": "default"}, "2.2": {"init": "xavier_uniform"}}
    r = recipes.load("digits", SMALL | {"model.init": "normal", "model.std": 2.0, "layers": layers})
    model = ninx.models.create("nin-mnist-v0")
    before = model[2][0].weight.detach().numpy().copy()
    initialise(model, r)
    weights = {key: p.detach().numpy() for key, p in model.named_parameters()}
    assert (weights["0.2.weight"] == 0.25).all()
    assert np.array_equal(weights["2.0.weight"], before)
    assert np.abs(weights["2.2.weight"]).max() <= np.sqrt(6 / 40)
    assert np.abs(weights["4.0.weight"]).max() > 2


@pytest.mark.parametrize(
    ("overrides", "match"),
    [
        ({"prepare.gcm": 55}, "no key 'prepare.gcm'; did you mean 'prepare.gcn'"),
        ({'layers."6.4".ler': 1}, r"no key 'layers\.6\.4\.ler'; did you mean 'layers\.6\.4\.lr'"),
        ({"shedule.name": "cosine"}, "no key 'shedule'; did you mean 'schedule'"),
        ({"schedule.name": "platoo"}, "schedule.name = 'platoo'"),
        ({"schedule.milestones": [3]}, 'schedule: milestones belong to name = "multistep", which needs them'),
        ({"schedule": {"name": "multistep"}}, 'schedule: milestones belong to name = "multistep", which needs them'),
        ({"schedule": {"name": "plateau", "by": "iteration"}}, "schedule: a plateau is seen at the end of an epoch"),
        ({"model.init": "normal", "model.std": None}, 'model: std belongs to init = "normal"'),
        ({'layers."0.0".init': "constant"}, 'value to init = "constant"'),
        ({"prepare.std": None}, "prepare: mean and std go together"),
        ({"prepare.normalize": "often"}, "prepare.normalize = 'often'"),
        ({"epochs": 2.5}, "epochs = 2.5"),
        ({"epochs": True}, "epochs = True"),
        ({"epochs": "3"}, "epochs = '3'"),
        ({"augment.flip": 3}, "augment.flip = 3"),
        ({"optim": 3}, "optim = 3"),
        ({"layers": {"0.0": 3}}, "layers.0.0 = 3"),
        ({"a b": 3}, "'a b' is no key"),
        ({"#lr": 3}, "'#lr' is no key"),
        ({"layers": 3, "prepare.gcm": 55}, "no key 'prepare.gcm'; did you mean 'prepare.gcn'"),
        (
            {"growth": {"stages": [{"model": "", "value": 1.0}], "seed": 3}},
            r"no key 'growth\.seed'; did you mean 'growth\.seeds'",
        ),
        ({"growth.stages": [{"model": "", "value": 1.0, "momentun": 0}]}, r"'growth\.stages\.0\.momentum'"),
        ({"optim.lr": float("inf")}, "optim.lr = inf"),
    ],
)
def test_what_a_recipe_cannot_say(overrides: dict, match: str) -> None:
    with pytest.raises(ValueError, match=match) as raised:
        recipes.load("digits", overrides)
    assert "\n" not in str(raised.value)


def test_means_are_as_many_as_the_channels(tmp_path: Path) -> None:
    """Three of them would make three channels of one."""
    three = recipes.load("digits", SMALL | {"prepare.mean": [0.1, 0.2, 0.3], "prepare.std": [1.0, 1.0, 1.0]})
    with pytest.raises(ValueError, match="Normalize: there are 3 means, but the image has 1 channels"):
        next(train.Training(three, tmp_path).run())


def test_layers_that_the_network_does_not_have(tmp_path: Path) -> None:
    wrong = recipes.load("digits", SMALL | {"layers": {"4.3": {"lr": 2}}})
    with pytest.raises(ValueError, match=r"recipe digits: layers: there is no layer of nin-mnist-v0 '4\.3'; did you mean '4\.2'"):
        train.Training(wrong, tmp_path)


def _rates(schedule: dict, accuracies: list[float], batches: int = 3) -> list[list[float]]:
    """The learning rate of each batch of each epoch."""
    r = recipes.load("digits", {"schedule": schedule, "epochs": len(accuracies), "optim": {"lr": 0.8}})
    optimizer = optim.SGD([ninx.zeros(1, requires_grad=True)], lr=0.8)
    made, rates = Schedule(r, optimizer, batches), []
    for accuracy in accuracies:
        rates.append([])
        for _ in range(batches):
            rates[-1].append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            made.after_batch()
        made.after_epoch(accuracy)
    return rates


def test_schedules_count_epochs_or_batches() -> None:
    quiet = [0.5] * 4
    assert _rates({"name": "step", "step_size": 2, "gamma": 0.5}, quiet) == [[0.8] * 3] * 2 + [[0.4] * 3] * 2
    by_batch = _rates({"name": "step", "by": "iteration", "step_size": 5, "gamma": 0.5}, quiet)
    assert [*chain(*by_batch)] == [0.8] * 5 + [0.4] * 5 + [0.2] * 2
    steps = _rates({"name": "multistep", "by": "iteration", "milestones": [1, 4], "gamma": 0.5}, quiet)
    assert [*chain(*steps)] == [0.8] + [0.4] * 3 + [0.2] * 8
    p = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(p, 0.8, 12, pct_start=0.4, cycle_momentum=False)
    for rate in chain(*_rates({"name": "onecycle", "by": "iteration", "warmup": 0.4}, quiet)):
        assert rate == pytest.approx(p.param_groups[0]["lr"])
        p.step()
        theirs.step()
    cosine = [*chain(*_rates({"name": "cosine", "by": "iteration"}, quiet))]
    assert cosine == pytest.approx([0.4 * (1 + np.cos(np.pi * t / 12)) for t in range(12)])


def test_a_plateau_of_the_training_accuracy_lowers_the_rate_twice() -> None:
    rising = [0.1, 0.2, 0.3]
    rates = _rates({"name": "plateau", "gamma": 0.1, "drops": 2, "patience": 1}, [*rising, *[0.3] * 9])
    assert [r[0] for r in rates] == pytest.approx([0.8] * 5 + [0.08] * 2 + [0.008] * 5)


def _resumed(tmp_path: Path, changes: dict) -> None:
    """Two epochs at once end where one epoch, and the other after a resume, end."""
    r = recipes.load("digits", SMALL | {"limit": 24, "model.init": "kaiming_normal"} | changes)
    whole = train.Training(r, tmp_path / "whole")
    list(whole.run())
    half = train.Training(r, tmp_path / "half")
    next(half.run())
    again = train.Training(r, tmp_path / "half", train.read_checkpoint(half.checkpoint))
    list(again.run())
    for (key, a), b in zip(whole.model.state_dict().items(), again.model.state_dict().values(), strict=True):
        assert np.array_equal(a.numpy(), b.numpy()), key
    assert [m["lr"] for m in whole.history] == [m["lr"] for m in again.history]
    assert whole.history[0]["lr"] != whole.history[1]["lr"], "nothing changed, so nothing was resumed"


@pytest.mark.parametrize(
    "schedule",
    [
        {"name": "onecycle", "by": "iteration"},
        {"name": "cosine", "by": "iteration"},
        {"name": "plateau", "patience": 0},
    ],
)
def test_a_resumed_schedule_goes_on(tmp_path: Path, schedule: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    if schedule["name"] == "plateau":  # so that the first epoch already counts as one without progress
        begin = optim.lr_scheduler.ReduceLROnPlateau.__init__

        def no_hope(self: optim.lr_scheduler.ReduceLROnPlateau, *args: object, **kwargs: object) -> None:
            begin(self, *args, **kwargs)
            self.best = 2.0

        monkeypatch.setattr(optim.lr_scheduler.ReduceLROnPlateau, "__init__", no_hope)
    layers = {"0.0": {"lr": 0.5}}
    _resumed(tmp_path, {"schedule": schedule, "layers": layers, "optim.name": "SGD", "optim.lr": 0.01, "optim.bias_lr": 2})


def _folder(root: Path, split: str, count: int, size: tuple[int, int] = (20, 30), seed: int = 0) -> None:
    """A folder of three classes of colour images, ``count`` each, and one class of twice as many."""
    rng = np.random.default_rng(seed)
    for label, name in enumerate(("ant", "bee", "cat")):
        (root / split / name).mkdir(parents=True)
        for i in range(count * (2 if name == "cat" else 1)):
            pixels = rng.integers(60 * label, 60 * label + 100, (*size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / split / name / f"{i:03d}.png")


def test_a_limit_takes_its_share_of_each_class(tmp_path: Path) -> None:
    _folder(tmp_path / "zoo", "train", 12)
    _folder(tmp_path / "zoo", "test", 1)
    changes = SMALL | {"data": str(tmp_path / "zoo"), "model.switches": {"in_channels": 3}, "prepare": {"resize": 20, "crop": 16}}
    run = train.Training(recipes.load("digits", changes | {"limit": 8}), tmp_path / "run")
    assert np.bincount(run.train_set.labels).tolist() == [2, 2, 4]
    names = [path.name for path, _ in run.train_set.samples]
    other = train.Training(recipes.load("digits", changes | {"limit": 8, "seed": 1}), tmp_path / "other")
    assert [path.name for path, _ in other.train_set.samples] != names
    again = train.Training(recipes.load("digits", changes | {"limit": 8}), tmp_path / "again")
    assert [path.name for path, _ in again.train_set.samples] == names
    many = train.Training(recipes.load("digits", changes | {"limit": 1000}), tmp_path / "many")
    assert len(many.train_set) == 48


@pytest.mark.parametrize(("count", "classes"), [(1, 7), (10, 7), (50, 7), (99, 3), (100, 1)])
def test_stratified_numbers_are_distinct_ordered_and_fair(count: int, classes: int) -> None:
    labels = np.sort(np.random.default_rng(0).integers(0, classes, 100))
    chosen = data.stratified(labels, count, 3)
    assert len(set(chosen.tolist())) == count
    assert (np.diff(chosen) > 0).all()
    share = np.bincount(labels, minlength=classes) * count / 100
    assert np.abs(np.bincount(labels[chosen], minlength=classes) - share).max() <= 1 + 1e-9


def test_mean_and_deviation_are_those_of_the_training_images(tmp_path: Path) -> None:
    """Of those alone: neither of the held-out images nor of the test images."""
    _folder(tmp_path / "zoo", "train", 5)
    _folder(tmp_path / "zoo", "test", 2, seed=1)
    changes = SMALL | {"data": str(tmp_path / "zoo"), "model.switches": {"in_channels": 3}, "holdout": 4}
    run = train.Training(recipes.load("digits", changes | {"prepare": {"normalize": True, "resize": 10}}), tmp_path / "run")
    pixels = np.stack([data.Resize(10)(run.train_set[i][0]) for i in range(len(run.train_set))]) / 255
    mean, std = pixels.mean(axis=(0, 1, 2)), pixels.std(axis=(0, 1, 2))
    assert len(pixels) == 16
    np.testing.assert_allclose(run.preparation.mean, mean, rtol=1e-5)
    np.testing.assert_allclose(run.preparation.std, std, rtol=1e-5)
    image = run.test_set[0][0]
    expected = ((data.Resize(10)(image) / 255 - mean) / std).transpose(2, 0, 1)
    run.save()
    np.testing.assert_allclose(train.read_checkpoint(run.checkpoint).preparation().one(image), expected, atol=1e-5)
    with pytest.raises(ValueError, match="fit it to the training images first"):
        Preparation(run.recipe).one(image)


def test_one_grey_has_no_deviation_to_divide_by() -> None:
    same = data.ArrayDataset(np.full((6, 8, 8), 51, np.uint8), np.zeros(6, int), ["grey"])
    preparation = Preparation(recipes.load("digits", {"prepare": {"normalize": True}}))
    preparation.fit(same)
    assert np.abs(preparation.one(same.images[0])).max() < 1e-6


def test_mean_and_deviation_are_measured_on_at_most_10_000_images() -> None:
    """From the first to the last, the same distance apart."""
    asked: list[int] = []

    class Many:
        def __len__(self) -> int:
            return 19_999

        def __getitem__(self, i: int) -> tuple[np.ndarray, int]:
            asked.append(i)
            return np.full((1, 1), i % 256, np.uint8), 0

    Preparation(recipes.load("digits", {"prepare": {"normalize": True}})).fit(Many())  # type: ignore[arg-type]
    assert asked == list(range(0, 19_999, 2))


def test_crops_are_random_in_training_and_central_in_a_test() -> None:
    preparation = Preparation(recipes.load("imagenet-caffe", {"prepare.resize": 12, "prepare.crop": 8, "augment.flip": False}))
    image = np.random.default_rng(0).integers(0, 256, (12, 18, 3), dtype=np.uint8)
    middle = (image[2:10, 5:13].transpose(2, 0, 1) / 255 - np.array(preparation.mean)[:, None, None]) * 255
    np.testing.assert_allclose(preparation.one(image), middle, atol=1e-3)
    seen = {preparation.transform(True)(image, np.random.default_rng(seed)).tobytes() for seed in range(200)}
    assert len(seen) > 30  # of 5 * 11 windows


def _cifar(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Small files of CIFAR-10's format; returns the test images and labels."""
    parts = [official.drawn((10, 32, 32, 3), 10, seed) for seed in range(6)]
    parts = [((images // 2 + labels[:, None, None, None] * 12).astype(np.uint8), labels) for images, labels in parts]
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    where = folder / "cifar10" / "cifar-10-batches-bin"
    where.mkdir(parents=True)
    for name, (images, labels) in zip(names, parts, strict=True):
        (where / f"{name}.bin").write_bytes(official.cifar_binary(images, labels))
    return parts[-1]


def test_whitening_is_learnt_from_the_training_set_and_saved_with_the_run(tmp_path: Path) -> None:
    """cifar10-paper with a small network: what a loaded checkpoint does to an image is the formula, in float64."""
    images, labels = _cifar(tmp_path)
    small = SMALL | {"model": {"name": "nin-mnist-v0", "switches": {"in_channels": 3}}, "epochs": 1, "batch_size": 25}
    small["prepare.resize"] = 12  # 432 values instead of 3,072: the decompositions take no time
    run = train.Training(recipes.load("cifar10-paper", small), tmp_path / "run", data_dir=tmp_path)
    list(run.run())
    saved = train.read_checkpoint(run.checkpoint)
    x, y = (
        (lambda c: 55 * c / np.linalg.norm(c, axis=1, keepdims=True))(rows - rows.mean(axis=1, keepdims=True))
        for rows in (
            np.stack([data.Resize(12)(image).transpose(2, 0, 1).ravel() / 255 for image in part])
            for part in (run.train_set.images, images)
        )
    )
    _, s, v = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    centred = y - x.mean(axis=0)
    inside = centred @ v.T
    expected = inside @ np.diag((s**2 / 50 + 0.1) ** -0.5) @ v + (centred - inside @ v) * 0.1**-0.5
    found = np.stack([saved.preparation().one(image) for image in images]).reshape(10, -1)
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())
    loaded, test = saved.model(), data.load("cifar10", "test", tmp_path)
    result = train.evaluate(loaded, test, saved.preparation())
    logits = torch.tensor(loaded(ninx.tensor(found.reshape(10, 3, 12, 12))).detach().numpy())
    assert result.loss == pytest.approx(torch.nn.functional.cross_entropy(logits, torch.tensor(labels).long()).item(), rel=1e-4)
    batch, _ = next(iter(run.loader))
    order = np.random.default_rng((0, 1)).permutation(50)[:25]  # the loader's second epoch
    np.testing.assert_allclose(
        batch.numpy(), [saved.preparation().one(run.train_set.images[i]) for i in order], atol=1e-3 * np.abs(expected).max()
    )
    del saved.prepare["zca.matrix"]
    with pytest.raises(ValueError, match=r"not whole: 'zca\.matrix' is missing"):
        saved.preparation()


def test_svhn_is_normalised_by_its_neighbours(tmp_path: Path) -> None:
    images, labels = official.drawn((12, 32, 32, 3), 10)
    for split in ("train", "test"):
        official.write_svhn(tmp_path / "svhn" / f"{split}_32x32.mat", images, labels)
    small = SMALL | {"model": {"name": "nin-mnist-v0", "switches": {"in_channels": 3}}}
    run = train.Training(recipes.load("svhn-paper", small), tmp_path / "run", data_dir=tmp_path)
    batch, _ = next(iter(run.loader))
    first = np.random.default_rng((0, 0)).permutation(12)[0]
    expected = data.LocalContrastNorm()(images[first].transpose(2, 0, 1) / np.float32(255))
    assert np.array_equal(batch.numpy()[0], expected)


@pytest.mark.parametrize("workers", [1, 4])
def test_workers_change_no_batch_of_a_recipe(tmp_path: Path, workers: int) -> None:
    augment = {"augment": {"rotate": 20, "scale": 0.2, "translate": 3, "flip": True}, "limit": 60}
    loaders = [train.Training(recipes.load("digits", SMALL | augment | {"workers": n}), tmp_path).loader for n in (0, workers)]
    for (x, y), (u, v) in zip(*loaders, strict=True):
        assert np.array_equal(x.numpy(), u.numpy())
        assert np.array_equal(y.numpy(), v.numpy())


@pytest.mark.parametrize(
    ("make", "size", "seconds"),
    [
        (lambda: recipes.load("imagenet-caffe"), 1_281_167, None),
        (lambda: recipes.load("fashion-mnist", {"limit": 300}), 300, None),
        (lambda: recipes.load("digits", {"data": "./of-mine"}), None, None),
        (lambda: recipes.load("digits", SMALL), 4000, (0, 1)),
    ],
)
def test_estimates(make: Callable[[], recipes.Recipe], size: int | None, seconds: tuple | None) -> None:
    assert images_of(make()) == size
    if seconds is not None:
        assert seconds[0] < seconds_per_image(make()) < seconds[1]


def test_the_images_of_the_known_data_sets() -> None:
    """As their authors count them; for svhn without the further half million."""
    counts = {
        "digits": 4000, "mnist": 60_000, "fashion-mnist": 60_000, "cifar10": 50_000, "cifar100": 50_000, "svhn": 73_257,
        "imagenet": 1_281_167,
    }  # fmt: skip
    assert {name: images_of(recipes.load("digits", {"data": name})) for name in counts} == counts
    assert images_of(recipes.load("digits", {"data": "mnist", "limit": 60_001})) == 60_000


@pytest.mark.parametrize(
    ("changes", "batch", "side"),
    [
        ({"data": "cifar10", "batch_size": 64}, 16, 32),
        ({"data": "cifar10", "batch_size": 8}, 8, 32),
        ({"data": "imagenet", "batch_size": 64}, 16, 256),
        ({"data": "./of-mine"}, 8, 224),  # as the network wants them
        ({"data": "cifar10", "prepare": {"resize": 20}}, 8, 20),
        ({"data": "cifar10", "prepare": {"resize": 20, "crop": 12}}, 8, 12),
    ],
)
def test_the_second_step_is_measured(monkeypatch: pytest.MonkeyPatch, changes: dict, batch: int, side: int) -> None:
    """By a clock that shows these seconds: the first step takes 100 of them, the second 32."""
    seen = []

    class Watched(ninx.nn.Module):
        def __init__(self, **switches: bool):
            super().__init__()
            self.weight = ninx.nn.Parameter(ninx.zeros(1, 10))

        def forward(self, x: ninx.Tensor) -> ninx.Tensor:
            seen.append((x.shape, self.weight.grad))
            return x.mean((1, 2, 3)).reshape(-1, 1) @ self.weight

    clock = iter([0.0, 100.0, 132.0])
    monkeypatch.setattr(estimate.models, "create", lambda name, **switches: Watched(**switches))
    monkeypatch.setattr(estimate.time, "perf_counter", lambda: next(clock))
    assert seconds_per_image(recipes.load("digits", SMALL | changes)) == 32 / batch
    assert [shape for shape, _ in seen] == [(batch, 1, side, side)] * 2
    assert seen[0][1] is None
    assert seen[1][1] is not None  # the first step was a whole one


def test_the_list_shows_what_was_published_and_how_long_it_would_take(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """At a millisecond an image; mnist-staged trains ten networks for each of five seeds."""
    monkeypatch.setattr(lists, "console", Console())
    monkeypatch.setattr(lists, "seconds_per_image", lambda recipe: 0.001)
    lists.show_recipes()
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert set(recipes.names()) <= set(lines)
    paper, staged = lines["cifar10-paper"], lines["mnist-staged"]
    assert paper == "nin-cifar10 cifar10 260 3.6 h 10.41 % test error Lin, Chen and Yan, 2014"
    assert staged.startswith("nin-mnist-v0 mnist 20 17 h 95.19, 95.28 and 95.76 %")
    assert lines["fashion-d2l"].startswith("nin-d2l fashion-mnist 10 10 min")
    assert lines["imagenet-caffe"].startswith("nin-imagenet ./imagenet 23 8.2 h")


def _printed(sheet: Sheet, capsys: pytest.CaptureFixture) -> list[str]:
    sheet.show(Console(width=100))
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_what_was_taken_for_what_fits_on_a_terminal(capsys: pytest.CaptureFixture) -> None:
    counts = np.diag([7] * 10)
    counts[9, 2] = 14
    names = tuple(f"a long name [{i}]" for i in range(10))
    lines = _printed(confusion._confusion(counts, names), capsys)
    assert "0 1 2 3 4 5 6 7 8 9 right" in lines
    assert "9 a long name [9] · · 14 · · · · · · 7 33.3 %" in lines
    assert "0 7 · · · · · · · · · 100.0 %" in _printed(confusion._confusion(counts, tuple("0123456789")), capsys)
    more = np.concatenate([counts, np.eye(10, 1, dtype=int)], axis=1)
    assert "0 7 · · · · · · · · · 1 87.5 %" in _printed(confusion._confusion(more, tuple("0123456789")), capsys)
    many = np.diag([3] * 25)
    many[4, 20] = 1
    lines = _printed(confusion._confusion(many, tuple(f"c{i}" for i in range(25))), capsys)
    assert "c4 75.0 % c20 (1)" in lines
    assert "c5 100.0 %" in lines


def test_read_image_covers_the_shape_with_the_middle(tmp_path: Path) -> None:
    pixels = np.zeros((40, 100, 3), np.uint8)
    pixels[:, 28:72] = (200, 100, 50)
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    assert np.array_equal(data.read_image(tmp_path / "wide.png", (20, 20, 3)), np.full((20, 20, 3), (200, 100, 50)))
    grey = data.read_image(tmp_path / "wide.png", (10, 10))
    assert grey.shape == (10, 10)
    assert len(np.unique(grey)) == 1
    assert np.array_equal(data.read_image(tmp_path / "wide.png", (10, 10), invert=True), 255 - grey)
    assert np.array_equal(data.read_image(tmp_path / "wide.png"), pixels)


def test_metrics_hold_what_json_can_say(tmp_path: Path) -> None:
    """A plateau begins with a best value of minus infinity, which strict JSON does not know: a checkpoint holds it anyway."""
    r = recipes.load("digits", SMALL | {"limit": 8, "schedule": {"name": "plateau"}})
    run = train.Training(r, tmp_path)
    run.save()
    saved = train.read_checkpoint(run.checkpoint)
    assert saved.schedule["best"] == -np.inf
    assert saved.classes == tuple("0123456789")
    assert saved.image_shape == (28, 28)
    list(run.run())
    assert all(json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines())
