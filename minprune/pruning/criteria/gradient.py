"""Criteria made of the gradient of the mean loss, ∂L/∂w: alone, and times the weight."""

from __future__ import annotations

import numpy as np

from minprune.arguments import Array, whole
from minprune.nn.losses import Loss
from minprune.nn.network import Network
from minprune.pruning.criteria.criterion import Criterion, check_network
from minprune.pruning.criteria.passes import checked_loss, signals


class LossCriterion(Criterion):
    """What criteria have in common that look at a loss over data: the loss, and how many rows go through at a time."""

    needs_data = True

    def __init__(self, loss: Loss, *, batch_size: int = 4096) -> None:
        where = type(self).__name__
        self.loss = checked_loss(loss, where)
        self.batch_size = whole(batch_size, "batch_size", where)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.loss!r})"


class GradientMagnitude(LossCriterion):
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

    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        check_network(network)
        gradients = mean_gradients(network, data, self.loss, self.batch_size)
        return {name: np.abs(g, out=g) for name, g in gradients.items()}


class Saliency(LossCriterion):
    """The size of weight times gradient, s = |w · ∂L/∂w|, of the mean loss over the data.

    To first order it is how much the loss changes when the weight goes: L(w) − L(0) ≈ w · ∂L/∂w. Before training it is
    known as SNIP, or connection sensitivity; afterwards as the first-order Taylor criterion. The papers divide by the
    sum over the network, or square: the order is the same.

    Needs x and y; SNIP takes a batch, but the more rows the less noise. It fails at a minimum, where all gradients are
    near 0 and it is the curvature that counts: there prefer `Fisher`. It also says nothing of weights that go together:
    at high sparsities it can empty a layer, and its scores are good for a first, small step.

    Parameters
    ----------
    loss : Loss
        L.
    batch_size : int
        Rows per forward and backward pass; the scores don't depend on it but for rounding.

    References
    ----------
    Lee, Ajanthan & Torr (2019), "SNIP: single-shot network pruning based on connection sensitivity". Molchanov, Mallya,
    Tyree, Frosio & Kautz (2019), "Importance estimation for neural network pruning".

    Examples
    --------
    The loss (2w₁ + w₂ − 1)² at w = (1, 3) has the gradient 2 · 4 · (2, 1):

    >>> from minprune import Dense, MeanSquaredError
    >>> net = Network([Dense.from_arrays(np.array([[1.0], [3.0]]))])
    >>> Saliency(MeanSquaredError()).scores(net, (np.array([[2.0, 1.0]]), np.array([1.0])))
    {'dense1.weight': array([[16.],
           [24.]])}
    """

    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        check_network(network)
        result = {}
        for name, gradient in mean_gradients(network, data, self.loss, self.batch_size).items():
            product = np.multiply(network.parameters[name].value, gradient, dtype=np.float64)  # small ones don't vanish
            result[name] = np.abs(product, out=product)
        return result


def mean_gradients(network: Network, data: object, loss: Loss, batch_size: int) -> dict[str, Array]:
    """Return ∂L/∂w of each prunable weight, L the mean loss over `data`, in the weight's dtype; nothing is touched.

    A dropped weight has a gradient as well: it says what bringing the weight back would do.
    """
    total = {name: np.zeros(p.shape, p.dtype) for name, p in network.prunable.items()}
    rows = 0
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is found by whoever takes the scores in
        for batch in signals(network, data, loss, batch_size):
            for name, (x, delta) in batch.items():
                total[name] += x.T @ delta
            rows += len(x)
        for gradient in total.values():
            gradient /= rows
    return total
