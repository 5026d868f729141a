"""A part is known by the method it must have: it needs no base class, nor attributes for which a default speaks."""

import numpy as np
import pytest

import minprune as mp
from minprune.pruning.allocation import Group
from minprune.pruning.units import SingleWeights

LOSS = mp.SoftmaxCrossEntropy()


class Size:
    def scores(self, network, data=None):
        return {name: abs(p.value) for name, p in network.prunable.items()}

    def __repr__(self):
        return "Size()"


class Together:
    """Like `Global`."""

    def groups(self, units, sparsity):
        return [Group(tuple(units.scores), round(sparsity * sum(units.total.values())))]

    def scaled(self, level):
        return self

    def __repr__(self):
        return "Together()"


class Single:
    def units(self, network, scores):
        return SingleWeights(network, scores)

    def __repr__(self):
        return "Single()"


class Halves:
    """Half of the way at the first step and in the middle, all of it at the last."""

    def due(self, steps):
        return {0: 0.5, steps // 2: 0.5, steps - 1: 1.0}

    def level(self, t, initial, final):
        return initial + (final - initial) * t

    def __repr__(self):
        return "Halves()"


def _parts():
    return {"allocation": Together(), "pattern": Single()}


def _data():
    x = np.random.default_rng(0).standard_normal((40, 4))
    return x, (x[:, 0] > 0).astype(int)


def _train(network):
    return mp.fit(network, _data(), loss=LOSS, optimizer=mp.SGD(0.1), epochs=2, batch_size=8, rng=3)


@pytest.fixture
def network():
    return mp.Network.mlp([4, 8, 2], rng=0)


def test_in_a_plan(network):
    made, plain = mp.plan(network, Size(), sparsity=0.5, **_parts()), mp.plan(network, mp.Magnitude(), sparsity=0.5)
    assert made.recipe == "Size() · Together() · Single() · sparsity 0.5"
    for name, mask in plain.masks.items():
        np.testing.assert_array_equal(made.masks[name], mask)
    assert repr(made.explain("dense1.weight", (0, 0))) == repr(plain.explain("dense1.weight", (0, 0)))


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (
            lambda network: mp.plan(network, Size(), **_parts()),
            "exactly one of sparsity= and threshold= must be given, got neither in plan()",
        ),
        (lambda network: mp.Pruner(Size(), **_parts()), "sparsity must be given, got None in Pruner()"),
    ],
)
def test_what_sets_no_sparsity_needs_one(network, ask, says):
    with pytest.raises(mp.InvalidValueError) as caught:
        ask(network)
    assert str(caught.value) == says


def test_in_a_pruner(network):
    pruner = mp.Pruner(Size(), sparsity=0.75, schedule=Halves(), **_parts())
    assert repr(pruner) == "Pruner(Size() · Together() · Single() to 75.0 %, Halves())"
    _fit(network, pruner)
    assert [(update.step, update.achieved) for update in pruner.updates] == [(0, 18 / 48), (5, 18 / 48), (9, 0.75)]
    assert pruner.finished


def _fit(network, pruner):
    mp.fit(network, _data(), loss=LOSS, optimizer=mp.SGD(0.1), epochs=2, batch_size=8, rng=3, pruner=pruner)


def test_a_pruner_that_regrows_takes_a_schedule_that_does_not_count_its_updates(network):
    pruner = mp.Pruner(Size(), sparsity=0.75, schedule=Halves(), regrow=mp.SET(0.5), **_parts())
    _fit(network, pruner)
    assert [update.grown > 0 for update in pruner.updates] == [False, True, False]  # at first all were there
    assert network.sparsity == 0.75


def test_in_rounds_and_for_a_ticket(network):
    parts = {"sparsity": 0.75, "rounds": 2, "schedule": Halves()} | _parts()
    rounds = mp.prune_iteratively(network, Size(), train=_train, **parts)
    assert [r.network.kept for r in rounds] == [30, 12]
    recipe = {"loss": LOSS, "optimizer": mp.SGD(0.1), "epochs": 1, "rng": 0}
    ticket = mp.lottery_ticket(network, _data(), criterion=Size(), **parts, **recipe)
    assert [r.trained.kept for r in ticket.rounds] == [48, 30, 12]


def test_in_curves(network):
    ask = {"loss": LOSS, "sparsities": (0.5,)}
    curves = mp.sensitivity(network, Size(), _data(), pattern=Single(), **ask)
    assert curves.recipe == "Size() · Single()"
    assert curves.losses == mp.sensitivity(network, mp.Magnitude(), _data(), **ask).losses
