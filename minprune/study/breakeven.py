"""Where does pruning pay, on this machine? A map over width, pattern, sparsity and batch size, measured cell by cell.

    cell      random network  →  pruned by the pattern  →  compiled for the batch size  →  timed in turns with dense
    speed-up  the median over rounds of (time of a dense call / time of a pruned call), with its quartiles
    pays      the lower quartile is above 1.05: three rounds in four gain more than that
    frontier  the lowest sparsity from which on every cell pays

Dense is the same network before it was pruned, compiled with nothing but dense products; so what a pruned program wins
by folding counts, and what it loses counts too. Weights are random, which makes the map general and is a limit of it: a
trained network has more dead units at the same sparsity, and may do better. Measure yours with ``minprune bench``.

Noise that lasts longer than a cell is not seen in the cell's quartiles, so there are two guards. The same program is up
to 20 % faster or slower by where its weights came to lie in memory: each cell compiles three pairs and times them all.
And dense is the same work in all cells of a width and batch size: where it took much longer than in the best of them,
the machine was busy; the cell is measured once more, and shown as unknown if that did not help.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from minprune.arguments import RNG, Array, flag_or_none, fraction, generator, real, whole
from minprune.display import Progress, duration
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.inference.compilation import compile
from minprune.nn.layers import LARGEST_LAYER
from minprune.nn.network import Network
from minprune.pruning.allocation import Uniform
from minprune.pruning.criteria import Magnitude
from minprune.pruning.patterns import Neurons, Pattern, Unstructured, Vectors
from minprune.pruning.plan import check_parts, plan
from minprune.study.frontier import Breakeven, Cell, Width, layers
from minprune.study.timing import blas, time_in_turns, time_inference

_FITS = 0.01  # how far from the sparsity asked for a pattern may end that says by itself how much goes
_TUNING = 0.03  # seconds that compile() takes for a layer
_PLACES = 3  # programs that are compiled for a cell: where in memory weights lie can make 20 % at the same work
_LEAST_ROUNDS = 2  # with each
_ROWS = 4  # times the batch size are drawn
_BUSY = 1.5  # times its best time: where dense takes longer, something else was running


def breakeven(
    widths: Sequence[int | Sequence[int]] = (256, 1024),
    sparsities: Sequence[float] = (0.5, 0.8, 0.9, 0.95, 0.99),
    batch_sizes: Sequence[int] = (1, 16, 256),
    patterns: Sequence[Pattern] | None = None,
    *,
    depth: int = 3,
    seconds: float = 0.15,
    rounds: int = 9,
    rng: RNG = 0,
    progress: bool | None = None,
) -> Breakeven:
    """Measure where a pruned network is faster than a dense one.

    Parameters
    ----------
    widths : sequence of int or of sequences of int
        A number stands for `depth` layers that are as wide as their input, with ReLU between; several, such as
        ``[784, 300, 100, 10]``, are inputs, hidden widths and outputs.
    sparsities : sequence of float
        In [0, 1). All layers have that sparsity, apart from what the pattern can't split.
    batch_sizes : sequence of int
    patterns : sequence of Pattern, optional
        ``Unstructured()``, ``Vectors(64)`` and ``Neurons()`` by default. A pattern that says by itself how much goes,
        as `NM` does, is measured at that sparsity and has a dash at others.
    depth : int
    seconds : float
        For each of the two programs of a cell, over all rounds. To that comes the tuning, 0.03 s a layer. Where a call
        is so slow that the rounds don't fit, there are fewer: down to six, of four calls each.
    rounds : int
    rng : Generator or seed
        Draws the weights and the rows. All patterns prune the same weights.
    progress : bool, optional
        Whether to show how far it is; by default on a terminal.

    Returns
    -------
    Breakeven

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant.

    Examples
    --------
    >>> found = breakeven([16], [0.5, 0.9], [1], [Unstructured()], depth=2, seconds=0.001)
    >>> [(cell.achieved, cell.speedup > 0) for cell in found.cells]
    [(0.5, True), (0.8984375, True)]
    """
    where = "breakeven"
    layers_of = whole(depth, "depth", where, at_most=1000)
    shapes = [_width(width, f"widths[{i}]") for i, width in enumerate(_several(widths, "widths"))]
    levels = [fraction(s, f"sparsities[{i}]", where) for i, s in enumerate(_several(sparsities, "sparsities"))]
    most = LARGEST_LAYER // (_ROWS * max(width if isinstance(width, int) else max(width) for width in shapes))
    asked = _several(batch_sizes, "batch_sizes")
    sizes = [whole(b, f"batch_sizes[{i}]", where, at_most=most) for i, b in enumerate(asked)]
    chosen = (Unstructured(), Vectors(64), Neurons()) if patterns is None else _several(patterns, "patterns")
    for pattern in chosen:
        check_parts(where, pattern=pattern)
    for name, values in (("widths", shapes), ("sparsities", levels), ("batch_sizes", sizes)):
        _different(name, values)
    _different("patterns", [pattern_name(pattern) for pattern in chosen])
    named = {pattern_name(pattern): pattern for pattern in chosen}
    limit = real(seconds, "seconds", where, low=0.0, ends="(]")
    turns = whole(rounds, "rounds", where)
    flag_or_none(progress, "progress", where)
    draws = generator(rng, where)

    number = len(shapes) * len(levels) * len(sizes) * len(named)
    expected = number * (2 * limit + _PLACES * _TUNING * layers_of)
    cells: list[Cell] = []
    with Progress(number, f"{number} cells, about {duration(expected)}", shown=progress) as bar:
        for width in shapes:
            network = Network.mlp([width] * (layers_of + 1) if isinstance(width, int) else width, rng=draws)
            rows = {size: draws.standard_normal((max(64, _ROWS * size), network.inputs), np.float32) for size in sizes}
            here: list[Cell] = []
            for name, level in product(named, levels):
                pruned, why = _pruned(network, named[name], level)
                for size in sizes:
                    cell = Cell(width, name, level, size, why=why)
                    here.append(_measured(cell, network, pruned, rows[size], limit, turns))
                    bar.step(f"{name}, {layers(width, layers_of)}, {level:g}, batch {size}")
            again = [cell for cell in _judged(here) if cell.disturbed]
            for cell in again:
                pruned, _ = _pruned(network, named[cell.pattern], cell.sparsity)
                here.append(_measured(cell, network, pruned, rows[cell.batch_size], limit, turns))
                bar.step("once more, as the machine was busy", by=0)
            cells += _judged(here)
    place = {(cell.width, cell.pattern, cell.batch_size, cell.sparsity): cell for cell in cells}  # the last one counts
    return Breakeven(tuple(place[key] for key in product(shapes, named, sizes, sorted(levels))), layers_of, blas())


def _judged(cells: Sequence[Cell]) -> list[Cell]:
    """Say of each cell of a network whether the machine was busy: dense is the same work in all of one batch size."""
    best: dict[int, float] = {}
    for c in cells:
        if c.dense is not None:
            best[c.batch_size] = min(c.dense, best.get(c.batch_size, c.dense))
    return [replace(c, disturbed=c.dense is not None and c.dense > _BUSY * best[c.batch_size]) for c in cells]


def _measured(cell: Cell, network: Network, pruned: Network | None, x: Array, seconds: float, rounds: int) -> Cell:
    """Time a pruned network and a dense one in turns: three pairs of programs, each compiled anew."""
    if pruned is None:
        return cell
    batch_size, pairs = cell.batch_size, []
    for _ in range(_PLACES):  # all are kept until the end, else the next would lie where the one before lay
        dense, program = compile(network, batch_size, kernels="dense"), compile(pruned, batch_size, seconds=_TUNING)
        call = time_inference(dense, x, batch_size=batch_size, seconds=1e-6, warmup=1).median
        fit = max(_LEAST_ROUNDS, min(-(-rounds // _PLACES), int(seconds / (4 * _PLACES * call))))
        turns = time_in_turns(
            {"dense": dense, "pruned": program}, x,
            batch_size=batch_size, seconds=seconds / _PLACES, rounds=fit, warmup=1,
        )  # fmt: skip
        pairs.append((dense, program, turns.bursts))
    before, after = (np.concatenate([bursts[name] for *_, bursts in pairs]) for name in ("dense", "pruned"))
    low, middle, high = (float(q) for q in np.percentile(before / after, [25, 50, 75]))
    return replace(
        cell, achieved=pruned.sparsity, speedup=middle, low=low, high=high,
        dense=float(np.median(before)), pruned=float(np.median(after)), bytes=program.nbytes / dense.nbytes,
    )  # fmt: skip


def _pruned(network: Network, pattern: Pattern, sparsity: float) -> tuple[Network | None, str]:
    """Return the network pruned to `sparsity`; if the pattern doesn't come to it, None and why."""
    complete = getattr(pattern, "complete", False)
    try:
        if complete:
            made = plan(network, Magnitude(), pattern=pattern)
        else:
            made = plan(network, Magnitude(), sparsity=sparsity, allocation=Uniform(), pattern=pattern)
    except InvalidValueError as error:  # no reason to give up the other cells
        return None, str(error)
    pruned = made.apply(network)
    if complete and abs(pruned.sparsity - sparsity) > _FITS:
        return None, f"{pattern!r} prunes {pruned.sparsity:.4g} of the weights here, not {sparsity:g}"
    return pruned, ""


def pattern_name(pattern: Pattern) -> str:
    """Return a pattern's repr without what is usual.

    Examples
    --------
    >>> pattern_name(Vectors(64)), pattern_name(Neurons(reduce="max")), pattern_name(Unstructured())
    ('Vectors(64)', "Neurons(reduce='max')", 'Unstructured')
    """
    return repr(pattern).replace("reduce='mean_square'", "").replace("(, ", "(").replace(", )", ")").removesuffix("()")


def _several(values: object, name: str) -> list[Any]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise InvalidTypeError(f"{name} must be a sequence, got {type(values).__name__} {values!r} in breakeven()")
    found = list(values)
    if not found:
        raise InvalidValueError(f"{name} must hold at least one entry, got none in breakeven()")
    return found


def _different(name: str, values: Sequence[object]) -> None:
    twice = next((value for i, value in enumerate(values) if value in values[:i]), None)
    if twice is not None:
        raise InvalidValueError(f"{name} must be different, got {twice} twice in breakeven()")


def _width(width: object, name: str) -> Width:
    if isinstance(width, Iterable) and not isinstance(width, str | bytes | np.ndarray):
        found = tuple(whole(w, f"{name}[{i}]", "breakeven") for i, w in enumerate(width))
        if len(found) < 2:
            raise InvalidValueError(f"{name} must hold inputs and outputs at least, got {list(found)} in breakeven()")
        return found
    return whole(width, name, "breakeven")
