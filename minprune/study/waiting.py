"""Response times drawn: how long the unlucky wait, and how that grows with the rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minprune.arguments import Array
from minprune.display import duration, percent
from minprune.errors import InvalidTypeError
from minprune.study.drawing import FAINT, INK, heading, label_ends, look, panels, short
from minprune.study.replay import Replay, per_second

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHARES = (0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
_RATES = 60  # points of a computed line
_BEYOND = 5  # times the budget: what a run took that went far over it is drawn there


def plot_replay(found: Replay, *, title: str | None = None) -> Figure:
    """Draw how long requests waited for their answer, and how the 99th percentile grows with the rate.

    Parameters
    ----------
    found : Replay
        What `replay` measured.
    title : str, optional

    Returns
    -------
    Figure
        Above, response times by percentile, the rarest at the right: the axis is 1 / (1 − share), logarithmic, so that
        from 99 to 99.9 % is as far as from 90 to 99 %. Below, the 99th percentile by the rate: a line is computed, a
        mark is a real run, and that at the highest rate that keeps the budget has a dark edge. The dashed line is the
        budget; what is above it, in grey, is too late.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant.

    Examples
    --------
    >>> from minprune import Network
    >>> from minprune.study.replay import replay
    >>> figure = plot_replay(replay(Network.mlp([4, 8, 2], rng=0), np.eye(4), rate=200, seconds=0.1))
    >>> [axis.get_xlabel() for axis in figure.axes]
    ['share of the requests answered by then', 'requests a second (line: computed, marks: measured)']
    """
    where = "plot_replay"
    if not isinstance(found, Replay):
        raise InvalidTypeError(f"found must be a Replay, got {type(found).__name__} in {where}(); see replay()")
    about = f"Time from request to answer\nat {per_second(found.rate)} random requests a second, waiting included"
    with panels([2.5, 2.3], heading(title, about, where), around=0.45) as (figure, axes):
        _by_percentile(axes[0], found)
        _by_rate(axes[1], found)
    return figure


def _by_percentile(axis: Axes, found: Replay) -> None:
    ends = []
    longest = max(len(served.arrived) for served in found.served.values())
    axis.set_xscale("log")
    for k, (name, served) in enumerate(found.served.items()):
        x, y = _steps(served.response)
        axis.plot(x, y, **look(k) | {"marker": "", "linestyle": "-"}, drawstyle="steps-pre")
        marks = [(1 / (1 - share), served.percentile(share)) for share in (0.5, 0.9, 0.99, 0.999)]
        marked = [(at, t) for at, t in marks if t is not None]
        axis.plot(*np.transpose(marked), **look(k) | {"linestyle": ""})
        late = " or more" if served.unanswered else ""
        ends.append((f"{short(name, 16)} {duration(y[-1])}{late}", x[-1], y[-1], look(k)["color"]))
    axis.set_xlim(1, max(longest, 10))
    ticks = [share for share in _SHARES if 1 / (1 - share) <= 1.01 * longest]
    axis.set_xticks([1 / (1 - share) for share in ticks], [percent(share, _digits(share)) for share in ticks])
    axis.set_xlabel("share of the requests answered by then")
    axis.set_title("all response times, to the slowest")
    _scale(axis, found, axis.dataLim.intervaly[1])
    label_ends(axis, [*ends, (f"budget {duration(found.budget)}", axis.get_xlim()[1], found.budget, INK)])


def _by_rate(axis: Axes, found: Replay) -> None:
    from matplotlib.ticker import EngFormatter, LogLocator

    capacities = {name: 1 / float(served.occupied.mean()) for name, served in found.served.items()}
    times_seen = [t for served in found.served.values() if (t := served.percentile(0.99)) is not None]
    slowest = max([_BEYOND * found.budget, *times_seen])  # a run that fell behind is far above all that matters
    ends = []
    axis.set_xscale("log")
    for k, (name, served) in enumerate(found.served.items()):
        colour, best = look(k)["color"], found.highest[name].confirmed
        rates = np.geomspace(0.03 * min(capacities.values()), 0.995 * capacities[name], _RATES)
        times = [found.response_at(name, rate) for rate in rates]
        axis.plot(rates, times, color=colour, lw=1.2)
        for run in (served, *found.highest[name].tried):
            time = run.percentile(0.99)
            if time is not None:
                edge = INK if run.rate == best else "white"
                axis.plot(
                    [run.rate], [min(time, slowest)], look(k)["marker"], color=colour, mec=edge, mew=1.3, ms=7, zorder=4
                )  # fmt: skip
        if best is not None:
            axis.axvline(best, color=colour, linestyle=(0, (1.5, 1.5)), linewidth=1.2)
        kept = "none" if best is None else f"{per_second(best)}/s"
        ends.append((f"{short(name, 14)} {kept}", rates[-1], times[-1], colour))
    _scale(axis, found, slowest)
    most = max(run.rate for highest in found.highest.values() for run in [*highest.tried, *found.served.values()])
    axis.set_xlim(0.03 * min(capacities.values()), 1.15 * max(most, *capacities.values()))
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 3), numticks=9))
    axis.xaxis.set_major_formatter(EngFormatter())
    axis.minorticks_off()
    axis.set_xlabel("requests a second (line: computed, marks: measured)")
    axis.set_title("99th percentile; dotted: the highest rate in budget")
    top = axis.get_ylim()[1]
    ends = [(text, x, min(y, top / 1.4), colour) for text, x, y, colour in ends]
    label_ends(axis, [*ends, (f"budget {duration(found.budget)}", axis.get_xlim()[1], found.budget, INK)])


def _scale(axis: Axes, found: Replay, slowest: float) -> None:
    """Make the response times logarithmic, up to a bit above the slowest, and shade what is beyond the budget."""
    from matplotlib.ticker import EngFormatter, LogLocator

    low, high = min(axis.dataLim.intervaly[0], found.budget) / 1.5, 2 * max(slowest, found.budget)
    axis.set_ylim(low, high)  # before it is logarithmic: of times that hardly differ it would warn that it has no ends
    axis.set_yscale("log")
    axis.axhspan(found.budget, high, color=FAINT, lw=0, zorder=0)
    axis.axhline(found.budget, color=INK, linestyle=(0, (4, 2)), linewidth=1.4, zorder=1)
    axis.yaxis.set_major_locator(LogLocator(numticks=6))
    axis.yaxis.set_major_formatter(EngFormatter(unit="s"))
    axis.set_ylabel("response time")
    axis.minorticks_off()


def _steps(response: Array) -> tuple[Array, Array]:
    """Return 1 / (1 − share) and the time within which so many were answered, thinned to what can be seen."""
    times = np.sort(response)
    n = len(times)
    ranks = np.unique(np.round(n - n / np.geomspace(1, n, 800)).astype(int))
    return n / (n - ranks), times[ranks]


def _digits(share: float) -> int:
    return max(0, len(f"{share:.10g}") - 4)
