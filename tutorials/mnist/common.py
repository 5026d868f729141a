"""What the three MNIST tables share: the network, its training, and how a table is kept."""

import argparse
import os
import platform
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from statistics import mean, stdev

import numpy as np

import minprune as mp
from minprune.datasets import Split
from minprune.display import percent
from minprune.storage import write_whole

RESULTS = Path(__file__).resolve().parents[1] / "results"
RUNS = Path("mnist-runs")


def lenet(seed: int) -> mp.Network:
    """Return LeNet-300-100: 266,200 weights."""
    return mp.Network.mlp([784, 300, 100, 10], rng=seed)


@cache
def part(name: str, rows: int | None) -> Split:
    """Return a part of MNIST, or its first `rows`, which is for trying a program out; read once in a process."""
    split = getattr(mp.datasets.load("mnist"), name)
    return split if rows is None else split.take(range(rows))


def train(
    network: mp.Network,
    split: Split,
    *,
    epochs: int,
    seed: int,
    lr: float = 0.1,
    l2: float = 1e-4,
    pruner: mp.Pruner | None = None,
    **options: object,
) -> mp.History:
    """Train by SGD with momentum 0.9, a cosine from `lr` to 0, batches of 128 and an L2 penalty."""
    return mp.fit(
        network,
        split,
        loss=mp.SoftmaxCrossEntropy(),
        optimizer=mp.SGD(mp.CosineDecay(lr), momentum=0.9),
        penalty=mp.L2(l2),
        epochs=epochs,
        batch_size=128,
        pruner=pruner,
        rng=seed,
        **options,
    )


def error(network: mp.Network, split: Split) -> float:
    """Return the share of rows that are classified wrongly."""
    return float(np.mean(network.predict(split.x) != split.y))


def spread(values: Sequence[float]) -> str:
    """Return mean ± sd in percent, of one value just that."""
    middle = f"{100 * mean(values):.2f}"
    return f"{middle} ± {100 * stdev(values):.2f}" if len(values) > 1 else middle


def parser(text: str | None, name: str) -> argparse.ArgumentParser:
    """Return a parser with the options that all three programs have."""
    result = argparse.ArgumentParser(description=(text or "").splitlines()[0])
    result.add_argument("--runs", type=Path, default=RUNS / name, help="where finished runs are kept (%(default)s)")
    result.add_argument("--out", type=Path, default=RESULTS, help="where the table goes")
    result.add_argument("--workers", type=int, help="processes side by side (as many as there are processors)")
    result.add_argument("--rows", type=int, help="use the first rows of each part only, to try the program out")
    return result


def keep(folder: Path, name: str, title: str, command: str, body: str, figure: object = None) -> None:
    """Write a table with its command, machine and versions, and its picture."""
    picture = f"![{title}]({name}.png)\n\n" if figure is not None else ""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    machine = (
        f"{processor()}, {cores} cores; {platform.system()}, Python {platform.python_version()}, "
        f"NumPy {np.__version__}, minprune {mp.__version__}; float32, one BLAS thread a run"
    )
    write_whole(folder / f"{name}.md", f"# {title}\n\n`{command}`\n\n{body}\n\n{picture}{machine}\n")
    if figure is not None:
        from minprune.study import plots

        plots.save(figure, folder / f"{name}.png", dpi=110)  # type: ignore[arg-type]
    print(body)


def processor() -> str:
    """Return the processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def at(sparsity: float) -> str:
    """Return a sparsity as a heading: 98.5 %."""
    return percent(sparsity, 0 if round(100 * sparsity, 6) % 1 == 0 else 1)
