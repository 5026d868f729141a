"""What can be seen of a network and its pruning. Each function takes results, draws them and returns a Figure.

plot_masks           which weights are kept                    a Network
plot_weights         how large the kept ones are               networks
plot_activity        how often units are active                what `analyze` found, with data
plot_history         loss and sparsity, epoch by epoch         what `fit` returned
plot_quality         quality against sparsity                  points, or rows of dicts
plot_sweep           that, with seeds and controls             what `sweep` found
plot_latency         the time a call takes                     what `compare` found
plot_where_it_pays   where sparse is faster than dense         rows of dicts
plot_breakeven       where pruning pays, on this machine       what `breakeven` found
plot_replay          how long requests wait                    what `replay` found

save                 to a png, svg or pdf                      to_svg   into an HTML page
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from minprune.arguments import Array, Bools, choice, finite
from minprune.display import count, percent
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.nn.network import Network
from minprune.study.charts import plot_history, plot_latency, plot_quality
from minprune.study.complexity import Complexity
from minprune.study.curves import plot_sweep
from minprune.study.drawing import (
    BLUE,
    COLOURS,
    DASHES,
    FAINT,
    INK,
    ORANGE,
    PALE,
    by_name,
    heading,
    panels,
    save,
    short,
    to_svg,
)
from minprune.study.payoff import plot_breakeven, plot_where_it_pays
from minprune.study.waiting import plot_replay

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "plot_activity",
    "plot_breakeven",
    "plot_history",
    "plot_latency",
    "plot_masks",
    "plot_quality",
    "plot_replay",
    "plot_sweep",
    "plot_weights",
    "plot_where_it_pays",
    "save",
    "to_svg",
]

_ACROSS = 240  # the most cells across, and
_PER_INCH = 60  # down: each still gets a pixel on a phone
_COUNTABLE = 8  # cells have lines between them, up to so many an inch
_BINS = 60


def plot_masks(network: Network, *, title: str | None = None) -> Figure:
    """Draw which weights are kept (dark) and dropped (light), a panel for each `Dense` layer.

    Inputs go across and outputs down. A weight is a cell; a matrix with more of them than can be seen is drawn in
    blocks, each as dark as the share of its weights that is kept, and the axis says how large the blocks are.

    Parameters
    ----------
    network : Network
    title : str, optional

    Returns
    -------
    Figure

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant.

    Examples
    --------
    >>> figure = plot_masks(Network.mlp([4, 8, 2], rng=0))
    >>> [axis.get_title(loc="left") for axis in figure.axes]
    ['dense1.weight: 32 of 32 kept (100.0 %)', 'dense2.weight: 16 of 16 kept (100.0 %)']
    """
    if not isinstance(network, Network):
        raise InvalidTypeError(f"network must be a Network, got {type(network).__name__} in plot_masks()")
    masks = {name: p.mask for name, p in network.prunable.items()}
    most = max(0.8, min(2.2, 7 / len(masks)))
    heights = [min(most, max(0.7, 4.7 * m.shape[1] / m.shape[0])) for m in masks.values()]
    total = f"Kept weights (dark): {count(network.kept)} of {count(network.weights)} ({percent(1 - network.sparsity)})"
    with panels(heights, heading(title, total, "plot_masks"), around=0.72) as (figure, axes):
        from matplotlib.colors import LinearSegmentedColormap
        from matplotlib.ticker import FixedLocator, MaxNLocator

        shades = LinearSegmentedColormap.from_list("kept", [FAINT, "#0B3C5D"])
        for axis, height, (name, mask) in zip(axes, heights, masks.items(), strict=True):
            inputs, outputs = mask.shape
            shares = block_shares(mask.T, int(_PER_INCH * height), _ACROSS)
            darkest = float(shares.max()) or 1.0
            axis.imshow(
                shares, shades, aspect="auto", interpolation="none", vmin=0, vmax=darkest,
                extent=(-0.5, inputs - 0.5, outputs - 0.5, -0.5),
            )  # fmt: skip
            kept = int(mask.sum())
            axis.set_title(f"{name}: {count(kept)} of {count(mask.size)} kept ({percent(kept / mask.size)})")
            note = ""
            if shares.shape != (outputs, inputs):
                across, down = -(-inputs // shares.shape[1]), -(-outputs // shares.shape[0])
                up_to = "up to " if inputs % shares.shape[1] or outputs % shares.shape[0] else ""
                note = f" (a cell is {up_to}{across} × {down} weights; the darkest keep {percent(darkest, 0)})"
            axis.set_xlabel(f"input{note}")
            axis.set_ylabel("output")
            axis.grid(False)
            for ruler, length, inches, ticks in ((axis.xaxis, inputs, 5.0, 8), (axis.yaxis, outputs, height, 3)):
                ruler.set_major_locator(MaxNLocator(ticks, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
                if length <= _COUNTABLE * inches:
                    ruler.set_minor_locator(FixedLocator([i + 0.5 for i in range(length - 1)]))
                    ruler.grid(which="minor", color="white", linewidth=1)
                    ruler.set_tick_params(which="minor", length=0)
    return figure


def block_shares(mask: Bools, most_rows: int, most_columns: int) -> Array:
    """Return the share of True in each block of a mask, blocks as small as gives no more than so many of them.

    The blocks of a direction are of one size, or of two that differ by one.

    Examples
    --------
    >>> block_shares(np.array([[True, True, False], [True, False, False]]), 1, 2)
    array([[1.  , 0.25]])
    """
    edges = []
    for length, most in zip(mask.shape, (most_rows, most_columns), strict=True):
        blocks = -(-length // -(-length // most))
        edges.append(np.arange(blocks + 1) * length // blocks)
    rows, columns = edges
    sums = np.add.reduceat(mask, columns[:-1], axis=1, dtype=np.int64)
    sums = np.add.reduceat(sums, rows[:-1], axis=0)
    result: Array = sums / np.outer(np.diff(rows), np.diff(columns))
    return result


def plot_weights(
    networks: Network | Mapping[str, Network], *, layer: str | None = None, title: str | None = None
) -> Figure:
    """Draw how the kept weights are distributed, and say how many are dropped.

    Parameters
    ----------
    networks : Network or mapping of str to Network
        Several are drawn as outlines over each other, in the same bins.
    layer : str, optional
        The name of a weight, as ``"dense1.weight"``; all of them together by default.
    title : str, optional

    Returns
    -------
    Figure
        Counts are on a logarithmic axis. Kept weights that are exactly 0 would be a spike: they are told, not drawn.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant, or weights that are not finite.

    Examples
    --------
    >>> figure = plot_weights({"small": Network.mlp([4, 2], rng=0), "large": Network.mlp([8, 2], rng=0)})
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['small: 8 kept, 0 dropped', 'large: 16 kept, 0 dropped']
    """
    named = by_name(networks, Network, "networks", "plot_weights")
    kept: dict[str, Array] = {}
    told: list[str] = []
    for label, network in named.items():
        chosen = network.prunable
        if layer is not None:
            chosen = {layer: chosen[choice(layer, "layer", "plot_weights", chosen)]}
        values = [finite(p.value, name, "plot_weights")[p.mask] for name, p in chosen.items()]
        kept[label] = np.concatenate(values).astype(np.float64)
        zeros = int(np.count_nonzero(kept[label] == 0))
        dropped = sum(p.size - p.kept for p in chosen.values())
        at_zero = f" ({count(zeros)} at exactly 0, not drawn)" if zeros else ""
        name = f"{short(label)}: " if label else ""
        told.append(f"{name}{count(kept[label].size)} kept{at_zero}, {count(dropped)} dropped")
        kept[label] = kept[label][kept[label] != 0]
    unit = _unit(max(float(np.abs(values).max(initial=0)) for values in kept.values()))
    kept = {label: values / unit for label, values in kept.items()}
    edges = _bins(np.concatenate(list(kept.values())))
    about = heading(title, f"Values of the kept weights, {layer or 'all layers'}", "plot_weights")
    with panels([2.7 + 0.2 * len(named)], about) as (figure, [axis]):
        outlines, tallest = [], 1
        for k, values_of in enumerate(kept.values()):
            counts = np.histogram(values_of, edges)[0]
            tallest = max(tallest, int(counts.max()))
            style = {"color": COLOURS[k % len(COLOURS)], "linestyle": DASHES[k % len(DASHES)], "linewidth": 1.6}
            outlines.append(axis.stairs(counts, edges, fill=len(kept) == 1, **style))
        if len(kept) == 1:
            axis.set_title(told[0])
        else:
            axis.legend(outlines, told, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, borderpad=0)
        _log_counts(axis, tallest)
        axis.set_xlabel("value of the weight" + (f", in {unit:.0e}" if unit != 1 else ""))
        axis.set_ylabel("weights in a bin (log)")
        axis.set_xlim(edges[0], edges[-1])
    return figure


def _unit(largest: float) -> float:
    """Return what the weights are told in: 1, or a power of ten where they are beyond what can be drawn."""
    if largest == 0 or 1e-100 < largest < 1e100:
        return 1.0
    return float(10.0 ** max(-300, math.floor(math.log10(largest))))


def _bins(values: Array) -> Array:
    """Return the edges of the bins: from the lowest value to the highest, and never of no width."""
    low, high = (float(values.min()), float(values.max())) if values.size else (-1.0, 1.0)
    if high - low <= 1e-6 * max(abs(low), abs(high)):
        low, high = low - 0.5 * abs(low), high + 0.5 * abs(high)
    result: Array = np.linspace(low, high, _BINS + 1)
    return result


def _log_counts(axis: Any, tallest: int) -> None:
    axis.set_ylim(0.7, tallest * 1.5)  # before it is logarithmic: without data there would be no limits to start from
    axis.set_yscale("log")
    axis.set_yticks([10**k for k in range(len(str(tallest)))], [count(10**k) for k in range(len(str(tallest)))])
    axis.minorticks_off()


def plot_activity(complexity: Complexity, *, title: str | None = None) -> Figure:
    """Draw how often the units of each hidden layer are active, the busiest first.

    Parameters
    ----------
    complexity : Complexity
        What ``analyze(network, x)`` found.
    title : str, optional

    Returns
    -------
    Figure
        A unit that is dead, i.e. on no path from an input to an output, is pale and has a cross under it; one that was
        never active has a circle.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant; no activity, since `analyze` was given no data or there is no hidden layer.

    Examples
    --------
    >>> from minprune.study.complexity import analyze
    >>> figure = plot_activity(analyze(Network.mlp([4, 8, 2], rng=0), np.eye(4)))
    >>> figure.axes[0].get_title(loc="left")
    'dense1: 8 units, 0 dead (pale, ×), 1 never active (○)'
    """
    if not isinstance(complexity, Complexity):
        raise InvalidTypeError(
            f"complexity must be a Complexity, got {type(complexity).__name__} in plot_activity(); see analyze()"
        )
    if not complexity.rows:
        raise InvalidValueError("complexity must hold activity, got none in plot_activity(): analyze(network, x) does")
    layers = [(layer, layer.activity) for layer in complexity.layers if layer.activity is not None]
    if not layers:
        raise InvalidValueError("complexity must have a hidden layer, got none in plot_activity()")
    about = f"How often units are active, on {count(complexity.rows)} row{'s' * (complexity.rows != 1)}"
    with panels([1.75] * len(layers), heading(title, about, "plot_activity")) as (figure, axes):
        from matplotlib.ticker import MaxNLocator

        for axis, (layer, activity) in zip(axes, layers, strict=True):
            order = np.argsort(-activity, kind="stable")
            edges = np.arange(layer.units + 1) + 0.5
            axis.stairs(100 * activity[order], edges, fill=True, color=PALE)
            axis.stairs(100 * np.where(layer.dead, 0, activity)[order], edges, fill=True, color=BLUE)
            for level, marker, colour, which in (
                (-9, "x", ORANGE, layer.dead[order]),
                (-22, "o", INK, activity[order] == 0),
            ):
                places = np.flatnonzero(which) + 1
                axis.plot(
                    places, np.full(len(places), level), marker, color=colour, ms=4, mew=0.9, mfc="none",
                    clip_on=False, in_layout=False,
                )  # fmt: skip
            silent, dead = int((activity == 0).sum()), int(layer.dead.sum())
            units = f"{count(layer.units)} unit{'s' * (layer.units != 1)}"
            axis.set_title(f"{layer.name}: {units}, {dead} dead (pale, ×), {silent} never active (○)")
            axis.set_ylim(-30, 100)
            axis.set_yticks([0, 50, 100], ["0 %", "50 %", "100 %"])
            axis.set_xlim(0.5, layer.units + 0.5)
            axis.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
            axis.set_ylabel("rows active on")
        axes[-1].set_xlabel("unit, the most active first")
    return figure
