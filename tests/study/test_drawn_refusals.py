"""What each plot refuses, to the letter: titles, labels and columns that can't be drawn."""

import numpy as np
import pytest
import test_drawn as drawn

from minprune import History, analyze
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.study import plots
from minprune.study.frontier import Breakeven

PLOTS = {
    "plot_masks": lambda **more: plots.plot_masks(drawn.network([2, 2]), **more),
    "plot_weights": lambda **more: plots.plot_weights(drawn.network([2, 2]), **more),
    "plot_activity": lambda **more: plots.plot_activity(analyze(drawn.one_unit_alone(), drawn.ROWS), **more),
    "plot_history": lambda **more: plots.plot_history(drawn.history(), **more),
    "plot_quality": lambda **more: plots.plot_quality({"a": [(0.5, 1.0)]}, metric="m", **more),
    "plot_sweep": lambda **more: plots.plot_sweep(drawn.swept(["m"], [0.5]), **more),
    "plot_latency": lambda **more: plots.plot_latency(drawn.compared({"a": 1e-5}), **more),
    "plot_where_it_pays": lambda **more: plots.plot_where_it_pays(drawn.MAP, **more),
    "plot_breakeven": lambda **more: plots.plot_breakeven(Breakeven(tuple(drawn.cells((0.5,))), 3, drawn.ONE), **more),
    "plot_replay": lambda **more: plots.plot_replay(drawn.replayed(), **more),
}


def refused(call):
    with pytest.raises((InvalidTypeError, InvalidValueError)) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize("name", PLOTS)
def test_a_title_is_a_string_with_something_in_it(name):
    assert refused(lambda: PLOTS[name](title=3)) == f"title must be a string, got int 3 in {name}()"
    assert refused(lambda: PLOTS[name](title=" \n")) == f"title must not be empty, got ' \\n' in {name}()"


def columns(**given):
    """A history that has lost or changed columns since it was made."""
    found = History({"epoch": [1, 2], "loss": [3.0, 4.0]})
    found.columns.clear()
    found.columns.update(given)
    return found


@pytest.mark.parametrize(
    ("history", "text"),
    [
        (columns(epoch=[1, 2]), "history must hold at least one epoch with a loss, got none in plot_history()"),
        (columns(epoch=[], loss=[]), "history must hold at least one epoch with a loss, got none in plot_history()"),
        (columns(epoch=[1], loss=["a"]), "loss must hold real numbers, got dtype <U1 in plot_history()"),
        (columns(epoch=[1], loss=[1.0], valid_loss=[np.inf]), "valid_loss of history must be finite, got 1 NaN or "
         "infinite in plot_history(), the first at (0,): inf"),
        (columns(epoch=[1, 2], loss=[1.0, 2.0], sparsity=[0.5]), "sparsity of history must have 2 entries, got 1 in "
         "plot_history()"),
        ({"a": columns(epoch=[1], loss=[1.0, 2.0])}, "loss of history['a'] must have 1 entries, got 2 in "
         "plot_history()"),
        ({"a": columns(epoch=[1])}, "history['a'] must hold at least one epoch with a loss, got none in "
         "plot_history()"),
        ({3: columns()}, "history must map names to a History each, got 3: History in plot_history()"),
    ],
)  # fmt: skip
def test_a_history_without_what_is_drawn_is_refused(history, text):
    assert refused(lambda: plots.plot_history(history)) == text


def quality(rows, **more):
    return lambda: plots.plot_quality(rows, **{"metric": "m"} | more)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (quality({"a": "bc"}), "rows['a'] must be pairs (sparsity, value), got str 'bc' in plot_quality()"),
        (quality({"a": 3}), "rows['a'] must be pairs (sparsity, value), got int 3 in plot_quality()"),
        (quality({"a": [(0.5, 1.0), 3]}), "rows['a'][1] must be a pair (sparsity, value), got [3] in plot_quality()"),
        (quality({"a": ["bc"]}), "rows['a'][0] must be a pair (sparsity, value), got ['bc'] in plot_quality()"),
        (quality({"a": [("b", 1.0)]}), "sparsity of rows['a'][0] must be a number, got str 'b' in plot_quality()"),
        (quality({"a": [(0.5, "b")]}), "value of rows['a'][0] must be a number, got str 'b' in plot_quality()"),
        (quality({" ": [(0.5, 1.0)]}), "label of rows[' '][0] must not be empty, got ' ' in plot_quality()"),
        (quality({"a": []}), "rows must hold at least one point, got none in plot_quality()"),
        (quality([]), "rows must hold at least one point, got none in plot_quality()"),
        (quality("ab"), "rows must be dicts in a list, got str in plot_quality()"),
        (quality([{"criterion": "a", "sparsity": 0.5, "value": 1.0}, {"sparsity": 1}]),
         "rows[1] must have criterion, sparsity, value, got no 'criterion' in plot_quality()"),
        (quality([{"criterion": "a", "sparsity": 0.5, "value": None}]),
         "value of rows[0] must be a number, got NoneType None in plot_quality()"),
        (quality([{"criterion": "a", "sparsity": 1.5, "value": 1.0}]),
         "sparsity of rows[0] must be in [0, 1), got 1.5 in plot_quality()"),
        (quality([{"criterion": 3, "sparsity": 0.5, "value": 1.0}]),
         "label of rows[0] must be a string, got int 3 in plot_quality()"),
        (quality({"a": [(0.5, 1.0)]}, metric=""), "metric must not be empty, got '' in plot_quality()"),
        (quality({"a": [(0.5, 1.0)]}, metric=3), "metric must be a string, got int 3 in plot_quality()"),
        (quality({"a": [(0.5, 1.0)]}, baseline=np.nan), "baseline must be finite, got nan in plot_quality()"),
        (quality({"a": [(0.5, 1.0)]}, baseline=True), "baseline must be a number, got bool True in plot_quality()"),
    ],
)  # fmt: skip
def test_points_that_are_none_are_refused_by_their_place(call, text):
    assert refused(call) == text


def where(**changed):
    return lambda: plots.plot_where_it_pays([drawn.MAP[0], drawn.MAP[0] | {"width": 5} | changed])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (where(width=0.5), "width of rows[1] must be a whole number, got float 0.5 in plot_where_it_pays()"),
        (where(width=0), "width of rows[1] must be at least 1, got 0 in plot_where_it_pays()"),
        (where(sparsity=1), "sparsity of rows[1] must be in [0, 1), got 1 in plot_where_it_pays()"),
        (where(batch=0), "batch of rows[1] must be at least 1, got 0 in plot_where_it_pays()"),
        (where(batch="1"), "batch of rows[1] must be a whole number, got str '1' in plot_where_it_pays()"),
        (where(speedup=0.0), "speedup of rows[1] must be greater than 0 and finite, got 0 in plot_where_it_pays()"),
        (where(speedup=None), "speedup of rows[1] must be a number, got NoneType None in plot_where_it_pays()"),
        (where(width=64), "rows must hold one speedup for each combination, got two for width 64, sparsity 0.5, "
         "batch 1 "
         "in plot_where_it_pays()"),
        (lambda: plots.plot_where_it_pays([{"width": 1, "sparsity": 0.5, "batch": 1}]),
         "rows[0] must have width, sparsity, batch, speedup, got no 'speedup' in plot_where_it_pays()"),
        (lambda: plots.plot_where_it_pays([drawn.MAP[0], 3]), "rows[1] must be a dict, got int 3 in "
         "plot_where_it_pays()"),
        (lambda: plots.plot_where_it_pays(3), "rows must be dicts in a list, got int in plot_where_it_pays()"),
        (lambda: plots.plot_breakeven({}), "found must be a Breakeven, got dict in plot_breakeven(); see breakeven()"),
        (lambda: plots.plot_replay([]), "found must be a Replay, got list in plot_replay(); see replay()"),
        (lambda: plots.plot_sweep({}), "sweep must be a Sweep, got dict in plot_sweep(); see sweep()"),
        (lambda: plots.plot_latency([]), "comparison must be a Comparison, got list in plot_latency(); see compare()"),
        (lambda: plots.plot_weights(3), "networks must be a Network or a dict of names to them, got int in "
         "plot_weights()"),
    ],
)  # fmt: skip
def test_what_is_no_map_is_refused_by_the_place_of_what_is_none(call, text):
    assert refused(call) == text
