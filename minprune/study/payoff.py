"""Where sparse is faster than dense: a map over sparsity and width, and the line at 1× that runs through it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from minprune.arguments import Array, fraction, real, whole
from minprune.display import count
from minprune.errors import InvalidValueError
from minprune.study.charts import dicts_of
from minprune.study.drawing import BLUE, FAINT, INK, ORANGE, heading, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
        from matplotlib.colors import LinearSegmentedColormap

        shades = LinearSegmentedColormap.from_list("pays", [ORANGE, "#F7F7F5", BLUE]).with_extremes(bad=FAINT)
        for axis, batch, grid in zip(axes, batches, grids, strict=True):
            axis.imshow(
                np.log2(grid), shades, aspect="auto", interpolation="none", origin="lower", vmin=-limit, vmax=limit
            )
            for row, column in np.argwhere(np.isfinite(grid)):
                value = float(grid[row, column])
                light = np.dot(shades(0.5 + np.log2(value) / (2 * limit))[:3], (0.21, 0.72, 0.07))
                axis.text(
                    column, row, f"{value:.2f}" if value < 9.995 else f"{value:.3g}", ha="center", va="center",
                    fontsize=9, color="white" if light < 0.52 else INK,
                )  # fmt: skip
            for x, y in frontier(grid):
                axis.plot(x, y, color=INK, linewidth=2.4, solid_capstyle="projecting")
            axis.set_title(f"batch {count(batch)}")
            axis.set_xticks(range(len(sparsities)), [f"{100 * s:.4g} %" for s in sparsities])
            axis.set_yticks(range(len(widths)), [count(width) for width in widths])
            axis.tick_params(length=0)
            axis.grid(False)
            axis.set_ylabel("width")
        axes[-1].set_xlabel("weights pruned")
    return figure


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
