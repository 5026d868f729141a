"""Units: what one decision drops, what it is worth, what it takes along, and how it comes back.

Unless told otherwise a unit's score is the mean square of the scores of its kept weights,

    S(u) = 1/|u| Σ_{w ∈ u} s(w)²

Units of one layer may each have their own weights (then a layer can be counted by itself: they are *separable*), or
share some with units of the next layer, as neurons do: a weight falls with the first of its units that does.

Read `units` (what all kinds answer) → `reduction` (from scores of weights to the score of a unit) → `weights` → `tiles`
→ `neurons`.
"""

from minprune.pruning.criteria.neuron import INPUTS
from minprune.pruning.units.neurons import HiddenNeurons
from minprune.pruning.units.reduction import REDUCTIONS, Reduce, Reduction, called, reduction
from minprune.pruning.units.tiles import Rectangles, Tiles, rectangle_numbers
from minprune.pruning.units.units import Separable, Units
from minprune.pruning.units.weights import SingleWeights, Slots

__all__ = [
    "INPUTS",
    "REDUCTIONS",
    "HiddenNeurons",
    "Rectangles",
    "Reduce",
    "Reduction",
    "Separable",
    "SingleWeights",
    "Slots",
    "Tiles",
    "Units",
    "called",
    "rectangle_numbers",
    "reduction",
]
