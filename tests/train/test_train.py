"""Recipes, checkpoints and the training loop."""

import json
import math
import os
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import ninx
from ninx import nn, train
from ninx.train import recipe as recipes
from ninx.train.parameters import initialise
from ninx.train.preparation import Preparation

TINY = {
    "model": {"name": "nin-mnist-v0", "init": "kaiming_normal"},
    "optim": {"name": "SGD", "lr": 0.05, "momentum": 0.9, "nesterov": True},
    "limit": 96,
    "epochs": 2,
    "batch_size": 32,
}


def _tiny(folder: Path, **changes: object) -> train.Training:
    return train.Training(recipes.load("digits", TINY | changes), folder)


def _state(run: train.Training) -> dict[str, np.ndarray]:
    return {k: v.numpy().copy() for k, v in run.model.state_dict().items()}


def test_a_run_learns_and_leaves_its_files(tmp_path: Path) -> None:
    run = _tiny(tmp_path / "run", **{"epochs": 3, "limit": 320})
    lines = list(run.run())
    assert lines[-1]["loss"] < lines[0]["loss"]
    written = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert written == lines
    assert [line["epoch"] for line in written] == [1, 2, 3]
    result = train.evaluate(run.model, run.test_set, run.preparation)
    assert result.confusion.sum() == 1000
    assert result.confusion.sum(axis=1).tolist() == [100] * 10
    loaded = ninx.load_checkpoint(tmp_path / "run" / "checkpoint.safetensors")
    assert not loaded.training
    again = train.evaluate(loaded, run.test_set, train.read_checkpoint(run.checkpoint).preparation())
    assert np.array_equal(again.confusion, result.confusion)


def test_evaluation_counts_rightly() -> None:
    """Against a count by hand on ten digits, with the loss from PyTorch."""
    preparation = Preparation(recipes.load("digits", TINY))
    model = ninx.models.create("nin-mnist-v0").eval()
    few = ninx.data.load("digits", "test").take(slice(10))
    result = train.evaluate(model, few, preparation)
    images = np.stack([preparation.one(image) for image in few.images])
    logits = model(ninx.tensor(images)).detach().numpy()
    expected = np.zeros((10, 10), int)
    for t, row in zip(few.labels, logits, strict=True):
        expected[t, row.argmax()] += 1
    assert np.array_equal(result.confusion, expected)
    assert result.accuracy == pytest.approx((logits.argmax(1) == few.labels).mean())
    reference = torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(few.labels)).item()
    assert result.loss == pytest.approx(reference, rel=1e-5)


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    states = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run = _tiny(tmp_path / name, seed=seed, **{"workers": 2 if name == "b" else 0})
        list(run.run())
        states.append(_state(run))
    assert all(np.array_equal(v, states[1][k]) for k, v in states[0].items())
    assert not all(np.array_equal(v, states[2][k]) for k, v in states[0].items())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optim.name": "Adam", "optim.momentum": None, "optim.nesterov": None, "optim.lr": 0.01},
        {"model.name": "nin-mnist", "limit": 32, "batch_size": 16},  # with dropout
    ],
)
def test_a_resumed_run_ends_bit_for_bit_where_the_whole_run_ends(tmp_path: Path, changes: dict) -> None:
    whole = _tiny(tmp_path / "whole", **changes)
    list(whole.run())
    half = _tiny(tmp_path / "half", **changes)
    next(half.run())
    ninx.manual_seed(99)
    ninx.randn(5)
    resumed = train.Training(half.recipe, tmp_path / "half", train.read_checkpoint(half.checkpoint))
    assert [m["epoch"] for m in resumed.run()] == [2]
    for k, v in _state(whole).items():
        assert np.array_equal(v, _state(resumed)[k]), k
    assert len((tmp_path / "half" / "metrics.jsonl").read_text().splitlines()) == 2


def test_an_interrupted_epoch_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    run = _tiny(tmp_path / "run")

    def interrupt(seen: int, loss: float) -> None:
        if len(run.history) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run.run(interrupt))
    saved = train.read_checkpoint(run.checkpoint)
    assert saved.epoch == 1
    assert [file.name for file in (tmp_path / "run").glob(".*")] == [".lock"], "a temporary file was left behind"


@pytest.mark.parametrize("kind", ["translate", "rotate", "scale", "flip"])
def test_chance_has_its_place_in_training_alone(kind: str) -> None:
    """Each kind by itself changes a training image, at random; an image that is judged stays as it is."""
    image = ninx.data.load("digits", "test").images[0]
    strong = {"translate": 3, "rotate": 30, "scale": 0.4, "flip": True}[kind]
    chosen = Preparation(recipes.load("digits", {"augment": {kind: strong}}))
    plain = Preparation(recipes.load("digits", {"augment": {}})).transform(True)(image, np.random.default_rng(0))
    drawn = [chosen.transform(True)(image, np.random.default_rng(seed)) for seed in range(4)]
    assert not all(np.array_equal(one, plain) for one in drawn)
    assert not all(np.array_equal(one, drawn[0]) for one in drawn)
    np.testing.assert_allclose(plain, (image[None] / 255 - ninx.data.MEAN) / ninx.data.STD, rtol=1e-4)
    assert np.array_equal(chosen.transform(False)(image, np.random.default_rng(0)), plain)
    assert np.array_equal(chosen.one(image), plain)


STILL = {"augment": {}, "limit": 80, "epochs": 1}


@pytest.mark.parametrize("smoothing", [0.0, 0.4])
def test_the_metrics_of_an_epoch_are_those_of_all_its_images(tmp_path: Path, smoothing: float) -> None:
    """With a rate of nearly 0 the network stays what it was, and PyTorch says what the metrics should be. (The last batch is
    smaller.)"""
    run = _tiny(tmp_path, **STILL, **{"optim.lr": 1e-12, "label_smoothing": smoothing})
    seen = []
    (metrics,) = run.run(lambda done, loss: seen.append(done))
    assert seen == [32, 64, 80]
    images = np.stack([run.preparation.one(image) for image in run.train_set.images])
    logits = torch.tensor(run.model.eval()(ninx.tensor(images)).detach().numpy())
    labels = torch.tensor(run.train_set.labels)
    expected = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing).item()
    assert metrics["loss"] == pytest.approx(expected, rel=1e-5)
    assert metrics["accuracy"] == (logits.argmax(1) == labels).double().mean().item()


def test_evaluation_drops_nothing_and_leaves_the_mode_as_it_was() -> None:
    preparation, few = Preparation(recipes.load("digits")), ninx.data.load("digits", "test").take(slice(4))
    model = ninx.models.create("nin-mnist")  # with dropout
    for mode in (True, False):
        losses = {train.evaluate(model.train(mode), few, preparation).loss for _ in range(2)}
        assert len(losses) == 1
        assert all(m.training == mode for m in model.modules())


def test_gradients_are_clipped(tmp_path: Path) -> None:
    settings = {
        "optim.momentum": None,
        "optim.nesterov": None,
        "optim.weight_decay": 0.0,
        "optim.lr": 1.0,
        "optim.clip_norm": 1e-3,
        "schedule.name": "constant",
    }
    run = _tiny(tmp_path, **STILL, **settings, batch_size=80)
    before = _state(run)
    list(run.run())
    moved = np.sqrt(sum(((v - before[k]) ** 2).sum() for k, v in _state(run).items()))
    assert moved == pytest.approx(1e-3, rel=1e-2)


def test_schedules_of_a_recipe(tmp_path: Path) -> None:
    few = STILL | {"limit": 8, "batch_size": 8, "epochs": 4, "optim.lr": 0.01}
    cosine = _tiny(tmp_path / "cosine", **few, **{"schedule.name": "cosine"})
    assert [m["lr"] for m in cosine.run()] == pytest.approx([0.01 * (1 + np.cos(np.pi * t / 4)) / 2 for t in range(4)])
    steps = _tiny(tmp_path / "steps", **few, **{"schedule": {"name": "multistep", "milestones": [1, 3], "gamma": 0.5}})
    assert [m["lr"] for m in steps.run()] == pytest.approx([0.01, 0.005, 0.005, 0.0025])
    constant = _tiny(tmp_path / "constant", **few, **{"schedule": {"name": "constant"}})
    assert [m["lr"] for m in constant.run()] == [0.01] * 4


def test_the_order_of_the_images_depends_on_the_seed(tmp_path: Path) -> None:
    orders = []
    for seed in (1, 2):
        run = _tiny(tmp_path, seed=seed)
        orders.append([label for _, labels in run.loader for label in labels.tolist()])
        assert orders[-1] != run.train_set.labels.tolist()
        assert sorted(orders[-1]) == sorted(run.train_set.labels.tolist())
    assert orders[0] != orders[1]


def test_holdout_never_sees_the_test_set(tmp_path: Path) -> None:
    run = train.Training(recipes.load("digits", TINY | {"holdout": 400, "limit": None}), tmp_path)
    train_set = ninx.data.load("digits", "train")
    assert len(run.train_set) == 3600
    assert np.array_equal(run.test_set.images, train_set.images[3600:])
    assert np.array_equal(run.train_set.images, train_set.images[:3600])


def test_checkpoint_round_trip(tmp_path: Path) -> None:
    run = _tiny(tmp_path)
    list(run.run())
    saved = train.read_checkpoint(run.checkpoint)
    assert saved.recipe == run.recipe
    assert saved.history == run.history
    assert saved.rng == ninx.get_rng_state()
    for k, v in run.model.state_dict().items():
        assert np.array_equal(saved.weights[k], v.numpy()), k
    assert saved.optimizer["param_groups"][0]["lr"] == run.optimizer.param_groups[0]["lr"]
    assert set(saved.optimizer["state"]) == set(run.optimizer.state_dict()["state"])


def _description(path: Path) -> dict[str, str]:
    with safe_open(path, "numpy") as file:
        return file.metadata()


def _damage(path: Path, how: str) -> None:
    good = path.read_bytes()
    if how == "empty":
        path.write_bytes(b"")
    elif how == "half":
        path.write_bytes(good[: len(good) // 2])
    elif how == "header":
        path.write_bytes(good[:100])
    elif how == "text":
        path.write_bytes(b"this is no checkpoint" * 50)
    elif how == "huge header":
        path.write_bytes((2**62).to_bytes(8, "little") + good[8:])
    elif how == "foreign":
        save_file({"x": np.zeros(3)}, path)
    elif how == "missing":
        path.unlink()
    elif how == "folder":
        path.unlink()
        path.mkdir()
    else:  # the description, of which one entry is replaced
        key, _, text = how.partition("=")
        save_file(load_file(path), path, _description(path) | {key: text})


@pytest.mark.parametrize(
    ("how", "match"),
    [
        ("empty", "damaged, or no checkpoint"),
        ("half", "damaged, or no checkpoint"),
        ("header", "damaged, or no checkpoint"),
        ("text", "damaged, or no checkpoint"),
        ("huge header", "damaged, or no checkpoint"),
        ("foreign", "not one of ninx"),
        ("missing", "there is no file"),
        ("folder", r"holds no checkpoint\.safetensors \(it is empty\)"),
        ("recipe={}", "recipe: name is missing"),
        ("recipe={", r"recipe is damaged \(Invalid JSON"),
        ("optimizer={}", r"optimizer\.param_groups is damaged \(Field required"),
        ('optimizer={"param_groups": [], "scalars": {"x": {"step": 1}}}', r"optimizer\.scalars\.x\.\[key\] is damaged"),
        ("history=3", r"history is damaged \(Input should be a valid list"),
    ],
)
def test_damaged_checkpoints_end_in_one_sentence(tmp_path: Path, how: str, match: str) -> None:
    run = _tiny(tmp_path)
    run.save()
    _damage(run.checkpoint, how)
    with pytest.raises(ValueError, match=match):
        train.read_checkpoint(run.checkpoint, verify=False)  # who writes another description writes another checksum, too


def _changed_somewhere(rng: random.Random, tree: Any) -> Any:
    """``tree`` with one value or key that is lost, renamed or replaced."""
    if not isinstance(tree, dict | list) or not tree or rng.random() < 0.15:
        return rng.choice([None, True, -1, 3, 1e300, 10**30, math.nan, math.inf, "", "x", "7", [], ["a"], [[]], {}, {"x": {}}])
    tree = tree.copy()
    key = rng.choice(list(tree) if isinstance(tree, dict) else range(len(tree)))
    how = rng.random()
    if how < 0.15:
        del tree[key]
    elif how < 0.3 and isinstance(tree, dict):
        tree[rng.choice(["", "x", "-1", "99", "1.5", key + "x"])] = tree.pop(key)
    else:
        tree[key] = _changed_somewhere(rng, tree[key])
    return tree


def _damaged_somewhere(rng: random.Random, arrays: dict[str, np.ndarray], described: dict[str, str]) -> None:
    """One entry of the description, or the name, shape or dtype of one array, is another."""
    entry, name = rng.choice(sorted(described)), rng.choice(sorted(arrays))
    how = rng.randrange(5)
    if how == 0:
        text, at = described[entry], rng.randrange(len(described[entry]) + 1)
        described[entry] = text[:at] + rng.choice(["", chr(rng.randrange(32, 127)) + text[at + 1 :]])
    elif how <= 2 and entry not in ("format", "checksum"):
        described[entry] = json.dumps(_changed_somewhere(rng, json.loads(described[entry])))
    elif how == 3:
        parts = name.split("/")
        parts[rng.randrange(len(parts))] = rng.choice(["", "x", "-1", "99", "1.5", "\u00b2", "1/2", "9" * 30])
        arrays["/".join(parts)] = arrays.pop(name)
    else:
        a = arrays[name]
        arrays[name] = rng.choice([np.zeros(3, a.dtype), np.zeros((), a.dtype), a[None], a.astype(bool), a.astype(np.int64)])


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_a_checkpoint_that_is_damaged_somewhere_ends_in_one_sentence_or_in_a_run(tmp_path: Path, optimizer: str) -> None:
    """In a sentence that says where it comes from, that is, and in a run whose optimiser has state of the right shapes."""
    of_adam = {"optim": {"name": "Adam", "lr": 0.01}, "schedule": {"name": "plateau"}}
    run = _tiny(tmp_path, **{"limit": 8, "batch_size": 8, "epochs": 1}, **(of_adam if optimizer == "Adam" else {}))
    list(run.run())
    arrays, described = load_file(run.checkpoint), _description(run.checkpoint)
    read = refused = 0
    for seed in range(200):
        path, changed = tmp_path / f"{seed}.safetensors", (dict(arrays), dict(described))
        _damaged_somewhere(random.Random(seed), *changed)
        save_file(changed[0], path, changed[1])
        sentence = re.escape(f"checkpoint {path}: ")
        try:
            saved = train.read_checkpoint(path, verify=False)
            sentence = r"[\w. ]+: |there is no "  # Python's own say no name first, as "invalid literal for int() with base"
            saved.model()
            resumed = train.Training(saved.recipe, tmp_path, saved)
        except (ValueError, RuntimeError) as error:
            assert re.match(sentence, str(error)), (seed, error)  # noqa: PT017 - to load is as good
            refused += 1
            continue
        for p, state in resumed.optimizer.state.items():
            assert all(v.shape == p.shape for k, v in state.items() if k != "step"), seed
        read += 1
    assert min(read, refused) > 20


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    run = _tiny(tmp_path)
    run.save()
    saved = train.read_checkpoint(run.checkpoint)
    saved.recipe = recipes.load("digits", TINY | {"model.name": "nin-mnist-v1"})
    with pytest.raises(RuntimeError, match=r"missing key\(s\): 0\.4\.weight"):
        saved.model()


@pytest.mark.parametrize(
    ("name", "overrides", "match"),
    [
        ("digit", {}, "no recipe 'digit'; did you mean 'digits'"),
        ("digits", {"optim.learning_rate": 1}, "no key 'optim.learning_rate'"),
        ("digits", {"epoch": 1}, "no key 'epoch'; did you mean 'epochs'"),
        ("digits", {"epochs": 0}, "epochs = 0: Input should be greater than or equal to 1"),
        ("digits", {"optim.lr": "fast"}, "optim.lr = 'fast'"),
        ("digits", {"epochs.more": 1}, "'epochs' is a single value"),
        ("missing.toml", {}, "there is no such file"),
    ],
)
def test_wrong_recipes_end_in_one_sentence(name: str, overrides: dict, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        recipes.load(name, overrides)


def test_a_recipe_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "mine"\ndata = "digits"\nepochs = 1\nbatch_size = 8\n[model]\nname = "nin-mnist-v0"\n[optim]\nlr = 0.1\n'
    )
    assert recipes.load(str(path)).optim.lr == 0.1
    path.write_text("name = ")
    with pytest.raises(ValueError, match="is no TOML"):
        recipes.load(str(path))


def test_every_recipe_that_comes_with_the_package_loads() -> None:
    assert "digits" in recipes.names()
    for name in recipes.names():
        assert recipes.load(name).name == name


def test_settings_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Adam does not have all of lr, momentum"):
        _tiny(tmp_path, **{"optim.name": "Adam"})
    with pytest.raises(ValueError, match="no model 'nin'"):
        _tiny(tmp_path, **{"model.name": "nin"})


def test_a_loss_that_explodes_stops_the_run(tmp_path: Path) -> None:
    with (
        np.errstate(all="ignore"),
        pytest.raises(ValueError, match=r"became nan in epoch 1 \(first in .*\); try a smaller optim\.lr"),
    ):
        list(_tiny(tmp_path, **{"optim.lr": 1e30}).run())


def test_initial_weights_of_a_recipe() -> None:
    model = ninx.models.create("nin-mnist")
    initialise(model, recipes.load("digits", {"model": {"name": "nin-mnist", "init": "kaiming_normal"}}))
    weight = model[0][2].weight.detach().numpy()  # 1x1, 96 -> 64
    assert weight.std() == pytest.approx(np.sqrt(2 / 96), rel=0.05)
    assert not model[0][2].bias.detach().numpy().any()
    net = nn.Sequential(nn.Conv2d(96, 64, 1), nn.BatchNorm2d(64))
    initialise(net, recipes.load("digits", {"model.init": "xavier_uniform"}))
    weight, bound = net[0].weight.detach().numpy(), np.sqrt(6 / (96 + 64))
    assert 0.99 * bound < np.abs(weight).max() <= bound
    assert (net[1].weight.detach().numpy() == 1).all()  # a scale is no bias


def test_replaced_values_are_copied() -> None:
    given = {"model": {"name": "nin-mnist-v0"}, "model.init": "xavier_uniform"}
    assert recipes.load("digits", given).model.init == "xavier_uniform"
    assert given["model"] == {"name": "nin-mnist-v0"}


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_a_file_gets_the_mode_that_the_user_wants(tmp_path: Path) -> None:
    from ninx import files

    before = os.umask(0o027)
    try:
        files.write_atomically(tmp_path / "file", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_writing_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ninx import files

    path = tmp_path / "file"
    files.write_atomically(path, b"old")
    monkeypatch.setattr("os.fsync", lambda fd: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        files.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("classes", "mode", "model", "sentence"),
    [
        (12, "L", "nin-mnist", "12 classes, but nin-mnist names only 10; set model.switches.num_classes=12"),
        (3, "RGB", "nin-mnist", "images of 3 channels, but nin-mnist wants 1; set model.switches.in_channels=3"),
    ],
)
def test_a_network_that_does_not_fit_the_images_is_refused_with_the_switch(
    tmp_path: Path, classes: int, mode: str, model: str, sentence: str
) -> None:
    """Before anything is written; with the switch that the sentence names it fits."""
    grey = {"model.switches.in_channels": 3} if mode == "L" else {}  # a folder's images are read in colour
    for split in ("train", "test"):
        for c in range(classes):
            (tmp_path / "mine" / split / f"c{c:02d}").mkdir(parents=True)
            Image.new(mode, (28, 28)).save(tmp_path / "mine" / split / f"c{c:02d}" / "0.png")
    settings = {"data": str(tmp_path / "mine"), "model.name": model, "model.switches": {}} | grey
    with pytest.raises(ValueError, match=re.escape(sentence)):
        train.Training(recipes.load("digits", settings), tmp_path / "run")
    switch, value = re.search(r"(model\.switches\.\w+)=(\d+)", sentence).groups()
    settings |= {switch: int(value), "prepare.mean": [0.1] * 3, "prepare.std": [0.3] * 3}
    run = train.Training(recipes.load("digits", settings), tmp_path / "run")
    assert run.model(ninx.zeros(1, 3, 28, 28)).shape[1] >= classes
    assert not (tmp_path / "run").exists()
