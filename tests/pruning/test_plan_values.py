"""A criterion that makes up for what goes: its values come with the plan, are checked, and are set by `apply`."""

import numpy as np
import pytest
from generators import digest

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.criteria import Criterion

LOSS = mp.SoftmaxCrossEntropy()


class Gives(Criterion):
    """Magnitudes, and the values that a test wrote down, or makes of the network."""

    def __init__(self, values):
        self.values, self.heard = values, []

    def scores(self, network, data=None):
        return mp.Magnitude().scores(network)

    def compensate(self, network, data, masks):
        self.heard.append((network, data, masks))
        return self.values(network) if callable(self.values) else self.values

    def __repr__(self):
        return "Gives()"


@pytest.fixture
def network():
    made = mp.Network.mlp([5, 6, 3], rng=0)
    for p in made.parameters.values():
        p.value = np.random.default_rng(p.size).standard_normal(p.shape)
    return made


@pytest.fixture
def data():
    draws = np.random.default_rng(1)
    return draws.standard_normal((60, 5)), draws.integers(0, 3, 60)


def _same(values, others):
    assert values.keys() == others.keys()
    for name, value in values.items():
        assert value.tobytes() == others[name].tobytes()


@pytest.mark.parametrize("rounds", [1, 2, 4])
@pytest.mark.parametrize("pattern", [mp.Unstructured(), mp.Blocks((2, 2)), mp.Neurons()])
def test_in_rounds_what_is_kept_makes_up_for_all_that_has_gone_since_the_start(network, data, pattern, rounds):
    """Score the network at work, plan, apply; then set the values that the original's weights become."""
    surgeon, work = mp.OptimalBrainSurgeon(), network.copy()
    for k in range(1, rounds + 1):
        sparsity = 0.7 if k == rounds else 1 - 0.3 ** (k / rounds)
        step = mp.plan(work, surgeon, sparsity=sparsity, pattern=pattern, data=data)
        for name, mask in step.masks.items():
            work.parameters[name].mask = work.parameters[name].mask & mask
        masks = {name: p.mask for name, p in work.prunable.items()}
        for name, value in surgeon.compensate(network, data, masks).items():
            work.parameters[name].value = value
    before = digest(network)
    made = mp.plan(network, mp.OptimalBrainSurgeon(rounds=rounds), sparsity=0.7, pattern=pattern, data=data)
    pruned = made.apply(network)
    assert digest(network) == before
    for name, p in work.parameters.items():
        assert np.array_equal(pruned.parameters[name].mask, p.mask)
        assert pruned.parameters[name].value.tobytes() == p.value.tobytes()
    assert list(made.values) == list(network.parameters)
    assert not np.array_equal(made.values["dense2.bias"], network.parameters["dense2.bias"].value)
    network_too = network.copy()
    made.apply_in_place(network_too)
    assert digest(network_too) == digest(pruned)


def test_values_obey_the_masks_also_those_of_biases(network):
    ones = Gives({name: np.ones(p.shape) for name, p in network.parameters.items()})
    made = mp.plan(network, ones, sparsity=0.5, pattern=mp.Neurons())
    assert not made.masks["dense1.bias"].all()
    for name, p in made.apply(network).parameters.items():
        mask = made.masks.get(name, np.ones(p.shape, bool))
        assert np.array_equal(made.values[name], mask.astype(np.float32))
        assert np.array_equal(p.value, mask)


def test_values_of_some_parameters_leave_the_others(network):
    made = mp.plan(network, Gives({"dense1.bias": [1, 2, 3, 4, 5, 6]}), sparsity=0.5)
    plain = mp.plan(network, mp.Magnitude(), sparsity=0.5).apply(network)
    pruned = made.apply(network)
    assert pruned.parameters["dense1.bias"].value.tolist() == [1, 2, 3, 4, 5, 6]
    for name in ("dense1.weight", "dense2.weight", "dense2.bias"):
        assert pruned.parameters[name].value.tobytes() == plain.parameters[name].value.tobytes()


def test_values_are_copies_read_only_and_freeze_nobodys_arrays(network):
    """Also if the criterion hands out the network's own arrays."""
    before = digest(network)
    made = mp.plan(network, Gives(lambda net: {n: p.value for n, p in net.parameters.items()}), sparsity=0.5)
    assert digest(network) == before
    for name, p in network.parameters.items():
        assert p.value.flags.writeable
        assert not np.shares_memory(p.value, made.values[name])
        with pytest.raises(ValueError, match="read-only"):
            made.values[name][0] = 0
    with pytest.raises(TypeError, match="does not support item assignment"):
        made.values["dense1.weight"] = None
    assert not any(np.shares_memory(p.value, made.values[n]) for n, p in made.apply(network).parameters.items())


def test_it_is_given_the_network_the_data_and_all_new_masks(network, data):
    criterion = Gives({})
    made = mp.plan(network, criterion, sparsity=0.5, data=data, pattern=mp.Neurons())
    ((given_network, given_data, masks),) = criterion.heard
    assert given_network is network
    assert given_data is data
    assert list(masks) == list(network.prunable)
    assert all(np.array_equal(mask, made.masks[name]) for name, mask in masks.items())
    assert not made.values
    assert not mp.plan(network, mp.Magnitude(), sparsity=0.5).values


def test_a_threshold_is_made_up_for_too(network, data):
    made = mp.plan(network, mp.OptimalBrainSurgeon(rounds=3), threshold=0.1, data=data)
    _same(made.values, mp.OptimalBrainSurgeon().compensate(network, data, made.masks))


@pytest.mark.parametrize(
    ("values", "error", "says"),
    [
        ([1], InvalidTypeError, "Gives() must compensate by a mapping of names to arrays, got list in plan()"),
        (None, InvalidTypeError, "Gives() must compensate by a mapping of names to arrays, got NoneType in plan()"),
        (
            {"dense1.weigth": np.ones((5, 6))},
            InvalidValueError,
            "Gives() must compensate by values of parameters, got 'dense1.weigth' in plan(); did you mean 'dense1",
        ),
        (
            {"dense1.weight": np.ones((6, 5))},
            InvalidValueError,
            "value of dense1.weight by Gives() must have shape (5, 6), got (6, 5) in plan()",
        ),
        (
            {"dense2.bias": np.array([1.0, np.nan, 2.0])},
            InvalidValueError,
            "value of dense2.bias by Gives() must be finite, got 1 NaN or infinite in plan(), the first at (1,): nan",
        ),
        (
            {"dense2.bias": np.array([1.0, 2.0, 1e300])},  # too large for the network's float32
            InvalidValueError,
            "value of dense2.bias by Gives() must be finite, got 1 NaN or infinite in plan(), the first at (2,): inf",
        ),
        (
            {"dense2.bias": ["a", "b", "c"]},
            InvalidTypeError,
            "value of dense2.bias by Gives() must hold real numbers, got dtype <U1 in plan()",
        ),
    ],
)
def test_values_that_are_refused(network, values, error, says):
    before = digest(network)
    with pytest.raises(error) as caught:
        mp.plan(network, Gives(values), sparsity=0.5)
    assert str(caught.value).startswith(says)
    assert digest(network) == before


@pytest.mark.parametrize("how", ["apply", "apply_in_place"])
def test_a_network_that_lacks_a_parameter_with_a_value_is_refused_and_left_alone(network, data, how):
    made = mp.plan(network, mp.OptimalBrainSurgeon(), sparsity=0.5, data=data)
    other = mp.Network([mp.Dense(5, 6, bias=False, rng=0), mp.ReLU(), mp.Dense(6, 3, rng=0)])
    before = digest(other)
    with pytest.raises(InvalidValueError, match=rf"network must have the layers planned for, .* in {how}\(\)"):
        getattr(made, how)(other)
    assert digest(other) == before


def test_a_plan_fits_a_network_of_the_other_precision(network, data):
    made = mp.plan(network, mp.OptimalBrainSurgeon(), sparsity=0.5, data=data)
    other = made.apply(mp.Network.mlp([5, 6, 3], rng=1, dtype=np.float64))
    for name, value in made.values.items():
        assert np.array_equal(other.parameters[name].value, value)
        assert other.parameters[name].dtype == np.float64


def test_making_up_for_it_loses_less(network, data):
    teacher = network(data[0])
    losses = {}
    for criterion in (mp.OptimalBrainSurgeon(), mp.Magnitude()):
        pruned = mp.plan(network, criterion, sparsity=0.4, data=data).apply(network)
        losses[repr(criterion)[:3]] = np.mean((pruned(data[0]) - teacher) ** 2)
    assert losses["Opt"] < losses["Mag"]


def test_a_pruner_sets_them_in_fit(network, data):
    """With steps too small to be seen, the network ends as the loop by hand does."""
    schedule = mp.Linear(0.0, 0.5, updates=3)
    pruner = mp.Pruner(mp.OptimalBrainSurgeon(), sparsity=0.6, schedule=schedule, samples=60)
    trained, work = network.copy(), network.copy()
    settings = {"loss": LOSS, "optimizer": mp.SGD(1e-30), "epochs": 4, "batch_size": 20, "rng": 0}
    mp.fit(trained, data, pruner=pruner, **settings)
    assert len(pruner.updates) == 3
    for k in range(1, 4):
        work = mp.plan(work, mp.OptimalBrainSurgeon(), sparsity=0.6 * k / 3, data=data).apply(work)
    for name, p in work.parameters.items():
        assert np.array_equal(trained.parameters[name].mask, p.mask)
        assert trained.parameters[name].value == pytest.approx(p.value, rel=1e-4, abs=1e-5)
        assert np.array_equal(trained.parameters[name].value, pruner.plan.values[name])
    assert not np.allclose(trained.parameters["dense1.bias"].value, network.parameters["dense1.bias"].value)
