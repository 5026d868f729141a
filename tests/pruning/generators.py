"""Networks, scores and requests for the laws of pruning, drawn by Hypothesis."""

import copy
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minprune import Dense, Global, Magnitude, Network, Neurons, PerLayer, ReLU, Tanh, Uniform, Unstructured, plan
from minprune.errors import BudgetError
from minprune.pruning.criteria import Criterion
from minprune.pruning.patterns import NM, Blocks, Tiling, Vectors

FEW = [0.0, 0.25, 0.5, 1.0, 2.0]  # ties everywhere; sums and squares of these are exact, in whatever order


class Given(Criterion):
    """Scores that a test wrote down."""

    def __init__(self, scores):
        self.given = scores

    def scores(self, network, data=None):
        return self.given


class Pairs(Tiling):
    """Two neighbours in the same column at a time, the last one alone if their number is odd."""

    noun = "pair"

    def numbers(self, shape):
        rows, columns = np.indices(shape)
        return rows // 2 * shape[1] + columns


@st.composite
def networks(draw, *, layers=(1, 4), width=8, pruned=None, dtype=np.float32):
    """A network of a few narrow layers, with biases or without, dense or with any masks at all."""
    widths = draw(st.lists(st.integers(1, width), min_size=layers[0] + 1, max_size=layers[1] + 1))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    parts = []
    for k, (inputs, outputs) in enumerate(pairwise(widths)):
        parts += [draw(st.sampled_from([ReLU, Tanh]))()] if k else []
        parts.append(Dense(inputs, outputs, bias=draw(st.booleans()), rng=rng, dtype=dtype))
    network = Network(parts)
    for p in network.parameters.values():
        p.value = rng.standard_normal(p.shape)
    if draw(st.booleans()) if pruned is None else pruned:
        for p in network.prunable.values():
            p.mask = draw(masks(p.shape))
    return network


def masks(shape):
    """Any mask, nearly full or nearly empty ones, and full and empty ones."""
    return st.one_of(
        hnp.arrays(np.bool_, shape, elements=st.booleans(), fill=st.nothing()),
        hnp.arrays(np.bool_, shape),
        st.sampled_from([np.ones(shape, bool), np.zeros(shape, bool)]),
    )


def tied_scores(network, dtype=np.float32):
    """Scores with ties: drawn from few values, all equal, or all zero."""
    values = st.one_of(st.just(FEW), st.sampled_from(FEW).map(lambda value: [value]))
    return values.flatmap(
        lambda few: st.fixed_dictionaries(
            {
                name: hnp.arrays(dtype, p.shape, elements=st.sampled_from(few), fill=st.nothing())
                for name, p in network.prunable.items()
            }
        )
    )


@st.composite
def distinct_scores(draw, network, dtype=np.float32):
    """The numbers 1, 2, …, N in any order: no ties, and exact in any float type."""
    order = np.random.default_rng(draw(st.integers(0, 2**16))).permutation(network.weights) + 1.0
    return split(network, order.astype(dtype))


def any_scores(network):
    """Scores with ties, without, and any floats."""
    floats = st.floats(0, 2.0**100, width=32)
    return st.one_of(
        tied_scores(network),
        distinct_scores(network),
        st.fixed_dictionaries(
            {n: hnp.arrays(np.float32, p.shape, elements=floats) for n, p in network.prunable.items()}
        ),
    )


def split(network, flat):
    """Deal the entries of a flat array out to the prunable weights, in layer order."""
    ends = np.cumsum([p.size for p in network.prunable.values()])
    parts = np.split(flat, ends[:-1])
    return {name: part.reshape(p.shape) for (name, p), part in zip(network.prunable.items(), parts, strict=True)}


def sparsities(weights):
    """Sparsities in [0, 1): whole counts, halves between two counts, next to nothing, next to all, and any."""
    return st.one_of(
        st.integers(0, weights - 1).map(lambda k: k / weights),
        st.integers(0, weights - 1).map(lambda k: (k + 0.5) / weights),
        st.sampled_from([0.0, 1e-12, 0.5, 0.9, 0.999, np.nextafter(1.0, 0.0)]),
        st.floats(0, 1, exclude_max=True),
    )


def patterns(network):
    """The patterns that this network allows."""
    how = st.sampled_from(["mean_square", "mean", "sum", "norm", "max"])
    few = st.integers(1, 4)
    groups = st.tuples(few, few).map(lambda pair: NM(pair[0], pair[0] + pair[1]))
    blocks = st.builds(lambda r, c, h: Blocks((r, c), reduce=h), few, few, how)
    vectors = st.builds(lambda length, h: Vectors(length, reduce=h), few, how)
    pairs, neurons = st.builds(Pairs, reduce=how), st.builds(Neurons, reduce=how, inputs=st.booleans())
    if len(network.dense) == 1:
        neurons = st.builds(Neurons, reduce=how, inputs=st.just(True))
    return st.one_of(st.just(Unstructured()), groups, pairs, blocks, vectors, neurons)


def reduced(pattern, how):
    """Return this pattern with another way from scores of weights to scores of units, if it knows any."""
    if not hasattr(pattern, "reduce"):
        return pattern
    twin = copy.copy(pattern)
    twin.__init__(**{name: getattr(pattern, name) for name in _SET_BY[type(pattern)]}, reduce=how)
    return twin


_SET_BY = {Pairs: [], Blocks: ["shape"], Vectors: ["length"], Neurons: ["inputs"]}


@st.composite
def requests(draw, network, pattern=None):
    """What to ask of `plan`: an allocation, a pattern, how much, and what to keep."""
    shape = draw(patterns(network)) if pattern is None else pattern
    asked = {"pattern": shape, "min_keep": draw(st.sampled_from([0, 1, 1, 2, 20]))}
    kind = draw(st.sampled_from(["global", "uniform", "per layer"]))
    if kind != "per layer":
        asked["allocation"] = Global() if kind == "global" else Uniform()
        asked["sparsity"] = draw(sparsities(network.weights))
        return asked
    names = list(network.prunable)[: -1 if isinstance(shape, Neurons) else None]
    names += ["inputs"] if getattr(shape, "inputs", False) else []
    named = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    sizes = {name: p.size for name, p in network.prunable.items()} | {"inputs": network.inputs}
    asked["allocation"] = PerLayer({name: draw(sparsities(sizes[name])) for name in named})
    return asked


@st.composite
def cases(draw, *, shape=None, pruned=None, exact=False, **limits):
    """A network, scores for its weights, and what to ask of `plan`.

    `exact` leaves out scores whose sums depend on the order of adding.
    """
    network = draw(networks(pruned=pruned, **limits))
    request = draw(requests(network, shape))
    loose = isinstance(request["pattern"], Unstructured | NM) and not exact
    scores = any_scores(network) if loose else st.one_of(tied_scores(network), distinct_scores(network))
    return network, draw(scores), request


def digest(network):
    """Every bit of a network: values, gradients, masks."""
    return {
        name: (p.value.tobytes(), p.grad.tobytes(), p.mask.tobytes(), p.shape, p.dtype.str)
        for name, p in network.parameters.items()
    }


def refusal(ask):
    """Return the BudgetError that a call ends in, or None."""
    try:
        ask()
    except BudgetError as error:
        return error
    return None


def plan_or_none(network, scores, request):
    """Return the plan, or None if min_keep refuses it."""
    try:
        return plan(network, Given(scores), **request)
    except BudgetError:
        return None


def small_plan(**request):
    """Plan for a network 3-2-1 that holds the weights 1, 2, …, 8, by magnitude."""
    weights = [np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([[7.0], [8.0]])]
    network = Network([Dense.from_arrays(w, np.zeros(w.shape[1])) for w in weights])
    return plan(network, Magnitude(), **request)
