"""How everything is drawn: one style, labels that keep out of each other's way, and files that are whole.

A figure is as wide as a phone or a column of text and has its panels one under another, so that the letters keep a
size that can be read. Colours are those of Okabe & Ito (2008), which colour-blind readers can tell apart; line styles
and markers say the same once more for a greyscale print. Lines are labelled where they end.

matplotlib is imported when something is drawn, and pyplot never: no window, no state shared with other figures, and
the caller's rcParams are as they were.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minprune.arguments import choice, whole
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.storage import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, LEADER, FAINT = "#1F2933", "#616E7C", "#AEB6BF", "#EDF0F3"
BLUE, PALE, ORANGE = "#0072B2", "#A6CDE6", "#D55E00"
COLOURS = (BLUE, ORANGE, "#00805D", "#B5548A", "#B87700", "#3B8EC9", INK)  # some darker than the original, to be read
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
WIDTH = 5.6  # inches; on a phone, 1 inch is about 64 px and a point nearly a pixel

STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same picture everywhere
    "font.size": 10,
    "text.hinting": "no_hinting",  # a letter is as wide at any resolution, so the layout holds
    "text.color": INK,
    "text.parse_math": False,  # a model may be called "$"
    "figure.titlesize": 11.5,
    "figure.titleweight": "bold",
    "figure.constrained_layout.h_pad": 0.07,
    "figure.constrained_layout.w_pad": 0.07,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titlepad": 5,
    "axes.labelsize": 9.5,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#E1E5EA",
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "hatch.linewidth": 0.6,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched and copied
    "svg.hashsalt": "minprune",
}
_FORMATS = {
    "png": {},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}  # no dates: the same figure, the same bytes
_FONTS = "system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', Arial, sans-serif"


@contextmanager
def in_style() -> Iterator[None]:
    """Draw in matplotlib's defaults and `STYLE`, whatever the caller's settings, and leave those as they were."""
    import matplotlib
    from matplotlib.style import context

    with matplotlib.rc_context(), context(["default", STYLE]):
        yield


@contextmanager
def panels(heights: Sequence[float], title: str, *, around: float = 0.0) -> Iterator[tuple[Figure, list[Axes]]]:
    """Yield a figure with a title and panels of these heights in inches, to be drawn on in the house style.

    What stands around each panel gets `around` more.
    """
    from matplotlib.figure import Figure

    with in_style():
        text = "\n".join(textwrap.fill(line, 54) for line in title.splitlines())
        tall = sum(heights) + around * len(heights) + 0.2 * (2 + text.count("\n"))
        figure = Figure(figsize=(WIDTH, tall), layout="constrained")
        axes = figure.subplots(len(heights), 1, height_ratios=list(heights), squeeze=False)[:, 0]
        figure.suptitle(text, x=0.015, ha="left")
        vars(figure)["_repr_svg_"] = partial(to_svg, figure)  # a notebook shows it, although pyplot is not there
        yield figure, list(axes)
        for _ in range(2):  # makes the ticks, in this style; the layout takes two rounds to settle
            figure.draw_without_rendering()
        figure.set_layout_engine("none")  # and stays: what is drawn twice is the same twice


def spread(places: Sequence[float], gap: float, *, high: float = math.inf) -> list[float]:
    """Return `places` moved as little as possible (in squares) so that they are `gap` apart and in 0 … `high`.

    With i · gap taken off the i-th place it is a regression on a rising sequence: neighbours in the wrong order are
    pooled at their mean, and what is out of bounds goes to the bound.

    Examples
    --------
    >>> spread([0.0, 5.0, 5.0], 1.0), spread([0.0, 5.0, 5.0], 1.0, high=5.0)
    ([0.0, 4.5, 5.5], [0.0, 4.0, 5.0])
    """
    order = np.argsort(places, kind="stable")
    pools: list[tuple[float, int]] = []  # sum, count
    for i, k in enumerate(order):
        pools.append((float(places[k]) - i * gap, 1))
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] > pools[-1][0] / pools[-1][1]:
            (a, n), (b, m) = pools.pop(), pools.pop()
            pools.append((a + b, n + m))
    level = np.repeat([total / n for total, n in pools], [n for _, n in pools])
    result = np.empty(len(order))
    result[order] = np.clip(level, 0, max(0.0, high - gap * (len(order) - 1))) + gap * np.arange(len(order))
    return [float(place) for place in result]


def label_ends(axis: Axes, ends: Sequence[tuple[str, float, float, str]]) -> None:
    """Write labels (text, x, y, colour) at the right of a panel whose limits are set, level with their points."""
    figure: Any = axis.figure
    figure.draw_without_rendering()
    points = axis.get_window_extent().height * 72 / figure.dpi
    to_panel = axis.transData + axis.transAxes.inverted()
    levels = [float(to_panel.transform((x, y))[1]) for _, x, y, _ in ends]
    for (text, x, y, colour), level in zip(ends, spread(levels, 12.5 / points, high=1.0), strict=True):
        line = {"arrowstyle": "-", "color": LEADER, "lw": 0.8, "shrinkA": 1, "shrinkB": 3, "relpos": (0, 0.5)}
        axis.annotate(
            short(text), (x, y), (1.035, level), textcoords="axes fraction", va="center", fontsize=9.5,
            color=darker(colour), arrowprops=line,
        )  # fmt: skip


def short(label: str, most: int = 24) -> str:
    """Return a label that leaves room for the picture: of a long one, the beginning and the end.

    Examples
    --------
    >>> short("gradual magnitude pruning, seed 17")
    'gradual magnitu… seed 17'
    """
    line = " ".join(label.split())
    return line if len(line) <= most else f"{line[: most - 9]}…{line[-8:]}"


def darker(colour: str) -> str:
    """Return a shade of `colour` that thin letters can have on white.

    Examples
    --------
    >>> darker("#ff8000")
    '#bf6000'
    """
    return "#" + "".join(f"{int(colour[i : i + 2], 16) * 3 // 4:02x}" for i in (1, 3, 5))


def look(k: int) -> dict[str, Any]:
    """Return colour, dash and marker of the k-th line."""
    dash, marker = DASHES[k % len(DASHES)], MARKERS[k % len(MARKERS)]
    return {"color": COLOURS[k % len(COLOURS)], "linestyle": dash, "marker": marker}


def by_name(value: object, kind: type, name: str, where: str) -> dict[str, Any]:
    """Return a mapping of names to objects of a kind as a dict; a single object gets the name ``""``."""
    if isinstance(value, kind):
        return {"": value}
    if not isinstance(value, Mapping):
        raise InvalidTypeError(
            f"{name} must be a {kind.__name__} or a dict of names to them, got {type(value).__name__} in {where}()"
        )
    if not value:
        raise InvalidValueError(f"{name} must hold at least one {kind.__name__}, got none in {where}()")
    for label, one in value.items():
        if not isinstance(label, str) or not isinstance(one, kind):
            raise InvalidTypeError(
                f"{name} must map names to a {kind.__name__} each, got {label!r}: {type(one).__name__} in {where}()"
            )
    return dict(value)


def heading(title: object, default: str, where: str) -> str:
    """Return the title to be written: the given one, or the default for None."""
    if title is None:
        return default
    return text_of(title, "title", where)


def text_of(value: object, name: str, where: str) -> str:
    """Return `value` if it is a string with something in it."""
    if not isinstance(value, str):
        raise InvalidTypeError(f"{name} must be a string, got {type(value).__name__} {value!r} in {where}()")
    if not value.strip():
        raise InvalidValueError(f"{name} must not be empty, got {value!r} in {where}()")
    return value


def save(figure: Figure, path: str | os.PathLike[str], *, dpi: int = 150) -> Path:
    """Write a figure to a file, whole or not at all: a save that fails leaves an older file as it was.

    Parameters
    ----------
    figure : Figure
    path : path
        Ends in ``.png``, ``.svg`` or ``.pdf``, which says what is written.
    dpi : int
        Pixels an inch, for png.

    Returns
    -------
    Path

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant.
    StorageError
        The file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> from minprune.study.plots import plot_quality
    >>> figure = plot_quality({"magnitude": [(0.0, 0.98), (0.9, 0.97)]}, metric="accuracy")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(figure, f"{folder}/quality.png").name
    'quality.png'
    """
    _check_figure(figure, "save")
    if not isinstance(path, str | os.PathLike):
        raise InvalidTypeError(f"path must be a path, got {type(path).__name__} {path!r} in save()")
    target = Path(path)
    kind = choice(target.suffix.lower()[1:], "suffix of path", "save", _FORMATS)
    content = io.BytesIO()
    with in_style():
        figure.savefig(content, format=kind, dpi=whole(dpi, "dpi", "save", at_most=1200), metadata=dict(_FORMATS[kind]))
    return write_whole(target, content.getvalue())


def to_svg(figure: Figure, *, prefix: str | None = None, label: str | None = None) -> str:
    """Return a figure as an ``<svg>`` element to stand in an HTML page, as wide as the page lets it be.

    Parameters
    ----------
    figure : Figure
    prefix : str, optional
        What all ids begin with, so that several figures can stand in one page: a letter, then letters, digits, ``_``
        and ``-``. By default it is made from what is drawn, so that different figures get different ids.
    label : str, optional
        What a screen reader says; the figure's title by default.

    Returns
    -------
    str
        The same for the same figure: no dates, no random ids.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant.

    Examples
    --------
    >>> from minprune.study.plots import plot_quality
    >>> figure = plot_quality({"magnitude": [(0.0, 0.98), (0.9, 0.97)]}, metric="accuracy")
    >>> to_svg(figure, prefix="quality")[:25]
    '<svg id="quality" role="i'
    """
    _check_figure(figure, "to_svg")
    if prefix is not None and not re.fullmatch(r"[A-Za-z][\w-]*", text_of(prefix, "prefix", "to_svg"), re.ASCII):
        raise InvalidValueError(f"prefix must be a letter, then letters, digits, _ and -, got {prefix!r} in to_svg()")
    spoken = heading(label, figure.get_suptitle().replace("\n", " ") or "figure", "to_svg")
    content = io.StringIO()
    with in_style():
        figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    raw = content.getvalue()
    start = raw.index("<svg")
    name = prefix or "fig-" + hashlib.sha256(raw.encode()).hexdigest()[:8]

    def tag(found: re.Match[str]) -> str:  # what is between < and >; in text matplotlib writes them as entities
        own = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', found[0])
        own = re.sub(r'(href="|url\()#', rf"\1#{name}-", own)
        return own.replace("'DejaVu Sans'", _FONTS)

    body = re.sub(r"<[^>]+>", tag, raw[raw.index(">", start) + 1 :]).replace("*{", f"#{name} *{{", 1)
    box = re.search(r'viewBox="([^"]+)"', raw[start:])
    assert box is not None
    head = f'<svg id="{name}" role="img" aria-label="{escape(spoken)}" viewBox="{box[1]}"'
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f"{head} {spaces}>{body}".rstrip()


def _check_figure(figure: object, where: str) -> None:
    from matplotlib.figure import Figure

    if not isinstance(figure, Figure):
        raise InvalidTypeError(f"figure must be a matplotlib Figure, got {type(figure).__name__} in {where}()")
