"""A pruner on eight weights, so that each update can be told by hand, with parts that draw, look at data and listen."""

import numpy as np
import pytest

import minprune as mp
from minprune.pruning.pruner import Update
from minprune.pruning.regrowth import Regrowth

LOSS = mp.MeanSquaredError()


def _network():
    """Return 4-2 with the weights 1 to 8."""
    return mp.Network([mp.Dense.from_arrays(np.arange(1.0, 9.0).reshape(4, 2), np.zeros(2))])


def _data(rows=12):
    draws = np.random.default_rng(0)
    return draws.standard_normal((rows, 4)), draws.standard_normal((rows, 2))


def _fit(network, pruner, **asked):
    """Train for twelve steps that are too small to be seen."""
    settings = {"loss": LOSS, "optimizer": mp.SGD(1e-30), "epochs": 4, "batch_size": 4, "rng": 0} | asked
    return mp.fit(network, _data(), pruner=pruner, **settings)


class Last(Regrowth):
    """Hopes most of what comes last, and notes what it is shown."""

    needs_data = True
    may_return = False

    def __init__(self, fraction=0.5):
        super().__init__(fraction)
        self.shown = []

    def promise(self, network, data, rng):
        self.shown.append((network, data, rng))
        return {name: np.arange(1.0, p.size + 1).reshape(p.shape) for name, p in network.prunable.items()}


def test_what_goes_and_what_comes_back():
    """Half of the live ones is exchanged at first, and less at each later update; at the last nothing comes back."""
    network, regrow = _network(), Last()
    pruner = mp.Pruner(mp.Magnitude(), sparsity=0.5, schedule=mp.Constant(0, 1, updates=3), regrow=regrow, samples=5)
    assert repr(pruner) == (
        "Pruner(Magnitude() · Global() · Unstructured() to 50.0 %, Constant(begin=0, end=1, updates=3), Last(0.5))"
    )
    assert pruner.finished
    assert pruner.plan is None
    _fit(network, pruner)
    assert pruner.updates == [
        Update(step=0, target=0.5, achieved=0.5, dropped=4, grown=0),  # two came back at once
        Update(step=6, target=0.5, achieved=0.5, dropped=1, grown=1),
        Update(step=11, target=0.5, achieved=0.5, dropped=0, grown=0),
    ]
    assert repr(pruner).endswith(", Last(0.5), 3 updates done)")
    at_first, *during = regrow.shown
    assert len(during) == 2
    for shown, (x, y), rng in (at_first, *during):
        assert shown is network
        assert (len(x), len(y)) == (5, 5)
        assert isinstance(rng, np.random.Generator)
    assert during[0][2] is during[1][2] is not at_first[2]
    assert not np.array_equal(during[0][1][0], during[1][1][0])  # drawn anew


def test_what_is_grown_starts_at_zero():
    network = _network()
    network.parameters["dense1.weight"].mask = np.array([[True] * 2] * 2 + [[False] * 2] * 2)
    pruner = mp.Pruner(mp.Magnitude(), sparsity=0.5, schedule=mp.Constant(0, 1, updates=2), regrow=Last())
    _fit(network, pruner, epochs=1)
    assert [(update.dropped, update.grown) for update in pruner.updates] == [(2, 2), (0, 0)]
    assert network.dense[0].weight.mask.tolist() == [[False] * 2, [True] * 2, [False] * 2, [True] * 2]
    assert abs(network.dense[0].weight.value[3]).max() < 1e-20


def test_two_updates_are_enough_to_regrow():
    assert mp.Pruner(mp.Magnitude(), sparsity=0.5, schedule=mp.Cubic(updates=2), regrow=mp.SET()).regrow.fraction == 0.3


class Rows(mp.Magnitude):
    """Notes how many rows it is shown, and which."""

    needs_data = True

    def __init__(self):
        super().__init__()
        self.shown = []

    def scores(self, network, data=None):
        x, y = data
        self.shown.append((x, y))
        return super().scores(network)


@pytest.mark.parametrize(("samples", "rows"), [(5, 5), (12, 12), (100, 12)])
def test_rows_are_drawn_without_one_twice(samples, rows):
    criterion = Rows()
    _fit(_network(), mp.Pruner(criterion, sparsity=0.5, samples=samples, schedule=mp.Linear(0, 1, updates=3)))
    all_x, all_y = _data()
    assert len(criterion.shown) == 4  # once before the training, to see that it can be done
    for x, y in criterion.shown:
        assert len(x) == len(y) == rows
        found = [int(np.flatnonzero((all_x.astype(x.dtype) == row).all(axis=1))[0]) for row in x]
        assert len(set(found)) == rows
        np.testing.assert_array_equal(y, all_y.astype(y.dtype)[found])


def test_parts_that_need_no_data_are_shown_none():
    class Nothing(mp.Magnitude):
        def scores(self, network, data=None):
            assert data is None
            return super().scores(network)

    _fit(_network(), mp.Pruner(Nothing(), sparsity=0.5))
    assert mp.Pruner(mp.Magnitude(), sparsity=0.5).samples == 1024


class Listens(mp.Magnitude):
    def __init__(self):
        super().__init__()
        self.heard = []

    def after_backward(self, network, step):
        self.heard.append(step)

    def scores(self, network, data=None):
        if not self.heard:
            raise mp.InvalidValueError("nothing heard yet")
        return super().scores(network)


def test_one_that_listens_is_asked_at_once_only_if_it_is_due_at_once():
    criterion = Listens()
    _fit(_network(), mp.Pruner(criterion, sparsity=0.5, schedule=mp.Linear(0, 1, updates=2)))
    assert criterion.heard == list(range(12))
    with pytest.raises(mp.InvalidValueError, match=r"^nothing heard yet$"):
        _fit(_network(), mp.Pruner(Listens(), sparsity=0.5, schedule=mp.Constant(0, 1, updates=2)))
    with pytest.raises(mp.InvalidValueError, match=r"^nothing heard yet$"):
        _fit(_network(), mp.Pruner(Listens(), sparsity=0.5, schedule=mp.Linear(0, 1, updates=2)), start=7)


def test_what_it_did_before_is_forgotten():
    pruner = mp.Pruner(mp.Magnitude(), sparsity=0.5, schedule=mp.Linear(0, 1, updates=2))
    for _ in range(2):
        network = _network()
        _fit(network, pruner)
        assert [update.step for update in pruner.updates] == [6, 11]
        assert str(pruner.plan.explain("dense1.weight", (1, 0))) == (
            "dense1.weight (1, 0) goes: score 3, rank 1 of 6 (1 goes first), budget 2 weights, cutoff 4"
        )
    assert mp.Pruner(mp.Magnitude(), sparsity=7 / 8, min_keep=1).min_keep == 1
    network = _network()
    _fit(network, mp.Pruner(mp.Magnitude(), sparsity=7 / 8))  # with min_keep=2 it would be refused
    assert network.kept == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"regrow": 0.3}, "regrow must be a Regrowth, got 0.3 in Pruner()"),
        ({"regrow": mp.RigL}, f"regrow must be a Regrowth, got {mp.RigL!r} in Pruner(); pass an instance: RigL(…)"),
        (
            {"regrow": mp.SET(), "pattern": mp.Neurons()},
            "regrow needs a pattern whose units share no weights, got Neurons(reduce='mean_square') in Pruner(): a "
            "neuron that grew would bring weights of other neurons with it",
        ),
        (
            {"regrow": mp.SET(), "schedule": mp.Cubic(updates=1)},
            "regrow needs a schedule of several updates, as nothing comes back at the last, got Cubic(begin=0.1, "
            "end=0.6, updates=1) in Pruner(): such as Constant()",
        ),
        ({"samples": 0}, "samples must be at least 1, got 0 in Pruner()"),
        ({"min_keep": -1}, "min_keep must be at least 0, got -1 in Pruner()"),
        ({"schedule": 3}, "schedule must be a Schedule, got 3 in Pruner()"),
        (
            {"schedule": mp.Cubic},
            f"schedule must be a Schedule, got {mp.Cubic!r} in Pruner(); pass an instance: Cubic()",
        ),
    ],
)
def test_what_it_is_not_made_of(change, says):
    with pytest.raises(mp.MinpruneError) as caught:
        mp.Pruner(**({"criterion": mp.Magnitude(), "sparsity": 0.5} | change))
    assert str(caught.value) == says
