"""LAMP: magnitudes made comparable between layers, with nothing to tune.

Take a layer's scores in rising order, s_1 ≤ s_2 ≤ … ≤ s_n. A weight's LAMP score is its share of the energy that is
left when all below it are gone,

    LAMP(k) = s_k² / Σ_{j ≥ k} s_j²

The top weight of every layer has 1, so no layer is emptied before all are down to one weight. Within a layer the order
stays what it was: what LAMP decides is how much each layer gives.
"""

from __future__ import annotations

import numpy as np

from minprune.arguments import Array, Bools
from minprune.pruning.allocation.allocation import Allocation, Group
from minprune.pruning.units import Units


class LAMP(Allocation):
    """All layers compete by LAMP score, s_k² / Σ_{j ≥ k} s_j² in the order of their own layer.

    With `Magnitude` it bounds, layer by layer, how far the network's output moves, whatever the layers' scales. At high
    sparsity, where `Global` starves a layer, this does not. It takes scores as magnitudes: of a criterion that is a
    square already, take the root first. A unit of several weights has a mean square as its score (`Reduction`), and
    that is not squared once more.

    References
    ----------
    Lee, Park, Mo, Ahn & Shin (2021), "Layer-adaptive sparsity for the magnitude-based pruning".

    Examples
    --------
    >>> lamp_scores(np.array([1.0, 2.0, 2.0]), np.array([True, True, True]), power=2).round(3)
    array([0.111, 0.5  , 1.   ])
    """

    def groups(self, units: Units, sparsity: float) -> list[Group]:
        power = 2 if units.sizes is None else 1
        scores = {name: lamp_scores(units.scores[name], units.alive[name], power) for name in units.scores}
        return [Group(tuple(scores), round(sparsity * sum(units.total.values())), scores=scores)]


def lamp_scores(scores: Array, alive: Bools, power: int) -> Array:
    """Return the LAMP scores of one layer, (n,) float64; 0 where a unit is gone.

    Parameters
    ----------
    scores : array, (n,)
    alive : bool array, (n,)
    power : int
        2 for scores that are magnitudes, 1 for squares.
    """
    at = np.flatnonzero(alive)
    result = np.zeros(scores.size)
    if at.size:
        order = at[np.argsort(scores[at], kind="stable")]
        energy = scores[order].astype(np.float64)
        if energy[-1] > 0:
            energy /= energy[-1]  # scores of any size have squares then
        else:
            energy[:] = 1  # nothing but zeros: as for any equal scores, position decides
        energy **= power
        # Adding from the top and dividing round monotonically, so that the order within the layer can't change.
        result[order] = energy / np.cumsum(energy[::-1])[::-1]
    return result
