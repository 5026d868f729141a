"""The details of a replay's picture: ticks, the ends of axes, labels that are cut, and what is too slow to be drawn."""

import numpy as np
import pytest
from drawing_told import unlaid  # noqa: F401
from test_drawn import ONE, stream

from minprune.study.replay import Highest, Replay
from minprune.study.waiting import _digits, _steps, plot_replay

pytestmark = pytest.mark.usefixtures("unlaid")

NONE = Highest(0.0, (), None)


def drawn(served, highest=None, budget=0.1):
    """Return both panels of a replay of these streams."""
    gaps = np.ones(50)
    highest = {name: (highest or {}).get(name, NONE) for name in served}
    return plot_replay(Replay(10.0, 5.0, budget, served, highest, ONE, gaps)).axes


def texts(axis):
    return [text.get_text() for text in axis.texts]


# by percentile


@pytest.mark.parametrize(
    ("requests", "told", "end"),
    [
        (1, [], 10),
        (2, ["50 %"], 10),
        (10, ["50 %", "90 %"], 10),
        (50, ["50 %", "90 %"], 50),
        (99, ["50 %", "90 %"], 99),
        (100, ["50 %", "90 %", "99 %"], 100),
        (999, ["50 %", "90 %", "99 %", "99.9 %"], 1000),  # as good as a thousand
        (10_000, ["50 %", "90 %", "99 %", "99.9 %", "99.99 %"], 10_000),
    ],
)
def test_ticks_go_to_the_rarest_that_so_many_requests_can_tell(requests, told, end):
    above, _ = drawn({"a": stream(10.0, np.full(requests, 0.01))})
    assert [tick.get_text() for tick in above.get_xticklabels()] == told
    np.testing.assert_allclose(above.get_xticks(), [1 / (1 - float(share[:-2]) / 100) for share in told])
    assert above.get_xlim() == pytest.approx((1, end))
    assert not len(above.get_xticks(minor=True))
    assert not len(above.get_yticks(minor=True))


@pytest.mark.parametrize(
    ("share", "digits"), [(0.5, 0), (0.9, 0), (0.99, 0), (0.999, 1), (0.9999, 2), (0.99999, 3), (0.999999, 4)]
)
def test_a_share_has_as_many_digits_as_it_needs(share, digits):
    assert _digits(share) == digits


def test_the_model_with_the_most_requests_sets_the_end_and_those_not_answered_count():
    few, more = stream(10.0, np.full(20, 0.01)), stream(10.0, np.full(20, 0.01), unanswered=40)
    for served in ({"few": few, "more": more}, {"more": more, "few": few}):
        above, _ = drawn(served)
        assert above.get_xlim() == (1, 60)


@pytest.mark.parametrize("n", [1, 2, 3, 100, 5000])
def test_the_curve_begins_at_the_fastest_and_ends_at_the_slowest_with_no_more_points_than_can_be_seen(n):
    x, y = _steps(np.arange(n, 0, -1.0))
    assert (x[0], x[-1], y[0], y[-1]) == (1, n, 1, n)
    assert np.all(np.diff(x) > 0)
    assert len(x) == min(n, len(x)) <= 800
    np.testing.assert_allclose(x, n / (n - (y - 1)))  # y - 1 of them were faster
    if n == 5000:
        assert len(x) > 400
        assert np.max(np.diff(np.log(x))) < np.log(2.01)  # at the slow end each is drawn


def test_marks_stand_only_where_a_percentile_is_known():
    [line, marks, *_] = drawn({"a": stream(10.0, np.linspace(0.01, 0.05, 20), unanswered=1)})[0].lines
    assert line.get_marker() == ""
    assert marks.get_xdata() == pytest.approx([2, 10])
    assert marks.get_linestyle() == "None"


def test_times_that_hardly_differ_are_drawn_without_a_warning():
    above, _ = drawn({"a": stream(10.0, np.array([0.01, np.nextafter(0.01, 1)]))})
    assert above.get_ylim() == pytest.approx((0.01 / 1.5, 0.2))


# labels


def test_labels_are_cut_at_sixteen_letters_above_and_at_fourteen_below():
    names = ["fourteen lette", "fifteen letters", "sixteen letters.", "seventeen letters"]
    above, below = drawn({name: stream(10.0, np.full(20, 0.01)) for name in names})
    cut = ["fifteen letters", "sixteen letters.", "sevente… letters"]
    assert texts(above) == [*(f"{name} 10.0 ms" for name in [names[0], *cut]), "budget 100 ms"]
    cut = ["fifte… letters", "sixte…letters.", "seven… letters"]
    assert texts(below) == [*(f"{name} none" for name in [names[0], *cut]), "budget 100 ms"]


def test_a_label_says_that_the_slowest_was_not_answered_at_all():
    late = stream(10.0, np.full(20, 3.0), unanswered=30)
    above, _ = drawn({"late": late, "few": stream(10.0, np.full(20, 0.01))})
    assert texts(above) == ["late 3.00 s or more", "few 10.0 ms", "budget 100 ms"]


# by rate


def test_all_that_is_measured_and_computed_lies_between_the_ends_of_the_axis_of_rates():
    fast, slow = stream(10.0, np.full(20, 0.001)), stream(10.0, np.full(20, 0.02))
    capacities = {"fast": 1 / fast.occupied.mean(), "slow": 1 / slow.occupied.mean()}
    for served in ({"fast": fast, "slow": slow}, {"slow": slow, "fast": fast}):
        _, below = drawn(served)
        assert below.get_xlim() == pytest.approx((0.03 * capacities["slow"], 1.15 * capacities["fast"]))
        lines = [line for line in below.lines if len(line.get_xdata()) == 60]
        for name, line in zip(served, lines, strict=True):
            ends = line.get_xdata()[[0, -1]]
            assert ends == pytest.approx([0.03 * capacities["slow"], 0.995 * capacities[name]])
    beyond = Highest(10.0, (stream(5000.0, np.full(20, 0.001)), stream(10.0, np.full(20, 0.001))), 10.0)
    _, below = drawn({"slow": slow, "fast": fast}, {"fast": beyond})
    assert below.get_xlim()[1] == pytest.approx(1.15 * 5000)


def test_a_run_is_drawn_no_higher_than_five_budgets_or_the_slowest_at_the_rate_itself():
    quick = stream(10.0, np.full(100, 0.01))
    tried = Highest(20.0, (stream(20.0, np.full(100, 9.0)), stream(30.0, np.full(100, 0.3))), None)
    _, below = drawn({"a": quick}, {"a": tried})
    marks = [(line.get_xdata()[0], line.get_ydata()[0]) for line in below.lines if len(line.get_xdata()) == 1]
    np.testing.assert_allclose(marks, [(10, 0.01), (20, 0.5), (30, 0.3)])
    assert below.get_ylim()[1] == pytest.approx(2 * 0.5)
    slow = stream(10.0, np.full(100, 0.7))
    for served in ({"a": quick, "slow": slow}, {"slow": slow, "a": quick}):
        _, below = drawn(served, {"a": tried})
        marks = [line.get_xydata()[0] for line in below.lines if len(line.get_xdata()) == 1]
        assert max(y for _, y in marks) == pytest.approx(0.7)
        assert below.get_ylim()[1] == pytest.approx(2 * 0.7)


@pytest.mark.parametrize(("budget", "low", "high"), [(0.1, 0.02, 0.2), (0.01, 0.01, 0.1), (9.0, 0.02, 18.0)])
def test_the_axis_of_times_has_the_budget_and_all_times_on_it(budget, low, high):
    above, below = drawn({"a": stream(10.0, np.linspace(0.02, 0.05, 20))}, budget=budget)
    assert above.get_ylim() == pytest.approx((low / 1.5, high))
    for axis in (above, below):
        [grey] = axis.patches
        assert (grey.get_y(), grey.get_y() + grey.get_height()) == pytest.approx((budget, axis.get_ylim()[1]))


def test_the_end_of_a_line_that_leaves_the_panel_is_labelled_below_its_top():
    _, below = drawn({"a": stream(10.0, np.full(20, 0.01))})
    *_, label, budget = below.texts
    line = next(line for line in below.lines if len(line.get_xdata()) == 60)
    end = line.get_xydata()[-1]
    assert label.xy == pytest.approx((end[0], min(end[1], below.get_ylim()[1] / 1.4)))
    assert budget.xy == (below.get_xlim()[1], 0.1)
