"""Compaction: the same function with fewer units.

Masks leave units behind that do nothing, and each can go without changing any output:

* a unit with no kept incoming weight puts out a constant, c = f(b). What it feeds gets c · W added to its bias instead,
* a unit with no kept outgoing weight is not looked at by anyone,
* an input that no kept weight looks at need not be gathered.

One pass forward folds the constants, for a folded unit may leave the next without inputs; one pass backward drops
what is not looked at. Neither pass can make work for the other, so nothing dead is left. If a whole hidden layer
goes, the output does not depend on the input: what is left is one layer that puts out its bias.

Going on with the training
--------------------------
A smaller network is also cheaper to train. Whatever an optimizer remembers of a weight (momentum, second moments, the
number of steps) can be carried over to where that weight now is, and then

    training the compacted network  =  training the masked one, looked at where something is left

for the same batches, up to the rounding of sums. It holds because what was dropped had no say: either its output was 0
or nobody looked at it, so the others' gradients don't know of it, and every optimizer, and every penalty on single
weights, treats each weight by itself. Where something dropped did have a say, or was about to, compaction changes the
training, though not the function that it starts from:

* a folded unit whose bias is kept, or whose f(0) is not 0: the masked network would go on training that bias and the
  weights that the constant passes through, the compacted one trains the bias that took the constant. A bias that was
  made for it starts with fresh state,
* `GroupLasso` on groups that lose kept weights: to a unit that is folded or that nobody looked at,
* `Dropout`: the same seed drops other units, as there are fewer.

Pruned by `Neurons`, a unit goes as a whole and takes its bias with it: nothing is folded, and no group loses a kept
weight. What is gone is no longer counted either: the smaller network has a sparsity of its own, and a pruner that is
asked for the same sparsity again prunes it once more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from minprune.arguments import Array, Bools
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.nn.activations import Activation
from minprune.nn.layers import Dense, Dropout, Layer, Select
from minprune.nn.network import Network
from minprune.nn.optimizers import Optimizer
from minprune.nn.training import check_kinds


def compact(network: Network, *, optimizer: Optimizer | None = None) -> Network:
    """Return a smaller network that computes the same: dead units folded away, unused inputs no longer gathered.

    Parameters
    ----------
    network : Network
        It is not touched. What is dead is read off the masks: a kept weight that is 0.0 is a connection.
        Its layers are `Dense`, `Select`, `Dropout` and activations; of another kind nothing is known.
    optimizer : Optimizer, optional
        One that has trained `network`. It can train the smaller network from there, for its state is carried over:
        momentum goes on, and so does Adam's count of steps. Without it, or with another one, the smaller network
        starts as a copy would, with fresh state. What it remembers of `network` stays as well.

    Returns
    -------
    Network
        With the same input and output widths. Unused inputs are left out by a `Select` in front. Kept weights and
        their masks are carried over; equal outputs up to the rounding of sums taken in another order.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        Not a `Network`, or one with a layer of another kind; not an optimizer, or one that has taken no step on it.

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

    Half of the units go in the middle of a training of 12 epochs; the rest of it is cheaper:

    >>> from minprune import Adam, CosineDecay, Magnitude, Neurons, SoftmaxCrossEntropy, fit, plan
    >>> x = np.random.default_rng(0).standard_normal((256, 8)); y = (x[:, 0] * x[:, 1] > 0).astype(int)
    >>> net, adam = Network.mlp([8, 32, 2], rng=0), Adam(CosineDecay(0.02))
    >>> options = {"loss": SoftmaxCrossEntropy(), "optimizer": adam, "epochs": 12, "batch_size": 64, "rng": 0}
    >>> history = fit(net, (x, y), callbacks=[lambda network, history: len(history) == 6], **options)
    >>> plan(net, Magnitude(), sparsity=0.5, pattern=Neurons()).apply_in_place(net)
    >>> smaller = compact(net, optimizer=adam)
    >>> history = fit(smaller, (x, y), start=6 * 4, **options)  # after 6 epochs of 4 batches
    >>> net.weights, smaller.weights, adam.state(smaller.parameters["dense1.weight"])
    (320, 160, State(mean, square after 48 steps))
    """
    if not isinstance(network, Network):
        raise InvalidTypeError(f"network must be a Network, got {type(network).__name__} in compact()")
    if optimizer is not None:
        check_kinds("compact", optimizer=(optimizer, Optimizer))
        if not any(optimizer in p.states for p in network.parameters.values()):
            raise InvalidValueError(
                f"optimizer must have trained this network, got {optimizer!r}, which has taken no step on it, in "
                f"compact(); a copy starts afresh: set masks on the network itself, as plan.apply_in_place does"
            )
    front, between = _functions(network)
    chain = [_Affine.of(layer) for layer in network.dense]
    for here, functions, after in zip(chain, between, chain[1:], strict=False):
        _fold_constants(here, functions, after)
    for here, after in zip(chain[-2::-1], chain[:0:-1], strict=True):
        _drop_units(here, after, keep=np.logical_or.reduce(after.mask, axis=1))
    used: Bools = np.logical_or.reduce(chain[0].mask, axis=1)
    layers: list[Layer] = []
    if used.any() and all(part.mask.size for part in chain):
        chain[0].take_rows(used)
        gathered = _gathered(network)[used]
        layers = [*([] if gathered.size == network.inputs else [Select(gathered, network.inputs)]), *front]
    else:
        chain, between = [chain[-1].emptied(network.inputs)], between[-1:]
    for part, functions in zip(chain, between, strict=True):
        layers += [part.layer(optimizer), *functions]
    return Network(layers)


@dataclass
class _Affine:
    """A Dense layer in the making: which rows and columns of the `source` are left, and what stands there.

    Its bias is in float64, since sums are folded into it.
    """

    source: Dense
    rows: Array
    columns: Array
    weight: Array
    mask: Bools
    bias: Array
    bias_mask: Bools

    @classmethod
    def of(cls, layer: Dense) -> _Affine:
        rows, columns = np.arange(layer.inputs), np.arange(layer.outputs)
        weight, mask = layer.weight.effective(), layer.weight.mask
        if layer.bias is None:
            nothing = np.zeros(layer.outputs)
            return cls(layer, rows, columns, weight, mask, nothing, nothing.astype(np.bool_))
        bias = layer.bias.effective().astype(np.float64)
        return cls(layer, rows, columns, weight, mask, bias, layer.bias.mask)

    def take_rows(self, keep: Bools) -> None:
        self.rows, self.weight, self.mask = self.rows[keep], self.weight[keep], self.mask[keep]

    def take_columns(self, keep: Bools) -> None:
        self.columns, self.weight, self.mask = self.columns[keep], self.weight[:, keep], self.mask[:, keep]
        self.bias, self.bias_mask = self.bias[keep], self.bias_mask[keep]

    def emptied(self, inputs: int) -> _Affine:
        """Return the layer that looks at none of its `inputs` and puts out this one's bias."""
        nothing = np.zeros((inputs, self.columns.size), self.weight.dtype)
        return replace(self, weight=nothing, mask=nothing.astype(np.bool_))

    def layer(self, optimizer: Optimizer | None) -> Dense:
        """Return the layer, trained by `optimizer` as far as what is left of the source was."""
        dense = Dense.from_arrays(self.weight, self.bias if self.bias_mask.any() else None)
        dense.weight.mask = self.mask
        if optimizer is not None and dense.weight.kept:
            optimizer.carry(self.source.weight, dense.weight, np.ix_(self.rows, self.columns))
        if dense.bias is not None:
            dense.bias.mask = self.bias_mask
            if optimizer is not None and self.source.bias is not None:
                optimizer.carry(self.source.bias, dense.bias, self.columns)
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
