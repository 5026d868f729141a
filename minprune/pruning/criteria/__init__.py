"""Which weights? A criterion gives every prunable weight a score ≥ 0: the larger, the more it is worth keeping.

    Magnitude           |w|, or w²              the size of the weight
    GradientMagnitude   |∂L/∂w|                 how much the loss hangs on it, to first order per unit of weight
    Saliency            |w · ∂L/∂w|             how much the loss hangs on it, to first order
    Fisher              w² · mean of g_b²       how much the loss hangs on it, to second order at a minimum
    GraSP               w · (Hg), signed        how much slower training is without it; for networks not yet trained
    Movement            −Σ_t w · ∂L/∂w, signed  how far training moves it away from 0; listens while it trains
    ActivationNorm      |w| · ‖x‖₂              what it carries: its size times the norm of its input
    SynFlow             |w| · ∂R/∂|w| / R       its share of all paths, R = 1ᵀ ∏|W| 1; no data, in rounds
    OptimalBrainSurgeon w² / (2 [H⁻¹]_ii)       what its layer loses when the other weights make up for it, H = XᵀX / n
    Random              u ~ U[0, 1)             nothing at all: the control that every claim needs

For whole neurons, with the pattern `Neurons`, by what a unit puts out, a:

    Activity            mean [a ≠ 0]            how often it is active: 1 − APoZ
    NeuronTaylor        mean |a · ∂l/∂a|        how much each row's loss hangs on it, to first order

Pruning by an L1 or L2 penalty is no criterion of its own: train with ``penalty=L1(…)``, which makes weights small or
zero, and let `Magnitude` say which.
"""

from minprune.pruning.criteria.activation import ActivationNorm
from minprune.pruning.criteria.criterion import Criterion, check_scores, scores_of
from minprune.pruning.criteria.fisher import Fisher
from minprune.pruning.criteria.gradient import GradientMagnitude, Saliency, mean_gradients
from minprune.pruning.criteria.grasp import GraSP
from minprune.pruning.criteria.magnitude import Magnitude, Random
from minprune.pruning.criteria.movement import Movement
from minprune.pruning.criteria.neuron import Activity, NeuronCriterion, NeuronTaylor
from minprune.pruning.criteria.passes import inputs_of_layers, signals
from minprune.pruning.criteria.surgeon import OptimalBrainSurgeon
from minprune.pruning.criteria.synflow import SynFlow

__all__ = [
    "ActivationNorm",
    "Activity",
    "Criterion",
    "Fisher",
    "GraSP",
    "GradientMagnitude",
    "Magnitude",
    "Movement",
    "NeuronCriterion",
    "NeuronTaylor",
    "OptimalBrainSurgeon",
    "Random",
    "Saliency",
    "SynFlow",
    "check_scores",
    "inputs_of_layers",
    "mean_gradients",
    "scores_of",
    "signals",
]
