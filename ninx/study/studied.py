"""A run looked at closely: what its folder says, and what its network says of the images that it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..array import use_device
from ..data import LabelledDataset
from ..train import Evaluation, Run, Training, evaluate, load_run
from ..train import journal as journals
from ..train.found import Found, look
from ..train.loop import splits, unlike


@dataclass
class Studied:
    """``images`` are those that ``evaluation`` is of, test or held-out (``which``); both are None where they are not at hand.

    ``absent`` says why then.

    >>> ninx.train.Training(ninx.train.recipe.load("digits", {"limit": 20, "holdout": 10}), "run").save()
    >>> studied = ninx.study.studied.study("run")
    >>> studied.which, len(studied.images), studied.absent, studied.accuracy == studied.evaluation.accuracy
    ('held-out', 10, '', True)
    """

    run: Run
    found: Found
    journal: journals.Journal
    which: str
    evaluation: Evaluation | None = None
    images: LabelledDataset | None = None
    absent: str = ""

    @property
    def accuracy(self) -> float | None:
        """The share of right answers on these images: worked out anew, or else as it was noted."""
        if self.evaluation is not None:
            return self.evaluation.accuracy
        return None if self.found.measured_on == "training" else self.found.accuracy

    @property
    def settings(self) -> dict[str, Any]:
        """All values of the recipe, by their dotted names."""
        return dict(_leaves(self.run.recipe.model_dump()))


def study(folder: str | Path, data_dir: str | Path | None = None, device: str = "cpu") -> Studied:
    """Read a run, and evaluate it on what its training was evaluated on, if that is there.

    Raises ValueError, in one sentence, for a run that is missing or damaged.

    >>> ninx.train.Training(ninx.train.recipe.load("digits", {"limit": 20}), "run").save()
    >>> studied = ninx.study.studied.study("run")
    >>> studied.which, studied.evaluation.labels.shape, studied.settings["optim.lr"]
    ('test', (1000,), 0.1)
    """
    run = load_run(folder)
    use_device(device)
    run.model.to(device)
    which = "held-out" if run.recipe.holdout else "test"
    studied = Studied(run, look(run.folder), journals.read(run.folder), which)
    try:
        images = splits(run.recipe, data_dir)[1]
        if images.classes != run.classes:
            raise ValueError(unlike(run.classes, images.classes, which))
    except (ValueError, OSError) as error:
        studied.absent = str(error)
        return studied
    studied.images, studied.evaluation = images, evaluate(run.model, images, run.preparation, run.recipe.workers)
    return studied


def just_trained(training: Training, result: Evaluation) -> Studied:
    """The same of a training that has ended this moment and is saved: nothing is evaluated again.

    >>> training = ninx.train.Training(ninx.train.recipe.load("digits", {"limit": 20}), "run")
    >>> training.save()
    >>> result = ninx.train.evaluate(training.model, training.test_set, training.preparation)
    >>> ninx.study.studied.just_trained(training, result).evaluation is result
    True
    """
    run = load_run(training.folder)
    run.model.to(next((p.device for p in training.model.parameters()), "cpu"))
    which = "held-out" if run.recipe.holdout else "test"
    return Studied(run, look(training.folder), journals.read(training.folder), which, result, training.test_set)


def names(folders: list[Path]) -> list[str]:
    """What to call the runs: the names of their folders; or the paths, where two folders have one name.

    >>> from pathlib import Path
    >>> ninx.study.studied.names([Path("runs/a"), Path("runs/b")]), ninx.study.studied.names([Path("old/a"), Path("new/a")])
    (['a', 'b'], ['old/a', 'new/a'])
    """
    short = [folder.resolve().name for folder in folders]
    return short if len(set(short)) == len(short) else [str(folder) for folder in folders]


def _leaves(tree: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if isinstance(tree, dict) and (tree or not prefix):
        return [leaf for key, value in tree.items() for leaf in _leaves(value, f"{prefix}.{key}" if prefix else str(key))]
    return [(prefix, tree)]
