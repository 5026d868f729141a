"""The oracle of the engine's tests: derivatives by differences, one entry at a time, and networks to try them on."""

import numpy as np
from hypothesis import strategies as st

import minprune as mp
from minprune.nn.activations import ACTIVATIONS

H = 1e-3


def central(value, array):
    """∂value()/∂array by five-point differences, (−f(2h) + 8f(h) − 8f(−h) + f(−2h)) / 12h, off by h⁴ f⁽⁵⁾/30."""
    result = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        was = array[index]
        for step, factor in ((2, -1), (1, 8), (-1, -8), (-2, 1)):
            array[index] = was + step * H
            result[index] += factor * value() / (12 * H)
        array[index] = was
    return result


def away_from_kinks(rng, shape):
    """Numbers of both signs whose distance from 0 no difference crosses."""
    return rng.uniform(0.1, 2.0, shape) * rng.choice([-1.0, 1.0], shape)


def bits(network):
    """All that a refused call must leave alone, as bytes."""
    return [(p.value.tobytes(), p.grad.tobytes(), p.mask.tobytes()) for p in network.parameters.values()]


def positive_zeros(array, mask):
    """Whether every dropped entry is 0 without a sign."""
    dropped = array[~mask]
    return not dropped.any() and not np.signbit(dropped).any()


@st.composite
def networks(draw, *, dtype=np.float64, masked=True, activations=tuple(ACTIVATIONS), most=6):
    """A small network, masked anyhow (a mask may drop nothing, or everything)."""
    widths = draw(st.lists(st.integers(1, most), min_size=2, max_size=4))
    seed = draw(st.integers(0, 2**16))
    net = mp.Network.mlp(widths, activation=draw(st.sampled_from(activations)), rng=seed, dtype=dtype)
    rng = np.random.default_rng(seed)
    for p in net.parameters.values():
        p.value = rng.standard_normal(p.shape)
    if masked:
        for p in net.parameters.values():
            p.mask = rng.random(p.shape) < draw(st.sampled_from([0.0, 0.03, 0.3, 0.7, 1.0]))
    return net


def hostile(network, rng):
    """Write to values and gradients what nobody should, dropped entries included."""
    for p in network.parameters.values():
        p.value[~p.mask] = rng.choice([1.0, -1.0, -0.0, np.nan, np.inf, 1e30], int((~p.mask).sum()))
        p.grad[...] = rng.standard_normal(p.shape)
        p.grad[~p.mask] = rng.choice([1.0, -1.0, -0.0, np.nan, np.inf, 1e30], int((~p.mask).sum()))


OPTIMIZERS = {
    "sgd": lambda: mp.SGD(0.1),
    "momentum": lambda: mp.SGD(0.1, momentum=0.9),
    "nesterov": lambda: mp.SGD(0.1, momentum=0.9, nesterov=True),
    "adam": lambda: mp.Adam(0.1),
    "adamw": lambda: mp.AdamW(0.1, weight_decay=0.1),
    "adamw that flips signs": lambda: mp.AdamW(1.0, weight_decay=1.5),
    "scheduled": lambda: mp.SGD(mp.CosineDecay(0.1), momentum=0.5),
}

PENALTIES = {
    "none": lambda: None,
    "l1": lambda: mp.L1(0.05),
    "l1 subgradient": lambda: mp.L1(0.05, subgradient=True),
    "l2": lambda: mp.L2(0.05),
    "group rows": lambda: mp.GroupLasso(0.05),
    "group columns": lambda: mp.GroupLasso(0.05, axis="outputs"),
    "sum": lambda: mp.L1(0.02) + mp.L2(0.02) + mp.GroupLasso(0.02),
}
