"""Prune a little, train, prune a little more: each round goes on from the one before, and the network given stays."""

import numpy as np
import pytest
from generators import digest
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import BudgetError, InvalidTypeError, InvalidValueError
from minprune.pruning.iterations import prune_iteratively
from minprune.pruning.patterns import NM
from minprune.pruning.schedules import Constant, Cubic, Geometric, Linear

LOSS = mp.SoftmaxCrossEntropy()


def _data():
    draws = np.random.default_rng(0)
    x = draws.standard_normal((40, 4))
    return x, (x[:, 0] * x[:, 1] > 0).astype(int)


def _network():
    return mp.Network.mlp([4, 8, 6, 2], rng=1)  # 32 + 48 + 12 = 92 weights


def _train(network):
    return mp.fit(network, _data(), loss=LOSS, optimizer=mp.SGD(0.1), epochs=2, batch_size=8, rng=3)


def _prune(network=None, **asked):
    settings = {"sparsity": 0.75, "rounds": 3, "train": _train} | asked
    return prune_iteratively(_network() if network is None else network, mp.Magnitude(), **settings)


def test_each_round_prunes_and_trains_what_the_one_before_left():
    network = _network()
    before = digest(network)
    rounds = _prune(network, rounds=4)
    assert digest(network) == before
    current = network
    for k, done in enumerate(rounds, 1):
        current = mp.plan(current, mp.Magnitude(), sparsity=1 - 0.25 ** (k / 4)).apply(current)
        history = _train(current)
        assert done.number == k
        assert digest(done.network) == digest(current)
        assert done.sparsity == current.sparsity
        assert done.result["loss"] == history["loss"]
    assert rounds.network is rounds[-1].network
    assert len(rounds) == len(list(rounds)) == len(rounds[:]) == 4


@given(
    st.sampled_from([Geometric(), Linear(), Cubic(), Constant(), mp.OneShot()]), st.integers(1, 6), st.floats(0, 0.9)
)
def test_schedule_lands_in_rounds(schedule, rounds, sparsity):
    """On the exact count, by every schedule, and it never turns back; nothing is trained here."""
    done = _prune(schedule=schedule, rounds=rounds, sparsity=sparsity, train=lambda net: None)
    kept = [r.network.kept for r in done]
    assert kept == [92 - round(schedule.level(k / rounds, 0.0, sparsity) * 92) for k in range(1, rounds + 1)]
    assert kept[-1] == 92 - round(sparsity * 92)
    assert kept == sorted(kept, reverse=True)


def test_a_pruned_network_goes_on_from_where_it_is():
    network = mp.plan(_network(), mp.Magnitude(), sparsity=0.5).apply(_network())
    assert [r.network.kept for r in _prune(network, sparsity=0.875, rounds=2)] == [23, 92 - round(0.875 * 92)]
    assert [r.network.kept for r in _prune(network, sparsity=0.3, rounds=2)] == [46, 46]


@pytest.mark.parametrize(
    ("parts", "kept"),
    [
        ({"allocation": mp.PerLayer({"dense1": 0.75}), "sparsity": None}, [92 - 16, 92 - 24]),
        ({"allocation": mp.Uniform(), "sparsity": 0.75}, [46, 23]),
        ({"pattern": NM(1, 2), "sparsity": None}, [65, 46]),
        ({"pattern": NM(1, 2), "sparsity": 0.25}, [80, 69]),
    ],
)
def test_other_kinds(parts, kept):
    assert [r.network.kept for r in _prune(rounds=2, **parts)] == kept


def test_a_criterion_is_shown_the_data():
    def gradient(**data):
        settings = {"sparsity": 0.5, "rounds": 2, "train": _train} | data
        return prune_iteratively(_network(), mp.GradientMagnitude(LOSS), **settings)

    assert gradient(data=_data()).network.sparsity == 0.5
    with pytest.raises(InvalidValueError, match="needs data"):
        gradient(train=pytest.fail)


def test_a_criterion_may_listen_to_the_training():
    class Counts(mp.Magnitude):
        heard = 0

        def after_backward(self, network, step):
            self.heard += 1

        def scores(self, network, data=None):
            assert self.heard % 10 == 5  # of the trainings, and not before the first
            return super().scores(network)

    def train(network):
        x_y = _data()
        return mp.fit(network, x_y, loss=LOSS, optimizer=mp.SGD(0.1), epochs=2, batch_size=8, callbacks=[counts])

    counts, network = Counts(), _network()
    mp.fit(network, _data(), loss=LOSS, optimizer=mp.SGD(0.1), epochs=1, batch_size=8, callbacks=[counts])
    prune_iteratively(network, counts, sparsity=0.5, rounds=3, train=train)
    assert counts.heard == 5 + 3 * 10


def test_rounds_are_found_by_number_and_sparsity():
    rounds = _prune(rounds=2)
    assert rounds.at(1) is rounds.at(0.5) is rounds.at(0.515) is rounds[0]
    assert rounds.at(2) is rounds.at(0.75) is rounds[1]
    with pytest.raises(
        InvalidValueError, match=r"which must be within 0.02 of a round's sparsity \(0.500, 0.750\), got"
    ):
        rounds.at(0.6)
    with pytest.raises(InvalidValueError, match=r"which must be at least 1, got 0 in at\(\)"):
        rounds.at(0)


def test_repr():
    history = mp.History(best_epoch=2)
    for epoch, loss in enumerate((0.9, 0.5, 0.7), 1):
        history.add(epoch=epoch, loss=loss + 1, valid_loss=loss, valid_accuracy=1 - loss, seconds=1)
    rounds = _prune(rounds=2, train=lambda net: history)
    assert repr(rounds).splitlines() == [
        "Pruned in 2 rounds: Magnitude() · Global() · Unstructured() to 75.0 %",
        "round  sparsity  kept  loss  valid_loss  valid_accuracy",
        "───────────────────────────────────────────────────────",
        "1        50.0 %    46   1.5         0.5             0.5",  # of the epoch that was restored
        "2        75.0 %    23   1.5         0.5             0.5",
    ]
    history.best_epoch = None
    assert repr(rounds).splitlines()[-1] == "2        75.0 %    23   1.7         0.7             0.3"
    assert repr(_prune(rounds=1, train=lambda net: 0.25)).splitlines()[1:] == [
        "round  sparsity  kept  result",
        "─────────────────────────────",
        "1        75.0 %    23    0.25",
    ]
    assert "None" not in repr(_prune(rounds=1, train=lambda net: None))
    assert repr(rounds[0]) == "Round(1, 50.0 % pruned)"


def test_the_bar_counts_the_rounds(monkeypatch):
    from minprune.pruning import iterations

    bars = []

    class Seen(iterations.Progress):
        def __exit__(self, *exc):
            bars.append((self.done, self.total))

    monkeypatch.setattr(iterations, "Progress", Seen)
    _prune(rounds=2)
    assert bars == [(2, 2)]


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"network": 3}, InvalidTypeError, r"network must be a Network, got int in prune_iteratively\(\)"),
        (
            {"train": None},
            InvalidTypeError,
            r"train must be a function of a network, got None in prune_iteratively\(\)",
        ),
        ({"sparsity": None}, InvalidValueError, r"sparsity must be given, got None in prune_iteratively\(\)"),
        ({"sparsity": 1.0}, InvalidValueError, r"sparsity must be in \[0, 1\), got 1 in prune_iteratively\(\)"),
        ({"rounds": 0}, InvalidValueError, r"rounds must be at least 1, got 0 in prune_iteratively\(\)"),
        ({"schedule": 0.5}, InvalidTypeError, r"schedule must be a Schedule, got 0.5 in prune_iteratively\(\)"),
        ({"pattern": mp.Neurons}, InvalidTypeError, r"pattern must be a Pattern, .* in prune_iteratively\(\); pass an"),
        ({"sparsity": 0.99}, BudgetError, r"at most \d+ can go"),
        (
            {"allocation": mp.PerLayer({"dense1": 0.5})},
            InvalidValueError,
            r"sparsity must be left out: the allocation sets it, got 0.75 in prune_iteratively\(\)",
        ),
    ],
)
def test_bad_input_is_refused_before_any_training(asked, error, says):
    with pytest.raises(error, match=says):
        _prune(**({"train": pytest.fail} | asked))
