"""A route: which kernel for each layer, when changing the layout between two layers costs time as well.

The cheapest way through a table, layer by layer: for each layout that a layer may end in, the best way to get there is
the best over the layouts it may begin from (Viterbi's algorithm; the layouts are two, so it is a handful of sums)::

    cost(layer, kernel) = time(kernel) + min over the kernels before of  cost(before) + change(before's layout → its)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minprune.inference.kernels import Kernel
from minprune.inference.layouts import ROWS
from minprune.inference.tuning import TIE


def cheapest(
    times: Sequence[Mapping[str, float]],
    kernels: Mapping[str, Kernel],
    changes: Sequence[Mapping[tuple[str, str], float]],
) -> tuple[list[str], float]:
    """Return the names of the kernels on the cheapest route, and what it costs.

    Parameters
    ----------
    times : one dict a layer
        The seconds of each kernel that may be taken. Of two that are about as fast, the earlier one is.
    kernels : dict of str to Kernel
    changes : one dict a boundary: before the first layer, between each two, after the last
        The seconds it takes to get from one layout to another; what is missing costs nothing. Data come and leave in
        rows.
    """
    ways: dict[str, tuple[float, list[str]]] = {ROWS: (0.0, [])}
    for layer, change in zip(times, changes, strict=False):
        found: dict[str, tuple[float, list[str]]] = {}
        for layout, (name, seconds) in _best(layer, kernels).items():
            before, route = min(
                ((cost + change.get((start, layout), 0.0), names) for start, (cost, names) in ways.items()),
                key=lambda way: way[0],
            )
            found[layout] = before + seconds, [*route, name]
        ways = found
    last = changes[len(times)]
    ends = {start: cost + last.get((start, ROWS), 0.0) for start, (cost, _) in ways.items()}
    best = min(ends, key=lambda start: ends[start])
    return ways[best][1], ends[best]


def _best(times: Mapping[str, float], kernels: Mapping[str, Kernel]) -> dict[str, tuple[str, float]]:
    """Return for each layout the kernel to take, and its seconds."""
    best: dict[str, tuple[str, float]] = {}
    for name, seconds in times.items():
        layout = kernels[name].layout
        if layout not in best or seconds < TIE * best[layout][1]:
            best[layout] = name, seconds
    return best
