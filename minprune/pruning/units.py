"""Units: what one decision drops, what it is worth, and what it takes along.

Unless told otherwise a unit's score is the mean square of the scores of its kept weights,

    S(u) = 1/|u| Σ_{w ∈ u} s(w)²

Units of one layer may each have their own weights (then a layer can be counted by itself: they are *separable*), or
share some with units of the next layer, as neurons do: a weight falls with the first of its units that does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from minprune.arguments import Array, Bools
from minprune.nn.network import Network


@dataclass(frozen=True)
class Reduction:
    """How scores of weights become the score of their unit: f of each, combined by a ufunc, divided by how many."""

    each: Callable[[Array], Array]
    combine: np.ufunc
    mean: bool

    def worth(self, scores: Array, mask: Bools) -> Array:
        """Return f of each score, in float64; 0 where the weight is gone."""
        with np.errstate(over="ignore"):  # a square beyond float64 is infinite, and `plan` refuses it
            return np.where(mask, self.each(scores.astype(np.float64)), 0.0)


REDUCTIONS = {
    "mean_square": Reduction(np.square, np.add, mean=True),
    "mean": Reduction(np.positive, np.add, mean=True),
    "sum": Reduction(np.positive, np.add, mean=False),
    "max": Reduction(np.positive, np.maximum, mean=False),
}


class Units(ABC):
    """The units of one network under one pattern: what can be dropped, what each is worth, and what it takes along.

    Units live in layers, which go by the name of their weight. All arrays are flat, one entry a unit.

    Attributes
    ----------
    noun : str
        What a unit is called.
    spared : str
        Why a unit with kept weights may be no candidate, if the pattern has such units.
    scores : dict of str to array
        Each unit's score, by layer, in layer order.
    alive : dict of str to bool array
        Whether it has any kept weight left to lose.
    sizes : dict of str to int array, or None
        How many kept weights it has; None if every live unit has exactly one.
    separable : bool
        Whether no weight belongs to two units.
    shapes : dict of str to (int, int)
        Inputs and outputs of each prunable layer.
    total, gone : dict of str to int
        The weights of each prunable layer, and how many of them are pruned already.
    """

    noun: str
    spared = "not up for decision"
    separable: bool
    scores: dict[str, Array]
    alive: dict[str, Bools]
    sizes: dict[str, Array] | None

    def __init__(self, network: Network) -> None:
        self.shapes = {name: p.shape for name, p in network.prunable.items()}
        self.total = {name: p.size for name, p in network.prunable.items()}
        self.gone = {name: p.size - p.kept for name, p in network.prunable.items()}

    @abstractmethod
    def lost(self, layers: Sequence[str], order: Array) -> Array:
        """Return how many kept weights are lost with the first 1, 2, … units of `order`.

        `order` holds positions in the units of `layers`, one layer after another.
        """

    @abstractmethod
    def masks(self, dropped: Mapping[str, Bools]) -> dict[str, Bools]:
        """Return the new mask of every parameter that loses something when these units are dropped."""

    @abstractmethod
    def of_weight(self, name: str, index: tuple[int, ...]) -> list[tuple[str, int, str]]:
        """Return the units that a weight belongs to: (layer, position, how to call it)."""


class SingleWeights(Units):
    """Each weight by itself; the case that has to be fast."""

    noun = "weight"
    separable = True
    sizes = None

    def __init__(self, network: Network, scores: Mapping[str, Array]) -> None:
        super().__init__(network)
        self._masks = {name: p.mask for name, p in network.prunable.items()}
        self.scores = {name: scores[name].reshape(-1) for name in self._masks}
        self.alive = {name: mask.reshape(-1) for name, mask in self._masks.items()}

    def lost(self, layers: Sequence[str], order: Array) -> Array:
        return np.arange(1, len(order) + 1)

    def masks(self, dropped: Mapping[str, Bools]) -> dict[str, Bools]:
        return {
            name: mask & ~dropped[name].reshape(mask.shape) if name in dropped else mask
            for name, mask in self._masks.items()
        }

    def of_weight(self, name: str, index: tuple[int, ...]) -> list[tuple[str, int, str]]:
        position = int(np.ravel_multi_index(index, self._masks[name].shape))
        return [(name, position, f"weight {index}")]


class Tiles(Units):
    """Disjoint sets of weights that cover each layer, given by the number of the tile that each weight is in."""

    separable = True

    def __init__(
        self,
        network: Network,
        scores: Mapping[str, Array],
        how: Reduction,
        numbers: Callable[[tuple[int, ...]], Array],
        noun: str,
    ) -> None:
        super().__init__(network)
        self.noun = noun
        self._masks = {name: p.mask for name, p in network.prunable.items()}
        self._numbers = {name: np.asarray(numbers(mask.shape)) for name, mask in self._masks.items()}
        self.scores, self.alive, self.sizes = {}, {}, {}
        for name, mask in self._masks.items():
            number = self._numbers[name].reshape(-1)
            size = np.bincount(number, mask.reshape(-1)).astype(np.int64)
            both = np.zeros(size.size)
            how.combine.at(both, number, how.worth(scores[name], mask).reshape(-1))
            self.scores[name] = both / np.maximum(size, 1) if how.mean else both
            self.alive[name], self.sizes[name] = size > 0, size

    def lost(self, layers: Sequence[str], order: Array) -> Array:
        assert self.sizes is not None
        lost: Array = np.cumsum(np.concatenate([self.sizes[name] for name in layers])[order])
        return lost

    def masks(self, dropped: Mapping[str, Bools]) -> dict[str, Bools]:
        return {
            name: mask & ~dropped[name][self._numbers[name]] if name in dropped else mask
            for name, mask in self._masks.items()
        }

    def of_weight(self, name: str, index: tuple[int, ...]) -> list[tuple[str, int, str]]:
        number = int(self._numbers[name][index])
        return [(name, number, f"{self.noun} {number} of {name.split('.')[0]}")]


class HiddenNeurons(Units):
    """The neurons of the hidden layers: an incoming column, the bias and an outgoing row."""

    noun = "neuron"
    separable = False

    def __init__(self, network: Network, scores: Mapping[str, Array], how: Reduction) -> None:
        super().__init__(network)
        self._dense = network.dense
        self._names = [layer.weight.name for layer in network.dense]
        self._masks = [layer.weight.mask for layer in network.dense]
        worth = [how.worth(scores[name], mask) for name, mask in zip(self._names, self._masks, strict=True)]
        self.scores, self.alive, self.sizes = {}, {}, {}
        for k, name in enumerate(self._names[:-1]):
            both = how.combine(how.combine.reduce(worth[k], axis=0), how.combine.reduce(worth[k + 1], axis=1))
            size = self._masks[k].sum(axis=0) + self._masks[k + 1].sum(axis=1)
            self.scores[name] = both / np.maximum(size, 1) if how.mean else both
            self.alive[name], self.sizes[name] = size > 0, size

    def lost(self, layers: Sequence[str], order: Array) -> Array:
        never = len(order)
        place = np.full(sum(self.scores[name].size for name in layers), never)
        place[order] = np.arange(never)
        ends = np.cumsum([self.scores[name].size for name in layers])
        places = dict(zip(layers, np.split(place, ends[:-1]), strict=True))
        falls = np.zeros(never + 1, dtype=np.int64)
        for k, mask in enumerate(self._masks):
            # A weight falls when the first of its two neurons does; inputs and outputs never do.
            before = places.get(self._names[k - 1]) if k else None
            after = places.get(self._names[k])
            rows = np.full(mask.shape[0], never) if before is None else before
            columns = np.full(mask.shape[1], never) if after is None else after
            falls += np.bincount(np.minimum.outer(rows, columns)[mask], minlength=never + 1)
        return np.cumsum(falls[:never])

    def masks(self, dropped: Mapping[str, Bools]) -> dict[str, Bools]:
        result = {}
        for k, (layer, mask) in enumerate(zip(self._dense, self._masks, strict=True)):
            name, before = self._names[k], self._names[k - 1] if k else ""
            if before in dropped:
                mask = mask & ~dropped[before][:, None]
            if name in dropped:
                mask = mask & ~dropped[name]
                if layer.bias is not None:
                    result[layer.bias.name] = layer.bias.mask & ~dropped[name]
            result[name] = mask
        return result

    def of_weight(self, name: str, index: tuple[int, ...]) -> list[tuple[str, int, str]]:
        k = self._names.index(name)
        sides = [(self._names[k - 1], index[0])] if k else []
        sides += [(name, index[1])] if name in self.scores else []
        return [(layer, unit, f"neuron {unit} of {layer.split('.')[0]}") for layer, unit in sides]
