"""Choosing and packing at the edge: scores, plans and packed matrices of NaN, ±∞, −0, subnormal and huge numbers.

As in `test_extremes`: a finite number, a refusal, or what is stated here; and never a warning.
"""

import math

import numpy as np
import pytest
from edges import DTYPES, INF, LOSS, NAN, WIDE, largest, network, smallest

import minprune as mp
from minprune.errors import BudgetError, MinpruneError
from minprune.inference.panels import Panels
from minprune.pruning.criteria import Criterion

# ── criteria and selection ──────────────────────────────────────────────────────────────────────────────────────────

CRITERIA = [
    mp.Magnitude(), mp.Magnitude(order=2), mp.GradientMagnitude(LOSS), mp.Saliency(LOSS), mp.Fisher(LOSS),
    mp.GraSP(LOSS), mp.ActivationNorm(), mp.SynFlow(rounds=2), mp.OptimalBrainSurgeon(rounds=1), mp.Activity(),
    mp.NeuronTaylor(LOSS), mp.Random(rng=0),
]  # fmt: skip
X, Y = np.random.default_rng(0).standard_normal((8, 3)), np.arange(8) % 2
EDGE_NETWORKS = {
    "all equal": lambda t: (network(1.0, dtype=t), X),
    "all zero": lambda t: (network(0.0, dtype=t), X),
    "all −0": lambda t: (network(-0.0, dtype=t), X),
    "smallest": lambda t: (network(smallest(t), dtype=t), X),
    "x of zeros": lambda t: (network(dtype=t), np.zeros_like(X)),
    "x all equal": lambda t: (network(dtype=t), np.ones_like(X)),
    "all pruned": lambda t: (network(dtype=t, kept=False), X),
    "huge": lambda t: (network(largest(t) / 2, dtype=t), X),
    "x huge": lambda t: (network(dtype=t), np.full_like(X, largest(t) / 2)),
}


# Whose scores overflow where, in both widths or in float64 alone: what is float32 is mostly scored in float64.
OVERFLOWS = {
    "huge": "GradientMagnitude Saliency Fisher ActivationNorm OptimalBrainSurgeon NeuronTaylor",
    "huge float64": "Magnitude(order=2) GraSP SynFlow",
    "x huge": "GradientMagnitude Saliency Fisher ActivationNorm",
    "x huge float64": "GraSP",
    "smallest float64": "SynFlow",  # 1 / 5e-324
}


def refused(criterion, edge, dtype):
    names = f"{OVERFLOWS.get(edge, '')} {OVERFLOWS.get(f'{edge} {dtype.__name__}', '')}".split()
    return type(criterion).__name__ in names or repr(criterion) in names


@DTYPES
@pytest.mark.parametrize("criterion", CRITERIA, ids=repr)
@pytest.mark.parametrize("edge", EDGE_NETWORKS)
def test_a_plan_is_exact_at_the_edge_and_only_what_overflows_is_refused(criterion, edge, dtype):
    net, x = EDGE_NETWORKS[edge](dtype)
    before = [p.value.tobytes() for p in net.parameters.values()]
    if refused(criterion, edge, dtype):
        with pytest.raises(MinpruneError, match="must be finite"):
            mp.plan(net, criterion, sparsity=0.5, data=(x, Y))
    else:
        plan = mp.plan(net, criterion, sparsity=0.5, data=(x, Y))
        assert plan.achieved == max(10, net.weights - net.kept)
    assert [p.value.tobytes() for p in net.parameters.values()] == before


class Given(Criterion):
    """The same score for each weight, or a score that is told by its place."""

    def __init__(self, score):
        self.score = score

    def scores(self, network, data=None):
        return {name: np.full(p.shape, self.score) for name, p in network.prunable.items()}


PATTERNS = [mp.Unstructured(), mp.NM(1, 3), mp.Vectors(2), mp.Blocks((2, 2), reduce="mean"), mp.Neurons(reduce="sum")]


@pytest.mark.parametrize("pattern", PATTERNS, ids=repr)
@pytest.mark.parametrize("score", [NAN, INF, -INF, -1.0], ids=str)
def test_no_score_that_is_not_finite_decides(pattern, score):
    with pytest.raises(MinpruneError, match=r"dense1.weight must be finite and non-negative"):
        mp.plan(network(), Given(score), sparsity=0.3, pattern=pattern)


@pytest.mark.parametrize("pattern", PATTERNS, ids=repr)
@pytest.mark.parametrize("score", [0.0, -0.0, smallest(np.float64), 1.0, largest(np.float64)], ids=str)
def test_equal_scores_are_ranked_by_place_however_large(pattern, score):
    """Or their sum over a unit overflows, and is refused."""
    expected = mp.plan(network(), Given(1.0), sparsity=0.3, pattern=pattern)
    try:
        made = mp.plan(network(), Given(score), sparsity=0.3, pattern=pattern)
    except MinpruneError:
        assert score == largest(np.float64)
        assert not isinstance(pattern, mp.Unstructured | mp.NM)
        return
    for name, mask in expected.masks.items():
        np.testing.assert_array_equal(made.masks[name], mask)


@pytest.mark.parametrize("allocation", [mp.Global(), mp.Uniform(), mp.ErdosRenyi(), mp.LAMP()], ids=repr)
@pytest.mark.parametrize("shape", [(WIDE, 1), (1, WIDE), (1, WIDE, 1)], ids=str)
def test_counts_of_wide_layers_with_equal_scores_are_exact(allocation, shape):
    net = network(shape=shape)
    made = mp.plan(net, Given(1.0), sparsity=0.999, allocation=allocation)
    assert made.achieved == round(0.999 * net.weights)
    with pytest.raises(BudgetError):
        mp.plan(network(shape=(1, 1)), Given(1.0), sparsity=0.6, allocation=allocation)
    assert mp.plan(network(shape=(1, 1)), Given(1.0), sparsity=0.4, allocation=allocation).achieved == 0


# ── formats ─────────────────────────────────────────────────────────────────────────────────────────────────────────

FORMATS = {
    "dense": mp.DenseMatrix.from_dense, "packed": mp.PackedDense.from_dense, "panels": mp.Panels.from_dense,
    "panels apart": lambda w, mask=None: Panels.from_dense(w, mask, together=False), "ell": mp.ELL.from_dense,
    "csr": mp.CSR.from_dense,
}  # fmt: skip
EACH_FORMAT = pytest.mark.parametrize("pack", FORMATS.values(), ids=FORMATS)


@DTYPES
@EACH_FORMAT
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("number", [NAN, INF, -INF, "largest", "smallest", -0.0], ids=str)
def test_an_entry_at_the_edge_is_kept_and_acts_on_its_row_alone(pack, dtype, batch, number):
    w = np.eye(3, dtype=dtype)
    w[1, 1] = {"largest": largest(dtype), "smallest": smallest(dtype)}.get(number, number)
    packed = pack(w)
    assert packed.to_dense().tobytes() == w.tobytes()
    expected = np.repeat([[1], [w[1, 1]], [1]], batch, axis=1).astype(dtype)
    np.testing.assert_array_equal(packed @ np.ones((3, batch), dtype), expected)


@DTYPES
@EACH_FORMAT
@pytest.mark.parametrize("batch", [1, 3])
def test_a_product_that_overflows_is_infinite(pack, dtype, batch):
    packed = pack(np.full((1, 2), largest(dtype), dtype))
    np.testing.assert_array_equal(packed @ np.full((2, batch), 2, dtype), np.full((1, batch), INF))


@EACH_FORMAT
@pytest.mark.parametrize("shape", [(0, 0), (0, WIDE), (WIDE, 0), (1, 1), (1, WIDE), (WIDE, 1)], ids=str)
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_matrices_of_none_of_one_and_of_many(pack, shape, value):
    packed = pack(np.full(shape, value, np.float32))
    assert packed.nnz == value * math.prod(shape)
    for x in (np.ones(shape[1]), np.ones((shape[1], 2))):
        assert (packed @ x == value * shape[1]).all()
        assert (packed @ x).shape == (shape[0], *x.shape[1:])
