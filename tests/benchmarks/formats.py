"""What one layer costs in each format, beside SciPy's CSR and dense BLAS: the tables in the docstrings of the formats.

    python tests/benchmarks/formats.py [--sides 1024,4096]

A square matrix with random weights, pruned at random: each weight by itself, or vectors of 16 or 64 neighbouring
outputs with the same inputs. It multiplies samples that stand side by side, (inputs, batch), float32, into a buffer
made once. What is compared takes turns in bursts whose first call is not counted, and what is stated is the median over
the rounds of the ratio within a round: the time of a format over that of dense BLAS, and over that of SciPy.
"""

from __future__ import annotations

import argparse
from functools import partial
from statistics import median

import numpy as np
from grid import check, measure
from machine import ratios, surroundings
from peers import THREADS, Call, scipy, versions

import minprune as mp
from minprune.display import duration, percent, table

SPARSITIES = (0.9, 0.95, 0.99)
BATCHES = (1, 16, 256)


def matrix(side: int, sparsity: float, height: int) -> np.ndarray:
    """Return a matrix in which each run of `height` rows keeps or drops a column together."""
    rng = np.random.default_rng(0)
    kept = np.repeat(rng.random((-(-side // height), side)) >= sparsity, height, axis=0)[:side]
    return np.where(kept, rng.standard_normal((side, side)), 0).astype(np.float32)


def products(w: np.ndarray, batch: int, height: int) -> dict[str, Call]:
    """Return ways to multiply the same matrix by the same samples."""
    x = np.random.default_rng(1).standard_normal((w.shape[1], batch)).astype(np.float32)
    packed = {"CSR": mp.CSR.from_dense(w), "ELL": mp.ELL.from_dense(w)}
    if height > 1:
        packed["Panels"] = mp.Panels.from_dense(w)
        packed["Panels apart"] = mp.Panels.from_dense(w, together=False)
    calls: dict[str, Call] = {"dense": partial(w.dot, x, np.empty((len(w), batch), np.float32))}
    if scipy:
        sparse = scipy.csr_array(w)
        calls["SciPy CSR"] = partial(sparse.__matmul__, x[:, 0].copy() if batch == 1 else x)
    for name, made in packed.items():
        calls[name] = partial(made.into(np.empty((len(w), batch), np.float32)), x)
    expected = w.astype(np.float64) @ x
    for name, call in calls.items():
        check(partial(lambda call: np.asarray(call()).reshape(expected.shape), call), expected, name)
    return calls


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sides", default="256,1024,4096", help="rows and columns (default %(default)s)")
    sides = [int(side) for side in parser.parse_args().sides.split(",")]
    print(surroundings())
    print(f"{versions()}; threads {THREADS} each; float32\n")
    formats = ("CSR", "ELL", "Panels", "Panels apart")
    rows: list[list[object]] = []
    for side in sides:
        for height in (1, 16, 64):
            rows += [[]] if rows else []
            for sparsity in SPARSITIES:
                w = matrix(side, sparsity, height)
                for batch in BATCHES:
                    if height == 1 and batch > 1 and sparsity < 0.99:
                        continue  # where dense BLAS is far ahead
                    seconds = measure(products(w, batch, height), 0.5)
                    row: list[object] = [f"{side} × {side}", height, percent(sparsity, 0), batch]
                    row += [duration(median(seconds["dense"]))]
                    for name in ("SciPy CSR", *formats):
                        there = name in seconds
                        row += [f"{median(ratios(seconds[name], seconds['dense'])):.2f}" if there else ""]
                    for name in formats:
                        there = name in seconds and "SciPy CSR" in seconds
                        row += [f"{median(ratios(seconds[name], seconds['SciPy CSR'])):.2f}" if there else ""]
                    rows.append(row)
    headers = ["matrix", "r", "zeros", "batch", "dense", "SciPy CSR", *formats, *(f"{name}/SciPy" for name in formats)]
    print(table(headers, rows, title="Time over that of dense BLAS, and over that of SciPy's CSR", left=2))


if __name__ == "__main__":
    main()
