"""Fisher: the curvature of the loss along each weight, from the squared gradients of single rows."""

from __future__ import annotations

import math

import numpy as np

from minprune.arguments import Array
from minprune.nn.network import Network
from minprune.pruning.criteria.criterion import check_network
from minprune.pruning.criteria.gradient import LossCriterion
from minprune.pruning.criteria.passes import signals


class Fisher(LossCriterion):
    """The squared weight times the mean squared gradient, s = w² · 1/n Σ_b g_b², of the single rows' losses.

    When a weight goes, the loss of a network at a minimum rises by ½ h w², h = ∂²L/∂w² (optimal brain damage). For a
    loss that is a negative log-likelihood h is about the mean of the squared gradients g_b = ∂l_b/∂w: the diagonal of
    the Fisher information, here the empirical one, with the labels of the data. The constant ½ is left out, as the
    order is the same without: half the score is the rise.

    With x (n, inputs) what enters a `Dense` and δ (n, outputs) the gradient of each row's own loss at what it puts out,
    g_b = x_bi δ_bj, so the mean over rows of the exact squares is a single product:

        1/n Σ_b g_b²  =  (x²)ᵀ (δ²) / n

    That is work for one forward pass, a backward pass without the weights' gradients, and a product of the size of
    theirs. Needs x and y. It fails where the network has fitted its data perfectly, when all g_b are near 0 whatever
    the curvature is; far from a minimum, where the first order counts (`Saliency`); and where weights go together, as
    all that is off the diagonal is left out.

    Parameters
    ----------
    loss : Loss
        Its value for a row is l.
    batch_size : int
        Rows per pass; the scores don't depend on it but for rounding.

    References
    ----------
    LeCun, Denker & Solla (1990), "Optimal brain damage". Theis, Korshunova, Tejani & Huszár (2018), "Faster gaze
    prediction with dense networks and Fisher pruning". Liu et al. (2021), "Group Fisher pruning for practical network
    compression".

    Examples
    --------
    Two rows whose gradients cancel in the mean, 2 · (±1) at w = 3, but not in the mean of squares:

    >>> from minprune import Dense, MeanSquaredError
    >>> net = Network([Dense.from_arrays(np.array([[3.0]]))])
    >>> Fisher(MeanSquaredError()).scores(net, (np.array([[1.0], [1.0]]), np.array([2.0, 4.0])))
    {'dense1.weight': array([[36.]])}
    """

    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        check_network(network)
        squares = {name: np.zeros(p.shape, p.dtype) for name, p in network.prunable.items()}
        scales = dict.fromkeys(squares, 0.0)  # Σ_b g_b² is squares · scale²
        rows = 0
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is found by whoever takes the scores in
            for batch in signals(network, data, self.loss, self.batch_size):
                for name, (x, delta) in batch.items():
                    scale = max(scales[name], _power_of_two(delta))
                    if scale > 0:
                        squares[name] *= (scales[name] / scale) ** 2
                        squares[name] += np.square(x).T @ np.square(delta / scale)
                        scales[name] = scale
                rows += len(x)
            result = {}
            for name, p in network.prunable.items():
                result[name] = np.square(p.value, dtype=np.float64)
                result[name] *= squares[name]
                result[name] *= np.square(scales[name]) / rows
        return result


def _power_of_two(array: Array) -> float:
    """Return what `array` is divided by, without rounding, to make its largest entry's size 1 to 2; 0 if all are 0.

    A network that is sure of its rows has gradients of 1e-20 and less, and their squares would vanish in float32.
    """
    fraction, exponent = math.frexp(max(float(array.max()), -float(array.min())))
    return 2.0 ** (exponent - 1) if fraction else 0.0
