"""The map that `breakeven` measures: its cells, and the line beyond which pruning pays.

pays      the lower quartile of the speed-up is above 1.05: three rounds in four gain more than that
frontier  the lowest sparsity from which on every cell pays
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from minprune.arguments import whole
from minprune.display import count, table
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.study.timing import Blas

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Width: TypeAlias = int | tuple[int, ...]  # of all layers, or of each

PAYS = 1.05  # what the lower quartile of the speed-up must be above


@dataclass(frozen=True)
class Cell:
    """One measurement of the map; where the pattern can't have the sparsity, the reason in its place.

    Attributes
    ----------
    width : int or tuple of int
        Of all layers, or inputs, hidden widths and outputs.
    pattern : str
    sparsity : float
        What was asked for.
    batch_size : int
    achieved : float, optional
        The sparsity that came of it; less than one unit a layer below.
    speedup, low, high : float, optional
        The median of the rounds' ratios and its quartiles.
    dense, pruned : float, optional
        The median time of a call, in seconds.
    bytes : float, optional
        Bytes of the program over those of the dense one.
    disturbed : bool
        Whether dense took over 1.5 times as long as in the best cell of its width and batch size, even when measured
        once more: the machine was busy, and the figures mean nothing.
    why : str
        Why there is no measurement.
    """

    width: Width
    pattern: str
    sparsity: float
    batch_size: int
    achieved: float | None = None
    speedup: float | None = None
    low: float | None = None
    high: float | None = None
    dense: float | None = None
    pruned: float | None = None
    bytes: float | None = None
    disturbed: bool = False
    why: str = ""

    @property
    def known(self) -> bool:
        """Whether there is a measurement that means something."""
        return self.speedup is not None and not self.disturbed

    @property
    def pays(self) -> bool:
        """Whether pruning gains clearly. A program with the bytes of the dense one is that one, whatever the clock."""
        return self.known and self.low is not None and self.low > PAYS and self.bytes != 1


class Row(NamedTuple):
    """The cells of one network, pattern and batch size by rising sparsity, and where it begins to pay."""

    width: Width
    pattern: str
    batch_size: int
    cells: tuple[Cell, ...]
    pays_from: float | None


@dataclass(frozen=True, repr=False)
class Breakeven:
    """Where pruning pays; printed, a table.

    Attributes
    ----------
    cells : tuple of Cell
    depth : int
        Layers of the networks that were given by one width.
    blas : Blas
    """

    cells: tuple[Cell, ...]
    depth: int
    blas: Blas

    def __post_init__(self) -> None:
        if not isinstance(self.cells, tuple) or not self.cells:
            raise InvalidTypeError(f"cells must be a tuple with at least one entry, got {self.cells!r} in Breakeven()")
        for i, cell in enumerate(self.cells):
            if not isinstance(cell, Cell):
                raise InvalidTypeError(f"cells[{i}] must be a Cell, got {cell!r} in Breakeven()")
        whole(self.depth, "depth", "Breakeven")
        if not isinstance(self.blas, Blas):
            raise InvalidTypeError(f"blas must be a Blas, got {self.blas!r} in Breakeven()")
        of_network: dict[Width, list[float]] = {}
        for row in self.rows():
            here = [cell.sparsity for cell in row.cells]
            levels = of_network.setdefault(row.width, sorted(set(here)))
            if here != levels:
                name = f"{layers(row.width, self.depth)}, {row.pattern}, batch {row.batch_size}"
                raise InvalidValueError(f"cells of {name} must be of {levels} in turn, got {here} in Breakeven()")

    def rows(self) -> list[Row]:
        """Return the cells row by row, as they are printed and drawn."""
        gathered: dict[tuple[Width, str, int], list[Cell]] = {}
        for cell in self.cells:
            gathered.setdefault((cell.width, cell.pattern, cell.batch_size), []).append(cell)
        return [Row(*key, tuple(cells), _pays_from(cells)) for key, cells in gathered.items()]

    def frontier(self) -> dict[tuple[Width, int, str], float | None]:
        """Return for each (width, batch size, pattern) the lowest sparsity from which on pruning pays, None for never.

        All measured sparsities from there on pay. One that pays below a sparsity that doesn't is no frontier.
        """
        return {(row.width, row.batch_size, row.pattern): row.pays_from for row in self.rows()}

    def plot(self, path: str | Path | None = None, *, title: str | None = None) -> Figure:
        """Draw the map, as `plot_breakeven` does, and write it to `path` if one is given."""
        from minprune.study.drawing import save
        from minprune.study.payoff import plot_breakeven

        figure = plot_breakeven(self, title=title)
        if path is not None:
            save(figure, path)
        return figure

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python values, ready for ``json.dumps``."""
        return {
            "depth": self.depth,
            "blas": asdict(self.blas),
            "pays_above": PAYS,
            "cells": [_plain(asdict(cell) | {"pays": cell.pays}) for cell in self.cells],
            "frontier": [
                _plain(
                    {"width": row.width, "pattern": row.pattern, "batch_size": row.batch_size, "from": row.pays_from}
                )
                for row in self.rows()
            ],
        }

    def __repr__(self) -> str:
        rows = self.rows()
        levels = sorted({cell.sparsity for cell in self.cells})
        body: list[list[str]] = []
        last = rows[0][:2]
        for row in rows:
            body += [[]] if row[:2] != last else []
            ends = "never" if row.pays_from is None else f"{100 * row.pays_from:.4g} %"
            ends = ends if any(cell.known for cell in row.cells) else "–"
            named = [layers(row.width, self.depth), row.pattern, count(row.batch_size)]
            shown = {cell.sparsity: _shown(cell) for cell in row.cells}
            body.append([*named, *(shown.get(level, "") for level in levels), ends])
            last = row[:2]
        title = "How many times as fast as dense, by the share of weights pruned; (in brackets): no gain"
        notes = [f"a gain: three rounds in four are above {PAYS:g}×; {self.blas}"]
        if any(cell.speedup is None for cell in self.cells):
            notes.append("–: the pattern does not come to that sparsity")
        if any(cell.disturbed for cell in self.cells):
            notes.append("?: the machine was busy; measure again, or with a single BLAS thread")
        head = ["network", "pattern", "batch", *(f"{100 * level:.4g} %" for level in levels), "pays from"]
        return "\n".join([table(head, body, title=title, left=2), *notes])


def layers(width: Width, depth: int) -> str:
    """Return a network's name.

    Examples
    --------
    >>> layers(1024, 3), layers((784, 300, 10), 3)
    ('3 × 1024', '784-300-10')
    """
    return f"{depth} × {width}" if isinstance(width, int) else "-".join(map(str, width))


def _pays_from(cells: Sequence[Cell]) -> float | None:
    """Return the sparsity of the first of the cells at the end that all pay."""
    first = None
    for cell in reversed(cells):
        if not cell.known:
            continue
        if not cell.pays:
            break
        first = cell.sparsity
    return first


def _shown(cell: Cell) -> str:
    if not cell.known or cell.speedup is None:
        return "?" if cell.disturbed else "–"
    return f"{cell.speedup:.2f}×" if cell.pays else f"({cell.speedup:.2f}×)"


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
