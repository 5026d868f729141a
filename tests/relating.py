"""Networks and data of small dyadic numbers, what can be done to them that must not matter, and what rounding leaves.

Weights and inputs are eighths in [−1, 1] and layers are narrow, so that every sum of a forward pass is exact in float32
in whatever order: two ways to the same number agree to the last bit. Powers of two scale any number exactly.
"""

from itertools import pairwise

import numpy as np
from hypothesis import settings

import minprune as mp
from minprune.nn.activations import ACTIVATIONS
from minprune.nn.losses import Loss

WIDTHS = (5, 7, 6, 4)
ROWS = 16  # a power of two: means are exact
FEWER = settings(max_examples=settings.default.max_examples // 3)  # where members multiply them, or trainings cost


def eighths(rng, shape, dtype=np.float32):
    return (rng.integers(-8, 9, shape) / 8).astype(dtype)


def normal(rng, shape, dtype=np.float64):
    return rng.standard_normal(shape).astype(dtype)


def network(seed, *, numbers=eighths, widths=WIDTHS, activation="relu", bias=True, kept=0.7, dtype=np.float64):
    """A network whose masks keep this share of weights and biases."""
    rng = np.random.default_rng(seed)
    kind = ACTIVATIONS[activation]
    layers = []
    for k, (a, b) in enumerate(pairwise(widths)):
        layers += [kind(0.25) if activation == "leaky_relu" else kind()] if k else []
        layers.append(mp.Dense.from_arrays(numbers(rng, (a, b), dtype), numbers(rng, b, dtype) if bias else None))
    result = mp.Network(layers)
    for p in result.parameters.values():
        p.mask = rng.random(p.shape) < kept
    return result


def data(seed, *, numbers=eighths, dtype=np.float64, inputs=WIDTHS[0], classes=WIDTHS[-1], rows=ROWS):
    """Inputs, and labels among which every class is."""
    rng = np.random.default_rng(seed + 1)
    return numbers(rng, (rows, inputs), dtype), rng.permutation(np.arange(rows) % classes)


def rebuilt(net, change):
    """An equal network but for its arrays: ``change(array, role, k)`` of each value, mask and gradient of layer k."""
    twin = net.copy()
    for k, (old, new) in enumerate(zip(net.dense, twin.dense, strict=True)):
        for role in ("weight", "bias"):
            p, q = getattr(old, role), getattr(new, role)
            if p is not None:
                q.mask = np.ones(q.shape, np.bool_)  # what moves to where nothing was must not be dropped on the way
                q.value = change(p.value, role, k)
                q.mask = change(p.mask, role, k)
    return twin


def orders(net, seed, *, inputs=False, hidden=True, outputs=False):
    """An order for the inputs and for the units of each layer; 0 … n − 1 where nothing shall move."""
    rng = np.random.default_rng(seed)
    widths = [net.inputs, *(layer.outputs for layer in net.dense)]
    moves = [inputs, *[hidden] * (len(widths) - 2), outputs]
    return [rng.permutation(width) if move else np.arange(width) for width, move in zip(widths, moves, strict=True)]


def moved(array, role, k, order):
    """The weight or bias of layer k after its units and those before it are put in order."""
    return array[order[k + 1]] if role == "bias" else array[np.ix_(order[k], order[k + 1])]


def permuted(net, order):
    return rebuilt(net, lambda array, role, k: moved(array, role, k, order))


def permuted_arrays(net, arrays, order):
    """Arrays by the names of parameters, such as masks, put in order like the network's own."""
    place = {f"dense{k + 1}.{role}": (role, k) for k in range(len(net.dense)) for role in ("weight", "bias")}
    return {name: moved(array, *place[name], order) for name, array in arrays.items()}


def rescaled(net, k, factor):
    """Layer k times `factor`, the next one divided by it: a network of rectifiers doesn't notice."""

    def change(array, role, at):
        if array.dtype == np.bool_ or at not in (k, k + 1) or (at == k + 1 and role == "bias"):
            return array
        return array * array.dtype.type(factor if at == k else 1 / factor)

    return rebuilt(net, change)


def gradients(net, batch, loss):
    """The gradient of the mean loss by name."""
    x, y = batch
    net.backward(loss.value_and_gradient(net(x), y)[1])
    return {name: p.grad.copy() for name, p in net.parameters.items()}


def rounding(net, x):
    """A bound on the rounding of an output: ε for each term and step on the way, of sums without signs."""
    size = np.abs(x).astype(np.float64)
    for layer in net.dense:
        size = size @ np.abs(layer.weight.value) + (0 if layer.bias is None else np.abs(layer.bias.value)) + 1
    steps = net.inputs + sum(layer.outputs + 8 for layer in net.dense)
    return steps * np.finfo(net.dtype).eps * size


def same(a, b):
    """Whether two arrays, or two dicts of them, agree to the last bit but for the sign of 0."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    return a.dtype == b.dtype and np.array_equal(a, b)


def values(net):
    return {name: p.value.copy() for name, p in net.parameters.items()}


def masks(net):
    return {name: p.mask for name, p in net.parameters.items()}


class Scaled(Loss):
    """A loss times a number."""

    def __init__(self, loss, factor):
        self.loss, self.factor = loss, factor

    def per_sample(self, output, target):
        losses, grads = self.loss.per_sample(output, target)
        return losses * output.dtype.type(self.factor), grads * output.dtype.type(self.factor)

    def check_target(self, target, count, outputs, where):
        return self.loss.check_target(target, count, outputs, where)


OPTIMIZERS = {
    "SGD": lambda: mp.SGD(2**-3),
    "momentum": lambda: mp.SGD(2**-4, momentum=0.9),
    "Nesterov": lambda: mp.SGD(2**-4, momentum=0.9, nesterov=True),
    "Adam": lambda: mp.Adam(2**-6),
    "AdamW": lambda: mp.AdamW(2**-6, weight_decay=0.25),
}


def trained(net, batch, *, optimizer="momentum", **options):
    """A copy of the network after some steps, full batch and two epochs unless said otherwise."""
    net = net.copy()
    made = OPTIMIZERS[optimizer]() if isinstance(optimizer, str) else optimizer
    settings = {"loss": mp.SoftmaxCrossEntropy(), "epochs": 2, "batch_size": 10**6, "rng": 0}
    mp.fit(net, batch, optimizer=made, **settings | options)
    return net
