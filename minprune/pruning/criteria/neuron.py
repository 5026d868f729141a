"""Criteria for whole neurons, by what they put out: a score per unit, which `Neurons` ranks as it is.

What a unit puts out is what enters the next `Dense`, after the activation function. An input feature puts out its
column of the data.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np

from minprune.arguments import Array, whole
from minprune.errors import InvalidValueError
from minprune.nn.losses import Loss
from minprune.nn.network import Network
from minprune.pruning.criteria.criterion import Criterion, check_network
from minprune.pruning.criteria.passes import checked_loss, inputs_of_layers, signals

INPUTS = "inputs"  # the layer that input features are in


class NeuronCriterion(Criterion):
    """What a unit is worth. A new one writes `neuron_scores`, and says if it needs data.

    With the pattern `Neurons` its scores decide about units. All other patterns go by weights' scores; there each
    weight gets the score of the hidden unit it leads into and, in the last layer, of the unit it comes from. In a
    network of a single layer that is an input feature.

    Examples
    --------
    Units by how many they are connected to:

    >>> class FanOut(NeuronCriterion):
    ...     def neuron_scores(self, network, data=None):
    ...         names = ["inputs", *network.prunable]
    ...         return {name: d.weight.mask.sum(axis=1).astype(float) for name, d in zip(names, network.dense)}
    >>> FanOut().scores(Network.mlp([2, 3, 1], rng=0))["dense1.weight"]
    array([[1., 1., 1.],
           [1., 1., 1.]])
    """

    @abstractmethod
    def neuron_scores(self, network: Network, data: object = None) -> dict[str, Array]:
        """Return a finite score ≥ 0 for each unit, by layer: fresh arrays of floats.

        Parameters
        ----------
        network : Network
        data : Split or (x, y), optional
            For those that need it.

        Returns
        -------
        dict of str to array
            For each hidden layer, by the name of its weight, one score per output; under ``"inputs"`` one per input of
            the first layer.
        """

    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        check_network(network)
        units = self.neuron_scores(network, data)
        names = list(network.prunable)
        result = {}
        for k, (name, p) in enumerate(network.prunable.items()):
            hidden = k < len(names) - 1
            layer = name if hidden else names[k - 1] if k else INPUTS
            if not isinstance(units, Mapping) or layer not in units:
                raise InvalidValueError(f"{self!r} gave no scores for the units of {layer} in scores()")
            given, width = units[layer], p.shape[1] if hidden else p.shape[0]
            if np.shape(given) != (width,):
                got = np.shape(given)
                raise InvalidValueError(
                    f"{self!r} must give {width} scores for the units of {layer}, got shape {got} in scores()"
                )
            result[name] = np.broadcast_to(given if hidden else given[:, None], p.shape).copy()
        return result


class Activity(NeuronCriterion):
    """How often a unit is active: the share of rows in which what it puts out, a, is not 0.

        s = 1/n Σ_b [a_b ≠ 0]  =  1 − APoZ

    APoZ is the average percentage of zeros. For an input feature it is the share of non-zero entries in its column.

    Needs x only. It fails where nothing is ever exactly 0, as with tanh or GELU: all units score 1 and the first go. A
    unit that always puts out the same is active as well, though the next bias could do its work.

    Parameters
    ----------
    batch_size : int
        Rows per forward pass; the scores don't depend on it.

    References
    ----------
    Hu, Peng, Tai & Tang (2016), "Network trimming".

    Examples
    --------
    >>> from minprune import Dense, ReLU
    >>> net = Network([Dense.from_arrays(np.array([[1.0, -1.0]])), ReLU(), Dense.from_arrays(np.ones((2, 1)))])
    >>> Activity().neuron_scores(net, (np.array([[1.0], [2.0], [3.0], [-1.0]]), np.zeros(4)))
    {'inputs': array([1.]), 'dense1.weight': array([0.75, 0.25])}
    """

    needs_data = True

    def __init__(self, *, batch_size: int = 4096) -> None:
        self.batch_size = whole(batch_size, "batch_size", "Activity")

    def neuron_scores(self, network: Network, data: object = None) -> dict[str, Array]:
        check_network(network, "neuron_scores")
        rows = 0
        active = {name: np.zeros(p.shape[0], np.int64) for name, p in network.prunable.items()}
        for inputs in inputs_of_layers(network, data, self.batch_size):
            for name, x in inputs.items():
                active[name] += np.count_nonzero(x, axis=0)
            rows += len(x)
        return _by_unit(network, {name: number / rows for name, number in active.items()})


class NeuronTaylor(NeuronCriterion):
    """The loss that hangs on a unit, to first order: the mean over rows of |a · ∂l/∂a|, a what it puts out.

        s = 1/n Σ_b |a_b · ∂l_b/∂a_b|

    l_b is the loss of row b. To first order a_b · ∂l_b/∂a_b is what that loss falls by when the unit is silenced; the
    absolute value is taken row by row, so that gains for some rows don't hide losses for others. For an input feature a
    is its column of the data.

    Needs x and y. It fails where the loss is curved on the way from a to 0, and at rows the network has fitted
    perfectly: their gradients are 0. Scores of different layers differ in scale. The paper divides those of a layer by
    their norm; here that is for the allocation to see to: `Uniform` goes by ranks.

    Parameters
    ----------
    loss : Loss
        Its value for a row is l.
    batch_size : int
        Rows per forward and backward pass; the scores don't depend on it but for rounding.

    References
    ----------
    Molchanov, Tyree, Karras, Aila & Kautz (2017), "Pruning convolutional neural networks for resource efficient
    inference": their Θ_TE, for feature maps of one point.

    Examples
    --------
    >>> from minprune import Dense, MeanSquaredError
    >>> net = Network([Dense.from_arrays(np.array([[1.0, 1.0]])), Dense.from_arrays(np.array([[3.0], [1.0]]))])
    >>> NeuronTaylor(MeanSquaredError()).neuron_scores(net, (np.array([[1.0]]), np.array([2.0])))
    {'inputs': array([16.]), 'dense1.weight': array([12.,  4.])}
    """

    needs_data = True

    def __init__(self, loss: Loss, *, batch_size: int = 4096) -> None:
        self.loss = checked_loss(loss, "NeuronTaylor")
        self.batch_size = whole(batch_size, "batch_size", "NeuronTaylor")

    def neuron_scores(self, network: Network, data: object = None) -> dict[str, Array]:
        check_network(network, "neuron_scores")
        rows = 0
        total = {name: np.zeros(p.shape[0]) for name, p in network.prunable.items()}
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is found by whoever takes the scores in
            for batch in signals(network, data, self.loss, self.batch_size):
                for name, (x, delta) in batch.items():
                    felt = delta @ network.parameters[name].value.T  # ∂l/∂a of what enters this layer
                    felt *= x
                    total[name] += np.abs(felt, out=felt).sum(axis=0, dtype=np.float64)
                rows += len(x)
            return _by_unit(network, {name: of_units / rows for name, of_units in total.items()})

    def __repr__(self) -> str:
        return f"NeuronTaylor({self.loss!r})"


def _by_unit(network: Network, by_input: Mapping[str, Array]) -> dict[str, Array]:
    """Rename scores of what enters each layer to scores of what put it out: the inputs, then each hidden layer."""
    names = [INPUTS, *list(network.prunable)[:-1]]
    return {name: by_input[after].astype(network.dtype) for name, after in zip(names, network.prunable, strict=True)}
