"""Tiles: sets of weights that cut up a layer, of any form at all, or rectangles, which are quicker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import reduce

import numpy as np

from minprune.arguments import Array, Bools
from minprune.nn.network import Network
from minprune.pruning.units.reduction import Reduction, one_by_one
from minprune.pruning.units.units import Separable
from minprune.pruning.units.weights import span


class Tiles(Separable):
    """Disjoint sets of weights that cover each layer, given by the number of the tile that each weight is in."""

    sizes: dict[str, Array]  # never None here
    full: dict[str, Array]

    def __init__(
        self,
        network: Network,
        scores: Mapping[str, Array],
        how: Reduction | Callable[[Array], float],
        numbers: Callable[[tuple[int, ...]], Array],
        noun: str,
    ) -> None:
        super().__init__(network)
        self.noun, self._how, self._numbers = noun, how, numbers
        self._number: dict[str, Array] = {}
        self.scores, self.alive, self.sizes, self.full = {}, {}, {}, {}
        for name, mask in self._masks.items():
            self.full[name] = self.counted(name, np.ones_like(mask))
            self.sizes[name] = self.counted(name, mask) if self.gone[name] else self.full[name]
            self.alive[name] = self.sizes[name] > 0
            self.scores[name] = self.judged(name, scores[name], mask)

    def number(self, name: str) -> Array:
        """Return the number of the tile that each weight of a layer is in."""
        if name not in self._number:
            self._number[name] = np.asarray(self._numbers(self.shapes[name]))
        return self._number[name]

    def counted(self, name: str, mask: Bools) -> Array:
        """Return how many weights of each tile `mask` keeps."""
        return np.bincount(self.number(name).reshape(-1), mask.reshape(-1)).astype(np.int64)

    def combined(self, name: str, values: Array, combine: np.ufunc, neutral: float) -> Array:
        """Return the values of each tile, combined into one."""
        result = np.full(self.full[name].size, neutral)
        combine.at(result, self.number(name).reshape(-1), values.reshape(-1))
        return result

    def spread(self, name: str, flags: Bools) -> Bools:
        return flags[self.number(name)]

    def judged(self, name: str, scores: Array, mask: Bools) -> Array:
        if not isinstance(self._how, Reduction):
            return one_by_one(self._how, self._kept(name, scores, mask))
        everything = bool(mask.all())
        values = self._how.prepared(scores, None if everything else mask)
        size = self.full[name] if everything else self.counted(name, mask)
        with np.errstate(over="ignore"):  # what is infinite is refused by `plan`
            combined = self.combined(name, values, self._how.combine, self._how.gone)
        return self._how.finished(combined, size)

    def of_weight(self, name: str, index: tuple[int, ...]) -> list[tuple[str, int, str]]:
        number = int(self.number(name)[index])
        return [(name, number, f"{self.noun} {number} of {name.split('.')[0]}")]

    def _kept(self, name: str, scores: Array, mask: Bools) -> Iterator[Array]:
        """Go through the tiles and give the scores of each one's kept weights."""
        number = self.number(name)[mask]
        ends = np.cumsum(np.bincount(number, minlength=self.full[name].size))
        yield from np.split(scores[mask][np.argsort(number, kind="stable")], ends[:-1])


class Rectangles(Tiles):
    """Tiles of r inputs × c outputs, numbered row by row; at the edges of a layer, what is left.

    They are combined down the inputs first, then across the outputs, in NumPy's order for a row.
    """

    def __init__(
        self,
        network: Network,
        scores: Mapping[str, Array],
        how: Reduction | Callable[[Array], float],
        shape: tuple[int, int],
        noun: str,
    ) -> None:
        self._shape = shape
        super().__init__(network, scores, how, self._rectangles, noun)

    def counted(self, name: str, mask: Bools) -> Array:
        (rows, columns), (r, c) = mask.shape, self._shape
        if mask.all():
            heights, widths = (np.diff(np.arange(0, n, k), append=n) for n, k in ((rows, r), (columns, c)))
            return np.multiply.outer(heights, widths).reshape(-1)
        return self.combined(name, mask.astype(np.int64), np.add, 0)

    def combined(self, name: str, values: Array, combine: np.ufunc, neutral: float) -> Array:
        (rows, columns), (r, c) = values.shape, self._shape
        down, across = self._tiled(values.shape)
        if (down * r, across * c) != values.shape:  # fill up what is missing at the edges
            filled = np.full((down * r, across * c), neutral, dtype=values.dtype)
            filled[:rows, :columns] = values
            values = filled
        strips = combine.reduce(values.reshape(down, r, across * c), axis=1)
        tiles = strips.reshape(down, across, c)
        # To reduce short rows one by one is slow; column after column, as here, NumPy's order for them is the same.
        short = c < 8
        result: Array = reduce(combine, np.moveaxis(tiles, 2, 0)) if short else combine.reduce(tiles, axis=2)
        return result.reshape(-1)

    def spread(self, name: str, flags: Bools) -> Bools:
        (rows, columns), (r, c) = self.shapes[name], self._shape
        down, across = self._tiled((rows, columns))
        filled = np.broadcast_to(flags.reshape(down, 1, across, 1), (down, r, across, c))
        return filled.reshape(down * r, across * c)[:rows, :columns]

    def of_weight(self, name: str, index: tuple[int, ...]) -> list[tuple[str, int, str]]:
        position, sides = 0, []
        for noun, i, n, k, tiles in zip(
            ("input", "output"), index, self.shapes[name], self._shape, self._tiled(self.shapes[name]), strict=True
        ):
            position = position * tiles + i // k
            start = i // k * k
            sides.append(span(noun, start, min(start + k, n)))
        return [(name, position, f"{self.noun} of {sides[0]} and {sides[1]} of {name.split('.')[0]}")]

    def _tiled(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Return how many tiles there are down the inputs, and across the outputs."""
        return -(-shape[0] // self._shape[0]), -(-shape[1] // self._shape[1])

    def _rectangles(self, shape: tuple[int, ...]) -> Array:
        return rectangle_numbers(shape, self._shape)


def rectangle_numbers(shape: tuple[int, ...], tile: tuple[int, int]) -> Array:
    """Return the number of the rectangle that each weight of a layer is in: row by row.

    Examples
    --------
    >>> rectangle_numbers((3, 5), (2, 2))
    array([[0, 0, 1, 1, 2],
           [0, 0, 1, 1, 2],
           [3, 3, 4, 4, 5]])
    """
    (rows, columns), (r, c) = shape, tile
    return np.add.outer(np.arange(rows) // r * -(-columns // c), np.arange(columns) // c)
