"""The pruner inside `fit`: it lands exactly, prunes only onwards, and what is gone is +0.0 after every step."""

from collections import Counter

import numpy as np
import pytest
from generators import digest
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import BudgetError, InvalidTypeError, InvalidValueError
from minprune.pruning.criteria import Criterion

LOSS = mp.SoftmaxCrossEntropy()


def _data(samples=24, inputs=4):
    draws = np.random.default_rng(0)
    x = draws.standard_normal((samples, inputs))
    return x, (x[:, 0] > x[:, 1]).astype(int)


def _network():
    return mp.Network.mlp([4, 6, 5, 2], rng=1)  # 24 + 30 + 10 = 64 weights


def _fit(network, pruner, *, samples=24, **asked):
    """Train for two epochs of three steps, unless asked otherwise."""
    settings = {"loss": LOSS, "optimizer": mp.SGD(0.05, momentum=0.9), "epochs": 2, "batch_size": 8, "rng": 0}
    return mp.fit(network, _data(samples), pruner=pruner, **(settings | asked))


def _assert_gone_is_zero(network, optimizer=None):
    for p in network.parameters.values():
        state = [] if optimizer is None else optimizer.state(p).arrays.values()
        for array in (p.value, *state):
            assert array[~p.mask].tobytes() == bytes(array[~p.mask].nbytes)


schedules = st.one_of(
    st.floats(0, 1).map(lambda at: mp.OneShot(at=at)),
    st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(1, 60)).map(
        lambda drawn: mp.Cubic(begin=min(drawn[:2]), end=max(drawn[:2]), updates=drawn[2])
    ),
)


@given(schedules, st.integers(0, 60), st.integers(1, 3), st.integers(1, 12), st.sampled_from([1, 5, 12]))
def test_schedule_lands_inside_fit(schedule, count, epochs, batch_size, samples):
    """On the exact count, whatever the number of steps, epochs and updates; on the way it never turns back."""
    network, pruner = _network(), mp.Pruner(mp.Magnitude(), sparsity=count / 64, schedule=schedule)
    history = _fit(network, pruner, samples=samples, epochs=epochs, batch_size=batch_size)
    assert network.weights - network.kept == count
    assert history["sparsity"][-1] == network.sparsity
    assert history["sparsity"] == sorted(history["sparsity"])
    assert pruner.finished
    steps = epochs * -(-samples // batch_size)
    assert [update.step for update in pruner.updates] == list(schedule.due(steps))
    for values in ([u.target for u in pruner.updates], [u.achieved for u in pruner.updates]):
        assert values == sorted(values)
        assert values[-1] == pytest.approx(count / 64)
    for update, t in zip(pruner.updates, schedule.due(steps).values(), strict=True):
        assert update.target == round(schedule.level(t, 0.0, count / 64) * 64) / 64
    _assert_gone_is_zero(network)


@given(schedules, st.data())
def test_schedule_lands_with_every_allocation_and_pattern(schedule, data):
    network, sparsity = _network(), data.draw(st.floats(0, 0.6))
    kind = data.draw(st.sampled_from(["global", "uniform", "per layer"]))
    pattern = data.draw(st.sampled_from([mp.Unstructured(), mp.Neurons()]))
    parts = {"allocation": {"global": mp.Global(), "uniform": mp.Uniform()}.get(kind), "sparsity": sparsity}
    if kind == "per layer":
        parts = {"allocation": mp.PerLayer({"dense1": sparsity, "dense2": 0.5})}
    pruner = mp.Pruner(mp.Magnitude(), schedule=schedule, pattern=pattern, **parts)
    _fit(network, pruner)
    gone = {name: int((~p.mask).sum()) for name, p in network.prunable.items()}
    if isinstance(pattern, mp.Neurons) and kind == "per layer":
        units = [int((~network.parameters[f"dense{k}.bias"].mask).sum()) for k in (1, 2)]
        assert units == [round(sparsity * 6), round(0.5 * 5)]
    elif isinstance(pattern, mp.Neurons):
        assert 0 <= round(sparsity * 64) - sum(gone.values()) < 11  # of dense1 a neuron has 4 + 5 weights, of dense2 8
    elif kind == "global":
        assert sum(gone.values()) == round(sparsity * 64)
    else:
        shares = {"dense1": sparsity, "dense2": 0.5, "dense3": 0} if kind == "per layer" else dict.fromkeys(
            ("dense1", "dense2", "dense3"), sparsity
        )  # fmt: skip
        assert gone == {f"{k}.weight": round(s * network.parameters[f"{k}.weight"].size) for k, s in shares.items()}


@pytest.mark.parametrize("schedule", [mp.OneShot(at=0.4), mp.Cubic(begin=0.0, end=0.5, updates=4)])
def test_early_stopping_waits_for_the_last_masks(schedule):
    """Patience counts only from there, and the best weights that it restores are pruned ones."""
    network, x_y = _network(), _data()
    pruner = mp.Pruner(mp.Magnitude(), sparsity=0.75, schedule=schedule)
    # Steps so small that the dense network of the first epochs would be the best, by far.
    history = _fit(network, pruner, optimizer=mp.SGD(1e-9), epochs=20, valid=x_y, patience=1)
    assert history.stopped
    assert len(history) < 20
    assert history.best_epoch > 1
    assert network.sparsity == 0.75
    assert history["sparsity"][history.best_epoch - 1] == 0.75
    _assert_gone_is_zero(network)


def test_a_callback_that_stops_early_leaves_what_is_reached_by_then():
    network, pruner = _network(), mp.Pruner(mp.Magnitude(), sparsity=0.75, schedule=mp.Cubic(0, 1, updates=4))
    _fit(network, pruner, epochs=4, callbacks=[lambda net, history: len(history) == 2])
    assert not pruner.finished
    assert network.sparsity == pruner.updates[-1].achieved < 0.75


@pytest.mark.parametrize(
    "optimizer",
    [
        mp.SGD(0.1),
        mp.SGD(0.1, momentum=0.9),
        mp.SGD(0.1, momentum=0.9, nesterov=True),
        mp.Adam(0.01),
        mp.AdamW(0.01, weight_decay=0.1),
    ],
    ids=lambda optimizer: repr(optimizer),
)
@pytest.mark.parametrize("penalty", [None, mp.L1(1e-3) + mp.L2(1e-3), mp.L1(1e-3, subgradient=True)])
def test_stays_zero(optimizer, penalty):
    """Value and state of what is gone are +0.0 after every step, while more and more goes."""
    network = _network()
    pruner = mp.Pruner(mp.Magnitude(), sparsity=0.9, schedule=mp.Cubic(0.2, 0.8, updates=5))
    before, seen = {name: p.mask for name, p in network.prunable.items()}, []

    def look(net, history):  # an epoch is one step here
        _assert_gone_is_zero(net, optimizer)
        for name, p in net.prunable.items():
            assert not (p.mask & ~before[name]).any()
            before[name] = p.mask
        seen.append(net.sparsity)

    _fit(network, pruner, optimizer=optimizer, penalty=penalty, epochs=12, batch_size=24, callbacks=[look])
    assert len(set(seen)) == 6  # dense at first, then five updates
    assert network.weights - network.kept == round(0.9 * 64)


@pytest.mark.parametrize(("first", "then"), [(0.5, 0.8), (0.5, 0.5), (0.8, 0.3)])
def test_a_pruned_network_goes_on_from_where_it_is(first, then):
    network = mp.plan(_network(), mp.Magnitude(), sparsity=first).apply(_network())
    before = {name: p.mask for name, p in network.prunable.items()}
    gone = network.weights - network.kept
    pruner = mp.Pruner(mp.Magnitude(), sparsity=then, schedule=mp.Cubic(0, 1, updates=4))
    _fit(network, pruner, epochs=3)
    assert network.weights - network.kept == max(gone, round(then * 64))
    assert all(not (p.mask & ~before[name]).any() for name, p in network.prunable.items())
    assert all(update.achieved >= gone / 64 for update in pruner.updates)
    if then <= first:
        assert {update.target for update in pruner.updates} == {round(then * 64) / 64}
    else:
        start, way = gone / 64, then - gone / 64
        expected = [round((start + way * share) * 64) / 64 for share in (37 / 64, 56 / 64, 63 / 64, 1)]
        assert [update.target for update in pruner.updates] == expected


def test_a_pruner_can_be_used_again():
    pruner = mp.Pruner(mp.Magnitude(), sparsity=0.5, schedule=mp.OneShot(at=0.5))
    first, second = _network(), _network()
    for network in (first, second):
        _fit(network, pruner)
        assert network.sparsity == 0.5
        assert len(pruner.updates) == 1
    assert digest(first) == digest(second)


@pytest.mark.parametrize("criterion", [mp.Magnitude(), mp.Random(rng=3), mp.GradientMagnitude(LOSS)])
def test_the_same_seed_gives_the_same_masks(criterion):
    networks = [_network(), _network()]
    for network in networks:
        _fit(network, mp.Pruner(criterion, sparsity=0.6, samples=10))
    assert digest(networks[0]) == digest(networks[1])


def test_until_its_first_update_a_pruner_changes_nothing():
    """Not the random numbers that training draws either, though it tries its last plan first."""
    after_each = {}
    for pruner in (None, mp.Pruner(mp.GradientMagnitude(LOSS), sparsity=0.5, schedule=mp.OneShot(at=1.0), samples=5)):
        seen = after_each[pruner is None] = []
        _fit(_network(), pruner, epochs=3, callbacks=[lambda net, history, seen=seen: seen.append(digest(net))])
    assert after_each[True][:2] == after_each[False][:2]
    assert after_each[True][2] != after_each[False][2]


class _Watch(Criterion):
    """Magnitude, and a note of what it was given."""

    needs_data = True

    def __init__(self):
        self.seen = []

    def scores(self, network, data=None):
        self.seen.append(data)
        return mp.Magnitude().scores(network)


@pytest.mark.parametrize(("samples", "rows"), [(7, 7), (24, 24), (1000, 24)])
def test_a_criterion_is_shown_so_many_training_rows(samples, rows):
    watch = _Watch()
    pruner = mp.Pruner(watch, sparsity=0.5, samples=samples, schedule=mp.Cubic(0, 1, updates=3))
    _fit(_network(), pruner)
    known = {(*row, label) for row, label in zip(*_data(), strict=True)}
    known = {tuple(np.float32(value) for value in row) for row in known}
    assert len(watch.seen) == 1 + 3  # once to see that it can be done
    for x, y in watch.seen:
        assert len(x) == len(y) == rows
        drawn = {tuple(np.float32(value) for value in (*row, label)) for row, label in zip(x, y, strict=True)}
        assert len(drawn) == rows  # each at most once
        assert drawn <= known


def test_the_last_plan_is_there_to_be_asked():
    network, pruner = _network(), mp.Pruner(mp.Magnitude(), sparsity=0.5, schedule=mp.Cubic(0, 0.5, updates=2))
    assert (pruner.plan, pruner.updates) == (None, [])
    _fit(network, pruner)
    assert pruner.plan.achieved == 32
    everywhere = [(name, at) for name, p in network.prunable.items() for at in np.ndindex(p.shape)]
    verdicts = Counter(pruner.plan.explain(name, at).verdict for name, at in everywhere)
    assert verdicts == {"was gone already": 28, "goes": 4, "stays": 32}  # 7/8 of the way, and the rest of it


def test_repr():
    pruner = mp.Pruner(mp.Magnitude(), sparsity=0.5, schedule=mp.OneShot(at=0.5))
    assert repr(pruner) == "Pruner(Magnitude() · Global() · Unstructured() to 50.0 %, OneShot(at=0.5))"
    _fit(_network(), pruner)
    assert repr(pruner).endswith("OneShot(at=0.5), 1 updates done)")
    assert " to " not in repr(mp.Pruner(mp.Magnitude(), allocation=mp.PerLayer({"dense1": 0.5})))


@pytest.mark.parametrize(
    ("parts", "error", "says"),
    [
        ({}, InvalidValueError, r"sparsity must be given, got None in Pruner\(\)"),
        ({"sparsity": 1.0}, InvalidValueError, r"sparsity must be in \[0, 1\), got 1 in Pruner\(\)"),
        ({"sparsity": "0.5"}, InvalidTypeError, r"sparsity must be a number, got str '0.5' in Pruner\(\)"),
        (
            {"sparsity": 0.5, "allocation": mp.PerLayer({"dense1": 0.5})},
            InvalidValueError,
            r"sparsity must be left out: the allocation sets it, got 0.5 in Pruner\(\)",
        ),
        (
            {"criterion": mp.Magnitude},
            InvalidTypeError,
            r"criterion must be a Criterion, .* in Pruner\(\); pass an instance",
        ),
        (
            {"sparsity": 0.5, "allocation": mp.Uniform},
            InvalidTypeError,
            r"allocation must be an Allocation, .*Uniform\(\)$",
        ),
        ({"sparsity": 0.5, "pattern": 3}, InvalidTypeError, r"pattern must be a Pattern, got 3 in Pruner\(\)$"),
        (
            {"sparsity": 0.5, "schedule": mp.Cubic},
            InvalidTypeError,
            r"schedule must be a Schedule, .* instance: Cubic\(\)$",
        ),
        ({"sparsity": 0.5, "schedule": 0.5}, InvalidTypeError, r"schedule must be a Schedule, got 0.5 in Pruner\(\)$"),
        ({"sparsity": 0.5, "samples": 0}, InvalidValueError, r"samples must be at least 1, got 0 in Pruner\(\)"),
        ({"sparsity": 0.5, "min_keep": -1}, InvalidValueError, r"min_keep must be at least 0, got -1 in Pruner\(\)"),
    ],
)
def test_bad_input_is_refused(parts, error, says):
    with pytest.raises(error, match=says):
        mp.Pruner(**({"criterion": mp.Magnitude()} | parts))


@pytest.mark.parametrize(
    ("parts", "error", "says"),
    [
        ({"sparsity": 0.99}, BudgetError, "pruning 63 of 64 weights would empty dense1.weight: at most 61 can go"),
        ({"sparsity": 0.5, "min_keep": 20}, BudgetError, r"at most \d+ can go with min_keep=20 weight\(s\) a layer"),
        (
            {"allocation": mp.PerLayer({"dense9": 0.5})},
            InvalidValueError,
            "names no layer with weights to drop: 'dense9",
        ),
    ],
)
def test_what_cannot_be_met_is_said_before_training_starts(parts, error, says):
    network, optimizer = _network(), mp.Adam(0.1)
    before = digest(network)
    with pytest.raises(error, match=says):
        _fit(network, mp.Pruner(mp.Magnitude(), **parts), optimizer=optimizer, callbacks=[pytest.fail])
    assert digest(network) == before
    assert not any(p.states for p in network.parameters.values())
