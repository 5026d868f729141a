"""Which rate is tried next, and which is the highest that kept the budget."""

import numpy as np
import pytest

from minprune.study.rates import confirmed, next_rate
from minprune.study.serving import Served


def run(rate, late):
    arrived = np.arange(100.0)
    return Served(rate, arrived, arrived, arrived + np.where(np.arange(100) < late, 2.0, 1.0), 200.0)


@pytest.mark.parametrize(
    ("computed", "tried", "rate"),
    [
        (1000.0, [], 1000.0),
        (0.0, [], None),  # a single answer takes too long already
        (1000.0, [(1000.0, 1)], 1100.0),
        (1000.0, [(1000.0, 1), (1100.0, 0)], 1331.0),  # in longer and longer steps
        (1000.0, [(1000.0, 1), (1100.0, 0), (1331.0, 0)], 1331.0 * 1.1**4),
        (1000.0, [(1000.0, 1), (1331.0, 2)], 1000 * 1.331**0.5),
        (1000.0, [(1000.0, 2), (1100.0, 0)], 1331.0),  # a run that failed below one that did not says nothing
        (1000.0, [(1000.0, 1), (1100.0, 2)], None),
        (1000.0, [(1000.0, 1), (1101.0, 2)], None),
        (1000.0, [(1000.0, 1), (1101.001, 2)], 1000 * 1.101001**0.5),
        (1100.0, [(1100.0, 2)], 1000.0),
        (1331.0, [(1331.0, 2), (1210.0, 9)], 1000.0),
        (1100.0, [(1100.0, 2), (1000.0, 0)], None),
    ],
)
def test_rates_are_tried_upwards_while_the_budget_is_kept_downwards_until_it_is_and_then_in_between(
    computed, tried, rate
):
    found = next_rate(computed, [run(*one) for one in tried], 1.5)
    assert found == (None if rate is None else pytest.approx(rate))


def test_the_highest_rate_is_of_the_runs_in_which_99_in_a_hundred_were_in_time():
    runs = [run(900.0, 1), run(1000.0, 1), run(1100.0, 2)]
    assert confirmed(runs, 1.5) == 1000.0
    assert confirmed(runs, 2.5) == 1100.0
    assert confirmed(runs, 1.0) == 1000.0  # an answer in just that time is in time
    assert confirmed(runs, 0.5) is None
    assert confirmed([], 1.5) is None
