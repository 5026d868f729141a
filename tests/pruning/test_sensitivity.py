"""Sensitivity: the curves against one layer pruned by hand, and the allocation against all there is to choose from."""

import numpy as np
import pytest
from generators import digest

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.criteria import Criterion

LOSS = mp.SoftmaxCrossEntropy()
LEVELS = (0.25, 0.5, 0.8, 0.97)


@pytest.fixture
def network():
    made = mp.Network.mlp([6, 8, 5, 3], rng=0, dtype=np.float64)
    for p in made.parameters.values():
        p.value = np.random.default_rng(p.size).standard_normal(p.shape)
    return made


@pytest.fixture
def data():
    draws = np.random.default_rng(1)
    return draws.standard_normal((40, 6)), draws.integers(0, 3, 40)


def arrays_of(network):
    return [[layer.weight.value.copy(), layer.bias.value.copy()] for layer in network.dense]


def loss_by_hand(arrays, data):
    (x, y), total = data, 0.0
    for row, label in zip(x, y, strict=True):
        for k, (w, b) in enumerate(arrays):
            row = row @ w + b
            row = np.maximum(row, 0) if k < len(arrays) - 1 else row
        total -= row[label] - np.log(np.exp(row).sum())
    return total / len(x)


def lowest(scores, number):
    return sorted(range(len(scores)), key=lambda i: (scores[i], i))[:number]


def without_weights(network, k, level):
    arrays = arrays_of(network)
    flat = arrays[k][0].reshape(-1)
    flat[lowest(np.abs(flat), round(level * flat.size))] = 0
    return arrays


def without_neurons(network, k, level):
    """Neurons of hidden layer k; k = −1 are the inputs."""
    arrays = arrays_of(network)
    ways_in = arrays[k][0].T if k >= 0 else np.empty((6, 0))
    worth = [np.mean(np.concatenate(both) ** 2) for both in zip(ways_in, arrays[k + 1][0], strict=True)]
    for j in lowest(worth, round(level * len(worth))):
        arrays[k + 1][0][j] = 0
        if k >= 0:
            arrays[k][0][:, j], arrays[k][1][j] = 0, 0
    return arrays


def check_curve(curves, name, size, pruned_at, data):
    left = [level for level in LEVELS if 0 < round(level * size) < size]
    assert curves.sparsities[name] == (0.0, *(round(level * size) / size for level in left))
    expected = [loss_by_hand(pruned_at(level), data) for level in (0.0, *left)]
    assert curves.losses[name] == pytest.approx(expected, rel=1e-9)


def test_each_layers_curve_is_the_loss_with_that_layer_alone_pruned_by_hand(network, data):
    curves = mp.sensitivity(network, mp.Magnitude(), data, loss=LOSS, sparsities=LEVELS)
    assert curves.base == pytest.approx(loss_by_hand(arrays_of(network), data))
    assert list(curves.losses) == list(network.prunable)
    for k, (name, p) in enumerate(network.prunable.items()):
        check_curve(curves, name, p.size, lambda level, k=k: without_weights(network, k, level), data)


@pytest.mark.parametrize("inputs", [False, True])
def test_of_neurons_the_shares_are_of_neurons(network, data, inputs):
    curves = mp.sensitivity(
        network, mp.Magnitude(), data, loss=LOSS, sparsities=LEVELS, pattern=mp.Neurons(inputs=inputs)
    )
    layers = {"inputs": (-1, 6)} if inputs else {}
    layers |= {"dense1.weight": (0, 8), "dense2.weight": (1, 5)}
    assert list(curves.losses) == list(layers)
    for name, (k, size) in layers.items():
        check_curve(curves, name, size, lambda level, k=k: without_neurons(network, k, level), data)


def test_a_network_that_is_pruned_already_starts_from_there(network, data):
    pruned = mp.plan(network, mp.Magnitude(), allocation=mp.PerLayer({"dense1": 0.5})).apply(network)
    p = pruned.parameters["dense3.weight"]
    p.mask = np.zeros(p.shape, bool)
    curves = mp.sensitivity(pruned, mp.Magnitude(), data, loss=LOSS, sparsities=LEVELS)
    assert curves.sparsities["dense1.weight"] == (0.5, 38 / 48, 47 / 48)
    assert curves.sparsities["dense3.weight"] == (1.0,)
    assert curves.base == pytest.approx(loss_by_hand(arrays_of(pruned), data))
    for level, loss in zip((0.5, 0.8, 0.97), curves.losses["dense1.weight"], strict=True):
        again = without_weights(pruned, 0, level)
        assert loss == pytest.approx(loss_by_hand(again, data))
    assert {row["criterion"] for row in curves.rows()} == {"dense1.weight", "dense2.weight"}


def test_levels_that_a_layer_cannot_meet_are_left_out(data):
    network = mp.Network.mlp([6, 2, 3], rng=0)
    assert mp.sensitivity(network, mp.Magnitude(), data, loss=LOSS, sparsities=(0.5, 0.51, 0.95)).sparsities == {
        "dense1.weight": (0.0, 0.5, 11 / 12),
        "dense2.weight": (0.0, 0.5),  # 0.95 of six are all six
    }
    full = mp.sensitivity(network, mp.Magnitude(), data, loss=LOSS, sparsities=(0.2, 1 / 3, 0.6), pattern=mp.NM(2, 3))
    assert full.sparsities == {"dense1.weight": (0.0, 2 / 12, 4 / 12), "dense2.weight": (0.0,)}
    ask = {"loss": LOSS, "sparsities": (0.7, 0.9), "pattern": mp.Blocks((4, 2))}  # blocks of 8 and 4 weights
    whole = mp.sensitivity(network, mp.Magnitude(), data, **ask)
    assert whole.sparsities["dense1.weight"] in ((0.0, 8 / 12), (0.0, 4 / 12))


class Once(Criterion):
    needs_data = True
    rounds = 5

    def __init__(self):
        self.asked = 0

    def scores(self, network, data=None):
        self.asked += 1
        return mp.Magnitude().scores(network)


def test_the_criterion_is_asked_once_and_the_network_is_left_alone(network, data):
    criterion, before = Once(), digest(network)
    curves = mp.sensitivity(network, criterion, data, loss=LOSS, sparsities=LEVELS, data=data)
    assert criterion.asked == 1
    assert digest(network) == before
    assert curves.losses == mp.sensitivity(network, mp.Magnitude(), data, loss=LOSS, sparsities=LEVELS).losses


@pytest.mark.parametrize(
    ("criterion", "pattern"),
    [
        (mp.OptimalBrainSurgeon(), mp.Unstructured()),
        (mp.Activity(), mp.Neurons()),
        (mp.NeuronTaylor(LOSS), mp.Neurons(inputs=True)),
    ],
)
def test_it_prunes_as_plan_does_with_what_makes_up_for_it_and_with_scores_of_neurons(network, data, criterion, pattern):
    curves = mp.sensitivity(network, criterion, data, loss=LOSS, sparsities=(0.6,), pattern=pattern, data=data)
    for name, losses in curves.losses.items():
        made = mp.plan(network, criterion, allocation=mp.PerLayer({name: 0.6}), pattern=pattern, data=data)
        assert losses[1] == pytest.approx(LOSS.value_and_gradient(made.apply(network)(data[0]), data[1])[0])


def test_levels_may_be_an_array_and_the_bar_is_shown_on_request(network, data, capsys):
    curves = mp.sensitivity(
        network, mp.Magnitude(), data, loss=LOSS, sparsities=np.linspace(0.25, 0.75, 3), progress=True
    )
    assert curves.sparsities["dense1.weight"] == (0.0, 0.25, 0.5, 0.75)
    assert "sensitivity" in capsys.readouterr().err


def test_the_curves_can_be_drawn(network, data):
    curves = mp.sensitivity(network, mp.Magnitude(), data, loss=LOSS, sparsities=LEVELS)
    assert curves.rows()[1] == {
        "criterion": "dense1.weight",
        "sparsity": 0.25,
        "value": curves.losses["dense1.weight"][1],
    }
    axis = mp.plot_quality(curves.rows(), metric="loss", baseline=curves.base).axes[0]
    drawn = {line.get_label(): line.get_ydata() for line in axis.lines}
    for name, losses in curves.losses.items():
        assert list(drawn[name]) == list(losses)


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"network": 3}, InvalidTypeError, "network must be a Network, got int 3 in sensitivity()"),
        ({"loss": mp.SoftmaxCrossEntropy}, InvalidTypeError, "loss must be a Loss, got ABCMeta"),
        ({"criterion": mp.Magnitude}, InvalidTypeError, "criterion must be a Criterion, got"),
        ({"pattern": "rows"}, InvalidTypeError, "pattern must be a Pattern, got 'rows' in sensitivity()"),
        ({"sparsities": 0.5}, InvalidTypeError, "sparsities must be a sequence of numbers, got 0.5 in sensitivity()"),
        ({"sparsities": ()}, InvalidTypeError, "sparsities must be a sequence of numbers, got () in sensitivity()"),
        ({"sparsities": "0.5"}, InvalidTypeError, "sparsities must be a sequence of numbers, got '0.5'"),
        ({"sparsities": (0.5, 1.0)}, InvalidValueError, "sparsities[1] must be in [0, 1), got 1 in sensitivity()"),
        ({"sparsities": (0.5, "a")}, InvalidTypeError, "sparsities[1] must be a number, got str 'a' in sensitivity()"),
        ({"sparsities": (0.0, 0.5)}, InvalidValueError, "sparsities must rise within (0, 1), got [0.0, 0.5]"),
        ({"sparsities": (0.5, 0.5)}, InvalidValueError, "sparsities must rise within (0, 1), got [0.5, 0.5]"),
        ({"valid": 3}, InvalidTypeError, "valid must be a Split or a pair (x, y), got int in sensitivity()"),
        ({"valid": (np.ones((3, 5)), [0, 1, 2])}, InvalidValueError, "x of valid must have 6 columns, got 5"),
        ({"criterion": Once()}, InvalidValueError, "needs data: pass data=(x, y) or a Split to sensitivity()"),
    ],
)
def test_what_is_refused(network, data, changed, error, says):
    given_ = {"network": network, "criterion": mp.Magnitude(), "valid": data, "loss": LOSS} | changed
    with pytest.raises(error) as caught:
        mp.sensitivity(given_.pop("network"), given_.pop("criterion"), given_.pop("valid"), **given_)
    assert says in str(caught.value)
