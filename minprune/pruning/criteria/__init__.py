"""Which weights? A criterion gives every prunable weight a score ≥ 0: the larger, the more it is worth keeping.

    Magnitude           |w|                     the size of the weight
    GradientMagnitude   |∂L/∂w|                 how much the loss hangs on it, to first order per unit of weight
    SynFlow             |w| · ∂R/∂|w| / R       its share of all paths, R = 1ᵀ ∏|W| 1; no data, in rounds
    Random              u ~ U[0, 1)             nothing at all: the control that every claim needs

Pruning by an L1 or L2 penalty is no criterion of its own: train with ``penalty=L1(…)``, which makes weights small or
zero, and let `Magnitude` say which.
"""

from minprune.pruning.criteria.criterion import Criterion, check_scores, scores_of
from minprune.pruning.criteria.gradient import GradientMagnitude, mean_gradients
from minprune.pruning.criteria.magnitude import Magnitude, Random
from minprune.pruning.criteria.synflow import SynFlow

__all__ = [
    "Criterion",
    "GradientMagnitude",
    "Magnitude",
    "Random",
    "SynFlow",
    "check_scores",
    "mean_gradients",
    "scores_of",
]
