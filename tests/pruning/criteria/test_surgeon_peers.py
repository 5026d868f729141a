"""Compensation beside scikit-learn's ridge regression: what is kept learns to say what was dropped."""

import numpy as np
import pytest
from generators import masks
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp
from minprune.pruning.criteria.surgeon import OptimalBrainSurgeon

linear = pytest.importorskip("sklearn.linear_model")
pytestmark = pytest.mark.peers


@given(masks((9, 4)), st.booleans(), st.sampled_from([1e-4, 0.01, 1.0]), st.integers(0, 99))
def test_compensation_is_ridge_regression_of_what_is_lost_on_what_is_kept(mask, bias, damp, seed):
    """With an intercept if there is a bias, not penalised; alpha is n λ, λ the damping times the mean of diag H."""
    x = np.random.default_rng(seed).standard_normal((40, 9)) + 1
    network = mp.Network([mp.Dense(9, 4, bias=bias, rng=seed, dtype=np.float64)])
    old = network.dense[0].weight.value
    new = OptimalBrainSurgeon(damp).compensate(network, (x, np.zeros(40)), {"dense1.weight": mask})
    alpha = 40 * damp * (x.var(axis=0) if bias else (x * x).mean(axis=0)).mean()
    for j, kept in enumerate(mask.T):
        lost = x[:, ~kept] @ old[~kept, j]
        if not kept.any():
            intercept = lost.mean()
        else:
            ridge = linear.Ridge(alpha=alpha, fit_intercept=bias).fit(x[:, kept], lost)
            intercept = ridge.intercept_
            assert np.allclose(new["dense1.weight"][kept, j], old[kept, j] + ridge.coef_, rtol=1e-8, atol=1e-10)
        if bias:
            assert np.isclose(new["dense1.bias"][j], intercept, rtol=1e-8, atol=1e-10)
