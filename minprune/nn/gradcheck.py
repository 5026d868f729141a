"""Check backprop against the definition of a derivative.

    ∂L/∂w_i ≈ (L(w + h e_i) − L(w − h e_i)) / 2h

Central differences are off by O(h²) from cutting the Taylor series and by O(ε/h) from rounding (ε ≈ 10⁻¹⁶ in
float64); they balance near h = ε^{1/3} ≈ 6·10⁻⁶, where about ten digits are right. In float32 only three would be, so
the check is made on a float64 copy, and the network given is not touched.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minprune.arguments import RNG, Array, features, generator, real, whole
from minprune.display import table
from minprune.errors import InvalidValueError
from minprune.nn.layers import Dense, Layer
from minprune.nn.losses import Loss
from minprune.nn.network import Network
from minprune.nn.penalties import Penalty, Sum
from minprune.nn.training import check_kinds


@dataclass(frozen=True)
class GradientCheck:
    """The largest relative error of each parameter's gradient, and of the input's; ``ok`` if none exceeds the
    tolerance.

    The error of an entry is |backprop − difference| / max(|backprop|, |difference|, 1e-3 · s, r / tolerance). Here s is
    the array's largest entry: a gradient that is tiny beside its neighbours is judged against them. And r = 8 ε max(1,
    |L|) / h is what rounding the loss can do to a difference: one that is off by less than that says nothing.
    """

    errors: dict[str, float]
    checked: dict[str, int]
    tolerance: float

    @property
    def ok(self) -> bool:
        return all(error <= self.tolerance for error in self.errors.values())

    def to_dict(self) -> dict[str, float]:
        """Return name → largest relative error."""
        return dict(self.errors)

    def __repr__(self) -> str:
        rows = [
            (n, self.checked[n], f"{e:.1e}", "ok" if e <= self.tolerance else "WRONG") for n, e in self.errors.items()
        ]
        return table(["gradient of", "entries", "largest error", "verdict"], rows)


def gradcheck(
    network: Network,
    x: Array,
    y: Array,
    loss: Loss,
    *,
    penalty: Penalty | None = None,
    step: float = 6e-6,
    tolerance: float = 1e-6,
    entries: int = 100,
    rng: RNG = 0,
) -> GradientCheck:
    """Compare the gradients of `network` with central differences of its loss.

    Parameters
    ----------
    network : Network
        Its kept weights are checked: a dropped weight does not move. Dropout is off.
    x, y : array
        A batch; near a kink of an activation (ReLU at 0) a difference can be off though backprop is right.
    loss : Loss
    penalty : Penalty, optional
        Added to the loss; of a sum, the parts that act by their gradient. One that acts by its proximal step has none.
    step : float
        h, in units of the weights.
    tolerance : float
        The largest relative error that passes.
    entries : int
        How many entries of each array are checked, drawn by `rng`; all of them if there are fewer.

    Returns
    -------
    GradientCheck

    Examples
    --------
    >>> from minprune import SoftmaxCrossEntropy
    >>> net = Network.mlp([3, 4, 2], activation="tanh", rng=0)
    >>> gradcheck(net, np.eye(3), np.array([0, 1, 0]), SoftmaxCrossEntropy()).ok
    True
    """
    check_kinds("gradcheck", network=(network, Network), loss=(loss, Loss))
    if penalty is not None:
        check_kinds("gradcheck", penalty=(penalty, Penalty))
        penalty.value(network.parameters)  # names it doesn't know are refused here
    parts = penalty.parts if isinstance(penalty, Sum) else (penalty,)
    smooth = [part for part in parts if part is not None and not part.proximal]
    h = real(step, "step", "gradcheck", low=0.0, ends="(]")
    limit = real(tolerance, "tolerance", "gradcheck", low=0.0, ends="(]")
    most = whole(entries, "entries", "gradcheck")
    draws = generator(rng, "gradcheck")
    net = in_float64(network)
    inputs = features(x, net.inputs, "gradcheck", dtype=net.dtype).copy()
    targets = loss.check_target(y, len(inputs), net.outputs, "gradcheck")

    def value() -> float:
        total = loss.value_and_gradient(net.forward(inputs), targets)[0]
        return total + sum(part.value(net.parameters) for part in smooth)

    with np.errstate(over="ignore", invalid="ignore"):
        at_first = value()
    if not math.isfinite(at_first):
        raise InvalidValueError(f"the loss must be finite, got {at_first} in gradcheck()")
    rounding = 8 * np.finfo(np.float64).eps * max(1.0, abs(at_first)) / h
    _, grad = loss.value_and_gradient(net.forward(inputs), targets)
    input_grad = net.backward(grad, input_grad=True)
    assert input_grad is not None
    for part in smooth:
        part.add_gradient(net.parameters)
    arrays = {name: (p.value, p.grad.copy(), p.mask) for name, p in net.parameters.items()}
    arrays["x"] = (inputs, input_grad, np.ones(inputs.shape, bool))
    errors, checked = {}, {}
    for name, (array, backprop, mask) in arrays.items():
        kept = np.flatnonzero(mask)
        at = kept if len(kept) <= most else np.sort(draws.choice(kept, most, replace=False))
        flat, ours = array.reshape(-1), backprop.reshape(-1)[at]
        differences = np.array([_difference(value, flat, int(i), h) for i in at])
        scale = np.maximum(np.abs(ours), np.abs(differences))
        floor = max(1e-3 * float(np.abs(backprop).max()), rounding / limit)
        errors[name] = float((np.abs(ours - differences) / np.maximum(scale, floor)).max(initial=0.0))
        checked[name] = len(at)
    return GradientCheck(errors, checked, limit)


def _difference(value: Callable[[], float], flat: Array, i: int, h: float) -> float:
    was = flat[i]
    flat[i] = was + h
    above = value()
    flat[i] = was - h
    below = value()
    flat[i] = was
    return float((above - below) / (2 * h))


def in_float64(network: Network) -> Network:
    """Return a float64 copy of `network`, masks included."""
    layers: list[Layer] = []
    for layer in network.layers:
        if not isinstance(layer, Dense):
            layers.append(layer.copy())
            continue
        bias = None if layer.bias is None else layer.bias.value.astype(np.float64)
        twin = type(layer).from_arrays(layer.weight.value.astype(np.float64), bias)
        for mine, its in zip(layer.parameters, twin.parameters, strict=True):
            its.mask = mine.mask
        layers.append(twin)
    return Network(layers)
