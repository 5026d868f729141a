"""What every kind of unit answers: what can go, what it is worth, what it takes along, and how it comes back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np

from minprune.arguments import Array, Bools
from minprune.errors import InvalidValueError
from minprune.nn.network import Network


class Units(ABC):
    """The units of one network under one pattern: what can be dropped, what each is worth, and what it takes along.

    Units live in layers, which go by the name of their weight. All arrays are flat, one entry a unit.

    Attributes
    ----------
    noun : str
        What a unit is called.
    scores : dict of str to array
        Each unit's score, by layer, in layer order.
    alive : dict of str to bool array
        Whether it can go: it has any kept weight left to lose, and the pattern lets it.
    sizes : dict of str to int array, or None
        How many kept weights it has; None if every live unit has exactly one.
    separable : bool
        Whether no weight belongs to two units.
    shapes : dict of str to (int, int)
        Inputs and outputs of each prunable layer.
    total, gone : dict of str to int
        The weights of each prunable layer, and how many of them are pruned already.
    spared, advice : str
        Of a pattern that never lets some live units go: where those are, and what to do if more is asked than the
        others come to. Empty for all other patterns.
    """

    noun: str
    separable: bool
    scores: dict[str, Array]
    alive: dict[str, Bools]
    sizes: dict[str, Array] | None
    spared = ""
    advice = ""

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

    @property
    def dead(self) -> dict[str, Bools]:
        """Whether every weight of a unit is gone, by layer."""
        return {name: ~alive for name, alive in self.alive.items()}

    def may_go(self, name: str) -> int:
        """Return how many kept weights the candidates of a layer come to."""
        alive = self.alive[name]
        return int(np.count_nonzero(alive) if self.sizes is None else self.sizes[name][alive].sum())

    def safe(self, name: str) -> int:
        """Return how many live units of a layer the pattern never lets go: none, unless it says so."""
        return 0

    def left(self, dropped: Mapping[str, Bools]) -> dict[str, int]:
        """Return how many live units each layer keeps when these go."""
        return {
            name: self.safe(name) + int(np.count_nonzero(alive & ~dropped[name] if name in dropped else alive))
            for name, alive in self.alive.items()
        }

    def growth(self, scores: Mapping[str, Array], dropped: Mapping[str, Bools]) -> dict[str, Array]:
        """Return what each unit would be worth if it came back; see `Separable.growth`."""
        raise InvalidValueError(f"{self.noun}s share weights, and so can't be grown one by one")


class Separable(Units):
    """Units that share no weights: they can be counted layer by layer, and brought back one by one.

    A new kind sets `noun`, `scores` and `alive`, `sizes` and `full` if units have more than one weight, and writes
    `spread`, `judged` and `of_weight`.

    Regrowth brings dead units back, whole. In one round of drop and grow, `dropped` being the units that go:

        worth = units.growth(scores, dropped)      the highest come back; −inf can't
        masks = units.regrown(dropped, grown)      instead of ``units.masks(dropped)``

    Up for dropping there is every unit that is not `dead`: in an N:M pattern that is full none is `alive`, but each can
    make room for another.

    Attributes
    ----------
    full : dict of str to int array, or None
        How many weights a unit has when none is gone: what comes back with it. None if that is one.
    """

    separable = True
    sizes: dict[str, Array] | None = None
    full: dict[str, Array] | None = None

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self._masks = {name: p.mask for name, p in network.prunable.items()}

    @abstractmethod
    def spread(self, name: str, flags: Bools) -> Bools:
        """Return, in the layer's shape, which weights are in a unit whose flag is True."""

    @abstractmethod
    def judged(self, name: str, scores: Array, mask: Bools) -> Array:
        """Return the units' scores, made of the weights' scores where `mask` is True."""

    def lost(self, layers: Sequence[str], order: Array) -> Array:
        if self.sizes is None:
            return np.arange(1, len(order) + 1)
        lost: Array = np.cumsum(np.concatenate([self.sizes[name] for name in layers])[order])
        return lost

    def masks(self, dropped: Mapping[str, Bools]) -> dict[str, Bools]:
        return {
            name: mask & ~self.spread(name, dropped[name]) if name in dropped else mask
            for name, mask in self._masks.items()
        }

    def growth(self, scores: Mapping[str, Array], dropped: Mapping[str, Bools]) -> dict[str, Array]:
        """Return what each unit would be worth if it came back, by layer; −inf where it can't.

        A unit can come back if all its weights are gone once `dropped` is: those that go this time are among them
        (give their weights low scores, and they come last). Of the units of one layer that are not −inf, any number
        may come back together.

        Parameters
        ----------
        scores : mapping of str to array
            A score ≥ 0 for each prunable weight, gone ones above all: the size of its gradient, or a random number.
        dropped : mapping of str to bool array
            The units that go, by layer; none of a layer that is not named.
        """
        masks, result = self.masks(dropped), {}
        for name, dead in self.dead.items():
            worth = self.judged(name, scores[name], np.ones_like(masks[name]))
            gone = dead | dropped[name] if name in dropped else dead
            result[name] = np.where(gone & self._has_room(name, worth, masks[name]), worth, -np.inf)
        return result

    def regrown(self, dropped: Mapping[str, Bools], grown: Mapping[str, Bools]) -> dict[str, Bools]:
        """Return the new masks when the units of `dropped` go and then those of `grown` come back, each whole."""
        masks = self.masks(dropped)
        return {name: mask | self.spread(name, grown[name]) if name in grown else mask for name, mask in masks.items()}

    def _has_room(self, name: str, worth: Array, mask: Bools) -> Bools:
        """Return whether the pattern lets a dead unit back in, the others of the highest worth coming as well."""
        return np.ones(worth.size, dtype=np.bool_)
