"""Tuning: which kernel is the fastest for a layer, at a batch size, here.

    round after round: each kernel in turn has a burst of calls  →  the median of each  →  the smallest wins

In turns, so that a slow moment of the machine hits all of them. In bursts, the first call of which is not counted: a
program that is called again and again finds its weights in the cache, not those of the kernels that lost.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from time import perf_counter_ns

import numpy as np

from minprune.inference.kernels import Kernel, LayerWeights

TIE = 0.95  # another kernel replaces the first one, dense, only if it takes less than this share of its time
_BURST = 5
_MOST_ROUNDS = 200


def fastest(
    kernels: Sequence[Kernel], layer: LayerWeights, batch: int, seconds: float
) -> tuple[Kernel, dict[str, float]]:
    """Return the fastest of `kernels` for batches of `batch` rows, and the median time of each in seconds.

    The first one stays unless another is clearly faster. Each is called at least twice and timed at least once,
    however short `seconds` is.
    """
    x = np.random.default_rng(0).standard_normal((batch, layer.inputs)).astype(layer.weight.dtype)
    out = np.empty((batch, layer.weight.shape[1]), layer.weight.dtype)
    took: dict[str, list[int]] = {kernel.name: [] for kernel in kernels}
    until = perf_counter_ns() + round(seconds * 1e9)
    for _ in range(_MOST_ROUNDS if len(kernels) > 1 else 1):
        for kernel in kernels:
            kernel(x, out)
            for _ in range(_BURST):
                began = perf_counter_ns()
                kernel(x, out)
                ended = perf_counter_ns()
                took[kernel.name].append(max(ended - began, 1))  # a coarse clock may not have moved at all
                if ended >= until:
                    break
        if perf_counter_ns() >= until:
            break
    times = {name: statistics.median(nanoseconds) * 1e-9 for name, nanoseconds in took.items()}
    best = min(kernels, key=lambda kernel: times[kernel.name])
    return (best if times[best.name] < TIE * times[kernels[0].name] else kernels[0]), times
