"""What a training remembers: one row for each epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from minprune.arguments import whole
from minprune.display import table
from minprune.errors import InvalidTypeError, InvalidValueError, did_you_mean


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

    def __post_init__(self) -> None:
        if not isinstance(self.columns, Mapping):
            raise InvalidTypeError(f"columns must be a dict of lists, got {type(self.columns).__name__} in History()")
        for name, values in self.columns.items():
            if not isinstance(name, str) or isinstance(values, str) or not isinstance(values, Sequence):
                raise InvalidTypeError(
                    f"columns must map names to lists of numbers, got {name!r}: {values!r} in History()"
                )
            for value in values:
                _check_number(value, name, "History")
            if len(values) != len(self):
                raise InvalidValueError(f"{name} must have {len(self)} entries, got {len(values)} in History()")
        if self.best_epoch is not None:
            whole(self.best_epoch, "best_epoch", "History")
        if not isinstance(self.stopped, str):
            raise InvalidTypeError(f"stopped must be a string, got {self.stopped!r} in History()")

    def add(self, **row: float) -> None:
        """Append an epoch's row."""
        for name, value in row.items():
            _check_number(value, name, "add")
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
        length = "1 epoch" if len(self) == 1 else f"{len(self)} epochs"
        title = f"History of {length}{best}{self.stopped and ', ' + self.stopped}"
        return table(list(self.columns), rows, title=title)


def _check_number(value: object, name: str, where: str) -> None:
    """Refuse what is no number; a loss may be NaN or infinite."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InvalidTypeError(f"{name} must be a number, got {type(value).__name__} {value!r} in {where}()")
