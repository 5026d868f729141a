"""Criteria on a network of three weights, worked out by hand, in any number of batches; and what they refuse."""

import numpy as np
import pytest
from generators import digest

import minprune as mp
from minprune.pruning.criteria import Criterion, inputs_of_layers, mean_gradients, signals
from minprune.pruning.criteria.surgeon import OptimalBrainSurgeon

SQUARES = mp.MeanSquaredError()
X = np.array([[1.0, 2.0], [3.0, -1.0], [0.0, 2.0]])
Y = np.array([[1.0], [0.0], [-3.0]])
FIRST, SECOND = "dense1.weight", "dense2.weight"


def _network(bias=0.5):
    """Return 2-1-1: h = 2 x₁ − x₂ + bias, z = 3 h."""
    return mp.Network([
        mp.Dense.from_arrays(np.array([[2.0], [-1.0]]), np.array([bias])), mp.Dense.from_arrays(np.array([[3.0]]))
    ])  # fmt: skip


H = 2 * X[:, :1] - X[:, 1:] + 0.5
DELTA = 2 * (3 * H - Y)  # ∂l/∂z of each row
ROWS = {FIRST: (X, 3 * DELTA), SECOND: (H, DELTA)}  # what enters, and what the loss does with what comes out
WEIGHTS = {FIRST: np.array([[2.0], [-1.0]]), SECOND: np.array([[3.0]])}
SLOPES = {name: x.T @ delta / 3 for name, (x, delta) in ROWS.items()}


def _curved():
    """Return H g for the loss of (2 w₁ x₁ …): by differences of the gradient, written out in float64."""

    def gradient(first, second):
        h = X @ first + 0.5
        delta = 2 * (h @ second - Y)
        return X.T @ (delta @ second.T) / 3, h.T @ delta / 3

    g = gradient(WEIGHTS[FIRST], WEIGHTS[SECOND])
    up = gradient(WEIGHTS[FIRST] + 1e-6 * g[0], WEIGHTS[SECOND] + 1e-6 * g[1])
    down = gradient(WEIGHTS[FIRST] - 1e-6 * g[0], WEIGHTS[SECOND] - 1e-6 * g[1])
    signed = {
        name: WEIGHTS[name] * (above - below) / 2e-6 for name, above, below in zip(WEIGHTS, up, down, strict=True)
    }
    least = min(s.min() for s in signed.values())
    return {name: s - least for name, s in signed.items()}


EXPECTED = {
    "GradientMagnitude": (mp.GradientMagnitude, {name: abs(g) for name, g in SLOPES.items()}),
    "Saliency": (mp.Saliency, {name: abs(WEIGHTS[name] * g) for name, g in SLOPES.items()}),
    "Fisher": (mp.Fisher, {n: WEIGHTS[n] ** 2 * ((x**2).T @ delta**2) / 3 for n, (x, delta) in ROWS.items()}),
    "ActivationNorm": (
        lambda loss, **more: mp.ActivationNorm(**more),
        {name: abs(WEIGHTS[name]) * np.sqrt((x**2).sum(axis=0))[:, None] for name, (x, _) in ROWS.items()},
    ),
    "GraSP": (lambda loss, **more: mp.GraSP(loss, temperature=1.0, **more), _curved()),
}
UNITS = {
    "Activity": (lambda loss, **more: mp.Activity(**more), {"inputs": [2 / 3, 1.0], FIRST: [1.0]}),
    "NeuronTaylor": (
        mp.NeuronTaylor,
        {
            "inputs": abs(X * (3 * DELTA) * [2.0, -1.0]).mean(axis=0).tolist(),
            FIRST: abs(H * 3 * DELTA).mean(axis=0).tolist(),
        },
    ),
}
BATCHES = [{}, {"batch_size": 1}, {"batch_size": 2}, {"batch_size": 3}]


@pytest.mark.parametrize("batches", BATCHES, ids=str)
@pytest.mark.parametrize("name", EXPECTED)
def test_scores_of_weights(name, batches):
    make, expected = EXPECTED[name]
    network = _network()
    before = digest(network)
    criterion = make(SQUARES, **batches)
    found = criterion.scores(network, (X, Y))
    assert criterion.batch_size == batches.get("batch_size", 4096)
    assert digest(network) == before
    assert list(found) == [FIRST, SECOND]
    for layer, scores in found.items():
        assert scores == pytest.approx(expected[layer], rel=1e-6 if name == "GraSP" else 1e-12)


@pytest.mark.parametrize("batches", BATCHES, ids=str)
@pytest.mark.parametrize("name", UNITS)
def test_scores_of_units(name, batches):
    make, expected = UNITS[name]
    found = make(SQUARES, **batches).neuron_scores(_network(), (X, Y))
    assert {layer: scores.tolist() for layer, scores in found.items()} == {
        layer: pytest.approx(scores, rel=1e-12) for layer, scores in expected.items()
    }
    spread = make(SQUARES, **batches).scores(_network(), (X, Y))
    assert spread[FIRST] == pytest.approx(np.full((2, 1), expected[FIRST][0]), rel=1e-12)
    assert spread[SECOND] == pytest.approx(np.full((1, 1), expected[FIRST][0]), rel=1e-12)


def test_scores_of_units_have_the_networks_type():
    network = mp.Network.mlp([2, 3, 1], rng=0)
    for criterion in (mp.Activity(), mp.NeuronTaylor(SQUARES)):
        assert {s.dtype for s in criterion.neuron_scores(network, (X, Y)).values()} == {np.dtype(np.float32)}
    assert {g.dtype for g in mean_gradients(network, (X, Y), SQUARES, 2).values()} == {np.dtype(np.float32)}
    assert {s.dtype for s in mp.SynFlow().scores(network).values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_passes(batch_size):
    network = _network()
    entering = list(inputs_of_layers(network, (X, Y), batch_size))
    both = list(signals(network, (X, Y), SQUARES, batch_size))
    assert len(entering) == len(both) == -(-3 // batch_size)
    for name, (x, delta) in ROWS.items():
        assert np.concatenate([batch[name] for batch in entering]) == pytest.approx(x)
        assert np.concatenate([batch[name][0] for batch in both]) == pytest.approx(x)
        assert np.concatenate([batch[name][1] for batch in both]) == pytest.approx(delta)
        assert mean_gradients(network, (X, Y), SQUARES, batch_size)[name] == pytest.approx(SLOPES[name])


@pytest.mark.parametrize("batch_size", [1, 2, 3, 4096])
@pytest.mark.parametrize("bias", [True, False])
def test_the_surgeon(batch_size, bias):
    """H⁻¹ written out, of inputs less their mean if a bias follows; the last weight takes over what the first did."""
    layer = mp.Dense.from_arrays(np.array([[2.0], [-1.0]]), np.array([0.5]) if bias else None)
    network, surgeon = mp.Network([layer]), OptimalBrainSurgeon(0.1, batch_size=batch_size)
    x = X - X.mean(axis=0) if bias else X
    h = x.T @ x / 3
    h += 0.1 * h.diagonal().mean() * np.eye(2)
    expected = np.array([[4.0], [1.0]]) / (2 * np.linalg.inv(h).diagonal()[:, None])
    assert surgeon.scores(network, (X, Y))[FIRST] == pytest.approx(expected, rel=1e-12)
    made = surgeon.compensate(network, (X, Y), {FIRST: np.array([[False], [True]])})
    follows = h[1, 0] / h[1, 1] * 2
    assert made[FIRST] == pytest.approx(np.array([[0.0], [-1 + follows]]), rel=1e-12)
    if bias:
        means = X.mean(axis=0)
        assert made["dense1.bias"] == pytest.approx([0.5 + means[0] * 2 - means[1] * follows], rel=1e-12)
    assert list(made) == list(network.parameters)


def test_the_surgeon_where_nothing_enters_a_layer():
    made = OptimalBrainSurgeon().compensate(_network(), (np.zeros((3, 2)), Y), {
        FIRST: np.array([[False], [True]]), SECOND: np.array([[True]])
    })  # fmt: skip
    assert (made[FIRST].tolist(), made["dense1.bias"].tolist()) == ([[0.0], [-1.0]], [0.5])


def test_what_holds_when_nothing_is_said():
    assert repr(OptimalBrainSurgeon()) == "OptimalBrainSurgeon(damp=0.01)"
    assert repr(OptimalBrainSurgeon(0.5, 3)) == "OptimalBrainSurgeon(damp=0.5, rounds=3)"
    assert (OptimalBrainSurgeon().rounds, OptimalBrainSurgeon().batch_size) == (1, 4096)
    assert repr(mp.GraSP(SQUARES)) == "GraSP(MeanSquaredError(), temperature=200)"
    assert repr(mp.SynFlow()) == "SynFlow(rounds=100)"
    assert (repr(mp.Magnitude()), repr(mp.Magnitude(2))) == ("Magnitude()", "Magnitude(order=2)")
    assert repr(mp.Fisher(SQUARES)) == "Fisher(MeanSquaredError())"
    assert repr(mp.NeuronTaylor(SQUARES)) == "NeuronTaylor(MeanSquaredError())"
    assert mp.Movement().steps == 0
    assert mp.Random(rng=3).seed == int(np.random.default_rng(3).integers(2**63)) > 2**32
    drawn = mp.Random(rng=3).scores(mp.Network.mlp([2, 3, 1], rng=0))
    assert [s.dtype for s in drawn.values()] == [np.dtype(np.float32)] * 2


HUGE = {
    "weights": (np.array([[3e38], [3e38]], np.float32), np.ones((2, 2)), np.ones((2, 1))),
    "data": (np.ones((2, 1), np.float32), np.full((2, 2), 3e38), np.ones((2, 1))),
    "both": (np.array([[3e38], [-3e38]], np.float32), np.full((2, 2), 3e38), np.ones((2, 1))),
    "signs": (np.array([[3e38], [3e38]], np.float32), np.array([[3e38, 3e38], [-3e38, -3e38]]), np.ones((2, 1))),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", HUGE)
@pytest.mark.parametrize(
    "criterion",
    [
        mp.Magnitude(), mp.Magnitude(2), mp.SynFlow(rounds=1), mp.ActivationNorm(), mp.GradientMagnitude(SQUARES),
        mp.Saliency(SQUARES), mp.Fisher(SQUARES), mp.GraSP(SQUARES, temperature=1), mp.NeuronTaylor(SQUARES),
        mp.Activity(), OptimalBrainSurgeon(), mp.Random(rng=0),
    ],
    ids=repr,
)  # fmt: skip
def test_numbers_beyond_a_float_are_refused_and_nothing_warns(criterion, size, dtype):
    """Scores are finite, or a plan names the first that is not; a warning of NumPy's would be an error here."""
    weights, x, y = HUGE[size]
    more = 1.0 if dtype == np.float32 else 5e269
    first, second = (w.astype(dtype) * dtype(more if abs(w).max() > 1 else 1) for w in (weights, np.float32([[3e38]])))
    network = mp.Network([mp.Dense.from_arrays(first), mp.Dense.from_arrays(second)])
    x = x * (more if abs(x).max() > 1 else 1)
    try:
        made = mp.plan(network, criterion, sparsity=1 / 3, data=(x, y))
    except mp.InvalidValueError as refused:
        said = str(refused)
        assert said.startswith(("scores of dense", "the second moment of what enters dense"))
        assert "must be finite" in said
    else:
        assert made.achieved == 1


class Given(Criterion):
    def __init__(self, given):
        self.given = given

    def scores(self, network, data=None):
        return self.given

    def __repr__(self):
        return "Given()"


class NeedsNothing:
    def scores(self, network, data=None):
        assert data is None
        return {name: np.abs(p.value) for name, p in network.prunable.items()}


def test_what_says_nothing_of_data_needs_none():
    assert mp.plan(_network(), NeedsNothing(), sparsity=1 / 3).achieved == 1


_ONES = {FIRST: np.ones((2, 1)), SECOND: np.ones((1, 1))}
_KEPT = {FIRST: np.ones((2, 1), bool), SECOND: np.ones((1, 1), bool)}


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (
            lambda n: mp.plan(n, Given(3), sparsity=0.5),
            "scores of Given() must be a mapping of names to arrays, got int in plan()",
        ),
        (lambda n: mp.plan(n, Given({}), sparsity=0.5), "Given() gave no scores for dense1.weight in plan()"),
        (
            lambda n: mp.plan(n, Given(_ONES | {FIRST: -np.ones((2, 1))}), sparsity=0.5),
            "scores of dense1.weight must be finite and non-negative, got 2 that are not in plan(), the first at "
            "(0, 0): -1.0",
        ),
        (lambda n: mp.Magnitude().scores(3), "network must be a Network, got int in scores()"),
        (lambda n: mp.Activity().neuron_scores(3, X), "network must be a Network, got int in neuron_scores()"),
        (
            lambda n: mp.NeuronTaylor(SQUARES).neuron_scores(3, X),
            "network must be a Network, got int in neuron_scores()",
        ),
        (lambda n: mp.Movement().after_backward(3, 0), "network must be a Network, got int in after_backward()"),
        (
            lambda n: mp.Movement().scores(n),
            "Movement() has seen no training: pass it to fit(…, callbacks=[movement]), or to a Pruner whose schedule "
            "begins after the first step",
        ),
        (
            lambda n: mp.Activity().neuron_scores(n, None),
            "this criterion needs data: pass data=(x, y), a Split such as data=sets.train, or x",
        ),
        (
            lambda n: mp.Fisher(SQUARES).scores(n, None),
            "this criterion needs data: pass data=(x, y), or a Split such as data=sets.train",
        ),
        (
            lambda n: mp.Fisher(mp.MeanSquaredError),
            f"loss must be a Loss, got {mp.MeanSquaredError!r} in Fisher(); pass an instance: MeanSquaredError()",
        ),
        (lambda n: mp.NeuronTaylor(3), "loss must be a Loss, got 3 in NeuronTaylor()"),
        (lambda n: mp.NeuronTaylor(SQUARES, batch_size=0), "batch_size must be at least 1, got 0 in NeuronTaylor()"),
        (lambda n: mp.Activity(batch_size=0), "batch_size must be at least 1, got 0 in Activity()"),
        (lambda n: mp.ActivationNorm(batch_size=0), "batch_size must be at least 1, got 0 in ActivationNorm()"),
        (lambda n: mp.Fisher(SQUARES, batch_size=0), "batch_size must be at least 1, got 0 in Fisher()"),
        (lambda n: mp.GraSP(SQUARES, temperature=0), "temperature must be greater than 0 and finite, got 0 in GraSP()"),
        (lambda n: mp.Magnitude(3), "order must be at most 2, got 3 in Magnitude()"),
        (lambda n: mp.Random(rng="x"), "rng must be a Generator, a seed or None, got str 'x' in Random()"),
        (lambda n: mp.SynFlow(0), "rounds must be at least 1, got 0 in SynFlow()"),
        (
            lambda n: OptimalBrainSurgeon(1e-10),
            "damp must be at least 1e-09 and finite, got 1e-10 in OptimalBrainSurgeon()",
        ),
        (lambda n: OptimalBrainSurgeon(rounds=0), "rounds must be at least 1, got 0 in OptimalBrainSurgeon()"),
        (lambda n: OptimalBrainSurgeon(batch_size=0), "batch_size must be at least 1, got 0 in OptimalBrainSurgeon()"),
        (
            lambda n: OptimalBrainSurgeon().compensate(n, (X, Y), 3),
            "masks must be a mapping of names to masks, got int in compensate()",
        ),
        (
            lambda n: OptimalBrainSurgeon().compensate(3, (X, Y), _KEPT),
            "network must be a Network, got int in compensate()",
        ),
        (
            lambda n: OptimalBrainSurgeon().compensate(n, (X, Y), {FIRST: _KEPT[FIRST]}),
            "masks must name every prunable weight, got none for dense2.weight in compensate()",
        ),
        (
            lambda n: OptimalBrainSurgeon().compensate(n, (X, Y), _ONES),
            "mask of dense1.weight must be a bool array, got dtype float64 in compensate()",
        ),
        (
            lambda n: OptimalBrainSurgeon().compensate(n, (X, Y), _KEPT | {SECOND: np.ones((1, 2), bool)}),
            "mask of dense2.weight must have shape (1, 1), got (1, 2) in compensate()",
        ),
        (
            lambda n: OptimalBrainSurgeon().scores(n, (X * 1e200, Y)),
            "the second moment of what enters dense1 must be finite, got 4 NaN or infinite in OptimalBrainSurgeon(), "
            "the first at (0, 0): nan",
        ),
    ],
)
def test_what_is_refused(ask, says):
    with pytest.raises(mp.MinpruneError) as caught:
        ask(_network())
    assert str(caught.value) == says
