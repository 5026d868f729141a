"""A sweep that takes a moment: its functions are those of a module, so that other processes find them."""

import os
import sys
import time
from functools import cache, partial
from pathlib import Path

import numpy as np

from minprune import SGD, GradientMagnitude, Magnitude, Network, SoftmaxCrossEntropy, evaluate, fit
from minprune.study.sweep import sweep

LOSS = SoftmaxCrossEntropy()
CRITERIA = {"magnitude": Magnitude(), "gradient": GradientMagnitude(LOSS)}
CLOCKS = ("seconds", "latency", "dense_latency", "speedup")  # what no two runs have in common


@cache
def points():
    """Three clouds in eight dimensions."""
    rng = np.random.default_rng(0)
    y = np.arange(120) % 3
    return (rng.normal(size=(3, 8))[y] + rng.normal(size=(120, 8))).astype(np.float32), y


def build(seed):
    return Network.mlp([8, 12, 6, 3], rng=seed)


def train(network, seed):
    fit(network, points(), loss=LOSS, optimizer=SGD(0.1, momentum=0.9), epochs=2, batch_size=32, rng=seed)


def finetune(network, seed):
    fit(network, points(), loss=LOSS, optimizer=SGD(0.05), epochs=1, batch_size=32, rng=seed)


def judge(network):
    found = evaluate(network, points())
    return {"accuracy": found.accuracy, "loss": found.log_loss}


def noted(network, seed, *, folder, pause=0.0):
    """Fine-tune, and leave a file for each time that it was done to a network."""
    took = f"{network.kept}-{seed}-{os.getpid()}-{time.perf_counter_ns()}"
    time.sleep(pause)
    finetune(network, seed)
    Path(folder, took).touch()


ASKED = {"train": train, "finetune": finetune, "evaluate": judge, "data": points}


def same(records):
    """Return records without what the clock said."""
    return [{key: value for key, value in record.items() if key not in CLOCKS} for record in records]


if __name__ == "__main__":  # a program that can be stopped: with folders for its results and for its notes
    results, notes = sys.argv[1:]
    asked = ASKED | {"finetune": partial(noted, folder=notes, pause=0.05)}
    sweep(build, CRITERIA, [0.5, 0.75], range(2), **asked, folder=results, workers=2)
