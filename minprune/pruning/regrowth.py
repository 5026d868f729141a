"""What comes back? Drop-and-grow: a sparse network moves its connections about while it trains, and stays as sparse.

At each update, in every layer by itself, the lowest share of the live connections is dropped and as many of the dead
are grown; they start at 0. The share falls along a cosine, from `fraction` to nothing at the last update:

    share(t) = fraction/2 · (1 + cos πt)

    RigL    grows where |∂L/∂w| is largest: where a connection would help the loss most, to first order
    SET     grows anywhere, and leaves it to the next update to drop what did not help

The gradient of a connection that is not there is no mystery: backprop through y = xW gives ∂L/∂W = xᵀ ∂L/∂y for all
of W, whatever stands in it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from minprune.arguments import Array, Bools, generator, real
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.nn.losses import Loss
from minprune.nn.network import Network
from minprune.pruning.criteria import GradientMagnitude, check_scores
from minprune.pruning.criteria.criterion import check_network
from minprune.pruning.criteria.passes import checked_loss
from minprune.pruning.masks import lowest
from minprune.pruning.patterns import Pattern
from minprune.pruning.units import Separable


class Regrowth(ABC):
    """Drop-and-grow at constant sparsity: ``Pruner(…, regrow=RigL(loss))``. A new one writes `promise`.

    Parameters
    ----------
    fraction : float
        In (0, 1]: the share of a layer's live units that is exchanged at the first update; at most as many as there are
        dead ones.

    Attributes
    ----------
    needs_data : bool
        Whether `promise` looks at training rows.
    may_return : bool
        Whether what has just been dropped may grow again at once, which leaves it as it was. If not, it does so only
        where the pattern has no other place.
    """

    needs_data = False
    may_return = True

    def __init__(self, fraction: float = 0.3) -> None:
        self.fraction = real(fraction, "fraction", type(self).__name__, low=0.0, high=1.0, ends="(]")

    @abstractmethod
    def promise(self, network: Network, data: object, rng: np.random.Generator) -> Mapping[str, Array]:
        """Return for each prunable weight, by name, how much is hoped of it if it grows: finite and ≥ 0."""

    def share(self, t: float) -> float:
        """Return the share that is exchanged at place t in [0, 1] on the schedule's way.

        Examples
        --------
        >>> [round(SET(0.3).share(t), 3) for t in (0, 0.5, 1)]
        [0.3, 0.15, 0.0]
        """
        place = real(t, "t", "share", low=0.0, high=1.0)
        return self.fraction / 2 * (1 + math.cos(math.pi * place))

    def masks(
        self,
        network: Network,
        scores: Mapping[str, Array],
        t: float,
        *,
        pattern: Pattern,
        data: object,
        rng: np.random.Generator,
    ) -> dict[str, Bools]:
        """Return the masks after one drop-and-grow; each layer keeps as many weights as it has.

        Parameters
        ----------
        network : Network
            Left alone.
        scores : mapping of str to array
            What each live weight is worth: the lowest are dropped.
        t : float
            The place on the way.
        pattern : Pattern
            Whole units are exchanged for units of the same size.
        data : (x, y) or None
        rng : Generator
        """
        if isinstance(pattern, type) or not callable(getattr(pattern, "units", None)):
            raise InvalidTypeError(f"pattern must be a Pattern, got {pattern!r} in masks()")
        draws, share = generator(rng, "masks"), self.share(t)  # before a random number is drawn
        units = pattern.units(network, scores)
        if not isinstance(units, Separable):
            raise InvalidValueError(
                f"regrow needs a pattern whose units share no weights, got {pattern!r}: a {units.noun} that grew would "
                f"bring weights of other {units.noun}s with it"
            )
        given = self.promise(network, data, draws)
        hopes = {name: check_scores(name, given.get(name), p.shape, repr(self)) for name, p in network.prunable.items()}
        layers = {name: _Layer(units, name, share) for name in units.scores}
        dropped = {name: layer.lowest() for name, layer in layers.items()}
        if not self.may_return:
            hopes = {name: np.where(units.spread(name, dropped[name]), 0.0, hope) for name, hope in hopes.items()}
        worth = units.growth(hopes, dropped)
        if not self.may_return:  # or only where there is no other place: then it had better stayed
            worth = {n: np.where(dropped[n] & (worth[n] >= 0), -1.0, worth[n]) for n in worth}
        grown = {name: layer.highest(worth[name]) for name, layer in layers.items()}
        masks = units.regrown(dropped, grown)
        return {name: masks[name] for name in network.prunable}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.fraction:g})"


class RigL(Regrowth):
    """Grow where the gradient of the loss, |∂L/∂w|, is largest. What was just dropped may stay for its gradient.

    Parameters
    ----------
    loss : Loss
        L, the mean over the rows that the pruner draws.
    fraction : float
        As in `Regrowth`.

    References
    ----------
    Evci, Gale, Menick, Castro & Elsen (2020), "Rigging the lottery: making all tickets winners". With a schedule that
    prunes more and more as well: Liu et al. (2021), "Sparse training via boosting pruning plasticity with
    neuroregeneration" (GraNet).

    Examples
    --------
    >>> from minprune import SoftmaxCrossEntropy
    >>> RigL(SoftmaxCrossEntropy())
    RigL(SoftmaxCrossEntropy(), 0.3)
    """

    needs_data = True

    def __init__(self, loss: Loss, fraction: float = 0.3) -> None:
        super().__init__(fraction)
        self.loss = checked_loss(loss, "RigL")
        self._gradient = GradientMagnitude(loss)

    def promise(self, network: Network, data: object, rng: np.random.Generator) -> Mapping[str, Array]:
        return self._gradient.scores(network, data)

    def __repr__(self) -> str:
        return f"RigL({self.loss!r}, {self.fraction:g})"


class SET(Regrowth):
    """Grow anywhere, at random: sparse evolutionary training. What was just dropped stays dropped.

    Parameters
    ----------
    fraction : float
        As in `Regrowth`. In the paper it stays the same all through; here it falls along the cosine.

    References
    ----------
    Mocanu, Mocanu, Stone, Nguyen, Gibescu & Liotta (2018), "Scalable training of artificial neural networks with
    adaptive sparse connectivity inspired by network science".

    Examples
    --------
    >>> SET(0.2)
    SET(0.2)
    """

    may_return = False

    def promise(self, network: Network, data: object, rng: np.random.Generator) -> Mapping[str, Array]:
        check_network(network, "promise")
        draws = generator(rng, "promise")
        return {name: draws.random(p.shape) for name, p in network.prunable.items()}


class _Layer:
    """The units of one layer, and how many of each size are exchanged: a share of those that live whole, at most as
    many as are dead.
    """

    def __init__(self, units: Separable, name: str, share: float) -> None:
        dead, full, has = units.dead[name], units.full, units.sizes
        self.scores = units.scores[name]
        self.sizes = np.ones(dead.size, np.int64) if full is None else full[name]
        self.live = ~dead if has is None else ~dead & (has[name] == self.sizes)
        self.counts: dict[int, int] = {}
        for size in [1] if full is None else np.unique(self.sizes).tolist():
            live, free = (int(np.count_nonzero(flags & (self.sizes == size))) for flags in (self.live, dead))
            self.counts[size] = min(round(share * live), free)

    def lowest(self) -> Bools:
        return self._first(np.where(self.live, self.scores, np.inf))

    def highest(self, worth: Array) -> Bools:
        return self._first(-worth)

    def _first(self, order: Array) -> Bools:
        """Return the lowest of each size."""
        result = np.zeros(order.size, np.bool_)
        for size, count in self.counts.items():
            result |= lowest(np.where(self.sizes == size, order, np.inf), count)
        return result
