"""The pruner with parts of all kinds: patterns that say how much goes, criteria that listen, a run begun later."""

import numpy as np
import pytest
from generators import digest
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import InvalidValueError
from minprune.pruning.criteria import Movement, SynFlow
from minprune.pruning.patterns import NM, Blocks, Vectors
from minprune.pruning.regrowth import SET, RigL
from minprune.pruning.schedules import Constant, Cubic, Custom, Geometric, Linear, OneShot

LOSS = mp.SoftmaxCrossEntropy()
SCHEDULES = [
    OneShot(),
    Linear(0, 0.8, updates=4),
    Cubic(0.2, 0.6, updates=3),
    Geometric(0, 0.8, updates=4),
    Constant(0.2, 0.8, updates=4),
    Custom(lambda t: t**2, 0, 1, updates=5),
]


def _data():
    draws = np.random.default_rng(0)
    x = draws.standard_normal((24, 4))
    return x, (x[:, 0] > x[:, 1]).astype(int)


def _network():
    return mp.Network.mlp([4, 6, 5, 2], rng=1)  # 24 + 30 + 10 = 64 weights


def _fit(network, pruner, **asked):
    """Train for four epochs of three steps, unless asked otherwise."""
    settings = {"loss": LOSS, "optimizer": mp.SGD(0.05, momentum=0.9), "epochs": 4, "batch_size": 8, "rng": 0}
    return mp.fit(network, _data(), pruner=pruner, **(settings | asked))


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
@pytest.mark.parametrize(("n", "m"), [(2, 4), (1, 3)])
def test_a_pattern_that_says_how_much_goes_is_filled_at_the_end_and_ramped_to_before(schedule, n, m):
    """Each update goes as far as its schedule says, of what the pattern lets go in all."""
    network = _network()
    full = mp.plan(network, mp.Magnitude(), pattern=NM(n, m)).achieved
    pruner = mp.Pruner(mp.Magnitude(), pattern=NM(n, m), schedule=schedule)
    _fit(network, pruner)
    assert [round(64 * update.achieved) for update in pruner.updates] == [
        round(schedule.level(t, 0.0, full / 64) * 64) for t in schedule.due(12).values()
    ]
    assert network.weights - network.kept == full
    for p in network.prunable.values():
        for first in range(0, p.shape[0], m):
            group = p.mask[first : first + m]
            assert (group.sum(axis=0) == -(-n * len(group) // m)).all()


def test_such_a_pattern_takes_a_sparsity_as_well():
    network, pruner = _network(), mp.Pruner(mp.Magnitude(), pattern=NM(2, 4), sparsity=0.25)
    _fit(network, pruner)
    assert network.sparsity == 0.25


@given(
    st.sampled_from(
        [
            mp.Magnitude,
            Movement,
            lambda: SynFlow(rounds=3),
            lambda: mp.GradientMagnitude(LOSS),
            lambda: mp.Random(rng=0),
        ]
    ),
    st.sampled_from(SCHEDULES),
    st.sampled_from([mp.Global(), mp.Uniform(), mp.ErdosRenyi(), mp.LAMP(), mp.PerLayer({"dense1": 0.5})]),
    st.sampled_from([mp.Unstructured(), NM(1, 2), Vectors(2), Blocks((2, 2)), mp.Neurons()]),
    st.sampled_from([None, RigL(LOSS), SET(0.5)]),
)
def test_all_of_them_compose(criterion, schedule, allocation, pattern, regrow):
    if isinstance(pattern, mp.Neurons) or isinstance(schedule, OneShot):
        regrow = None
    sets = isinstance(allocation, mp.PerLayer)
    network = _network()
    pruner = mp.Pruner(
        criterion(),
        sparsity=None if sets else 0.4,
        schedule=schedule,
        allocation=allocation,
        pattern=pattern,
        regrow=regrow,
        min_keep=0,
    )
    _fit(network, pruner)
    last = pruner.updates[-1]
    assert pruner.finished
    assert [update.step for update in pruner.updates] == list(schedule.due(12))
    assert last.achieved == network.sparsity
    assert last.grown == 0
    units = 11 * 3 if isinstance(pattern, mp.Neurons) else 4 * 3  # one unit of each layer may be missed
    assert 0 <= round(64 * (last.target - last.achieved)) < (1 if isinstance(pattern, mp.Unstructured) else units)
    kept = np.cumsum([update.grown - update.dropped for update in pruner.updates])
    assert [round(64 * update.achieved) for update in pruner.updates] == (-kept).tolist()
    for name, p in network.prunable.items():
        np.testing.assert_array_equal(p.mask, pruner.plan.masks[name])
        assert p.value[~p.mask].tobytes() == bytes(p.value[~p.mask].nbytes)


class Pull(mp.Magnitude):
    """Listens to the training: how much the gradients pulled each weight away from 0, or what is left of that."""

    def __init__(self):
        super().__init__()
        self.steps, self.pull = [], None

    def after_backward(self, network, step):
        self.steps.append(step)
        here = {name: -p.value * p.grad for name, p in network.prunable.items()}
        self.pull = here if self.pull is None else {name: self.pull[name] + here[name] for name in here}

    def scores(self, network, data=None):
        return {name: np.exp(pull) for name, pull in self.pull.items()}


def test_a_criterion_that_listens_hears_every_backward_pass_and_is_not_asked_before():
    network, pull = _network(), Pull()
    pruner = mp.Pruner(pull, sparsity=0.5, schedule=Cubic(0.3, 0.8, updates=3))
    _fit(network, pruner)
    assert pull.steps == list(range(12))
    assert network.sparsity == 0.5
    assert pruner.plan.scores["dense1.weight"].std() > 0


@pytest.mark.parametrize(("start", "steps"), [(0, [3, 6, 9, 11]), (4, [4, 6, 9, 11]), (7, [7, 9, 11]), (11, [11])])
def test_what_was_due_before_the_start_is_due_there(start, steps):
    network, schedule = _network(), Cubic(0, 1, updates=4)
    pruner = mp.Pruner(mp.Magnitude(), sparsity=0.5, schedule=schedule)
    assert list(schedule.due(12)) == [3, 6, 9, 11]
    _fit(network, pruner, start=start)
    assert [update.step for update in pruner.updates] == steps
    assert network.sparsity == 0.5
    targets = {3: 0.25, 6: 0.5, 9: 0.75, 11: 1.0}
    reached = max(t for step, t in targets.items() if step <= steps[0])
    assert pruner.updates[0].target == round(64 * schedule.level(reached, 0.0, 0.5)) / 64


def test_updates_say_what_went():
    network, pruner = _network(), mp.Pruner(mp.Magnitude(), sparsity=0.5, schedule=Linear(0, 1, updates=4))
    _fit(network, pruner)
    assert [(update.dropped, update.grown) for update in pruner.updates] == [(8, 0)] * 4


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"pattern": NM(2, 4), "allocation": mp.Uniform()}, r"NM\(2, 4\) without sparsity= needs no allocation"),
        ({"pattern": NM(2, 4), "sparsity": 0.9}, "at most 31 can go"),
        (
            {"criterion": mp.GradientMagnitude(mp.BinaryCrossEntropy()), "sparsity": 0.5},
            "needs a network with 1 output",
        ),
        ({"regrow": RigL(mp.BinaryCrossEntropy()), "sparsity": 0.5}, "needs a network with 1 output"),
    ],
)
def test_what_cannot_be_done_is_said_before_training_starts(parts, says):
    network = _network()
    before = digest(network)
    with pytest.raises(InvalidValueError, match=says):
        _fit(network, mp.Pruner(**({"criterion": mp.Magnitude()} | parts)), callbacks=[pytest.fail])
    assert digest(network) == before


def test_the_seed_repeats_with_parts_that_draw():
    digests = []
    for _ in range(2):
        network = _network()
        pruner = mp.Pruner(mp.GradientMagnitude(LOSS), sparsity=0.5, regrow=SET(), samples=9)
        _fit(network, pruner)
        digests.append(digest(network))
    assert digests[0] == digests[1]
