"""Single weights: each for itself, or so many of each group of inputs (N:M)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from minprune.arguments import Array, Bools
from minprune.nn.network import Network
from minprune.pruning.units.units import Separable

_PAIRS = 32  # in groups up to this size, comparing each with each is faster than sorting


class SingleWeights(Separable):
    """Each weight by itself; the case that has to be fast."""

    noun = "weight"

    def __init__(self, network: Network, scores: Mapping[str, Array]) -> None:
        super().__init__(network)
        self.scores = {name: scores[name].reshape(-1) for name in self._masks}
        self.alive = {name: mask.reshape(-1) for name, mask in self._masks.items()}

    def spread(self, name: str, flags: Bools) -> Bools:
        return flags.reshape(self.shapes[name])

    def judged(self, name: str, scores: Array, mask: Bools) -> Array:
        return scores.reshape(-1)

    def of_weight(self, name: str, index: tuple[int, ...]) -> list[tuple[str, int, str]]:
        return [(name, int(np.ravel_multi_index(index, self.shapes[name])), f"weight {index}")]


class Slots(SingleWeights):
    """Single weights in groups of m inputs of each output, of which the n highest are never up for dropping.

    Whatever goes, then, n of every m stay, and when all that may go has gone, the pattern is full. A weight that is
    gone already counts as the lowest of its group. A last group of r < m inputs keeps its share, ⌈n r / m⌉. A weight
    can come back where its group has no more than n then, or no more than it had before.
    """

    noun = "slot"

    def __init__(self, network: Network, scores: Mapping[str, Array], n: int, m: int) -> None:
        super().__init__(network, scores)
        self.n, self.m = n, m
        self.spared = f"among the highest of its group, which {n}:{m} keeps"
        self.advice = f"{n}:{m} lets no more go: leave out sparsity= for all that it does, or take another N:M"
        for name, mask in self._masks.items():
            counted = np.where(mask, scores[name], -1) if self.gone[name] else scores[name]  # a score is ≥ 0
            sizes = np.diff(self._starts(name), append=mask.shape[0])
            low = lowest_of_groups(counted, self.m, (sizes - self._keeps(name))[:, None])
            self.alive[name] = (low & mask).reshape(-1)

    @property
    def dead(self) -> dict[str, Bools]:
        return {name: ~mask.reshape(-1) for name, mask in self._masks.items()}

    def safe(self, name: str) -> int:
        return self.total[name] - self.gone[name] - int(np.count_nonzero(self.alive[name]))

    def of_weight(self, name: str, index: tuple[int, ...]) -> list[tuple[str, int, str]]:
        ((layer, position, _),) = super().of_weight(name, index)
        i, j = index
        return [(layer, position, f"slot {i % self.m} of {self._group(name, i, j)}")]

    def _group(self, name: str, i: int, j: int) -> str:
        first = i // self.m * self.m
        return f"{span('input', first, min(first + self.m, self.shapes[name][0]))} to output {j}"

    def _starts(self, name: str) -> Array:
        return np.arange(0, self.shapes[name][0], self.m)

    def _keeps(self, name: str) -> Array:
        """Return how many of each group are never dropped."""
        sizes = np.diff(self._starts(name), append=self.shapes[name][0])
        return -(-self.n * sizes // self.m)

    def _has_room(self, name: str, worth: Array, mask: Bools) -> Bools:
        kept, before = (
            np.add.reduceat(m, self._starts(name), axis=0, dtype=np.int64) for m in (mask, self._masks[name])
        )
        vacant = np.maximum(self._keeps(name)[:, None], before) - kept
        highest_first = np.where(mask, np.inf, -worth.reshape(mask.shape))
        return lowest_of_groups(highest_first, self.m, vacant).reshape(-1)


def span(noun: str, start: int, stop: int) -> str:
    """Return ``input 3``, or ``inputs 0–3`` if there are more."""
    return f"{noun} {start}" if stop - start == 1 else f"{noun}s {start}–{stop - 1}"


def lowest_of_groups(values: Array, m: int, count: Array) -> Bools:
    """Return True at the lowest of each group of m neighbours in a column; of equal ones, the upper come first.

    Parameters
    ----------
    values : array, (rows, columns)
        No NaN. The last group is smaller if m doesn't divide the rows.
    m : int
    count : int array, (groups, columns) or (groups, 1)
        How many of each: no more than there are.

    Examples
    --------
    >>> lowest_of_groups(np.array([[3.0], [1.0], [1.0], [2.0], [5.0]]), 4, np.array([[1], [1]]))[:, 0]
    array([False,  True, False, False,  True])
    """
    rows, columns = values.shape
    whole = rows // m * m
    result = np.empty(values.shape, dtype=np.bool_)
    for size, part in ((m, slice(0, whole)), (rows - whole, slice(whole, rows))):
        if part.stop > part.start:
            groups = values[part].reshape(-1, size, columns)
            counts = count[: whole // m] if part.start == 0 and whole else count[whole // m :]
            lowest = _by_pairs if size <= _PAIRS else _by_sorting
            result[part] = lowest(groups, counts[:, None]).reshape(-1, columns)
    return result


def _by_pairs(groups: Array, count: Array) -> Bools:
    """Count, for each, how many come before it: that is its rank."""
    number, size, columns = groups.shape
    rank = np.zeros((size, number, columns), dtype=np.uint8)
    for i in range(size):
        for j in range(i + 1, size):
            later_first = groups[:, j] < groups[:, i]
            rank[i] += later_first
            rank[j] += ~later_first
    return rank.swapaxes(0, 1) < count


def _by_sorting(groups: Array, count: Array) -> Bools:
    """Look up the count-th lowest; what is below it comes first, then of those equal to it the upper ones."""
    count = np.broadcast_to(count, (len(groups), 1, groups.shape[2]))
    cut = np.take_along_axis(np.sort(groups, axis=1), np.maximum(count - 1, 0), axis=1)
    below, tied = groups < cut, groups == cut
    short = count - below.sum(axis=1, keepdims=True)
    lowest: Bools = below | (tied & (np.cumsum(tied, axis=1) <= short))
    return lowest
