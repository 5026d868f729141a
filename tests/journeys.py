"""What a random journey is made of: a network, its data, how it is trained and pruned, all drawn from one seed."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

import minprune as mp
from minprune.nn.activations import ACTIVATIONS

KERNELS = ["dense", "packed", "dense features", "packed features", "panels", "panels apart", "ell", "csr"]


@dataclass
class Journey:
    """What was drawn, in words as well: `said` is what a failure tells."""

    rng: np.random.Generator
    said: list[str] = field(default_factory=list)

    def one_of(self, options):
        return options[self.rng.integers(len(options))]

    def seed(self):
        return int(self.rng.integers(2**31))

    def say(self, what, value):
        self.said.append(f"{what}: {value!r}" if not isinstance(value, str) else f"{what}: {value}")
        return value


def a_network(trip):
    """One to four Dense layers of any width, with or without biases, each followed by anything; perhaps a Select."""
    rng, dtype = trip.rng, trip.one_of([np.float32, np.float64])
    loss = trip.one_of([mp.SoftmaxCrossEntropy(), mp.BinaryCrossEntropy(), mp.MeanSquaredError()])
    widths = [int(n) for n in rng.integers(1, 25, rng.integers(2, 6))]
    widths[-1] = {mp.BinaryCrossEntropy: 1, mp.SoftmaxCrossEntropy: max(2, widths[-1] % 11)}.get(type(loss), widths[-1])
    layers = []
    if rng.random() < 0.2:
        layers.append(mp.Select(np.sort(rng.permutation(widths[0] + 5)[: widths[0]]), widths[0] + 5))
    for k, (a, b) in enumerate(pairwise(widths)):
        if k:
            layers.append(ACTIVATIONS[trip.one_of(list(ACTIVATIONS))]())
            layers += [mp.Dropout(0.2)] * (rng.random() < 0.2)
        layers.append(mp.Dense(a, b, bias=bool(rng.random() < 0.8), rng=rng, dtype=dtype))
    net = mp.Network(layers)
    trip.say("network", f"{'-'.join(map(str, widths))} {net.dtype} {', '.join(map(repr, net.layers))}")
    return net, trip.say("loss", loss)


def some_data(trip, net, loss):
    rows = int(trip.rng.integers(2, 60))
    x = trip.rng.standard_normal((rows, net.inputs)).astype(trip.one_of([np.float32, np.float64]))
    if isinstance(loss, mp.MeanSquaredError):
        y = trip.rng.standard_normal((rows, net.outputs))
    else:
        y = trip.rng.integers(0, max(2, net.outputs), rows)
    trip.say("data", f"{rows} rows, {x.dtype}")
    return x, y


def a_recipe(trip, loss, rows):
    """The arguments of `fit`; a function, as an optimizer remembers."""
    optimizer = trip.one_of(["SGD", "momentum", "Nesterov", "Adam", "AdamW"])
    decays = trip.one_of([lambda lr: lr, mp.CosineDecay, mp.StepDecay])
    penalty = trip.one_of([None, mp.L1(1e-3), mp.L2(1e-3), mp.GroupLasso(1e-3), mp.L1(1e-3, subgradient=True),
                           mp.L1(1e-4) + mp.L2(1e-3)])  # fmt: skip
    make = {
        "SGD": lambda: mp.SGD(decays(0.02)),
        "momentum": lambda: mp.SGD(decays(0.01), momentum=0.9),
        "Nesterov": lambda: mp.SGD(decays(0.01), momentum=0.9, nesterov=True),
        "Adam": lambda: mp.Adam(decays(0.01)),
        "AdamW": lambda: mp.AdamW(decays(0.01), weight_decay=0.1),
    }[optimizer]
    settings = {
        "loss": loss,
        "epochs": int(trip.rng.integers(1, 5)),
        "batch_size": int(trip.rng.integers(1, rows + 3)) if rows < 16 else int(trip.rng.integers(8, rows + 3)),
        "penalty": penalty,
        "rng": trip.seed(),
    }
    trip.say("training", f"{make()!r}, {settings}")
    return lambda: settings | {"optimizer": make()}


def a_criterion(trip, loss):
    seed = trip.seed()
    options = [
        lambda: mp.Magnitude(order=1 + seed % 2),
        lambda: mp.GradientMagnitude(loss),
        lambda: mp.Saliency(loss),
        lambda: mp.Fisher(loss),
        mp.ActivationNorm,
        lambda: mp.SynFlow(rounds=1 + seed % 4),
        lambda: mp.GraSP(loss),
        lambda: mp.OptimalBrainSurgeon(rounds=1 + seed % 2),
        mp.Activity,
        lambda: mp.NeuronTaylor(loss),
        lambda: mp.Random(rng=seed),
    ]
    return trip.say("criterion", trip.one_of(options)())


def a_pattern(trip, net):
    options = [mp.Unstructured(), mp.Unstructured(), mp.NM(1, 2), mp.NM(2, 4), mp.Vectors(3), mp.Blocks((2, 3)),
               mp.Neurons(inputs=True)]  # fmt: skip
    return trip.say("pattern", trip.one_of([*options, mp.Neurons()] if len(net.dense) > 1 else options))


def an_allocation(trip, net, pattern, level):
    options = [mp.Global(), mp.Uniform(), mp.ErdosRenyi(), mp.LAMP()]
    if isinstance(pattern, mp.Unstructured | mp.NM):
        options.append(mp.Uniform(within="output"))
    if not isinstance(pattern, mp.Neurons):
        options.append(mp.PerLayer({name: level * trip.rng.random() for name in net.prunable}))
    return trip.say("allocation", trip.one_of(options))


def a_schedule(trip, steps):
    begin, end = np.sort(trip.rng.random(2).round(2))
    kind = trip.one_of([mp.Linear, mp.Cubic, mp.Geometric, mp.Constant, mp.OneShot])
    if kind is mp.OneShot:
        return trip.say("schedule", mp.OneShot(float(begin)))
    return trip.say("schedule", kind(float(begin), float(end), updates=int(trip.rng.integers(2, steps + 3))))


def a_regrowth(trip, loss, pattern, schedule):
    if isinstance(pattern, mp.Neurons) or isinstance(schedule, mp.OneShot):
        return None
    return trip.say("regrowth", trip.one_of([None, mp.SET(0.4), mp.RigL(loss, 0.4)]))
