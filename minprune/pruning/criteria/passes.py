"""Passes over data: what flows through a network and back, batch by batch, for those who make scores of it.

    x_l   (rows, inputs)    what enters Dense layer l
    δ_l   (rows, outputs)   ∂l_b/∂y_l, how the loss l_b of each row b changes with what that layer puts out

Everything first order is made of these two. δ is that of each row's own loss, not of their mean: with n rows in all,
the gradient of the mean loss is Σ_b x_bi δ_bj / n, and a row's own gradient squared is x_bi² δ_bj².

A pass changes nothing of the network, neither a gradient nor what its layers remember; it reads the weights as they
are when a batch goes through. Nothing is trained, so `Dropout` is off. The data is checked when a pass is asked for,
and not only at its first batch.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

from minprune.arguments import Array, features, pair
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.nn.layers import Dense, Layer
from minprune.nn.losses import Loss
from minprune.nn.network import Network
from minprune.nn.training import checked_pair

Inputs: TypeAlias = dict[str, Array]
Signals: TypeAlias = dict[str, tuple[Array, Array]]


def inputs_of_layers(network: Network, data: object, batch_size: int) -> Iterator[Inputs]:
    """Return, for one batch after another, the x of each `Dense` by the name of its weight.

    Parameters
    ----------
    network : Network
    data : Split, (x, y) or x
        Of a pair only x is looked at; an array is x itself.
    batch_size : int
        Rows per batch; the last may have fewer.

    Returns
    -------
    iterator of dict of str to array (rows, inputs)
        In the order of the layers. To read only: the first may be a view of the data, and one array can stand for two
        layers. They stay as they are when the pass goes on.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        No data, or an x that the network doesn't take.

    Examples
    --------
    >>> net = Network([Dense.from_arrays(np.array([[1.0], [10.0]])), Dense.from_arrays(np.array([[5.0]]))])
    >>> [inputs["dense2.weight"].tolist() for inputs in inputs_of_layers(net, np.array([[1.0, 2.0], [3.0, 4.0]]), 1)]
    [[[21.0]], [[43.0]]]
    """
    x = _checked_x(data, network)
    layers = _twins(network)
    return (_forward(layers, x[i : i + batch_size])[0] for i in range(0, len(x), batch_size))


def signals(network: Network, data: object, loss: Loss, batch_size: int) -> Iterator[Signals]:
    """Return, for one batch after another, x and δ of each `Dense` by the name of its weight.

    Parameters
    ----------
    network : Network
    data : Split or (x, y)
    loss : Loss
        Its value for a row is l.
    batch_size : int
        Rows per batch; the last may have fewer.

    Returns
    -------
    iterator of dict of str to pair of arrays (rows, inputs) and (rows, outputs)
        In the order of the layers. δ is not divided by the number of rows. To read only, as in `inputs_of_layers`.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        No data, or such that the network or the loss doesn't take.

    Examples
    --------
    The loss (z − y)² of a row has the gradient 2 (z − y), here with z = 3 and y = 1, however many rows there are:

    >>> from minprune import MeanSquaredError
    >>> net = Network([Dense.from_arrays(np.array([[1.0], [2.0]])), Dense.from_arrays(np.array([[1.0]]))])
    >>> (batch,) = signals(net, (np.ones((2, 2)), np.ones(2)), MeanSquaredError(), 100)
    >>> x, delta = batch["dense1.weight"]
    >>> delta
    array([[4.],
           [4.]])
    """
    x, y = _checked_pair(data, network, loss)
    layers = _twins(network)
    return (
        _signals_of(layers, x[i : i + batch_size], y[i : i + batch_size], loss) for i in range(0, len(x), batch_size)
    )


def _signals_of(layers: Sequence[Layer], x: Array, y: Array, loss: Loss) -> Signals:
    # What overflows ends up in a score that is not finite, and that is found and named by whoever takes the scores in.
    with np.errstate(over="ignore", invalid="ignore"):
        inputs, output = _forward(layers, x)
        _, delta = loss.per_sample(output, y)
        deltas = {}
        first = next(k for k, layer in enumerate(layers) if isinstance(layer, Dense))
        for layer in reversed(layers[first:]):  # nobody asks what comes before
            if isinstance(layer, Dense):
                deltas[layer.weight.name] = delta
                if layer is not layers[first]:
                    delta = delta @ layer.weight.value.T  # its backward() would also work out, and set, gradients
            else:
                back = layer.backward(delta)
                assert back is not None
                delta = back
    return {name: (entering, deltas[name]) for name, entering in inputs.items()}


def _forward(layers: Sequence[Layer], x: Array) -> tuple[Inputs, Array]:
    inputs = {}
    with np.errstate(over="ignore", invalid="ignore"):
        for layer in layers:
            if isinstance(layer, Dense):
                inputs[layer.weight.name] = x
            x = layer.forward(x)
    return inputs, x


def _twins(network: Network) -> list[Layer]:
    """Return layers that remember batches of their own.

    A `Dense` shares its weights: it is only asked to go forward.
    """
    return [copy.copy(layer) if isinstance(layer, Dense) else layer.copy() for layer in network.layers]


def _checked_x(data: object, network: Network) -> Array:
    if data is None:
        raise InvalidValueError("this criterion needs data: pass data=(x, y), a Split such as data=sets.train, or x")
    x = data if isinstance(data, np.ndarray) else pair(data, "data", "scores")[0]
    return features(x, network.inputs, "scores", dtype=network.dtype, name="x of data")


def _checked_pair(data: object, network: Network, loss: Loss) -> tuple[Array, Array]:
    if data is None:
        raise InvalidValueError("this criterion needs data: pass data=(x, y), or a Split such as data=sets.train")
    return checked_pair(data, "data", network, loss, "scores")


def checked_loss(loss: object, where: str) -> Loss:
    """Return `loss` if it is one; a class that has not been called gets a hint."""
    if not isinstance(loss, Loss):
        hint = f"; pass an instance: {loss.__name__}()" if isinstance(loss, type) else ""
        raise InvalidTypeError(f"loss must be a Loss, got {loss!r} in {where}(){hint}")
    return loss
