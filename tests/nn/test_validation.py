"""fit: what is measured on the validation data, also in several batches and when it is too large for a float."""

import numpy as np
import pytest
from differences import bits
from fitting import LOSS, data, network, run

import minprune as mp

BATCH = 4096


@pytest.mark.parametrize("rows", [BATCH - 1, BATCH, BATCH + 1, 2 * BATCH + 5])
def test_loss_and_accuracy_are_means_over_all_samples_in_however_many_batches(rows):
    """The first batch is all right and the others all wrong, so that none can stand for the others."""
    net, (x, _) = network(), data(rows)
    y = net.predict(x)
    y[BATCH:] = (y[BATCH:] + 1) % 3
    history = run(net, epochs=1, optimizer=mp.SGD(lambda p: 0.0), valid=(x, y))
    assert history["valid_loss"] == [pytest.approx(LOSS(net(x), y), rel=1e-6)]
    assert history["valid_accuracy"] == [min(rows, BATCH) / rows]


def too_large():
    """Validation data whose output is beyond float32, though each number of it is not."""
    x, y = data(seed=1)
    return x * 3e38 / np.abs(x).max(), y


def test_validation_that_overflows_is_not_finite_without_a_warning_and_training_goes_on():
    plain, patient = network(), network()
    run(plain, epochs=4)
    for p in patient.parameters.values():
        assert np.isfinite(p.value).all()
    history = run(patient, epochs=4, valid=too_large(), patience=1)
    assert len(history) == 4
    assert not np.isfinite(history["valid_loss"]).any()
    assert (history.best_epoch, history.stopped) == (None, "")
    assert bits(patient) == bits(plain)  # there was no best epoch to go back to


def test_squares_that_overflow_are_infinite_without_a_warning():
    (x, _), net = data(), mp.Network.mlp([5, 1], rng=0)
    history = mp.fit(
        net,
        (x, x[:, 0]),
        loss=mp.MeanSquaredError(),
        optimizer=mp.SGD(0.01),
        epochs=1,
        valid=(x, x[:, 0] * 1e30),
        rng=0,
    )
    assert history["valid_loss"] == [np.inf]
