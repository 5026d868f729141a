"""What holds for every criterion that looks at what flows through the network: scores that are pure and repeatable."""

import numpy as np
import pytest
from generators import digest, networks
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.criteria import scores_of
from minprune.pruning.criteria.activation import ActivationNorm
from minprune.pruning.criteria.neuron import Activity, NeuronCriterion, NeuronTaylor
from minprune.pruning.criteria.surgeon import OptimalBrainSurgeon

LOSS = mp.SoftmaxCrossEntropy()
MAKE = {
    "ActivationNorm": ActivationNorm,
    "OptimalBrainSurgeon": OptimalBrainSurgeon,
    "Activity": Activity,
    "NeuronTaylor": lambda **options: NeuronTaylor(LOSS, **options),
}
each_criterion = pytest.mark.parametrize("make", MAKE.values(), ids=MAKE.keys())


def _batch(network, rows, seed=0):
    draws = np.random.default_rng(seed)
    return draws.standard_normal((rows, network.inputs)), draws.integers(0, network.outputs, rows)


@each_criterion
@given(network=st.sampled_from([np.float32, np.float64]).flatmap(lambda dtype: networks(dtype=dtype)))
def test_scores_shape(make, network):
    scores = make().scores(network, _batch(network, 7))
    assert list(scores) == list(network.prunable)
    for name, p in network.prunable.items():
        assert (scores[name].shape, scores[name].dtype) == (p.shape, p.dtype)
    assert scores_of(make(), network, _batch(network, 7), "plan").keys() == scores.keys()  # finite and ≥ 0


@each_criterion
@given(network=networks())
def test_scoring_is_pure_and_repeats(make, network):
    criterion = make(batch_size=3)
    x, y = _batch(network, 7)
    x = x.astype(np.float32)  # as the network takes it, so that nothing is a copy
    network.forward(x)
    network.backward(np.ones((7, network.outputs)))  # so that there are gradients to be disturbed

    def everything():
        own = {name: value for name, value in vars(criterion).items() if name != "loss"}
        return digest(network), x.tobytes(), y.tobytes(), np.random.get_state()[1].tobytes(), own  # noqa: NPY002

    before = everything()
    first = {name: score.tobytes() for name, score in criterion.scores(network, (x, y)).items()}
    for array in criterion.scores(network, (x, y)).values():
        array[...] = -1  # they are the caller's own
    assert everything() == before
    assert {name: score.tobytes() for name, score in criterion.scores(network, (x, y)).items()} == first


@each_criterion
@given(network=networks(dtype=np.float64), rows=st.integers(1, 12), batch_size=st.integers(1, 12))
def test_batch_free(make, network, rows, batch_size):
    data = _batch(network, rows)
    whole, cut = make().scores(network, data), make(batch_size=batch_size).scores(network, data)
    for name in whole:
        assert np.abs(cut[name] - whole[name]).max() <= 1e-11 * whole[name].max()


@each_criterion
def test_dropout_is_left_off_and_a_select_selects(make):
    plain = mp.Network.mlp([3, 5, 2], rng=0)
    first, second = (layer.copy() for layer in plain.dense)
    other = mp.Network([mp.Select(np.array([0, 2, 3]), 5), first, mp.ReLU(), mp.Dropout(0.9), second])
    x, y = _batch(plain, 9)
    wide = np.full((9, 5), 7.0)
    wide[:, [0, 2, 3]] = x
    expected, got = make().scores(plain, (x, y)), make().scores(other, (wide, y))
    assert all((expected[name] == got[name]).all() for name in expected)


@each_criterion
def test_it_takes_a_split(make):
    network = mp.Network.mlp([3, 5, 2], rng=0)
    x, y = _batch(network, 9)
    expected, got = make().scores(network, (x.astype(np.float32), y)), make().scores(network, mp.datasets.Split(x, y))
    assert all(np.allclose(expected[name], got[name], rtol=1e-6) for name in expected)


@each_criterion
@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (None, InvalidValueError, r"needs data: pass data=\(x, y\)"),
        (5, InvalidTypeError, r"data must be a Split or a pair \(x, y\), got int"),
        ((np.ones((2, 4)), [0, 1]), InvalidValueError, r"x of data must have 3 columns, got 4"),
        ((np.full((2, 3), np.nan), [0, 1]), InvalidValueError, r"x of data must be finite"),
    ],
)
def test_it_refuses_to_run_without_good_data(make, data, error, says):
    network = mp.Network.mlp([3, 4, 2], rng=0)
    before = digest(network)
    asks = [make().scores]
    if hasattr(make(), "neuron_scores"):
        asks.append(make().neuron_scores)
    for ask in asks:
        with pytest.raises(error, match=says):
            ask(network, data)
    with pytest.raises(error, match=says):
        mp.plan(network, make(), sparsity=0.5, data=data)
    assert digest(network) == before


@each_criterion
def test_a_batch_size_is_a_whole_number(make):
    with pytest.raises(InvalidValueError, match=r"batch_size must be at least 1, got 0 in \w+\(\)"):
        make(batch_size=0)


def test_reprs_say_what_they_are():
    assert [repr(make()) for make in MAKE.values()] == [
        "ActivationNorm()",
        "OptimalBrainSurgeon(damp=0.01)",
        "Activity()",
        "NeuronTaylor(SoftmaxCrossEntropy())",
    ]
    assert repr(OptimalBrainSurgeon(0.5, rounds=3)) == "OptimalBrainSurgeon(damp=0.5, rounds=3)"
    assert all(make().needs_data for make in MAKE.values())
    assert not NeuronCriterion.needs_data
