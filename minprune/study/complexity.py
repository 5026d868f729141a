"""The complexity of a network: what it holds, what it costs, and what is still connected.

All of it is counted from masks. For a `Dense` layer with weight mask M, (inputs, outputs), and bias mask m::

    FLOPs of a row         2 · inputs · outputs + outputs      a multiply and an add a weight, an add a bias
    … of what is kept      2 · ΣM + Σm                         activations are not counted
    bytes                  itemsize · (inputs · outputs + outputs)
    … of what is kept      itemsize · (ΣM + Σm)                values alone: no masks, gradients or indices
    fan-in of unit j       Σ_i M_ij
    fan-out of unit j      Σ_k M'_jk                           M' is the next layer's mask

A unit is reached if a path leads to it from an input, and used if a path leads from it to an output; it is *dead*
unless it is both. What no path leads through can't carry anything from the input to the output, whatever the weights:
there are 0 paths exactly when the output ignores the input. A kept weight is *live* if its two ends are, so that it
lies on a path; the others are kept for nothing (Vysogorets & Kempe 2023 call 1 − live/weights the effective sparsity).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np

from minprune.arguments import Array, Bools, features, whole
from minprune.display import count, percent, size, table
from minprune.errors import InvalidTypeError
from minprune.nn.layers import Dense, Select
from minprune.nn.network import Network
from minprune.study.activity import share_active
from minprune.study.paths import count_paths, reached


@dataclass(frozen=True)
class Counts:
    """What is counted of one layer and adds up over layers.

    ``parameters`` (weights and biases), ``weights``, ``kept`` and ``live`` (weights), ``flops`` and ``kept_flops`` (of
    one row of input), ``bytes`` and ``kept_bytes`` (of values), and ``sparsity``, the share of weights not kept.
    """

    parameters: int
    weights: int
    kept: int
    live: int
    flops: int
    kept_flops: int
    bytes: int
    kept_bytes: int

    @property
    def sparsity(self) -> float:
        return 1 - self.kept / self.weights if self.kept < self.weights else 0.0

    def to_dict(self) -> dict[str, object]:
        """Return the numbers as plain Python values."""
        return {f.name: getattr(self, f.name) for f in fields(Counts)} | {"sparsity": self.sparsity}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class LayerComplexity(Counts):
    """The counts of a `Dense` layer, and arrays with an entry for each of the units that it makes.

    Attributes
    ----------
    name : str
    fan_in, fan_out : int arrays, (outputs,)
        Kept weights into and out of each unit. The output layer's ``fan_out`` is None.
    no_input, no_output, dead : bool arrays, (outputs,)
        No kept weight leads in: the unit is a constant. None leads out: nothing uses it. On no path from an input to
        an output: that includes the first two, and units cut off farther away.
    activity : array, (outputs,), or None
        The share of rows on which the unit is not 0 after its activation; None without data and for the output layer.
    """

    name: str
    fan_in: Array
    fan_out: Array | None
    no_input: Bools
    no_output: Bools
    dead: Bools
    activity: Array | None

    @property
    def units(self) -> int:
        return len(self.fan_in)

    @property
    def silent(self) -> Bools | None:
        """Which units were 0 on every row; None without data."""
        return None if self.activity is None else self.activity == 0

    @property
    def mean_activity(self) -> float | None:
        return None if self.activity is None else float(self.activity.mean())

    def to_dict(self) -> dict[str, object]:
        arrays = ("fan_in", "fan_out", "no_input", "no_output", "dead", "activity", "silent")
        found = {name: getattr(self, name) for name in arrays}
        lists = {name: None if array is None else array.tolist() for name, array in found.items()}
        mean = {"mean_activity": self.mean_activity}
        return {"name": self.name, "units": self.units} | super().to_dict() | lists | mean

    def __repr__(self) -> str:
        dead = f"{count(int(self.dead.sum()))} of {count(self.units)} units dead"
        return f"LayerComplexity({self.name}: {count(self.kept)} of {count(self.weights)} weights kept, {dead})"


@dataclass(frozen=True, eq=False, repr=False)
class Complexity:
    """What `analyze` found; printed, a table of the layers.

    Attributes
    ----------
    layers : tuple of LayerComplexity
        One for each `Dense` layer.
    total : Counts
    paths : int
        The number of paths from inputs to outputs: exact, of any size.
    unused_inputs : bool array, (inputs,)
        The input features that are on no path to an output.
    collapsed : tuple of str
        The layers that no path gets through because of themselves: those that keep no weight, and the first of which no
        kept weight starts at a reached unit.
    bottlenecks : tuple of str
        The layers of which one unit alone, of several, is on a path.
    weakest : str or None
        Of a pruned network, the layer with the fewest live weights: as many cuts are enough to collapse it, and no
        layer needs fewer. None if nothing is pruned, or a layer has collapsed already.
    rows : int
        How many rows of data the activity was measured on; 0 without data.
    """

    layers: tuple[LayerComplexity, ...]
    total: Counts
    paths: int
    unused_inputs: Bools
    collapsed: tuple[str, ...]
    bottlenecks: tuple[str, ...]
    weakest: str | None
    rows: int

    def to_dict(self) -> dict[str, object]:
        """Return everything as plain Python values, ready for ``json.dumps``."""
        return {
            "layers": [layer.to_dict() for layer in self.layers],
            "total": self.total.to_dict(),
            "paths": self.paths,
            "unused_inputs": self.unused_inputs.tolist(),
            "collapsed": list(self.collapsed),
            "bottlenecks": list(self.bottlenecks),
            "weakest": self.weakest,
            "rows": self.rows,
        }

    def __repr__(self) -> str:
        unused = f"{count(int(self.unused_inputs.sum()))} of {count(len(self.unused_inputs))} inputs unused"
        paths = count(self.paths) if self.paths < 10**15 else f"about 10^{math.log10(self.paths):.3g}"
        title = f"Complexity: {count(self.total.parameters)} parameters, {paths} paths from input to output, {unused}"
        held = ["layer", "weights", "kept", "pruned", "live", "FLOPs/row", "kept FLOPs", "bytes", "kept bytes"]
        weights = [[layer.name, *_cells(layer)] for layer in self.layers]
        wired = ["layer", "units", "dead", "fan-in", "fan-out", *(["active", "never active"] if self.rows else [])]
        units = [[layer.name, *_wiring(layer)][: len(wired)] for layer in self.layers]
        notes = [
            "live: kept weights on a path. kept FLOPs, bytes: if what is pruned were neither multiplied by nor stored",
            "dead: units on no path. fan-in, fan-out: kept weights into and out of a unit, smallest/median/largest",
        ]
        if self.rows:
            notes.append(
                f"active: mean share of {count(self.rows)} rows on which a unit is not 0, after its activation"
            )
        notes += [f"{name} has collapsed: nothing of the input gets through it" for name in self.collapsed]
        notes += [f"{name} is a bottleneck: one of its units is left on a path" for name in self.bottlenecks]
        for layer in self.layers:
            if layer.name == self.weakest:
                notes.append(f"{layer.name} is nearest to collapse: {count(layer.live)} of its weights are on a path")
        first = table(held, [*weights, [], ["total", *_cells(self.total)]], title=title)
        return "\n".join([first, "", table(wired, units), *notes])


def analyze(network: Network, x: Array | None = None, *, batch_size: int = 1024) -> Complexity:
    """Count what a network holds, costs and still connects; with data, how often its units are active.

    Parameters
    ----------
    network : Network
        It is read, never changed, not even what it remembers of a forward pass.
    x : array, (rows, inputs), optional
        Data to measure the activity of hidden units on. A unit is active on a row if it is not 0 after its activation:
        telling for ReLU, and nearly always so for activations that have no flat part.
    batch_size : int
        Rows looked at together; more only takes more memory.

    Returns
    -------
    Complexity

    Raises
    ------
    InvalidTypeError, InvalidValueError
        Something that is not a `Network`, or an `x` that does not fit it.

    References
    ----------
    Vysogorets & Kempe (2023), "Connectivity matters: neural network pruning through the lens of effective sparsity".

    Examples
    --------
    >>> net = Network.mlp([3, 2, 2], rng=0)
    >>> mask = net.parameters["dense2.weight"].mask.copy()
    >>> mask[0] = False
    >>> net.parameters["dense2.weight"].mask = mask
    >>> analyze(net, np.eye(3))
    Complexity: 14 parameters, 6 paths from input to output, 0 of 3 inputs unused
    layer   weights  kept  pruned  live  FLOPs/row  kept FLOPs  bytes  kept bytes
    ─────────────────────────────────────────────────────────────────────────────
    dense1        6     6   0.0 %     3         14          14   32 B        32 B
    dense2        4     2  50.0 %     2         10           6   24 B        16 B
    ─────────────────────────────────────────────────────────────────────────────
    total        10     8  20.0 %     5         24          20   56 B        48 B
    <BLANKLINE>
    layer   units  dead  fan-in  fan-out  active  never active
    ──────────────────────────────────────────────────────────
    dense1      2     1   3/3/3    0/1/2  33.3 %             1
    dense2      2     0   1/1/1        –       –             –
    live: kept weights on a path. kept FLOPs, bytes: if what is pruned were neither multiplied by nor stored
    dead: units on no path. fan-in, fan-out: kept weights into and out of a unit, smallest/median/largest
    active: mean share of 3 rows on which a unit is not 0, after its activation
    dense1 is a bottleneck: one of its units is left on a path
    dense2 is nearest to collapse: 2 of its weights are on a path
    """
    if not isinstance(network, Network):
        raise InvalidTypeError(f"network must be a Network, got {type(network).__name__} {network!r} in analyze()")
    rows = None if x is None else features(x, network.inputs, "analyze", dtype=network.dtype)
    step = whole(batch_size, "batch_size", "analyze")
    names = [name.removesuffix(".weight") for name in network.prunable]
    masks = [layer.weight.mask for layer in network.dense]

    led_to = reached(masks)
    used = reached([mask.T for mask in reversed(masks)])[::-1]
    on_path = [a & b for a, b in zip(led_to, used, strict=True)]
    activity = share_active(network, rows, step) if rows is not None else [None] * len(names)

    layers = []
    for k, layer in enumerate(network.dense):
        last = k == len(masks) - 1
        fan_out = None if last else np.count_nonzero(masks[k + 1], axis=1)
        fan_in = np.count_nonzero(masks[k], axis=0)
        found = LayerComplexity(
            **_sizes(layer),
            live=int(np.count_nonzero(masks[k][np.ix_(on_path[k], on_path[k + 1])])),
            name=names[k],
            fan_in=fan_in,
            fan_out=fan_out,
            no_input=fan_in == 0,
            no_output=np.zeros(layer.outputs, np.bool_) if fan_out is None else fan_out == 0,
            dead=~on_path[k + 1],
            activity=activity[k],
        )
        layers.append(found)
    unused = np.ones(network.inputs, np.bool_)
    unused[_looked_at(network)] = ~used[0]
    cut = [bool(before.any() and not after.any()) for before, after in pairwise(led_to)]
    return Complexity(
        layers=tuple(layers),
        total=Counts(*(sum(getattr(layer, f.name) for layer in layers) for f in fields(Counts))),
        paths=count_paths(masks),
        unused_inputs=unused,
        collapsed=tuple(layer.name for layer, here in zip(layers, cut, strict=True) if here or layer.kept == 0),
        bottlenecks=tuple(a.name for a in layers if a.units > 1 and np.count_nonzero(~a.dead) == 1),
        weakest=min(layers, key=lambda layer: layer.live).name if network.sparsity and layers[0].live else None,
        rows=0 if rows is None else len(rows),
    )


def _sizes(layer: Dense) -> dict[str, int]:
    weights, kept = layer.weight.size, layer.weight.kept
    biases, kept_biases = (0, 0) if layer.bias is None else (layer.bias.size, layer.bias.kept)
    return {
        "parameters": weights + biases,
        "weights": weights,
        "kept": kept,
        "flops": 2 * weights + biases,
        "kept_flops": 2 * kept + kept_biases,
        "bytes": sum(p.value.nbytes for p in layer.parameters),
        "kept_bytes": sum(p.kept * p.dtype.itemsize for p in layer.parameters),
    }


def _looked_at(network: Network) -> Array:
    """Return which inputs the first `Dense` sees: all, unless a `Select` stands before it."""
    selected = [layer.columns for layer in network.layers if isinstance(layer, Select)]
    return selected[0] if selected else np.arange(network.inputs)


def _cells(counts: Counts) -> list[str]:
    held = [size(counts.bytes), size(counts.kept_bytes)]
    shares = [count(counts.weights), count(counts.kept), percent(counts.sparsity), count(counts.live)]
    return [*shares, count(counts.flops), count(counts.kept_flops), *held]


def _wiring(layer: LayerComplexity) -> list[str]:
    mean, silent = layer.mean_activity, layer.silent
    ends = [count(layer.units), count(int(layer.dead.sum())), _spread(layer.fan_in), _spread(layer.fan_out)]
    return [*ends, "–" if mean is None else percent(mean), "–" if silent is None else count(int(silent.sum()))]


def _spread(fans: Array | None) -> str:
    return "–" if fans is None else f"{fans.min()}/{np.median(fans):g}/{fans.max()}"
