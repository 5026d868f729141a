"""Compaction: the same function with fewer units.

Masks leave units behind that do nothing, and each can go without changing any output:

* a unit with no kept incoming weight puts out a constant, c = f(b). What it feeds gets c · W added to its bias instead,
* a unit with no kept outgoing weight is not looked at by anyone,
* an input that no kept weight looks at need not be gathered.

One pass forward folds the constants, for a folded unit may leave the next without inputs; one pass backward drops
what is not looked at. Neither pass can make work for the other, so nothing dead is left. If a whole hidden layer
goes, the output does not depend on the input: what is left is one layer that puts out its bias.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minprune.arguments import Array, Bools
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.nn.activations import Activation
from minprune.nn.layers import Dense, Dropout, Layer, Select
from minprune.nn.network import Network


def compact(network: Network) -> Network:
    """Return a smaller network that computes the same: dead units folded away, unused inputs no longer gathered.

    Parameters
    ----------
    network : Network
        It is not touched. What is dead is read off the masks: a kept weight that is 0.0 is a connection.
        Its layers are `Dense`, `Select`, `Dropout` and activations; of another kind nothing is known.

    Returns
    -------
    Network
        With the same input and output widths. Unused inputs are left out by a `Select` in front. Kept weights and
        their masks are carried over; equal outputs up to the rounding of sums taken in another order.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        Not a `Network`, or one with a layer of another kind.

    Examples
    --------
    >>> net = Network.mlp([3, 4, 2], rng=0)
    >>> net.parameters["dense1.weight"].mask = np.array([[True, True, False, False]] * 2 + [[False] * 4])
    >>> compact(net)
    Network 3-2-2 float32, 8 weights, 0.0 % pruned
    layer    kind            weights  kept
    ──────────────────────────────────────
    select1  Select(2 of 3)
    dense1   Dense(2, 2)           4     4
    relu1    ReLU()
    dense2   Dense(2, 2)           4     4
    """
    if not isinstance(network, Network):
        raise InvalidTypeError(f"network must be a Network, got {type(network).__name__} in compact()")
    front, between = _functions(network)
    chain = [_Affine.of(layer) for layer in network.dense]
    for here, functions, after in zip(chain, between, chain[1:], strict=False):
        _fold_constants(here, functions, after)
    for here, after in zip(chain[-2::-1], chain[:0:-1], strict=True):
        _drop_units(here, after, keep=np.logical_or.reduce(after.mask, axis=1))
    used: Bools = np.logical_or.reduce(chain[0].mask, axis=1)
    if not used.any() or any(part.mask.size == 0 for part in chain):
        return _constant(network, chain[-1], between[-1])
    chain[0].take_rows(used)
    gathered = _gathered(network)[used]
    layers: list[Layer] = [] if gathered.size == network.inputs else [Select(gathered, network.inputs)]
    layers += front
    for part, functions in zip(chain, between, strict=True):
        layers += [part.layer(), *functions]
    return Network(layers)


@dataclass
class _Affine:
    """A Dense layer in the making; its bias is in float64, since sums are folded into it."""

    weight: Array
    mask: Bools
    bias: Array
    bias_mask: Bools

    @classmethod
    def of(cls, layer: Dense) -> _Affine:
        if layer.bias is None:
            nothing = np.zeros(layer.outputs)
            return cls(layer.weight.effective(), layer.weight.mask, nothing, nothing.astype(np.bool_))
        bias = layer.bias.effective().astype(np.float64)
        return cls(layer.weight.effective(), layer.weight.mask, bias, layer.bias.mask)

    def take_rows(self, keep: Bools) -> None:
        self.weight, self.mask = self.weight[keep], self.mask[keep]

    def take_columns(self, keep: Bools) -> None:
        self.weight, self.mask = self.weight[:, keep], self.mask[:, keep]
        self.bias, self.bias_mask = self.bias[keep], self.bias_mask[keep]

    def layer(self) -> Dense:
        dense = Dense.from_arrays(self.weight, self.bias if self.bias_mask.any() else None)
        dense.weight.mask = self.mask
        if dense.bias is not None:
            dense.bias.mask = self.bias_mask
        return dense


def _fold_constants(here: _Affine, functions: list[Layer], after: _Affine) -> None:
    """Add what the units without inputs put out to the next bias, and drop them."""
    constant: Bools = ~np.logical_or.reduce(here.mask, axis=0)
    if not constant.any():
        return
    output = here.bias[constant].astype(here.weight.dtype)
    for function in functions:
        function.infer(output)
    after.bias = after.bias + output.astype(np.float64) @ after.weight[constant].astype(np.float64)
    after.bias_mask = after.bias_mask | (after.bias != 0)
    _drop_units(here, after, keep=~constant)


def _drop_units(here: _Affine, after: _Affine, keep: Bools) -> None:
    here.take_columns(keep)
    after.take_rows(keep)


def _functions(network: Network) -> tuple[list[Layer], list[list[Layer]]]:
    """Return copies of the layers in front of the first Dense, and of those after each Dense."""
    groups: list[list[Layer]] = [[]]
    for layer in network.layers:
        if type(layer).forward is Dense.forward:  # a subclass of another function is another kind of layer
            groups.append([])
        elif isinstance(layer, Activation | Dropout):
            groups[-1].append(layer.copy())
        elif type(layer).forward is not Select.forward:
            kinds = "Dense, Select, Dropout and activations"
            raise InvalidValueError(f"layers must be {kinds}, got {layer!r} in compact()")
    return groups[0], groups[1:]


def _gathered(network: Network) -> Array:
    """Return the input columns that reach the first Dense."""
    for layer in network.layers:
        if isinstance(layer, Select):
            return layer.columns
    return np.arange(network.inputs)


def _constant(network: Network, last: _Affine, functions: list[Layer]) -> Network:
    """Return a network that looks at no input and puts out the bias of `last`."""
    dense = Dense.from_arrays(np.zeros((network.inputs, network.outputs), network.dtype), last.bias)
    dense.weight.mask = np.zeros(dense.weight.shape, dtype=np.bool_)
    return Network([dense, *functions])
