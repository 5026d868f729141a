"""A figure in words: every artist that we set ourselves, with its text, place and looks, a line each.

    PYTHONPATH=. python tests/study/test_drawn.py        # writes drawn/*.txt anew, after a change that is meant

What the layout or a font makes of it is left out: where a panel ends up, ticks that Matplotlib chooses by the room
there is, and how far a label at the end of a line was moved. So the words are the same with any Matplotlib.
"""

from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
import pytest
from matplotlib.collections import Collection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, StepPatch
from matplotlib.text import Annotation, Text
from matplotlib.ticker import AutoLocator, AutoMinorLocator, LogLocator, MaxNLocator

from minprune.study.drawing import in_style

_FEW = 16  # numbers; of more, how many there are, the first, the last and sums


def number(value):
    return f"{float(value) + 0.0:.5g}"


def numbers(values):
    """Return numbers in words; of many, sums that change when one of them or their order does."""
    array = np.ma.masked_invalid(np.ma.asarray(values, float))
    flat = array.filled(-1e9).ravel() if array.mask.any() else np.asarray(array).ravel()
    if flat.size <= _FEW:
        return "[" + " ".join("–" if value == -1e9 else number(value) for value in flat) + "]"
    along = flat @ np.arange(flat.size) / flat.size
    shape = "×".join(map(str, array.shape))
    return f"[{shape}: {number(flat[0])} … {number(flat[-1])}, sum {number(flat.sum())}, along {number(along)}]"


def hue(colour):
    return "none" if isinstance(colour, str) and colour == "none" else to_hex(colour, keep_alpha=True)


def hues(colours):
    return ",".join(dict.fromkeys(hue(colour) for colour in colours)) or "none"


def place(point):
    return "(" + " ".join(number(value) for value in point) + ")"


def looks(artist):
    """Return what any artist may have."""
    said = [f"z {number(artist.get_zorder())}"]
    said += [f"alpha {artist.get_alpha()}"] if artist.get_alpha() is not None else []
    said += ["unclipped"] if not artist.get_clip_on() else []
    said += ["out of layout"] if not artist.get_in_layout() else []
    said += ["hidden"] if not artist.get_visible() else []
    label = artist.get_label()
    said += [f"label {label!r}"] if label and not str(label).startswith("_") else []
    return ", ".join(said)


def font(text):
    return (
        f"{hue(text.get_color())} {text.get_fontsize():g} pt {text.get_fontweight()} {text.get_fontname()}, "
        f"{text.get_ha()} {text.get_va()}"
    )


def of_text(text):
    said = f"text {text.get_text()!r} {font(text)}"
    if not isinstance(text, Annotation):
        return f"{said} at {place(text.get_position())}"
    own = text.xyann[:1] if text.anncoords == "axes fraction" else text.xyann  # the other is what the labels leave it
    said += f" at {place(text.xy)} in {text.xycoords}, {place(own)} in {text.anncoords}"
    if text.arrow_patch is not None:
        arrow = text.arrow_patch
        ends = f"{arrow.shrinkA:g} {arrow.shrinkB:g}, from {text.arrowprops.get('relpos')}"
        said += f", arrow {text.arrowprops['arrowstyle']} {hue(arrow.get_edgecolor())} {arrow.get_linewidth():g} {ends}"
    return said


def of_line(line):
    dash = line._unscaled_dash_pattern  # what `get_linestyle` calls "--", whatever it is
    said = f"line x {numbers(line.get_xdata())} y {numbers(line.get_ydata())}"
    if line.get_linestyle() not in ("", "None", " "):
        dashes = f"{number(dash[0])} {list(dash[1])}" if dash[1] else "None"
        said += f" {hue(line.get_color())} {line.get_linestyle()} {dashes} {line.get_linewidth():g}"
        said += f" {line.get_drawstyle()} {line.get_solid_capstyle()}"
    if (marker := line.get_marker()) not in ("", "None", None):
        face = hue(line.get_markerfacecolor()) if marker in Line2D.filled_markers else "none"
        edge = f"{hue(line.get_markeredgecolor())} {line.get_markeredgewidth():g}"
        every = line.get_markevery()
        said += f", marker {marker} {line.get_markersize():g} {face} edge {edge}"
        said += f" every {every}" if every else ""
    return said


def of_patch(patch):
    said = f"face {hue(patch.get_facecolor())} edge {hue(patch.get_edgecolor())} {patch.get_linewidth():g} "
    said += f"{patch.get_linestyle()} hatch {patch.get_hatch()} fill {patch.get_fill()}"
    if isinstance(patch, StepPatch):
        values, edges, _ = patch.get_data()
        return f"steps {numbers(values)} between {numbers(edges)} {said}"
    if hasattr(patch, "get_bbox"):
        return f"box {numbers(patch.get_bbox().extents)} {said}"
    return f"{type(patch).__name__} {numbers(patch.get_path().vertices)} {said}"


def of_collection(found):
    shapes = " ".join(numbers(path.vertices) for path in found.get_paths())
    said = f"{type(found).__name__} {shapes} face {hues(found.get_facecolor())} edge {hues(found.get_edgecolor())}"
    return f"{said} {numbers(found.get_linewidth())} hatch {found.get_hatch()}"


def of_image(image):
    shades = [hue(image.cmap(at)) for at in (0.0, 0.25, 0.5, 0.75, 1.0)] + [hue(image.cmap.get_bad())]
    said = f"image {numbers(image.get_array())} in {numbers(image.get_extent())} from {numbers(image.get_clim())}"
    return f"{said} {image.get_interpolation()} {image.origin} {' '.join(shades)}"


KINDS = {Text: of_text, Line2D: of_line, Patch: of_patch, Collection: of_collection, AxesImage: of_image}


def of_ruler(ruler):
    """Return an axis: its label, limits, scale and ticks."""
    label, said = ruler.get_label(), []
    said.append(f"{ruler.axis_name} {label.get_text()!r} {font(label)}; {ruler.get_scale()} ")
    said[0] += numbers(ruler.get_view_interval())
    for which, locator in (("major", ruler.get_major_locator()), ("minor", ruler.get_minor_locator())):
        if isinstance(locator, AutoMinorLocator) or type(locator) is AutoLocator:
            continue
        low, high = sorted(ruler.get_view_interval())
        names = [text.get_text() for text in ruler.get_ticklabels(which=which)]
        ticks = zip(ruler.get_ticklocs(minor=which == "minor"), names, strict=True)
        seen = [(at, name) for at, name in ticks if low <= at <= high]  # beyond it Matplotlib has some or not
        if not seen:
            continue
        ticks, names = zip(*seen, strict=True)
        own = ruler.get_tick_params(which=which)
        one = (ruler.get_major_ticks if which == "major" else ruler.get_minor_ticks)(1)[0]
        grid = one.gridline
        lines = f"{hue(grid.get_color())} {grid.get_linewidth():g}" if own.get("gridOn") else "none"
        if isinstance(locator, MaxNLocator):  # which ticks it would choose elsewhere
            chosen = " ".join(str(len(locator.tick_values(0, most))) for most in (1, 4, 7, 8.5, 17, 45, 330))
            said.append(f"  up to 1, 4, 7, 8.5, 17, 45, 330: {chosen} ticks")
        if isinstance(locator, LogLocator):
            said.append(f"  at most {locator.numticks} ticks")
        label = f"{hue(one.label1.get_color())} {one.label1.get_fontsize():g} pt"
        said.append(f"  {which} {type(locator).__name__} {numbers(ticks)} {list(filter(None, names))} {label}")
        said[-1] += f", long {one.tick1line.get_markersize():g}, grid {lines}"
    return said


def of_axes(axes):
    title = axes.title if axes.title.get_text() else axes._left_title
    said = [f"title {title.get_text()!r} {font(title)}"]
    said += [*of_ruler(axes.xaxis), *of_ruler(axes.yaxis)]
    spines = [name for name, spine in axes.spines.items() if spine.get_visible()]
    ratios = axes.get_subplotspec().get_gridspec().get_height_ratios()
    said.append(f"spines {spines}, aspect {axes.get_aspect()}, below {axes.get_axisbelow()}, heights {numbers(ratios)}")
    frame = {axes.patch, axes.title, axes._left_title, axes._right_title, *axes.spines.values()}
    for artist in axes.get_children():
        for kind, told in KINDS.items():
            if isinstance(artist, kind) and artist not in frame:
                said.append(f"{told(artist)}, {looks(artist)}")
    if (legend := axes.get_legend()) is not None:
        box = legend.get_bbox_to_anchor().transformed(axes.transAxes.inverted())
        said.append(f"legend at {place(box.p0)} loc {legend._loc} frame {legend.get_frame_on()} {legend.borderaxespad}")
        said[-1] += f" {legend.borderpad}"
        said += [f"  {text.get_text()!r} {font(text)}" for text in legend.get_texts()]
        said += [f"  {told}" for told in map(of_key, legend.legend_handles)]
    return said


def of_key(handle):
    return of_patch(handle) if isinstance(handle, Patch) else of_line(handle)


@contextmanager
def without_layout():
    """Draw figures without laying them out, which takes most of the time and which the words don't tell."""
    with patch.object(Figure, "draw_without_rendering", lambda figure: None):
        yield


@pytest.fixture
def unlaid():
    """Let a test draw without laying out; for whole files: `pytestmark = pytest.mark.usefixtures("unlaid")`."""
    with without_layout():
        yield


def describe(figure):
    """Return a figure in words."""
    with in_style():  # for ticks that are not made yet
        return _described(figure)


def _described(figure):
    title = figure._suptitle
    said = [f"figure {place(figure.get_size_inches())} inches"]
    if title is not None:
        said.append(f"{title.get_text()!r} {font(title)} from {number(title.get_position()[0])}")
    for axes in figure.axes:
        said += ["", *of_axes(axes)]
    return "\n".join(line.rstrip() for line in said) + "\n"
