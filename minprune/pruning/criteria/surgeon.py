"""The optimal brain surgeon, layer by layer: what a weight costs if the others may make up for it, and how they do.

For one output of a layer, with inputs x and weights w, the change that a change of weights δ makes to it costs

    E(δ) = ½ · mean over rows of (xᵀδ)² = ½ δᵀ H δ,        H = XᵀX / n

The least cost with δ_i = −w_i given, and with any set D of weights given, the others (K) free to follow, is

    E = w_i² / (2 [H⁻¹]_ii)        E = ½ w_Dᵀ ([H⁻¹]_DD)⁻¹ w_D        δ_K = H_KK⁻¹ H_KD w_D

H is the same for all outputs that have the same weights left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from minprune.arguments import Array, Bools, finite, mask_of_shape, real, whole
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.nn.layers import Dense
from minprune.nn.network import Network
from minprune.pruning.criteria.criterion import Criterion, check_network
from minprune.pruning.criteria.passes import inputs_of_layers


class OptimalBrainSurgeon(Criterion):
    """What the layer's output loses without the weight when the others make up for it, s_ij = w_ij² / (2 [H⁻¹]_ii).

    H = XᵀX / n + damp · h · I (inputs, inputs), in float64: X (n, inputs) is what enters the layer in the network given
    here, over the data, and h the mean of the diagonal. Where weights are gone already, H is that of the inputs which
    this output still has. The bias, if there is one, is never dropped and free to follow. It is not damped: its entry
    in the diagonal is 1, so it needs none, and then it is the same as taking the mean off each column of X, which is
    how it is done. An input that never varies costs nothing, and goes first: the bias does its work.

    A plan made with it also holds what the kept weights become: `compensate`. Needs x only, and more rows than a layer
    has inputs, or else it is the damping that decides. It fails where single steps don't add up: each score is right
    for one weight to go next, and says little of a hundred to go together; `rounds` helps, each with scores that take
    the last one's losses and values into account. Later layers are solved for on the inputs that they have now, not on
    those that pruned earlier layers will send them.

    Parameters
    ----------
    damp : float
        At least 1e-9: how strongly change is held back, as a share of the mean curvature. The inverse needs it where
        inputs go together or rows are few.
    rounds : int
        How many times `plan` takes scores anew on the way to its target.
    batch_size : int
        Rows per forward pass; the scores don't depend on it but for rounding.

    References
    ----------
    Hassibi & Stork (1993), "Second order derivatives for network pruning: optimal brain surgeon". Layer by layer: Dong,
    Chen & Pan (2017), "Learning to prune deep neural networks via layer-wise optimal brain surgeon"; Frantar & Alistarh
    (2022), "Optimal brain compression", and (2023), "SparseGPT", for damping and inputs that are always 0.

    Examples
    --------
    The first two inputs are nearly the same, so one can do the other's work. The third is alone: the smallest weight is
    the dearest.

    >>> from minprune import plan
    >>> x = np.array([[1.0, 1.1, 0.0], [1.0, 0.9, 0.0], [0.0, 0.0, 1.0]])
    >>> net = Network([Dense.from_arrays(np.array([[2.0], [1.0], [0.5]]))])
    >>> made = plan(net, OptimalBrainSurgeon(damp=1e-3), sparsity=1 / 3, data=(x, np.zeros(3)))
    >>> made.scores["dense1.weight"].round(3)
    array([[0.015],
           [0.004],
           [0.042]])
    >>> made.values["dense1.weight"].round(3)
    array([[2.999],
           [0.   ],
           [0.5  ]])
    """

    needs_data = True

    def __init__(self, damp: float = 0.01, rounds: int = 1, *, batch_size: int = 4096) -> None:
        self.damp = real(damp, "damp", "OptimalBrainSurgeon", low=1e-9)
        self.rounds = whole(rounds, "rounds", "OptimalBrainSurgeon")
        self.batch_size = whole(batch_size, "batch_size", "OptimalBrainSurgeon")

    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        check_network(network)
        result = {}
        for layer, inputs in _layers(network, data, self.batch_size):
            weight = layer.weight
            price = np.zeros(weight.shape)
            for group in _groups(layer, weight.mask):
                price[:, group.outputs] = inputs.curvature(group.free_bias, self.damp).price(group.kept)[:, None]
            with np.errstate(over="ignore"):  # what is infinite is found by whoever takes the scores in
                result[weight.name] = (weight.value.astype(np.float64) ** 2 * price / 2).astype(weight.dtype)
        return result

    def compensate(self, network: Network, data: object, masks: Mapping[str, Bools]) -> dict[str, Array]:
        """Return what weights and biases become under new masks, so that each layer's outputs change the least.

        Of each output, the kept weights and the bias are moved by the δ with the least

            mean over rows of (xᵀδ)² + damp · h · ‖δ‖²        δ = −w for the weights that go

        x is what enters the layer in `network`, unpruned as far as that is, also for later layers.

        Parameters
        ----------
        network : Network
            Its weights are the w to start from: pruned only as far as shall count as given.
        data : Split or (x, y)
        masks : mapping of str to bool array
            By name, of all prunable weights.

        Returns
        -------
        dict of str to array
            Every weight and bias by name; +0.0 where the mask is False, as it was where no weight of the output goes.
        """
        check_network(network, "compensate")
        values = {}
        for layer, inputs in _layers(network, data, self.batch_size):
            weight = layer.weight
            mask = weight.mask & _mask_for(weight.name, masks, weight.shape)
            old = weight.effective().astype(np.float64)
            new = old.copy()
            shift = np.zeros(layer.outputs)  # of the bias
            for group in _groups(layer, mask):
                outputs = group.outputs[old[np.ix_(~group.kept, group.outputs)].any(axis=0)]
                if not outputs.size:
                    continue  # nothing is lost
                going = np.where(group.kept[:, None], 0.0, old[:, outputs])
                change = inputs.curvature(group.free_bias, self.damp).follow(group.kept, going) - going
                new[:, outputs] += change
                if group.free_bias:
                    shift[outputs] = -(inputs.mean @ change)
            values[weight.name] = np.where(mask, new, 0.0).astype(weight.dtype)
            if layer.bias is not None:
                values[layer.bias.name] = (layer.bias.value + shift).astype(weight.dtype)
        return values

    def __repr__(self) -> str:
        rounds = "" if self.rounds == 1 else f", rounds={self.rounds}"
        return f"OptimalBrainSurgeon(damp={self.damp:g}{rounds})"


@dataclass(frozen=True)
class _Group:
    """Outputs of a layer that have the same inputs left, and all a bias to move, or none."""

    outputs: Array
    kept: Bools
    free_bias: bool


def _groups(layer: Dense, mask: Bools) -> Iterator[_Group]:
    free = np.zeros(layer.outputs, np.bool_) if layer.bias is None else layer.bias.mask
    alike: dict[bytes, list[int]] = {}
    for j, key in enumerate(np.packbits(np.vstack([free, mask]).T, axis=1)):
        alike.setdefault(key.tobytes(), []).append(j)
    for outputs in alike.values():
        yield _Group(np.array(outputs), mask[:, outputs[0]], bool(free[outputs[0]]))


def _mask_for(name: str, masks: Mapping[str, Bools], shape: tuple[int, ...]) -> Bools:
    if not isinstance(masks, Mapping):
        raise InvalidTypeError(f"masks must be a mapping of names to masks, got {type(masks).__name__} in compensate()")
    if name not in masks:
        raise InvalidValueError(f"masks must name every prunable weight, got none for {name} in compensate()")
    return mask_of_shape(masks[name], shape, name, "compensate")


def _layers(network: Network, data: object, batch_size: int) -> Iterator[tuple[Dense, _Inputs]]:
    """Return each layer with the moments of what enters it, gathered in one pass over the data."""
    moments = [_Inputs(layer.weight.name, layer.inputs) for layer in network.dense]
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is found later
        for inputs in inputs_of_layers(network, data, batch_size):
            for moment in moments:
                moment.add(inputs[moment.name].astype(np.float64))
    return zip(network.dense, moments, strict=True)


class _Inputs:
    """The mean and the covariance of what enters a layer.

    Both are gathered relative to the first row, so that little is lost by the subtraction, and a column that never
    varies has a variance of exactly 0.
    """

    def __init__(self, name: str, width: int) -> None:
        self.name = name
        self.rows = 0
        self._first = np.zeros(width)
        self._sum = np.zeros(width)
        self._products = np.zeros((width, width))
        self._curvatures: dict[bool, _Curvature] = {}

    def add(self, x: Array) -> None:
        if self.rows == 0:
            self._first = x[0].copy()
        x -= self._first
        self.rows += len(x)
        self._sum += x.sum(axis=0)
        self._products += x.T @ x

    @property
    def mean(self) -> Array:
        return self._first + self._sum / self.rows

    def curvature(self, free_bias: bool, damp: float) -> _Curvature:
        """Return H: of the centred inputs if a bias follows, else of the inputs as they are."""
        if free_bias not in self._curvatures:
            mean = self._sum / self.rows
            with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is found next
                h = self._products / self.rows - np.outer(mean, mean)
                if not free_bias:
                    h += np.outer(self.mean, self.mean)
            finite(h, f"the second moment of what enters {self.name.split('.')[0]}", "OptimalBrainSurgeon")
            self._curvatures[free_bias] = _Curvature(h, damp)
        return self._curvatures[free_bias]


class _Curvature:
    """H, scaled to a mean diagonal of 1, damped, and without the inputs that don't count."""

    def __init__(self, h: Array, damp: float) -> None:
        diagonal = h.diagonal()
        self.live = diagonal > 0
        self.scale = float(diagonal[self.live].mean()) if self.live.any() else 0.0
        self.h = h[np.ix_(self.live, self.live)]
        self.h /= self.scale
        self.h.flat[:: len(self.h) + 1] += damp

    @cached_property
    def inverse(self) -> Array:
        return np.linalg.inv(self.h)

    def price(self, kept: Bools) -> Array:
        """Return 1 / [(H_KK)⁻¹]_ii for the kept inputs; 0 for the others, and for those that don't count.

        With G = H⁻¹ and D the others, (H_KK)⁻¹ = G_KK − G_KD (G_DD)⁻¹ G_DK: the smaller of both sets is inverted.
        """
        here, gone = np.flatnonzero(kept[self.live]), np.flatnonzero(~kept[self.live])
        if here.size <= gone.size:
            diagonal = np.linalg.inv(self.h[np.ix_(here, here)]).diagonal()
        else:
            between = self.inverse[np.ix_(gone, here)]
            back = np.linalg.solve(self.inverse[np.ix_(gone, gone)], between)
            diagonal = self.inverse.diagonal()[here] - (between * back).sum(axis=0)
        result = np.zeros(self.live.size)
        result[self.live & kept] = self.scale / diagonal
        return result

    def follow(self, kept: Bools, going: Array) -> Array:
        """Return by how much the kept weights move when those in `going`, (inputs, outputs), are given up.

        δ_K = H_KK⁻¹ H_KD w_D, or with G = H⁻¹ the same, −δ_K = G_KD (G_DD)⁻¹ (−w_D): the smaller set is solved for.
        """
        w = going[self.live]
        here, gone = np.flatnonzero(kept[self.live]), np.flatnonzero(~kept[self.live])
        if here.size <= gone.size:
            moved = np.linalg.solve(self.h[np.ix_(here, here)], (self.h @ w)[here])
        else:
            moved = -(self.inverse[:, gone] @ np.linalg.solve(self.inverse[np.ix_(gone, gone)], w[gone]))[here]
        result = np.zeros(going.shape)
        result[self.live & kept] = moved
        return result
