"""Criteria made of the gradient of the mean loss, ∂L/∂w."""

from __future__ import annotations

import numpy as np

from minprune.arguments import Array, whole
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.nn.losses import Loss
from minprune.nn.network import Network
from minprune.nn.training import checked_pair
from minprune.pruning.criteria.criterion import Criterion


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
