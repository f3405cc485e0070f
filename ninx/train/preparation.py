"""What happens to the images of a run: what its recipe says, and what had to be learnt from the training set for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .. import data
from ..looks import unfailing
from .recipe import Recipe

MEASURED = 10_000  # images, at most, on which mean and deviation are measured


class Preparation:
    """Pixels to the network's input.

    Resize, pixels to floats, contrast normalisation, whitening; then, in training, random changes; then crop and
    (x - mean) / std. What comes in at the border of a shifted image is therefore 0 before it is normalised: black, or grey
    after a contrast normalisation. Whitening is a product with a matrix of pixels by pixels, so `dataset` does it once for all
    epochs.
    """

    def __init__(self, recipe: Recipe):
        self.recipe, self.augment = recipe.prepare, recipe.augment
        self.zca = None if self.recipe.zca is None else data.ZCA(self.recipe.zca)
        self.mean, self.std = self.recipe.mean, self.recipe.std

    def fit(self, train_set: data.LabelledDataset) -> None:
        """Learn the whitening, and mean and deviation if the recipe does not give them, from the training images."""
        if self.zca is not None:
            self.zca.fit(data.prepared(train_set, *map(_still, self._first())).images)
        if self.recipe.normalize and self.recipe.mean is None:
            first = _still(data.Compose(self._first()))
            chosen = np.linspace(0, len(train_set) - 1, min(len(train_set), MEASURED)).astype(int)
            moments = [
                [x.mean(axis=(1, 2)), (x**2).mean(axis=(1, 2))]
                for x in (first(train_set[i][0]).astype(np.float64) for i in chosen.tolist())
            ]
            mean, square = np.mean(moments, axis=0)
            std = np.sqrt(np.maximum(square - mean**2, 0))
            self.mean, self.std = mean.tolist(), np.where(std > 0, std, 1).tolist()

    def state_dict(self) -> dict[str, data.Image]:
        """What `fit` has learnt, to be saved with the run."""
        state = {} if self.zca is None else {f"zca.{k}": v for k, v in self.zca.state_dict().items()}
        if self.recipe.normalize:
            state |= {"mean": np.asarray(self.mean), "std": np.asarray(self.std)}
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what another has learnt; KeyError if something is missing."""
        if self.zca is not None:
            self.zca.load_state_dict({k: state[f"zca.{k}"] for k in ("mean", "matrix")})
        if self.recipe.normalize:
            self.mean, self.std = state["mean"].ravel().tolist(), state["std"].ravel().tolist()

    @unfailing
    def __repr__(self) -> str:
        """The steps of an evaluation."""
        steps = [*self._first(), *([] if self.zca is None else [self.zca]), *self._last(training=False)]
        return f"Preparation({', '.join(map(repr, steps))})"

    def _first(self) -> list[data.Transform]:
        """Pixels to floats of normal contrast."""
        p = self.recipe
        steps: list[data.Transform] = [] if p.resize is None else [data.Resize(p.resize)]
        steps.append(data.ToTensor())
        steps += [] if p.gcn is None else [data.GlobalContrastNorm(p.gcn)]
        return [*steps, data.LocalContrastNorm()] if p.lcn else steps

    def _chance(self) -> list[data.Transform]:
        a = self.augment
        steps: list[data.Transform] = []
        if a.rotate or a.scale:
            steps.append(data.RandomAffine(a.rotate, a.scale))
        if a.translate:
            steps.append(data.RandomTranslate(a.translate))
        return [*steps, data.RandomHorizontalFlip()] if a.flip else steps

    def _last(self, training: bool) -> list[data.Transform]:
        """Crop and normalise."""
        p = self.recipe
        steps: list[data.Transform] = []
        if p.crop is not None:
            steps.append(data.RandomCrop(p.crop) if training else data.CenterCrop(p.crop))
        if p.normalize:
            if self.mean is None or self.std is None:
                raise ValueError("Preparation: mean and deviation are not known yet; fit it to the training images first")
            steps.append(data.Normalize(self.mean, self.std))
        return steps

    def dataset(self, dataset: data.LabelledDataset) -> data.LabelledDataset:
        """The data set for the loader: whitened if the recipe wants it, else as it is."""
        if self.zca is None:
            return dataset
        return data.prepared(dataset, *map(_still, self._first()), self.zca)

    def transform(self, training: bool) -> data.Transform:
        """What the loader does to each image of `dataset`."""
        first = self._first() if self.zca is None else []
        return data.Compose([*first, *(self._chance() if training else []), *self._last(training)])

    def one(self, image: data.Image) -> data.Image:
        """An image by itself, as in an evaluation: uint8 (H, W) or (H, W, C) to float32 (C, H, W)."""
        first = [*self._first(), *([] if self.zca is None else [self.zca])]
        return _still(data.Compose([*first, *self._last(training=False)]))(image)


def _still(transform: data.Transform) -> Callable[[data.Image], data.Image]:
    """A transform without chance, as a function of the image alone."""
    return lambda image: transform(image, np.random.default_rng(0))
