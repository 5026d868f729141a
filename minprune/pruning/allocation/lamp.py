"""LAMP: magnitudes made comparable between layers, with nothing to tune.

Take a layer's scores in rising order, s_1 ≤ s_2 ≤ … ≤ s_n. A weight's LAMP score is its share of the energy that is
left when all below it are gone,

    LAMP(k) = s_k² / Σ_{j ≥ k} s_j²

The top weight of every layer has 1, so no layer is emptied before all are down to one weight. Within a layer the order
stays what it was: what LAMP decides is how much each layer gives.
"""

from __future__ import annotations

import numpy as np

from minprune.arguments import Array, Bools, real
from minprune.pruning.allocation.allocation import Allocation, Group, check_question
from minprune.pruning.units import Units


class LAMP(Allocation):
    """All layers compete by LAMP score, s_k² / Σ_{j ≥ k} s_j² in the order of their own layer.

    With `Magnitude` it bounds, layer by layer, how far the network's output moves, whatever the layers' scales. At high
    sparsity, where `Global` starves a layer, this does not. It fails where scores are no magnitudes: how far apart two
    layers' weights are then hangs on what the scores happen to be the power of.

    Parameters
    ----------
    power : float, optional
        What makes an energy of a score. By default 2 for single weights, whose scores are magnitudes, and 1 for units
        of several weights, whose scores are mean squares. Give 1 if a weight's score is a square already (`Fisher`),
        and 2 if a unit's score is not (``reduce="norm"``).

    References
    ----------
    Lee, Park, Mo, Ahn & Shin (2021), "Layer-adaptive sparsity for the magnitude-based pruning".

    Examples
    --------
    >>> lamp_scores(np.array([1.0, 2.0, 2.0]), np.array([True, True, True]), power=2).round(3)
    array([0.111, 0.5  , 1.   ])
    """

    def __init__(self, *, power: float | None = None) -> None:
        self.power = None if power is None else real(power, "power", "LAMP", low=0.0, ends="(]")

    def groups(self, units: Units, sparsity: float) -> list[Group]:
        check_question(units, sparsity)
        power = self.power or (2 if units.sizes is None else 1)
        dead = units.dead  # what the pattern spares is not up for dropping, but it is left, and counts
        scores = {name: lamp_scores(units.scores[name], ~dead[name], power) for name in units.scores}
        return [Group(tuple(scores), round(sparsity * sum(units.total.values())), scores=scores)]

    def __repr__(self) -> str:
        return "LAMP()" if self.power is None else f"LAMP(power={self.power:g})"


def lamp_scores(scores: Array, live: Bools, power: float) -> Array:
    """Return the LAMP scores of one layer, (n,) float64; 0 where a unit is gone.

    Parameters
    ----------
    scores : array, (n,)
    live : bool array, (n,)
    power : float
        2 for scores that are magnitudes, 1 for squares.
    """
    result, at = np.zeros(scores.size), np.flatnonzero(live)
    if not at.size:
        return result
    order = at[_rising_order(scores[at])]
    rising = scores[order].astype(np.float64)
    # Divided by the highest, scores of any size have squares. If all are 0, they are as any other equal scores.
    energy = (rising / rising[-1]) ** power if rising[-1] > 0 else np.ones(rising.size)
    result[order] = _apart(energy / np.cumsum(energy[::-1])[::-1], np.diff(rising) > 0)
    return result


def _rising_order(scores: Array) -> Array:
    """Return the order (score, position) of scores ≥ 0: a stable argsort, but of float32 several times as fast.

    The bits of floats ≥ 0, read as whole numbers, are in the floats' order. With the position behind them no two are
    equal, and NumPy sorts numbers much faster than it sorts places by them.
    """
    if scores.dtype != np.float32:
        return np.argsort(scores, kind="stable")
    bits = (scores + np.float32(0)).view(np.uint32).astype(np.uint64)  # −0.0 becomes +0.0, whose bits are the lowest
    numbers = np.sort(bits << np.uint64(32) | np.arange(scores.size, dtype=np.uint64))
    order: Array = (numbers & np.uint64(2**32 - 1)).astype(np.intp)
    return order


def _apart(values: Array, rises: Bools) -> Array:
    """Return `values` > 0 that never fall, and rise where `rises` says so, though rounding made them equal.

    As bits, again, the next float is the next number. So each value becomes at least the one before it, plus one where
    it must rise.
    """
    steps = np.concatenate([[0], np.cumsum(rises)])
    raised: Array = np.maximum.accumulate(values.view(np.int64) - steps) + steps
    return raised.view(np.float64)
