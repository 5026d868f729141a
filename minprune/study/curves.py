"""Quality against sparsity, or against the clock: what a sweep found, with what seeds do to it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minprune.arguments import Array, choice
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.study.charts import sparsity_axis
from minprune.study.drawing import COLOURS, MUTED, heading, label_ends, look, panels
from minprune.study.records import GROUP, Sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DOTTED, _DASHED = (0, (1.5, 1.2)), (0, (5, 1.5))
_LINES = {"shuffled": _DOTTED, "reinitialised": _DASHED, "random": _DOTTED, "small_dense": _DASHED}
_SPEEDS = {  # ticks by how many times as much the last is as the first
    1.8: (0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.4, 1.6, 1.8, 2),
    5: (0.3, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 4, 6, 8),
    math.inf: (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
}


def plot_sweep(
    sweep: Sweep,
    *,
    metric: str | None = None,
    against: str = "sparsity",
    controls: bool = True,
    title: str | None = None,
) -> Figure:
    """Draw what a sweep found: the mean over seeds as a line, ± one standard deviation as a band.

    Parameters
    ----------
    sweep : Sweep
    metric : str, optional
        As for `Sweep.summary`; the first by default.
    against : {"sparsity", "latency"}
        Against the weights pruned, or against the measured speed-up of a compiled network over the compiled dense
        one, where bars across show what seeds do to the clock.
    controls : bool
        Draw the controls too: dashed, in the colour of their criterion or in grey. Against latency that is the small
        dense network; the others are of the same shapes as what they control.
    title : str, optional

    Returns
    -------
    Figure
        The dense network is the horizontal line.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant; latency that was not measured; no pruned network among what is drawn.

    Examples
    --------
    >>> asked = {"control": None, "criterion": "magnitude", "allocation": "Global", "pattern": "Unstructured"}
    >>> runs = [asked | {"sparsity": s, "seed": k, "accuracy": 1 - s / 9 + k / 99} for s in (0.5, 0.9) for k in (0, 1)]
    >>> figure = plot_sweep(Sweep(tuple(runs)))
    >>> [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    ['50 %', '80 %', '90 %']
    """
    if not isinstance(sweep, Sweep):
        raise InvalidTypeError(f"sweep must be a Sweep, got {type(sweep).__name__} in plot_sweep(); see sweep()")
    choice(against, "against", "plot_sweep", ("sparsity", "latency"))
    name = sweep.metric(metric, "plot_sweep")
    if against == "latency" and any("speedup" not in record for record in sweep.records):
        raise InvalidValueError(
            "sweep must hold latencies, got none in plot_sweep(): sweep(…, latency=1) measures them"
        )
    shown = {None, "dense", *((_LINES if against == "sparsity" else ["small_dense"]) if controls else [])}
    rows = [row for row in sweep.summary(name) if row["control"] in shown]
    lines: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["control"] != "dense":
            lines.setdefault(sweep.label(row), []).append(row)
    if not lines:
        raise InvalidValueError("sweep must hold pruned networks, got none that is drawn in plot_sweep()")
    for of_line in lines.values():
        of_line.sort(key=lambda row: row["sparsity"])
    dense = next((row for row in rows if row["control"] == "dense"), None)
    speeds = {_key(row): row for row in sweep.summary("speedup")} if against == "latency" else {}
    what = "the measured speed-up" if speeds else "the share of weights pruned"
    about = f"{name[0].upper()}{name[1:]} against {what}\n(mean ± standard deviation over seeds)"
    height = max(2.8, 0.19 * (len(lines) + 1))
    with panels([height], heading(title, about, "plot_sweep"), around=0.5) as (figure, [axis]):
        axis.set_xscale("log")
        across = {label: _across(of_line, speeds) for label, of_line in lines.items()}
        places = [at for x, sd in across.values() for at in (*x, *(x + sd), *np.maximum(x - sd, x / 4))]
        last = _speed_axis(axis, [*places, 1.0], sweep) if speeds else sparsity_axis(axis, places)
        styles, ends = _styles(lines), []
        for label, of_line in lines.items():
            (x, x_sd), (mean, sd), colour = across[label], _columns(of_line), styles[label]["color"]
            if speeds:
                axis.errorbar(x, mean, xerr=x_sd, fmt="none", ecolor=colour, elinewidth=0.9, alpha=0.6)
            alpha = 0.18 if of_line[0]["control"] is None else 0.07
            axis.fill_between(x, mean - sd, mean + sd, color=colour, alpha=alpha, linewidth=0)
            axis.plot(x, mean, label=label, **styles[label])
            ends.append((label, x[-1], mean[-1], colour))
        if dense is not None:
            mean, sd = _columns([dense])
            axis.axhspan(mean[0] - sd[0], mean[0] + sd[0], color=MUTED, alpha=0.15, linewidth=0)
            axis.axhline(mean[0], color=MUTED, linestyle=(0, (2, 2)), linewidth=1.2)
            ends.append((f"dense {mean[0]:.4g}", last, float(mean[0]), MUTED))
        axis.set_ylabel(name)
        label_ends(axis, ends)
    return figure


def _styles(lines: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Return how each line is drawn: a way to prune by its own colour, solid, and its controls by that, dashed."""
    ways = [rows[0] for rows in lines.values() if rows[0]["control"] is None]
    own = {
        _way(row): look(k) | ({"markerfacecolor": "white"} if k >= len(COLOURS) else {}) for k, row in enumerate(ways)
    }
    styles = {}
    for label, rows in lines.items():
        row = rows[0]
        style = own.get(_way(row), {"color": MUTED, "marker": "."})
        if row["control"] is None:
            styles[label] = style | {"linestyle": "-"}
        else:
            dash = _LINES[row["control"]]
            styles[label] = style | {"linestyle": dash, "linewidth": 1.2, "markersize": 3}
    return styles


def _speed_axis(axis: Any, speeds: list[float], sweep: Sweep) -> float:
    """Tell a logarithmic x as the speed-up; return where it ends."""
    low, high = min(speeds) / 1.05, max(speeds) * 1.05
    axis.set_xlim(low, high)
    ticks = [s for s in next(marks for most, marks in _SPEEDS.items() if high <= most * low) if low <= s <= high]
    axis.set_xticks(ticks, [f"{s:g}×" for s in ticks])
    axis.minorticks_off()
    axis.set_xlabel(f"speed-up over dense, compiled, batch {sweep.records[0]['batch_size']} (log scale)")
    return high


def _across(rows: list[dict[str, Any]], speeds: dict[tuple[Any, ...], dict[str, Any]]) -> tuple[Array, Array]:
    """Return where the points of a line are, and how far seeds move them: the speed-ups if any, else what is kept."""
    if speeds:
        return _columns([speeds[_key(row)] for row in rows])
    return np.array([1 - row["sparsity"] for row in rows]), np.zeros(len(rows))


def _columns(rows: list[dict[str, Any]]) -> tuple[Array, Array]:
    """Return means and standard deviations; of a single seed there is none, and the band has no width."""
    return np.array([row["mean"] for row in rows]), np.array([row["sd"] or 0.0 for row in rows])


def _way(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["criterion"], row["allocation"], row["pattern"]


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[key] for key in GROUP)
