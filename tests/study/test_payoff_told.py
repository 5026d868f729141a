"""The details of maps of where pruning pays: numbers, the colour of letters, scales, and what is not counted."""

from dataclasses import replace

import numpy as np
import pytest
from drawing_told import unlaid  # noqa: F401
from matplotlib.colors import to_hex
from test_drawn import MAP, ONE, TWO, cells, unmeasured

from minprune.study.drawing import INK
from minprune.study.frontier import Breakeven, Cell
from minprune.study.payoff import _ink, _number, _shades, plot_breakeven, plot_where_it_pays

pytestmark = pytest.mark.usefixtures("unlaid")


def cell(speedup, sparsity=0.5, batch=1, **more):
    return Cell(64, "Unstructured", sparsity, batch, sparsity, speedup, *(0.9 * speedup, 1.1 * speedup), 1.0, 1.0, 0.5,
                **more)  # fmt: skip


def scale(axis):
    return axis.images[0].get_clim()


# numbers and colours


@pytest.mark.parametrize(
    ("speedup", "text"),
    [
        (0.004, "0.00"),
        (0.996, "1.00"),
        (9.99, "9.99"),
        (9.9949, "9.99"),
        (9.996, "10.0"),
        (12.34, "12.3"),
        (99.96, "100"),
        (123.4, "123"),
        (1234.0, "1.23e+03"),
    ],
)
def test_a_speedup_has_two_decimals_or_three_digits(speedup, text):
    assert _number(speedup) == text


@pytest.mark.parametrize("limit", [1.0, 3.0])
def test_letters_are_white_on_what_is_dark_at_both_ends_of_the_scale(limit):
    shades = _shades()
    inks = [_ink(shades, float(2.0**power), limit) for power in np.linspace(-limit, limit, 101)]
    assert inks == 8 * ["white"] + 80 * [INK] + 13 * ["white"]


def test_letters_stand_out_from_their_cell_wherever_on_the_scale():
    def luminance(colour):  # WCAG 2
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
        return np.dot(linear, (0.2126, 0.7152, 0.0722))

    shades, white, ink = _shades(), 1.0, luminance([0x1F / 255, 0x29 / 255, 0x33 / 255])
    for at in np.linspace(0, 1, 101):
        cell = luminance(shades(at))
        letters = white if _ink(shades, float(2.0 ** (2 * at - 1)), 1.0) == "white" else ink
        assert (max(cell, letters) + 0.05) / (min(cell, letters) + 0.05) > 3


def test_orange_is_slower_and_blue_is_faster_and_what_is_not_known_is_faint():
    shades = _shades()
    assert [to_hex(shades(at)) for at in (0.0, 1.0)] == ["#d55e00", "#0072b2"]
    assert to_hex(shades.get_bad()) == "#edf0f3"
    assert np.ptp(shades(0.5)[:3]) < 0.02 < 0.95 < min(shades(0.5)[:3])


# where it pays


@pytest.mark.parametrize(
    ("speedups", "limit"),
    [((1.0,), 1.0), ((0.8, 1.9), 1.0), ((0.8, 4.0), 2.0), ((0.0625, 2.0), 4.0), ((1.0, 0.125), 3.0)],
)
def test_the_scale_is_as_wide_as_the_largest_factor_and_at_least_two(speedups, limit):
    rows = [{"width": 8, "sparsity": 0.1 * k, "batch": 1, "speedup": s} for k, s in enumerate(speedups)]
    [axis] = plot_where_it_pays(rows).axes
    assert scale(axis) == pytest.approx((-limit, limit))


def test_panels_share_the_scale_and_are_as_tall_as_there_are_widths():
    figure = plot_where_it_pays([*MAP, {"width": 5000, "sparsity": 0.125, "batch": 1024, "speedup": 64.0}])
    assert {scale(axis) for axis in figure.axes} == {(-6.0, 6.0)}
    assert figure.get_figheight() == pytest.approx(3 * (0.75 + 0.3 * 4) + 0.2 * 3)
    assert [axis.get_title() or axis.get_title(loc="left") for axis in figure.axes] == [
        "batch 1",
        "batch 16",
        "batch 1,024",
    ]
    for axis in figure.axes:
        assert [tick.get_text() for tick in axis.get_xticklabels()] == ["12.5 %", "50 %", "90 %"]
        assert [tick.get_text() for tick in axis.get_yticklabels()] == ["64", "256", "1,024", "5,000"]
        assert axis.get_ylabel() == "width"
    assert [axis.get_xlabel() for axis in figure.axes] == ["", "", "weights pruned"]


# breakeven


@pytest.mark.parametrize(
    ("speedups", "limit"), [((1.5,), 1.0), ((4.0, 1.0), 2.0), ((0.25, 1.0), 2.0), ((8.0,), 3.0), ((20.0, 1.0), 3.0)]
)
def test_the_scale_of_a_map_goes_to_eight_times_at_most(speedups, limit):
    found = Breakeven(tuple(cell(s, 0.1 * (k + 1)) for k, s in enumerate(speedups)), 3, ONE)
    assert scale(plot_breakeven(found).axes[0]) == pytest.approx((-limit, limit))


def test_what_was_disturbed_or_not_measured_neither_sets_the_scale_nor_has_a_colour():
    found = (cell(2.5, 0.5), cell(6.0, 0.75, disturbed=True), Cell(64, "Unstructured", 0.9, 1, why="no"))
    [axis] = plot_breakeven(Breakeven(found, 3, ONE)).axes
    assert scale(axis) == pytest.approx((-np.log2(2.5), np.log2(2.5)))
    assert axis.images[0].get_array().mask.tolist() == [[False, True, True]]
    assert [text.get_text() for text in axis.texts] == ["2.50", "?", "–", "from 50 %"]
    [axis] = plot_breakeven(Breakeven(tuple(unmeasured(1)), 3, ONE)).axes
    assert scale(axis) == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("columns", "blas", "text"),
    [
        (7, ONE, "weights pruned (a gain: three rounds in four are above 1.05×; 1 BLAS thread)"),
        (8, ONE, "% pruned (a gain: three rounds in four are above 1.05×; 1 BLAS thread)"),
        (2, TWO, "weights pruned (a gain: three rounds in four are above 1.05×; 2 BLAS threads)"),
        (2, replace(TWO, threads=0), "weights pruned (a gain: three rounds in four are above 1.05×; 0 BLAS threads)"),
    ],
)
def test_the_last_panel_says_what_is_across_what_a_gain_is_and_on_how_many_threads(columns, blas, text):
    levels = [k / 10 for k in range(1, columns + 1)]
    found = (*cells(levels), *cells(levels, pattern="NM(2, 4)"))
    first, last = plot_breakeven(Breakeven(found, 3, blas)).axes
    assert (first.get_xlabel(), last.get_xlabel()) == ("", text)


def test_per_cent_stands_once_for_all_panels_where_one_of_them_is_wide():
    wide = cells([k / 10 for k in range(1, 9)])
    narrow = cells((0.5, 0.9), pattern="NM(2, 4)", width=32)
    first, last = plot_breakeven(Breakeven((*wide, *narrow), 3, ONE)).axes
    assert last.get_xlabel().startswith("% pruned (")
    ticks = [[tick.get_text() for tick in axis.get_xticklabels()] for axis in (first, last)]
    assert ticks == [["10", "20", "30", "40", "50", "60", "70", "80"], ["50", "90"]]


def test_panels_are_as_tall_as_there_are_batch_sizes():
    found = (*cells((0.5,), (1, 2, 3)), *cells((0.5,), (1,), pattern="NM(2, 4)"))
    figure = plot_breakeven(Breakeven(found, 3, ONE))
    assert figure.get_figheight() == pytest.approx((0.33 + 0.42 * 3) + (0.33 + 0.42) + 0.2 * 3)
    ratios = figure.axes[0].get_subplotspec().get_gridspec().get_height_ratios()
    assert ratios == pytest.approx([0.33 + 0.42 * 3, 0.33 + 0.42])
