"""Runs that were saved: what they answer, what they measure, and how they go on."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cupy_stand_in
import host_cuda
import numpy as np
import pytest
import torch
from PIL import Image

import ninx
from ninx import train
from ninx.train import Prediction, Run, recipe, runs

TINY = {"limit": 300, "epochs": 1, "batch_size": 20}  # of the recipe "digits": enough to tell pictures apart


def _trained(where: Path, **changes: object) -> train.Training:
    training = train.Training(recipe.load("digits", TINY | changes), where)
    list(training.run())
    return training


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder."""
    return _trained(tmp_path_factory.mktemp("runs") / "digits-seed0").folder


@pytest.fixture
def run(saved: Path) -> Run:
    return ninx.load_run(saved)


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Twelve digits of the test set as files, the larger ones dark on light."""
    digits = ninx.data.load("digits", "test")
    paths = [tmp_path / f"digit{i}.png" for i in range(12)]
    for i, path in enumerate(paths):
        picture = Image.fromarray(digits.images[i])
        (picture if i % 2 else Image.fromarray(255 - np.asarray(picture.resize((90, 90))))).save(path)
    return paths


# -------------------------------------------------------------------- what it is


def test_a_run_has_what_was_trained(run: Run, saved: Path) -> None:
    checkpoint = train.read_checkpoint(saved / "checkpoint.safetensors")
    assert run.recipe == checkpoint.recipe
    assert (run.recipe.name, run.recipe.limit, run.recipe.model.name) == ("digits", 300, "nin-mnist")
    assert run.classes == tuple("0123456789")
    assert [m["epoch"] for m in run.history] == [1]
    assert run.history == checkpoint.history
    assert run.folder == saved
    assert (run.preparation.mean, run.preparation.std) == ([0.1307], [0.3081])
    assert not run.model.training
    for name, weight in run.model.state_dict().items():
        assert np.array_equal(weight.numpy(), checkpoint.weights[name])
    assert run.checkpoint.epoch == 1
    reached = f"{100 * run.history[0]['accuracy']:.2f}"
    assert repr(run).endswith(f": nin-mnist on digits, epoch 1 of 1, training accuracy {reached} %)")


def test_a_run_is_found_by_its_folder_and_by_its_checkpoint(saved: Path) -> None:
    for path in (saved, saved / "checkpoint.safetensors", str(saved)):
        assert train.load_run(path).folder == saved
        assert train.read_checkpoint(path).epoch == 1
        model = ninx.load_checkpoint(path)
        assert not model.training
        assert sum(p.numel() for p in model.parameters()) == 351_102


def test_a_folder_without_a_checkpoint_is_told_by_what_is_there(saved: Path, tmp_path: Path) -> None:
    def sentence(path: Path) -> str:
        with pytest.raises(ValueError, match=r"^checkpoint: .*") as first:
            ninx.load_run(path)
        with pytest.raises(ValueError, match=r"^checkpoint: ") as second:
            ninx.load_checkpoint(path)
        assert str(first.value) == str(second.value)
        assert "\n" not in str(first.value)
        return str(first.value)

    empty = tmp_path / "empty"
    empty.mkdir()
    assert re.search(r"the folder .*empty holds no checkpoint\.safetensors \(it is empty\); give the run folder", sentence(empty))
    (empty / "curves.png").touch()
    assert "holds no checkpoint.safetensors (curves.png); give the run folder that `ninx train` names" in sentence(empty)
    shutil.copytree(saved, empty / "one")
    shutil.copytree(saved, empty / "two")
    wanted = f"holds no checkpoint.safetensors, but run folders; give one of them: {empty / 'one'}, {empty / 'two'}"
    assert wanted in sentence(empty)
    assert re.search(r"there is no file .*nowhere, and no run folder; `ninx train`", sentence(tmp_path / "nowhere"))


# -------------------------------------------------------------------- evaluate


def test_an_evaluation_is_that_of_the_training(saved: Path, run: Run) -> None:
    training = train.Training(recipe.load("digits", TINY), saved, train.read_checkpoint(saved))
    wanted = train.evaluate(training.model, training.test_set, training.preparation)
    found = run.evaluate()
    assert np.array_equal(found.confusion, wanted.confusion)
    assert found.loss == wanted.loss
    text = f"Evaluation(accuracy {100 * wanted.accuracy:.2f} %, loss {wanted.loss:.4f}; 1,000 images of 10 classes)"
    assert repr(found) == text
    assert run.evaluate("train").confusion.sum() == 4_000  # all of them, not those 300 that it learnt from


def _folder(root: Path, classes: list[str]) -> str:
    """A data set of one's own: noise, two pictures of each class in train and in test."""
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in classes:
            (root / split / name).mkdir(parents=True)
            for i in range(2):
                Image.fromarray(rng.integers(0, 256, (30, 30, 3), np.uint8)).save(root / split / name / f"{i}.png")
    return str(root)


def _own(root: Path, classes: list[str], where: Path, **prepare: object) -> Run:
    """A run on pictures of one's own, in colour and with names; it has more outputs than there are classes."""
    prepare_all = {"normalize": False, "mean": None, "std": None} | prepare
    model = {"name": "nin-cifar10", "switches": {"in_channels": 3, "num_classes": 12, "dropout": 0.0}}
    changes = {"data": _folder(root, classes), "model": model, "limit": 2, "prepare": prepare_all, "augment": {}}
    return ninx.load_run(_trained(where, **changes).folder)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    base = tmp_path_factory.mktemp("own")
    return _own(base / "animals", ["cat", "dog", "eel"], base / "run")


def test_classes_are_compared_by_name_and_order(own: Run, tmp_path: Path) -> None:
    assert own.evaluate().confusion.sum() == 6
    shutil.move(own.recipe.data, tmp_path / "kept")
    try:
        _folder(Path(own.recipe.data), ["cat", "dog", "fox"])
        with pytest.raises(ValueError, match="eval: the network knows cat, dog, eel, but the test images are cat, dog, fox"):
            own.evaluate()
        with pytest.raises(ValueError, match="but the train images are cat, dog, fox"):
            own.evaluate("train")
        with pytest.raises(ValueError, match="resume: the network knows cat, dog, eel, but the train images are cat, dog, fox"):
            own.resume(epochs=own.recipe.epochs + 1)
    finally:
        shutil.rmtree(own.recipe.data)
        shutil.move(tmp_path / "kept", own.recipe.data)


def test_of_many_classes_the_first_difference_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = ninx.data.load("digits", "test")
    names = [f"class{i}" for i in range(40)]
    run.classes = tuple(names)
    swapped = [*names[:20], names[21], names[20], *names[22:]]
    monkeypatch.setattr(ninx.data, "load", lambda *_: ninx.data.ArrayDataset(digits.images, digits.labels, swapped))
    message = "the network knows 40 classes, and the test images have 40, which differ from number 20 on: class20, class21, "
    with pytest.raises(ValueError, match=message):
        run.evaluate()
    fewer = ninx.data.ArrayDataset(digits.images, digits.labels, names[:30])
    monkeypatch.setattr(ninx.data, "load", lambda *_: fewer)
    with pytest.raises(ValueError, match="differ from number 30 on: class30, class31, class32 and 7 more, but no more"):
        run.evaluate()


# -------------------------------------------------------------------- predict


def _by_hand(run: Run, path: Path, invert: bool | None = None) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(the picture, the probabilities): the steps one by one, with PyTorch's softmax."""
    picture = ninx.data.read_digit(path, invert)
    x = (picture[None, None].astype(np.float32) / 255 - np.float32(0.1307)) / np.float32(0.3081)
    with ninx.no_grad():
        logits = run.model(ninx.from_numpy(x)).numpy()
    return picture, torch.softmax(torch.from_numpy(logits), 1).numpy()[0]


def test_a_picture_is_answered_as_the_steps_by_hand_answer_it(run: Run, photos: list[Path]) -> None:
    found = run.predict(photos[0])
    picture, chances = _by_hand(run, photos[0])
    assert isinstance(found, Prediction)
    assert np.array_equal(found.image, picture)
    assert (found.image.shape, found.image.dtype) == ((28, 28), np.uint8)
    np.testing.assert_allclose(found.probabilities, chances, rtol=1e-5, atol=1e-7)
    assert found.label == str(chances.argmax())
    assert found.probability == found.probabilities[int(found.label)]
    assert found.classes == tuple("0123456789")
    assert found.source == photos[0]
    turned = run.predict(str(photos[0]), invert=False)  # the paper is now taken for the digit
    assert np.array_equal(turned.image, ninx.data.read_digit(photos[0], False))
    assert not np.array_equal(turned.image, found.image)


def test_many_pictures_are_answered_in_their_order(run: Run, photos: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "BATCH", 5)
    together = run.predict(photos)
    assert [p.source for p in together] == photos
    for one, path in zip(together, photos, strict=True):
        alone = run.predict(path)
        assert np.array_equal(one.image, alone.image)
        np.testing.assert_allclose(one.probabilities, alone.probabilities, rtol=1e-5, atol=1e-7)
    assert [p.label for p in run.predict(tuple(photos))] == [p.label for p in together]
    assert [p.source for p in run.predict(path for path in photos[:3])] == photos[:3]
    assert run.predict([]) == []
    assert isinstance(run.predict([photos[0]]), list)
    assert len({p.label for p in together}) > 2


def test_one_bad_picture_is_named(run: Run, photos: list[Path], tmp_path: Path) -> None:
    text, blank = tmp_path / "letter.txt", tmp_path / "blank.png"
    text.write_text("no picture")
    Image.new("L", (40, 40), 200).save(blank)
    bad_ones = (
        (text, r"letter\.txt cannot be read"),
        (blank, r"blank\.png shows no digit"),
        ("x.png", "x.png: there is no such file"),
    )
    for bad, message in bad_ones:
        with pytest.raises(ValueError, match=message):
            run.predict([*photos, bad])
        with pytest.raises(ValueError, match=message):
            run.predict(bad)


def test_a_network_in_training_mode_answers_as_in_evaluation(run: Run, photos: list[Path]) -> None:
    before = run.predict(photos[0]).probabilities
    run.model.train()  # its batch normalisation would take the mean of these pictures, and remember it
    assert np.array_equal(run.predict(photos[0]).probabilities, before)
    assert run.model.training


@pytest.mark.skipif(not host_cuda.GXX, reason="g++ is not installed, so the CUDA kernels cannot run on the CPU")
def test_a_network_answers_on_the_device_where_it_lies(run: Run, photos: list[Path]) -> None:
    wanted = run.predict(photos[:3])
    with cupy_stand_in.installed():
        run.model.to("cuda")
        found = run.predict(photos[:3])
        assert {p.device for p in run.model.parameters()} == {"cuda:0"}
    for here, there in zip(wanted, found, strict=True):
        assert type(there.probabilities) is np.ndarray
        np.testing.assert_allclose(there.probabilities, here.probabilities, rtol=1e-4, atol=1e-6)


def test_an_output_beyond_the_classes_is_called_none(own: Run, tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (50, 40, 3), np.uint8)).save(tmp_path / "noise.png")
    found = own.predict(tmp_path / "noise.png")
    assert found.classes == ("cat", "dog", "eel", *["none"] * 9)
    assert found.image.shape == (30, 30, 3)
    assert np.array_equal(found.image, ninx.data.read_image(tmp_path / "noise.png", (30, 30, 3)))
    dark = own.predict(tmp_path / "noise.png", invert=True)
    assert np.array_equal(dark.image, 255 - found.image)
    last = own.model[-3][4].bias
    kept, last.array[7] = last.array[7], 1e4  # an output that no class has wins now
    sure = own.predict(tmp_path / "noise.png")
    assert (sure.label, sure.probability) == ("none", 1.0)
    last.array[7] = kept


def test_pictures_of_a_folder_that_is_resized_keep_their_size(tmp_path: Path) -> None:
    """They differ in size, and after the recipe's resize in shape: each shape goes through the network by itself."""
    run = _own(tmp_path / "animals", ["cat", "dog"], tmp_path / "run", resize=20)
    sizes = [(50, 40), (40, 40), (50, 40), (32, 64)]
    paths = [tmp_path / f"{i}.png" for i in range(len(sizes))]
    for i, (size, path) in enumerate(zip(sizes, paths, strict=True)):
        Image.fromarray(np.random.default_rng(i).integers(0, 256, (*size, 3), np.uint8)).save(path)
    found = run.predict(paths)
    assert [p.image.shape for p in found] == [(*size, 3) for size in sizes]
    for one, path in zip(found, paths, strict=True):
        np.testing.assert_allclose(one.probabilities, run.predict(path).probabilities, rtol=1e-5, atol=1e-7)


def test_a_prediction_says_itself_in_one_line() -> None:
    image = np.zeros((2, 2), np.uint8)
    of_three = np.array([0.2, 0.7004, 0.0996])
    one = Prediction(of_three, ("cat", "dog", "eel"), image, Path("pets/rex.png"))
    assert repr(one) == "Prediction('dog', 70.0 %; next 'cat', 20.0 %; 'pets/rex.png')"
    assert repr(Prediction(np.ones(1), ("all",), image)) == "Prediction('all', 100.0 %)"
    long = Prediction(of_three, ("a\nb" * 99, "c" * 999, "d"), image, Path("e" * 500))
    assert len(repr(long)) < 250
    assert "\n" not in repr(long)
    with pytest.raises(AttributeError):
        one.image = image  # type: ignore[misc]  # a prediction is not changed


# -------------------------------------------------------------------- resume


def test_a_run_goes_on_as_if_it_had_not_stopped(saved: Path, tmp_path: Path) -> None:
    shutil.copytree(saved, tmp_path / "again")
    training = ninx.load_run(tmp_path / "again").resume(epochs=2)
    assert isinstance(training, train.Training)
    assert [m["epoch"] for m in training.run()] == [2]
    by_command = train.Training(recipe.load("digits", TINY | {"epochs": 2}), tmp_path / "b", train.read_checkpoint(saved))
    list(by_command.run())
    for name, weight in by_command.model.state_dict().items():
        assert np.array_equal(weight.numpy(), training.model.state_dict()[name].numpy()), name
    after = ninx.load_run(tmp_path / "again")
    assert (after.checkpoint.epoch, after.recipe.epochs) == (2, 2)
    assert list(after.resume().run()) == []  # all of its epochs are done


def test_only_the_epochs_of_a_run_can_change(run: Run) -> None:
    with pytest.raises(ValueError, match="resume: epochs = 0: Input should be greater than or equal to 1"):
        run.resume(epochs=0)
    run.checkpoint.history.append(run.checkpoint.history[0])
    with pytest.raises(ValueError, match="resume: the run has finished 2 epochs already, more than epochs = 1"):
        run.resume(epochs=1)
    assert runs.resumed_recipe(run.checkpoint, {"epochs": 9, "seed": 0}, "digits").epochs == 9
    for overrides, name, message in (
        ({"optim.lr": 0.5}, None, "a resumed run keeps its recipe; only epochs can be changed"),
        ({}, "fashion-d2l", "the run to resume has the recipe 'digits', not 'fashion-d2l'"),
        ({"optim.rate": 0.5}, None, "there is no key 'optim.rate'"),
    ):
        with pytest.raises(ValueError, match=f"train: --resume: {message}"):
            runs.resumed_recipe(run.checkpoint, overrides, name, "train: --resume")


# -------------------------------------------------------------------- pictures that are no files


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        picture.load()
    return picture


def test_arrays_and_pillow_images_are_pictures_too(run: Run, photos: list[Path]) -> None:
    wanted = run.predict(photos)
    images = [_opened(path) for path in photos]
    for given in ([np.asarray(image) for image in images], images):
        for found, same in zip(run.predict(given), wanted, strict=True):
            assert np.array_equal(found.image, same.image)
            assert np.array_equal(found.probabilities, same.probabilities)
            assert found.source is None
        one = run.predict(given[0])  # an array is one picture, not a list of rows
        assert isinstance(one, Prediction)
        assert one.label == wanted[0].label


def test_pictures_in_colour_may_be_arrays_too(own: Run, tmp_path: Path) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (50, 40, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "noise.png")
    wanted = own.predict(tmp_path / "noise.png")
    for given in (picture, Image.fromarray(picture)):
        assert np.array_equal(own.predict(given).image, wanted.image)


def test_a_bad_array_is_named_by_its_place(run: Run, photos: list[Path]) -> None:
    blank = np.full((40, 40), 200, np.uint8)
    with pytest.raises(ValueError, match=r"^predict: sources\[1\]: .*shows no digit"):
        run.predict([photos[0], blank])
    with pytest.raises(ValueError, match=r"^predict: .*shows no digit"):
        run.predict(blank)
