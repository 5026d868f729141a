"""GraSP: which weights the gradient flow hangs on, by a product with the Hessian.

And how signed scores become scores ≥ 0: `from_the_least`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from minprune.arguments import Array, Bools, real
from minprune.nn.layers import Dense, Layer
from minprune.nn.losses import Loss
from minprune.nn.network import Network
from minprune.pruning.criteria.criterion import check_network
from minprune.pruning.criteria.gradient import LossCriterion, mean_gradients

STEP = 1e-7  # of the weights' norm: differences in float64 are then right to about seven digits


class GraSP(LossCriterion):
    """Weight times Hessian times gradient, s = w ⊙ (H g) − min, for the gradient flow after pruning.

    g = ∂L/∂w and H = ∂²L/∂w² for all prunable weights that are left. Gradient flow, ‖g‖², is how fast the loss falls in
    training; when the weight w goes, it falls by 2 w · (Hg) to first order. So the weights with the largest w · (Hg)
    are kept, and those of the most negative go first: without them training is faster. It is made for the time before
    training, and fails at a minimum, where there is no flow to keep.

    Scores can't be negative: from all of a network's the least of them is taken off. The order stays (to the rounding
    of float64), the distance to 0 means nothing. So a mean square over a unit, or `LAMP`, measures from the network's
    worst weight: prefer ``reduce="mean"`` with this one. Weights that are gone score 0.

    Needs x and y: some rows of each class are enough. Hg is got by central differences in a float64 copy,

        Hg ≈ (∂L/∂w (w + εg) − ∂L/∂w (w − εg)) / 2ε        ε = 1e-7 ‖w‖ / ‖g‖

    for the price of three gradients, without second derivatives of the layers. The step is so small that a ReLU hardly
    ever has its kink in between; where it has, the score takes in what the gradient jumps by.

    Parameters
    ----------
    loss : Loss
        L; its outputs are divided by `temperature` first.
    temperature : float
        > 0. Makes probabilities of untrained networks alike, so that the rows count alike. 200 is what the authors'
        code has; 1 is the plain loss.
    batch_size : int
        Rows per forward and backward pass; the scores don't depend on it but for rounding.

    References
    ----------
    Wang, Zhang & Grosse (2020), "Picking winning tickets before training by preserving gradient flow". Their score is
    the negative of this one, of which the highest go; it is for networks without biases or leaves those out, as here.

    Examples
    --------
    L = (w₁ + 2w₂)² at (1, −1) has g = −2 (1, 2) and H = 2 (1, 2)ᵀ(1, 2), so w ⊙ (Hg) = (−20, 40):

    >>> from minprune import MeanSquaredError
    >>> net = Network([Dense.from_arrays(np.array([[1.0], [-1.0]]))])
    >>> scores = GraSP(MeanSquaredError(), temperature=1).scores(net, (np.array([[1.0, 2.0]]), np.array([0.0])))
    >>> scores["dense1.weight"].round(3)
    array([[ 0.],
           [60.]])
    """

    def __init__(self, loss: Loss, *, temperature: float = 200.0, batch_size: int = 4096) -> None:
        super().__init__(loss, batch_size=batch_size)
        self.temperature = real(temperature, "temperature", "GraSP", low=0.0, ends="(]")

    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        check_network(network)
        worker, loss = _in_float64(network), _Cooled(self.loss, self.temperature)
        masks = {name: p.mask for name, p in network.prunable.items()}

        def gradients() -> dict[str, Array]:
            return mean_gradients(worker, data, loss, self.batch_size)

        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is found by whoever takes the scores in
            g = {name: np.where(masks[name], gradient, 0.0) for name, gradient in gradients().items()}
            hg = _hessian_times(g, worker, gradients)
            return from_the_least({name: p.value * hg[name] for name, p in network.prunable.items()}, masks)

    def __repr__(self) -> str:
        return f"GraSP({self.loss!r}, temperature={self.temperature:g})"


def _hessian_times(
    v: Mapping[str, Array], worker: Network, gradients: Callable[[], dict[str, Array]]
) -> dict[str, Array]:
    """Return H v, from the gradients at both ends of a step along v; the worker is left at one of them."""
    at = {name: p.value.copy() for name, p in worker.prunable.items()}
    if _norm(v) == 0 or _norm(at) == 0:  # nothing flows, or there is nothing for it to hang on
        return {name: np.zeros(w.shape) for name, w in at.items()}
    step = STEP * _norm(at) / _norm(v)

    def move(epsilon: float) -> None:
        for name, p in worker.prunable.items():
            p.value[...] = at[name] + epsilon * v[name]

    move(step)
    above = gradients()
    move(-step)
    below = gradients()
    return {name: (above[name] - below[name]) / (2 * step) for name in at}


def from_the_least(signed: Mapping[str, Array], masks: Mapping[str, Bools]) -> dict[str, Array]:
    """Return signed scores as scores ≥ 0 in float64: less the least of those that are left, and 0 where gone.

    Examples
    --------
    >>> from_the_least({"w": np.array([-3.0, 1.0, -9.0])}, {"w": np.array([True, True, False])})
    {'w': array([0., 4., 0.])}
    """
    least = min((float(s[masks[name]].min(initial=np.inf)) for name, s in signed.items()), default=0.0)
    return {name: np.where(masks[name], s.astype(np.float64) - least, 0.0) for name, s in signed.items()}


class _Cooled(Loss):
    """A loss of outputs divided by a temperature."""

    def __init__(self, loss: Loss, temperature: float) -> None:
        self.loss, self.temperature = loss, temperature

    def per_sample(self, output: Array, target: Array) -> tuple[Array, Array]:
        losses, grads = self.loss.per_sample(output / self.temperature, target)
        return losses, grads / self.temperature

    def check_target(self, target: object, count: int, outputs: int, where: str) -> Array:
        return self.loss.check_target(target, count, outputs, where)


def _in_float64(network: Network) -> Network:
    """Return a copy whose weights can be moved by very little; it has no masks."""
    layers: list[Layer] = []
    for layer in network.layers:
        if isinstance(layer, Dense):
            bias = None if layer.bias is None else layer.bias.value
            layers.append(Dense.from_arrays(layer.weight.value.astype(np.float64), bias))
        else:
            layers.append(layer.copy())
    return Network(layers)


def _norm(arrays: Mapping[str, Array]) -> float:
    return float(np.sqrt(sum(np.vdot(a, a) for a in arrays.values())))
