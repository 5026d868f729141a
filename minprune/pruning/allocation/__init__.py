"""How many in each layer? An allocation sorts the layers into groups and gives each group its budget.

With N weights in the network, n_l in layer l and target sparsity s, counting what is pruned already:

    Global      one group, all layers ranked together            round(s N) in all
    Uniform     each layer a group of its own                    round(s n_l) in layer l
    PerLayer    each named layer a group, with its own sparsity  round(s_l n_l) in layer l
    ErdosRenyi  each layer a group of its own                    layer l keeps ε (inputs + outputs)
    Sensitivity each layer a group of its own                    the d_l with the least Σ Δ_l(d_l), Σ d_l = round(s N)
    LAMP        one group, ranked by s_k² / Σ_{j ≥ k} s_j²       round(s N) in all

Within a group the lowest scores go; that is all that is left to decide. Under ``Uniform(within="output")`` they are the
lowest of each output, as many of every one.
"""

from minprune.pruning.allocation.allocation import Allocation, Group, groups_of
from minprune.pruning.allocation.erdos_renyi import ErdosRenyi
from minprune.pruning.allocation.lamp import LAMP
from minprune.pruning.allocation.layers import Global, PerLayer, Uniform
from minprune.pruning.allocation.sensitivity import Curves, Sensitivity

__all__ = [
    "LAMP",
    "Allocation",
    "Curves",
    "ErdosRenyi",
    "Global",
    "Group",
    "PerLayer",
    "Sensitivity",
    "Uniform",
    "groups_of",
]
