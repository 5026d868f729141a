"""Loss, quality and time: the half of `plots` that draws what was measured, and looks into no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minprune.arguments import Array, finite, fraction, numeric, real
from minprune.display import count, duration
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.nn.training import History
from minprune.study.comparison import Comparison
from minprune.study.drawing import BLUE, INK, MUTED, by_name, heading, label_ends, look, panels, short, text_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TICKS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9999, 0.99999)
_FEW_TICKS = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)  # where the others would be too close
_LOG_FROM = 30.0  # where the slowest takes this many times as long as the fastest, no common scale shows both


def plot_history(history: History | Mapping[str, History], *, title: str | None = None) -> Figure:
    """Draw the loss epoch by epoch and, if weights were pruned, the sparsity below it.

    Parameters
    ----------
    history : History or mapping of str to History
        What `fit` returned; several are drawn together.
    title : str, optional

    Returns
    -------
    Figure
        Validation is solid, training dashed; a ring stands where the best epoch's weights were restored.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant, or a history without epochs.

    Examples
    --------
    >>> history = History()
    >>> history.add(epoch=1, loss=0.7, sparsity=0.0); history.add(epoch=2, loss=0.5, sparsity=0.9)
    >>> [axis.get_ylabel() for axis in plot_history(history).axes]
    ['loss', 'pruned']
    """
    named = by_name(history, History, "history", "plot_history")
    alone = list(named) == [""]
    seen = {label: _epochs(one, "history" if alone else f"history[{label!r}]") for label, one in named.items()}
    valid = any("valid_loss" in columns for columns in seen.values())
    pruned = any("sparsity" in columns and columns["sparsity"].max() > 0 for columns in seen.values())
    default = "Loss by epoch" + (" (solid: validation, dashed: training)" if valid and not alone else "")
    room = 0.19 * len(seen)  # for the labels
    heights = [max(2.3, room), max(0.9, room)] if pruned else [max(2.3, room)]
    with panels(heights, heading(title, default, "plot_history"), around=0.5) as (figure, axes):
        from matplotlib.ticker import MaxNLocator

        ends, shares = [], []
        for k, (label, columns) in enumerate(seen.items()):
            epochs = columns["epoch"]
            solid = look(k) | {"linestyle": "-", "markevery": -(-len(epochs) // 12)}
            thin = solid | {"linestyle": "--", "linewidth": 1.2, "marker": "" if len(epochs) > 1 else "."}
            thin |= {"color": MUTED} if alone else {}
            for column, kind in (("valid_loss", "validation"), ("loss", "training")):
                if column in columns:
                    style = thin if valid and column == "loss" else solid
                    axes[0].plot(epochs, columns[column], **style)
                    if alone or column == "valid_loss" or "valid_loss" not in columns:
                        ends.append((kind if alone else label, epochs[-1], columns[column][-1], style["color"]))
            best = named[label].best_epoch
            if valid and best is not None:
                at = columns["valid_loss"][epochs == best]
                axes[0].plot([best] * len(at), at, "o", ms=10, mfc="none", color=solid["color"])
            if pruned and "sparsity" in columns:
                share = 100 * columns["sparsity"]
                axes[1].plot(epochs, share, **solid)
                shares.append((f"{short(label, 16)} {share[-1]:.1f} %".strip(), epochs[-1], share[-1], solid["color"]))
        last = max(columns["epoch"].max() for columns in seen.values())
        for axis in axes:
            axis.set_xlim(min(0.8, 1 - 0.02 * last), last + max(0.2, 0.02 * last))
            axis.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
        axes[0].set_ylabel("loss")
        axes[-1].set_xlabel("epoch")
        if pruned:
            axes[1].set_ylabel("pruned")
            axes[1].set_ylim(0, 105)
            axes[1].set_yticks([0, 50, 100], ["0 %", "50 %", "100 %"])
            label_ends(axes[1], shares)
        label_ends(axes[0], ends)
    return figure


def _epochs(history: History, which: str) -> dict[str, Array]:
    """Return the columns that are drawn, all of one length."""
    if not len(history) or "loss" not in history.columns:
        raise InvalidValueError(f"{which} must hold at least one epoch with a loss, got none in plot_history()")
    columns: dict[str, Array] = {}
    for name in ("epoch", "loss", "valid_loss", "sparsity"):
        if name in history.columns:
            columns[name] = finite(numeric(history[name], name, "plot_history"), f"{name} of {which}", "plot_history")
            if len(columns[name]) != len(history):
                raise InvalidValueError(
                    f"{name} of {which} must have {len(history)} entries, got {len(columns[name])} in plot_history()"
                )
    return columns


def plot_quality(
    rows: Mapping[str, Sequence[tuple[float, float]]] | Iterable[Mapping[str, Any]],
    *,
    metric: str,
    baseline: float | None = None,
    title: str | None = None,
) -> Figure:
    """Draw quality against sparsity, a line for each label.

    Parameters
    ----------
    rows : mapping of str to pairs (sparsity, value), or rows of dicts
        A row is a dict with ``"criterion"``, ``"sparsity"`` and ``"value"``. Several values at one sparsity, as of
        several seeds, are dots, and the line goes through their medians.
    metric : str
        What the value is, for the axis.
    baseline : float, optional
        The quality of the dense network.
    title : str, optional

    Returns
    -------
    Figure
        The axis is the logarithm of the share that is kept, told as the share that is pruned: from 90 to 99 % is as
        far as from 0 to 90 %.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant.

    Examples
    --------
    >>> figure = plot_quality({"magnitude": [(0.0, 0.98), (0.9, 0.97)]}, metric="accuracy", baseline=0.98)
    >>> [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    ['0 %', '50 %', '80 %', '90 %']
    """
    curves = _curves(rows)
    name = text_of(metric, "metric", "plot_quality")
    level = None if baseline is None else real(baseline, "baseline", "plot_quality")
    about = f"{name[0].upper()}{name[1:]} against the share of weights pruned"
    with panels([max(2.6, 0.19 * (len(curves) + 1))], heading(title, about, "plot_quality"), around=0.5) as (
        figure,
        [axis],
    ):
        ends = []
        axis.set_xscale("log")
        last = sparsity_axis(axis, [1 - s for points in curves.values() for s in points])
        if level is not None:
            axis.axhline(level, color=MUTED, linestyle=(0, (2, 2)), linewidth=1.2)
        for k, (label, points) in enumerate(curves.items()):
            sparsities = sorted(points)
            medians = [float(np.median(points[s])) for s in sparsities]
            axis.plot([1 - s for s in sparsities], medians, label=label, **look(k))
            ends.append((label, 1 - sparsities[-1], medians[-1], look(k)["color"]))
            several = [(1 - s, value) for s in sparsities for value in points[s] if len(points[s]) > 1]
            if several:
                axis.plot(*np.transpose(several), ".", color=look(k)["color"], markersize=3, alpha=0.6)
        axis.set_ylabel(name)
        if level is not None:
            ends.append((f"dense {level:.4g}", last, level, MUTED))
        label_ends(axis, ends)
    return figure


def sparsity_axis(axis: Any, kept: Sequence[float]) -> float:
    """Tell a logarithmic x, the share kept, as the share pruned; return where it ends."""
    most, least = max(kept), min(kept)
    room = max((most / least) ** 0.03, 1.02)
    axis.set_xlim(most * room, least / room)
    ticks = [s for s in (_TICKS if most / least <= 300 else _FEW_TICKS) if least / room <= 1 - s <= most * room]
    ticks = ticks if len(ticks) > 1 else sorted({round(1 - least, 9), round(1 - most, 9)})
    axis.set_xticks([1 - s for s in ticks], [f"{100 * s:.6g} %" for s in ticks])
    axis.minorticks_off()
    axis.set_xlabel("weights pruned (the share kept, on a log scale)")
    return float(least / room)


def _curves(rows: object) -> dict[str, dict[float, list[float]]]:
    """Return the values by label and sparsity."""
    where, flat = "plot_quality", []
    if isinstance(rows, Mapping):
        for label, points in rows.items():
            if isinstance(points, str) or not isinstance(points, Iterable):
                got = f"{type(points).__name__} {points!r}"
                raise InvalidTypeError(f"rows[{label!r}] must be pairs (sparsity, value), got {got} in {where}()")
            flat += [(label, *_values(point), f"rows[{label!r}][{i}]") for i, point in enumerate(points)]
    else:
        flat = [(*row, f"rows[{i}]") for i, row in enumerate(dicts_of(rows, ("criterion", "sparsity", "value"), where))]
    curves: dict[str, dict[float, list[float]]] = {}
    for *found, name in flat:
        if len(found) != 3:
            raise InvalidValueError(f"{name} must be a pair (sparsity, value), got {found[1:]!r} in {where}()")
        label, sparsity, value = found
        share = fraction(sparsity, f"sparsity of {name}", where)
        curve = curves.setdefault(text_of(label, f"label of {name}", where), {})
        curve.setdefault(share, []).append(real(value, f"value of {name}", where))
    if not curves:
        raise InvalidValueError(f"rows must hold at least one point, got none in {where}()")
    return curves


def _values(point: object) -> tuple[object, ...]:
    return tuple(point) if isinstance(point, Iterable) and not isinstance(point, str) else (point,)


def dicts_of(rows: object, keys: Sequence[str], where: str) -> list[tuple[Any, ...]]:
    """Return the values of `keys` of each row."""
    if isinstance(rows, str | Mapping) or not isinstance(rows, Iterable):
        raise InvalidTypeError(f"rows must be dicts in a list, got {type(rows).__name__} in {where}()")
    found = []
    for i, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise InvalidTypeError(f"rows[{i}] must be a dict, got {type(row).__name__} {row!r} in {where}()")
        missing = [key for key in keys if key not in row]
        if missing:
            raise InvalidValueError(f"rows[{i}] must have {', '.join(keys)}, got no {missing[0]!r} in {where}()")
        found.append(tuple(row[key] for key in keys))
    return found


def plot_latency(comparison: Comparison, *, title: str | None = None) -> Figure:
    """Draw how long a call takes, a panel for each batch size and a bar for each model.

    Parameters
    ----------
    comparison : Comparison
        What `compare` found.
    title : str, optional

    Returns
    -------
    Figure
        A bar is the median, its whisker goes from the first to the third quartile, and beside it stands the speed-up
        over the baseline. Where models differ too much for one scale, it is logarithmic and says so.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant.

    Examples
    --------
    >>> from minprune import Network, compare
    >>> net = Network.mlp([4, 8, 2], rng=0)
    >>> rows = np.eye(4, dtype=np.float32), np.array([0, 1, 0, 1])
    >>> figure = plot_latency(compare({"net": net}, rows, batch_sizes=[1, 4], seconds=0.001))
    >>> [axis.get_title(loc="left") for axis in figure.axes]
    ['batch 1', 'batch 4']
    """
    if not isinstance(comparison, Comparison):
        raise InvalidTypeError(
            f"comparison must be a Comparison, got {type(comparison).__name__} in plot_latency(); see compare()"
        )
    names = list(comparison.evaluations)
    heights = [0.55 + 0.3 * len(names)] * len(comparison.timings)
    with panels(
        heights, heading(title, f"Time of a call, and speed-up over {comparison.baseline}", "plot_latency")
    ) as (figure, axes):
        from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator

        for axis, (batch, timings) in zip(axes, comparison.timings.items(), strict=True):
            medians = [timings[name].median for name in names]
            log = max(medians) > _LOG_FROM * min(medians)
            around = [
                [timings[name].median - timings[name].p25 for name in names],
                [timings[name].p75 - timings[name].median for name in names],
            ]
            colours = [MUTED if name == comparison.baseline else BLUE for name in names]
            axis.barh(
                range(len(names)), medians, 0.66, color=colours, xerr=around, log=log,
                error_kw={"ecolor": INK, "elinewidth": 1.3, "capsize": 3},
            )  # fmt: skip
            for i, name in enumerate(names):
                gain = f"{comparison.speedups[batch][name]:.2f}×" if name != comparison.baseline else "baseline"
                axis.annotate(
                    f"{duration(medians[i])}, {gain}", (timings[name].p75, i), (6, 0), textcoords="offset points",
                    va="center", fontsize=9.5,
                )  # fmt: skip
            axis.set_title(f"batch {count(batch)}" + (" (log scale)" if log else ""))
            axis.set_yticks(range(len(names)), [short(name) for name in names])
            axis.tick_params(axis="y", length=0, labelcolor=INK)
            axis.set_ylim(len(names) - 0.5, -0.5)
            axis.grid(False, axis="y")
            axis.spines["left"].set_visible(False)
            if log:
                axis.set_xlim(min(medians) / 3, max(medians) * 1.5)
                axis.xaxis.set_major_locator(LogLocator(numticks=5))
            else:
                axis.xaxis.set_major_locator(MaxNLocator(4))
            axis.minorticks_off()
            axis.xaxis.set_major_formatter(EngFormatter(unit="s"))
        axes[-1].set_xlabel("time of a call: median, with quartiles")
    return figure
