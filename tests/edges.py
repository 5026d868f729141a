"""What the tests at the edge share: how large, how small, and a network to put it in."""

import math

import numpy as np
import pytest

import minprune as mp

INF, NAN, WIDE = math.inf, math.nan, 100_000
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
LOSS = mp.SoftmaxCrossEntropy()


def largest(dtype):
    return np.finfo(dtype).max


def smallest(dtype):
    return np.finfo(dtype).smallest_subnormal


def network(values=None, *, dtype=np.float32, kept=True, shape=(3, 4, 2)):
    """A small network with the weights all of one value, or random ones."""
    net = mp.Network.mlp(list(shape), rng=0, dtype=dtype)
    for p in net.prunable.values():
        if values is not None:
            p.value = np.full(p.shape, values, dtype)
        if not kept:
            p.mask = np.zeros(p.shape, bool)
    return net
