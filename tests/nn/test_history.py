"""A history as it is shown, and as it is made."""

import pytest

from minprune import InvalidTypeError
from minprune.nn.history import History


def history(epochs, **more):
    made = History(**more)
    for epoch in range(1, epochs + 1):
        made.add(epoch=epoch, loss=1 / epoch)
    return made


HEAD = """\
epoch      loss
───────────────
1             1
2           0.5
3       0.33333
4          0.25
5           0.2
"""
SEVEN = """\
6       0.16667
7       0.14286
"""
EIGHT = """\
8         0.125
9       0.11111
10          0.1
11     0.090909
12     0.083333"""


def test_up_to_twelve_epochs_are_shown_one_by_one():
    assert repr(history(12)) == "History of 12 epochs\n" + HEAD + SEVEN + EIGHT


def test_of_more_the_first_and_the_last_five():
    thirteen = EIGHT.partition("\n")[2] + "\n13     0.076923"
    assert repr(history(13)) == "History of 13 epochs\n" + HEAD + "…             …\n" + thirteen
    fourteen = thirteen.partition("\n")[2] + "\n14     0.071429"
    assert repr(history(14)) == "History of 14 epochs\n" + HEAD + "…             …\n" + fourteen


@pytest.mark.parametrize(
    ("more", "title"),
    [
        ({}, "History of 1 epoch"),
        ({"best_epoch": 1}, "History of 1 epoch, best epoch 1 restored"),
        ({"stopped": "stopped by a callback"}, "History of 1 epoch, stopped by a callback"),
        ({"best_epoch": 1, "stopped": "why"}, "History of 1 epoch, best epoch 1 restored, why"),
    ],
)
def test_the_title_says_how_it_ended(more, title):
    assert repr(history(1, **more)).partition("\n")[0] == title


def test_a_new_history_is_empty_and_shares_nothing_with_another():
    one, other = History(), History()
    assert (one.columns, one.best_epoch, one.stopped, len(one)) == ({}, None, "", 0)
    one.add(loss=1.0)
    assert other.columns == {}
    assert len(one) == 0  # it is the epochs that count


def test_columns_are_copied_when_they_are_handed_out():
    made = history(2)
    made.to_dict()["loss"].append(3.0)
    assert made["loss"] == [1.0, 0.5]


@pytest.mark.parametrize("value", ["low", None, True, [1.0]])
def test_what_is_no_number_is_refused_and_nothing_of_its_row_is_added(value):
    made = history(2)
    with pytest.raises(InvalidTypeError) as caught:
        made.add(epoch=3, loss=value)
    assert str(caught.value) == f"loss must be a number, got {type(value).__name__} {value!r} in add()"
    assert made.columns == history(2).columns
