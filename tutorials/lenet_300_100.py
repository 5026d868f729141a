"""LeNet-300-100 on MNIST, dense and pruned to 95 % while it trains: one command, a few minutes on two cores.

    python tutorials/lenet_300_100.py

The recipe was fixed before the test set was looked at: all 60,000 training images, 60 epochs of SGD with momentum 0.9,
a cosine from 0.1 to 0, an L2 penalty of 1e-4, batches of 128. The pruned run adds one thing: magnitude pruning, all
layers ranked together, along Zhu and Gupta's cubic from 10 to 60 % of the training. The table goes to
tutorials/results/lenet_300_100.md.
"""

import argparse
import os
import platform
import time
from pathlib import Path

import numpy as np

import minprune as mp
from minprune.display import percent, table
from minprune.storage import write_whole

RESULTS = Path(__file__).parent / "results"


def train(seed: int, epochs: int, pruner: mp.Pruner | None) -> tuple[mp.Network, float]:
    mnist = mp.datasets.load("mnist")
    net = mp.Network.mlp([784, 300, 100, 10], rng=seed)
    began = time.perf_counter()
    mp.fit(
        net,
        mnist.train_and_valid,
        loss=mp.SoftmaxCrossEntropy(),
        optimizer=mp.SGD(mp.CosineDecay(0.1), momentum=0.9),
        penalty=mp.L2(1e-4),
        epochs=epochs,
        batch_size=128,
        pruner=pruner,
        rng=seed,
    )
    return net, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sparsity", type=float, default=0.95)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS / "lenet_300_100.md")
    args = parser.parse_args()

    test = mp.datasets.load("mnist").test
    rows = []
    for name, pruner in (
        ("dense", None),
        ("pruned", mp.Pruner(mp.Magnitude(), sparsity=args.sparsity, schedule=mp.Cubic(0.1, 0.6, updates=50))),
    ):
        net, seconds = train(args.seed, args.epochs, pruner)
        wrong = int(np.count_nonzero(net.predict(test.x) != test.y))
        rows.append([name, f"{net.kept:,}", percent(net.sparsity), percent(wrong / len(test), 2), f"{seconds:.0f} s"])
        print(f"{name}: {percent(wrong / len(test), 2)} test error, {net.kept:,} weights, {seconds:.0f} s", flush=True)
    text = table(["network", "weights kept", "sparsity", "test error", "training"], rows)
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}"
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {versions}"
    command = f"python tutorials/lenet_300_100.py --sparsity {args.sparsity} --epochs {args.epochs} --seed {args.seed}"
    write_whole(args.out, f"# LeNet-300-100 on MNIST\n\n`{command}`\n\n```\n{text}\n```\n\n{machine}\n")
    print(text)


if __name__ == "__main__":
    main()
