"""What the benchmarks share: timing in turns, the spread of ratios, and what it was measured on."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import quantiles

import numpy as np


def in_turns(runs: Mapping[str, Callable[[], Callable[[], object]]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each run in each round (A B C A B C …), after one round that is not counted.

    Each entry prepares one run and returns it; only the run is timed.
    """
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, prepare in runs.items():
            run = prepare()
            began = time.perf_counter()
            run()
            if turn:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Return the ratio of two runs within each round."""
    return [a / b for a, b in zip(above, below, strict=True)]


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """Return the middle half: ``0.71 … 0.74``."""
    low, _, high = quantiles(values, n=4) if len(values) > 1 else (values[0],) * 3
    return f"{low:{form}} … {high:{form}}"


def surroundings() -> str:
    """Return the processor, and NumPy's version, BLAS and threads."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    try:
        with open("/proc/cpuinfo") as file:
            cpu = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        cpu = platform.processor() or platform.machine()
    threads = os.environ.get("OPENBLAS_NUM_THREADS", f"{os.cpu_count()} (default)")
    return (
        f"{cpu}, {os.cpu_count()} CPUs\nNumPy {np.__version__} with {blas['name']} {blas['version']}, threads {threads}"
    )
