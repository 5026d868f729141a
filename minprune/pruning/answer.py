"""A plan: the immutable answer to "which weights go", with the counts and the reason for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from minprune.arguments import Array, Bools, mask_of_shape, whole
from minprune.display import count, percent, table
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.nn.network import Network
from minprune.pruning.explanation import Decision, Explanation, explain, place


@dataclass(frozen=True)
class LayerPlan:
    """What a plan does to one layer: counts of its weights.

    ``pruned_before`` are gone already; ``asked`` is what the allocation wanted gone in the end (None if layers
    compete and only their sum is set), ``achieved`` what will be.
    """

    name: str
    weights: int
    pruned_before: int
    asked: int | None
    achieved: int

    @property
    def sparsity(self) -> float:
        return self.achieved / self.weights


@dataclass(frozen=True)
class Rounds:
    """Of a plan made in several rounds: how many, in which each weight fell, and how to make one again.

    Attributes
    ----------
    number : int
    fell : mapping of str to int array
        The round in which each weight fell, from 1; 0 if it did not.
    again : function
        Returns the plan of a round: scores are the same every time, so it is the one that was.
    """

    number: int
    fell: Mapping[str, Array]
    again: Callable[[int], Plan]

    def fell_in(self, name: str, index: Sequence[int]) -> int:
        at = place(name, index, self.fell)  # which refuses a name that is none
        return int(self.fell[name][at])


@dataclass(frozen=True, eq=False)
class Plan:
    """Which weights go. Immutable; nothing has been changed yet.

    Attributes
    ----------
    masks : mapping of str to bool array
        The new mask of each prunable weight, and of each bias that goes with a neuron. Read-only.
    values : mapping of str to array
        What kept weights (and biases) become to make up for those that go, if the criterion says so
        (`OptimalBrainSurgeon`); mostly empty.
    requested, achieved : int
        Prunable weights asked to be gone, and that will be, those gone before included. They are equal for single
        weights; for larger units, ``requested − achieved`` is less than one unit.
    layers : tuple of LayerPlan
    scores : mapping of str to array
        The score of each weight; of several rounds, in the last in which it was up for decision.
    recipe : str

    Examples
    --------
    >>> from minprune import Magnitude, plan
    >>> made = plan(Network.mlp([4, 8, 2], rng=0), Magnitude(), sparsity=0.75)
    >>> made.requested, made.achieved, made.weights
    (36, 36, 48)
    """

    masks: Mapping[str, Bools]
    requested: int
    achieved: int
    layers: tuple[LayerPlan, ...]
    scores: Mapping[str, Array]
    recipe: str
    _decision: Decision
    values: Mapping[str, Array] = field(default_factory=lambda: MappingProxyType({}))
    _rounds: Rounds | None = None

    def __post_init__(self) -> None:
        for what in ("masks", "scores", "values"):
            if not isinstance(getattr(self, what), Mapping):
                raise InvalidTypeError(
                    f"{what} must be a mapping of names to arrays, got {getattr(self, what)!r} in Plan()"
                )
        if not isinstance(self.layers, tuple) or not all(isinstance(layer, LayerPlan) for layer in self.layers):
            raise InvalidTypeError(f"layers must be a tuple of LayerPlans, got {self.layers!r} in Plan()")
        for name, mask in self.masks.items():
            mask_of_shape(mask, np.shape(mask), name, "Plan")
        for layer in self.layers:
            for what in ("masks", "scores"):
                if layer.name not in getattr(self, what):
                    raise InvalidValueError(f"{what} must have {layer.name}, a layer of the plan, in Plan()")
        for what in ("requested", "achieved"):
            whole(getattr(self, what), what, "Plan", at_least=0)
        if not isinstance(self._decision, Decision):
            raise InvalidTypeError(
                f"a Plan is made by plan(), which knows its reasons, got {self._decision!r} in Plan()"
            )

    @property
    def weights(self) -> int:
        """The number of prunable weights, N."""
        return sum(layer.weights for layer in self.layers)

    @property
    def sparsity(self) -> float:
        """The share of prunable weights that will be gone."""
        return self.achieved / self.weights

    def apply(self, network: Network) -> Network:
        """Return a copy of `network` with these masks, and `values` if there are any; what is pruned in it already
        stays pruned.

        Raises
        ------
        InvalidValueError
            A network with other layers than the one planned for.
        """
        self._check_fits(network, "apply")
        result = network.copy()
        self.apply_in_place(result)
        return result

    def apply_in_place(self, network: Network) -> None:
        """Set these masks and values on `network` itself: for a pruner at work inside `fit`."""
        self._check_fits(network, "apply_in_place")
        for name, mask in self.masks.items():
            parameter = network.parameters[name]
            parameter.mask = parameter.mask & mask
        for name, value in self.values.items():
            network.parameters[name].value = value

    def _check_fits(self, network: Network, where: str) -> None:
        if not isinstance(network, Network):
            raise InvalidTypeError(f"network must be a Network, got {type(network).__name__} in {where}()")
        planned = {name: array.shape for arrays in (self.masks, self.values) for name, array in arrays.items()}
        shapes = {name: p.shape for name, p in network.parameters.items() if p.prunable or name in planned}
        if shapes != planned:
            raise InvalidValueError(f"network must have the layers planned for, {planned}, got {shapes} in {where}()")

    def explain(self, name: str, index: Sequence[int]) -> Explanation:
        """Say why one weight stays or goes: its score, its unit's rank among the candidates, the cutoff, the verdict.

        Parameters
        ----------
        name : str
            Of a prunable weight.
        index : (int, int)
            Input and output.

        Examples
        --------
        >>> from minprune import Magnitude, plan
        >>> net = Network.mlp([2, 2], rng=0)
        >>> plan(net, Magnitude(), sparsity=0.5).explain("dense1.weight", (0, 1))
        dense1.weight (0, 1) stays: score 1.39, rank 4 of 4 (1 goes first), budget 2 weights, cutoff 0.804
        """
        found = self._rounds.fell_in(name, index) if self._rounds is not None else 0
        if self._rounds is None or found == 0:
            return explain(name, index, self.scores, self.masks, self._decision)
        why = self._rounds.again(found).explain(name, index)
        return replace(why, round=found, text=f"{why.text}, in round {found} of {self._rounds.number}")

    @property
    def collapses(self) -> dict[str, float]:
        """The sparsity at which each layer would be empty if pruning went on with these scores and without
        `min_keep`, lowest first: that layer goes first.

        Only of layers that compete with others for a budget, as under `Global` and `LAMP`; where each layer has its
        own, none is emptied before 1. If not all layers compete, it is the sparsity of those that do. Of `Neurons`, a
        layer is empty when its neurons are gone.
        """
        return self._decision.collapses()

    def to_dict(self) -> dict[str, object]:
        """Return the counts as plain values."""
        rows = [vars(layer) | {"sparsity": layer.sparsity} for layer in self.layers]
        totals = {"requested": self.requested, "achieved": self.achieved, "sparsity": self.sparsity}
        return totals | {"weights": self.weights, "recipe": self.recipe, "layers": rows}

    def __repr__(self) -> str:
        rows: list[Sequence[object]] = [
            (
                layer.name,
                count(layer.weights),
                count(layer.pruned_before),
                "shared" if layer.asked is None else count(layer.asked),
                count(layer.achieved),
                count(layer.weights - layer.achieved),
                percent(layer.sparsity),
            )
            for layer in self.layers
        ]
        before = count(sum(layer.pruned_before for layer in self.layers))
        left = count(self.weights - self.achieved)
        total = ("total", count(self.weights), before, count(self.requested), count(self.achieved), left)
        rows += [(), (*total, percent(self.sparsity))]
        headers = ["layer", "weights", "gone before", "asked", "achieved", "kept", "sparsity"]
        return "\n".join([table(headers, rows, title=f"Plan: {self.recipe}"), *self._warning()])

    def _warning(self) -> list[str]:
        """Return a line that names the layer which pruning on would empty first, if that is near."""
        limits = self.collapses
        if not limits:
            return []
        name, limit = next(iter(limits.items()))
        left, noun, rivals, asked = self._decision.left(name)
        counted = [layer for layer in self.layers if layer.name in rivals]
        weights = sum(layer.weights for layer in counted)
        reached = sum(layer.achieved for layer in counted) / weights
        if 1 - limit <= (1 - reached) / 2:  # more than half of what is left would have to go
            return []
        of = "" if len(counted) == len(self.layers) else f" of {', '.join(rivals)}"
        saved = " but for min_keep" if limit <= max(reached, asked / weights) and left else ""
        keeps = f"{count(left)} {noun}{'' if left == 1 else 's'}"
        return [f"{name} collapses first, at a sparsity of {_down(limit):g}{of}{saved}; here it keeps {keeps}"]


def _down(share: float) -> float:
    return float(np.floor(1e4 * share) / 1e4)
