"""Drop-and-grow inside `fit`: sparse all the way, what grows is new, and it goes with all that prunes gradually."""

import numpy as np
import pytest
from generators import digest

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.patterns import NM, Vectors
from minprune.pruning.pruner import Pruner
from minprune.pruning.regrowth import SET, Regrowth, RigL
from minprune.pruning.schedules import Constant, Cubic, OneShot

LOSS = mp.SoftmaxCrossEntropy()


class Hopes(Regrowth):
    """What a test wrote down."""

    def __init__(self, hopes):
        super().__init__()
        self.hopes = hopes

    def promise(self, network, data, rng):
        return self.hopes


def _pruner(**parts):
    return Pruner(mp.Magnitude(), **({"sparsity": 0.5, "schedule": Constant(0, 0.75, updates=6)} | parts))


def _fit(network, pruner, **asked):
    draws = np.random.default_rng(0)
    x = draws.standard_normal((48, network.inputs))
    settings = {"loss": LOSS, "optimizer": mp.SGD(0.1, momentum=0.9), "epochs": 4, "batch_size": 8, "rng": 0}
    return mp.fit(network, (x, (x[:, 0] > x[:, 1]).astype(int)), pruner=pruner, **(settings | asked))


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: SET(0), InvalidValueError, r"fraction must be in \(0, 1\], got 0 in SET\(\)"),
        (lambda: SET(1.5), InvalidValueError, r"fraction must be in \(0, 1\], got 1.5 in SET\(\)"),
        (lambda: RigL(LOSS, "0.3"), InvalidTypeError, r"fraction must be a number, got str '0.3' in RigL\(\)"),
        (lambda: RigL("loss"), InvalidTypeError, r"loss must be a Loss, got 'loss'"),
        (lambda: Regrowth(0.3), TypeError, "abstract"),
        (lambda: _pruner(regrow=RigL), InvalidTypeError, r"regrow must be a Regrowth, .*; pass an instance: RigL\(…\)"),
        (lambda: _pruner(regrow=0.3), InvalidTypeError, r"regrow must be a Regrowth, got 0.3 in Pruner\(\)$"),
        (
            lambda: _pruner(regrow=SET(), pattern=mp.Neurons()),
            InvalidValueError,
            r"regrow needs a pattern whose units share no weights, got Neurons\(.*\) in Pruner\(\): a neuron that grew",
        ),
        (
            lambda: _pruner(regrow=SET(), schedule=OneShot()),
            InvalidValueError,
            r"regrow needs a schedule of several updates, as nothing comes back at the last, got OneShot\(at=0.5\)",
        ),
    ],
)
def test_bad_input_is_refused(make, error, says):
    with pytest.raises(error, match=says):
        make()


@pytest.mark.parametrize(
    "hopes",
    [
        {},
        {"dense1.weight": np.full((4, 2), np.nan)},
        {"dense1.weight": -np.ones((4, 2))},
        {"dense1.weight": np.ones(8)},
    ],
)
def test_hopes_that_cannot_be_ranked_are_refused_before_training(hopes):
    network = mp.Network([mp.Dense(4, 2, rng=0)])
    before = digest(network)
    with pytest.raises(InvalidValueError, match=r"scores of dense1.weight must be .* in Hopes\(0.3\)"):
        _fit(network, _pruner(regrow=Hopes(hopes)))
    assert digest(network) == before


def test_units_of_ones_own_that_share_weights_are_refused_before_training():
    class Mine(mp.Unstructured):
        def units(self, network, scores):
            return mp.Neurons().units(network, scores)

    with pytest.raises(InvalidValueError, match=r"regrow needs a pattern whose units share no weights, got Mine\(\)"):
        _fit(mp.Network.mlp([4, 6, 2], rng=0), _pruner(regrow=SET(), pattern=Mine()))


class Watch:
    """Looks at the network right after the pruner, before the step: the pruner comes first."""

    def __init__(self, optimizer):
        self.optimizer, self.masks, self.grown, self.kept = optimizer, {}, 0, []

    def before_step(self, network, step):
        self.kept.append({name: p.kept for name, p in network.prunable.items()})
        for name, p in network.prunable.items():
            new = p.mask & ~self.masks.get(name, p.mask)
            self.grown += int(new.sum())
            for array in (p.value, *self.optimizer.state(p).arrays.values()):
                assert array[new].tobytes() == bytes(array[new].nbytes)
            self.masks[name] = p.mask


@pytest.mark.parametrize("optimizer", [mp.SGD(0.1), mp.SGD(0.1, momentum=0.9, nesterov=True), mp.Adam(0.01)], ids=repr)
@pytest.mark.parametrize("regrow", [RigL(LOSS), SET(0.5)], ids=repr)
def test_grown_start_zero(optimizer, regrow):
    """With fresh state."""
    network, watch = mp.Network.mlp([4, 16, 2], rng=0), Watch(optimizer)
    pruner = _pruner(regrow=regrow)
    _fit(network, pruner, optimizer=optimizer, callbacks=[watch])
    assert watch.grown == sum(update.grown for update in pruner.updates) > 10
    for p in network.prunable.values():
        assert p.value[~p.mask].tobytes() == bytes(p.value[~p.mask].nbytes)


def test_what_stays_or_comes_back_at_once_is_as_it_was():
    network, optimizer = mp.Network.mlp([4, 16, 2], rng=0), mp.SGD(0.1, momentum=0.9)
    pruner = _pruner(regrow=RigL(LOSS, 0.5))
    _fit(network, None, optimizer=optimizer)
    x = np.random.default_rng(0).standard_normal((48, 4)).astype(np.float32)
    pruner.begin(network, x, np.arange(48) % 2, steps=6, rng=np.random.default_rng(0))
    pruner.before_step(network, 0)  # drops to 50 %
    p = network.parameters["dense1.weight"]
    momentum = optimizer.state(p).arrays["momentum"]
    was, value, state = p.mask, p.value.copy(), momentum.copy()
    pruner.before_step(network, 1)
    stayed = was & p.mask
    assert stayed.sum() > was.sum() - round(0.5 * was.sum())  # some of those dropped came back
    assert stayed.sum() < was.sum()
    np.testing.assert_array_equal(p.value[stayed], value[stayed])
    np.testing.assert_array_equal(momentum[stayed], state[stayed])


@pytest.mark.parametrize("allocation", [mp.Global(), mp.Uniform(), mp.ErdosRenyi(), mp.LAMP()], ids=repr)
@pytest.mark.parametrize("regrow", [RigL(LOSS), SET(0.5)], ids=repr)
def test_constant_sparsity_in_fit(allocation, regrow):
    """Sparse from the first step, the same number in each layer all through, moved about less and less."""
    network, watch = mp.Network.mlp([4, 16, 8, 2], rng=0), Watch(mp.SGD(0.1))
    pruner = _pruner(regrow=regrow, allocation=allocation, sparsity=0.7)
    history = _fit(network, pruner, optimizer=watch.optimizer, callbacks=[watch])
    assert all(kept == watch.kept[0] for kept in watch.kept)
    assert set(history["sparsity"]) == {network.sparsity}
    assert network.weights - network.kept == round(0.7 * network.weights)
    first, *later, last = pruner.updates
    assert first.dropped - first.grown == round(0.7 * network.weights)
    assert all(update.dropped == update.grown for update in later)
    assert (last.dropped, last.grown) == (0, 0)
    if isinstance(regrow, SET):  # no return: all that is dropped moves
        for update, t in zip(later, (0.2, 0.4, 0.6, 0.8), strict=True):
            kept = watch.kept[0].values()
            dead = [p.size - p.kept for p in network.prunable.values()]
            assert update.grown == sum(min(round(regrow.share(t) * k), d) for k, d in zip(kept, dead, strict=True))


@pytest.mark.parametrize("regrow", [RigL(LOSS), SET(0.5)], ids=repr)
def test_regrowth_on_the_way_of_a_gradual_schedule(regrow):
    """The sparsity follows the schedule as it would without, and the last masks are the plan's."""
    schedule = Cubic(0.1, 0.8, updates=6)
    reached = []
    for part in (None, regrow):
        network, pruner = mp.Network.mlp([4, 16, 2], rng=0), _pruner(regrow=part, schedule=schedule, sparsity=0.8)
        _fit(network, pruner)
        reached.append([update.achieved for update in pruner.updates])
        for name, p in network.prunable.items():
            np.testing.assert_array_equal(p.mask, pruner.plan.masks[name])
    assert reached[0] == reached[1]
    assert sum(update.grown for update in pruner.updates) > 0
    assert pruner.updates[-1].grown == 0


@pytest.mark.parametrize("schedule", [Constant(0, 0.8, updates=6), Cubic(0.0, 0.8, updates=6)], ids=repr)
@pytest.mark.parametrize("regrow", [RigL(LOSS), SET(0.5)], ids=repr)
def test_n_of_m_without_a_sparsity_ends_full_and_moves_on_the_way(schedule, regrow):
    network = mp.Network.mlp([4, 16, 8, 2], rng=0)
    pruner = Pruner(mp.Magnitude(), pattern=NM(2, 4), schedule=schedule, regrow=regrow)
    history = _fit(network, pruner)
    assert sum(update.grown for update in pruner.updates) > 5
    assert history["sparsity"] == sorted(history["sparsity"])
    for p in network.prunable.values():
        assert (p.mask.reshape(-1, 4, p.shape[1]).sum(axis=1) == 2).all()


def test_vectors_stay_whole():
    network = mp.Network.mlp([4, 16, 8, 2], rng=0)
    pruner = _pruner(pattern=Vectors(4), regrow=SET(0.5), sparsity=0.7)
    _fit(network, pruner)
    assert sum(update.grown for update in pruner.updates) > 5
    for name in ("dense1.weight", "dense2.weight"):
        runs = network.parameters[name].mask.reshape(-1, 4).sum(axis=1)
        assert set(runs) == {0, 4}


def test_the_same_seed_gives_the_same_network():
    for regrow in (RigL(LOSS), SET()):
        one, other = mp.Network.mlp([4, 16, 2], rng=0), mp.Network.mlp([4, 16, 2], rng=0)
        for network in (one, other):
            _fit(network, _pruner(regrow=regrow, samples=20))
        assert digest(one) == digest(other)


def test_reprs():
    assert repr(_pruner(regrow=SET(0.2))).endswith(", Constant(begin=0, end=0.75, updates=6), SET(0.2))")
