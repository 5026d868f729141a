"""Networks to be packed, drawn by Hypothesis, and what they compute and keep alive, by hand."""

import math
from itertools import pairwise, product

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minprune import GELU, Dense, Dropout, LeakyReLU, Network, ReLU, Select, Sigmoid, Tanh

EXACT = [ReLU(), LeakyReLU(0.25)]  # sums and products of small dyadic numbers stay dyadic through these
ALL = [*EXACT, LeakyReLU(), Tanh(), Sigmoid(), GELU()]


def _dyadic(rng, shape):
    return rng.integers(-8, 9, shape) / 4


@st.composite
def networks(draw, *, activations=ALL, dtype=np.float64, numbers=None, layers=4, width=5):
    """A narrow network with any masks: maybe with Select, functions in front, biases, Dropout, an activation last."""
    widths = draw(st.lists(st.integers(1, width), min_size=2, max_size=layers + 1))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    numbers = numbers or (lambda rng, shape: rng.standard_normal(shape))
    functions = st.lists(st.sampled_from([*activations, Dropout(0.5)]), max_size=2)
    parts = [f.copy() for f in draw(functions)] if draw(st.booleans()) else []
    if draw(st.booleans()):
        columns = np.sort(rng.permutation(widths[0] + 2)[: widths[0]])
        parts.insert(draw(st.integers(0, len(parts))), Select(columns, widths[0] + 2))
    for k, (inputs, outputs) in enumerate(pairwise(widths)):
        bias = numbers(rng, outputs).astype(dtype) if draw(st.booleans()) else None
        parts.append(Dense.from_arrays(numbers(rng, (inputs, outputs)).astype(dtype), bias))
        if k < len(widths) - 2 or draw(st.booleans()):
            parts += [f.copy() for f in draw(functions)]
    network = Network(parts)
    for parameter in network.parameters.values():
        parameter.mask = draw(masks(parameter.shape))
    return network


def exact_networks(dtype=np.float64, **options):
    """Networks whose every sum is exact in float64, in whatever order, for inputs of `_dyadic`."""
    return networks(activations=EXACT, numbers=_dyadic, dtype=dtype, **options)


def masks(shape):
    """Any mask; often one that kills units: few kept, or none, or whole rows and columns gone."""
    rate = st.sampled_from([0.0, 0.2, 0.5, 1.0])
    some = st.builds(lambda p, seed: np.random.default_rng(seed).random(shape) < p, rate, st.integers(0, 2**16))
    return st.one_of(some, hnp.arrays(np.bool_, shape))


def rows(network, batch=3, seed=0, *, exact=False):
    rng = np.random.default_rng(seed)
    x = _dyadic(rng, (batch, network.inputs)) if exact else rng.standard_normal((batch, network.inputs))
    return x.astype(network.dtype)


def function_by_hand(layer, v):
    match layer:
        case LeakyReLU():
            return v if v > 0 else layer.slope * v
        case ReLU():
            return max(v, 0.0)
        case Tanh():
            return math.tanh(v)
        case Sigmoid():
            return 1 / (1 + math.exp(-v))
        case GELU():
            return v * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3))) / 2
        case Dropout():
            return v
    raise AssertionError(layer)


def output_by_hand(network, x):
    """One number at a time, over the weights whose mask is True."""
    result = []
    for row in x.tolist():
        h = row
        for layer in network.layers:
            if isinstance(layer, Select):
                h = [h[c] for c in layer.columns]
            elif isinstance(layer, Dense):
                w, kept = layer.weight.value.tolist(), layer.weight.mask.tolist()
                b = [0.0] * layer.outputs if layer.bias is None else layer.bias.value.tolist()
                h = [
                    sum((h[i] * w[i][j] for i in range(layer.inputs) if kept[i][j]), 0.0) + b[j]
                    for j in range(layer.outputs)
                ]
            else:
                h = [function_by_hand(layer, v) for v in h]
        result.append(h)
    return np.array(result)


def rounding(network, x):
    """How far two orders of summation may lie apart: some hundred units in the last place of the sums of absolutes."""
    h = np.abs(x.astype(np.float64)).max(axis=0)
    for layer in network.layers:
        if isinstance(layer, Select):
            h = h[layer.columns]
        elif isinstance(layer, Dense):
            h = h @ np.abs(layer.weight.value) + (0 if layer.bias is None else np.abs(layer.bias.value))
        else:
            h = 1.2 * h + 1  # no activation is steeper than 1.13, nor above 0.5 at 0
    return 200 * np.finfo(network.dtype).eps * h


def paths(network):
    """Every way from an input of the first Dense to an output over kept weights, as the units it passes."""
    kept = [layer.weight.mask for layer in network.dense]
    units = [range(kept[0].shape[0]), *(range(mask.shape[1]) for mask in kept)]
    for path in product(*units):
        if all(mask[here, there] for mask, (here, there) in zip(kept, pairwise(path), strict=True)):
            yield path


def alive(network):
    """The units of each layer, the input's first, that are on a path."""
    found = list(paths(network))
    return [sorted({path[k] for path in found}) for k in range(len(network.dense) + 1)]


def live_weights(network):
    """How many weights are on a path."""
    return len({(k, *edge) for path in paths(network) for k, edge in enumerate(pairwise(path))})


def snapshot(network):
    return [(name, p.value.tobytes(), p.grad.tobytes(), p.mask.tobytes()) for name, p in network.parameters.items()]


def held_arrays(thing):
    """The arrays that own the memory reachable from `thing`, each once: through objects and what calls keep."""
    owners, seen, todo = {}, {}, [thing]
    while todo:
        here = todo.pop()
        if isinstance(here, np.ndarray):
            while isinstance(here.base, np.ndarray):
                here = here.base
            owners[id(here)] = here
        elif id(here) not in seen and not isinstance(here, type):
            seen[id(here)] = here
            if isinstance(here, list | tuple):
                todo += here
            elif isinstance(here, dict):
                todo += here.values()
            elif callable(here) and not type(here).__module__.startswith("minprune"):
                todo += [cell.cell_contents for cell in getattr(here, "__closure__", None) or ()]
                todo += [here.__self__] if hasattr(here, "__self__") else []
            elif type(here).__module__.startswith("minprune"):
                slots = [slot for kind in type(here).__mro__ for slot in getattr(kind, "__slots__", ())]
                todo += [getattr(here, slot) for slot in slots if slot != "__weakref__"]
                todo += getattr(here, "__dict__", {}).values()
    return list(owners.values())
