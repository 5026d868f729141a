import json

import numpy as np
import pytest
from drawing_told import unlaid  # noqa: F401
from hypothesis import given
from hypothesis import strategies as st

from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.study.drawing import INK
from minprune.study.frontier import Breakeven, Cell
from minprune.study.payoff import plot_breakeven
from minprune.study.timing import Blas

pytestmark = pytest.mark.usefixtures("unlaid")

LEVELS = (0.5, 0.8, 0.9, 0.99)
HERE = Blas("someblas 1.0", 2, "OMP_NUM_THREADS")


def cell(gain, level=0.5, batch_size=1, pattern="Unstructured", width=256, **more):
    """A cell with this lower quartile; None is one without a measurement, "?" a disturbed one."""
    place = {"width": width, "pattern": pattern, "sparsity": level, "batch_size": batch_size}
    if gain is None:
        return Cell(**place, why="it does not fit")
    value = 9.0 if gain == "?" else gain
    measured = {"speedup": value + 0.01, "low": value, "high": value + 0.02, "dense": 0.002, "pruned": 0.001}
    return Cell(**place, achieved=level, bytes=0.5, disturbed=gain == "?", **measured | more)


def found(*rows, levels=LEVELS, **more):
    """A map with a row of cells for each batch size 1, 2, 4, …"""
    cells = [cell(g, s, 2**i, **more) for i, row in enumerate(rows) for g, s in zip(row, levels, strict=True)]
    return Breakeven(tuple(cells), 3, HERE)


gains = st.one_of(st.none(), st.just("?"), st.sampled_from([0.5, 1.0, 1.05, 1.06, 3.0]))


@given(st.lists(gains, min_size=1, max_size=8))
def test_the_frontier_is_the_lowest_sparsity_from_which_on_all_that_is_known_pays(row):
    levels = [0.1 * i for i in range(len(row))]
    good = [i for i, gain in enumerate(row) if gain not in (None, "?") and gain > 1.05]
    bad = [i for i, gain in enumerate(row) if gain not in (None, "?") and gain <= 1.05]
    beyond = [i for i in good if all(i > j for j in bad)]
    expected = levels[beyond[0]] if beyond else None
    assert found(row, levels=levels).frontier() == {(256, 1, "Unstructured"): expected}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ((1.0, 1.2, 2.0, 9.0), 0.8),
        ((1.2, 1.0, 2.0, 9.0), 0.9),  # a gain below a sparsity that has none is no frontier
        ((1.2, 1.2, 2.0, 1.05), None),
        ((1.0, "?", 2.0, 3.0), 0.9),
        ((1.0, 1.2, "?", 3.0), 0.8),
        ((None, 1.2, None, None), 0.8),
        ((None, None, None, None), None),
    ],
)
def test_frontiers(row, expected):
    assert found(row).frontier() == {(256, 1, "Unstructured"): expected}


def several():
    first = found((1.0, 1.2, 2.0, 9.0), (0.5, 0.9, 1.0, 1.0)).cells
    second = found((1.5, None, None, None), pattern="NM(2, 4)", width=(784, 300, 10)).cells
    third = found((None,) * 4, ("?", "?", 3.0, 40.0), pattern="Vectors(64)", width=(784, 300, 10)).cells
    return Breakeven(first + second + third, 3, HERE)


def test_it_is_printed_as_a_table_with_a_row_for_each_network_pattern_and_batch_size():
    assert repr(several()).splitlines() == [
        "How many times as fast as dense, by the share of weights pruned; (in brackets): no gain",
        "network     pattern       batch     50 %     80 %     90 %     99 %  pays from",
        "──────────────────────────────────────────────────────────────────────────────",
        "3 × 256     Unstructured      1  (1.01×)    1.21×    2.01×    9.01×       80 %",
        "3 × 256     Unstructured      2  (0.51×)  (0.91×)  (1.01×)  (1.01×)      never",
        "──────────────────────────────────────────────────────────────────────────────",
        "784-300-10  NM(2, 4)          1    1.51×        –        –        –       50 %",
        "──────────────────────────────────────────────────────────────────────────────",
        "784-300-10  Vectors(64)       1        –        –        –        –          –",
        "784-300-10  Vectors(64)       2        ?        ?    3.01×   40.01×       90 %",
        "a gain: three rounds in four are above 1.05×; someblas 1.0, 2 threads (OMP_NUM_THREADS)",
        "–: the pattern does not come to that sparsity",
        "?: the machine was busy; measure again, or with a single BLAS thread",
    ]
    assert len(repr(found((1.0, 1.2, 2.0, 9.0))).splitlines()) == 5


def test_networks_that_were_measured_at_different_sparsities_share_a_table():
    few = [cell(2.0, level, width=8) for level in (0.5, 0.75)]
    more = [cell(gain, level, width=16) for gain, level in ((1.0, 0.75), (3.0, 0.9))]
    assert repr(Breakeven((*few, *more), 3, HERE)).splitlines()[1:6] == [
        "network  pattern       batch   50 %     75 %   90 %  pays from",
        "──────────────────────────────────────────────────────────────",
        "3 × 8    Unstructured      1  2.01×    2.01×              50 %",
        "──────────────────────────────────────────────────────────────",
        "3 × 16   Unstructured      1         (1.01×)  3.01×       90 %",
    ]


def test_it_is_given_as_plain_values():
    plain = several().to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["cells"][1] == {
        "width": 256, "pattern": "Unstructured", "sparsity": 0.8, "batch_size": 1, "achieved": 0.8,
        "speedup": 1.21, "low": 1.2, "high": 1.22, "dense": 0.002, "pruned": 0.001, "bytes": 0.5,
        "disturbed": False, "why": "", "pays": True,
    }  # fmt: skip
    assert plain["frontier"][2] == {"width": [784, 300, 10], "pattern": "NM(2, 4)", "batch_size": 1, "from": 0.5}
    assert (plain["depth"], plain["pays_above"], plain["blas"]["threads"]) == (3, 1.05, 2)


def texts(axis):
    return [text.get_text() for text in axis.texts]


def staircases(axis):
    return [[list(line.get_xdata()), list(line.get_ydata())] for line in axis.lines if line.get_color() == INK]


def test_there_is_a_panel_for_each_network_and_pattern_with_batch_sizes_down_and_sparsities_across():
    figure = plot_breakeven(several())
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert titles == ["Unstructured, 3 × 256", "NM(2, 4), 784-300-10", "Vectors(64), 784-300-10"]
    first = figure.axes[0]
    assert [tick.get_text() for tick in first.get_yticklabels()] == ["batch 1", "batch 2"]
    assert [tick.get_text() for tick in first.get_xticklabels()] == ["50 %", "80 %", "90 %", "99 %"]
    grid = np.asarray(first.images[0].get_array())
    np.testing.assert_allclose(2.0**grid, [[1.01, 1.21, 2.01, 9.01], [0.51, 0.91, 1.01, 1.01]])


def test_the_bold_line_is_the_frontier_and_beside_each_row_stands_from_where():
    first, second, third = plot_breakeven(several()).axes
    assert staircases(first) == [[[0.5, 0.5, 3.5, 3.5], [-0.5, 0.5, 0.5, 1.5]]]  # from 80 %, then never
    assert staircases(second) == [[[-0.5, -0.5], [-0.5, 0.5]]]
    assert staircases(third) == [[[1.5, 1.5], [0.5, 1.5]]]  # nothing is known of the first row
    said = [[text for text in texts(axis) if text.startswith(("from", "never"))] for axis in (first, second, third)]
    assert said == [["from 80 %", "never"], ["from 50 %"], ["from 90 %"]]
    weights = [line.get_linewidth() for line in first.lines if line.get_color() == INK]
    assert min(weights) >= 3


def test_the_line_is_interrupted_by_a_row_of_which_nothing_is_known():
    axis = plot_breakeven(found((1.0, 1.2, 2.0, 9.0), (None,) * 4, (1.2, 1.2, 2.0, 9.0))).axes[0]
    assert staircases(axis) == [[[0.5, 0.5], [-0.5, 0.5]], [[-0.5, -0.5], [1.5, 2.5]]]


def test_a_cell_has_its_number_and_where_it_does_not_pay_it_says_so():
    first, second, third = plot_breakeven(several()).axes
    assert [t for t in texts(first) if t[0].isdigit()] == [
        "1.01",
        "1.21",
        "2.01",
        "9.01",
        "0.51",
        "0.91",
        "1.01",
        "1.01",
    ]
    assert texts(first).count("no gain") == 5
    assert len(first.collections) == 5  # hatched
    assert texts(second).count("–") == 3
    assert texts(third).count("?") == 2
    assert "40.0" in texts(third)


def test_the_scale_is_logarithmic_with_one_in_its_middle_the_same_in_all_panels():
    limits = {image.get_clim() for axis in plot_breakeven(several()).axes for image in axis.images}
    assert limits == {(-3.0, 3.0)}
    assert plot_breakeven(found((1.0, 1.1, 1.2, 1.3))).axes[0].images[0].get_clim() == (-1.0, 1.0)


def test_many_columns_have_no_room_for_words():
    levels = [0.1 * i for i in range(9)]
    axis = plot_breakeven(found([1.0] * 9, levels=levels)).axes[0]
    assert "no gain" not in texts(axis)
    assert len(axis.collections) == 9
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["0", *(f"{10 * i}" for i in range(1, 9))]
    assert axis.get_xlabel().startswith("% pruned")


def test_a_map_without_any_measurement_can_be_drawn():
    axis = plot_breakeven(found((None,) * 4)).axes[0]
    assert staircases(axis) == []
    assert texts(axis) == ["–"] * 4


def test_it_is_written_where_it_is_asked_for_and_titled(tmp_path):
    figure = several().plot(tmp_path / "map.png", title="Here")
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    assert figure.get_suptitle() == "Here"
    assert plot_breakeven(several()).axes[-1].get_xlabel().endswith("2 BLAS threads)")


def test_what_is_none_is_refused():
    with pytest.raises(
        InvalidTypeError, match=r"^found must be a Breakeven, got list in plot_breakeven\(\); see breakev"
    ):
        plot_breakeven([])
    with pytest.raises(InvalidValueError, match=r"^title must not be empty, got ' ' in plot_breakeven\(\)$"):
        plot_breakeven(several(), title=" ")


def test_a_map_is_drawn_without_being_written():
    assert several().plot(title="Here").axes
