"""Criteria that look at the weights alone: their size, or nothing at all."""

from __future__ import annotations

import numpy as np

from minprune.arguments import RNG, Array, generator
from minprune.nn.network import Network
from minprune.pruning.criteria.criterion import Criterion


class Magnitude(Criterion):
    """The size of the weight, s = |w|.

    Needs no data and is hard to beat once the network is trained. It fails where scales differ: a weight that is
    small because its input is large counts for little here. Standardise the inputs.

    References
    ----------
    Han, Pool, Tran & Dally (2015), "Learning both weights and connections for efficient neural networks".

    Examples
    --------
    >>> net = Network.mlp([2, 1], rng=0)
    >>> bool((Magnitude().scores(net)["dense1.weight"] == abs(net.parameters["dense1.weight"].value)).all())
    True
    """

    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        return {name: np.abs(p.value) for name, p in network.prunable.items()}


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
        draws = np.random.default_rng(self.seed)
        return {name: draws.random(p.shape, dtype=np.float32) for name, p in network.prunable.items()}
