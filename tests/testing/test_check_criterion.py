"""What the laws of a criterion say of each way to break them."""

import numpy as np
from told import rows_of

import minprune as mp
from minprune.testing import Case, network

COMPONENT = "criterion"
W1, W2 = np.array([[0.5, -1.0], [2.0, 0.25]]), np.array([[1.0, -0.5], [0.75, 1.5]])
NET = network(
    [W1, W2],
    biases=[np.array([0.5, -0.25]), None],
    activation="tanh",
    masks=[np.array([[True, False], [True, True]]), None],
)
DENSE = network([W1, W2], biases=[np.array([0.5, -0.25]), None], activation="tanh")
NO_BIAS = network([np.abs(W1) + 0.5, W2, W1], activation="tanh")
X, Y = np.array([[1.0, 0.5], [-0.25, 2.0], [0.5, -1.0]]), np.array([0, 1, 1])
CASE, ALL = Case(network=NET, x=X, y=Y), Case(network=DENSE, x=X, y=Y)
LOSS = mp.SoftmaxCrossEntropy()
FIRST, SECOND = "dense1.weight", "dense2.weight"


def case(case, **changes):
    return Case(**{**vars(case), **changes})


UNIT = Case(network=network([W1]), x=np.array([[0.5, 0.5], [-0.5, 0.5], [0.5, -0.5], [0.5, 0.5]]), y=np.zeros(4, int))
LINEAR = Case(
    network=network([np.array([[0.5], [-1.0], [2.0]])]),
    y=np.zeros(6, int),
    x=np.vstack([[[1.0, 0.5, 0.25], [-1.0, 2.0, 1.0], [0.5, 0.25, -2.0]], 2 * np.eye(3)]),
)
SIGNS = case(CASE, signs=[np.array([[1.0, -1.0], [-1.0, 1.0]]), np.array([[1.0, -1.0], [1.0, 1.0]])])
CASES = {
    "scores_shape": CASE,
    "scoring_is_pure": CASE,
    "scoring_repeats": CASE,
    "sign_free": SIGNS,
    "batch_free": case(CASE, batch_size=2),
    "gradient_is_true": ALL,
    "saliency_first_order": ALL,
    "fisher_by_hand": CASE,
    "movement_by_hand": CASE,
    "activation_norm_unit": UNIT,
    "synflow_conserved": case(CASE, network=NO_BIAS),
    "obs_quadratic": LINEAR,
    "random_seeded": case(CASE, seed=5),
}
OWN = {
    "scores_shape": mp.Magnitude(),
    "scoring_is_pure": mp.Saliency(LOSS),
    "scoring_repeats": mp.Magnitude(),
    "sign_free": mp.Magnitude(),
    "batch_free": mp.GradientMagnitude(LOSS),
    "gradient_is_true": mp.GradientMagnitude(LOSS),
    "saliency_first_order": mp.Saliency(LOSS),
    "fisher_by_hand": mp.Fisher(LOSS),
    "movement_by_hand": mp.Movement(),
    "activation_norm_unit": mp.ActivationNorm(),
    "synflow_conserved": mp.SynFlow(),
    "obs_quadratic": mp.OptimalBrainSurgeon(),
    "random_seeded": mp.Random(rng=0),
}


def but(criterion, change, when=lambda self: True):
    """Return the criterion with its scores changed: ``change(scores, network, data)``."""
    kind = type(criterion)

    class But(kind):
        number = 0

        def scores(self, net, data=None):
            self.number += 1
            found = super().scores(net, data)
            return change(found, net, data) if when(self) else found

    result = object.__new__(But)
    vars(result).update(vars(criterion))
    return result


def add(name, at, more):
    def change(scores, net, data):
        scores[name][at] += more
        return scores

    return change


def times(name, factor):
    return lambda scores, net, data: scores | {name: scores[name] * factor}


def does(act):
    def change(scores, net, data):
        act(net, data)
        return scores

    return change


def sets(name, new):
    return lambda scores, net, data: scores | {name: new(scores[name])}


class HandsOut(mp.Magnitude):
    """The scores are the weights themselves."""

    def scores(self, net, data=None):
        return {name: p.value for name, p in net.prunable.items()}


class Remembers(mp.Magnitude):
    def scores(self, net, data=None):
        self.last = 1
        return super().scores(net, data)


class OwnState(mp.Magnitude):
    def scores(self, net, data=None):
        np.random.rand()  # noqa: NPY002
        return super().scores(net, data)


class ByHash(mp.Movement):
    """Other scores after each training."""

    made = 0

    def __deepcopy__(self, memo):
        type(self).made += 1
        result = type(self)()
        result.mine = self.made
        return result

    def scores(self, net, data=None):
        return {name: s + self.mine for name, s in super().scores(net, data).items()}


class NoCompensation(mp.OptimalBrainSurgeon):
    def compensate(self, net, data, masks):
        return {name: np.where(mask, net.parameters[name].value, 0) for name, mask in masks.items()}


class SaysCompensation(mp.OptimalBrainSurgeon):
    def compensate(self, net, data, masks):
        raise RuntimeError(f"{data[0].tolist()} { ({n: m.tolist() for n, m in masks.items()}) }")


class Seeded(mp.Random):
    def __init__(self, rng):
        super().__init__(rng=rng)
        self.given = rng


class GlobalSeed(Seeded):
    def scores(self, net, data=None):
        return {name: np.random.random(p.shape) for name, p in net.prunable.items()}  # noqa: NPY002


class OneSeed(Seeded):
    def scores(self, net, data=None):
        return {name: np.full(p.shape, 0.5) for name, p in net.prunable.items()}


class LooksAtSigns(Seeded):
    def scores(self, net, data=None):
        return {name: s + (net.parameters[name].value < 0) for name, s in super().scores(net, data).items()}


class LooksAtSizes(Seeded):
    def scores(self, net, data=None):
        return {name: s + (np.abs(net.parameters[name].value) > 3) for name, s in super().scores(net, data).items()}


BY_HAND = {
    "gradient_is_true",
    "saliency_first_order",
    "fisher_by_hand",
    "movement_by_hand",
    "activation_norm_unit",
    "obs_quadratic",
}
LOSSES = {
    "squared": (mp.MeanSquaredError(), case(ALL, y=np.array([[1.0, 0.5], [0.25, -1.0], [2.0, 1.0]]))),
    "binary": (mp.BinaryCrossEntropy(), case(ALL, network=network([W1[:, :1]]), y=np.array([0, 1, 1]))),
}

ROWS = [
    *((name, "as it should be", OWN[name], CASES[name]) for name in CASES),
    *(
        (name, f"as it should be, {what}", kind(loss), which)
        for what, (loss, which) in LOSSES.items()
        for name, kind in (
            ("gradient_is_true", mp.GradientMagnitude),
            ("saliency_first_order", mp.Saliency),
            ("fisher_by_hand", mp.Fisher),
        )
    ),
    *((name, "it has heard", mp.Movement(), CASE) for name in ("scores_shape", "scoring_is_pure", "scoring_repeats")),
    *(
        (
            name,
            "twice as much of the first",
            but(OWN[name], times(next(iter(CASES[name].network.prunable)), 2)),
            CASES[name],
        )
        for name in sorted(BY_HAND | {"synflow_conserved"})
    ),
    *(
        (name, "twice as much of the second", but(OWN[name], times(SECOND, 2)), CASES[name])
        for name in sorted(BY_HAND | {"synflow_conserved"})
        if len(CASES[name].network.prunable) > 1
    ),
    *(
        (name, f"off by {off}", but(OWN[name], add(FIRST, (1, 0), off)), CASES[name])
        for name in sorted(BY_HAND | {"synflow_conserved"})
        for off in (1e-14, 1e-10, 1e-7, 1e-4)
    ),
    *(
        (name, f"off by {off}", but(OWN[name], add(FIRST, (1, 0), off), lambda self: self.number % 2 == 0), CASES[name])
        for name in ("sign_free",)
        for off in (1e-14, 1e-10)
    ),
    *(
        (
            "batch_free",
            f"off by {off}",
            but(OWN["batch_free"], add(FIRST, (1, 0), off), lambda self: self.batch_size == 2),
            CASES["batch_free"],
        )
        for off in (1e-14, 1e-10, 1e-5)
    ),
    (
        "batch_free",
        "it sees a batch size",
        but(OWN["batch_free"], times(SECOND, 2), lambda self: self.batch_size == 4096),
        CASES["batch_free"],
    ),
    (
        "sign_free",
        "signs count in the second",
        but(mp.Magnitude(), lambda s, net, data: s | {SECOND: net.parameters[SECOND].value}),
        SIGNS,
    ),
    (
        "scores_shape",
        "none for the second",
        but(mp.Magnitude(), lambda s, net, data: {FIRST: s[FIRST], "a": s[SECOND]}),
        CASE,
    ),
    *(
        ("scores_shape", f"{what} for the second", but(mp.Magnitude(), sets(SECOND, new)), CASE)
        for what, new in (
            ("a list", lambda s: s.tolist()),
            ("whole numbers", lambda s: s.astype(np.int64)),
            ("a row", lambda s: s[0]),
            ("below 0", lambda s: -s),
            ("NaN", lambda s: s * np.nan),
            ("infinity", lambda s: s * np.inf),
            ("0", lambda s: s * 0),
            ("one infinite", lambda s: np.where(s == 1.5, np.inf, s)),
        )
    ),
    (
        "scoring_is_pure",
        "the gradients are cleared",
        but(mp.Magnitude(), does(lambda net, data: net.dense[0].weight.grad.fill(0))),
        CASE,
    ),
    ("scoring_is_pure", "x is written", but(mp.Magnitude(), does(lambda net, data: data[0].fill(3))), CASE),
    ("scoring_is_pure", "y is written", but(mp.Magnitude(), does(lambda net, data: data[1].fill(0))), CASE),
    (
        "scoring_is_pure",
        "x and a value are written",
        but(mp.Magnitude(), does(lambda net, data: (data[0].fill(3), net.dense[0].weight.value.fill(0)))),
        CASE,
    ),
    ("scoring_is_pure", "the scores are the weights", HandsOut(), CASE),
    ("scoring_is_pure", "the global state is drawn from", OwnState(), CASE),
    ("scoring_is_pure", "the criterion remembers", Remembers(), CASE),
    (
        "scoring_repeats",
        "others the second time",
        but(mp.Magnitude(), times(SECOND, 2), lambda self: self.number == 2),
        CASE,
    ),
    (
        "scoring_repeats",
        "others of the first the second time",
        but(mp.Magnitude(), times(FIRST, 2), lambda self: self.number == 2),
        CASE,
    ),
    (
        "scoring_repeats",
        "another order the second time",
        but(mp.Magnitude(), lambda s, net, data: dict(reversed(s.items())), lambda self: self.number == 2),
        CASE,
    ),
    ("scoring_repeats", "others after the same training", ByHash(), CASE),
    ("obs_quadratic", "the others stay", NoCompensation(), LINEAR),
    ("obs_quadratic", "what is to follow", SaysCompensation(), LINEAR),
    ("obs_quadratic", "no damping", mp.OptimalBrainSurgeon(damp=1e-6), LINEAR),
    ("obs_quadratic", "much damping", mp.OptimalBrainSurgeon(damp=0.5), LINEAR),
    *(
        ("random_seeded", f"{kind.__name__}", kind(0), CASES["random_seeded"])
        for kind in (Seeded, GlobalSeed, OneSeed, LooksAtSigns, LooksAtSizes)
    ),
]


@rows_of(COMPONENT, ROWS)
def test_it_says_what_was_asked_and_what_came(is_said):
    is_said()
