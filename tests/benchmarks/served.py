"""Networks to be served: trained on real data, pruned while they train, five seeds each; kept in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import mean

import numpy as np

import minprune as mp
from minprune.study.runs import run_all

SEEDS = range(5)
PATTERNS = {"mnist": mp.Neurons(inputs=True), "credit": mp.Neurons()}
WIDTHS = {"mnist": [784, 300, 100, 10], "credit": [60, 256, 128, 2]}
NAMES = {
    "mnist": "LeNet-300-100 on MNIST, 90 % by Neurons and inputs",
    "credit": "60-256-128-2 on credit, 90 % by Neurons",
}


@dataclass
class Served:
    """What bar 5 needs of one data set: the networks of the first seed, and how good all are."""

    dense: mp.Network
    pruned: mp.Network
    x: np.ndarray
    quality: str
    told: str
    bar: str
    met: bool


@cache
def data(name: str) -> mp.datasets.Dataset:
    return mp.datasets.load(name)


def recipe(name: str, epochs: int) -> dict[str, object]:
    """Return how a network is trained; the same with a pruner and without."""
    if name == "mnist":
        optimizer: mp.SGD | mp.Adam = mp.SGD(mp.CosineDecay(0.1), momentum=0.9)
        return {"optimizer": optimizer, "penalty": mp.L2(4e-4), "epochs": epochs}
    return {"optimizer": mp.Adam(mp.CosineDecay(1e-3)), "penalty": mp.L2(1e-3), "epochs": epochs}


def train(*, name: str, seed: int, epochs: int, prune: bool) -> dict[str, object]:
    """Train one network and return its quality on the test set, and its arrays."""
    sets, net = data(name), mp.Network.mlp(WIDTHS[name], rng=seed)
    schedule = mp.Cubic(0.1, 0.7, updates=30)
    pruner = mp.Pruner(mp.Magnitude(), sparsity=0.9, pattern=PATTERNS[name], schedule=schedule) if prune else None
    mp.fit(
        net, sets.train, loss=mp.SoftmaxCrossEntropy(), batch_size=128, pruner=pruner, rng=seed, **recipe(name, epochs)
    )
    found = mp.evaluate(net, sets.test)
    arrays = {f"{key}.value": p.value for key, p in net.parameters.items()}
    arrays |= {f"{key}.mask": p.mask for key, p in net.parameters.items()}
    return {"error": 1 - found.accuracy, "auc": found.auc or 0.0, "sparsity": net.sparsity} | arrays


def rebuilt(name: str, run: dict[str, object]) -> mp.Network:
    net = mp.Network.mlp(WIDTHS[name], rng=0)
    for key, parameter in net.parameters.items():
        parameter.value = run[f"{key}.value"]
        parameter.mask = run[f"{key}.mask"]
    return net


def served(folder: Path, quick: bool) -> dict[str, Served]:
    """Train what is not there yet, and return both cases."""
    epochs = {"mnist": 2, "credit": 2} if quick else {"mnist": 60, "credit": 20}
    seeds = list(SEEDS)[:2] if quick else list(SEEDS)
    tasks = [
        {"name": name, "seed": seed, "epochs": epochs[name], "prune": prune}
        for name in WIDTHS
        for seed in seeds
        for prune in (False, True)
    ]
    runs = run_all(train, tasks, folder=folder, label="training for bar 5")
    result = {}
    for name in WIDTHS:
        dense, pruned = ([r for r in runs if r["name"] == name and r["prune"] is prune] for prune in (False, True))
        if name == "mnist":
            value = mean(run["error"] for run in pruned)
            told = f"{100 * value:.2f} % (dense {100 * mean(run['error'] for run in dense):.2f} %)"
            quality, bar, met = "test error", "≤ 1.9 %", value <= 0.019
        else:
            before, after = (mean(run["auc"] for run in some) for some in (dense, pruned))
            told = f"{after:.4f} (dense {before:.4f})"
            quality, bar, met = "test AUC", "≥ dense − 0.005", after >= before - 0.005
        told += f", means of {len(seeds)} seeds, {100 * mean(run['sparsity'] for run in pruned):.1f} % pruned"
        nets = rebuilt(name, dense[0]), rebuilt(name, pruned[0])
        result[NAMES[name]] = Served(*nets, data(name).test.x.astype(np.float32), quality, told, bar, met)
    return result
