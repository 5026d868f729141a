"""The details of a sweep's curves: the axis of speed-ups, how far bars reach, and titles."""

import numpy as np
import pytest
from drawing_told import unlaid  # noqa: F401
from test_sweep_records import record

from minprune.errors import InvalidValueError
from minprune.study.plots import plot_sweep
from minprune.study.records import Sweep

pytestmark = pytest.mark.usefixtures("unlaid")


def timed(*speedups, sparsity=0.9, **more):
    """Records of as many seeds as there are speed-ups."""
    return [record(k, 0.8, sparsity=sparsity, speedup=s, batch_size=8, **more) for k, s in enumerate(speedups)]


def against_latency(*records):
    [axis] = plot_sweep(Sweep(tuple(records)), against="latency").axes
    return axis


@pytest.mark.parametrize(
    ("speedups", "told"),
    [
        ((1.6,), "1 1.1 1.2 1.3 1.4 1.6"),
        ((0.62,), "0.6 0.7 0.8 0.9 1"),  # 1 is always there: the dense network's
        ((0.5, 0.7), "0.6 0.8 1"),  # over 1.8 times as much
        ((4.5,), "1 1.5 2 3 4"),
        ((0.3,), "0.3 0.4 0.6 0.8 1"),
        ((4.6,), "1 2"),  # with the room beside it over 5 times
        ((300,), "1 2 5 10 20 50 100 200"),
    ],
)
def test_ticks_of_speedups_are_as_dense_as_they_can_be_read(speedups, told):
    axis = against_latency(*(r for s in speedups for r in timed(s, sparsity=0.5 + s / 1000)))
    assert [tick.get_text() for tick in axis.get_xticklabels()] == [f"{at}×" for at in told.split()]
    np.testing.assert_array_equal(axis.get_xticks(), [float(at) for at in told.split()])
    low, high = axis.get_xlim()
    assert (low, high) == (pytest.approx(min(1, *speedups) / 1.05), pytest.approx(max(1, *speedups) * 1.05))
    assert axis.get_xlabel() == "speed-up over dense, compiled, batch 8 (log scale)"


def test_the_axis_holds_the_bars_of_all_lines():
    wide, narrow = timed(2.0, 6.0), timed(3.0, 3.2, control="small_dense", criterion=None)
    for records in (wide + narrow, narrow + wide):
        low, high = against_latency(*records).get_xlim()
        sd = np.std([2, 6], ddof=1)
        assert high == pytest.approx(1.05 * (4 + sd))
        assert low == pytest.approx(1 / 1.05)
    low, _ = against_latency(*timed(0.5, 0.7, sparsity=0.5), *timed(3.0)).get_xlim()
    assert low == pytest.approx((0.6 - np.std([0.5, 0.7], ddof=1)) / 1.05)


def test_a_bar_that_goes_to_zero_or_below_is_seen_down_to_a_quarter_of_its_middle():
    axis = against_latency(*timed(0.1, 3.5))
    assert axis.get_xlim()[0] == pytest.approx(1.8 / 4 / 1.05)


def test_lines_are_drawn_from_the_least_to_the_most_pruned_whatever_the_order_of_the_records():
    records = [record(0, value, sparsity=s) for s, value in ((0.99, 0.7), (0.5, 0.9), (0.9, 0.8))]
    [axis] = plot_sweep(Sweep(tuple(records))).axes
    np.testing.assert_allclose(axis.lines[0].get_xydata(), [(0.5, 0.9), (0.1, 0.8), (0.01, 0.7)])
    assert [label.xy for label in axis.texts] == [pytest.approx((0.01, 0.7))]


def test_the_axis_of_sparsities_holds_all_lines():
    for first, second in ((0.5, 0.99), (0.99, 0.5)):
        records = record(0, 0.8, sparsity=first), record(0, 0.7, sparsity=second, criterion="movement")
        left, right = plot_sweep(Sweep(records)).axes[0].get_xlim()
        assert left > 0.5 > 0.01 > right


@pytest.mark.parametrize(
    ("against", "metric", "title"),
    [
        ("sparsity", None, "Accuracy against the share of weights pruned"),
        ("latency", None, "Accuracy against the measured speed-up"),
        ("latency", "speedup", "Speedup against the measured speed-up"),
    ],
)
def test_the_title_says_what_is_drawn_against_what(against, metric, title):
    figure = plot_sweep(Sweep(tuple(timed(2.0))), against=against, metric=metric)
    assert figure.get_suptitle() == f"{title}\n(mean ± standard deviation over seeds)"
    assert figure.axes[0].get_ylabel() == (metric or "accuracy")


def test_without_a_dense_network_there_is_no_line_for_it():
    [axis] = plot_sweep(Sweep((record(0, 0.8), record(0, 0.7, sparsity=0.99)))).axes
    assert (len(axis.lines), len(axis.patches)) == (1, 0)
    assert [label.get_text() for label in axis.texts] == ["magnitude"]


def test_where_nothing_that_is_drawn_is_pruned_it_is_refused():
    dense = record(0, 0.8, criterion=None, control="dense", sparsity=0.0, speedup=1.0)
    shuffled = record(0, 0.8, control="shuffled", speedup=1.0)
    for records, how in (
        ([dense], {}),
        ([dense, shuffled], {"controls": False}),
        ([dense, shuffled], {"against": "latency"}),
    ):
        with pytest.raises(InvalidValueError) as caught:
            plot_sweep(Sweep(tuple(records)), **how)
        assert str(caught.value) == "sweep must hold pruned networks, got none that is drawn in plot_sweep()"


def test_one_run_without_a_latency_is_enough_to_refuse_latencies():
    with pytest.raises(InvalidValueError) as caught:
        against_latency(*timed(2.0), record(1, 0.8))
    text = "sweep must hold latencies, got none in plot_sweep(): sweep(…, latency=1) measures them"
    assert str(caught.value) == text


@pytest.mark.parametrize("controls", [True, False])
@pytest.mark.parametrize("against", ["sparsity", "latency"])
def test_controls_are_drawn_where_they_say_something(against, controls):
    kinds = (None, "shuffled", "reinitialised", "random", "small_dense")
    records = [r for control in kinds for r in timed(2.0, control=control, criterion=None if control else "magnitude")]
    [axis] = plot_sweep(Sweep(tuple(records)), against=against, controls=controls).axes
    drawn = [line.get_label() for line in axis.lines if not line.get_label().startswith("_")]
    more = ["shuffled", "reinitialised", "random", "small dense"] if against == "sparsity" else ["small dense"]
    assert drawn == ["magnitude", *(more if controls else [])]
