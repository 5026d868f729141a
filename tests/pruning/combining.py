"""What the tests of combinations share: a table of members for each of the questions, and what each of them promises.

Two small networks stand for all. "relu" is 8-12-8-4, dense and trained. "tanh" looks at 7 of 10 columns, is 7-10-6-3
without biases, so that groups and tiles have ragged ends, and two of its layers have lost weights before.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from by_hand import all_units
from generators import Pairs

import minprune as mp
from minprune.pruning.allocation import Curves

LOSS = mp.SoftmaxCrossEntropy()
PRUNED_BEFORE = (0.2, 0.1, 0.0)  # of each layer of the second network


@dataclass(frozen=True)
class Problem:
    """A trained network and its data; how far it is pruned, and what listened to its training."""

    name: str
    network: mp.Network
    data: tuple
    sparsity: float
    min_keep: int
    movement: mp.Movement


@cache
def problem(name):
    draws = np.random.default_rng(3)
    if name == "relu":
        network, sparsity, min_keep = mp.Network.mlp([8, 12, 8, 4], rng=1), 0.75, 2
    else:
        layers = [mp.Select([0, 1, 3, 4, 5, 6, 8], 10)]
        for k, (inputs, outputs) in enumerate([(7, 10), (10, 6), (6, 3)]):
            layers += [mp.Tanh()] if k else []
            layers.append(mp.Dense(inputs, outputs, bias=False, rng=draws))
        network, sparsity, min_keep = mp.Network(layers), 0.6, 1
        for p, share in zip(network.prunable.values(), PRUNED_BEFORE, strict=True):
            p.mask = draws.permutation(np.arange(p.size) >= round(share * p.size)).reshape(p.shape)
    x = draws.standard_normal((40, network.inputs))
    data, movement = (x, np.argmax(x[:, : network.outputs], axis=1)), mp.Movement()
    settings = {"loss": LOSS, "optimizer": mp.SGD(0.1, momentum=0.9), "epochs": 5, "batch_size": 10, "rng": 0}
    mp.fit(network, data, callbacks=[movement], **settings)
    return Problem(name, network, data, sparsity, min_keep, movement)


CRITERIA = {
    "Magnitude": lambda given: mp.Magnitude(),
    "Magnitude-2": lambda given: mp.Magnitude(order=2),
    "GradientMagnitude": lambda given: mp.GradientMagnitude(LOSS),
    "Saliency": lambda given: mp.Saliency(LOSS),
    "Fisher": lambda given: mp.Fisher(LOSS),
    "GraSP": lambda given: mp.GraSP(LOSS),
    "Movement": lambda given: given.movement,
    "ActivationNorm": lambda given: mp.ActivationNorm(),
    "SynFlow": lambda given: mp.SynFlow(rounds=3),
    "OptimalBrainSurgeon": lambda given: mp.OptimalBrainSurgeon(rounds=1 if given.name == "relu" else 2),
    "Activity": lambda given: mp.Activity(),
    "NeuronTaylor": lambda given: mp.NeuronTaylor(LOSS),
    "Random": lambda given: mp.Random(rng=5),
}

PATTERNS = {
    "Unstructured": mp.Unstructured(),
    "NM": mp.NM(2, 4),
    "NM-all": mp.NM(2, 4),  # without a sparsity
    "Blocks": mp.Blocks((2, 3)),
    "Vectors": mp.Vectors(4),
    "Neurons": mp.Neurons(),
    "Neurons-inputs": mp.Neurons(inputs=True),
    "Pairs": Pairs(),  # a user's own
}


def target(pattern, sparsity):
    """Return the sparsity that a pattern of this name is asked for: N:M can't go as far as others."""
    return {"NM-all": None, "NM": 0.4}.get(pattern, sparsity)


def layers_of(pattern):
    """Return the layers that have units in a network of three Dense layers."""
    hidden = ["dense1.weight", "dense2.weight"]
    if pattern == "Neurons-inputs":
        return ["inputs", *hidden]
    return hidden if pattern == "Neurons" else [*hidden, "dense3.weight"]


def _per_layer(given, pattern, sparsity):
    first, *_, last = layers_of(pattern)  # one in the middle, if there are three, is left alone
    level = 0.4 if sparsity is None else sparsity
    return mp.PerLayer({first: level, last: level / 2})


COST = {"inputs": 5.0, "dense1.weight": 3.0, "dense2.weight": 1.0, "dense3.weight": 2.0}  # of a whole layer


@cache
def _curves(given_name, pattern, sparsity):
    """Return measured curves, or, of the dense network, straight lines: then the cheapest layers go first."""
    given = problem(given_name)
    if given_name == "relu":
        ends = dict.fromkeys(layers_of(pattern), (0.0, 0.9))
        return Curves(0.5, ends, {name: (0.5, 0.5 + 0.9 * COST[name]) for name in ends})
    levels = (0.2, 0.4, 0.5, 0.9)
    return mp.sensitivity(
        given.network, mp.Magnitude(), given.data, loss=LOSS, sparsities=levels, pattern=PATTERNS[pattern]
    )


ALLOCATIONS = {
    "Global": lambda given, pattern, sparsity: mp.Global(),
    "Uniform": lambda given, pattern, sparsity: mp.Uniform(),
    "Uniform-output": lambda given, pattern, sparsity: mp.Uniform(within="output"),
    "PerLayer": _per_layer,
    "ErdosRenyi": lambda given, pattern, sparsity: mp.ErdosRenyi(),
    "LAMP": lambda given, pattern, sparsity: mp.LAMP(),
    "Sensitivity": lambda given, pattern, sparsity: mp.Sensitivity(_curves(given.name, pattern, sparsity)),
}

SCHEDULES = {
    "OneShot": mp.OneShot(0.5),
    "Linear": mp.Linear(0.1, 0.8, updates=4),
    "Cubic": mp.Cubic(0.1, 0.8, updates=4),
    "Geometric": mp.Geometric(0.1, 0.8, updates=4),
    "Constant": mp.Constant(0.1, 0.8, updates=4),
    "Custom": mp.Custom(lambda t: t**0.5, 0.1, 0.8, updates=4),
}

REGROWTH = {"none": None, "RigL": mp.RigL(LOSS, 0.5), "SET": mp.SET(0.5)}

# What can't be meant: weights of an output can't be compared where units hold several; N:M without a sparsity lets go
# of the same share everywhere, so there is nothing to allocate, unless layers are given sparsities of their own.
REFUSED = {("Uniform-output", name): "compares the single weights of an output: it needs Unstructured() or NM(), got"
           for name in ("Blocks", "Vectors", "Neurons", "Neurons-inputs", "Pairs")}  # fmt: skip
REFUSED |= {(name, "NM-all"): "NM(2, 4) without sparsity= needs no allocation, got"
            for name in ("Uniform", "Uniform-output", "ErdosRenyi", "LAMP", "Sensitivity")}  # fmt: skip
REFUSED |= {(name, pattern): "regrow needs a pattern whose units share no weights, got Neurons("
            for name in ("RigL", "SET") for pattern in ("Neurons", "Neurons-inputs")}  # fmt: skip
REFUSED |= {(name, "OneShot"): "regrow needs a schedule of several updates, as nothing comes back at the last, got"
            for name in ("RigL", "SET")}  # fmt: skip


def meant(*names):
    """Return whether no two of these members refuse each other."""
    return not any((one, other) in REFUSED for one in names for other in names)


def request(given, allocation, pattern):
    """Return what `plan` and `Pruner` are asked, for members of these names."""
    sparsity = target(pattern, given.sparsity)
    asked = {"allocation": ALLOCATIONS[allocation](given, pattern, sparsity), "pattern": PATTERNS[pattern]}
    if allocation != "PerLayer" and sparsity is not None:
        asked["sparsity"] = sparsity
    return asked | {"min_keep": given.min_keep}


@dataclass(frozen=True)
class Budget:
    """How many weights (or units) of some layers shall be gone, how many were before, and their largest unit."""

    layers: tuple
    target: int
    before: int
    unit: int
    counted_in: str = "weights"


def budgets(network, plan, *, allocation, pattern, sparsity=None, min_keep=1):
    """Return what an allocation promises for a network as it was before."""
    size = {name: p.size for name, p in network.prunable.items()}
    gone = {name: p.size - p.kept for name, p in network.prunable.items()}
    units = units_of(network, pattern)
    layers = tuple(dict.fromkeys(unit[0] for unit in units))
    kept = {name: p.mask for name, p in network.prunable.items()}
    largest = {name: max(sum(kept[w][i, j] for w, i, j in u[-1]) for u in units if u[0] == name) for name in layers}
    shares, neurons = getattr(allocation, "sparsities", None), isinstance(pattern, mp.Neurons)
    if neurons and shares is not None:  # none was gone before
        number = {name: sum(u[0] == name for u in units) for name in layers}
        return [Budget((name,), round(share * number[name]), 0, 1, "units") for name, share in shares.items()]
    if sparsity is None and shares is None:  # all that N:M lets go
        lost = {name: full_slots(p.mask, pattern) for name, p in network.prunable.items()}
        return [Budget((name,), lost[name], 0, 1, "units") for name in layers]
    total = round((sparsity or 0) * sum(size.values()))
    if neurons or isinstance(allocation, mp.Global | mp.LAMP):
        return [Budget(layers, total, sum(gone.values()), max(largest.values()))]
    if shares is not None:
        asked = {name: round(share * size[name]) for name, share in shares.items()}
    elif isinstance(allocation, mp.Uniform):
        asked = {name: round(sparsity * size[name]) for name in layers}
    else:
        asked = {layer.name: layer.asked for layer in plan.layers}
        assert sum(asked.values()) == total
    return [Budget((name,), goes, gone[name], largest[name]) for name, goes in asked.items()]


@cache
def units_of(network, pattern):
    return sorted(all_units(network, pattern), key=lambda unit: unit[1:3])


def full_slots(mask, pattern):
    """Return how many weights go when N:M is filled."""
    groups = [mask[first : first + pattern.m] for first in range(0, len(mask), pattern.m)]
    return sum(int(np.maximum(group.sum(axis=0) - quota(len(group), pattern), 0).sum()) for group in groups)


def quota(rows, pattern):
    return -(-pattern.n * rows // pattern.m)


def assert_counted(network, masks, promised, pattern):
    """Exactly as many are gone as promised, or less by less than one unit; layers without a promise lose nothing."""
    neurons = isinstance(pattern, mp.Neurons)
    gone = {name: int((~masks[name]).sum()) for name in network.prunable}
    alive = dict(zip(["inputs", *gone], neurons_alive([masks[name] for name in gone]), strict=False))
    for budget in promised:
        if budget.counted_in == "weights":
            number = sum(gone.values() if neurons else [gone[name] for name in budget.layers])
        elif neurons:
            number = int((~alive[budget.layers[0]]).sum())
        else:
            (name,) = budget.layers
            number = gone[name] - (network.prunable[name].size - network.prunable[name].kept)
        assert 0 <= budget.target - number < budget.unit
    for name in gone.keys() - {name for budget in promised for name in budget.layers} if not neurons else ():
        assert (masks[name] == network.prunable[name].mask).all()


def neurons_alive(masks):
    """Return which inputs, and then which neurons of each layer, have a weight left."""
    after = [mask.any(axis=1) for mask in masks]
    return [after[0], *(mask.any(axis=0) | leads_on for mask, leads_on in zip(masks, after[1:], strict=False))]


def assert_shape(network, masks, pattern, *, full=False, regrown=False):
    """Masks are what the pattern makes of the masks that were there before, by its definition."""
    before = {name: p.mask for name, p in network.prunable.items()}
    if isinstance(pattern, mp.Neurons):
        weights = [masks[name] for name in before]
        alive = [*neurons_alive(weights), np.ones(weights[-1].shape[1], bool)]
        assert pattern.inputs or (alive[0] == neurons_alive(list(before.values()))[0]).all()
        for name, rows, columns in zip(before, alive, alive[1:], strict=False):
            assert (masks[name] == (before[name] & rows[:, None] & columns)).all()
            bias = masks.get(name.replace("weight", "bias"))
            assert bias is None or (bias == columns).all()
        return
    for name, old in before.items():
        new = masks[name]
        if isinstance(pattern, mp.NM):
            for first in range(0, len(new), pattern.m):
                had, has = (mask[first : first + pattern.m] for mask in (old, new))
                least = np.minimum(had.sum(axis=0), quota(len(had), pattern))
                assert regrown or (has.sum(axis=0) >= least).all()
                assert not full or (has.sum(axis=0) == least).all()
        elif not isinstance(pattern, mp.Unstructured):
            for tile in tiles(new.shape, pattern):
                i, j = np.array(tile).T
                assert not new[i, j].any() or (new[i, j] == old[i, j]).all()


def tiles(shape, pattern):
    """Return the weights of each tile, as indices: runs of outputs, rectangles, pairs of inputs."""
    rows, columns = {mp.Vectors: lambda: (1, pattern.length), mp.Blocks: lambda: pattern.shape, Pairs: lambda: (2, 1)}[
        type(pattern)
    ]()
    return [
        [(i, j) for i in range(r, min(r + rows, shape[0])) for j in range(c, min(c + columns, shape[1]))]
        for r in range(0, shape[0], rows)
        for c in range(0, shape[1], columns)
    ]


def assert_gone_is_zero(network, optimizer=None):
    """Bit for bit +0.0, in values and in what the optimizer remembers."""
    for p in network.parameters.values():
        for array in (p.value, *(() if optimizer is None else optimizer.state(p).arrays.values())):
            assert array[~p.mask].tobytes() == bytes(array[~p.mask].nbytes)
