"""Bad input to what prunes: criteria, patterns, allocations, schedules, plans, pruners, tickets."""

import numpy as np
from bad_world import (
    BELOW_ONE,
    FEATURES,
    FEATURES64,
    FLAG,
    HUGE,
    LABELS,
    NAN,
    PAIRS,
    POSITIVE,
    RNG,
    SHARE,
    TYPE,
    UP_TO_ONE,
    VALUE,
    each,
    mistyped,
    real,
    rows,
    whole,
)  # fmt: skip

import minprune as mp
from minprune.pruning.criteria import Criterion

LOSS = mp.SoftmaxCrossEntropy()
NEED_LOSS = ("GradientMagnitude", "Saliency", "Fisher", "GraSP", "NeuronTaylor")
NEED_DATA = (*NEED_LOSS, "ActivationNorm", "OptimalBrainSurgeon", "Activity")
REDUCTIONS = ["mean_square", "mean", "sum", "norm", "max"]


def criterion(name):
    return getattr(mp, name)(LOSS) if name in NEED_LOSS else getattr(mp, name)()


class Given(Criterion):
    """Whose scores are whatever they are."""

    def __init__(self, first):
        self.first = first

    def scores(self, network, data=None):
        return {"dense1.weight": self.first, "dense2.weight": np.ones((6, 3))}


def planned(w, made, **asked):
    return mp.plan(w.net, made, **{"sparsity": 0.5, "data": w.data} | asked)


CRITERIA = [
    *(row for name in NEED_LOSS for row in each(name, "batch_size", whole(),
                                                lambda w, bad, name=name: getattr(mp, name)(LOSS, batch_size=bad))),
    *(row for name in NEED_LOSS for row in rows(name, (
        lambda w, name=name: getattr(mp, name)("mse"), TYPE, f"loss must be a Loss, got 'mse' in {name}()"))),
    *(row for name in NEED_DATA for row in rows(name, (
        lambda w, name=name: planned(w, criterion(name), data=None), VALUE,
        f"{criterion(name)!r} needs data: pass data=(x, y) or a Split to plan()"))),
    *(row for name in NEED_DATA for row in each(
        name, "x of data", FEATURES64 if name == "GraSP" else FEATURES,
        lambda w, bad, name=name: planned(w, criterion(name), data=(bad, w.y)), "scores")),
    *(row for name in NEED_LOSS for row in each(
        name, "y", LABELS, lambda w, bad, name=name: planned(w, criterion(name), data=(w.x, bad)), "scores")),
    *(row for name in ("ActivationNorm", "OptimalBrainSurgeon", "Activity") for row in each(
        name, "batch_size", whole(), lambda w, bad, name=name: getattr(mp, name)(batch_size=bad))),
    *each("GraSP", "temperature", POSITIVE, lambda w, bad: mp.GraSP(LOSS, temperature=bad)),
    *each("OptimalBrainSurgeon", "damp", real("at least 1e-09 and finite", 0.0, -1.0),
          lambda w, bad: mp.OptimalBrainSurgeon(bad)),
    *each("OptimalBrainSurgeon", "rounds", whole(), lambda w, bad: mp.OptimalBrainSurgeon(rounds=bad)),
    *each("SynFlow", "rounds", whole(), lambda w, bad: mp.SynFlow(bad)),
    *each("Magnitude", "order", whole(1, (3, VALUE, "{p} must be at most 2, got 3 in {fn}()")),
          lambda w, bad: mp.Magnitude(bad)),
    *each("Random", "rng", RNG, lambda w, bad: mp.Random(rng=bad)),
    *rows("Movement", (
        lambda w: planned(w, mp.Movement()), VALUE,
        "Movement() has seen no training: pass it to fit(…, callbacks=[movement]), or to a Pruner whose schedule "
        "begins after the first step")),
]  # fmt: skip

PATTERNS = [
    *each("NM", "m", whole(2), lambda w, bad: mp.NM(1, bad)),
    *each("NM", "n", whole(1, (4, VALUE, "{p} must be at most 3, got 4 in {fn}()")), lambda w, bad: mp.NM(bad, 4)),
    *each("Vectors", "length", whole(), lambda w, bad: mp.Vectors(bad)),
    *each("Blocks", "shape[0]", whole(), lambda w, bad: mp.Blocks((bad, 2))),
    *each("Blocks", "shape[1]", whole(), lambda w, bad: mp.Blocks((2, bad))),
    *each("Blocks", "shape", [
        (bad, TYPE, f"shape must be two whole numbers (inputs, outputs), got {bad!r} in Blocks()")
        for bad in (4, (4,), (1, 2, 3), None)
    ], lambda w, bad: mp.Blocks(bad)),
    *each("Neurons", "inputs", FLAG, lambda w, bad: mp.Neurons(inputs=bad)),
    *(row for kind, make in (("Vectors", lambda r: mp.Vectors(2, reduce=r)),
                             ("Blocks", lambda r: mp.Blocks((2, 2), reduce=r)),
                             ("Neurons", lambda r: mp.Neurons(reduce=r))) for row in rows(
        kind,
        (lambda w, make=make: make("Maxx"), VALUE, mistyped("Maxx", REDUCTIONS, "max", kind, "reduce")),
        (lambda w, make=make: make(3), TYPE,
         f"reduce must be a name, a Reduction or a function of a unit's kept scores, got 3 in {kind}(); names: "
         f"{', '.join(REDUCTIONS)}"),
    )),
    *rows("Neurons", (
        lambda w: mp.plan(mp.Network.mlp([4, 2], rng=0), mp.Magnitude(), sparsity=0.5, pattern=mp.Neurons()), VALUE,
        "Neurons needs a network with a hidden layer, got a single Dense in plan(); Neurons(inputs=True) can drop its "
        "inputs")),
]  # fmt: skip

ALLOCATIONS = [
    *rows("Uniform", (lambda w: mp.Uniform(within="Outptu"), VALUE,
                      mistyped("Outptu", ["layer", "output"], "output", "Uniform", "within"))),
    *each("LAMP", "power", POSITIVE, lambda w, bad: mp.LAMP(power=bad)),
    *each("PerLayer", "sparsities['dense1']", BELOW_ONE, lambda w, bad: mp.PerLayer({"dense1": bad})),
    *rows(
        "PerLayer",
        (lambda w: mp.PerLayer({}), TYPE, "sparsities must be a mapping of layers to sparsities, got {} in PerLayer()"),
        (lambda w: mp.PerLayer(0.5), TYPE,
         "sparsities must be a mapping of layers to sparsities, got 0.5 in PerLayer()"),
        (lambda w: mp.PerLayer({3: 0.5}), TYPE, "sparsities must go by the names of layers, got 3 in PerLayer()"),
        (lambda w: mp.PerLayer({"dense1": 0.5, "dense1.weight": 0.5}), VALUE,
         "sparsities must name a layer once, got dense1.weight twice in PerLayer()"),
        (lambda w: mp.plan(w.net, mp.Magnitude(), allocation=mp.PerLayer({"Dens1": 0.5})), VALUE,
         "PerLayer() names no layer with weights to drop: 'Dens1.weight'; did you mean 'dense1.weight'? Known: "
         "dense1.weight, dense2.weight"),
    ),
    *rows("Sensitivity", (lambda w: mp.Sensitivity({}), TYPE,
                          "curves must be what sensitivity() measured, got dict in Sensitivity()")),
    *each("sensitivity", "valid", PAIRS, lambda w, bad: mp.sensitivity(w.net, mp.Magnitude(), bad, loss=LOSS)),
    *each("sensitivity", "x of valid", FEATURES,
          lambda w, bad: mp.sensitivity(w.net, mp.Magnitude(), (bad, w.y), loss=LOSS)),
    *each("sensitivity", "y", LABELS, lambda w, bad: mp.sensitivity(w.net, mp.Magnitude(), (w.x, bad), loss=LOSS)),
    *each("sensitivity", "sparsities[0]", BELOW_ONE,
          lambda w, bad: mp.sensitivity(w.net, mp.Magnitude(), w.data, loss=LOSS, sparsities=[bad])),
    *each("sensitivity", "sparsities", [
        (bad, TYPE, f"{{p}} must be a sequence of numbers, got {bad!r} in {{fn}}()")
        for bad in ([], "0.5", 0.5, np.array(0.5), {0.5})
    ], lambda w, bad: mp.sensitivity(w.net, mp.Magnitude(), w.data, loss=LOSS, sparsities=bad)),
    *rows(
        "sensitivity",
        (lambda w: mp.sensitivity(w.net, mp.Magnitude(), w.data, loss=LOSS, sparsities=[[0.1], [0.2, 0.3]]), TYPE,
         "sparsities[0] must be a number, got list [0.1] in sensitivity()"),
        (lambda w: mp.sensitivity(w.net, mp.Magnitude(), w.data, loss=LOSS, sparsities=[0.5, 0.3]), VALUE,
         "sparsities must rise within (0, 1), got [0.5, 0.3] in sensitivity()"),
        (lambda w: mp.sensitivity(3, mp.Magnitude(), w.data, loss=LOSS), TYPE,
         "network must be a Network, got int 3 in sensitivity()"),
        (lambda w: mp.sensitivity(w.net, mp.Magnitude(), w.data, loss=3), TYPE,
         "loss must be a Loss, got int 3 in sensitivity()"),
        (lambda w: mp.sensitivity(w.net, 3, w.data, loss=LOSS), TYPE,
         "criterion must be a Criterion, got 3 in sensitivity()"),
    ),
]  # fmt: skip


def _schedule(name):
    kind = getattr(mp, name)
    make = (lambda **more: kind(lambda t: t, **more)) if name == "Custom" else kind
    return [
        *each(name, "begin", SHARE, lambda w, bad: make(begin=bad)),
        *each(name, "end", SHARE, lambda w, bad: make(end=bad)),
        *each(name, "updates", whole(1, (HUGE, VALUE, f"{{p}} must be at most 1000000, got {HUGE} in {{fn}}()")),
              lambda w, bad: make(updates=bad)),
        *rows(name, (lambda w: make(begin=0.8, end=0.2), VALUE,
                     f"begin must be at most end, got begin=0.8, end=0.2 in {name}()")),
        *each(name, "progress", SHARE, lambda w, bad: make().sparsity(bad, 0.5), "place"),
        *each(name, "final", BELOW_ONE, lambda w, bad: make().sparsity(0.5, bad), "sparsity"),
        *each(name, "initial", real("in [0, 0.5]", 0.6), lambda w, bad: make().sparsity(0.5, 0.5, bad), "sparsity"),
        *each(name, "steps", whole(), lambda w, bad: make().due(bad), "due"),
    ]  # fmt: skip


SCHEDULES = [
    *(row for name in ("Linear", "Cubic", "Geometric", "Constant", "Custom") for row in _schedule(name)),
    *each("OneShot", "at", SHARE, lambda w, bad: mp.OneShot(bad)),
    *rows(
        "Custom",
        (lambda w: mp.Custom(3), TYPE, "function must be a function of t, got 3 in Custom()"),
        (lambda w: mp.Custom(lambda t: 1 - t), VALUE,
         "function must be 1 at t = 1, got 0 in Custom(); divide it by that to land there"),
        (lambda w: mp.Custom(lambda t: abs(2 * t - 1), updates=4), VALUE,
         "function must never fall, got 0.5 at t = 0.25 after 1 in Custom()"),
        (lambda w: mp.Custom(lambda t: NAN), VALUE, "function(1) must be finite, got nan in Custom()"),
        (lambda w: mp.Custom(lambda t: "x"), TYPE, "function(1) must be a number, got str 'x' in Custom()"),
        (lambda w: mp.Custom(lambda t: 2 - t), VALUE, "function(0) must be at most 1, got 2 in Custom()"),
        (lambda w: mp.Custom(lambda t: 2 * t - 1), VALUE,
         "function(0) must be at least 0 and finite, got -1 in Custom()"),
    ),
    *each("RigL", "fraction", UP_TO_ONE, lambda w, bad: mp.RigL(LOSS, bad)),
    *rows("RigL", (lambda w: mp.RigL("mse"), TYPE, "loss must be a Loss, got 'mse' in RigL()")),
    *each("SET", "fraction", UP_TO_ONE, lambda w, bad: mp.SET(bad)),
]  # fmt: skip
