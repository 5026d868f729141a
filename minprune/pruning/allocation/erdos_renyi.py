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

from minprune.pruning.allocation.allocation import Allocation, Group
from minprune.pruning.allocation.layers import in_proportion
from minprune.pruning.units import Units


class ErdosRenyi(Allocation):
    """Each layer keeps a number of weights proportional to its neurons, ε (n_in + n_out), and the total is exact.

    At high sparsity it holds narrow layers, such as the output's, open where a common share would close them. It fails
    where a wide layer matters more than its neurons say: it looks at shapes alone. For units that span layers, the
    shares of the weights are taken as shares of the layer's units, along which all layers go until the network's count
    is met.

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
        total = sum(units.total.values())
        neurons = {name: float(sum(units.shapes[name])) for name in units.total}
        if not units.separable:
            kept = spread(total - round(sparsity * total), neurons, dict.fromkeys(neurons, 0), units.total)
            shares = {name: 1 - kept[name] / units.total[name] for name in units.total}
            return [in_proportion(units, shares, round(sparsity * total))]
        # A layer keeps no more than it still has, and no less than what the pattern never lets go.
        most = {name: units.total[name] - units.gone[name] for name in units.total}
        least = {name: most[name] - may_go(units, name) for name in most}
        kept = spread(total - round(sparsity * total), neurons, least, most)
        return [Group((name,), units.total[name] - kept[name]) for name in units.scores]


def may_go(units: Units, name: str) -> int:
    """Return how many of a layer's weights the pattern lets go."""
    return int(units.alive[name].sum() if units.sizes is None else units.sizes[name][units.alive[name]].sum())


def spread(
    amount: int, shares: Mapping[str, float], least: Mapping[str, int], most: Mapping[str, int]
) -> dict[str, int]:
    """Return whole numbers that add up to `amount`, in proportion to `shares` but within the bounds.

    That is round(ε · share) clipped to [least, most], for the ε with which the sum is right. Of the remainders the
    largest are rounded up, the first on ties. What the bounds don't allow is left at the bounds.

    Examples
    --------
    >>> spread(10, {"a": 1, "b": 1, "c": 2}, {"a": 0, "b": 0, "c": 0}, {"a": 1, "b": 9, "c": 9})
    {'a': 1, 'b': 3, 'c': 6}
    """
    names = list(shares)
    share = np.array([shares[name] for name in names], dtype=np.float64)
    low, high = (np.array([bound[name] for name in names], dtype=np.int64) for bound in (least, most))
    amount = int(min(max(amount, low.sum()), high.sum()))
    below, above = 0.0, float((high / share).max())  # for ε: at the first all are at their least, at the second at most
    for _ in range(200):
        middle = (below + above) / 2
        if np.clip(middle * share, low, high).sum() < amount:
            below = middle
        else:
            above = middle
    exact = np.clip(below * share, low, high)
    result = np.floor(exact + 1e-9).astype(np.int64)
    for i in np.argsort(result - exact, kind="stable"):
        result[i] += int(min(amount - result.sum(), 1, high[i] - result[i]) > 0)
    return dict(zip(names, result.tolist(), strict=True))
