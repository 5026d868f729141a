"""``minprune bench``: what pruning brings on this machine, for a saved network or for networks of a few widths.

With a network, two things are measured: the time of its program beside that of the dense network it came from, and
where pruning pays at its widths. Without one, the latter for a small grid. The map is written as a picture, and all
figures as JSON.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from minprune import __version__
from minprune.display import count
from minprune.inference.compilation import compile
from minprune.nn.network import Network
from minprune.pruning import patterns
from minprune.storage import write_whole
from minprune.study.breakeven import breakeven
from minprune.study.drawing import save
from minprune.study.payoff import plot_breakeven
from minprune.study.timing import Turns, blas, time_in_turns

WIDTHS = (256, 1024)


def run(
    network: Network | None = None,
    *,
    name: str = "network",
    widths: Sequence[int | Sequence[int]] | None = None,
    sparsities: Sequence[float] = (0.5, 0.8, 0.9, 0.95, 0.99),
    batch_sizes: Sequence[int] = (1, 16, 256),
    chosen: Sequence[tuple[str, tuple[int, ...]]] = (("Unstructured", ()), ("Vectors", (64,)), ("Neurons", ())),
    seconds: float = 0.15,
    out: Path | str = "minprune-bench",
) -> list[Path]:
    """Measure, print and write ``map.png`` and ``bench.json`` into `out`, each whole or not at all.

    Parameters
    ----------
    network : Network, optional
    name : str
        What it is called.
    widths : sequence, optional
        As in `breakeven`; by default those of the network, or 256 and 1024.
    sparsities, batch_sizes, seconds
        As in `breakeven`.
    chosen : sequence of (str, tuple of int)
        Classes of patterns and what they take: ``("Vectors", (64,))``, ``("Blocks", (4, 4))``.
    out : path

    Returns
    -------
    list of Path
    """
    made = [getattr(patterns, kind)(*((numbers,) if kind == "Blocks" else numbers)) for kind, numbers in chosen]
    folder = Path(out)
    figures: dict[str, Any] = {
        "minprune": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": platform.machine(),
        "blas": asdict(blas()),
    }
    if network is not None:
        print(f"{name}: {network!r}\n")
        figures["network"] = {"name": name, "kept": network.kept, "sparsity": network.sparsity, "batches": []}
        for batch_size in batch_sizes:
            figures["network"]["batches"].append(_timed(network, batch_size, seconds))
        own = (network.dense[0].inputs, *(layer.outputs for layer in network.dense))
    shapes = widths or (WIDTHS if network is None else [own])
    print(
        "Where pruning pays:" if network is None else "Where it would pay, random weights of these widths:", flush=True
    )
    found = breakeven(shapes, sparsities, batch_sizes, made, seconds=seconds)
    print(found)
    figures["breakeven"] = found.to_dict()
    return [
        save(plot_breakeven(found), folder / "map.png"),
        write_whole(folder / "bench.json", json.dumps(figures, indent=1, allow_nan=False) + "\n"),
    ]


def _timed(network: Network, batch_size: int, seconds: float) -> dict[str, Any]:
    """Print a network's program and its time beside that of the dense network it came from."""
    dense, program = compile(unpruned(network), batch_size, kernels="dense"), compile(network, batch_size)
    rows = np.random.default_rng(0).standard_normal((max(64, 4 * batch_size), network.inputs))
    found: Turns = time_in_turns({"dense": dense, "program": program}, rows, batch_size=batch_size, seconds=seconds)
    print(f"{program!r}\n\n{found!r}\nbytes: {count(program.nbytes)}, dense {count(dense.nbytes)}\n", flush=True)
    sizes = {"dense": dense.nbytes, "program": program.nbytes}
    return found.to_dict() | {"batch_size": batch_size, "nbytes": sizes, "speedup": found.speedup("program", "dense")}


def unpruned(network: Network) -> Network:
    """Return a network of the same shape without masks: pruned weights are there, as zeros that are multiplied by.

    Examples
    --------
    >>> from minprune import Magnitude, plan
    >>> pruned = plan(Network.mlp([4, 8, 2], rng=0), Magnitude(), sparsity=0.5).apply(Network.mlp([4, 8, 2], rng=0))
    >>> pruned.sparsity, unpruned(pruned).sparsity
    (0.5, 0.0)
    """
    dense = network.copy()
    for parameter in dense.parameters.values():
        parameter.mask = np.ones(parameter.shape, np.bool_)
    return dense
