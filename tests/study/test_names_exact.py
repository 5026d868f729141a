"""Small things to the letter: tasks that are one, names that are none, shares between two ranks."""

from dataclasses import replace

import numpy as np
import pytest
import stories

from minprune import analyze, compare
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.study.queueing import highest_rate, percentile
from minprune.study.runs import run_all


def refused(call):
    with pytest.raises((InvalidTypeError, InvalidValueError)) as caught:
        call()
    return str(caught.value)


def test_tasks_that_are_one_or_have_no_json_are_named():
    assert refused(lambda: run_all(dict, [{"x": 0}, {"x": 1}, {"x": 1}], workers=0)) == (
        "tasks must be different, got {'x': 1} twice in run_all()"
    )
    assert refused(lambda: run_all(dict, [{"x": np.nan}], workers=0)).startswith(
        "tasks must hold values that JSON has, "
    )


def test_a_comparison_names_the_model_that_it_does_not_know_and_all_that_are_masked():
    found = stories.of_customers().comparison
    for name in ("kept_share", "theoretical_speedup"):
        text = refused(lambda name=name: getattr(found, name)("mask"))
        assert text.startswith(
            f"name must be a known name, got 'mask' in {name}(); did you mean 'masked'? Known: dense, "
        )
    assert "multiply by them: masked, dense\n" in repr(replace(found, masked=("masked", "dense")))
    text = refused(lambda: compare({"a": lambda x: x}, 3))
    assert text == "split must be a Split or a pair (x, y), got int in compare()"


def test_paths_beyond_a_quadrillion_are_told_by_their_power_of_ten():
    found = analyze(stories.of_digits().dense)
    assert "999,999,999,999,999 paths" in repr(replace(found, paths=10**15 - 1))
    assert "about 10^15 paths" in repr(replace(found, paths=10**15))


def test_a_percentile_is_the_next_higher_value_where_its_rank_is_between_two():
    values = np.array([4.0, 1.0, 3.0, 2.0])
    assert [percentile(values, share) for share in (0.0, 0.25, 0.26, 0.51, 0.6, 1.0)] == [1, 1, 2, 3, 3, 4]
    assert percentile(np.arange(100.0), 0.29) == 28  # though 0.29 · 100 is a bit below 29
    service = np.where(np.arange(100) < 40, 2.0, 1.0)
    assert highest_rate(service, np.full(100, 1e9), budget=1.5, share=0.5) == 1 / 1.4
    assert highest_rate(service, np.full(100, 1e9), budget=1.5) == 0.0
