"""What an epoch costs once half of the hidden units are gone: masked, compacted, and beside a network born that small.

    python tests/benchmarks/compacted.py [--rounds 9] [--samples 12800]

A network of 784-1024-1024-10 with ReLU, float32, batch 128, trains for one epoch; `Neurons` then drops half of the
units of each hidden layer. What is timed are the epochs after that, each of them a call of `fit`:

    dense       the network that nothing was dropped from
    masked      half of the units gone by masks: the shapes are as before
    compacted   the masked one through `compact`, its optimizer's state carried over
    small       a new network with the compacted one's widths: what such an epoch costs anyway

The masked and the compacted network see the same batches, so that they report one loss: that of the first epoch is
shown, before float32's rounding adds up. The data are random numbers of MNIST's shape; no time depends on them.

They take turns (A B C A B C …), so that whatever else the machine does meanwhile falls on all of them, and what
is stated is the median over the rounds of the ratio within a round. OPENBLAS_NUM_THREADS chooses the threads; 2
without it.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from functools import partial
from statistics import median

THREADS = os.environ.setdefault("OPENBLAS_NUM_THREADS", "2")  # before NumPy is imported: it reads this once

import numpy as np  # noqa: E402
from machine import in_turns, ratios, spread, surroundings  # noqa: E402

import minprune as mp  # noqa: E402
from minprune.display import count, duration, table  # noqa: E402

WIDTHS = (784, 1024, 1024, 10)
BATCH = 128
BAR = 0.60
OPTIMIZERS: dict[str, Callable[[], mp.SGD | mp.Adam]] = {
    "SGD, momentum 0.9": lambda: mp.SGD(0.01, momentum=0.9),
    "Adam": lambda: mp.Adam(1e-4),
}
RATIOS = [("compacted", "dense"), ("compacted", "masked"), ("masked", "dense"), ("compacted", "small")]

Train = Callable[[mp.Network], float]


def trainer(optimizer: mp.SGD | mp.Adam, samples: int) -> Train:
    """Return what trains a network for an epoch, the same for all, and says the loss."""
    rng = np.random.default_rng(0)
    x = rng.random((samples, WIDTHS[0]), dtype=np.float32)
    y = rng.integers(0, WIDTHS[-1], samples)
    options = {"loss": mp.SoftmaxCrossEntropy(), "batch_size": BATCH, "rng": 1, "progress": False}

    def train(net: mp.Network) -> float:
        return mp.fit(net, (x, y), optimizer=optimizer, epochs=1, **options)["loss"][-1]

    return train


def networks(optimizer: mp.SGD | mp.Adam, train: Train) -> dict[str, mp.Network]:
    """Return the four, all of them trained for an epoch."""
    dense, masked = (mp.Network.mlp(WIDTHS, rng=0) for _ in range(2))
    for net in (dense, masked):
        train(net)
    half = mp.Network.mlp([WIDTHS[0], *(width // 2 for width in WIDTHS[1:-1]), WIDTHS[-1]])
    gone = 1 - half.weights / dense.weights
    plan = mp.plan(masked, mp.Magnitude(), sparsity=gone, allocation=mp.Uniform(), pattern=mp.Neurons())
    plan.apply_in_place(masked)
    compacted = mp.compact(masked, optimizer=optimizer)
    small = mp.Network.mlp([compacted.inputs, *(layer.outputs for layer in compacted.dense)], rng=0)
    train(small)
    return {"dense": dense, "masked": masked, "compacted": compacted, "small": small}


def measure(name: str, samples: int, rounds: int) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Return the lines of times and of ratios for one optimizer."""
    optimizer = OPTIMIZERS[name]()
    train = trainer(optimizer, samples)
    nets = networks(optimizer, train)
    losses: dict[str, float] = {}

    def keep(which: str) -> None:
        losses.setdefault(which, train(nets[which]))

    seconds = in_turns({which: partial(partial, keep, which) for which in nets}, rounds)
    times: list[tuple[object, ...]] = [(name,)]
    for which, net in nets.items():
        widths = "-".join(map(str, (net.inputs, *(layer.outputs for layer in net.dense))))
        step = median(seconds[which]) / -(-samples // BATCH)
        row = widths, count(net.kept), duration(median(seconds[which])), duration(step), f"{losses[which]:.5f}"
        times.append((f"  {which}", *row))
    found: list[tuple[object, ...]] = [(name,)]
    for above, below in RATIOS:
        values = ratios(seconds[above], seconds[below])
        multiplied = f"{nets[above].weights / nets[below].weights:.2f}"
        verdict = "PASS" if median(values) <= BAR else "MISS"
        judged = (f"≤ {BAR:.2f}", verdict) if below in ("dense", "masked") and above == "compacted" else ("", "")
        found.append((f"  {above} / {below}", multiplied, f"{median(values):.2f}", spread(values), *judged))
    return times, found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="turns of each (default 9)")
    parser.add_argument("--samples", type=int, default=12_800, help="rows of an epoch (default 12,800)")
    options = parser.parse_args()

    times: list[tuple[object, ...]] = []
    found: list[tuple[object, ...]] = []
    for name in OPTIMIZERS:
        one, other = measure(name, options.samples, options.rounds)
        times += one
        found += other
    print(surroundings())
    print(
        f"{'-'.join(map(str, WIDTHS))} float32 on {count(options.samples)} random rows, batch {BATCH}; "
        f"{options.rounds} rounds of an epoch each\n"
    )
    print(table(["", "widths", "weights", "median epoch", "a step", "first loss"], times))
    print()
    print(table(["ratio of times", "multiply-adds", "median", "middle half", "bar", ""], found))


if __name__ == "__main__":
    main()
