"""Neurons: an incoming column, the bias and an outgoing row; and the input features, of which there is just the row."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from minprune.arguments import Array, Bools
from minprune.errors import InvalidValueError
from minprune.nn.network import Network
from minprune.pruning.criteria import check_scores
from minprune.pruning.criteria.neuron import INPUTS
from minprune.pruning.units.reduction import Reduction, one_by_one
from minprune.pruning.units.units import Units


class HiddenNeurons(Units):
    """The neurons of the hidden layers, and on request the input features, as a layer named "inputs" before them.

    Neurons stand between two weights: number k between weight k − 1, of which it is a column, and weight k, of which it
    is a row. Before the first weight stand the inputs; what comes after the last, the outputs, is not up for dropping.
    """

    noun = "neuron"
    separable = False

    def __init__(
        self,
        network: Network,
        scores: Mapping[str, Array],
        how: Reduction | Callable[[Array], float],
        *,
        inputs: bool,
    ) -> None:
        super().__init__(network)
        self._dense = network.dense
        self._names = [layer.weight.name for layer in network.dense]
        self._masks = [layer.weight.mask for layer in network.dense]
        self.scores, self.alive, self.sizes = {}, {}, {}
        worth = [scores[name] for name in self._names]
        if isinstance(how, Reduction):
            worth = [how.prepared(s, mask) for s, mask in zip(worth, self._masks, strict=True)]
        for k in range(0 if inputs else 1, len(self._names)):
            name = self._between(k)
            size = np.sum([mask.sum(axis=axis) for mask, axis in self._sides(k, self._masks)], axis=0)
            self.sizes[name], self.alive[name] = size, size > 0
            if isinstance(how, Reduction):
                with np.errstate(over="ignore"):  # what is infinite is refused by `plan`
                    parts = [how.combine.reduce(values, axis=axis) for values, axis in self._sides(k, worth)]
                    both = parts[0] if k == 0 else how.combine(*parts)
                self.scores[name] = how.finished(both, size)
            else:
                self.scores[name] = one_by_one(how, self._kept(k, worth, size.size))

    def _between(self, k: int) -> str:
        """Return the name of the layer of units in front of weight k: that of the weight that leads into them."""
        return self._names[k - 1] if k else INPUTS

    @staticmethod
    def _sides(k: int, arrays: Sequence[Array]) -> list[tuple[Array, int]]:
        """Return the one or two arrays that the units in front of weight k have a part of, and the axis along it."""
        return [(arrays[k - 1], 0), (arrays[k], 1)] if k else [(arrays[k], 1)]

    def _kept(self, k: int, scores: Sequence[Array], units: int) -> Iterator[Array]:
        """Go through the units in front of weight k and give the scores of each one's kept weights, incoming first."""
        sides = zip(self._sides(k, scores), self._sides(k, self._masks), strict=True)
        rows = [(s.T, m.T) if axis == 0 else (s, m) for (s, axis), (m, _) in sides]
        for i in range(units):
            yield np.concatenate([s[i][m[i]] for s, m in rows])

    def rescored(self, scores: Mapping[str, Array]) -> HiddenNeurons:
        """Return these units with a score given for each, by layer, instead of what the weights' scores make of it."""
        result = copy.copy(self)
        result.scores = {}
        for name, own in self.scores.items():
            if name not in scores:
                hint = "; leave out inputs=True" if name == INPUTS else ""
                raise InvalidValueError(
                    f"scores of neurons must hold {name!r}, got {', '.join(scores)} in plan(){hint}"
                )
            result.scores[name] = check_scores(f"neurons of {name}", scores[name], own.shape, "plan")
        return result

    def lost(self, layers: Sequence[str], order: Array) -> Array:
        never = len(order)
        place = np.full(sum(self.scores[name].size for name in layers), never)
        place[order] = np.arange(never)
        ends = np.cumsum([self.scores[name].size for name in layers])
        places = dict(zip(layers, np.split(place, ends[:-1]), strict=True))
        falls = np.zeros(never + 1, dtype=np.int64)
        for k, mask in enumerate(self._masks):
            # A weight falls when the first of its two units does; outputs never do.
            before, after = places.get(self._between(k)), places.get(self._names[k])
            rows = np.full(mask.shape[0], never) if before is None else before
            columns = np.full(mask.shape[1], never) if after is None else after
            falls += np.bincount(np.minimum.outer(rows, columns)[mask], minlength=never + 1)
        return np.cumsum(falls[:never])

    def masks(self, dropped: Mapping[str, Bools]) -> dict[str, Bools]:
        result = {}
        for k, (layer, mask) in enumerate(zip(self._dense, self._masks, strict=True)):
            name, before = self._names[k], self._between(k)
            if before in dropped:
                mask = mask & ~dropped[before][:, None]
            if name in dropped:
                mask = mask & ~dropped[name]
                if layer.bias is not None:
                    result[layer.bias.name] = layer.bias.mask & ~dropped[name]
            result[name] = mask
        return result

    def left(self, dropped: Mapping[str, Bools]) -> dict[str, int]:
        """Return how many live neurons each layer keeps: one whose last kept weights go with others is dead too."""
        new = self.masks(dropped)
        masks = [new[name] for name in self._names]
        sizes = {
            self._between(k): np.sum([mask.sum(axis=axis) for mask, axis in self._sides(k, masks)], axis=0)
            for k in range(len(masks))
        }
        return {name: int(np.count_nonzero(sizes[name])) for name in self.alive}

    def of_weight(self, name: str, index: tuple[int, ...]) -> list[tuple[str, int, str]]:
        k = self._names.index(name)
        sides = zip((self._between(k), name), index, strict=True)
        return [(layer, unit, self._label(layer, unit)) for layer, unit in sides if layer in self.scores]

    @staticmethod
    def _label(layer: str, unit: int) -> str:
        return f"input {unit}" if layer == INPUTS else f"neuron {unit} of {layer.split('.')[0]}"
