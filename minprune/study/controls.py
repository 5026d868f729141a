"""Controls: what pruning must be held against before it may claim anything.

    dense          nothing pruned, fine-tuned as long              is anything lost?
    random         scores that are drawn                           does the criterion know anything?
    shuffled       as many in each layer, at random places         is it the places, or the counts in each layer?
    reinitialised  the same places, fresh weights, trained anew    is it the weights, or the connections?
    small_dense    few hidden units, as many weights, trained      is it worth pruning at all?

A criterion that doesn't beat *random* has found nothing; one that doesn't beat *shuffled* has found how many weights
each layer needs and no more; and where *reinitialised* or *small_dense* do as well, the large network need not have
been trained.

Frankle & Carbin (2019), "The lottery ticket hypothesis"; Liu et al. (2019), "Rethinking the value of network
pruning"; Frankle et al. (2021), "Pruning neural networks at initialization: why are we missing the mark?"
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise, takewhile

from minprune.arguments import RNG, Bools, generator, whole
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.nn.activations import Sigmoid, Tanh
from minprune.nn.layers import Dense, Layer
from minprune.nn.network import Network
from minprune.pruning.masks import shuffled

CONTROLS = ("dense", "random", "shuffled", "reinitialised", "small_dense")
_BRANCHING = 8  # hidden layers whose widths are tried both rounded down and up


def reinitialised(network: Network, *, rng: RNG = None) -> Network:
    """Return a network with the same masks and freshly drawn weights; biases start at 0.

    Parameters
    ----------
    network : Network
        It is not touched.
    rng : Generator or seed
        Draws the weights: with the standard deviation of Glorot & Bengio next to a `Tanh` or `Sigmoid`, of He et al.
        otherwise, as `Network.mlp` does.

    Returns
    -------
    Network

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant.

    Examples
    --------
    >>> from minprune import Magnitude, plan
    >>> net = Network.mlp([4, 8, 2], rng=0)
    >>> pruned = plan(net, Magnitude(), sparsity=0.75).apply(net)
    >>> fresh = reinitialised(pruned, rng=1)
    >>> same = fresh.parameters["dense1.weight"].mask == pruned.parameters["dense1.weight"].mask
    >>> bool(same.all()), fresh.sparsity
    (True, 0.75)
    """
    _check(network, "reinitialised")
    fresh = _drawn(network, _widths(network), rng, "reinitialised")
    for name, parameter in network.parameters.items():
        fresh.parameters[name].mask = parameter.mask
    return fresh


def smaller(network: Network, weights: int, *, rng: RNG = None) -> Network:
    """Return a dense network of the same kind with fewer hidden units, so that it has about so many weights.

    All hidden widths shrink by the same factor, as far as whole numbers let them; what rounding leaves over goes to
    the later layers. No width falls below 1, so a very small number can't be met.

    Parameters
    ----------
    network : Network
        It is not touched.
    weights : int
        How many weights of `Dense` layers there shall be: those that a pruned network keeps.
    rng : Generator or seed
        Draws the weights, as for `reinitialised`.

    Returns
    -------
    Network

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant; a network without a hidden layer.

    Examples
    --------
    >>> small = smaller(Network.mlp([784, 300, 100, 10], rng=0), 13_310, rng=0)
    >>> [layer.outputs for layer in small.dense], small.weights
    ([16, 29, 10], 13298)
    """
    _check(network, "smaller")
    if len(network.dense) < 2:
        raise InvalidValueError("network must have a hidden layer to shrink, got a single Dense in smaller()")
    target = whole(weights, "weights", "smaller", at_most=network.weights)
    return _drawn(network, small_widths(_widths(network), target), rng, "smaller")


def small_widths(widths: Sequence[int], weights: int) -> list[int]:
    """Return widths (inputs, hidden …, outputs) of which the hidden ones are shrunk to so many weights.

    Examples
    --------
    >>> small_widths([784, 300, 100, 10], 5_324)
    [784, 6, 39, 10]
    """
    best: list[int] = []

    def go_on(chosen: list[int]) -> None:
        nonlocal best
        i = len(chosen)
        if i == len(widths) - 1:
            full = [*chosen, widths[-1]]
            if not best or abs(_weights(full) - weights) < abs(_weights(best) - weights):
                best = full
            return
        exact = widths[i] * _factor(chosen, widths[i:], weights)
        near = max(1, round(exact))
        others = [max(1, math.floor(exact)), math.ceil(exact)] if len(widths) - 1 - i <= _BRANCHING else []
        for width in dict.fromkeys([near, *others]):
            go_on([*chosen, width])

    go_on([widths[0]])
    return best


def shuffled_in_layers(network: Network, masks: Mapping[str, Bools], *, rng: RNG = None) -> Network:
    """Return a copy of `network` with as many weights kept in each layer as by `masks`, at random places.

    The biases are all kept: a unit that lost every weight is none any more when they come back elsewhere.

    Examples
    --------
    >>> from minprune import Magnitude, plan
    >>> net = Network.mlp([4, 8, 2], rng=0)
    >>> masks = plan(net, Magnitude(), sparsity=0.75).masks
    >>> moved = shuffled_in_layers(net, masks, rng=0)
    >>> [p.kept for p in moved.prunable.values()] == [int(mask.sum()) for mask in masks.values()]
    True
    """
    _check(network, "shuffled_in_layers")
    result = network.copy()
    for name, mask in shuffled({name: masks[name] for name in network.prunable}, rng=rng).items():
        result.parameters[name].mask = mask
    return result


def _drawn(network: Network, widths: Sequence[int], rng: RNG, where: str) -> Network:
    """Return a network with the layers of `network` at other widths, its weights drawn and its biases 0."""
    draws = generator(rng, where)
    sizes = iter(pairwise(widths))
    layers: list[Layer] = []
    for i, layer in enumerate(network.layers):
        if isinstance(layer, Dense):
            init = "glorot" if _saturates(network.layers, i) else "he"
            layers.append(
                Dense(*next(sizes), bias=layer.bias is not None, init=init, rng=draws, dtype=layer.weight.dtype)
            )
        else:
            layers.append(layer.copy())
    return Network(layers)


def _saturates(layers: Sequence[Layer], i: int) -> bool:
    """Whether the activation after layer `i`, or before it if it is the last Dense, flattens out on both sides."""
    others = list(layers[i + 1 :])
    if not any(isinstance(layer, Dense) for layer in others):
        others = list(reversed(layers[:i]))
    between = takewhile(lambda layer: not isinstance(layer, Dense), others)
    return any(isinstance(layer, Tanh | Sigmoid) for layer in between)


def _widths(network: Network) -> list[int]:
    return [network.dense[0].inputs, *(layer.outputs for layer in network.dense)]


def _weights(widths: Sequence[float]) -> float:
    return sum(a * b for a, b in pairwise(widths))


def _factor(chosen: Sequence[int], rest: Sequence[int], weights: int) -> float:
    """Return the factor in [0, 1] for the hidden widths among `rest` that comes to so many weights, by halving."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        shrunk = [middle * width for width in rest[:-1]]
        low, high = (middle, high) if _weights([*chosen, *shrunk, rest[-1]]) < weights else (low, middle)
    return high


def _check(network: object, where: str) -> None:
    if not isinstance(network, Network):
        raise InvalidTypeError(f"network must be a Network, got {type(network).__name__} in {where}()")
