"""ActivationNorm: |w| times the norm of the input, by hand, and the same as Magnitude where all norms are 1."""

import math

import numpy as np
import pytest
from generators import networks
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import InvalidValueError
from minprune.pruning.criteria.activation import ActivationNorm


@given(networks(dtype=np.float64, width=5), st.integers(1, 9))
def test_it_is_the_weight_times_the_norm_of_its_input(network, rows):
    x = np.random.default_rng(rows).standard_normal((rows, network.inputs))
    scores = ActivationNorm(batch_size=2).scores(network, (x, np.zeros(rows)))
    entering = []
    for layer in network.layers:
        if isinstance(layer, mp.Dense):
            entering.append(x)
        x = layer.forward(x)
    for (name, p), a in zip(network.prunable.items(), entering, strict=True):
        for i, j in np.ndindex(p.shape):
            norm = math.sqrt(sum(value * value for value in a[:, i].tolist()))
            assert scores[name][i, j] == pytest.approx(abs(p.value[i, j]) * norm, rel=1e-12, abs=0)


@given(networks(layers=(1, 1)), st.integers(0, 99))
def test_activation_norm_unit(network, seed):
    """Columns of ±1/√n, n a power of 4: each has norm 1 exactly, and the score is the magnitude to the last bit."""
    x = np.random.default_rng(seed).choice([-0.25, 0.25], (16, network.inputs))
    scores = ActivationNorm().scores(network, (x, np.zeros(16)))
    assert all((scores[name] == s).all() for name, s in mp.Magnitude().scores(network).items())


def test_where_scales_differ_it_keeps_what_magnitude_drops():
    network = mp.Network([mp.Dense.from_arrays(np.array([[1.0], [0.1]]))])
    data = (np.array([[0.01, 100.0], [-0.01, 50.0]]), np.zeros(2))
    masks = [
        mp.plan(network, criterion, sparsity=0.5, data=data).masks["dense1.weight"].tolist()
        for criterion in (mp.Magnitude(), ActivationNorm())
    ]
    assert masks == [[[True], [False]], [[False], [True]]]


def test_labels_play_no_part():
    network = mp.Network.mlp([2, 3, 2], rng=0)
    x = np.ones((4, 2))
    first, second, third = (ActivationNorm().scores(network, data) for data in ((x, np.zeros(4)), (x, None), x))
    assert all((first[name] == second[name]).all() and (first[name] == third[name]).all() for name in first)


def test_squares_of_large_float32_inputs_do_not_overflow():
    network = mp.Network([mp.Dense.from_arrays(np.array([[2.0]], np.float32))])
    x = np.full((4, 1), 1e30, np.float32)
    assert ActivationNorm().scores(network, (x, np.zeros(4)))["dense1.weight"] == np.float32(4e30)


@pytest.mark.parametrize(("dtype", "size"), [(np.float64, 1e300), (np.float32, 3e38)])
def test_a_norm_beyond_any_float_is_refused_by_name(dtype, size):
    network = mp.Network([mp.Dense.from_arrays(np.array([[2.0]], dtype))])
    with pytest.raises(InvalidValueError, match=r"scores of dense1.weight must be finite and non-negative"):
        mp.plan(network, ActivationNorm(), sparsity=0, data=(np.full((4, 1), size, dtype), np.zeros(4)))
