"""What is drawn of a sweep is its summary: every mean and band is read back from the picture."""

import numpy as np
import pytest
from drawing_told import unlaid, without_layout  # noqa: F401
from matplotlib.text import Text
from test_sweep_records import record

from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.study.plots import plot_sweep
from minprune.study.records import Sweep

LEVELS = (0.5, 0.9, 0.95, 0.99)
CONTROLS = (None, "shuffled", "reinitialised")


def made(criteria=("magnitude", "$x$"), seeds=(0, 1, 2), controls=True, **more):
    """A sweep with numbers that all differ."""
    rng = np.random.default_rng(0)
    records = []
    for seed in seeds:
        kinds = [("dense", None, 0.0)]
        for s in LEVELS:
            kinds += [(control, criterion, s) for criterion in criteria for control in CONTROLS]
            kinds += [("random", None, s), ("small_dense", None, s)]
        for control, criterion, s in kinds:
            if controls or control is None:
                speed = {"speedup": 1 + 3 * s + 0.1 * rng.random(), "batch_size": 16}
                row = record(seed, 1 - s / 5 + 0.05 * rng.random(), criterion=criterion, sparsity=s, control=control)
                records.append(row | speed | more)
    return Sweep(tuple(records))


FOUND = made()


@pytest.fixture(scope="module")
def axis():
    with without_layout():
        return plot_sweep(FOUND).axes[0]


def lines(axis):
    return {line.get_label(): line for line in axis.lines if not line.get_label().startswith("_")}


def test_each_line_goes_through_the_means_and_each_band_is_one_deviation_wide(axis):
    rows = [row for row in FOUND.summary() if row["control"] != "dense"]
    drawn = lines(axis)
    assert list(drawn) == list(dict.fromkeys(FOUND.label(row) for row in rows))
    bands = axis.collections
    assert len(bands) == len(drawn)
    for (label, line), band in zip(drawn.items(), bands, strict=True):
        own = [row for row in rows if FOUND.label(row) == label]
        np.testing.assert_allclose(line.get_xdata(), [1 - row["sparsity"] for row in own])
        np.testing.assert_allclose(line.get_ydata(), [row["mean"] for row in own])
        corners = band.get_paths()[0].vertices
        for row in own:
            heights = corners[np.isclose(corners[:, 0], 1 - row["sparsity"])][:, 1]
            assert heights.min() == pytest.approx(row["mean"] - row["sd"])
            assert heights.max() == pytest.approx(row["mean"] + row["sd"])


def test_the_dense_network_is_a_line_across_with_its_band(axis):
    row = next(row for row in FOUND.summary() if row["control"] == "dense")
    across = next(line for line in axis.lines if len(set(line.get_ydata())) == 1 and len(line.get_ydata()) == 2)
    assert across.get_ydata()[0] == row["mean"]
    band = next(patch for patch in axis.patches if patch.get_height() == pytest.approx(2 * row["sd"]))
    assert band.get_y() == pytest.approx(row["mean"] - row["sd"])
    assert f"dense {row['mean']:.4g}" in [text.get_text() for text in axis.texts]


def test_the_axis_sets_90_95_and_99_percent_apart(axis):
    places = {tick.get_text(): axis.transData.transform((x, 1))[0]
              for x, tick in zip(axis.get_xticks(), axis.get_xticklabels(), strict=True)}  # fmt: skip
    assert list(places) == ["50 %", "80 %", "90 %", "95 %", "98 %", "99 %"]
    apart = np.diff(list(places.values()))
    assert (apart > 0.08 * axis.get_window_extent().width).all()


@pytest.mark.usefixtures("unlaid")
def test_what_prunes_is_solid_and_its_controls_are_dashed_in_its_colour(axis):
    drawn = lines(axis)
    for criterion in ("magnitude", "$x$"):
        own = [drawn[criterion], drawn[f"{criterion}, shuffled"], drawn[f"{criterion}, reinitialised"]]
        assert len({line.get_color() for line in own}) == 1
        assert [line.get_linestyle() for line in own] == ["-", "--", "--"]
        assert len({str(line._dash_pattern) for line in own}) == 3
    assert drawn["random"].get_color() == drawn["small dense"].get_color()
    assert len({drawn[name].get_color() for name in ("magnitude", "$x$", "random")}) == 3
    assert list(lines(plot_sweep(FOUND, controls=False).axes[0])) == ["magnitude", "$x$"]


@pytest.mark.usefixtures("unlaid")
def test_as_many_criteria_as_there_are_can_be_told_apart():
    drawn = lines(plot_sweep(made([f"c{k}" for k in range(12)]), controls=False).axes[0])
    looks = {(line.get_color(), line.get_marker(), line.get_markerfacecolor()) for line in drawn.values()}
    assert len(looks) == len(drawn) == 12


@pytest.mark.usefixtures("unlaid")
def test_against_latency_it_is_the_measured_speedup_with_bars_across():
    [axis] = plot_sweep(FOUND, against="latency").axes
    drawn = lines(axis)
    assert list(drawn) == ["magnitude", "$x$", "small dense"]  # the others have the shape of what they control
    speeds = [row for row in FOUND.summary("speedup") if row["criterion"] == "magnitude" and row["control"] is None]
    np.testing.assert_allclose(drawn["magnitude"].get_xdata(), [row["mean"] for row in speeds])
    bars = next(c for c in axis.collections if hasattr(c, "get_segments"))
    ends = np.array(bars.get_segments())[:, :, 0]
    np.testing.assert_allclose(ends, [[row["mean"] - row["sd"], row["mean"] + row["sd"]] for row in speeds])
    assert axis.get_xlabel() == "speed-up over dense, compiled, batch 16 (log scale)"
    low, high = axis.get_xlim()
    assert low < 1 < 4 < high
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["1×", "1.5×", "2×", "3×", "4×"]


@pytest.mark.parametrize("against", ["sparsity", "latency"])
def test_labels_keep_clear_of_each_other_and_inside(against):
    criteria = ["magnitude", "a name that is too long to be shown", "c", "d", "e"]
    figure = plot_sweep(made(criteria), against=against)
    [axis] = figure.axes
    boxes = [Text.get_window_extent(text) for text in (*axis.texts, *axis.get_xticklabels())]  # without the leaders
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
        assert box.y0 >= 0


def test_one_seed_one_sparsity_and_no_control_can_be_drawn():
    alone = Sweep((record(0, 0.8, speedup=1.0, batch_size=1),))
    for against in ("sparsity", "latency"):
        figure = plot_sweep(alone, against=against, title="Alone")
        assert figure.get_suptitle() == "Alone"
        assert lines(figure.axes[0])["magnitude"].get_ydata().tolist() == [0.8]


WITHOUT = Sweep((record(0, 0.8),))
REFUSED = {
    lambda: plot_sweep([WITHOUT]): "sweep must be a Sweep, got list in plot_sweep(); see sweep()",
    lambda: plot_sweep(WITHOUT, against="sparsty"): "against must be a known name, got 'sparsty' in plot_sweep(); "
    "did you mean 'sparsity'? Known: sparsity, latency",
    lambda: plot_sweep(WITHOUT, metric="loss"): "metric must be a known name, got 'loss' in plot_sweep(); known: "
    "accuracy, achieved",
    lambda: plot_sweep(WITHOUT, against="latency"): "sweep must hold latencies, got none in plot_sweep(): "
    "sweep(…, latency=1) measures them",
    lambda: plot_sweep(WITHOUT, title=" "): "title must not be empty, got ' ' in plot_sweep()",
}


@pytest.mark.parametrize(("call", "text"), REFUSED.items(), ids=range(len(REFUSED)))
def test_what_cannot_be_meant_is_refused_by_name(call, text):
    with pytest.raises((InvalidTypeError, InvalidValueError)) as caught:
        call()
    assert str(caught.value) == text
