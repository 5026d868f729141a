"""Curves of sensitivity: the table to the letter, bars, what is asked of a criterion, and each refusal in full."""

import numpy as np
import pytest

import minprune as mp
from minprune.pruning import sensitivity as module
from minprune.pruning.criteria import Criterion

LOSS = mp.MeanSquaredError()
# One row of ones, and what it shall come to: the loss is (z − 10)², so 0 as it is.
ONE = (np.ones((1, 4)), np.array([[10.0]]))


def _network():
    """Return 4-1-1 with the weights 1, 2, 3, 4 and then 1: it puts out 10."""
    return mp.Network([mp.Dense.from_arrays(w) for w in (np.arange(1.0, 5.0)[:, None], np.array([[1.0]]))])


def _measured(network=None, criterion=None, valid=ONE, **asked):
    network = _network() if network is None else network
    return mp.sensitivity(network, mp.Magnitude() if criterion is None else criterion, valid, loss=LOSS, **asked)


def test_by_hand():
    """Without 1 the loss is 1², without 1 and 2 it is 3², without 1, 2 and 3 it is 6²."""
    curves = _measured(sparsities=(0.25, 0.5, 0.8, 0.9))
    assert curves.base == 0.0
    assert curves.sparsities == {"dense1.weight": (0.0, 0.25, 0.5, 0.75), "dense2.weight": (0.0,)}
    assert curves.losses == {"dense1.weight": (0.0, 1.0, 9.0, 36.0), "dense2.weight": (0.0,)}
    assert repr(curves).splitlines() == [
        "Sensitivity: one layer pruned at a time, Magnitude() · Unstructured(); loss 0.0000 as it was",
        "loss at         0.0 %  25.0 %  50.0 %   75.0 %",
        "──────────────────────────────────────────────",
        "dense1.weight  0.0000  1.0000  9.0000  36.0000",
        "dense2.weight  0.0000",
    ]


def test_of_rows_it_is_the_mean_however_many_go_through_at_a_time():
    draws = np.random.default_rng(0)
    data = (draws.standard_normal((9000, 4)), draws.standard_normal((9000, 1)))
    network = _network()
    z = data[0].astype(network.dtype) @ np.arange(1.0, 5.0)[:, None]
    curves = _measured(network, valid=data, sparsities=(0.5,))
    assert curves.base == pytest.approx(np.mean((z - data[1]) ** 2), rel=1e-6)
    network.dense[0].weight.mask = np.array([[False], [False], [True], [True]])
    assert curves.losses["dense1.weight"][1] == pytest.approx(np.mean((network(data[0]) - data[1]) ** 2), rel=1e-6)


@pytest.mark.parametrize("shown", [None, False])
def test_the_bar(seen, shown):
    told = seen(module)
    _measured(sparsities=(0.5, 0.75, 0.9), progress=shown)
    assert told == [((6, "sensitivity"), {"shown": shown}), *["dense1.weight"] * 3, *["dense2.weight"] * 3]


def test_where_it_is_measured_when_nothing_is_said():
    network = mp.Network([mp.Dense(100, 1, rng=0)])
    curves = _measured(network, valid=(np.ones((2, 100)), np.ones((2, 1))))
    assert curves.sparsities["dense1.weight"] == (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)


class Asks(Criterion):
    """Notes what it is asked with."""

    needs_data = True

    def __init__(self):
        self.asked = []

    def scores(self, network, data=None):
        self.asked.append(("scores", network, data))
        return mp.Magnitude().scores(network)

    def neuron_scores(self, network, data=None):
        self.asked.append(("neuron_scores", network, data))
        return {"inputs": np.arange(4.0), "dense1.weight": np.ones(1)}

    def compensate(self, network, data, masks):
        self.asked.append(("compensate", network, data))
        return {}


def test_a_criterion_is_shown_the_network_and_the_data():
    criterion, network = Asks(), _network()
    curves = _measured(network, criterion, sparsities=(0.5,), data="some", pattern=mp.Neurons(inputs=True))
    assert [what for what, *_ in criterion.asked] == ["scores", "neuron_scores", "compensate", "compensate"]
    assert all(made is network and data == "some" for _, made, data in criterion.asked)
    assert curves.sparsities == {"inputs": (0.0, 0.5), "dense1.weight": (0.0,)}
    assert curves.losses["inputs"] == (0.0, 9.0)


def test_the_loss_is_watched_where_it_is_lost():
    """Of 1e38 and −1e38 the sum is 0; when one goes it is far beyond what can be squared."""
    data = (np.ones((1, 2)), np.array([[0.0]]))
    network = mp.Network([mp.Dense.from_arrays(np.array([[1e38], [-2e38]], np.float32))])
    with pytest.raises(mp.InvalidValueError) as caught:
        _measured(network, valid=data, sparsities=(0.5,))
    assert str(caught.value) == "the loss must be finite, got inf in sensitivity()"
    even = mp.Network([mp.Dense.from_arrays(np.array([[1e38], [-1e38]], np.float32))])
    with pytest.raises(mp.InvalidValueError) as caught:
        _measured(even, valid=data, sparsities=(0.5,))
    assert str(caught.value) == ("the loss must be finite, got inf in sensitivity(), dense1.weight pruned to 0.5")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"network": 3}, "network must be a Network, got int 3 in sensitivity()"),
        ({"criterion": 3}, "criterion must be a Criterion, got 3 in sensitivity()"),
        ({"pattern": 3}, "pattern must be a Pattern, got 3 in sensitivity()"),
        ({"valid": 3}, "valid must be a Split or a pair (x, y), got int in sensitivity()"),
        ({"progress": 1}, "progress must be True, False or None, got 1 in sensitivity()"),
        ({"sparsities": 0.5}, "sparsities must be a sequence of numbers, got 0.5 in sensitivity()"),
        ({"sparsities": np.array(0.5)}, "sparsities must be a sequence of numbers, got array(0.5) in sensitivity()"),
        ({"sparsities": "ab"}, "sparsities must be a sequence of numbers, got 'ab' in sensitivity()"),
        ({"sparsities": []}, "sparsities must be a sequence of numbers, got [] in sensitivity()"),
        ({"sparsities": [0.5, 1.0]}, "sparsities[1] must be in [0, 1), got 1 in sensitivity()"),
        ({"sparsities": [0.0, 0.5]}, "sparsities must rise within (0, 1), got [0.0, 0.5] in sensitivity()"),
        ({"sparsities": [0.5, 0.5]}, "sparsities must rise within (0, 1), got [0.5, 0.5] in sensitivity()"),
        (
            {"criterion": mp.Saliency(LOSS)},
            "Saliency(MeanSquaredError()) needs data: pass data=(x, y) or a Split to sensitivity()",
        ),
    ],
)
def test_what_is_refused(change, says):
    with pytest.raises(mp.MinpruneError) as caught:
        _measured(**change)
    assert str(caught.value) == says
