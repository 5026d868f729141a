"""What is drawn is what was given: every number is read back from the picture."""

from dataclasses import replace

import numpy as np
import pytest
from drawing_told import unlaid  # noqa: F401
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minprune import History, Magnitude, Network, analyze, compare, plan
from minprune.study.charts import plot_history, plot_latency, plot_quality
from minprune.study.payoff import frontier
from minprune.study.plots import (
    block_shares,
    plot_activity,
    plot_masks,
    plot_weights,
    plot_where_it_pays,
)
from minprune.study.timing import Timing

pytestmark = pytest.mark.usefixtures("unlaid")


def titles(figure):
    return [axis.get_title(loc="left") for axis in figure.axes]


def texts(axis):
    return [text.get_text() for text in axis.texts]


def pruned(widths, sparsity=0.5):
    net = Network.mlp(widths, rng=0)
    return plan(net, Magnitude(), sparsity=sparsity).apply(net)


def history(valid=True, **columns):
    found = History()
    columns = {"epoch": [1, 2, 3], "loss": [0.9, 0.6, 0.5]} | columns
    if valid:
        columns |= {"valid_loss": [0.8, 0.4, 0.45]}
    for row in zip(*columns.values(), strict=True):
        found.add(**dict(zip(columns, row, strict=True)))
    return found


@pytest.fixture(scope="module")
def comparison():
    net = pruned([4, 8, 2])
    x, y = np.eye(4, dtype=np.float32), np.array([0, 1, 0, 1])
    return compare({"dense": Network.mlp([4, 8, 2], rng=0), "$pruned$": net}, (x, y), batch_sizes=[1, 4], seconds=0.002)


# masks


@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9))), st.integers(1, 6), st.integers(1, 6))
def test_a_block_is_as_dark_as_the_share_of_its_weights_that_is_kept(mask, most_rows, most_columns):
    shares = block_shares(mask, most_rows, most_columns)
    rows, columns = shares.shape
    assert rows <= most_rows
    assert columns <= most_columns
    seen = np.zeros(mask.shape, int)
    for r in range(rows):
        for c in range(columns):
            block = [
                (i, j)
                for i in range(r * mask.shape[0] // rows, (r + 1) * mask.shape[0] // rows)
                for j in range(c * mask.shape[1] // columns, (c + 1) * mask.shape[1] // columns)
            ]
            assert shares[r, c] == sum(bool(mask[place]) for place in block) / len(block)
            for place in block:
                seen[place] += 1
    assert (seen == 1).all()


def test_a_mask_that_fits_is_drawn_weight_by_weight_inputs_across_and_outputs_down():
    net = pruned([5, 7, 3])
    figure = plot_masks(net)
    assert len(figure.axes) == 2
    for axis, (name, p) in zip(figure.axes, net.prunable.items(), strict=True):
        image = axis.images[0]
        np.testing.assert_array_equal(image.get_array(), p.mask.T)
        assert image.get_extent() == [-0.5, p.shape[0] - 0.5, p.shape[1] - 0.5, -0.5]
        assert (axis.get_xlabel(), axis.get_ylabel()) == ("input", "output")
        assert axis.get_title(loc="left") == f"{name}: {p.kept} of {p.size} kept ({100 * p.kept / p.size:.1f} %)"
    dark, light = image.cmap(image.norm(1.0)), image.cmap(image.norm(0.0))
    assert sum(dark[:3]) < 1 < 2.5 < sum(light[:3])


# weights


def test_weights_are_counted_in_the_same_bins_and_what_is_dropped_or_zero_is_told():
    nets = {"dense": Network.mlp([6, 5, 2], rng=0), "pruned": pruned([6, 5, 2]), "_none": Network.mlp([2, 1], rng=0)}
    nets["_none"].parameters["dense1.weight"].mask = np.zeros((2, 1), bool)
    nets["pruned"].parameters["dense1.weight"].value[nets["pruned"].parameters["dense1.weight"].mask] = 0.0
    figure = plot_weights(nets)
    [axis] = figure.axes
    values = {k: np.concatenate([p.value[p.mask] for p in n.prunable.values()]) for k, n in nets.items()}
    zeros = int((values["pruned"] == 0).sum())
    for outline, value in zip(axis.patches, values.values(), strict=True):
        counts, edges, _ = outline.get_data()
        np.testing.assert_array_equal(edges, axis.patches[0].get_data().edges)
        for k, number in enumerate(counts):
            last = k == len(counts) - 1
            inside = [v for v in value if v and edges[k] <= v and (v < edges[k + 1] or (last and v == edges[-1]))]
            assert number == len(inside)
    assert [text.get_text() for text in axis.get_legend().get_texts()] == [
        "dense: 40 kept, 0 dropped",
        f"pruned: 20 kept ({zeros} at exactly 0, not drawn), 20 dropped",
        "_none: 0 kept, 2 dropped",
    ]
    assert zeros > 0
    assert axis.get_yscale() == "log"


def test_one_layer_alone_can_be_asked_for():
    net = pruned([6, 5, 2])
    kept = net.parameters["dense2.weight"].kept
    figure = plot_weights(net, layer="dense2.weight")
    assert sum(figure.axes[0].patches[0].get_data().values) == kept
    assert titles(figure) == [f"{kept} kept, {10 - kept} dropped"]


@pytest.mark.parametrize(("factor", "label"), [(2.0**-40, ""), (2.0**900, ", in 1e+271"), (2.0**-1000, ", in 1e-300")])
def test_weights_too_large_or_too_small_to_be_drawn_are_counted_alike_in_a_unit_that_is_told(factor, label):
    plain, far = (Network.mlp([6, 5, 2], rng=0, dtype=np.float64) for _ in range(2))
    for p in far.prunable.values():
        p.value = p.value * factor
    drawn, axis = (plot_weights(net).axes[0] for net in (plain, far))
    np.testing.assert_array_equal(axis.patches[0].get_data().values, drawn.patches[0].get_data().values)
    assert axis.get_xlabel() == f"value of the weight{label}"
    unit = float(label.partition("in ")[2] or 1)
    assert axis.get_xlim()[1] * unit == pytest.approx(drawn.get_xlim()[1] * factor)


# activity


def test_units_are_sorted_by_activity_and_the_dead_and_the_silent_are_marked():
    net = Network.mlp([3, 6, 2], rng=1)
    net.parameters["dense1.bias"].value[2] = -100.0
    mask = np.ones((6, 2), bool)
    mask[[1, 4]] = False
    net.parameters["dense2.weight"].mask = mask
    found = analyze(net, np.random.default_rng(0).standard_normal((50, 3)))
    layer = found.layers[0]
    order = sorted(range(6), key=lambda unit: -layer.activity[unit])
    [axis] = plot_activity(found).axes
    every, live = (patch.get_data().values for patch in axis.patches)
    assert every.tolist() == [100 * layer.activity[unit] for unit in order]
    assert live.tolist() == [0 if unit in (1, 4) else 100 * layer.activity[unit] for unit in order]
    crosses, circles = (line.get_xdata().tolist() for line in axis.lines)
    assert crosses == [k + 1 for k, unit in enumerate(order) if unit in (1, 4)]
    assert circles == [k + 1 for k, unit in enumerate(order) if not layer.activity[unit]]
    assert 6 in circles
    assert axis.get_title(loc="left") == f"dense1: 6 units, 2 dead (pale, ×), {len(circles)} never active (○)"


# history


def test_loss_validation_and_sparsity_are_drawn_epoch_by_epoch():
    found = history(sparsity=[0.0, 0.5, 0.9])
    found.best_epoch = 2
    loss, share = plot_history(found).axes
    valid, train, ring = loss.lines
    assert valid.get_xydata().tolist() == [[1, 0.8], [2, 0.4], [3, 0.45]]
    assert train.get_xydata().tolist() == [[1, 0.9], [2, 0.6], [3, 0.5]]
    assert ring.get_xydata().tolist() == [[2, 0.4]]
    assert share.lines[0].get_xydata().tolist() == [[1, 0], [2, 50], [3, 90]]
    assert texts(loss) == ["validation", "training"]
    assert texts(share) == ["90.0 %"]


def test_without_pruning_there_is_no_panel_for_it_and_without_validation_no_line():
    [axis] = plot_history(history(valid=False, sparsity=[0.0, 0.0, 0.0])).axes
    assert len(axis.lines) == 1
    assert texts(axis) == ["training"]


def test_several_histories_are_labelled_by_their_names():
    loss, share = plot_history({"a": history(sparsity=[0, 0.5, 0.9]), "b": history(valid=False)}).axes
    assert texts(loss) == ["a", "b"]
    assert texts(share) == ["a 90.0 %"]
    assert [line.get_linestyle() for line in loss.lines] == ["-", "--", "--"]


# quality


def test_quality_is_drawn_at_the_share_kept_and_told_as_the_share_pruned():
    rows = [{"criterion": c, "sparsity": s, "value": v} for c, s, v in [("b", 0.9, 3), ("a", 0.99, 1), ("b", 0, 5)]]
    by_label = {"b": [(0.9, 3), (0.0, 5)], "a": ((0.99, 1),)}
    for given_rows in (rows, iter(rows), by_label):
        [axis] = plot_quality(given_rows, metric="accuracy", baseline=4.5).axes
        level, b, a = axis.lines
        assert level.get_ydata() == [4.5, 4.5]
        np.testing.assert_allclose(b.get_xydata(), [[1, 5], [0.1, 3]])
        np.testing.assert_allclose(a.get_xydata(), [[0.01, 1]])
        assert texts(axis) == ["b", "a", "dense 4.5"]
        np.testing.assert_allclose([label.xy for label in axis.texts], [[0.1, 3], [0.01, 1], [axis.get_xlim()[1], 4.5]])
        left, right = axis.get_xlim()
        assert left > 1 > 0.01 > right
        ticks = dict(zip((t.get_text() for t in axis.get_xticklabels()), axis.get_xticks(), strict=True))
        assert {"0 %", "50 %", "90 %", "95 %", "99 %"} <= set(ticks)
        for label, at in ticks.items():
            assert float(label[:-2]) == pytest.approx(100 * (1 - at))


def test_several_seeds_are_dots_around_the_line_of_their_medians():
    [axis] = plot_quality({"a": [(0.5, 1), (0.5, 2), (0.5, 9), (0.9, 3)]}, metric="AUC").axes
    line, dots = axis.lines
    np.testing.assert_allclose(line.get_xydata(), [[0.5, 2], [0.1, 3]])
    np.testing.assert_allclose(dots.get_xydata(), [[0.5, 1], [0.5, 2], [0.5, 9]])


# latency


def test_bars_are_medians_whiskers_are_quartiles_and_speedups_are_told(comparison):
    figure = plot_latency(comparison)
    assert titles(figure) == ["batch 1", "batch 4"]
    for axis, (batch, timings) in zip(figure.axes, comparison.timings.items(), strict=True):
        assert [label.get_text() for label in axis.get_yticklabels()] == ["dense", "$pruned$"]
        assert [bar.get_width() for bar in axis.patches] == [t.median for t in timings.values()]
        ends = [segment[:, 0].tolist() for segment in axis.collections[0].get_segments()]
        np.testing.assert_allclose(ends, [[t.p25, t.p75] for t in timings.values()])
        assert texts(axis)[0].endswith("baseline")
        assert texts(axis)[1].endswith(f"{comparison.speedups[batch]['$pruned$']:.2f}×")
        assert axis.get_xlim()[0] == 0


@pytest.mark.parametrize(("slowest", "log"), [(30, False), (31, True), (1000, True)])
def test_where_models_differ_too_much_for_one_scale_it_is_logarithmic_and_says_so(comparison, slowest, log):
    def timed(seconds):
        return Timing(1, 3, *[seconds] * 5, comparison.timings[1]["dense"].blas)

    timings = {1: {"dense": timed(1e-6 * slowest), "$pruned$": timed(1e-6)}}
    [axis] = plot_latency(replace(comparison, timings=timings)).axes
    assert axis.get_title(loc="left") == ("batch 1 (log scale)" if log else "batch 1")
    assert axis.get_xscale() == ("log" if log else "linear")
    shown = [tick for tick in axis.get_xticks() if axis.get_xlim()[0] <= tick <= axis.get_xlim()[1]]
    assert len(shown) >= 2
    if log:
        np.testing.assert_allclose(shown, 10 ** np.round(np.log10(shown)))
    assert [bar.get_width() for bar in axis.patches] == [1e-6 * slowest, 1e-6]
    ends = [bar.get_x() + bar.get_width() for bar in axis.patches]
    assert axis.get_xlim()[0] < min(ends) < max(ends) < axis.get_xlim()[1]


# where it pays


def test_speedups_stand_in_their_cells_and_a_line_runs_where_they_pass_one():
    rows = [
        {"width": w, "sparsity": s, "batch": b, "speedup": w * s / b}
        for w in (4, 1)
        for s in (0.9, 0.5)
        for b in (1, 2)
        if (w, s, b) != (4, 0.5, 2)
    ]
    figure = plot_where_it_pays(rows)
    assert titles(figure) == ["batch 1", "batch 2"]
    first, second = figure.axes
    np.testing.assert_allclose(2 ** first.images[0].get_array(), [[0.5, 0.9], [2, 3.6]])
    assert second.images[0].get_array().mask.tolist() == [[False, False], [True, False]]
    assert {(t.get_position(), t.get_text()) for t in first.texts} == {
        ((0, 0), "0.50"), ((1, 0), "0.90"), ((0, 1), "2.00"), ((1, 1), "3.60"),
    }  # fmt: skip
    assert texts(second) == ["0.25", "0.45", "1.80"]
    assert [list(line.get_ydata()) for line in first.lines] == [[0.5, 0.5]] * 2
    assert [list(line.get_xdata()) for line in second.lines] == [[0.5, 1.5]]
    for axis in figure.axes:
        assert axis.images[0].origin == "lower"
        low, high = axis.images[0].get_clim()
        assert low == -high < 0


@given(
    hnp.arrays(float, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.sampled_from([0.5, 1, 2, np.nan]))
)
def test_the_frontier_parts_each_pair_of_neighbours_on_different_sides_of_one(grid):
    edges = set(frontier(grid))
    for (r, c), value in np.ndenumerate(grid):
        for other, edge in (
            ((r, c + 1), ((c + 0.5, c + 0.5), (r - 0.5, r + 0.5))),
            ((r + 1, c), ((c - 0.5, c + 0.5), (r + 0.5, r + 0.5))),
        ):
            if other[0] < grid.shape[0] and other[1] < grid.shape[1]:
                differ = min(value, grid[other]) < 1 <= max(value, grid[other])
                assert (edge in edges) == differ
                edges.discard(edge)
    assert not edges
