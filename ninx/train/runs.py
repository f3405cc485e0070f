"""A run that was trained, taken up again: ask it, test it, train it further.

What a run folder holds is one `Checkpoint`; here stands what is done with it, for a program and for the command line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, overload

import numpy as np

from .. import data, nn
from ..engine import Tensor
from ..freezing import freeze
from ..functional import softmax
from ..looks import shortened, unfailing
from . import recipe as recipes
from .checkpoint import Checkpoint, read_checkpoint
from .evaluation import Evaluation, evaluate
from .finite import not_finite, weights_of
from .history import History
from .loop import Training, unlike
from .preparation import Preparation
from .recipe import Recipe

DIGITS = ("digits", "mnist")  # the data sets whose pictures are cropped and centred as MNIST's are
BATCH = 100  # pictures that go through the network at once


@dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """What a network says of one picture.

    ``probabilities`` (outputs), float32, sum to 1; ``classes`` names each output ("none" for one that stands for no class).
    ``image`` is the picture that the network was shown, uint8 (H, W) or (H, W, 3), before the preparation of the recipe: of a
    digit cropped and centred. ``source`` is the path of its file, or None.

    >>> ninx.train.Prediction(np.array([0.25, 0.75]), ("cat", "dog"), np.zeros((2, 2), np.uint8))
    Prediction('dog', 75.0 %; next 'cat', 25.0 %)
    """

    probabilities: data.Image
    classes: tuple[str, ...]
    image: data.Image
    source: Path | None = None

    @property
    def label(self) -> str:
        """The name of the likeliest class.

        >>> ninx.train.Prediction(np.array([0.25, 0.75]), ("cat", "dog"), np.zeros((2, 2), np.uint8)).label
        'dog'
        """
        return self.classes[int(self.probabilities.argmax())]

    @property
    def probability(self) -> float:
        """How sure the network is of `label`, 0 to 1.

        >>> ninx.train.Prediction(np.array([0.25, 0.75]), ("cat", "dog"), np.zeros((2, 2), np.uint8)).probability
        0.75
        """
        return float(self.probabilities.max())

    @unfailing
    def __repr__(self) -> str:
        """One line: the likeliest class, and the next."""
        best = np.argsort(-self.probabilities, kind="stable")[:2]
        told = [f"{shortened(self.classes[i], 30)!r}, {100 * self.probabilities[i]:.1f} %" for i in best]
        where = "" if self.source is None else f"; {shortened(str(self.source), 60)!r}"
        return f"Prediction({'; next '.join(told)}{where})"


class Run:
    """A training that was saved: `load_run` makes one of a run folder.

    ``model`` is the network with its weights, in eval mode; ``preparation`` what is done to an image before it; ``recipe`` what
    was trained and how; ``classes`` their names; ``history`` one dictionary of metrics for each finished epoch; ``folder`` the
    run folder; ``checkpoint`` all that the file holds.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:  # stands for a training that was saved before its first epoch
    ...     ninx.train.Training(ninx.train.recipe.load("digits", {"limit": 10}), folder).save()
    ...     run = ninx.load_run(folder)
    >>> run.recipe.name, run.classes[:3], run.history, run.model.training
    ('digits', ('0', '1', '2'), [], False)
    >>> run
    Run('...': nin-mnist on digits, epoch 0 of 7)
    """

    def __init__(self, checkpoint: Checkpoint, folder: str | Path):
        self.checkpoint, self.folder = checkpoint, Path(folder)
        self.recipe, self.classes, self.history = checkpoint.recipe, checkpoint.classes, History(checkpoint.history)
        self.model: nn.Module = checkpoint.model()
        self.preparation: Preparation = checkpoint.preparation()

    def evaluate(self, split: str = "test", data_dir: str | Path | None = None) -> Evaluation:
        """Loss and confusion matrix on the recipe's data set, on all images of ``split``: "test" or "train".

        Raises ValueError where the images are not there (see `ninx.data.load`), or are of other classes than the network knows:
        of other names, or in another order; and for a network with a NaN in its weights, whose answers mean nothing.

        >>> tiny = {"limit": 20, "epochs": 1, "model.name": "nin-mnist-v0", "model.switches": {}}
        >>> ninx.train.Training(ninx.train.recipe.load("digits", tiny), "run").save()
        >>> result = ninx.load_run("run").evaluate()
        >>> result.confusion.shape, int(result.confusion.sum())
        ((10, 10), 1000)
        """
        self.check_weights("eval")
        dataset = data.load(self.recipe.data, split, data_dir)
        if dataset.classes != self.classes:
            raise ValueError(f"eval: {unlike(self.classes, dataset.classes, split)}")
        return evaluate(self.model, dataset, self.preparation, self.recipe.workers)

    @overload
    def predict(self, sources: list[Any] | tuple[Any, ...] | Iterator[Any], invert: bool | None = None) -> list[Prediction]: ...
    @overload
    def predict(self, sources: Any, invert: bool | None = None) -> Prediction: ...
    def predict(self, sources: Any, invert: bool | None = None) -> Prediction | list[Prediction]:
        """What a picture shows, and how sure the network is; for a list of pictures a list of answers.

        A picture is a path, an array (H, W) or (H, W, 3), or a Pillow image, of any size; see `ninx.data.read_digit`, and
        `ninx.data.read_image` for networks that were not trained on digits. ``invert`` says that what it shows is dark on light;
        None finds out, for digits. For the list an iterator will do: ``Path("photos").glob("*.png")``. Raises ValueError for what
        is no picture, and names it: nothing is answered then.

        >>> tiny = {"limit": 20, "epochs": 1, "model.name": "nin-mnist-v0", "model.switches": {}}
        >>> ninx.train.Training(ninx.train.recipe.load("digits", tiny), "run").save()
        >>> from PIL import Image
        >>> Image.fromarray(ninx.data.digits("test").images[0]).save("digit.png")
        >>> answer = ninx.load_run("run").predict("digit.png")
        >>> answer.label in "0123456789", answer.probabilities.shape, answer.image.shape
        (True, (10,), (28, 28))
        """
        several = isinstance(sources, (list, tuple, Iterator))
        given: Sequence[Any] = list(sources) if several else [sources]
        images = [self._read(source, invert, f"sources[{i}]" if several else "") for i, source in enumerate(given)]
        found = self._answers(images, given)
        return found if several else found[0]

    def predict_each(self, source: Any, invert: bool | None = None) -> list[Prediction]:
        """What each of several digits in one picture is, in reading order; of other things a picture shows one.

        ``source`` and ``invert`` as for `predict`. Raises ValueError for what is no picture, or shows nothing.

        >>> tiny = {"limit": 20, "epochs": 1, "model.name": "nin-mnist-v0", "model.switches": {}}
        >>> ninx.train.Training(ninx.train.recipe.load("digits", tiny), "run").save()
        >>> images = ninx.data.digits("test").images
        >>> len(ninx.load_run("run").predict_each(np.hstack([images[0], images[1]])))
        2
        """
        digits = self.recipe.data in DIGITS
        images = data.read_digits(source, invert) if digits else [read(self.checkpoint, source, invert)]
        return self._answers(images, [source] * len(images))

    def _answers(self, images: list[data.Image], sources: Sequence[Any]) -> list[Prediction]:
        rows = self._probabilities([self.preparation.one(image) for image in images])
        return [
            Prediction(row, tuple(answers(self.classes, len(row))), image, Path(s) if isinstance(s, (str, Path)) else None)
            for row, image, s in zip(rows, images, sources, strict=True)
        ]

    def resume(self, epochs: int | None = None, data_dir: str | Path | None = None, device: str = "cpu") -> Training:
        """The training, ready to go on where it was saved: ``for metrics in run.resume(epochs=20).run(): ...``

        ``epochs`` counts those of before too; all else stays as it was. Raises ValueError for fewer than are finished.

        >>> tiny = {"limit": 20, "epochs": 1, "model.name": "nin-mnist-v0", "model.switches": {}}
        >>> ninx.train.Training(ninx.train.recipe.load("digits", tiny), "run").save()
        >>> [metrics["epoch"] for metrics in ninx.load_run("run").resume(epochs=2).run()]
        [1, 2]
        """
        chosen = resumed_recipe(self.checkpoint, {} if epochs is None else {"epochs": epochs})
        return Training(chosen, self.folder, self.checkpoint, data_dir, device)

    def _read(self, source: Any, invert: bool | None, where: str) -> data.Image:
        """A picture as the data set has them. In an error a file names itself; anything else is named by its place."""
        try:
            return read(self.checkpoint, source, invert)
        except ValueError as error:
            said = str(error).replace("read_digits reads them all", "predict_each reads them all")
            if where and not isinstance(source, (str, Path)):
                said = f"predict: {where}: {said.removeprefix('predict: ')}"
            raise ValueError(said) from None

    def _probabilities(self, inputs: list[data.Image]) -> list[data.Image]:
        """The answer to each input; those of one shape go through the network together."""
        self.check_weights("predict")
        rows: dict[int, data.Image] = {}
        device = next((p.device for p in self.model.parameters()), "cpu")
        for shape in {x.shape for x in inputs}:
            answer = freeze(self.model, shape)  # anew each time, so that it sees whatever was done to the model meanwhile
            alike = [i for i, x in enumerate(inputs) if x.shape == shape]
            for some in (alike[start : start + BATCH] for start in range(0, len(alike), BATCH)):
                batch = Tensor(np.stack([inputs[i] for i in some])).to(device)
                rows.update(zip(some, softmax(answer(batch), 1).numpy(), strict=True))
        return [rows[i] for i in range(len(inputs))]

    def check_weights(self, where: str = "run") -> None:
        """Raise ValueError for a network with a NaN or an infinity in its weights; ``where`` begins the sentence.

        >>> tiny = {"limit": 20, "epochs": 1, "model.name": "nin-mnist-v0", "model.switches": {}}
        >>> ninx.train.Training(ninx.train.recipe.load("digits", tiny), "run").save()
        >>> ninx.load_run("run").check_weights()
        """
        if (found := not_finite(weights_of(self.model))) is not None:
            raise ValueError(f"{where}: the network in {self.folder} is damaged, its answers would mean nothing: {found}")

    @unfailing
    def __repr__(self) -> str:
        """One line: where it lies, what it is, how far it is."""
        r, last = self.recipe, self.history[-1] if self.history else {}
        held = "holdout_accuracy" if "holdout_accuracy" in last else "accuracy"
        which = "held-out" if held == "holdout_accuracy" else "training"
        reached = f", {which} accuracy {100 * last[held]:.2f} %" if held in last else ""
        place = shortened(str(self.folder), 60)
        return f"Run({place!r}: {r.model.name} on {r.data}, epoch {len(self.history)} of {r.epochs}{reached})"

    def _repr_html_(self) -> str:
        """The same for a notebook, with the metrics of each epoch below it."""
        return f"<p>{escape(repr(self))}</p>{self.history._repr_html_()}"


def load_run(path: str | Path, verify: bool = True) -> Run:
    """A training that was saved, from its run folder (or the checkpoint in it): ``load_run("runs/digits-seed0")``.

    `ninx.load_checkpoint` returns the network alone. Raises ValueError, in one sentence, for what is missing or damaged;
    ``verify=False`` reads a checkpoint with a wrong checksum all the same.

    >>> ninx.load_run("runs/nothing")
    Traceback (most recent call last):
        ...
    ValueError: checkpoint: there is no file runs/nothing...
    """
    path = Path(path)
    return Run(read_checkpoint(path, verify), path if path.is_dir() else path.parent)


def answers(classes: Sequence[str], outputs: int) -> list[str]:
    """What each of a network's outputs stands for: a class, or "none", nothing that it was to learn.

    >>> ninx.train.runs.answers(("cat", "dog"), 3)
    ['cat', 'dog', 'none']
    """
    return [*classes, *["none"] * (outputs - len(classes))]


def read(checkpoint: Checkpoint, source: Any, invert: bool | None = None) -> data.Image:
    """A picture (a path, an array or a Pillow image) in the form of those that the network was trained on, uint8.

    Digits are cropped and centred as MNIST's; other pictures get the size of the data set's, but where the recipe resizes the
    pictures of a folder, which differ in size, they keep their own.

    >>> tiny = {"limit": 20, "epochs": 1, "model.name": "nin-mnist-v0", "model.switches": {}}
    >>> ninx.train.Training(ninx.train.recipe.load("digits", tiny), "run").save()
    >>> from PIL import Image
    >>> Image.fromarray(np.pad(ninx.data.digits("test").images[0], 99)).save("digit.png")
    >>> ninx.train.runs.read(ninx.load_run("run").checkpoint, "digit.png").shape
    (28, 28)
    """
    recipe = checkpoint.recipe
    if recipe.data in DIGITS:
        return data.read_digit(source, invert)
    own_size = recipe.data not in data.names() and recipe.prepare.resize is not None
    return data.read_image(source, None if own_size else checkpoint.image_shape, bool(invert))


def resumed_recipe(
    checkpoint: Checkpoint, overrides: Mapping[str, Any], recipe: str | None = None, where: str = "resume"
) -> Recipe:
    """The recipe of a run that goes on, perhaps with more epochs. All else that is given must be what the run has already.

    ``overrides`` as in `ninx.train.recipe.load`; ``recipe`` is the name that the run's recipe should have; ``where`` begins the
    sentence of a ValueError.

    >>> saved = ninx.train.Checkpoint(ninx.train.recipe.load("digits"), {}, {}, tuple("0123456789"), (28, 28))
    >>> ninx.train.runs.resumed_recipe(saved, {"epochs": 10}).epochs
    10
    """
    own = checkpoint.recipe
    if recipe is not None and (name := recipes.load(recipe).name) != own.name:
        raise ValueError(f"{where}: the run to resume has the recipe {own.name!r}, not {name!r}")
    chosen = recipes.changed(own.model_dump(), overrides, where)
    if chosen.model_copy(update={"epochs": own.epochs}) != own:
        raise ValueError(f"{where}: a resumed run keeps its recipe; only epochs can be changed")
    if chosen.epochs < checkpoint.epoch:
        raise ValueError(f"{where}: the run has finished {checkpoint.epoch} epochs already, more than epochs = {chosen.epochs}")
    return chosen
