"""The functions of minprune's own framework: what each calls, with exactly what, and what comes back."""

from types import SimpleNamespace

import numpy as np
import pytest

import minprune as mp
from minprune.testing import Framework, framework, network
from minprune.testing.cases import digest

NET = network([np.array([[1.0, -2.0], [0.5, 3.0]]), np.ones((2, 2))], biases=[np.ones(2), None])
X, Y = np.array([[1.0, 2.0], [0.5, -1.0], [0.25, 1.0]]), np.array([0, 1, 1])
LOSS = mp.SoftmaxCrossEntropy()
MASK = np.array([[True, False], [True, True]])


def recorded(monkeypatch, name, result=None):
    """Exchange a function that the framework calls, and return the list of what it is called with."""
    calls = []

    def record(*args, **options):
        calls.append((args, options))
        return result

    monkeypatch.setattr(framework, name, record)
    return calls


def test_training_is_two_epochs_with_momentum_of_a_copy_and_quiet(monkeypatch):
    calls = recorded(monkeypatch, "fit")
    result = framework.train(NET, (X, Y), loss=LOSS, seed=3)
    (((trained, data), options),) = calls
    assert trained is result is not NET
    assert digest(result) == digest(NET)
    assert data == (X, Y)
    assert {**options, "optimizer": repr(options["optimizer"])} == {
        "loss": LOSS,
        "optimizer": "SGD(0.05, momentum=0.9)",
        "epochs": 2,
        "batch_size": 2,
        "rng": 3,
        "progress": False,
    }
    framework.train(NET, (X, Y), loss=LOSS)
    assert calls[1][1]["rng"] == 0


def test_training_is_done_under_the_masks_that_are_given():
    before = digest(NET)
    by_hand = NET.copy()
    by_hand.parameters["dense1.weight"].mask = MASK
    optimizer = mp.SGD(0.05, momentum=0.9)
    mp.fit(by_hand, (X, Y), loss=LOSS, optimizer=optimizer, epochs=2, batch_size=2, rng=3, progress=False)
    trained = framework.train(NET, (X, Y), loss=LOSS, masks={"dense1.weight": MASK}, seed=3)
    assert [p.value.tolist() for p in trained.parameters.values()] == [
        p.value.tolist() for p in by_hand.parameters.values()
    ]
    assert trained.parameters["dense1.weight"].mask.tolist() == MASK.tolist()
    assert digest(NET) == before


def test_a_ticket_is_half_of_the_weights_found_in_two_rounds_of_one_epoch_and_quiet(monkeypatch):
    found = SimpleNamespace(network=network([MASK * 1.0]))
    calls = recorded(monkeypatch, "lottery_ticket", found)
    assert framework.ticket(NET, (X, Y), loss=LOSS, seed=4) is found.network
    (((net, data), options),) = calls
    assert net is NET
    assert data == (X, Y)
    assert {**options, "optimizer": repr(options["optimizer"])} == {
        "sparsity": 0.5,
        "rounds": 2,
        "min_keep": 0,
        "loss": LOSS,
        "optimizer": "SGD(0.05, momentum=0)",
        "epochs": 1,
        "rng": 4,
        "progress": False,
    }
    framework.ticket(NET, (X, Y), loss=LOSS)
    assert calls[1][1]["rng"] == 0


def test_a_ticket_really_is_one():
    assert framework.ticket(NET, (X, Y), loss=LOSS).sparsity == 0.5


def test_a_mask_is_set_in_place_and_the_sparsity_is_the_networks():
    net = NET.copy()
    assert framework.set_mask(net, "dense1.weight", MASK) is None
    assert net.parameters["dense1.weight"].mask.tolist() == MASK.tolist()
    assert framework.sparsity(net) == net.sparsity == 1 / 8


def test_a_copy_is_an_equal_network_of_its_own():
    twin = framework.copied(NET)
    assert twin is not NET
    assert digest(twin) == digest(NET)


def test_gradients_are_those_of_the_loss_and_leave_the_network_alone():
    before = digest(NET)
    found = framework.gradients(NET, LOSS, X, Y)
    assert digest(NET) == before
    net = NET.copy()
    net.backward(LOSS.value_and_gradient(net(X), Y)[1])
    assert {name: g.tolist() for name, g in found.items()} == {n: p.grad.tolist() for n, p in net.parameters.items()}
    assert list(found) == ["dense1.weight", "dense1.bias", "dense2.weight"]


def test_a_file_may_be_there_already_and_is_read_back(tmp_path):
    path = tmp_path / "n.safetensors"
    net = NET.copy()
    framework.set_mask(net, "dense1.weight", MASK)
    for saved in (NET, net):
        framework.save(saved, path)
    assert [p.mask.tolist() for p in framework.load(path).prunable.values()] == [
        p.mask.tolist() for p in net.prunable.values()
    ]


# the table of them

OWN = {
    "sparsity": framework.sparsity,
    "set_mask": framework.set_mask,
    "compose": mp.compose,
    "shuffled": mp.pruning.masks.shuffled,
    "copy": framework.copied,
    "gradients": framework.gradients,
    "train": framework.train,
    "ticket": framework.ticket,
    "compact": mp.compact,
    "analyze": mp.analyze,
    "save": framework.save,
    "load": framework.load,
}


def mine(network):
    return network


def test_what_is_not_given_is_minprunes():
    assert vars(Framework()) == OWN
    assert Framework().own == {}


@pytest.mark.parametrize("name", OWN)
def test_what_is_given_stands_in_the_repr(name):
    changed = Framework(**{name: mine})
    assert changed.own == {name: mine}
    assert repr(changed) == f"Framework({name}=mine)"


def test_a_framework_shows_all_that_is_not_minprunes_in_order():
    assert repr(Framework()) == "Framework()"
    assert repr(Framework(save=mine, copy=mine, load=framework.load)) == "Framework(copy=mine, save=mine)"
    assert Framework(save=framework.save) == Framework()
