"""The frame of every figure, number by number: panels, labels at the ends of lines, files and svg."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from drawing_told import without_layout
from matplotlib.figure import Figure

from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.study import drawing
from minprune.study.drawing import (
    by_name,
    darker,
    heading,
    in_style,
    label_ends,
    look,
    panels,
    save,
    short,
    spread,
    text_of,
    to_svg,
)

# panels


@pytest.mark.parametrize(
    ("title", "lines"),
    [
        ("short", ["short"]),
        ("two\nlines", ["two", "lines"]),
        (f"{'a' * 26} {'b' * 27}", [f"{'a' * 26} {'b' * 27}"]),  # 54 letters
        (f"{'a' * 27} {'b' * 27}\nc", ["a" * 27, "b" * 27, "c"]),
    ],
)
def test_panels_are_as_tall_as_asked_with_room_around_and_for_each_line_of_the_title(title, lines):
    with without_layout(), panels([1.0, 2.5], title, around=0.25) as (figure, axes):
        assert figure.get_suptitle().splitlines() == lines
        assert figure.get_size_inches() == pytest.approx((5.6, 3.5 + 0.5 + 0.2 * (1 + len(lines))))
        assert axes == figure.axes
        assert axes[0].get_subplotspec().get_gridspec().get_height_ratios() == [1.0, 2.5]


def test_without_room_around_there_is_none():
    with panels([1.0, 2.5], "t") as (figure, axes):
        pass
    assert figure.get_size_inches() == pytest.approx((5.6, 3.9))
    before = [axis.get_position().bounds for axis in axes]
    figure.set_size_inches(3, 3)
    figure.draw_without_rendering()
    assert [axis.get_position().bounds for axis in axes] == before  # is laid out no more
    assert figure._repr_svg_() == to_svg(figure)
    first, second = (axis.get_position().height for axis in axes)
    assert second == pytest.approx(2.5 * first)


def test_settings_inside_are_matplotlibs_defaults_and_the_style():
    import matplotlib

    with matplotlib.rc_context({"font.size": 31, "axes.facecolor": "black"}):
        with in_style():
            inside = dict(matplotlib.rcParams)
        assert matplotlib.rcParams["font.size"] == 31
    assert inside["axes.facecolor"] == matplotlib.rcParamsDefault["axes.facecolor"] == "white"
    assert (inside["font.size"], inside["svg.hashsalt"], inside["text.parse_math"]) == (10, "minprune", False)


# labels


def drawn_axis():
    """A panel of 180 points, on which a y of 0 … 10 goes from the bottom to the top."""
    figure = Figure(figsize=(4, 5), dpi=100)
    axis = figure.add_axes([0.1, 0.2, 0.5, 0.5])
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 10)
    return axis


def test_labels_stand_right_of_the_panel_level_with_their_points_and_12_and_a_half_points_apart():
    axis = drawn_axis()
    ends = [
        ("low", 0.5, 2.0, "#ff8000"),
        ("a", 1.0, 5.0, "#000000"),
        ("b", 1.0, 5.0, "#0072B2"),
        ("high", 1.0, 12.0, "#fff000"),
    ]
    label_ends(axis, ends)
    gap = 12.5 / 180
    assert [label.get_text() for label in axis.texts] == ["low", "a", "b", "high"]
    assert [label.xy for label in axis.texts] == [(x, y) for _, x, y, _ in ends]
    levels = [label.xyann for label in axis.texts]
    np.testing.assert_allclose(levels, [(1.035, 0.2), (1.035, 0.5 - gap / 2), (1.035, 0.5 + gap / 2), (1.035, 1.0)])
    assert [label.get_color() for label in axis.texts] == ["#bf6000", "#000000", "#005585", "#bfb400"]


@pytest.mark.parametrize(
    ("places", "high", "wanted"),
    [
        ([], np.inf, []),
        ([3.0], np.inf, [3.0]),
        ([-1.0], np.inf, [0.0]),
        ([0.0, 0.5, 4.0], np.inf, [0.0, 1.0, 4.0]),
        ([2.0, 2.0, 2.0], np.inf, [1.0, 2.0, 3.0]),
        ([5.0, 1.0, 5.5], np.inf, [4.75, 1.0, 5.75]),
        ([0.0, 6.0, 6.0, 9.0], np.inf, [0.0, 5.5, 6.5, 9.0]),  # and leave alone who has room
        ([9.0, 9.0, 9.0], 9.0, [7.0, 8.0, 9.0]),
        ([5.0, 5.0, 3.0, 3.0, 3.0], np.inf, [4.8, 5.8, 1.8, 2.8, 3.8]),  # pools of several push each other
        ([0.0, 9.0, 9.0, 9.0], 2.0, [0.0, 1.0, 2.0, 3.0]),  # more than there is room for: from the bottom up
    ],
)
def test_places_are_moved_as_little_as_possible(places, high, wanted):
    assert spread(places, 1.0, high=high) == pytest.approx(wanted)


def test_labels_at_one_place_keep_their_order_however_many():
    places = [float(k % 3) for k in range(90)]
    moved = spread(places, 0.5)
    assert [k for _, k in sorted(zip(moved, range(90), strict=True))] == sorted(range(90), key=lambda k: (k % 3, k))
    assert np.diff(sorted(moved)) == pytest.approx(0.5)


def test_long_labels_are_cut_in_their_middle():
    assert short("x" * 24) == "x" * 24
    assert short("abcdefghijklmnopqrstuvwxy") == "abcdefghijklmno…rstuvwxy"
    assert short(" a\n b ") == "a b"
    assert short("abcdefghijklmnopq", 16) == "abcdefg…jklmnopq"
    assert (darker("#ffffff"), darker("#0172B2")) == ("#bfbfbf", "#005585")


def test_lines_are_told_apart_by_colour_dash_and_marker_in_turn():
    looks = [look(k) for k in range(30)]
    assert [one["color"] for one in looks] == [drawing.COLOURS[k % 7] for k in range(30)]
    assert [one["linestyle"] for one in looks] == [drawing.DASHES[k % 4] for k in range(30)]
    assert [one["marker"] for one in looks] == [drawing.MARKERS[k % 7] for k in range(30)]


# arguments


def test_one_object_or_several_by_name():
    assert by_name("a", str, "texts", "fn") == {"": "a"}
    given = {"x": "a", "y": "b"}
    assert by_name(given, str, "texts", "fn") == given
    assert by_name(given, str, "texts", "fn") is not given
    for bad, text in (
        (3, "texts must be a str or a dict of names to them, got int in fn()"),
        ({}, "texts must hold at least one str, got none in fn()"),
        ({3: "a"}, "texts must map names to a str each, got 3: str in fn()"),
        ({"a": "b", "c": 4}, "texts must map names to a str each, got 'c': int in fn()"),
    ):
        with pytest.raises((InvalidTypeError, InvalidValueError)) as caught:
            by_name(bad, str, "texts", "fn")
        assert str(caught.value) == text


def test_a_title_is_the_given_one_or_the_usual_one():
    assert heading(None, "usual", "fn") == "usual"
    assert heading("own", "usual", "fn") == text_of("own", "x", "fn") == "own"


# files


@pytest.fixture
def saved(monkeypatch):
    """Matplotlib writes a picture of ours, and what it was asked for is noted."""
    asked = []

    def savefig(figure, content, **how):
        asked.append(how)
        content.write(RAW if how["format"] == "svg" and "dpi" not in how else b"content")

    monkeypatch.setattr(Figure, "savefig", savefig)
    return asked


@pytest.mark.parametrize(
    ("name", "kind", "metadata"),
    [("a.png", "png", {}), ("a.SVG", "svg", {"Date": None}), ("b.c.pdf", "pdf", {"CreationDate": None})],
)
def test_a_file_is_asked_for_by_its_suffix_at_150_dots_an_inch_and_without_a_date(
    saved, tmp_path, name, kind, metadata
):
    assert save(Figure(), tmp_path / name) == tmp_path / name
    assert save(Figure(), str(tmp_path / name), dpi=1200) == Path(tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"content"
    assert saved == [{"format": kind, "dpi": dpi, "metadata": metadata} for dpi in (150, 1200)]
    saved[0]["metadata"]["Date"] = "today"
    assert drawing._FORMATS[kind] == metadata  # each save has its own


def refused(call):
    with pytest.raises((InvalidTypeError, InvalidValueError)) as caught:
        call()
    return str(caught.value)


def test_what_can_not_be_written_is_refused_to_the_letter(tmp_path):
    for call, text in {
        lambda: save(3, "a.png"): "figure must be a matplotlib Figure, got int in save()",
        lambda: save(Figure(), 3): "path must be a path, got int 3 in save()",
        lambda: save(
            Figure(), tmp_path / "a"
        ): "suffix of path must be a known name, got '' in save(); known: png, svg, pdf",
        lambda: save(Figure(), tmp_path / "a.png", dpi=1201): "dpi must be at most 1200, got 1201 in save()",
        lambda: save(Figure(), tmp_path / "a.png", dpi=1.5): "dpi must be a whole number, got float 1.5 in save()",
        lambda: to_svg(3): "figure must be a matplotlib Figure, got int in to_svg()",
        lambda: to_svg(Figure(), prefix=""): "prefix must not be empty, got '' in to_svg()",
        lambda: to_svg(Figure(), prefix=3): "prefix must be a string, got int 3 in to_svg()",
        lambda: to_svg(Figure(), prefix="a b"): "prefix must be a letter, then letters, digits, _ and -, got 'a b' in "
        "to_svg()",
        lambda: to_svg(
            Figure(), prefix="aä"
        ): "prefix must be a letter, then letters, digits, _ and -, got 'aä' in to_svg()",
        lambda: to_svg(Figure(), label=3): "title must be a string, got int 3 in to_svg()",
        lambda: to_svg(Figure(), label=" "): "title must not be empty, got ' ' in to_svg()",
    }.items():
        assert refused(call) == text


RAW = """<?xml version="1.0"?>
<!DOCTYPE svg>
<svg width="10pt" height="20pt" viewBox="0 0 10 20" version="1.1">
 <defs><style type="text/css">*{stroke: 1}</style></defs>
 <g id="a_1" clip-path="url(#p1)"><use xlink:href="#m1" style="font: 10px 'DejaVu Sans'"/>
 <text>id="b" href="#c" 'DejaVu Sans' *{</text></g>
 <svg id="m1" viewBox="0 0 1 1"/>
</svg>
"""


def test_an_svg_gets_ids_of_its_own_and_its_texts_are_left_alone(saved):
    figure = Figure()
    figure.suptitle('A "title"\nin two lines')
    fonts = "system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', Arial, sans-serif"

    def wanted(name, label):
        return f"""<svg id="{name}" role="img" aria-label="{label}" viewBox="0 0 10 20" \
xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">
 <defs><style type="text/css">#{name} *{{stroke: 1}}</style></defs>
 <g id="{name}-a_1" clip-path="url(#{name}-p1)"><use xlink:href="#{name}-m1" style="font: 10px {fonts}"/>
 <text>id="b" href="#c" 'DejaVu Sans' *{{</text></g>
 <svg id="{name}-m1" viewBox="0 0 1 1"/>
</svg>"""

    assert to_svg(figure, prefix="A-b_1") == wanted("A-b_1", "A &quot;title&quot; in two lines")
    usual = "fig-" + hashlib.sha256(RAW.encode()).hexdigest()[:8]
    assert to_svg(figure, label="<said>") == wanted(usual, "&lt;said&gt;")
    assert to_svg(Figure()) == wanted(usual, "figure")
    without = {"Date": None, "Creator": None, "Format": None, "Type": None}
    assert saved == [{"format": "svg", "metadata": without}] * 3
