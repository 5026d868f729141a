"""What can't be drawn is refused, by the name of what is wrong."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from test_plots import history

from minprune import History, Network, analyze
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.study import plots
from minprune.study.plots import save, to_svg

NET = Network.mlp([4, 3, 2], rng=0)
ROW = {"width": 8, "sparsity": 0.5, "batch": 1, "speedup": 2.0}


def _uneven():
    """A history that has lost an entry since it was made."""
    found = History({"epoch": [1, 2], "loss": [3, 4]})
    found.columns["loss"].pop()
    return found


def quality(rows, metric="AUC", **more):
    return plots.plot_quality(rows, metric=metric, **more)


REFUSED = {
    lambda: plots.plot_masks([NET]): "network must be a Network, got list in plot_masks()",
    lambda: plots.plot_masks(NET, title=3): "title must be a string, got int 3 in plot_masks()",
    lambda: plots.plot_masks(NET, title=" "): "title must not be empty, got ' ' in plot_masks()",
    lambda: plots.plot_weights(3): "networks must be a Network or a dict of names to them, got int in plot_weights()",
    lambda: plots.plot_weights({}): "networks must hold at least one Network, got none in plot_weights()",
    lambda: plots.plot_weights({"a": 1}): "networks must map names to a Network each, got 'a': int in plot_weights()",
    lambda: plots.plot_weights(NET, layer="dense1"): "layer must be a known name, got 'dense1' in plot_weights()"
    "; did you mean 'dense1.weight'? Known: dense1.weight, dense2.weight",
    lambda: plots.plot_activity(NET): "complexity must be a Complexity, got Network in plot_activity(); see analyze()",
    lambda: plots.plot_activity(analyze(NET)): "complexity must hold activity, got none in plot_activity(): "
    "analyze(network, x) does",
    lambda: plots.plot_activity(
        analyze(Network.mlp([1, 1], rng=0), np.ones((1, 1)))
    ): "complexity must have a hidden layer, got none in plot_activity()",
    lambda: plots.plot_history([1]): "history must be a History or a dict of names to them, got list in plot_history()",
    lambda: plots.plot_history(History()): "history must hold at least one epoch with a loss, got none in "
    "plot_history()",
    lambda: plots.plot_history({"a": history(loss=[1, np.nan, 3])}): "loss of history['a'] must be finite, got 1 NaN "
    "or infinite in plot_history(), the first at (1,): nan",
    lambda: plots.plot_history(_uneven()): "loss of history must have 2 entries, got 1 in plot_history()",
    lambda: quality({}): "rows must hold at least one point, got none in plot_quality()",
    lambda: quality(3): "rows must be dicts in a list, got int in plot_quality()",
    lambda: quality([3]): "rows[0] must be a dict, got int 3 in plot_quality()",
    lambda: quality([{"criterion": "a", "value": 1}]): "rows[0] must have criterion, sparsity, value, got no "
    "'sparsity' in plot_quality()",
    lambda: quality({"a": [(0.5, 1, 2)]}): "rows['a'][0] must be a pair (sparsity, value), got [0.5, 1, 2] in "
    "plot_quality()",
    lambda: quality({"a": 3}): "rows['a'] must be pairs (sparsity, value), got int 3 in plot_quality()",
    lambda: quality({"a": [(90, 1)]}): "sparsity of rows['a'][0] must be in [0, 1), got 90 in plot_quality()",
    lambda: quality({"a": [(0, np.nan)]}): "value of rows['a'][0] must be finite, got nan in plot_quality()",
    lambda: quality({3: [(0, 1)]}): "label of rows[3][0] must be a string, got int 3 in plot_quality()",
    lambda: quality({"a": [(0, 1)]}, metric=None): "metric must be a string, got NoneType None in plot_quality()",
    lambda: quality({"a": [(0, 1)]}, baseline="x"): "baseline must be a number, got str 'x' in plot_quality()",
    lambda: plots.plot_latency({}): "comparison must be a Comparison, got dict in plot_latency(); see compare()",
    lambda: plots.plot_where_it_pays([]): "rows must hold at least one dict, got none in plot_where_it_pays()",
    lambda: plots.plot_where_it_pays(ROW): "rows must be dicts in a list, got dict in plot_where_it_pays()",
    lambda: plots.plot_where_it_pays([ROW, ROW]): "rows must hold one speedup for each combination, got two for "
    "width 8, sparsity 0.5, batch 1 in plot_where_it_pays()",
    lambda: plots.plot_where_it_pays([ROW | {"speedup": 0}]): "speedup of rows[0] must be greater than 0 and finite, "
    "got 0 in plot_where_it_pays()",
    lambda: save(NET, "a.png"): "figure must be a matplotlib Figure, got Network in save()",
    lambda: save(Figure(), 3): "path must be a path, got int 3 in save()",
    lambda: save(Figure(), "a.jpg"): "suffix of path must be a known name, got 'jpg' in save(); did you mean "
    "'png'? Known: png, svg, pdf",
    lambda: save(Figure(), "a.png", dpi=0): "dpi must be at least 1, got 0 in save()",
    lambda: to_svg(Figure(), prefix="1"): "prefix must be a letter, then letters, digits, _ and -, got '1' in to_svg()",
    lambda: to_svg("x"): "figure must be a matplotlib Figure, got str in to_svg()",
}


@pytest.mark.parametrize(("call", "text"), REFUSED.items(), ids=range(len(REFUSED)))
def test_what_cannot_be_meant_is_refused_by_name(call, text):
    with pytest.raises((InvalidTypeError, InvalidValueError)) as caught:
        call()
    assert str(caught.value) == text
