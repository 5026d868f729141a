"""GraSP against a Hessian made column by column, and what becomes of signed scores."""

import numpy as np
import pytest
from generators import masks
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from problems import assert_near, flat, gradients, problems, slope

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.criteria import GraSP
from minprune.pruning.criteria.grasp import from_the_least

LOSS = mp.SoftmaxCrossEntropy()


def _by_hand(network, loss, x, y, temperature):
    """Return w ⊙ (H g) of the kept weights, with H from differences of gradients, less the least."""
    kept = flat({name: p.mask for name, p in network.prunable.items()})
    g = np.where(kept, flat(gradients(network, loss, x, y, temperature)), 0.0)
    columns = [
        slope(lambda: flat(gradients(network, loss, x, y, temperature)), p.value, at)
        for p in network.prunable.values()
        for at in np.ndindex(p.shape)
    ]
    importance = flat({name: p.value for name, p in network.prunable.items()}) * (np.array(columns).T @ g)
    return importance, kept


def _shifted(importance, kept):
    return np.where(kept, importance - importance[kept].min(), 0.0) if kept.any() else np.zeros(len(kept))


@given(problems(smooth=True, rows=(1, 4), most=4), st.sampled_from([1.0, 3.0, 200.0]))
def test_grasp_by_hand(problem, temperature):
    network, loss, x, y = problem
    importance, kept = _by_hand(network, loss, x, y, temperature)
    scores = flat(GraSP(loss, temperature=temperature).scores(network, (x, y)))
    # Its difference is off by what rounding leaves of gradients, 1e-15, over the step's 1e-7 of the weights.
    tolerance = 1e-5 * np.abs(importance).max() + 1e-8 / temperature
    assert np.abs(scores - _shifted(importance, kept)).max() <= tolerance


@given(problems(rows=(1, 4), most=4))
def test_grasp_by_hand_with_kinks(problem):
    """Between kinks a ReLU has no curvature of its own, and no difference here crosses one."""
    network, loss, x, y = problem
    importance, kept = _by_hand(network, loss, x, y, 1.0)
    scores = flat(GraSP(loss, temperature=1.0).scores(network, (x, y)))
    assert np.abs(scores - _shifted(importance, kept)).max() <= 1e-5 * np.abs(importance).max() + 1e-8


@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_the_step_grows_with_the_weights(size):
    """Of one layer and squares H is XᵀX · 2/(n o), whatever the step; with one that were too small nothing is left."""
    draws = np.random.default_rng(0)
    x, y, w = draws.standard_normal((8, 3)), size * draws.standard_normal((8, 2)), size * draws.standard_normal((3, 2))
    network = mp.Network([mp.Dense.from_arrays(w, bias=None)])
    [scores] = GraSP(mp.MeanSquaredError(), temperature=1.0).scores(network, (x, y)).values()
    importance = w * (x.T @ x @ (x.T @ (x @ w - y))) * (2 / 16) ** 2
    expected = importance - importance.min()
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-5 * expected.max())


def test_keeping_the_highest_scores_keeps_the_gradient_flow():
    """The flow ‖g‖² after taking a share ε of one weight away falls by 2 ε w · (Hg), to first order."""
    rng = np.random.default_rng(0)
    network = mp.Network.mlp([3, 4, 2], activation="tanh", rng=0, dtype=np.float64)
    x, y = rng.standard_normal((6, 3)), rng.integers(0, 2, 6)

    def flow():
        return (flat(gradients(network, LOSS, x, y)) ** 2).sum()

    falls = []
    for p in network.prunable.values():
        for at in np.ndindex(p.shape):
            was, factor = float(p.value[at]), np.ones(1)

            def scaled(p=p, at=at, was=was, factor=factor):
                p.value[at] = was * factor[0]
                return flow()

            falls.append(slope(scaled, factor, 0) / 2)
            p.value[at] = was
    scores = flat(GraSP(LOSS, temperature=1).scores(network, (x, y)))
    assert np.abs(scores - (np.array(falls) - min(falls))).max() < 1e-6 * np.abs(falls).max()


@pytest.mark.parametrize(
    ("weight", "target", "mask"),
    [
        ([[1.0], [2.0]], 3.0, [[True], [True]]),
        ([[0.0], [0.0]], 1.0, [[True], [True]]),
        ([[1.0], [2.0]], 1.0, [[False], [False]]),
    ],
    ids=["no gradient", "no weights", "all gone"],
)
def test_where_nothing_flows_all_scores_are_zero(weight, target, mask):
    network = mp.Network([mp.Dense.from_arrays(np.array(weight))])
    network.dense[0].weight.mask = np.array(mask)
    data = (np.ones((1, 2)), np.array([target]))
    assert (GraSP(mp.MeanSquaredError(), temperature=1).scores(network, data)["dense1.weight"] == 0).all()


def test_the_temperature_is_that_of_the_authors():
    rng = np.random.default_rng(0)
    network = mp.Network.mlp([3, 4, 2], rng=0)
    data = rng.standard_normal((6, 3)), rng.integers(0, 2, 6)
    by_default, given_one, other = (
        GraSP(LOSS, **t).scores(network, data) for t in ({}, {"temperature": 200}, {"temperature": 1})
    )
    assert all((by_default[name] == given_one[name]).all() for name in by_default)
    assert any((by_default[name] != other[name]).any() for name in by_default)


@given(st.data())
def test_signed_scores_keep_their_order_and_are_not_negative(data):
    floats = st.floats(-1e9, 1e9, width=32)
    signed = {name: data.draw(hnp.arrays(np.float32, (2, 3), elements=floats)) for name in "ab"}
    kept = {name: data.draw(masks((2, 3))) for name in "ab"}
    before = {name: array.tobytes() for name, array in signed.items()}
    scores = from_the_least(signed, kept)
    assert {name: array.tobytes() for name, array in signed.items()} == before
    all_kept, all_scores, all_signed = flat(kept), flat(scores), flat(signed)
    assert (all_scores[~all_kept] == 0).all()
    assert (all_scores >= 0).all()
    if all_kept.any():
        assert all_scores[all_kept].min() == 0
        order = np.argsort(all_signed[all_kept], kind="stable")
        assert (np.diff(all_scores[all_kept][order]) >= 0).all()
        gaps = all_signed[all_kept].astype(np.float64)
        assert np.allclose(all_scores[all_kept], gaps - gaps.min(), rtol=1e-15)


@given(problems(dtype=np.float32))
def test_in_float32_it_scores_as_the_same_network_in_float64(problem):
    network, loss, x, y = problem
    twin = mp.Network(
        [
            mp.Dense.from_arrays(
                layer.weight.value.astype(np.float64), None if layer.bias is None else layer.bias.value.astype(float)
            )
            if isinstance(layer, mp.Dense)
            else layer.copy()
            for layer in network.layers
        ]
    )
    for name, p in network.prunable.items():
        twin.parameters[name].mask = p.mask
    assert_near(GraSP(loss).scores(network, (x, y)), GraSP(loss).scores(twin, (x.astype(np.float64), y)), share=0)


@pytest.mark.parametrize(
    ("temperature", "error", "says"),
    [
        (0, InvalidValueError, r"temperature must be greater than 0 and finite, got 0 in GraSP\(\)"),
        (-1.0, InvalidValueError, r"temperature must be greater than 0 and finite, got -1 in GraSP\(\)"),
        (np.inf, InvalidValueError, r"temperature must be greater than 0 and finite, got inf in GraSP\(\)"),
        (np.nan, InvalidValueError, r"temperature must be greater than 0 and finite, got nan in GraSP\(\)"),
        ("hot", InvalidTypeError, r"temperature must be a number, got str 'hot' in GraSP\(\)"),
        (True, InvalidTypeError, r"temperature must be a number, got bool True in GraSP\(\)"),
    ],
)
def test_bad_temperatures_are_refused(temperature, error, says):
    with pytest.raises(error, match=says):
        GraSP(LOSS, temperature=temperature)
