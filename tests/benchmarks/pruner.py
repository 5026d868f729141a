"""What a pruner costs in training: epochs with the default pruner against the same epochs without one.

    python tests/benchmarks/pruner.py [--data mnist credit] [--epochs 10] [--rounds 7] [--all]

The pruner is ``Pruner(Magnitude(), sparsity=0.95)``: `Cubic`, 50 updates between 10 and 60 % of the training. They take
the same time however long the training is, so what they add to an epoch is the less the more epochs there are: the last
column says from how many epochs on it is at most 5 %. On MNIST the network is 784-300-100-10 with SGD and momentum, on
credit 60-256-128-2 with Adam, batch 128 both times.

What is compared is the processor time of whole trainings (of all threads: other programs don't count), in turns
(A B C A B C …); what is stated is the median over the rounds of the ratio within a round. Masks make the optimizer's
step cheaper or dearer, whoever set them: the share of the training that was spent on updates is without that. With
``--all`` a criterion that looks at data (1024 rows an update, as many as eight steps) and regrowth are measured beside
it. Set OPENBLAS_NUM_THREADS to choose the threads.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from functools import partial
from statistics import median

from machine import in_turns, ratios, spread, surroundings

import minprune as mp
from minprune.display import count, duration, percent, table
from minprune.pruning.regrowth import RigL

BAR = 1.05
SPARSITY = 0.95
LOSS = mp.SoftmaxCrossEntropy()

Train = Callable[[int, mp.Pruner | None], object]


class Timed(mp.Pruner):
    """A pruner that knows how long its updates took, and what was tried before the first."""

    spent = 0.0

    def begin(self, *args: object, **options: object) -> None:
        self._timed(super().begin, *args, **options)

    def before_step(self, network: mp.Network, step: int) -> None:
        self._timed(super().before_step, network, step)

    def _timed(self, call: Callable[..., None], *args: object, **options: object) -> None:
        began = time.process_time()
        call(*args, **options)
        self.spent += time.process_time() - began


PRUNERS: dict[str, Callable[[], Timed | None]] = {
    "no pruner": lambda: None,
    "magnitude": lambda: Timed(mp.Magnitude(), sparsity=SPARSITY),
    "gradient": lambda: Timed(mp.GradientMagnitude(LOSS), sparsity=SPARSITY),
    "magnitude, RigL": lambda: Timed(mp.Magnitude(), sparsity=SPARSITY, regrow=RigL(LOSS)),
}


def training(name: str) -> tuple[str, Train]:
    """Return what is trained, in words, and ``train(epochs, pruner)``."""
    x, y = mp.datasets.load(name).train
    widths = [x.shape[1], *([300, 100, 10] if name == "mnist" else [256, 128, 2])]
    optimizer = (lambda: mp.SGD(0.05, momentum=0.9)) if name == "mnist" else (lambda: mp.Adam(1e-3))

    def train(epochs: int, pruner: mp.Pruner | None) -> None:
        net = mp.Network.mlp(widths, rng=0)
        options = {"epochs": epochs, "batch_size": 128, "rng": 1, "progress": False}
        mp.fit(net, (x, y), loss=LOSS, optimizer=optimizer(), pruner=pruner, **options)

    return f"{name}: {'-'.join(map(str, widths))}, {optimizer()}, {count(len(x))} samples", train


def measure(train: Train, names: list[str], epochs: int, rounds: int) -> list[tuple[str, ...]]:
    """Return a line for each pruner."""
    taken: dict[str, list[float]] = {name: [] for name in names}
    spent: dict[str, list[float]] = {name: [] for name in names}

    def prepare(name: str) -> Callable[[], None]:
        pruner = PRUNERS[name]()

        def run() -> None:
            began = time.process_time()
            train(epochs, pruner)
            taken[name].append(time.process_time() - began)
            spent[name].append(0.0 if pruner is None else pruner.spent)

        return run

    in_turns({name: partial(prepare, name) for name in names}, rounds)
    epoch = median(taken["no pruner"][1:]) / epochs
    rows = []
    for name in names:
        found = ratios(taken[name][1:], taken["no pruner"][1:])  # the first turn warms up
        updates = ratios(spent[name][1:], taken[name][1:])
        bar = (f"≤ {BAR}", "PASS" if median(found) <= BAR else "MISS") if name == "magnitude" else ("", "")
        enough = math.ceil(median(spent[name][1:]) / ((BAR - 1) * epoch))
        row = duration(median(taken[name][1:]) / epochs), f"{median(found):.3f}", spread(found, ".3f")
        rows.append((f"  {name}", *row, percent(median(updates)), *bar, str(enough) if enough else ""))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", nargs="+", default=["mnist", "credit"], choices=["mnist", "credit"])
    parser.add_argument("--epochs", type=int, default=10, help="epochs per training (default 10)")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each (default 7)")
    parser.add_argument("--all", action="store_true", help="also pruners that look at data")
    options = parser.parse_args()

    names = list(PRUNERS) if options.all else ["no pruner", "magnitude"]
    rows: list[tuple[str, ...]] = []
    for name in options.data:
        what, train = training(name)
        rows += [(what,), *measure(train, names, options.epochs, options.rounds)]
    print(f"{surroundings()}\n{options.rounds} rounds of {options.epochs} epochs, over which 50 updates are spread\n")
    headers = ["", "median epoch", "ratio", "middle half", "in updates", "bar", "", "5 % from epochs"]
    print(table(headers, rows))


if __name__ == "__main__":
    main()
