"""The details of masks, weights and activity that no whole picture shows: bins, units, lines between cells, plurals."""

import numpy as np
import pytest
from drawing_told import unlaid  # noqa: F401
from test_drawn import ROWS, network, nothing, one_unit_alone

from minprune import Dense, Network, analyze
from minprune.errors import InvalidValueError
from minprune.study.plots import block_shares, plot_activity, plot_masks, plot_weights

pytestmark = pytest.mark.usefixtures("unlaid")


def weights(*values, dtype=np.float64):
    return Network([Dense.from_arrays(np.array([values], dtype), None)])


# weights


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ((1.0, 1.5, -3.0), -3.0, 1.5),
        ((1.0, 1.5), 1.0, 1.5),
        ((2.0,), 1.0, 3.0),  # a single value has half of itself on both sides
        ((-8.0, -8.0), -12.0, -4.0),
        ((4.0, 4.0 + 3e-6), 2.0, 6.0 + 4.5e-6),  # so has what hardly differs
        ((4.0, 4.0 + 5e-6), 4.0, 4.0 + 5e-6),
        ((-4.0, -4.0 - 3e-6), -6.0 - 4.5e-6, -2.0),
        ((0.0,), -1.0, 1.0),  # of zeros none is drawn
    ],
)
def test_bins_go_from_the_lowest_value_to_the_highest_and_have_a_width(values, low, high):
    [axis] = plot_weights(weights(*values)).axes
    counts, edges, _ = axis.patches[0].get_data()
    assert len(counts) == 60
    np.testing.assert_allclose(edges, np.linspace(low, high, 61), rtol=1e-12, atol=1e-15)
    assert axis.get_xlim() == (edges[0], edges[-1])
    assert sum(counts) == np.count_nonzero(values)


@pytest.mark.parametrize(
    ("largest", "label"),
    [
        (0.99e100, ""),
        (1e100, ", in 1e+100"),
        (-1e100, ", in 1e+100"),
        (9.9e120, ", in 1e+120"),
        (1.01e-100, ""),
        (1e-100, ", in 1e-100"),
        (5e-101, ", in 1e-101"),
        (3e-308, ", in 1e-300"),  # of less, too few powers of ten could be told
        (0.0, ""),
    ],
)
def test_values_beyond_what_can_be_drawn_are_told_in_a_power_of_ten(largest, label):
    [axis] = plot_weights(weights(largest, largest / 2)).axes
    assert axis.get_xlabel() == f"value of the weight{label}"
    unit = float(label.partition("in ")[2] or 1)
    if largest:
        assert max(axis.get_xlim(), key=abs) == pytest.approx(largest / unit)


def test_the_largest_of_all_networks_says_in_what_they_are_told():
    for names in (("a", "b"), ("b", "a")):
        nets = {"a": weights(1e150, 2e150), "b": weights(1.0, 2.0)}
        [axis] = plot_weights({name: nets[name] for name in names}).axes
        assert axis.get_xlabel() == "value of the weight, in 1e+150"


def test_small_floats_are_binned_as_float64_so_that_the_ends_are_in():
    [axis] = plot_weights(weights(0.1, 0.7, dtype=np.float32)).axes
    assert axis.get_xlim() == (float(np.float32(0.1)), float(np.float32(0.7)))
    assert axis.patches[0].get_data().values[[0, -1]].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("named", "layer", "title"),
    [
        (False, None, "Values of the kept weights, all layers"),
        (True, None, "Values of the kept weights, all layers"),
        (True, "dense2.weight", "Values of the kept weights, dense2.weight"),
    ],
)
def test_the_title_says_of_which_layers(named, layer, title):
    net = network([3, 2, 2])
    assert plot_weights({"a": net, "b": net} if named else net, layer=layer).get_suptitle() == title


def test_a_layer_must_be_one_of_each_network():
    text = r"^layer must be a known name, got 'dense2\.weight' in plot_weights\(\); did you mean 'dense1\.weight'\?"
    with pytest.raises(InvalidValueError, match=text):
        plot_weights({"two": network([3, 2, 2]), "one": network([3, 2])}, layer="dense2.weight")


def test_weights_that_are_not_finite_are_refused_by_their_layer_pruned_or_not():
    for value in (np.nan, np.inf):
        for kept in (True, False):
            net = network([3, 2, 2])
            net.parameters["dense2.weight"].value[1, 0] = value
            net.parameters["dense2.weight"].mask = np.array([[True, True], [kept, True]])
            net.parameters["dense2.weight"].value[1, 0] = value
            with pytest.raises(InvalidValueError) as caught:
                plot_weights({"a": network([3, 2, 2]), "b": net})
            assert str(caught.value) == (
                f"dense2.weight must be finite, got 1 NaN or infinite in plot_weights(), the first at (1, 0): {value}"
            )
            plot_weights(net, layer="dense1.weight")  # the other layer's are


# masks


@pytest.mark.parametrize(
    ("inputs", "outputs", "across", "down"),
    [(40, 2, True, True), (41, 2, False, True), (4, 17, True, True), (4, 18, True, False), (1, 1, True, True)],
)
def test_cells_have_lines_between_them_while_there_are_no_more_than_eight_an_inch(inputs, outputs, across, down):
    [axis] = plot_masks(network([inputs, outputs])).axes
    for ruler, length, lines in ((axis.xaxis, inputs, across), (axis.yaxis, outputs, down)):
        assert list(ruler.get_minorticklocs()) == ([i + 0.5 for i in range(length - 1)] if lines else [])
        assert ruler.get_tick_params(which="minor").get("gridOn", False) == lines


@pytest.mark.parametrize(
    ("widths", "note"),
    [
        ([480, 2], " (a cell is 2 × 1 weights; the darkest keep 100 %)"),
        ([481, 2], " (a cell is up to 3 × 1 weights; the darkest keep 100 %)"),
        ([240, 2], ""),
        ([12, 401], " (a cell is up to 1 × 4 weights; the darkest keep 100 %)"),
        ([12, 264], " (a cell is 1 × 2 weights; the darkest keep 100 %)"),
    ],
)
def test_the_axis_says_how_many_weights_a_cell_is(widths, note):
    [axis] = plot_masks(network(widths, nothing)).axes
    assert axis.get_xlabel() == f"input{note}"


@pytest.mark.parametrize(("layers", "height"), [(1, 2.2), (3, 2.2), (4, 1.75), (8, 0.875), (9, 0.8), (12, 0.8)])
def test_many_masks_are_less_tall_each(layers, height):
    figure = plot_masks(network([3] * (layers + 1)))
    assert figure.get_figheight() == pytest.approx(layers * (height + 0.72) + 0.4)


@pytest.mark.parametrize(("inputs", "outputs", "height"), [(94, 4, 0.7), (47, 12, 1.2), (47, 47, 2.2), (47, 20, 2.0)])
def test_cells_are_as_tall_as_they_are_wide_within_limits(inputs, outputs, height):
    figure = plot_masks(network([inputs, outputs]))
    assert figure.get_figheight() == pytest.approx(height + 0.72 + 0.4)


def test_blocks_are_counted_beyond_what_a_byte_holds_and_are_cut_alike_in_both_directions():
    mask = np.arange(300 * 700).reshape(300, 700) % 3 > 0
    shares = block_shares(mask, 1, 2)
    assert shares.tolist() == [[mask[:, :350].mean(), mask[:, 350:].mean()]]
    np.testing.assert_array_equal(block_shares(mask.T, 2, 1), shares.T)
    assert block_shares(mask, 300, 700).tolist() == mask.tolist()


# activity


@pytest.mark.parametrize(
    ("rows", "said"), [(1, "1 row"), (2, "2 rows"), (4, "4 rows")]
)  # fmt: skip
def test_it_is_told_on_how_many_rows(rows, said):
    figure = plot_activity(analyze(one_unit_alone(), ROWS[:rows]))
    assert figure.get_suptitle() == f"How often units are active, on {said}"


def test_units_of_one_activity_stay_in_their_order_however_many():
    net = network([2, 40, 3], nothing)
    found = analyze(net, ROWS)
    dead = np.arange(40) % 4 == 1
    mask = np.ones((40, 3), bool)
    mask[dead] = False
    net.parameters["dense2.weight"].mask = mask
    found = analyze(net, ROWS)
    activity = found.layers[0].activity
    order = sorted(range(40), key=lambda unit: (-activity[unit], unit))
    [axis] = plot_activity(found).axes
    assert len(set(activity)) < 6
    assert axis.lines[0].get_xdata().tolist() == [k + 1 for k, unit in enumerate(order) if dead[unit]]
