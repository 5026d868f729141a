"""A pruner that can't go on in the middle of a training: whose fault it is decides what is said."""

import numpy as np
import pytest

import minprune as mp
from minprune.errors import BudgetError, DivergedError


def test_scores_that_change_their_mind_about_the_last_neuron_are_told_as_they_are():
    """Before training a neuron of another layer came last, and the target was within a unit of what can go."""
    draws = np.random.default_rng(4)
    net = mp.Network.mlp([17, 2, 7, 9, 15], activation="tanh", rng=draws)
    data = draws.standard_normal((55, 17)), draws.standard_normal((55, 15))
    loss, schedule = mp.MeanSquaredError(), mp.Constant(0.3, 0.9, updates=4)
    pruner = mp.Pruner(mp.Saliency(loss), sparsity=0.95, schedule=schedule, pattern=mp.Neurons(inputs=True))
    with pytest.raises(BudgetError, match="234 of 246 weights would empty inputs: at most 228 can go"):
        mp.fit(
            net, data, loss=loss, optimizer=mp.SGD(0.05, momentum=0.9), epochs=6, batch_size=20, rng=0, pruner=pruner
        )
    assert net.kept == net.weights  # as it was when the update was due


def test_weights_that_overflow_before_it_looks_are_a_training_that_diverged():
    net = mp.Network.mlp([3, 4, 2], rng=0)
    before = {name: p.value.copy() for name, p in net.parameters.items()}
    data = 1000 * np.random.default_rng(0).standard_normal((8, 3)), np.array([0, 1] * 4)
    pruner = mp.Pruner(mp.Magnitude(), sparsity=0.5, schedule=mp.Linear(0.0, 1.0, updates=4))
    with pytest.raises(DivergedError):
        mp.fit(
            net, data, loss=mp.SoftmaxCrossEntropy(), optimizer=mp.SGD(3e38, momentum=0.9), epochs=2, batch_size=4,
            rng=0, pruner=pruner,
        )  # fmt: skip
    for name, p in net.parameters.items():
        np.testing.assert_array_equal(p.value, before[name] * p.mask)
