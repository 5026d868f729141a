"""Movement: a weight is worth keeping if training moves it away from 0."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from minprune.arguments import Array
from minprune.errors import InvalidValueError
from minprune.nn.network import Network
from minprune.pruning.criteria.criterion import Criterion, check_network
from minprune.pruning.criteria.grasp import from_the_least


class Movement(Criterion):
    """How far training moves the weight away from 0, s = S − min with S = −Σ_t w_t · ∂L/∂w_t, over the steps t.

    A step of gradient descent moves a weight by −lr · ∂L/∂w: where w and ∂L/∂w differ in sign, away from 0. So S grows
    for weights that training makes larger and falls for those that it shrinks, whatever their size. It is made for
    fine-tuning a network that was trained for something else, where the sizes tell of the old task.

    It listens while a network is trained: as a callback, ``fit(…, callbacks=[movement])``, or in a `Pruner`, which lets
    its criterion listen. Training the same network further adds on; another network makes it begin afresh. Copies of
    the network can be scored, and any of the same names and shapes. A weight that is gone adds nothing. Needs no data
    to score. It fails after few steps, when S is mostly noise, and in the last steps of a training, when nothing moves.

    Scores can't be negative: as in `GraSP` the least of a network's is taken off from all, so the order stays and
    the distance to 0 means nothing; with patterns of larger units prefer ``reduce="mean"``. Weights that are gone
    score 0.

    Attributes
    ----------
    steps : int
        How many steps have been added up.

    References
    ----------
    Sanh, Wolf & Rush (2020), "Movement pruning: adaptive sparsity by fine-tuning". There masked weights go on moving;
    here they are gone.

    Examples
    --------
    >>> from minprune import SGD, Dense, MeanSquaredError, fit
    >>> net = Network([Dense.from_arrays(np.array([[1.0], [1.0]]))])
    >>> data = (np.eye(2), np.array([2.0, 0.0]))  # the first weight shall grow to 2, the second shrink to 0
    >>> movement = Movement()
    >>> _ = fit(net, data, loss=MeanSquaredError(), optimizer=SGD(0.1), epochs=1, callbacks=[movement])
    >>> movement.scores(net)
    {'dense1.weight': array([[2.],
           [0.]])}
    """

    def __init__(self) -> None:
        self.steps = 0
        self._total: dict[str, Array] = {}
        self._follows: weakref.ref[Network] | None = None

    def after_backward(self, network: Network, step: int) -> None:
        """Add up the network's gradients as they are now; called by `fit` after each backward pass."""
        check_network(network, "after_backward")
        if self._follows is None or self._follows() is not network:
            self._follows = weakref.ref(network)
            self._total = {name: np.zeros(p.shape, p.dtype) for name, p in network.prunable.items()}
            self.steps = 0
        for name, p in network.prunable.items():
            self._total[name] -= p.value * p.grad
        self.steps += 1

    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        check_network(network)
        if not self.steps:
            raise InvalidValueError(
                "Movement() has seen no training: pass it to fit(…, callbacks=[movement]), or to a Pruner whose "
                "schedule begins after the first step"
            )
        seen = {name: total.shape for name, total in self._total.items()}
        asked = {name: p.shape for name, p in network.prunable.items()}
        if seen != asked:
            raise InvalidValueError(f"Movement() was in the training of a network with {seen}, got {asked} in scores()")
        return from_the_least(self._total, {name: p.mask for name, p in network.prunable.items()})

    def __getstate__(self) -> dict[str, Any]:
        # A copy has arrays of its own. It follows no network, so it begins afresh when it is let into a training.
        return {**vars(self), "_total": {name: total.copy() for name, total in self._total.items()}, "_follows": None}
