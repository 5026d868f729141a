"""Random graphs between layers: how dense each layer is when every neuron has its fair number of connections.

In an Erdős–Rényi graph between n_in and n_out neurons, each possible connection is there with probability

    density_l = ε (n_in + n_out) / (n_in n_out)

so that a layer keeps ε (n_in + n_out) connections: a wide layer is sparse, a narrow one dense. One ε for the whole
network is what the budget leaves open. A layer that would need more connections than it has keeps all of them, and what
it leaves over is spread over the others, until the budget is met.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from minprune.arguments import Array
from minprune.display import count
from minprune.errors import BudgetError
from minprune.pruning.allocation.allocation import Allocation, Group, check_question
from minprune.pruning.allocation.layers import rank_shares
from minprune.pruning.units import Units


class ErdosRenyi(Allocation):
    """Each layer keeps a number of weights proportional to its neurons, ε (n_in + n_out), and the total is exact.

    At high sparsity it holds narrow layers, such as the output's, open where a common share would close them. It fails
    where a wide layer matters more than its neurons say: it looks at shapes alone.

    Units that span layers can't be counted layer by layer. There, ε falls until the network's count is met, and each
    layer keeps min(1, density_l) of its units; the inputs, as a layer of units, have the mean of the others' densities.

    Raises
    ------
    BudgetError
        More is asked to go than the pattern lets (`NM`).

    References
    ----------
    Mocanu et al. (2018), "Scalable training of artificial neural networks with adaptive sparse connectivity"; Evci et
    al. (2020), "Rigging the lottery", for kernels (ERK), of which this is the case of dense layers.

    Examples
    --------
    >>> from minprune import Magnitude, Network, plan
    >>> made = plan(Network.mlp([100, 50, 10], rng=0), Magnitude(), sparsity=0.8, allocation=ErdosRenyi())
    >>> [(layer.weights, layer.weights - layer.achieved) for layer in made.layers]
    [(5000, 786), (500, 314)]
    """

    def groups(self, units: Units, sparsity: float) -> list[Group]:
        check_question(units, sparsity)
        total = sum(units.total.values())
        goes = round(sparsity * total)
        if not units.separable:
            return [Group(tuple(units.scores), goes, scores=_turns(units))]
        # A layer keeps no more than it still has, and no less than what the pattern never lets go.
        most = {name: units.total[name] - units.gone[name] for name in units.total}
        least = {name: most[name] - units.may_go(name) for name in most}
        able = total - sum(least.values())
        if goes > able:
            advice = f"; {units.advice}" if units.advice else ""
            raise BudgetError(
                f"pruning {count(goes)} of {count(total)} weights: at most {count(able)} can go, a sparsity of "
                f"{np.floor(1e6 * able / total) / 1e6:g}, in ErdosRenyi(){advice}",
                able,
            )
        kept = spread(total - goes, {name: sum(units.shapes[name]) for name in most}, least, most)
        return [Group((name,), units.total[name] - kept[name]) for name in units.scores]


def spread(
    amount: int, shares: Mapping[str, float], least: Mapping[str, int], most: Mapping[str, int]
) -> dict[str, int]:
    """Return whole numbers that add up to `amount`, in proportion to `shares` but within the bounds.

    That is round(ε · share), clipped to [least, most], for the ε with which the sum is right; of numbers that round up
    at the same ε, the first do. So no number falls when `amount` rises: with largest remainders one could. An amount
    beyond the bounds gives the bounds.

    Examples
    --------
    >>> spread(10, {"a": 1, "b": 1, "c": 2}, {"a": 0, "b": 0, "c": 0}, {"a": 1, "b": 9, "c": 9})
    {'a': 1, 'b': 3, 'c': 6}
    """
    names = list(shares)
    share = np.array([shares[name] for name in names], dtype=np.float64)
    low, high = (np.array([bound[name] for name in names], dtype=np.int64) for bound in (least, most))
    amount = min(amount, int(high.sum()))

    def rounded(epsilon: float) -> Array:
        return np.clip(np.floor(epsilon * share + 0.5), low, high).astype(np.int64)

    below, above = 0.0, float((high / share).max())  # for ε: all are at their least, and all at their most
    for _ in range(64):
        middle = (below + above) / 2
        below, above = (middle, above) if rounded(middle).sum() <= amount else (below, middle)
    # From just below, where rounding decides nothing yet, the last few go one by one to whom rounds up next.
    result = rounded(below * (1 - 1e-12))
    while result.sum() < amount:
        result[np.argmin(np.where(result < high, (result + 0.5) / share, np.inf))] += 1
    return dict(zip(names, result.tolist(), strict=True))


def _turns(units: Units) -> dict[str, Array]:
    """Return for each unit the 1/ε at which it is its turn to go: those with the lowest go first.

    The unit at place p in (0, 1) of its layer goes when what is kept, ε (n_in + n_out) / (n_in n_out), falls to 1 − p.
    """
    densities = {name: (n_in + n_out) / (n_in * n_out) for name, (n_in, n_out) in units.shapes.items()}
    usual = sum(densities.values()) / len(densities)
    return {
        name: densities.get(name, usual) / (1 - rank_shares(scores, units.alive[name]))
        for name, scores in units.scores.items()
    }
