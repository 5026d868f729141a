"""Where sparse is faster than dense: a map over sparsity and width, and the line at 1× that runs through it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from minprune.arguments import Array, fraction, real, whole
from minprune.display import count
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.study.charts import dicts_of
from minprune.study.drawing import BLUE, FAINT, INK, MUTED, ORANGE, darker, heading, panels
from minprune.study.frontier import PAYS, Breakeven, Row, layers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

_DARKEST = 3.0  # log2: from 8× on a cell is as blue as can be, so that small gains have a colour as well
_HATCH = "#CBD2D9"
_ROOMY = 7  # columns in the widest panel, up to which a cell has room for words


def plot_where_it_pays(rows: Iterable[Mapping[str, Any]], *, title: str | None = None) -> Figure:
    """Draw where sparse is faster than dense: a map over sparsity and width, a panel for each batch size.

    Parameters
    ----------
    rows : iterable of dicts
        Each with ``"width"``, ``"sparsity"``, ``"batch"`` and ``"speedup"``, the time of dense over that of sparse.
        Combinations that were not measured stay empty.
    title : str, optional

    Returns
    -------
    Figure
        Blue is faster and orange slower, on a logarithmic scale with 1× in its middle; a line runs between the two.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant, or two speed-ups for one combination.

    Examples
    --------
    >>> rows = [{"width": 1024, "sparsity": s, "batch": 1, "speedup": 10 * s} for s in (0.05, 0.9)]
    >>> figure = plot_where_it_pays(rows)
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['0.50', '9.00']
    """
    where = "plot_where_it_pays"
    found: dict[tuple[int, float, int], float] = {}
    for i, (width, sparsity, batch, speedup) in enumerate(
        dicts_of(rows, ("width", "sparsity", "batch", "speedup"), where)
    ):
        key = (
            whole(width, f"width of rows[{i}]", where),
            fraction(sparsity, f"sparsity of rows[{i}]", where),
            whole(batch, f"batch of rows[{i}]", where),
        )
        if key in found:
            at = f"width {key[0]}, sparsity {key[1]:g}, batch {key[2]}"
            raise InvalidValueError(f"rows must hold one speedup for each combination, got two for {at} in {where}()")
        found[key] = real(speedup, f"speedup of rows[{i}]", where, low=0.0, ends="(]")
    if not found:
        raise InvalidValueError(f"rows must hold at least one dict, got none in {where}()")
    widths, sparsities, batches = (sorted({key[i] for key in found}) for i in range(3))
    grids = np.full((len(batches), len(widths), len(sparsities)), np.nan)
    for (width, sparsity, batch), speedup in found.items():
        grids[batches.index(batch), widths.index(width), sparsities.index(sparsity)] = speedup
    limit = max(1.0, float(np.nanmax(np.abs(np.log2(grids)))))
    about = "Speed-up of sparse over dense\n(blue: faster, orange: slower, the line: 1×)"
    with panels([0.75 + 0.3 * len(widths)] * len(batches), heading(title, about, where)) as (figure, axes):
        shades = _shades()
        for axis, batch, grid in zip(axes, batches, grids, strict=True):
            axis.imshow(
                np.log2(grid), shades, aspect="auto", interpolation="none", origin="lower", vmin=-limit, vmax=limit
            )
            for row, column in np.argwhere(np.isfinite(grid)):
                value = float(grid[row, column])
                axis.text(
                    column, row, _number(value), ha="center", va="center",
                    fontsize=9, color=_ink(shades, value, limit),
                )  # fmt: skip
            for x, y in frontier(grid):
                axis.plot(x, y, color=INK, linewidth=2.4)
            axis.set_title(f"batch {count(batch)}")
            axis.set_xticks(range(len(sparsities)), [f"{100 * s:.4g} %" for s in sparsities])
            axis.set_yticks(range(len(widths)), [count(width) for width in widths])
            axis.tick_params(length=0)
            axis.grid(False)
            axis.set_ylabel("width")
        axes[-1].set_xlabel("weights pruned")
    return figure


def plot_breakeven(found: Breakeven, *, title: str | None = None) -> Figure:
    """Draw where pruning pays: a panel for each network and pattern, sparsity across and batch sizes down.

    Parameters
    ----------
    found : Breakeven
        What `breakeven` measured.
    title : str, optional

    Returns
    -------
    Figure
        Blue is faster and orange slower than dense, on a logarithmic scale with 1× in its middle. The bold line is the
        frontier: right of it pruning pays, and beside each row stands from where. Left of it cells are hatched.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant.

    Examples
    --------
    >>> from minprune import Unstructured
    >>> from minprune.study.breakeven import breakeven
    >>> figure = plot_breakeven(breakeven([16], [0.5, 0.9], [1], [Unstructured()], seconds=0.001))
    >>> [axis.get_title(loc="left") for axis in figure.axes]
    ['Unstructured, 3 × 16']
    """
    where = "plot_breakeven"
    if not isinstance(found, Breakeven):
        raise InvalidTypeError(f"found must be a Breakeven, got {type(found).__name__} in {where}(); see breakeven()")
    grouped: dict[str, list[Row]] = {}
    for row in found.rows():
        grouped.setdefault(f"{row.pattern}, {layers(row.width, found.depth)}", []).append(row)
    known = [cell.speedup for cell in found.cells if cell.known and cell.speedup is not None]
    limit = min(float(np.max(np.abs(np.log2(known)), initial=1.0)), _DARKEST)
    about = "Where pruning pays: how many times as fast as dense\n(blue: faster, orange: slower, hatched: no gain)"
    heights = [0.33 + 0.42 * len(rows) for rows in grouped.values()]
    roomy = max(len(rows[0].cells) for rows in grouped.values()) <= _ROOMY
    with panels(heights, heading(title, about, where)) as (figure, axes):
        for axis, (name, rows) in zip(axes, grouped.items(), strict=True):
            axis.set_title(name)
            _map(axis, rows, limit, roomy=roomy)
        pruned = "weights pruned" if roomy else "% pruned"
        threads = f"{found.blas.threads} BLAS thread{'s' * (found.blas.threads != 1)}"
        axes[-1].set_xlabel(f"{pruned} (a gain: three rounds in four are above {PAYS:g}×; {threads})")
    return figure


def _map(axis: Axes, rows: list[Row], limit: float, *, roomy: bool) -> None:
    """Draw the cells of a panel, the frontier through them, and what it says at the right."""
    shades, columns = _shades(), len(rows[0].cells)
    grid = np.full((len(rows), columns), np.nan)
    for r, row in enumerate(rows):
        for c, cell in enumerate(row.cells):
            if not cell.known or cell.speedup is None:
                axis.text(c, r, "?" if cell.disturbed else "–", ha="center", va="center", fontsize=9, color=MUTED)
                continue
            grid[r, c] = np.log2(cell.speedup)
            colour = _ink(shades, cell.speedup, limit)
            weight = "bold" if cell.pays else "normal"
            axis.text(
                c, r - (0.0 if cell.pays or not roomy else 0.17), _number(cell.speedup),
                ha="center", va="center", fontsize=9 if roomy else 8, weight=weight, color=colour,
            )  # fmt: skip
            if not cell.pays:
                axis.fill_between([c - 0.5, c + 0.5], r - 0.5, r + 0.5, hatch="////", fc="none", ec=_HATCH, lw=0)
                if roomy:
                    axis.text(c, r + 0.22, "no gain", ha="center", va="center", fontsize=7.5, color=colour)
    axis.imshow(grid, shades, aspect="auto", interpolation="none", vmin=-limit, vmax=limit)
    for x, y in _staircase(rows):
        axis.plot(x, y, color=INK, linewidth=3.2, clip_on=False, zorder=4)
    for r, row in enumerate(rows):
        never = row.pays_from is None
        if any(cell.known for cell in row.cells):
            text = "never" if row.pays_from is None else f"from {100 * row.pays_from:.4g} %"
            axis.annotate(
                text, (1, r), (6, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center",
                fontsize=9.5, weight="bold", color=darker(ORANGE if never else BLUE),
            )  # fmt: skip
    unit = " %" if roomy else ""
    axis.set_xticks(range(columns), [f"{100 * cell.sparsity:.4g}{unit}" for cell in rows[0].cells])
    axis.set_yticks(range(len(rows)), [f"batch {count(row.batch_size)}" for row in rows])
    axis.tick_params(length=0)
    axis.grid(False)
    for spine in axis.spines.values():
        spine.set_visible(False)


def _staircase(rows: list[Row]) -> list[tuple[list[float], list[float]]]:
    """Return the frontier of a panel as lines (x, y): one, unless rows without a measurement interrupt it.

    Where pruning never pays it runs along the right edge.
    """
    lines: list[tuple[list[float], list[float]]] = []
    going = False
    for r, row in enumerate(rows):
        if not any(cell.known for cell in row.cells):
            going = False
            continue
        levels = [cell.sparsity for cell in row.cells]
        at = (len(levels) if row.pays_from is None else levels.index(row.pays_from)) - 0.5
        if not going:
            lines.append(([], []))
        lines[-1][0].extend([at, at])
        lines[-1][1].extend([r - 0.5, r + 0.5])
        going = True
    return lines


def _shades() -> Colormap:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("pays", [ORANGE, "#F7F7F5", BLUE]).with_extremes(bad=FAINT)


def _ink(shades: Colormap, speedup: float, limit: float) -> str:
    """Return the colour of letters that can be read on a cell's."""
    light = np.dot(shades(0.5 + np.log2(speedup) / (2 * limit))[:3], (0.21, 0.72, 0.07))
    return "white" if light < 0.52 else INK


def _number(speedup: float) -> str:
    return f"{speedup:.2f}" if speedup < 9.995 else f"{speedup:#.3g}".removesuffix(".")


def frontier(grid: Array) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Return the edges (x, x), (y, y) between neighbouring cells of which one is at least 1 and the other below.

    Examples
    --------
    >>> frontier(np.array([[0.5, 2.0]]))
    [((0.5, 0.5), (-0.5, 0.5))]
    """
    pays, known = grid >= 1, np.isfinite(grid)
    edges = []
    for (r, c), _ in np.ndenumerate(grid):
        if c + 1 < grid.shape[1] and known[r, c] and known[r, c + 1] and pays[r, c] != pays[r, c + 1]:
            edges.append(((c + 0.5, c + 0.5), (r - 0.5, r + 0.5)))
        if r + 1 < grid.shape[0] and known[r, c] and known[r + 1, c] and pays[r, c] != pays[r + 1, c]:
            edges.append(((c - 0.5, c + 0.5), (r + 0.5, r + 0.5)))
    return edges
