"""The parts of a report that are about the network: its layers and what they cost, and what `check` finds."""

from __future__ import annotations

import numpy as np

from ... import models, optim
from ...data import DataLoader
from ...random import get_rng_state, manual_seed, set_rng_state
from ...train.parameters import groups, initialise
from .. import table as tables
from ..checking import FEW, Finding, check
from ..studied import Studied
from ..summary import summary
from .parts import folded, of_sheet, paragraph, text


def layers(run: Studied) -> str:
    """The table of layers with parameters, multiply-adds and receptive fields, and what a training step takes."""
    found = summary(run.run.model, input_shape(run))
    shown = of_sheet(tables.sheet(found), "Layers")
    *sums, note = tables.below(found)
    facts = "".join(paragraph(" ".join(line.split())) for line in sums)
    return f"{shown}{facts}{folded('What the columns mean', paragraph(note))}"


def input_shape(run: Studied) -> tuple[int, ...]:
    """(C, H, W) of an image as it comes to the network."""
    shape = run.run.checkpoint.image_shape if run.images is None else np.shape(run.images[0][0])
    return tuple(run.run.preparation.one(np.zeros(shape, np.uint8)).shape)


def findings(run: Studied) -> str:
    """What a quick check says of the network as it began, before any training."""
    found = _check(run)
    if not found:
        return paragraph("Nothing was found.")
    return f'<ul class="findings">{"".join(map(_finding, found))}</ul>'


def _check(run: Studied) -> tuple[Finding, ...]:
    """The network of the recipe with fresh weights, on a few images that it was not trained on, or on noise."""
    recipe, before = run.run.recipe, get_rng_state()
    try:
        manual_seed(recipe.seed)
        model = models.create(recipe.model.name, **recipe.model.switches)
        initialise(model, recipe)
        optimizer = getattr(optim, recipe.optim.name)(groups(model, recipe), **recipe.optim.settings())
        if run.images is None:
            return check(model, None, optimizer, input_shape=input_shape(run), classes=len(run.run.classes), quick=True).findings
        few = run.images.take(np.linspace(0, len(run.images) - 1, min(FEW, len(run.images))).astype(int))
        transform = run.run.preparation.transform(training=False)
        loader = DataLoader(run.run.preparation.dataset(few), len(few), transform=transform)
        return check(model, loader, optimizer, quick=True).findings
    finally:
        set_rng_state(before)


def _finding(f: Finding) -> str:
    place = f" ({f.where})" if f.where else ""
    more = "".join(
        f"<br><span class='soft'>{name}</span> {text(words)}."
        for name, words in (("seen:", f.evidence), ("mend:", f.mend), ("source:", f.source))
        if words
    )
    level = f.level.replace(" ", "-")
    return f'<li><strong class="{level}">{text(f.level)}</strong> {text(f.rule)}{text(place)}: {text(f.cause)}.{more}</li>'
