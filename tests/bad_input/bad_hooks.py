"""Bad input to the methods by which the parts ask each other, and which a user may call as well."""

import numpy as np
from bad_plans import _iterate, _ticket
from bad_pruning import NEED_DATA, criterion
from bad_study import _breakeven, _replay, _sweep
from bad_world import FLAG, INF, NAN, NOT_NEGATIVE, RNG, SHARE, TYPE, VALUE, each, network, real, rows

import minprune as mp
from minprune.nn.penalties import Sum

LOSS = mp.SoftmaxCrossEntropy()
OWN_WEIGHTS = ("Magnitude", "Movement", "SynFlow", "Random")
NETWORKS = network()


SCORING = [
    *(row for name in (*OWN_WEIGHTS, *NEED_DATA) for row in each(
        name, "network", NETWORKS, lambda w, bad, name=name: criterion(name).scores(bad, w.data), "scores")),
    *(row for name in NEED_DATA for row in each(name, "data", [
        (3, TYPE, "data must be a Split or a pair (x, y), got int in scores()"),
        ("abc", TYPE, "data must be a Split or a pair (x, y), got str in scores()"),
    ], lambda w, bad, name=name: criterion(name).scores(w.net, bad))),
    *(row for name in ("Activity", "NeuronTaylor") for row in each(
        name, "network", NETWORKS, lambda w, bad, name=name: criterion(name).neuron_scores(bad, w.data),
        "neuron_scores")),
    *each("Movement", "network", NETWORKS, lambda w, bad: mp.Movement().after_backward(bad, 0), "after_backward"),
    *each("OptimalBrainSurgeon", "network", NETWORKS,
          lambda w, bad: mp.OptimalBrainSurgeon().compensate(bad, w.data, w.masks), "compensate"),
    *rows("OptimalBrainSurgeon", (lambda w: mp.OptimalBrainSurgeon().compensate(w.net, w.data, 3), TYPE,
                                  "masks must be a mapping of names to masks, got int in compensate()")),
    *each("SET", "network", NETWORKS, lambda w, bad: mp.SET().promise(bad, None, w.rng), "promise"),
    *each("SET", "rng", RNG, lambda w, bad: mp.SET().promise(w.net, None, bad), "promise"),
    *each("RigL", "network", NETWORKS, lambda w, bad: mp.RigL(LOSS).promise(bad, w.data, w.rng), "scores"),
]  # fmt: skip

_KEPT = {"dense1.weight": np.ones((4, 6)), "dense2.weight": np.ones((6, 3))}
_GIVEN = [
    (3, TYPE, "scores must be a mapping of names to arrays, got int in units()"),
    ({}, VALUE, "scores of dense1.weight must be a float array of shape (4, 6), got NoneType in units()"),
    (_KEPT | {"dense1.weight": np.ones((6, 4))}, VALUE,
     "scores of dense1.weight must be a float array of shape (4, 6), got float64 (6, 4) in units()"),
    (_KEPT | {"dense2.weight": np.ones((6, 3), int)}, VALUE,
     "scores of dense2.weight must be a float array of shape (6, 3), got int64 (6, 3) in units()"),
    (_KEPT | {"dense2.weight": [1.0]}, VALUE,
     "scores of dense2.weight must be a float array of shape (6, 3), got list in units()"),
]  # fmt: skip
_PATTERNS = [mp.Unstructured(), mp.NM(1, 2), mp.Vectors(2), mp.Blocks((2, 2)), mp.Neurons()]
_ALLOCATIONS = [mp.Global(), mp.Uniform(), mp.Uniform(within="output"), mp.ErdosRenyi(), mp.LAMP(),
                mp.PerLayer({"dense1": 0.5})]  # fmt: skip
_UNITS = [
    (3, TYPE, "units must be Units, as a pattern makes them, got int in groups()"),
    (None, TYPE, "units must be Units, as a pattern makes them, got NoneType in groups()"),
]


def _name(part):
    return type(part).__name__


def _units(w):
    return mp.Unstructured().units(w.net, _KEPT)


def _regrown(w, **change):
    asked = {"network": w.net, "scores": _KEPT, "t": 0.5, "pattern": mp.Unstructured(), "data": None, "rng": w.rng}
    asked |= change
    return mp.SET().masks(asked.pop("network"), asked.pop("scores"), asked.pop("t"), **asked)


SHAPING = [
    *(row for p in _PATTERNS for row in each(_name(p), "network", NETWORKS, lambda w, bad, p=p: p.units(bad, _KEPT),
                                             "units")),
    *(row for p in _PATTERNS for row in each(_name(p), "scores", _GIVEN, lambda w, bad, p=p: p.units(w.net, bad))),
    *(row for p in _PATTERNS[2:4] for row in each(_name(p), "shape", [
        (3, TYPE, "shape must be (inputs, outputs), got 3 in numbers()"),
        ((4, 0), VALUE, "shape[1] must be at least 1, got 0 in numbers()"),
    ], lambda w, bad, p=p: p.numbers(bad))),
    *(row for a in _ALLOCATIONS for row in each(_name(a), "units", _UNITS, lambda w, bad, a=a: a.groups(bad, 0.5))),
    *(row for a in _ALLOCATIONS for row in each(
        _name(a), "sparsity", SHARE, lambda w, bad, a=a: a.groups(_units(w), bad), "groups")),
    *(row for a in _ALLOCATIONS for row in rows(_name(a), (
        lambda w, a=a: a.scaled(3), TYPE, "level must be a function of a sparsity, got 3 in scaled()"))),
    *(row for s in (mp.Linear(), mp.Cubic(), mp.Geometric(), mp.Constant(), mp.OneShot(), mp.Custom(lambda t: t))
      for row in [
        *each(_name(s), "t", SHARE, lambda w, bad, s=s: s.level(bad, 0.0, 0.5), "level"),
        *each(_name(s), "final", SHARE, lambda w, bad, s=s: s.level(0.5, 0.0, bad), "level"),
        *each(_name(s), "initial", real("in [0, 0.5]", -0.1, 0.6), lambda w, bad, s=s: s.level(0.5, bad, 0.5), "level"),
    ]),
    *each("SET", "t", SHARE, lambda w, bad: mp.SET().share(bad), "share"),
    *each("SET", "t", SHARE, lambda w, bad: _regrown(w, t=bad), "share"),
    *each("SET", "rng", RNG, lambda w, bad: _regrown(w, rng=bad), "masks"),
    *each("SET", "network", NETWORKS, lambda w, bad: _regrown(w, network=bad), "units"),
    *rows("SET", (lambda w: _regrown(w, pattern=3), TYPE, "pattern must be a Pattern, got 3 in masks()")),
]  # fmt: skip

_MAPPING = "parameters must be a mapping of names to parameters, got {} in {}(): pass network.parameters"
_PENALTIES = [mp.L1(0.1), mp.L1(0.1, subgradient=True), mp.L2(0.1), mp.GroupLasso(0.1)]
_UNKNOWN = ("L1(0.1, names=('x',)) names no parameter of the network: 'x'; known: dense1.weight, dense1.bias, "
            "dense2.weight, dense2.bias")  # fmt: skip
_OUTPUT, _TARGET = np.zeros((2, 3)), np.array([0, 1])
_BATCHES = [
    ("x", _TARGET, "output must be a float array (batch, outputs), got str in value_and_gradient()"),
    (np.zeros(3), _TARGET, "output must be a float array (batch, outputs), got float64 (3,) in value_and_gradient()"),
    (np.zeros((2, 3), int), _TARGET,
     "output must be a float array (batch, outputs), got int64 (2, 3) in value_and_gradient()"),
    (_OUTPUT, 3, "target must be an array with 2 entries, got int in value_and_gradient()"),
    (_OUTPUT, np.zeros(3), "target must be an array with 2 entries, got shape (3,) in value_and_gradient()"),
]  # fmt: skip


def _spoilt(w, value):
    """Return a network one of whose weights is not finite, by a way that nobody watches."""
    spoilt = w.net.copy()
    spoilt.parameters["dense2.weight"].value[[2, 3], 1] = value
    return spoilt


TRAINING = [
    *(row for p in _PENALTIES for row in [
        *each(_name(p), "step", NOT_NEGATIVE, lambda w, bad, p=p: p.shrink(w.net.parameters, bad),
              f"{_name(p)}.shrink"),
        *rows(
            _name(p),
            (lambda w, p=p: p.shrink(3, 0.1), TYPE, _MAPPING.format("int", _name(p))),
            (lambda w, p=p: p.add_gradient(w.net), TYPE, _MAPPING.format("Network", _name(p))),
        ),
    ]),
    *rows(
        "L1",
        (lambda w: Sum([3]), TYPE, "parts must hold penalties, got int 3 in Sum()"),
        (lambda w: Sum(3), TYPE, "parts must be a sequence of penalties, got 3 in Sum()"),
        # The first part must not have acted when the second refuses.
        (lambda w: (mp.L2(0.1) + mp.L1(0.1, subgradient=True, names=["x"])).add_gradient(w.net.parameters), VALUE,
         _UNKNOWN.replace("('x',))", "('x',), subgradient=True)")),
        (lambda w: (mp.L1(0.1) + mp.L1(0.1, names=["x"])).shrink(w.net.parameters, 0.1), VALUE, _UNKNOWN),
        (lambda w: mp.GroupLasso(9, names=["dense1.weight", "dense1.bias"]).shrink(w.net.parameters, 0.1), VALUE,
         "GroupLasso(9, names=('dense1.weight', 'dense1.bias'), axis='inputs') needs weights in rows and columns, got "
         "dense1.bias of shape (6,)"),
    ),
    *(row for kind in (mp.SGD, mp.Adam, mp.AdamW) for row in [
        *each(kind.__name__, "progress", SHARE, lambda w, bad, k=kind: k(0.1).rate(bad), f"{kind.__name__}.rate"),
        *each(kind.__name__, "progress", SHARE, lambda w, bad, k=kind: k(0.1).step(w.net.parameters, bad),
              f"{kind.__name__}.rate"),
        *rows(kind.__name__, (lambda w, k=kind: k(0.1).state(3), TYPE,
                              "parameter must be a Parameter, got int in state()")),
    ]),
    *(row for loss in (mp.SoftmaxCrossEntropy(), mp.BinaryCrossEntropy(), mp.MeanSquaredError())
      for output, target, text in _BATCHES
      for row in rows(_name(loss), (lambda w, a=(loss, output, target): a[0].value_and_gradient(*a[1:]), TYPE, text))),
    *each("Network.backward", "input_grad", FLAG, lambda w, bad: (w.net(w.x[:10]), w.net.backward(
        np.ones((10, 3)), input_grad=bad)), "backward"),
    *(row for bad in (NAN, INF) for row in rows("fit", (
        lambda w, bad=bad: w.fit(network=_spoilt(w, bad)), VALUE,
        f"dense2.weight must be finite, got 2 NaN or infinite in fit(), the first at (2, 1): {bad}"))),
    *rows(
        "History",
        (lambda w: w.history.add(loss="low"), TYPE, "loss must be a number, got str 'low' in add()"),
        (lambda w: w.history.add(epoch=2, loss=None), TYPE, "loss must be a number, got NoneType None in add()"),
    ),
]  # fmt: skip

_NO_FLAG = [(bad, TYPE, f"{{p}} must be True, False or None, got {bad!r} in {{fn}}()") for bad in ("yes", 1, 0.0, [])]
_CALLS = {
    "fit": lambda w, bad: w.fit(progress=bad),
    "sensitivity": lambda w, bad: mp.sensitivity(w.net, mp.Magnitude(), w.data, loss=LOSS, progress=bad),
    "prune_iteratively": lambda w, bad: _iterate(w, progress=bad),
    "lottery_ticket": lambda w, bad: _ticket(w, progress=bad),
    "breakeven": lambda w, bad: _breakeven(progress=bad),
    "replay": lambda w, bad: _replay(w, progress=bad),
    "sweep": lambda w, bad: _sweep(w, progress=bad),
}
PROGRESS = [row for name, call in _CALLS.items() for row in each(name, "progress", _NO_FLAG, call)]
