"""Properties of the plots: whatever is given, each number can be read back from the picture."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import minprune as mp
from minprune.study.frontier import Cell
from minprune.study.replay import Highest
from minprune.study.serving import Served
from minprune.study.timing import Blas, Timing
from minprune.testing.strategies import networks, weights

few = settings(max_examples=settings.default.max_examples // 10)  # a picture takes its time
losses = st.floats(0.01, 100)
seconds = st.floats(1e-6, 1.0)
HERE = Blas("some BLAS", 1, "OMP_NUM_THREADS")


@given(networks(layers=(1, 3)))
@few
def test_every_mask_is_drawn_weight_by_weight(network):
    axes = mp.plot_masks(network).axes
    for axis, (name, p) in zip(axes, network.prunable.items(), strict=True):
        np.testing.assert_array_equal(axis.images[0].get_array(), p.mask.T)
        assert axis.get_title(loc="left").startswith(f"{name}: {p.kept} of {p.size} kept")


@given(networks(layers=(1, 3)))
@few
def test_every_kept_weight_that_is_not_zero_is_in_a_bin(network):
    axis = mp.plot_weights(network).axes[0]
    counts, edges, _ = axis.patches[0].get_data()
    kept = np.concatenate([p.value[p.mask] for p in network.prunable.values()]).astype(float)
    assert counts.sum() == np.count_nonzero(kept)
    inside = [sum(low <= v < high for v in kept if v) for low, high in pairwise(edges)]
    inside[-1] += int((kept == edges[-1]).sum()) if kept.any() else 0
    assert counts.tolist() == inside
    said = axis.get_title(loc="left")
    assert said.startswith(f"{kept.size} kept")
    assert said.endswith(f"{network.weights - kept.size} dropped")


@given(networks(layers=(2, 3)), st.data())
@few
def test_the_activity_of_every_unit_is_a_bar_and_none_is_higher_than_the_one_before(network, data):
    found = mp.analyze(network, data.draw(weights((4, network.inputs))))
    axes = mp.plot_activity(found).axes
    drawn = [layer for layer in found.layers if layer.activity is not None][: len(axes)]
    for axis, layer in zip(axes, drawn, strict=True):
        heights = axis.patches[0].get_data().values
        np.testing.assert_allclose(sorted(heights), sorted(100 * np.asarray(layer.activity)), atol=1e-9)
        assert (np.diff(heights) <= 0).all()


@given(st.lists(st.tuples(losses, losses, st.floats(0, 1)), min_size=1, max_size=6), st.booleans())
@few
def test_every_epoch_of_a_history_is_a_point(rows, valid):
    history = mp.History()
    for number, (loss, valid_loss, sparsity) in enumerate(rows, 1):
        history.add(epoch=number, loss=loss, sparsity=sparsity, **({"valid_loss": valid_loss} if valid else {}))
    above, *below = mp.plot_history(history).axes
    epochs = range(1, len(rows) + 1)
    wanted = [list(zip(epochs, history[name], strict=True)) for name in ("valid_loss", "loss")[not valid :]]
    assert [[tuple(point) for point in line.get_xydata()] for line in above.lines] == wanted
    assert len(below) == any(history["sparsity"])
    for axis in below:
        np.testing.assert_allclose(axis.lines[0].get_ydata(), [100 * share for share in history["sparsity"]])


levels = st.lists(st.tuples(st.sampled_from([0.0, 0.5, 0.95]), losses), min_size=1, max_size=8)


@given(st.dictionaries(st.sampled_from(["magnitude", "random", "fisher"]), levels, min_size=1))
@few
def test_a_curve_of_quality_goes_through_the_median_at_each_sparsity(found):
    [axis] = mp.plot_quality(found, metric="loss").axes
    lines = iter(axis.lines)
    for points in found.values():
        medians = {s: np.median([value for t, value in points if t == s]) for s in sorted({s for s, _ in points})}
        line = next(lines)
        np.testing.assert_allclose(line.get_xdata(), [1 - s for s in medians])
        np.testing.assert_allclose(line.get_ydata(), list(medians.values()))
        if len(medians) < len(points):
            dots = next(lines)
            several = Counter(s for s, _ in points)
            wanted = sorted((1 - s, value) for s, value in points if several[s] > 1)
            np.testing.assert_allclose(sorted(map(tuple, dots.get_xydata())), wanted)
    assert not list(lines)


def test_a_single_point_at_a_sparsity_of_nine_tenths_can_be_drawn():
    mp.plot_quality({"magnitude": [(0.9, 1.0)]}, metric="loss")


@given(st.lists(st.lists(st.floats(0, 1), min_size=2, max_size=2), min_size=1, max_size=3))
@few
def test_a_curve_of_a_sweep_goes_through_the_means_over_seeds(accuracies):
    rows = [
        {"seed": seed, "criterion": "magnitude", "allocation": "Global", "pattern": "Unstructured", "control": None,
         "sparsity": sparsity, "achieved": sparsity, "kept": 1, "weights": 2, "accuracy": value, "seconds": 1.0}
        for seed, values in enumerate(accuracies)
        for sparsity, value in zip((0.5, 0.9), values, strict=True)
    ]  # fmt: skip
    axis = mp.plot_sweep(mp.Sweep(tuple(rows))).axes[0]
    line = next(line for line in axis.lines if line.get_label() == "magnitude")
    np.testing.assert_allclose(line.get_xdata(), [0.5, 0.1])
    np.testing.assert_allclose(line.get_ydata(), np.mean(accuracies, axis=0), atol=1e-12)


NET = mp.Network.mlp([4, 2], rng=0)
COMPARISON = mp.compare({"a": NET, "b": NET.copy()}, (np.eye(4), np.arange(4) % 2), batch_sizes=[1], seconds=1e-3)


@given(st.lists(st.tuples(seconds, seconds, seconds), min_size=2, max_size=2), st.floats(0.01, 100))
@few
def test_a_bar_of_latency_is_the_median_and_its_whisker_the_quartiles(found, speedup):
    ordered = [sorted(quartiles) for quartiles in found]
    timings = {
        name: Timing(1, 3, q[1], q[0], q[2], q[2], q[0], HERE) for name, q in zip("ab", ordered, strict=True)
    }  # fmt: skip
    comparison = replace(COMPARISON, timings={1: timings}, speedups={1: {"a": 1.0, "b": speedup}})
    [axis] = mp.plot_latency(comparison).axes
    np.testing.assert_allclose([bar.get_width() for bar in axis.patches], [q[1] for q in ordered])
    ends = [segment[:, 0] for segment in axis.collections[0].get_segments()]
    np.testing.assert_allclose(ends, [[q[0], q[2]] for q in ordered], rtol=1e-6)
    assert axis.texts[1].get_text().endswith(f"{speedup:.2f}×")


@given(st.lists(st.lists(st.floats(0.01, 100), min_size=3, max_size=3), min_size=1, max_size=3))
@few
def test_every_cell_of_a_map_is_coloured_by_its_speed_up(grid):
    cells = tuple(
        Cell(8, "Unstructured", level, batch, level, speedup, speedup, speedup, 1.0, 1 / speedup, 1.0)
        for batch, row in enumerate(grid, 1)
        for level, speedup in zip((0.5, 0.9, 0.99), row, strict=True)
    )
    [axis] = mp.plot_breakeven(mp.Breakeven(cells, 3, HERE)).axes
    np.testing.assert_allclose(2.0 ** axis.images[0].get_array(), grid)
    low, high = axis.images[0].get_clim()
    assert low == -high


@given(st.lists(st.lists(st.floats(0.01, 100), min_size=3, max_size=3), min_size=1, max_size=3))
@few
def test_every_row_of_a_table_of_speed_ups_is_a_cell(grid):
    rows = [
        {"width": width, "sparsity": level, "batch": 1, "speedup": speedup}
        for width, row in enumerate(grid, 1)
        for level, speedup in zip((0.5, 0.9, 0.99), row, strict=True)
    ]
    [axis] = mp.plot_where_it_pays(rows).axes
    drawn = 2.0 ** np.asarray(axis.images[0].get_array())
    np.testing.assert_allclose(sorted(drawn.reshape(-1)), sorted(np.ravel(grid)))
    assert drawn.shape in ((len(grid), 3), (3, len(grid)))


@given(st.lists(st.floats(1e-3, 0.9), min_size=1, max_size=40))
@few
def test_every_response_is_on_the_curve_of_a_replay_at_its_rank(responses):
    arrived = np.arange(len(responses), dtype=float)
    served = Served(1.0, arrived, arrived, arrived + responses, float(len(responses)))
    found = mp.Replay(1.0, 1.0, 0.5, {"model": served}, {"model": Highest(0.0, (), None)}, HERE, np.ones(100))
    above, _ = mp.plot_replay(found).axes
    x, y = above.lines[0].get_data()
    ranked = np.sort(served.response)
    for at, time in zip(x, y, strict=True):
        rank = min(len(responses) - 1, round(len(responses) * (1 - 1 / at)))
        assert time == ranked[rank]
    assert (y[0], y[-1]) == (ranked[0], ranked[-1])
