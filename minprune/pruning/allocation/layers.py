"""Allocations that need nothing but the sparsity asked for: all layers together, all alike, or each as told."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from minprune.arguments import Array, choice, fraction
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.allocation.allocation import Allocation, Group, check_level, check_question, known_layers
from minprune.pruning.units import Units


class Global(Allocation):
    """All layers compete: the lowest scores of the network go, wherever they are.

    Needs scores that mean the same in every layer. At high sparsity it can starve a layer; `min_keep` stands in
    between.

    References
    ----------
    Blalock et al. (2020), "What is the state of neural network pruning?", on global and layerwise magnitude pruning.

    Examples
    --------
    >>> Global()
    Global()
    """

    def groups(self, units: Units, sparsity: float) -> list[Group]:
        check_question(units, sparsity)
        return [Group(tuple(units.scores), round(sparsity * sum(units.total.values())))]


class Uniform(Allocation):
    """Every layer gives up the same share of its weights; ``within="output"``: every output gives up the same share.

    Weights of a layer are compared with each other, or only those that lead to the same output, as for `ActivationNorm`
    in its paper. Of a layer's outputs none then loses more than one weight more than another, unless it had lost more
    already, and the layer's count stays exact; which of them lose that one weight is a matter of position.

    Units that span two layers can't be counted layer by layer. There, units go in the order of their rank within
    their layer, as a share of the layer's units, until the network's count is met: every layer gives up the same
    share of its units.

    Parameters
    ----------
    within : {"layer", "output"}
        What weights are compared with. "output" needs a pattern of single weights: `Unstructured` or `NM`.

    References
    ----------
    Zhu & Gupta (2018), "To prune, or not to prune". Sun, Liu, Bair & Kolter (2024), "A simple and effective pruning
    approach for large language models" (Wanda), on comparing within each output.

    Examples
    --------
    >>> Uniform(), Uniform(within="output")
    (Uniform(), Uniform(within='output'))
    """

    def __init__(self, *, within: str = "layer") -> None:
        self.within = choice(within, "within", "Uniform", ("layer", "output"))

    def groups(self, units: Units, sparsity: float) -> list[Group]:
        check_question(units, sparsity)
        if self.within == "output":
            scores = _output_shares(units)
            return [Group((name,), round(sparsity * units.total[name]), scores=scores) for name in units.scores]
        if units.separable:
            return [Group((name,), round(sparsity * units.total[name])) for name in units.scores]
        return [in_proportion(units, dict.fromkeys(units.scores, 1.0), round(sparsity * sum(units.total.values())))]

    def __repr__(self) -> str:
        return "Uniform()" if self.within == "layer" else f"Uniform(within={self.within!r})"


class PerLayer(Allocation):
    """Each named layer gives up its own share; the others stay as they are.

    It says how much goes, so `plan` is called without ``sparsity=``. For units that span layers, such as neurons, the
    shares are of the layer's units.

    Parameters
    ----------
    sparsities : mapping of str to float
        Name of a weight, or of its layer, to a sparsity in [0, 1).

    Examples
    --------
    >>> PerLayer({"dense1": 0.9, "dense2.weight": 0.5})
    PerLayer({'dense1.weight': 0.9, 'dense2.weight': 0.5})
    """

    sets_sparsity = True

    def __init__(self, sparsities: Mapping[str, float]) -> None:
        if not isinstance(sparsities, Mapping) or not sparsities:
            raise InvalidTypeError(
                f"sparsities must be a mapping of layers to sparsities, got {sparsities!r} in PerLayer()"
            )
        self.sparsities: dict[str, float] = {}
        for name, value in sparsities.items():
            if not isinstance(name, str):
                raise InvalidTypeError(f"sparsities must go by the names of layers, got {name!r} in PerLayer()")
            full = name if "." in name or name == "inputs" else f"{name}.weight"
            if full in self.sparsities:
                raise InvalidValueError(f"sparsities must name a layer once, got {full} twice in PerLayer()")
            self.sparsities[full] = fraction(value, f"sparsities[{name!r}]", "PerLayer")

    def groups(self, units: Units, sparsity: float) -> list[Group]:
        check_question(units, sparsity)
        known_layers(self.sparsities, units, "PerLayer()")
        if units.separable:
            return [Group((name,), round(s * units.total[name])) for name, s in self.sparsities.items()]
        return [Group((name,), round(s * units.scores[name].size), "units") for name, s in self.sparsities.items()]

    def scaled(self, level: Callable[[float], float]) -> PerLayer:
        check_level(level)
        return PerLayer({name: level(s) for name, s in self.sparsities.items()})

    def __repr__(self) -> str:
        return f"PerLayer({self.sparsities})"


def in_proportion(units: Units, shares: Mapping[str, float], target: int) -> Group:
    """Return one group in which each layer gives up its units in proportion to its share, until `target` is met.

    A unit's place is (rank + ½) / n within its layer, divided by the layer's share: where all layers are at the same
    place, each has given that multiple of its share. Layers without a share (such as inputs) go along at the mean.
    """
    usual = sum(shares.values()) / len(shares)
    scores = {}
    for name in units.scores:
        share = max(shares.get(name, usual), 1e-9)  # a layer that shall keep all it has goes last
        scores[name] = rank_shares(units.scores[name], units.alive[name]) / share
    return Group(tuple(scores), target, scores=scores)


def rank_shares(scores: Array, alive: Array) -> Array:
    """Return (rank + ½) / n for each of n units, in the order (score, position), dead units first.

    Examples
    --------
    >>> rank_shares(np.array([3.0, 1.0, 1.0, 2.0]), np.array([True, True, True, False]))
    array([0.875, 0.375, 0.625, 0.125])
    """
    order = np.lexsort((scores, alive))
    shares = np.empty(scores.size)
    shares[order] = (np.arange(scores.size) + 0.5) / scores.size
    return shares


def _output_shares(units: Units) -> dict[str, Array]:
    """Return (rank + ½) / n for each weight among the n that lead to its output: gone first, spared ones last."""
    if units.sizes is not None:
        raise InvalidValueError(
            f"Uniform(within='output') compares the single weights of an output: it needs Unstructured() or NM(), "
            f"got {units.noun}s in plan()"
        )
    result = {}
    for name, shape in units.shapes.items():
        dead, alive, scores = (of[name].reshape(shape) for of in (units.dead, units.alive, units.scores))
        order = np.lexsort((scores, np.where(alive, 1, np.where(dead, 0, 2))), axis=0)
        shares = np.empty(shape)
        np.put_along_axis(shares, order, (np.arange(shape[0])[:, None] + 0.5) / shape[0], axis=0)
        result[name] = shares.reshape(-1)
    return result
