"""A pruner before the first step: it rehearses its end with what it was given, draws no number of the training's."""

import numpy as np
import pytest

import minprune as mp
from minprune.pruning.regrowth import Regrowth


def _network():
    return mp.Network.mlp([3, 4, 2], rng=0)


def _data():
    draws = np.random.default_rng(0)
    return draws.standard_normal((6, 3)), draws.standard_normal((6, 2))


def _begin(pruner, network, rng=7, **asked):
    draws = np.random.default_rng(rng)
    pruner.begin(network, *_data(), steps=4, rng=draws, **asked)
    assert draws.random() == np.random.default_rng(rng).random()


class Draws(Regrowth):
    """Hopes what it draws, and notes by whom, of what and how far on the way it was asked."""

    needs_data = True
    may_return = True

    def __init__(self, fraction=0.5):
        super().__init__(fraction)
        self.asked = []

    def masks(self, network, scores, t, **given):
        self.asked.append((t, {name: values.tolist() for name, values in scores.items()}, given))
        return super().masks(network, scores, t, **given)

    def promise(self, network, data, rng):
        return {name: rng.random(p.shape) for name, p in network.prunable.items()}


def test_a_regrowth_rehearses_the_first_place_with_the_same_numbers_each_time():
    after = []
    for rng in (1, 2):
        regrow = Draws()
        pattern = mp.Vectors(2)
        _begin(mp.Pruner(mp.Magnitude(), sparsity=0.5, pattern=pattern, regrow=regrow), _network(), rng)
        [(t, scores, given)] = regrow.asked
        assert t == 0.0
        assert scores == {"dense1.weight": [[1.0] * 4] * 3, "dense2.weight": [[1.0] * 2] * 4}
        assert sorted(given) == ["data", "pattern", "rng"]
        assert given["pattern"] is pattern
        x, y = given["data"]
        assert sorted(x[:, 0].tolist()) == sorted(_data()[0][:, 0].tolist())
        assert len(y) == 6
        after.append(given["rng"].random())
    assert after[0] == after[1]


class Listens(mp.Magnitude):
    needs_data = True

    def __init__(self):
        super().__init__()
        self.asked = []

    def after_backward(self, network, step):
        raise AssertionError("no step was taken")

    def scores(self, network, data=None):
        self.asked.append(data)
        return super().scores(network)


def test_a_criterion_that_listens_is_asked_before_if_it_is_due_at_once():
    criterion = Listens()
    _begin(mp.Pruner(criterion, sparsity=0.5, schedule=mp.Constant(0, 1, updates=2)), _network())
    [(x, y)] = criterion.asked
    assert x.shape == (6, 3)
    assert y.shape == (6, 2)


@pytest.mark.parametrize(("asked", "steps"), [({}, [0, 3]), ({"start": 0}, [0, 3]), ({"start": 2}, [2, 3])])
def test_what_is_due_begins_with_the_first_step_unless_told_otherwise(asked, steps):
    network, pruner = _network(), mp.Pruner(mp.Magnitude(), sparsity=0.5, schedule=mp.Constant(0, 1, updates=2))
    _begin(pruner, network, **asked)
    for step in range(4):
        pruner.before_step(network, step)
    assert [update.step for update in pruner.updates] == steps


def test_without_a_beginning_nothing_is_due():
    network, pruner = _network(), mp.Pruner(mp.Magnitude(), sparsity=0.5)
    assert pruner.finished
    pruner.before_step(network, 0)
    assert network.sparsity == 0
    assert pruner.updates == []


def test_what_is_grown_is_counted_over_all_layers():
    network = _network()
    pruner = mp.Pruner(mp.Random(rng=0), sparsity=0.5, schedule=mp.Constant(0, 1, updates=3), regrow=Draws(1.0))
    _begin(pruner, network)
    pruner.before_step(network, 0)
    before = {name: p.mask for name, p in network.prunable.items()}
    second = next(step for step in range(1, 4) if pruner.before_step(network, step) or len(pruner.updates) == 2)
    assert second == pruner.updates[1].step
    grown = {name: int((p.mask & ~before[name]).sum()) for name, p in network.prunable.items()}
    assert all(grown.values())
    assert pruner.updates[1].grown == sum(grown.values())
    assert pruner.updates[1].dropped == sum(grown.values())


def test_a_pruner_whose_pattern_says_how_much_has_no_goal_of_its_own():
    assert repr(mp.Pruner(mp.Magnitude(), pattern=mp.NM(2, 4), schedule=mp.Constant())) == (
        f"Pruner(Magnitude() · Global() · {mp.NM(2, 4)!r}, {mp.Constant()!r})"
    )
