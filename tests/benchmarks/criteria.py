"""What scores cost that come from data: each criterion beside a backward pass on the same rows.

    python tests/benchmarks/criteria.py [--rounds 25] [--widths 784 300 100 10] [--rows 128 1024 4096]

A backward pass is ``network.backward``: the gradients of all weights and biases, written to arrays that are there
already, the forward pass before it not counted. A criterion goes forward as well, checks the data, and returns fresh
arrays. Each takes turns with a backward pass (A B A B …), as memory that one criterion has given back would make the
next one faster, and what is stated is the median over the rounds of the ratio within a round.

It is stated in processor time, by which it is judged, and on the clock. On a machine that has other things to do the
clock favours the short: a backward pass of a millisecond fits in a slice of the processor, and what takes four waits
for its turn. The products alone, counted in multiplications, come to the last column: what is above it is passes over
memory, most of it new, and on few rows that shows.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from statistics import median

import numpy as np
from machine import ratios, spread, surroundings

import minprune as mp
from minprune.display import count, duration, table
from minprune.pruning.criteria import Criterion, Fisher, GradientMagnitude, GraSP, Saliency

BAR = 3.0  # times a backward pass, for Fisher
LOSS = mp.SoftmaxCrossEntropy()
CRITERIA: dict[str, Criterion] = {
    "Fisher": Fisher(LOSS),
    "GradientMagnitude": GradientMagnitude(LOSS),
    "Saliency": Saliency(LOSS),
    "GraSP": GraSP(LOSS),
}


def backward(net: mp.Network, x: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    _, grad = LOSS.value_and_gradient(net.forward(x), y)
    return partial(net.backward, grad)


def products(name: str, widths: Sequence[int]) -> float:
    """Return the multiplications of a row in matrix products, of those in a backward pass."""
    sizes = [a * b for a, b in pairwise(widths)]
    back = sum(sizes) + sum(sizes[1:])  # the weights' gradients, and what goes back to all layers but the first
    once = sum(sizes) + back  # and forward
    return once / back * (3 * 2 if name == "GraSP" else 1)  # three gradients, in numbers of twice the width


def in_turns(
    runs: Mapping[str, Callable[[], object]], rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Return seconds of processor time and on the clock of each run in each round, after one that is not counted."""
    cpu: dict[str, list[float]] = {name: [] for name in runs}
    clock: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            began = time.process_time(), time.perf_counter()
            run()
            if turn:
                cpu[name].append(time.process_time() - began[0])
                clock[name].append(time.perf_counter() - began[1])
    return cpu, clock


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=25, help="turns of each (default 25)")
    parser.add_argument("--widths", type=int, nargs="+", default=[784, 300, 100, 10])
    parser.add_argument("--rows", type=int, nargs="+", default=[128, 1024, 4096])
    options = parser.parse_args()
    net = mp.Network.mlp(options.widths, rng=0)
    print(f"{surroundings()}\n{'-'.join(map(str, options.widths))}, float32, {options.rounds} rounds\n")
    body: list[list[object]] = []
    for rows in options.rows:
        draws = np.random.default_rng(0)
        x = draws.standard_normal((rows, net.inputs), dtype=np.float32)
        y = draws.integers(0, net.outputs, rows)
        body += [[]] if body else []
        for name, criterion in CRITERIA.items():
            runs = {"backward": backward(net, x, y), "scores": partial(criterion.scores, net, (x, y))}
            cpu, clock = in_turns(runs, options.rounds)
            ratio, on_clock = (ratios(times["scores"], times["backward"]) for times in (cpu, clock))
            judged = (f"≤ {BAR:g}", "PASS" if median(ratio) <= BAR else "MISS") if name == "Fisher" else ("", "")
            row = [f"{count(rows)} rows: {name}", *(duration(median(times)) for times in cpu.values())]
            row += [f"{median(ratio):.2f}", spread(ratio), *judged, f"{median(on_clock):.2f}"]
            body.append([*row, f"{products(name, options.widths):.2f}"])
    print(table(["", "backward", "scores", "ratio", "middle half", "bar", "", "on the clock", "products"], body))


if __name__ == "__main__":
    main()
