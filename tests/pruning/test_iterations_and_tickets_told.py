"""What pruning in rounds shows: tables, bars, what holds when nothing is said, and refusals to the letter."""

import io

import numpy as np
import pytest

import minprune as mp
from minprune.pruning import iterations, tickets

LOSS = mp.SoftmaxCrossEntropy()


def _data(rows=40):
    x = np.random.default_rng(0).standard_normal((rows, 4))
    return x, (x[:, 0] * x[:, 1] > 0).astype(int)


def _network():
    return mp.Network.mlp([4, 8, 6, 2], rng=1)  # 32 + 48 + 12 = 92 weights


def _prune(**asked):
    asked = {"sparsity": 0.75, "rounds": 2, "train": lambda network: None} | asked
    return mp.prune_iteratively(_network(), mp.Magnitude(), **asked)


def _ticket(**asked):
    asked = {"train": _data(), "sparsity": 0.75, "rounds": 2, "epochs": 2, "optimizer": mp.SGD(0.1), "rng": 3} | asked
    return mp.lottery_ticket(_network(), asked.pop("train"), loss=LOSS, **asked)


@pytest.mark.parametrize("shown", [None, False])
def test_the_bar_of_pruning_in_rounds(seen, shown):
    told = seen(iterations)
    _prune(progress=shown)
    assert told == [((2, "pruning and training"), {"shown": shown}), "50.0 % pruned", "75.0 % pruned"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_no_bar_is_shown_but_its_own(monkeypatch):
    for shown, expected in ((False, ""), (True, "lottery ticket")):
        monkeypatch.setattr("sys.stderr", terminal := Terminal())
        _ticket(rounds=1, progress=shown)
        assert expected in terminal.getvalue()
        assert "training" not in terminal.getvalue()
        assert bool(expected) == bool(terminal.getvalue())


def test_an_earlier_ticket_has_its_controls():
    ticket = _ticket(rounds=2, epochs=1)
    earlier = ticket.at(1)
    assert earlier.reinitialised(rng=0).kept == earlier.shuffled(rng=0).kept == earlier.network.kept == 46
    assert earlier.dense.kept == 92


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"train": 3}, "train must be a Split or a pair (x, y), got int in lottery_ticket()"),
        ({"progress": 1}, "progress must be True, False or None, got 1 in lottery_ticket()"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0 in lottery_ticket()"),
        ({"epochs": 0}, "epochs must be at least 1, got 0 in lottery_ticket()"),
        ({"rounds": 0}, "rounds must be at least 1, got 0 in lottery_ticket()"),
        ({"rewind_to": -1}, "rewind_to must be at least 0, got -1 in lottery_ticket()"),
        ({"callbacks": 3}, "callbacks must be a sequence, got 3 in fit()"),
        ({"rng": "x"}, "rng must be a Generator, a seed or None, got str 'x' in lottery_ticket()"),
        ({"optimizer": 3}, "optimizer must be an Optimizer, got int 3 in lottery_ticket()"),
        ({"min_keep": -1}, "min_keep must be at least 0, got -1 in lottery_ticket()"),
        (
            {"Valid": 3},
            "lottery_ticket() takes no 'Valid'; did you mean 'valid'? Known: penalty, valid, patience, callbacks, "
            "sample_weight",
        ),
    ],
)
def test_what_no_ticket_is_made_of(asked, says):
    with pytest.raises(mp.MinpruneError) as caught:
        _ticket(**asked)
    assert str(caught.value) == says


@pytest.mark.parametrize("shown", [None, False])
def test_the_bar_of_a_ticket(seen, shown):
    told = seen(tickets)
    _ticket(progress=shown, batch_size=20, rewind_to=1)
    assert told[0] == ((4 + 2 * 3, "lottery ticket"), {"shown": shown})
    assert told[1:] == ["dense"] * 4 + ["round 1/2"] * 3 + ["round 2/2"] * 3


def test_only_the_one_bar_is_shown(capsys):
    _ticket(progress=True, rounds=1)
    shown = capsys.readouterr().err
    assert "lottery ticket" in shown
    assert "training" not in shown


def test_the_table_of_rounds_that_told_different_things():
    history = mp.History()
    history.add(epoch=1, loss=0.123456)
    results = iter([history, 2, 1e-7, "good", mp.History()])
    rounds = _prune(rounds=5, train=lambda network: next(results))
    assert repr(rounds).splitlines() == [
        "Pruned in 5 rounds: Magnitude() · Global() · Unstructured() to 75.0 %",
        "round  sparsity  kept     loss  result",
        "──────────────────────────────────────",
        "1        23.9 %    70  0.12346",
        "2        42.4 %    53                2",
        "3        56.5 %    40            1e-07",
        "4        67.4 %    30",
        "5        75.0 %    23",
    ]


def test_the_table_of_a_ticket():
    ticket = _ticket(rounds=1, epochs=1, valid=_data(), optimizer=mp.SGD(1e-30))
    losses = [f"{r.history['loss'][0]:.5g}" for r in ticket.rounds]
    right = [f"{r.history['valid_accuracy'][0]:.5g}" for r in ticket.rounds]
    assert repr(ticket).splitlines() == [
        "Ticket, 75.0 % pruned, rewound to step 0",
        "round  sparsity  kept     loss  valid_loss  valid_accuracy",
        "──────────────────────────────────────────────────────────",
        f"0         0.0 %    92  {losses[0]:>7}  {losses[0]:>10}  {right[0]:>14}",
        f"1        75.0 %    23  {losses[1]:>7}  {losses[1]:>10}  {right[1]:>14}",
    ]


def test_what_holds_when_nothing_is_said():
    """Down to one weight a layer, of the initial weights, in batches of 128."""
    left = _prune(sparsity=89 / 92, rounds=1).network
    assert (left.kept, left.dense[2].weight.kept) == (3, 1)
    ticket = _ticket(sparsity=89 / 92, rounds=1, epochs=1)
    assert (ticket.network.kept, ticket.rewound_to) == (3, 0)
    for batch_size, last in (({}, 1), ({"batch_size": 64}, 2)):
        with pytest.raises(mp.InvalidValueError) as caught:
            _ticket(train=_data(129), epochs=1, rewind_to=3, **batch_size)
        assert str(caught.value) == f"rewind_to must be at most {last}, got 3 in lottery_ticket()"


def test_a_round_is_near_enough_at_0_02():
    ticket = _ticket(rounds=1, epochs=1)
    assert ticket.at(0.02).rounds[-1].number == 0
    for call, asked, says in (
        (ticket.at, 0.021, "which must be within 0.02 of a round's sparsity (0.000, 0.750), got 0.021 in at()"),
        (_prune().at, 0.6, "which must be within 0.02 of a round's sparsity (0.500, 0.750), got 0.6 in at()"),
        (_prune().at, 3, "which must be at most 2, got 3 in at()"),
        (_prune().at, 1.5, "which must be in [0, 1], got 1.5 in at()"),
    ):
        with pytest.raises(mp.InvalidValueError) as caught:
            call(asked)
        assert str(caught.value) == says


def test_a_ticket_rewound_to_where_the_training_never_came():
    with pytest.raises(mp.InvalidValueError) as caught:
        _ticket(batch_size=8, rewind_to=7, callbacks=[lambda network, history: True])
    assert str(caught.value) == "rewind_to must be a step of the training, got 7, before which it stopped"


def test_a_control_of_a_layer_with_nothing_left_has_nothing_there():
    network = _network()
    network.parameters["dense2.weight"].mask = np.zeros((8, 6), bool)
    ticket = mp.lottery_ticket(
        network, _data(), sparsity=0.75, rounds=1, loss=LOSS, optimizer=mp.SGD(0.1), epochs=1, rng=0
    )
    for control in (ticket.reinitialised(rng=0), ticket.shuffled(rng=0)):
        assert control.kept == ticket.network.kept == 23
        assert not control.dense[1].weight.value.any()
