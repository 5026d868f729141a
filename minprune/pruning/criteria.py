"""Which weights? A criterion gives every prunable weight a score ≥ 0: the larger, the more it is worth keeping.

    Magnitude           |w|                     the size of the weight
    GradientMagnitude   |∂L/∂w|                 how much the loss hangs on it, to first order per unit of weight
    Random              u ~ U[0, 1)             nothing at all: the control that every claim needs

Pruning by an L1 or L2 penalty is no criterion of its own: train with ``penalty=L1(…)``, which makes weights small or
zero, and let `Magnitude` say which.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from minprune.arguments import RNG, Array, generator, whole
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.nn.losses import Loss
from minprune.nn.network import Network
from minprune.nn.training import checked_pair


class Criterion(ABC):
    """What a weight is worth. A new one writes `scores`, and says if it needs data.

    ``scores(network, data)`` changes nothing: no weight, gradient, mask or random state.
    """

    needs_data = False

    @abstractmethod
    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        """Return a finite score ≥ 0 for each prunable weight, in the weight's shape, by name: fresh arrays of floats.

        Parameters
        ----------
        network : Network
        data : Split or (x, y), optional
            For those that need it.
        """

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


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


class GradientMagnitude(Criterion):
    """The size of the gradient, s = |∂L/∂w|, of the mean loss over the data.

    It asks how much the loss would change if the weight did, whatever the weight is now. It fails at a minimum, where
    all gradients are near 0 and what is left is noise: use it early, on data the network has not fitted, or prefer
    weight times gradient.

    Parameters
    ----------
    loss : Loss
        L.
    batch_size : int
        Rows per forward and backward pass; the scores don't depend on it but for rounding.

    References
    ----------
    Mozer & Smolensky (1989), "Skeletonization", for pruning by the loss's derivative; Blalock et al. (2020) for the
    form used here.

    Examples
    --------
    >>> from minprune import SoftmaxCrossEntropy
    >>> net = Network.mlp([2, 3, 2], rng=0)
    >>> scores = GradientMagnitude(SoftmaxCrossEntropy()).scores(net, (np.eye(2), np.array([0, 1])))
    >>> scores["dense1.weight"].shape
    (2, 3)
    """

    needs_data = True

    def __init__(self, loss: Loss, *, batch_size: int = 4096) -> None:
        if not isinstance(loss, Loss):
            hint = f"; pass an instance: {loss.__name__}()" if isinstance(loss, type) else ""
            raise InvalidTypeError(f"loss must be a Loss, got {loss!r} in GradientMagnitude(){hint}")
        self.loss = loss
        self.batch_size = whole(batch_size, "batch_size", "GradientMagnitude")

    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        return {name: np.abs(g) for name, g in mean_gradients(network, data, self.loss, self.batch_size).items()}

    def __repr__(self) -> str:
        return f"GradientMagnitude({self.loss!r})"


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


def mean_gradients(network: Network, data: object, loss: Loss, batch_size: int) -> dict[str, Array]:
    """Return ∂L/∂w of each prunable weight, L the mean loss over `data`; the network is not touched."""
    if data is None:
        raise InvalidValueError("this criterion needs data: pass data=(x, y), or a Split such as data=sets.train")
    x, y = checked_pair(data, "data", network, loss, "scores")
    worker = network.copy()  # backprop writes gradients, and scoring must not
    total = {name: np.zeros(p.shape, p.dtype) for name, p in worker.prunable.items()}
    for start in range(0, len(x), batch_size):
        rows = slice(start, start + batch_size)
        _, grad = loss.value_and_gradient(worker.forward(x[rows]), y[rows])
        grad *= len(x[rows]) / len(x)
        worker.backward(grad)
        for name, p in worker.prunable.items():
            total[name] += p.grad
    return total


def scores_of(criterion: Criterion, network: Network, data: object, where: str) -> dict[str, Array]:
    """Ask `criterion` for its scores, see that they can be ranked, and hand them on read-only."""
    if data is None and getattr(criterion, "needs_data", False):
        raise InvalidValueError(f"{criterion!r} needs data: pass data=(x, y) or a Split to {where}()")
    given = criterion.scores(network, data)
    if not isinstance(given, Mapping):
        raise InvalidTypeError(
            f"scores of {criterion!r} must be a mapping of names to arrays, got {type(given).__name__} in {where}()"
        )
    result = {}
    for name, parameter in network.prunable.items():
        if name not in given:
            raise InvalidValueError(f"{criterion!r} gave no scores for {name} in {where}()")
        result[name] = check_scores(name, given[name], parameter.shape, where).view()
        result[name].setflags(write=False)
    return result


def check_scores(name: str, scores: object, shape: tuple[int, ...], where: str) -> Array:
    """Return one finite, non-negative score per weight, or say which is not: no NaN ever decides what goes."""
    masked = isinstance(scores, np.ma.MaskedArray)  # what its mask hides would decide all the same
    if not isinstance(scores, np.ndarray) or masked or scores.dtype.kind != "f" or scores.shape != shape:
        got = f"{scores.dtype} {scores.shape}" if isinstance(scores, np.ndarray) else type(scores).__name__
        got = "a masked array" if masked else got
        raise InvalidValueError(f"scores of {name} must be a float array of shape {shape}, got {got} in {where}()")
    low, high = scores.min(), scores.max()  # NaN comes through both; one look at each in the good case
    if not (low >= 0 and high < np.inf):
        bad = ~((scores >= 0) & (scores < np.inf))
        first = tuple(int(i) for i in np.unravel_index(int(np.argmax(bad)), shape))
        raise InvalidValueError(
            f"scores of {name} must be finite and non-negative, got {np.count_nonzero(bad)} that are not in {where}(), "
            f"the first at {first}: {scores[first]}"
        )
    return scores
