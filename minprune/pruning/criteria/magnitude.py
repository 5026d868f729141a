"""Criteria that look at the weights alone: their size, or nothing at all."""

from __future__ import annotations

import numpy as np

from minprune.arguments import RNG, Array, generator, whole
from minprune.nn.network import Network
from minprune.pruning.criteria.criterion import Criterion, check_network


class Magnitude(Criterion):
    """The size of the weight, s = |w|^order.

    Needs no data and is hard to beat once the network is trained. It fails where scales differ: a weight that is
    small because its input is large counts for little here. Standardise the inputs.

    Parameters
    ----------
    order : {1, 2}
        1 is the size, 2 its square, in float64 so that small squares don't vanish. Single weights go in the same order
        either way; it matters where scores are added up, as over units and in `LAMP`.

    References
    ----------
    Han, Pool, Tran & Dally (2015), "Learning both weights and connections for efficient neural networks".

    Examples
    --------
    >>> net = Network.mlp([2, 1], rng=0)
    >>> bool((Magnitude().scores(net)["dense1.weight"] == abs(net.parameters["dense1.weight"].value)).all())
    True
    """

    def __init__(self, order: int = 1) -> None:
        self.order = whole(order, "order", "Magnitude", at_most=2)

    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        check_network(network)
        if self.order == 1:
            return {name: np.abs(p.value) for name, p in network.prunable.items()}
        with np.errstate(over="ignore"):  # what is infinite is found by whoever takes the scores in
            return {name: np.square(p.value, dtype=np.float64) for name, p in network.prunable.items()}

    def __repr__(self) -> str:
        return "Magnitude()" if self.order == 1 else f"Magnitude(order={self.order})"


class Random(Criterion):
    """Scores drawn from U[0, 1): the control. A criterion that doesn't beat it has found nothing.

    The scores are a function of the seed and of the weights' shapes: asking again gives the same ones.

    Parameters
    ----------
    rng : Generator or seed
        A seed is drawn from it once, when the criterion is made.

    Examples
    --------
    >>> net = Network.mlp([2, 1], rng=0)
    >>> criterion = Random(rng=0)
    >>> bool((criterion.scores(net)["dense1.weight"] == criterion.scores(net)["dense1.weight"]).all())
    True
    """

    def __init__(self, *, rng: RNG = None) -> None:
        self.seed = int(generator(rng, "Random").integers(2**63))

    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        check_network(network)
        draws = np.random.default_rng(self.seed)
        return {name: draws.random(p.shape, dtype=np.float32) for name, p in network.prunable.items()}
