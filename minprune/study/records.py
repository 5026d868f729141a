"""What a sweep found: one flat record for each run, and their mean ± standard deviation over seeds.

    mean = Σ_i v_i / n        sd = √(Σ_i (v_i − mean)² / (n − 1))        i over the n seeds

The standard deviation is that of one run, from n of them; with one seed there is none.
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minprune.arguments import choice, fraction
from minprune.display import table
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.storage import write_whole
from minprune.storage.files import path_of

GROUP = ("control", "criterion", "allocation", "pattern", "sparsity")  # what a run was asked, but for its seed


@dataclass(frozen=True, eq=False, repr=False)
class Sweep:
    """What `sweep` found; printed, a table of mean ± standard deviation.

    Attributes
    ----------
    records : tuple of dicts
        One for each run, flat: what was asked (``seed``, ``criterion``, ``allocation``, ``pattern``, ``sparsity``,
        ``control``; None where it does not apply), what came of it (``achieved`` sparsity, ``kept`` of ``weights``),
        each metric after fine-tuning and, as ``…_before``, before it, and ``seconds``. With latency measured:
        ``batch_size``, ``latency`` and ``dense_latency`` in seconds a call, and ``speedup``.
    metrics : tuple of str
        The names of what was evaluated; the first is what is shown by default.

    Examples
    --------
    >>> asked = {"control": None, "criterion": "magnitude", "allocation": "Global", "pattern": "Unstructured"}
    >>> found = Sweep(tuple(asked | {"sparsity": 0.9, "seed": k, "accuracy": 0.9 + k / 100} for k in (0, 1, 2)))
    >>> found
    accuracy after pruning, over 3 seeds
    weights pruned           90 %
    ─────────────────────────────
    magnitude       0.910 ± 0.010
    >>> round(found.summary()[0]["sd"], 6)
    0.01
    """

    records: tuple[dict[str, Any], ...]
    metrics: tuple[str, ...] = ("accuracy",)

    def __post_init__(self) -> None:
        for name in ("records", "metrics"):
            if not isinstance(getattr(self, name), tuple) or not getattr(self, name):
                raise InvalidTypeError(
                    f"{name} must be a tuple with at least one entry, got {getattr(self, name)!r} in Sweep()"
                )
        for metric in self.metrics:
            if not isinstance(metric, str):
                raise InvalidTypeError(f"metrics must hold names, got {metric!r} in Sweep()")
        for i, record in enumerate(self.records):
            if not isinstance(record, Mapping):
                raise InvalidTypeError(f"records[{i}] must be a dict, got {type(record).__name__} in Sweep()")
            for key in (*GROUP, *self.metrics):
                if key not in record:
                    raise InvalidValueError(
                        f"records[{i}] must have {key!r}, got {', '.join(map(str, record))} in Sweep()"
                    )
            for key in self.metrics:
                if isinstance(record[key], bool) or not isinstance(record[key], int | float):
                    raise InvalidTypeError(f"{key} of records[{i}] must be a number, got {record[key]!r} in Sweep()")
            fraction(record["sparsity"], f"sparsity of records[{i}]", "Sweep")

    def summary(self, metric: str | None = None) -> list[dict[str, Any]]:
        """Return a dict for each group of runs that differ in their seed only.

        Parameters
        ----------
        metric : str, optional
            Any number of the records, as ``"accuracy"``, ``"accuracy_before"``, ``"speedup"``; the first metric by
            default.

        Returns
        -------
        list of dicts
            What was asked, ``mean``, ``sd`` (None for a single seed) and ``count``, in the order of the records.
        """
        name = self.metric(metric, "summary")
        groups: dict[tuple[Any, ...], list[float]] = {}
        for record in self.records:
            groups.setdefault(tuple(record[key] for key in GROUP), []).append(record[name])
        return [
            dict(zip(GROUP, key, strict=True))
            | {"mean": float(np.mean(values)), "sd": _sd(values), "count": len(values)}
            for key, values in groups.items()
        ]

    def label(self, row: Mapping[str, Any]) -> str:
        """Return what a record or a row of the summary is called: as much of it as tells it from the others."""
        control = (row["control"] or "").replace("_", " ")
        parts: list[str] = [row["criterion"] or control]
        for key in ("allocation", "pattern"):
            if row[key] is not None and len({record[key] for record in self.records} - {None}) > 1:
                parts.append(row[key])
        return " · ".join(parts) + (f", {control}" if control and row["criterion"] else "")

    def table(self, metric: str | None = None) -> str:
        """Return mean ± standard deviation as aligned text: a row for each way to prune, a column for each sparsity."""
        name = self.metric(metric, "table")
        rows = self.summary(name)
        digits = _digits([row["sd"] for row in rows])
        cells = {(self.label(row), row["sparsity"]): _cell(row, digits) for row in rows if row["control"] != "dense"}
        levels = sorted({sparsity for _, sparsity in cells})
        lines = [[label, *(cells.get((label, s), "") for s in levels)] for label in dict.fromkeys(k for k, _ in cells)]
        dense = [f"; dense, trained as long, {_cell(row, digits)}" for row in rows if row["control"] == "dense"]
        counts = sorted({row["count"] for row in rows})
        seeds = f"{'–'.join(map(str, dict.fromkeys([counts[0], counts[-1]])))} seed{'s' * (counts != [1])}"
        title = f"{name} after pruning, over {seeds}{''.join(dense)}"
        return table(["weights pruned", *(f"{100 * s:.6g} %" for s in levels)], lines, title=title)

    def to_dict(self) -> dict[str, object]:
        """Return everything as plain Python values, ready for ``json.dumps``."""
        return {"metrics": list(self.metrics), "records": [dict(record) for record in self.records]}

    def to_csv(self, path: str | os.PathLike[str]) -> Path:
        """Write the records to a file, whole or not at all; what does not apply stays empty.

        Raises
        ------
        StorageError
            The file can't be written.
        """
        place = path_of(path, "to_csv")
        columns = list(dict.fromkeys(key for record in self.records for key in record))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.records)
        return write_whole(place, text.getvalue())

    def metric(self, metric: str | None, where: str) -> str:
        """Return the name of a number that the records have, or the first metric for None."""
        numbers = [key for key, value in self.records[0].items() if isinstance(value, int | float) and key not in GROUP]
        known = [*self.metrics, *(key for key in numbers if key not in (*self.metrics, "seed"))]
        return choice(self.metrics[0] if metric is None else metric, "metric", where, known)

    def __repr__(self) -> str:
        others = [name for name in self.metrics if name != self.metrics[0]]
        also = [f"also measured: {', '.join(others)}; see table(metric)"] if others else []
        return "\n".join([self.table(), *also])


def _sd(values: Sequence[float]) -> float | None:
    """Return the standard deviation, of n − 1 degrees of freedom."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def _cell(row: Mapping[str, Any], digits: int) -> str:
    return f"{row['mean']:.{digits}f}" + ("" if row["sd"] is None else f" ± {row['sd']:.{digits}f}")


def _digits(sds: Sequence[float | None]) -> int:
    """Return after how many digits a table may end: two that count of a typical standard deviation."""
    known = [sd for sd in sds if sd]
    return min(6, max(0, 1 - math.floor(math.log10(np.median(known))))) if known else 4
