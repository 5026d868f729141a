"""The grid of cells that the bars of `speed` look at: networks × patterns × sparsities × batch sizes.

Dense NumPy does the same work in all cells of a width and batch size: where it took half as long again as in the
best of them the machine was busy, and the cell is measured anew, once; the less disturbed measurement stays.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from machine import in_turns, ratios, spread
from peers import Call, available, dense_numpy

import minprune as mp
from minprune.display import duration, percent, table
from minprune.study.runs import run_all

LENET = (784, 300, 100, 10)
WIDTHS = {"784-300-100-10": LENET, "1024 ×3": (1024,) * 4, "4096 ×3": (4096,) * 4}
BATCHES = (1, 16, 256)
SPARSITIES = (0.5, 0.8, 0.9, 0.95, 0.99)
BURST = 2e-3  # seconds
BUSY = 1.5  # times the best time of dense NumPy: where it took longer, something else was running
AGAIN = 1  # how often such cells are measured anew
PLACES = 3  # dense NumPy and the program are measured with their arrays in as many places in memory


def measure(calls: Mapping[str, Call], seconds: float = 1.0) -> dict[str, list[float]]:
    """Return the seconds of one call of each in each round; a round's bursts have as many calls for all."""
    times = []
    for call in calls.values():
        call()
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    repeats = max(1, round(BURST / max(times)))
    rounds = min(max(round(seconds / (repeats + 1) / sum(times)), 5), 61)

    def prepare(call: Call) -> Callable[[], Callable[[], object]]:
        def burst() -> None:
            for _ in range(repeats):
                call()

        def ready() -> Callable[[], object]:
            call()
            return burst

        return ready

    taken = in_turns({name: prepare(call) for name, call in calls.items()}, rounds)
    return {name: [burst / repeats for burst in bursts] for name, bursts in taken.items()}


def network(widths: tuple[int, ...]) -> mp.Network:
    """Return a network of ReLU layers, also after the last if all are equal, with biases that are not zero."""
    net = mp.Network.mlp(widths, rng=0)
    draws = np.random.default_rng(2)
    for layer in net.dense:
        layer.bias.value = draws.standard_normal(layer.outputs).astype(np.float32) / 10
    return mp.Network([*net.layers, mp.ReLU()]) if len(set(widths)) == 1 else net


def pruned(net: mp.Network, pattern: str, sparsity: float) -> mp.Network:
    """Prune each layer alike by magnitude; N:M at the sparsity it stands for."""
    shapes = {"Unstructured": mp.Unstructured(), "Vectors(16)": mp.Vectors(16), "Vectors(64)": mp.Vectors(64)}
    shapes["Neurons"] = mp.Neurons()
    if pattern == "NM":
        return mp.plan(net, mp.Magnitude(), pattern=NM[sparsity]).apply(net)
    allocation = mp.Global() if pattern == "Neurons" else mp.Uniform()
    return mp.plan(net, mp.Magnitude(), sparsity=sparsity, allocation=allocation, pattern=shapes[pattern]).apply(net)


NM = {0.5: mp.NM(2, 4), 0.8: mp.NM(1, 5), 0.9: mp.NM(1, 10), 0.95: mp.NM(1, 20), 0.99: mp.NM(1, 100)}
PATTERNS = ("Unstructured", "NM", "Vectors(16)", "Vectors(64)", "Neurons")


def check(call: Call, expected: np.ndarray, name: str) -> None:
    if not np.allclose(np.asarray(call()), expected, rtol=1e-3, atol=1e-3):
        raise SystemExit(f"{name} computes something else")


@lru_cache(maxsize=1)
def networks(widths: str, pattern: str, sparsity: float) -> tuple[mp.Network, mp.Network]:
    """Return the dense and the pruned network of a cell."""
    net = network(WIDTHS[widths])
    return net, pruned(net, pattern, sparsity)


def cell(*, widths: str, pattern: str, sparsity: float, batch: int, again: int = 0) -> dict[str, Any]:
    """Measure one cell: ratios of the program's time in each round, to dense NumPy's and to each peer's."""
    net, masked = networks(widths, pattern, sparsity)
    x = np.random.default_rng(1).standard_normal((batch, net.inputs), np.float32)
    program = mp.compile(masked, batch)
    calls: dict[str, Call] = {"dense": dense_numpy(net, x), "program": partial(program, x)}
    check(calls["program"], masked(x), "the program")
    seconds = 1.0 if widths.startswith("4096") else 0.3
    taken = measure(calls, seconds)
    for _ in range(PLACES - 1):
        elsewhere = {"dense": dense_numpy(net, x), "program": partial(moved(program), x)}
        for which, times in measure(elsewhere, seconds).items():
            taken[which] += times
    found: dict[str, Any] = {
        "kernels": ", ".join(dict.fromkeys(step.kernel.name for step in program.steps)),
        "density": masked.kept / masked.weights,
        "bytes": program.nbytes / sum(p.value.nbytes for p in net.parameters.values()),
        "dense": ratios(taken["program"], taken["dense"]),
        "seconds": median(taken["program"]),
        "dense seconds": median(taken["dense"]),
    }
    if sparsity >= 0.9:
        for peer, way in available().items():
            source = net if peer in ("torch dense", "ONNX Runtime") else masked
            call = way(source, x)
            check(call, source(x), peer)
            both = measure({"program": calls["program"], peer: call}, seconds)
            found[peer] = ratios(both["program"], both[peer])
    return found


def moved(program: mp.Program) -> mp.Program:
    """Return the same program with all its arrays in new places."""
    return pickle.loads(pickle.dumps(program))


class Grid:
    """Everything that bars 1 to 4 need: for each cell dense NumPy, the program, and the peers on the same mask."""

    def __init__(self, quick: bool, folder: Path) -> None:
        widths = list(WIDTHS)[:2] if quick else list(WIDTHS)
        self.tasks = [
            {"widths": name, "pattern": pattern, "sparsity": sparsity, "batch": batch}
            for name in widths
            for sparsity in SPARSITIES
            for pattern in PATTERNS
            for batch in BATCHES
        ]
        self.cells = run_all(cell, self.tasks, folder=folder, workers=0, label="grid")
        for turn in range(AGAIN):
            self.again(turn + 1, folder)

    def again(self, turn: int, folder: Path) -> None:
        """Measure anew the cells in which dense NumPy took much longer than in the best of the same work."""
        busy = [k for k, cell in enumerate(self.cells) if cell["dense seconds"] > BUSY * self.best(cell)]
        tasks = [self.tasks[k] | {"again": turn} for k in busy]
        for k, new in zip(busy, run_all(cell, tasks, folder=folder, workers=0, label="again"), strict=True):
            if new["dense seconds"] < self.cells[k]["dense seconds"]:
                self.cells[k] = new

    def best(self, cell: Mapping[str, Any]) -> float:
        return min(c["dense seconds"] for c in self.where(widths=cell["widths"], batch=cell["batch"]))

    def table(self) -> str:
        peers = list(available())
        rows: list[list[object]] = []
        for cell in self.cells:
            if rows and rows[-1] and rows[-1][:2] != [cell["widths"], cell["pattern"]]:
                rows.append([])
            gain = 1 / median(cell["dense"])
            ideal = 1 / cell["density"]
            row: list[object] = [cell["widths"], cell["pattern"], percent(cell["sparsity"], 0), cell["batch"]]
            row += [duration(cell["dense seconds"]), duration(cell["seconds"]), f"{gain:.2f}×", spread(cell["dense"])]
            row += [percent(gain / ideal, 0), f"{cell['bytes']:.2f}", cell["kernels"]]
            row += [f"{cell['dense seconds'] / self.best(cell):.1f}"]
            row += [f"{median(cell[peer]):.2f}" if peer in cell else "" for peer in peers]
            rows.append(row)
        headers = ["network", "pattern", "pruned", "batch", "dense", "program", "faster", "program/dense", "of ideal"]
        headers += ["bytes", "kernels", "noise", *(f"/ {peer}" for peer in peers)]
        return table(headers, rows, title="Every cell: the program beside dense NumPy and the peers", left=2)

    def where(self, **wanted: object) -> list[dict[str, object]]:
        return [cell for cell in self.cells if all(cell[key] == value for key, value in wanted.items())]
