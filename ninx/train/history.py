"""The metrics of a run, epoch by epoch, and how a notebook shows them: while it trains, and afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..notebook import Live, bar_html
from ..tables import Column, Sheet

if TYPE_CHECKING:
    from .loop import Training

PERCENT = ("accuracy", "holdout_accuracy")
HEADS = {"holdout_loss": "held-out loss", "holdout_accuracy": "held-out accuracy", "images_per_second": "images/s"}


class History(list[dict[str, Any]]):
    """One dictionary of metrics for each finished epoch: a list, which a notebook shows as a table.

    >>> ninx.train.History([{"epoch": 1, "loss": 0.5, "accuracy": 0.75}]).sheet().rows[0].cells
    ('1', '0.5000', '75.00 %')
    """

    def sheet(self) -> Sheet:
        """A row for each epoch.

        >>> [column.name for column in ninx.train.History([{"epoch": 1, "images_per_second": 30.0}]).sheet().columns]
        ['epoch', 'images/s']
        """
        names = list(dict.fromkeys(name for line in self for name in line))
        table = Sheet([Column(HEADS.get(name, name)) for name in names])
        for line in self:
            table.add(*(_told(name, line.get(name)) for name in names))
        return table

    def _repr_html_(self) -> str:
        """The table for a notebook."""
        return self.sheet().html() if self else "<p>no epoch is finished yet</p>"


def _told(name: str, value: Any) -> str:
    """A metric in a cell."""
    if value is None or not isinstance(value, float):
        return "" if value is None else str(value)
    if name in PERCENT:
        return f"{100 * value:.2f} %"
    return f"{value:,.0f}" if name == "images_per_second" else f"{value:.2g}" if name == "lr" else f"{value:.4f}"


class Showing:
    """What a cell of a notebook shows of a training: a bar for the epoch, and below it the epochs that are done."""

    def __init__(self, training: Training):
        self.training, self.live = training, Live()

    def step(self, seen: int, loss: float) -> None:
        """After a step: so many images of the epoch were seen."""
        t = self.training
        total, epoch = len(t.train_set), f"epoch {len(t.history) + 1}/{t.recipe.epochs}"
        text = f"{epoch}  {seen:,}/{total:,}  loss {loss:.3f}"
        self.live.show(lambda: bar_html(seen, total, text) + t.history._repr_html_() * bool(t.history), text)

    def epoch(self) -> None:
        """After an epoch: only its row."""
        history = self.training.history
        self.live.show(history._repr_html_, repr(list(history)), now=True)
