"""Trainings that go on after compaction, and what is left of the masked network, found by walking all paths."""

from itertools import pairwise

import numpy as np
from packing import alive, paths, rows

from minprune import SGD, Adam, AdamW, CosineDecay, Dropout, MeanSquaredError, Network, StepDecay, fit

OPTIMIZERS = {
    "sgd": lambda: SGD(0.05),
    "momentum": lambda: SGD(0.02, momentum=0.9),
    "nesterov": lambda: SGD(0.02, momentum=0.9, nesterov=True),
    "adam": lambda: Adam(CosineDecay(0.02), eps=1e-4),
    "adamw": lambda: AdamW(0.02, eps=1e-4, weight_decay=0.1),
    "scheduled": lambda: SGD(StepDecay(0.05), momentum=0.5),
}
BATCH, SAMPLES, STEPS = 4, 8, 2  # per batch, in the data, per epoch


def without_dropout(network):
    return Network([layer for layer in network.layers if not isinstance(layer, Dropout)])


def lift(network, seed):
    """Return the network's masks, and have it dense, with values of the size that it is trained from."""
    masks, rng = {name: p.mask for name, p in network.parameters.items()}, np.random.default_rng(seed)
    for p in network.parameters.values():
        p.mask = np.ones(p.shape, bool)
        p.value = rng.standard_normal(p.shape) / np.sqrt(len(p.value))
    return masks


def set_masks(network, masks):
    for name, mask in masks.items():
        network.parameters[name].mask = mask


def drop_whole(network, *, unseen):
    """Drop bias and row of every unit without inputs; if asked, bias and column of every one that is `unseen`."""
    for here, after in zip(network.dense, network.dense[1:], strict=False):
        fed = here.weight.mask.any(axis=0)
        after.weight.mask = after.weight.mask & fed[:, None]
        if here.bias is not None:
            here.bias.mask = here.bias.mask & fed
    for here, after in zip(network.dense[-2::-1], network.dense[:0:-1], strict=True) if unseen else ():
        seen = after.weight.mask.any(axis=1)
        here.weight.mask = here.weight.mask & seen
        if here.bias is not None:
            here.bias.mask = here.bias.mask & seen


def train(network, optimizer, *, upto, start=0, penalty=None):
    """Take the steps from `start` to `upto` of a training of 4 epochs."""
    x, y = rows(network, SAMPLES), np.random.default_rng(1).standard_normal((SAMPLES, network.outputs))
    last = upto // STEPS
    options = {"loss": MeanSquaredError(), "batch_size": BATCH, "penalty": penalty, "rng": 3, "progress": False}
    stop = [lambda net, history: history["epoch"][-1] == last]
    fit(network, (x, y), optimizer=optimizer, epochs=4, start=start, callbacks=stop, **options)


def what_is_left(network, packed):
    """Yield each pair of parameters, and which part of the first the second is, found by walking all paths."""
    if not any(True for _ in paths(network)):
        last, only = network.dense[-1], packed.dense[-1]
        if only.bias is not None:
            yield last.bias, only.bias, np.arange(last.outputs)
        return
    units = [*alive(network)[:-1], range(network.outputs)]
    for its, mine, (here, there) in zip(network.dense, packed.dense, pairwise(units), strict=True):
        yield its.weight, mine.weight, np.ix_(here, there)
        if mine.bias is not None:
            yield its.bias, mine.bias, np.array(there)


def assert_equal(network, packed, optimizer, **tolerance):
    for its, mine, part in what_is_left(network, packed):
        known, state = optimizer.state(its), optimizer.state(mine)
        assert state.steps == known.steps
        assert state.arrays.keys() == known.arrays.keys()
        for one, other in [(its.value, mine.value), *((known.arrays[k], state.arrays[k]) for k in state.arrays)]:
            if tolerance:
                np.testing.assert_allclose(other, one[part], **tolerance)
            else:
                np.testing.assert_array_equal(other, one[part])
