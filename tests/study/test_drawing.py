"""Figures: files are whole, svg is the same each time, nothing else is touched; odd data."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from test_plots import pruned

from minprune import Dense, History, Network, analyze, compare
from minprune.errors import StorageError
from minprune.study import plots
from minprune.study.drawing import in_style, spread
from minprune.study.plots import block_shares, plot_masks, save, to_svg

NET = Network.mlp([4, 3, 2], rng=0)
STARTS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


@pytest.fixture(scope="module")
def figure():
    return plots.plot_quality({'<b>&"x" id="axes_1" $a$': [(0.0, 1), (0.9, 0.5)]}, metric="AUC", title='"AUC" <1')


@pytest.fixture(scope="module")
def page(figure):
    return to_svg(figure, prefix="one")


@pytest.fixture(scope="module")
def elsewhere():
    """What another process says: is matplotlib imported by importing, matplotlib and pyplot by drawing, and the svg."""
    code = """
import sys, minprune.study.plots as plots
from minprune import Network
print("matplotlib" in sys.modules)
svg = plots.to_svg(plots.plot_masks(Network.mlp([4, 3, 2], rng=0)))
print("matplotlib" in sys.modules, "matplotlib.pyplot" in sys.modules, svg)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return re.split(r"\s", done.stdout, maxsplit=3)


def test_importing_the_plots_does_not_import_matplotlib_and_drawing_does_not_import_pyplot(elsewhere):
    assert elsewhere[:3] == ["False", "True", "False"]


def test_the_callers_settings_neither_change_nor_matter(tmp_path):
    before = dict(matplotlib.rcParams)
    plain = to_svg(plots.plot_masks(NET))
    assert dict(matplotlib.rcParams) == before
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black", "svg.hashsalt": None, "axes.grid": False}):
        inside = dict(matplotlib.rcParams)
        figure = plots.plot_masks(NET)
        assert to_svg(figure) == plain
        save(figure, tmp_path / "a.png")
        assert dict(matplotlib.rcParams) == inside
    save(figure, tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


# svg


def test_an_svg_is_the_same_each_time_and_in_another_process(figure, page, elsewhere):
    assert to_svg(figure, prefix="one") == page
    assert to_svg(figure) == to_svg(figure) != page
    assert elsewhere[3].strip() == to_svg(plots.plot_masks(NET))


def test_an_svg_is_one_element_that_fits_its_place_and_can_be_read_aloud(page):
    assert page.startswith('<svg id="one" role="img" aria-label="&quot;AUC&quot; &lt;1" viewBox="0 0 ')
    assert page.endswith("</svg>")
    assert "<?" not in page
    assert "<!" not in page
    assert "metadata" not in page
    root = ET.fromstring(page)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert not {"width", "height"} & set(root.attrib)
    assert not re.search(r"\d{4}-\d\d-\d\d", page)


def test_text_stays_text_as_it_was_given_in_a_generic_font(page):
    root = ET.fromstring(page)
    found = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {'<b>&"x" id="axes_1" $a$', "90 %", "AUC"} <= set(found)
    assert "DejaVu" not in page
    assert "sans-serif" in page


class Ids(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.ids, self.used = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        for key, value in attributes:
            self.ids += [value] if key == "id" else []
            self.used += re.findall(r"url\(#(.*?)\)", value or "")
            self.used += [value[1:]] if key.endswith("href") and value.startswith("#") else []


def test_ids_are_unique_in_a_page_with_several_and_each_use_finds_its_own(figure, page):
    two, nets = to_svg(figure, prefix="two"), to_svg(plots.plot_masks(NET))
    found = Ids(f"<html><body>{page}{two}{nets}</body></html>")
    assert len(found.ids) == len(set(found.ids))
    assert set(found.used) <= set(found.ids)
    assert len(Ids(page).used) > 5
    assert all(name.startswith("one") for name in Ids(page).ids + Ids(page).used)
    assert re.findall("<style.*?>(.*?)[{]", page) == ["#one *"]  # an inline style would reach the whole page


def test_a_label_of_ones_own_is_what_is_said_and_a_notebook_shows_the_figure(figure):
    assert 'aria-label="what is seen"' in to_svg(figure, label="what is seen")
    assert 'aria-label="figure"' in to_svg(Figure())
    assert figure._repr_svg_() == to_svg(figure)


# files


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf", ".PNG"])
def test_a_file_is_what_its_name_says_the_same_each_time_and_alone(figure, tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    assert save(figure, path) == path
    first = path.read_bytes()
    assert first.startswith(STARTS[suffix.lower()])
    assert b"Date" not in first
    save(figure, str(path))
    assert path.read_bytes() == first
    assert os.listdir(tmp_path) == [path.name]


def test_dpi_is_pixels_an_inch(figure, tmp_path):
    for dpi in (50, 100):
        head = save(figure, tmp_path / "a.png", dpi=dpi).read_bytes()[16:24]
        width, height = figure.get_size_inches()
        np.testing.assert_allclose(np.frombuffer(head, ">u4"), [dpi * width, dpi * height], atol=1)


@pytest.mark.parametrize("failing", ["replace", "savefig"])
def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(figure, tmp_path, monkeypatch, failing):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    monkeypatch.setattr(*((os, "replace") if failing == "replace" else (Figure, "savefig")), fail)
    with pytest.raises(OSError, match="No space left on device") as caught:
        save(figure, path)
    assert failing == "savefig" or isinstance(caught.value, StorageError)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.png"]


def test_a_place_that_is_none_is_a_storage_error(figure, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"a\.png can't be written"):
        save(figure, tmp_path / "file" / "a.png")


# masks


@pytest.mark.parametrize("widths", [[784, 301, 10], [3, 999, 2], [300] * 9])
def test_every_cell_of_a_large_mask_has_a_pixel_on_a_phone_and_the_mean_is_that_of_the_mask(widths):
    net = pruned(widths, 0.9)
    figure = plot_masks(net)
    for axis, p in zip(figure.axes, net.prunable.values(), strict=True):
        drawn = axis.images[0].get_array()
        place = axis.get_position()
        assert drawn.shape[0] <= 64 * place.height * figure.get_figheight()
        assert drawn.shape[1] <= 64 * place.width * figure.get_figwidth()
        np.testing.assert_array_equal(drawn, block_shares(p.mask.T, *drawn.shape))
        assert axis.images[0].get_clim() == (0, drawn.max())
        if drawn.shape != p.shape[::-1]:
            assert f"the darkest keep {100 * drawn.max():.0f} %" in axis.get_xlabel()


# labels


def test_end_labels_stand_beside_their_panel_each_on_a_line_of_its_own():
    [axis] = plots.plot_quality({f"{k}": [(0.5, 1.0), (0.9, 9.0 if k else 0.0)] for k in range(12)}, metric="AUC").axes
    levels = sorted(label.xyann[1] for label in axis.texts)
    assert levels[0] >= 0
    assert levels[-1] <= 1 + 1e-9
    points = 72 * axis.get_position().height * axis.figure.get_figheight()
    assert min(b - a for a, b in pairwise(levels)) * points > 12


@pytest.mark.parametrize("dpi", [50, 72, 150, 300])
def test_the_layout_holds_at_any_resolution(dpi):
    figure = plots.plot_latency(_compared({"a model with many letters": NET, "b": NET}))
    figure.dpi = dpi
    with in_style():
        figure.draw_without_rendering()
        boxes = [axis.get_tightbbox() for axis in figure.axes]
    assert min(box.x0 for box in boxes) > 0.05 * dpi
    assert max(box.x1 for box in boxes) < figure.bbox.width - 0.05 * dpi


@given(st.lists(st.floats(-1, 10), max_size=12), st.floats(0.01, 0.8))
def test_labels_keep_their_distance_and_their_order_in_bounds_and_stay_where_there_is_room(places, gap):
    moved = spread(places, gap, high=9)
    order = sorted(range(len(places)), key=lambda k: (places[k], k))
    assert all(moved[b] - moved[a] >= gap - 1e-9 for a, b in pairwise(order))
    assert all(0 <= place <= 9 + 1e-9 for place in moved)
    if all(places[b] - places[a] >= gap for a, b in pairwise(order)) and all(0 <= place <= 9 for place in places):
        assert moved == pytest.approx(places)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=4), st.integers(0, 2**16))
def test_no_other_places_are_nearer(places, seed):
    moved, gap = spread(places, 1.0), 1.0
    order = sorted(range(len(places)), key=lambda k: (places[k], k))
    rng = np.random.default_rng(seed)
    others = np.maximum.accumulate(np.sort(rng.uniform(0, 14, len(places))) - gap * np.arange(len(places)))
    others = np.maximum(others, 0) + gap * np.arange(len(places))
    cost = sum((moved[k] - places[k]) ** 2 for k in order)
    assert cost <= sum((other - places[k]) ** 2 for other, k in zip(others, order, strict=True)) + 1e-9


# edges: warnings are errors


def one_weight(kept):
    net = Network([Dense.from_arrays(np.array([[0.5]], np.float32), None)])
    net.parameters["dense1.weight"].mask = np.array([[kept]])
    return net


EDGES = {
    "a fully pruned layer": lambda: plots.plot_masks(one_weight(False)),
    "one weight": lambda: plots.plot_masks(one_weight(True)),
    "no kept weight": lambda: plots.plot_weights(one_weight(False)),
    "one value": lambda: plots.plot_weights(one_weight(True)),
    "one unit": lambda: plots.plot_activity(analyze(Network.mlp([2, 1, 1], rng=0), np.ones((1, 2)))),
    "one epoch": lambda: plots.plot_history(_one_epoch()),
    "a hundred epochs": lambda: plots.plot_history(_hundred()),
    "one point": lambda: plots.plot_quality({"a": [(0.5, 0.7)]}, metric="AUC"),
    "one point, nothing pruned": lambda: plots.plot_quality({"a": [(0.0, 0.7)]}, metric="AUC", baseline=0.7),
    "extreme sparsity": lambda: plots.plot_quality({"a": [(0.0, 1.0), (0.999999, 0.1)]}, metric="AUC"),
    "many lines": lambda: plots.plot_quality({f"{k}": [(0, k % 3), (0.9, k % 2)] for k in range(30)}, metric="AUC"),
    "long names": lambda: plots.plot_latency(_compared({"$a_b$" * 30: NET, "_": NET})),
    "one cell": lambda: plots.plot_where_it_pays([{"width": 1, "sparsity": 0.0, "batch": 1, "speedup": 1.0}]),
    "tall cells": lambda: plots.plot_where_it_pays(
        [{"width": w, "sparsity": 0.5, "batch": 1, "speedup": 10.0**w} for w in range(1, 7)]
    ),
}


def _one_epoch():
    found = History()
    found.add(epoch=1, loss=0.5, valid_loss=0.4, sparsity=0.5)
    return found


def _hundred():
    found = History()
    for epoch in range(1, 101):
        found.add(epoch=epoch, loss=1 / epoch)
    return found


def _compared(models):
    return compare(models, (np.eye(4), np.array([0, 1, 0, 1])), batch_sizes=[1], seconds=0.001)


@pytest.mark.parametrize("case", EDGES)
def test_edge_data_is_drawn_without_a_warning(case, tmp_path):
    figure = EDGES[case]()
    ET.fromstring(to_svg(figure))
    save(figure, tmp_path / "a.png", dpi=40)
    for axis in figure.axes:
        box = axis.get_tightbbox()
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y0 >= 0
        assert box.y1 <= figure.bbox.height
