"""What the gradient criteria are tried on: any small network with any loss and some rows for it; and slow oracles."""

import numpy as np
from generators import networks
from hypothesis import assume
from hypothesis import strategies as st

import minprune as mp

H = 2e-5
SMOOTH = [mp.Tanh, mp.Sigmoid, mp.GELU]


@st.composite
def problems(draw, *, dtype=np.float64, rows=(1, 7), smooth=False, pruned=None, layers=(1, 3), most=5):
    """Return a network, a loss, x and y. There may be masks, dropout, a Select, layers without a bias.

    Not a `smooth` one may have ReLUs; then no row is so near a kink that a difference would cross it.
    """
    plain = draw(networks(dtype=dtype, width=most, layers=layers, pruned=pruned))
    parts = []
    for layer in plain.layers:
        if isinstance(layer, mp.Dense):
            parts.append(layer.copy())
        else:
            parts.append(draw(st.sampled_from(SMOOTH if smooth else [mp.ReLU, mp.LeakyReLU, *SMOOTH]))())
            parts += [mp.Dropout(0.9)] if draw(st.booleans()) else []
    inputs = plain.inputs
    if draw(st.booleans()):
        inputs += 1
        parts.insert(0, mp.Select(np.arange(1, inputs), inputs))
    network = mp.Network(parts)
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    n = draw(st.integers(*rows))
    x = rng.standard_normal((n, inputs)).astype(dtype)
    kinds = ["softmax", "squares"] + ["binary"] * 2 * (network.outputs == 1)
    kind = draw(st.sampled_from(kinds))
    if kind == "softmax":
        loss, y = mp.SoftmaxCrossEntropy(), rng.integers(0, network.outputs, n)
    elif kind == "binary":
        loss, y = mp.BinaryCrossEntropy(), rng.integers(0, 2, n)
    else:
        loss, y = mp.MeanSquaredError(), rng.standard_normal((n, network.outputs))
    assume(smooth or _away_from_kinks(network, x))
    return network, loss, x, y


def _away_from_kinks(network, x):
    for layer in network.copy().layers:
        if isinstance(layer, mp.ReLU | mp.LeakyReLU) and ((x != 0) & (np.abs(x) < 0.02)).any():
            return False
        x = layer.forward(x)
    return True


def mean_loss(network, loss, x, y):
    return float(loss.per_sample(network.forward(x), y)[0].mean())


def gradients(network, loss, x, y, temperature=1.0):
    """Return the mean loss's gradient by the network's own backprop, all rows at once."""
    worker = network.copy()
    _, grad = loss.per_sample(worker.forward(x) / temperature, y)
    worker.backward(grad / temperature / len(x))
    return {name: p.grad.copy() for name, p in worker.prunable.items()}


def slope(value, array, at):
    """∂value()/∂array[at] by five-point differences, (−f(2h) + 8f(h) − 8f(−h) + f(−2h)) / 12h, off by h⁴ f⁽⁵⁾/30."""
    was, total = array[at], 0.0
    for step, factor in ((2, -1), (1, 8), (-1, -8), (-2, 1)):
        array[at] = was + step * H
        total = total + factor * value() / (12 * H)
    array[at] = was
    return total


def flat(by_name):
    return np.concatenate([array.ravel() for array in by_name.values()])


def assert_near(ours, theirs, share=1e-9, least=0.0):
    """To a share of the largest entry, or to `least`."""
    assert list(ours) == list(theirs)
    largest = max((np.abs(array).max() for array in theirs.values()), default=0.0)
    for name in theirs:
        assert ours[name].shape == theirs[name].shape
        assert np.abs(ours[name] - theirs[name]).max() <= max(share * largest, least), name
