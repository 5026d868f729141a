"""Scores of neurons by what they put out: by slow loops, as scores of weights, and from a criterion of one's own."""

import numpy as np
import pytest
from generators import networks
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.criteria.neuron import Activity, NeuronCriterion, NeuronTaylor

LOSS = mp.SoftmaxCrossEntropy()


class Numbered(NeuronCriterion):
    """Units numbered through, inputs first; or whatever it is told to say."""

    def __init__(self, says=None):
        self.says = says

    def neuron_scores(self, network, data=None):
        if self.says is not None:
            return self.says
        names, result, start = ["inputs", *network.prunable], {}, 0
        for name, layer in zip(names, network.dense, strict=False):
            result[name] = np.arange(start, start + layer.inputs, dtype=float)
            start += layer.inputs
        return result


def _batch(network, rows, seed=0):
    draws = np.random.default_rng(seed)
    return draws.standard_normal((rows, network.inputs)), draws.integers(0, network.outputs, rows)


def _puts_out(network, row):
    """Return what each unit puts out for one row: the inputs, then each hidden layer after its activation."""
    outs, x = [], row[None]
    for layer in network.layers:
        if isinstance(layer, mp.Dense):
            outs.append(x[0])
        x = layer.forward(x)
    return outs


def _loss_from(network, k, a, label):
    """Return the loss of one row when the units that feed layer k put out `a`."""
    x, seen = a[None], 0
    for layer in network.layers:
        seen += isinstance(layer, mp.Dense)
        if seen > k:
            x = layer.forward(x)
    return LOSS(x, np.array([label]))


@given(networks(), st.integers(1, 9))
def test_activity_is_the_share_of_rows_in_which_a_unit_is_not_zero(network, rows):
    x, y = _batch(network, rows)
    x[x < -1] = 0  # so that the inputs have zeros too
    scores = Activity(batch_size=2).neuron_scores(network, (x, y))
    assert list(scores) == ["inputs", *list(network.prunable)[:-1]]
    puts_out = [_puts_out(network, row) for row in x.astype(np.float32)]
    for k, score in enumerate(scores.values()):
        for unit in range(len(score)):
            active = sum(bool(outs[k][unit] != 0) for outs in puts_out)
            assert score[unit] == np.float32(active / rows)


def test_activity_of_units_that_always_or_never_fire():
    first = mp.Dense.from_arrays(np.array([[1.0, -1.0, 0.0]]), np.array([0.0, 0.0, 5.0]))
    network = mp.Network([first, mp.ReLU(), mp.Dense.from_arrays(np.ones((3, 1)))])
    scores = Activity().neuron_scores(network, (np.array([[1.0], [2.0]]), np.zeros(2)))
    assert scores["dense1.weight"].tolist() == [1.0, 0.0, 1.0]
    tanh = mp.Network([first.copy(), mp.Tanh(), network.dense[1].copy()])
    assert Activity().neuron_scores(tanh, (np.array([[1.0], [2.0]]), np.zeros(2)))["dense1.weight"].tolist() == [1] * 3


@given(networks(dtype=np.float64, width=4, layers=(1, 3)), st.integers(1, 4), st.integers(0, 99))
def test_taylor_is_the_mean_over_rows_of_the_size_of_activation_times_gradient(network, rows, seed):
    """The gradient is a central difference of one row's loss, one unit moved at a time."""
    smooth = mp.Network([mp.Tanh() if isinstance(layer, mp.ReLU) else layer.copy() for layer in network.layers])
    x, y = _batch(smooth, rows, seed)
    scores = NeuronTaylor(LOSS, batch_size=2).neuron_scores(smooth, (x, y))
    assert list(scores) == ["inputs", *list(smooth.prunable)[:-1]]
    h = 1e-5
    for k, score in enumerate(scores.values()):
        expected = np.zeros(len(score))
        for row, label in zip(x, y, strict=True):
            a = _puts_out(smooth, row)[k]
            for unit in range(len(a)):
                step = np.zeros(len(a))
                step[unit] = h
                slope = (_loss_from(smooth, k, a + step, label) - _loss_from(smooth, k, a - step, label)) / (2 * h)
                expected[unit] += abs(a[unit] * slope) / rows
        # The difference is off by about h² and by the rounding of the loss over h: 1e-10 in sum.
        assert np.allclose(score, expected, rtol=1e-6, atol=1e-8)


@given(networks(layers=(2, 4)))
def test_each_weight_gets_the_score_of_the_unit_it_leads_into_and_the_last_layer_of_where_it_comes_from(network):
    criterion = Numbered()
    units, scores = criterion.neuron_scores(network), criterion.scores(network)
    *hidden, last = network.prunable
    assert list(scores) == [*hidden, last]
    for name in hidden:
        for i, j in np.ndindex(network.prunable[name].shape):
            assert scores[name][i, j] == units[name][j]
    for i, j in np.ndindex(network.prunable[last].shape):
        assert scores[last][i, j] == units[hidden[-1]][i]


def test_in_a_network_of_one_layer_weights_get_the_scores_of_inputs():
    network = mp.Network.mlp([3, 2], rng=0)
    assert Numbered().scores(network)["dense1.weight"].tolist() == [[0, 0], [1, 1], [2, 2]]
    x = np.array([[1.0, 0.0, 0.0], [1.0, 2.0, 0.0]])
    for criterion in (Activity(), NeuronTaylor(LOSS)):
        scores = criterion.scores(network, (x, np.array([0, 1])))["dense1.weight"]
        assert scores[0, 0] > scores[1, 0] > scores[2, 0] == 0
        assert (scores[:, 0] == scores[:, 1]).all()


def test_neurons_that_never_fire_go_first():
    """Two of eight units are shut by their bias: they are what Activity, and the Taylor term, drop."""
    network = mp.Network.mlp([4, 8, 2], rng=0)
    network.parameters["dense1.bias"].value = np.where(np.arange(8) % 4 == 1, -100.0, 1.0)
    data = _batch(network, 20)
    for criterion in (Activity(), NeuronTaylor(LOSS)):
        made = mp.plan(network, criterion, sparsity=0.25, pattern=mp.Neurons(), data=data)
        assert made.achieved == 12
        assert np.flatnonzero(~made.masks["dense1.bias"]).tolist() == [1, 5]
        unstructured = mp.plan(network, criterion, sparsity=0.25, data=data).masks
        assert not unstructured["dense1.weight"][:, [1, 5]].any()


def test_input_features_are_ranked_by_what_they_put_out():
    """One of four columns is always 0: it goes before any hidden unit does, and nothing changes."""
    network = mp.Network.mlp([4, 8, 2], rng=0)
    network.parameters["dense1.bias"].value = np.full(8, 5.0)  # so that every unit fires
    x, y = _batch(network, 20)
    x[:, 2] = 0
    for criterion in (Activity(), NeuronTaylor(LOSS)):
        made = mp.plan(network, criterion, sparsity=8 / 48, pattern=mp.Neurons(inputs=True), data=(x, y))
        assert np.argwhere(~made.masks["dense1.weight"]).tolist() == [[2, j] for j in range(8)]
        assert (made.apply(network)(x) == network(x)).all()


@pytest.mark.parametrize(
    ("says", "error"),
    [
        ({}, r"gave no scores for the units of dense1.weight in scores\(\)"),
        ([1.0, 2.0], r"gave no scores for the units of dense1.weight in scores\(\)"),
        (
            {"dense1.weight": np.ones(2)},
            r"Numbered\(\) must give 4 scores for the units of dense1.weight, got shape \(2,\) in scores\(\)",
        ),
        ({"dense1.weight": np.ones((4, 1))}, r"must give 4 scores .* got shape \(4, 1\)"),
    ],
)
def test_scores_of_units_that_are_missing_or_of_another_shape_are_refused(says, error):
    with pytest.raises(InvalidValueError, match=error):
        Numbered(says).scores(mp.Network.mlp([3, 4, 2], rng=0))


def test_a_network_of_one_layer_needs_scores_of_inputs():
    with pytest.raises(InvalidValueError, match=r"Numbered\(\) gave no scores for the units of inputs in scores\(\)"):
        Numbered({"dense1.weight": np.ones(2)}).scores(mp.Network.mlp([3, 2], rng=0))


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: NeuronTaylor(None), InvalidTypeError, r"loss must be a Loss, got None in NeuronTaylor\(\)"),
        (
            lambda: NeuronTaylor(mp.SoftmaxCrossEntropy),
            InvalidTypeError,
            r"in NeuronTaylor\(\); pass an instance: SoftmaxCrossEntropy\(\)$",
        ),
        (lambda: NeuronCriterion(), TypeError, "abstract"),
        (
            lambda: NeuronTaylor(LOSS).neuron_scores(mp.Network.mlp([3, 2], rng=0), (np.ones((2, 3)), [0, 2])),
            InvalidValueError,
            r"y must be in 0 … 1, got 2 at 1 in \w+\(\)",
        ),
    ],
)
def test_bad_input_is_refused(make, error, says):
    with pytest.raises(error, match=says):
        make()
