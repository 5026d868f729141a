"""What a training remembers: one row for each epoch."""

from __future__ import annotations

from dataclasses import dataclass, field

from minprune.display import table
from minprune.errors import InvalidValueError, did_you_mean


@dataclass
class History:
    """What was seen in each epoch, column by column; ``history["loss"]`` is a list.

    Columns: ``epoch`` (from 1), ``loss`` (mean over the samples as they were met, weighted if they have weights,
    without the penalty), ``penalty`` (at the epoch's end), ``lr`` (of its last step), ``sparsity`` (at its end),
    ``seconds``, and with validation data ``valid_loss`` and, for class labels, ``valid_accuracy``.

    Attributes
    ----------
    columns : dict of str to list of float
    best_epoch : int or None
        The epoch whose weights were restored, with early stopping.
    stopped : str
        Why training ended before its last epoch; empty if it did not.

    Examples
    --------
    >>> history = History()
    >>> history.add(epoch=1, loss=0.7)
    >>> history["loss"], len(history)
    ([0.7], 1)
    """

    columns: dict[str, list[float]] = field(default_factory=dict)
    best_epoch: int | None = None
    stopped: str = ""

    def add(self, **row: float) -> None:
        for name, value in row.items():
            self.columns.setdefault(name, []).append(value)

    def __getitem__(self, name: str) -> list[float]:
        if name not in self.columns:
            raise InvalidValueError(f"{name!r} is no column of this history{did_you_mean(name, self.columns)}")
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns.get("epoch", []))

    def to_dict(self) -> dict[str, list[float]]:
        """Return the columns as plain lists."""
        return {name: list(values) for name, values in self.columns.items()}

    def __repr__(self) -> str:
        shown = range(len(self)) if len(self) <= 12 else [*range(5), *range(len(self) - 5, len(self))]
        rows = [[f"{values[i]:.5g}" for values in self.columns.values()] for i in shown]
        if len(self) > 12:
            rows.insert(5, ["…"] * len(self.columns))
        best = f", best epoch {self.best_epoch} restored" if self.best_epoch else ""
        return table(
            list(self.columns), rows, title=f"History of {len(self)} epochs{best}{self.stopped and ', ' + self.stopped}"
        )
