"""How long an epoch takes: minprune beside PyTorch and scikit-learn, doing the same work in the same process.

    python tests/benchmarks/training.py [--epochs 1] [--rounds 9] [--samples 20000]

The network is 784-300-100-10 with ReLU, float32, batch 128, SGD with momentum 0.9, softmax cross-entropy; the data are
MNIST digits. All shuffle, take every row once an epoch (the last batch is smaller), sum up the loss of each batch and
use as many threads. Each turn trains a new network: PyTorch's starts from minprune's weights, scikit-learn draws its
own of the same order. That all end near one loss says that they did the same work.

They take turns (A B C A B C …), so that whatever else the machine does meanwhile falls on all of them, and what
is stated is the median over the rounds of the ratio within a round. Set OPENBLAS_NUM_THREADS to choose the threads.
"""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np
import sklearn
import torch
from machine import in_turns, ratios, spread, surroundings
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

import minprune as mp
from minprune.display import count, duration, percent, table

WIDTHS = (784, 300, 100, 10)
BATCH, LR, MOMENTUM = 128, 0.05, 0.9
SPARSITY = 0.95
BARS = [  # what is divided by what, and the largest ratio that passes
    ("minprune", "PyTorch", 0.70),
    ("minprune", "scikit-learn", 0.85),
    ("random mask", "minprune", 1.10),
    ("magnitude mask", "minprune", 1.10),
]
THREADS = int(os.environ.get("OPENBLAS_NUM_THREADS") or os.cpu_count() or 1)


def digits(samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x (samples, 784) float32 and y (samples,) int64."""
    x, y = mp.datasets.load("mnist").train.take(np.arange(samples))
    return np.array(x, np.float32), np.array(y, np.int64)


def ours(x: np.ndarray, y: np.ndarray, epochs: int, masks: dict[str, np.ndarray] | None = None) -> Callable[[], float]:
    def run() -> float:
        net = mp.Network.mlp(WIDTHS, rng=0)
        for name, mask in (masks or {}).items():
            net.parameters[name].mask = mask
        history = mp.fit(
            net, (x, y), loss=mp.SoftmaxCrossEntropy(), optimizer=mp.SGD(LR, momentum=MOMENTUM), epochs=epochs,
            batch_size=BATCH, rng=1, progress=False,
        )  # fmt: skip
        return history["loss"][-1]

    return run


def random_masks() -> dict[str, np.ndarray]:
    """Return masks that drop the same share of each layer, anywhere."""
    return {name: np.asarray(mask) for name, mask in mp.shuffled(magnitude_masks(mp.Uniform()), rng=0).items()}


def magnitude_masks(allocation: object = None) -> dict[str, np.ndarray]:
    """Return the masks of magnitude pruning; globally, it keeps more of the layers whose weights are larger."""
    allocation = mp.Global() if allocation is None else allocation
    plan = mp.plan(mp.Network.mlp(WIDTHS, rng=0), mp.Magnitude(), sparsity=SPARSITY, allocation=allocation)
    return dict(plan.masks)


def torchs(x: np.ndarray, y: np.ndarray, epochs: int) -> Callable[[], float]:
    start = mp.Network.mlp(WIDTHS, rng=0)
    inputs, labels = torch.from_numpy(x), torch.from_numpy(y)

    def run() -> float:
        torch.manual_seed(1)
        layers: list[torch.nn.Module] = []
        for dense in start.dense:
            linear = torch.nn.Linear(dense.inputs, dense.outputs)
            linear.weight.data.copy_(torch.from_numpy(dense.weight.value.T))
            linear.bias.data.zero_()
            layers += [linear, torch.nn.ReLU()]
        net = torch.nn.Sequential(*layers[:-1])
        optimizer = torch.optim.SGD(net.parameters(), lr=LR, momentum=MOMENTUM)
        for _ in range(epochs):
            total = 0.0
            for rows in torch.randperm(len(inputs)).split(BATCH):
                optimizer.zero_grad()
                loss = torch.nn.functional.cross_entropy(net(inputs[rows]), labels[rows])
                loss.backward()
                optimizer.step()
                total += loss.item() * len(rows)
        return total / len(inputs)

    return run


def sklearns(x: np.ndarray, y: np.ndarray, epochs: int) -> Callable[[], float]:
    def run() -> float:
        net = MLPClassifier(
            WIDTHS[1:-1], solver="sgd", batch_size=BATCH, learning_rate_init=LR, momentum=MOMENTUM,
            nesterovs_momentum=False, alpha=0.0, max_iter=epochs, early_stopping=False, random_state=0,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return float(net.fit(x, y).loss_)

    return run


def measure(runs: dict[str, Callable[[], float]], rounds: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Return the seconds of each run in each round, and each one's last loss."""
    losses: dict[str, float] = {}

    def keep(name: str) -> None:
        losses[name] = runs[name]()

    return in_turns({name: partial(partial, keep, name) for name in runs}, rounds), losses


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--epochs", type=int, default=1, help="epochs per turn (default 1)")
    parser.add_argument("--rounds", type=int, default=9, help="turns of each (default 9)")
    parser.add_argument("--samples", type=int, default=20_000, help="training samples (default 20,000)")
    options = parser.parse_args()

    torch.set_num_threads(THREADS)
    x, y = digits(options.samples)
    seconds, losses = measure(
        {
            "minprune": ours(x, y, options.epochs),
            "random mask": ours(x, y, options.epochs, random_masks()),
            "magnitude mask": ours(x, y, options.epochs, magnitude_masks()),
            "PyTorch": torchs(x, y, options.epochs),
            "scikit-learn": sklearns(x, y, options.epochs),
        },
        options.rounds,
    )
    steps = options.epochs * -(-len(x) // BATCH)
    print(f"{surroundings()}\nPyTorch {torch.__version__}, scikit-learn {sklearn.__version__}, threads as NumPy's")
    print(
        f"{'-'.join(map(str, WIDTHS))} float32 on {count(len(x))} samples of MNIST, batch {BATCH}, SGD with "
        f"momentum {MOMENTUM}; masks drop {percent(SPARSITY)} of the weights; "
        f"{options.rounds} rounds of {options.epochs} epoch(s)\n"
    )
    print(
        table(
            ["", "median epoch", "a step", "loss of the last epoch"],
            [
                (name, duration(median(s) / options.epochs), duration(median(s) / steps), f"{losses[name]:.3f}")
                for name, s in seconds.items()
            ],
        )
    )
    rows = []
    for above, below, bar in BARS:
        found = ratios(seconds[above], seconds[below])
        verdict = "PASS" if median(found) <= bar else "MISS"
        rows.append((f"{above} / {below}", f"{median(found):.2f}", spread(found), f"≤ {bar:.2f}", verdict))
    print()
    print(table(["ratio of times", "median", "middle half", "bar", ""], rows))


if __name__ == "__main__":
    main()
