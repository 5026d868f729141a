"""Lottery tickets: rewound to the bit, trained on the same batches, with controls that change one thing each."""

import numpy as np
import pytest
from generators import digest
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import BudgetError, InvalidTypeError, InvalidValueError
from minprune.pruning.iterations import found
from minprune.pruning.patterns import NM
from minprune.pruning.schedules import Geometric, Linear
from minprune.pruning.tickets import Ticket, TicketRound, lottery_ticket

LOSS = mp.SoftmaxCrossEntropy()


def _data(rows=40):
    draws = np.random.default_rng(0)
    x = draws.standard_normal((rows, 4))
    return x, (x[:, 0] * x[:, 1] > 0).astype(int)


def _network(**options):
    return mp.Network.mlp([4, 8, 6, 2], rng=1, **options)  # 32 + 48 + 12 = 92 weights


def _recipe(**asked):
    """Five epochs of five steps, unless asked otherwise; every call with an optimizer that has heard of nothing."""
    lr = mp.CosineDecay(0.3)
    return {"loss": LOSS, "optimizer": mp.SGD(lr, momentum=0.9), "epochs": 5, "batch_size": 8, "rng": 3} | asked


def _ticket(network=None, **asked):
    settings = {"sparsity": 0.8, "rounds": 3} | _recipe() | asked
    return lottery_ticket(_network() if network is None else network, _data(), **settings)


def by_hand(network, rounds, rewind_to, sparsity):
    """The recipe of the paper, step by step: returns the masks of each round and the weights of step k."""
    whole, weights = network.copy(), None

    class Keep:
        def before_step(self, net, step):
            nonlocal weights
            if step == rewind_to:
                weights = {name: p.value.copy() for name, p in net.parameters.items()}

    mp.fit(whole, _data(), callbacks=[Keep()], **_recipe())
    masks, trained = [], whole
    for r in range(1, rounds + 1):
        kept = network.weights - round((1 - (1 - sparsity) ** (r / rounds)) * network.weights)
        weights_left = enumerate(trained.prunable.values())
        alive = [(abs(p.value[at]), k, at) for k, p in weights_left for at in np.ndindex(p.shape) if p.mask[at]]
        go = sorted(alive)[: len(alive) - kept]
        masks.append({name: p.mask.copy() for name, p in trained.prunable.items()})
        for _, k, at in go:
            masks[-1][list(masks[-1])[k]][at] = False
        trained = network.copy()
        for name, p in trained.parameters.items():
            p.value = weights[name]
            p.mask = masks[-1].get(name, p.mask)
        mp.fit(trained, _data(), start=rewind_to, **_recipe())
    return masks, weights, whole, trained


@pytest.mark.parametrize("rewind_to", [0, 7])
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_the_recipe_of_the_paper_bit_for_bit(rewind_to, dropout):
    network = _network(dropout=dropout)
    before = digest(network)
    ticket = _ticket(network, rewind_to=rewind_to)
    assert digest(network) == before
    masks, weights, whole, trained = by_hand(network, 3, rewind_to, 0.8)
    assert digest(ticket.rounds[0].trained) == digest(whole)
    for r, expected in enumerate(masks, 1):
        for name, mask in expected.items():
            np.testing.assert_array_equal(ticket.at(r).masks[name], mask)
    assert digest(ticket.trained) == digest(trained)
    for name, p in ticket.dense.parameters.items():
        np.testing.assert_array_equal(p.value, weights[name])


@given(st.integers(0, 24), st.integers(1, 3), st.floats(0, 0.9), st.integers(0, 2**16))
def test_rewind_exact(rewind_to, rounds, sparsity, seed):
    """A ticket is the weights of step k × its mask, bit for bit and +0.0 elsewhere, with fresh optimizer state."""
    ticket = _ticket(rewind_to=rewind_to, rounds=rounds, sparsity=sparsity, epochs=5, rng=seed)
    rewound = _network()
    if rewind_to:  # the run up to there, by a training that ends before the step is taken

        class Stop:
            def before_step(self, net, step):
                if step == rewind_to:
                    raise StopIteration

        with pytest.raises(StopIteration):
            mp.fit(rewound, _data(), callbacks=[Stop()], **_recipe(rng=seed))
    network = ticket.network
    assert network.weights - network.kept == round(sparsity * 92)
    for name, p in network.parameters.items():
        expected = np.where(p.mask, rewound.parameters[name].value, np.float32(0))
        assert p.value.tobytes() == expected.tobytes()
        assert not p.states
    assert not any(p.is_masked for p in ticket.dense.parameters.values())


def test_training_the_ticket_again_gives_what_its_training_gave():
    ticket = _ticket(rewind_to=6)
    network = ticket.network
    history = mp.fit(network, _data(), start=ticket.rewound_to, **_recipe())
    assert digest(network) == digest(ticket.trained)
    assert history["loss"] == ticket.rounds[-1].history["loss"]
    assert digest(network) != digest(ticket.network)  # which is made anew


def test_rounds_go_down_by_the_same_share_and_each_is_a_ticket():
    ticket = _ticket(rounds=4, sparsity=0.9375)
    assert [r.number for r in ticket.rounds] == [0, 1, 2, 3, 4]
    kept = [r.trained.kept for r in ticket.rounds]
    assert kept == [92, 46, 23, 92 - round((1 - 0.125) * 92), 92 - round(0.9375 * 92)]
    assert all(len(r.history) == 5 for r in ticket.rounds)
    for which, number in ((2, 2), (0.5, 1), (0.76, 2), (0.0, 0), (np.int64(3), 3), (1, 1)):
        earlier = ticket.at(which)
        assert (earlier.rounds[-1].number, earlier.network.kept) == (number, kept[number])
        assert earlier.trained is ticket.rounds[number].trained
        assert earlier.rewound_to == ticket.rewound_to == 0
    for name, mask in ticket.masks.items():
        assert not (mask & ~ticket.at(1).masks[name]).any()  # what is gone stays gone
        with pytest.raises(ValueError, match="read-only"):
            mask[...] = True
    linear = _ticket(rounds=4, sparsity=0.8, schedule=Linear())
    assert [r.trained.kept for r in linear.rounds] == [92 - round(0.8 * k / 4 * 92) for k in range(5)]


@given(st.integers(0, 2**16))
def test_shuffle_control(seed):
    """As many weights in each layer, at other places, with the weights of step k."""
    ticket = TICKET
    control = ticket.shuffled(rng=seed)
    moved = 0
    for name, p in control.parameters.items():
        mask = ticket.masks.get(name, np.ones(p.shape, bool))
        assert p.mask.sum() == mask.sum()
        moved += int((p.mask & ~mask).sum())
        assert p.value.tobytes() == np.where(p.mask, ticket.dense.parameters[name].value, np.float32(0)).tobytes()
    assert moved > 0
    assert digest(control) == digest(ticket.shuffled(rng=seed))


def test_the_reinitialised_control_has_the_masks_and_new_weights_of_the_same_size():
    network = mp.Network.mlp([60, 50, 40], activation="tanh", rng=0)
    network.parameters["dense1.bias"].value = np.full(50, 0.25)
    x, y = np.random.default_rng(0).standard_normal((20, 60)), np.arange(20)
    ticket = lottery_ticket(network, (x, y), sparsity=0.5, rounds=1, rewind_to=2, **_recipe())
    control = ticket.reinitialised(rng=5)
    for name, p in control.prunable.items():
        np.testing.assert_array_equal(p.mask, ticket.masks[name])
        first = network.parameters[name].value
        assert not (p.value == first)[p.mask].any()
        assert p.value[p.mask].std() == pytest.approx(first.std(), rel=0.1)
        assert p.dtype == np.float32
    np.testing.assert_array_equal(control.parameters["dense1.bias"].value, 0.25)  # as at first, not as at step 2
    draws = np.random.default_rng(5)
    for name, p in control.prunable.items():
        first = network.parameters[name].value.astype(np.float64)
        drawn = draws.standard_normal(p.shape, np.float32) * np.float32(np.sqrt(np.mean(first**2)))
        np.testing.assert_array_equal(p.value, drawn * p.mask)
    assert digest(control) == digest(ticket.reinitialised(rng=5))
    assert digest(control) != digest(ticket.reinitialised(rng=6))


def test_a_network_that_is_sparse_already_goes_on_from_there():
    network = mp.plan(_network(), mp.Random(rng=0), sparsity=0.5).apply(_network())
    ticket = _ticket(network, rounds=2, sparsity=0.875)
    assert [r.trained.kept for r in ticket.rounds] == [46, 23, 92 - round(0.875 * 92)]
    for made in (ticket.network, ticket.shuffled(rng=0), ticket.reinitialised(rng=0)):
        for name, p in made.prunable.items():
            assert not (p.mask & ~network.parameters[name].mask).any()
            assert p.kept == ticket.masks[name].sum()


@pytest.mark.parametrize(
    ("parts", "sparsities"),
    [
        ({"criterion": mp.GradientMagnitude(LOSS), "sparsity": 0.75}, [0, 0.5, 0.75]),
        ({"allocation": mp.PerLayer({"dense1": 0.75}), "sparsity": None}, [0, 16 / 92, 24 / 92]),
        ({"pattern": NM(1, 2), "sparsity": None}, [0, 1 - 65 / 92, 0.5]),
        ({"pattern": mp.Neurons(), "sparsity": 0.5}, None),
    ],
)
def test_tickets_of_other_kinds(parts, sparsities):
    ticket = _ticket(rounds=2, schedule=Geometric(), **parts)
    if sparsities is not None:
        assert [r.sparsity for r in ticket.rounds] == pytest.approx(sparsities)
    else:
        bias = ticket.masks["dense1.bias"]
        np.testing.assert_array_equal(ticket.masks["dense1.weight"].any(axis=0), bias)
        np.testing.assert_array_equal(ticket.network.parameters["dense1.bias"].mask, bias)


def test_options_of_fit_go_through():
    seen = []
    ticket = _ticket(
        rounds=1, valid=_data(), patience=50, penalty=mp.L2(1e-3), sample_weight=np.ones(40),
        callbacks=[lambda net, history: seen.append(len(history))],
    )  # fmt: skip
    assert seen == [1, 2, 3, 4, 5] * 2
    assert {"penalty", "valid_accuracy"} <= set(ticket.rounds[1].history.to_dict())
    assert ticket.rounds[0].history.best_epoch is not None


def test_a_generator_gives_every_training_the_same_numbers():
    draws = np.random.default_rng(3)
    assert digest(_ticket(rng=draws).trained) == digest(_ticket(rng=3).trained)
    assert draws.random() == np.random.default_rng(3).random()  # it is left as it was


def test_the_bar_counts_all_steps(monkeypatch):
    from minprune.pruning import tickets

    bars = []

    class Seen(tickets.Progress):
        def __exit__(self, *exc):
            bars.append((self.done, self.total))

    monkeypatch.setattr(tickets, "Progress", Seen)
    _ticket(rounds=2, rewind_to=5)
    assert bars == [(25 + 2 * 20, 25 + 2 * 20)]


def test_repr():
    lines = repr(TICKET).splitlines()
    assert lines[0] == "Ticket, 80.4 % pruned, rewound to step 4"
    assert lines[1].split() == ["round", "sparsity", "kept", "loss"]
    assert [line.split()[:4] for line in lines[3:]] == [
        ["0", "0.0", "%", "92"], ["1", "41.3", "%", "54"], ["2", "66.3", "%", "31"], ["3", "80.4", "%", "18"],
    ]  # fmt: skip
    assert repr(TICKET.rounds[2]) == "TicketRound(2, 66.3 % pruned)"


TICKET = _ticket(rewind_to=4)


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"network": 3}, InvalidTypeError, r"network must be a Network, got int 3 in lottery_ticket\(\)"),
        ({"sparsity": None}, InvalidValueError, r"sparsity must be given, got None in lottery_ticket\(\)"),
        ({"sparsity": 1}, InvalidValueError, r"sparsity must be in \[0, 1\), got 1 in lottery_ticket\(\)"),
        ({"rounds": 0}, InvalidValueError, r"rounds must be at least 1, got 0 in lottery_ticket\(\)"),
        ({"rewind_to": 25}, InvalidValueError, r"rewind_to must be at most 24, got 25 in lottery_ticket\(\)"),
        ({"rewind_to": 0.1}, InvalidTypeError, r"rewind_to must be a whole number, got float 0.1 in lottery_ticket"),
        ({"criterion": 3}, InvalidTypeError, r"criterion must be a Criterion, got 3 in lottery_ticket\(\)"),
        ({"loss": "mse"}, InvalidTypeError, r"loss must be a Loss, got str 'mse' in lottery_ticket\(\)"),
        ({"epochs": 0}, InvalidValueError, r"epochs must be at least 1, got 0 in lottery_ticket\(\)"),
        ({"min_keep": 20}, BudgetError, "at most"),
        ({"penality": None}, InvalidTypeError, r"lottery_ticket\(\) takes no 'penality'; did you mean 'penalty'"),
        ({"start": 3}, InvalidTypeError, r"lottery_ticket\(\) takes no 'start'"),
        ({"pruner": None}, InvalidTypeError, r"lottery_ticket\(\) takes no 'pruner'"),
    ],
)
def test_bad_input_is_refused_before_any_training(asked, error, says):
    asked = {"network": _network(), "callbacks": [pytest.fail]} | asked
    with pytest.raises(error, match=says):
        _ticket(**asked)


def test_rewinding_to_where_the_training_never_came_is_refused():
    with pytest.raises(InvalidValueError, match="rewind_to must be a step of the training, got 20, before which"):
        _ticket(rewind_to=20, callbacks=[lambda net, history: len(history) == 2])


@pytest.mark.parametrize(
    ("which", "error", "says"),
    [
        (4, InvalidValueError, r"which must be at most 3, got 4 in at\(\)"),
        (-1, InvalidValueError, r"which must be at least 0, got -1 in at\(\)"),
        (
            0.9,
            InvalidValueError,
            r"which must be within 0.02 of a round's sparsity \(0.000, 0.413, 0.663, 0.804\), got",
        ),
        ("0.8", InvalidTypeError, r"which must be a number, got str '0.8' in at\(\)"),
        (True, InvalidTypeError, r"which must be a number, got bool True in at\(\)"),
    ],
)
def test_a_round_that_is_not_there_is_refused(which, error, says):
    assert isinstance(TICKET, Ticket)
    assert isinstance(found(TICKET.rounds, 1), TicketRound)
    with pytest.raises(error, match=says):
        TICKET.at(which)
