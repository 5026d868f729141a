"""fit: the laws of training, and what goes into a History."""

import math

import numpy as np
import pytest
from differences import OPTIMIZERS, PENALTIES, bits, positive_zeros
from fitting import LOSS, data, network, run
from hypothesis import given
from hypothesis import strategies as st

import minprune as mp
from minprune import SGD, Adam, Network, fit


def by_hand(net, x, y, *, optimizer, epochs, batch_size, rng, penalty=None):
    """The loop as it is taught, without any of fit's comforts; returns the mean loss of each epoch."""
    draws, losses = np.random.default_rng(rng), []
    x, step, steps = x.astype(net.dtype), 0, epochs * math.ceil(len(x) / batch_size)
    for _ in range(epochs):
        order, total = draws.permutation(len(x)), 0.0
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            value, grad = LOSS.value_and_gradient(net(x[rows], rng=draws), y[rows])
            net.backward(grad)
            if penalty:
                penalty.add_gradient(net.parameters)
            optimizer.step(net.parameters, step / steps)
            if penalty:
                penalty.shrink(net.parameters, optimizer.rate(step / steps))
            total, step = total + value * len(rows), step + 1
        losses.append(total / len(x))
    return losses


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fit_is_the_loop_as_it_is_taught_bit_for_bit(penalty, dtype):
    one, other = (network(kept=0.5, dropout=0.2, dtype=dtype) for _ in range(2))
    options = {"epochs": 3, "batch_size": 16, "rng": 7}
    history = run(one, optimizer=SGD(mp.CosineDecay(0.1), momentum=0.9), penalty=PENALTIES[penalty](), **options)
    optimizer = SGD(mp.CosineDecay(0.1), momentum=0.9)
    assert history["loss"] == by_hand(other, *data(), optimizer=optimizer, penalty=PENALTIES[penalty](), **options)
    assert bits(one) == bits(other)
    assert one.dtype == dtype


@given(seed=st.integers(0, 2**16), name=st.sampled_from(sorted(OPTIMIZERS)), penalty=st.sampled_from(sorted(PENALTIES)))
def test_seed_repeats(seed, name, penalty):
    """Same seed, same weights bit for bit, dropout and shuffling included; another seed, other weights."""
    results = []
    for rng in (seed, np.random.default_rng(seed), seed + 1):
        net = network(kept=0.5, dropout=0.3)
        run(net, epochs=1, optimizer=OPTIMIZERS[name](), penalty=PENALTIES[penalty](), rng=rng)
        results.append(bits(net))
    assert results[0] == results[1] != results[2]


def test_the_global_random_state_is_not_touched():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    run(network(dropout=0.3), rng=None)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@given(seed=st.integers(0, 2**16), name=st.sampled_from(sorted(OPTIMIZERS)))
def test_ones_is_dense(seed, name):
    """An all-True mask trains bit-identically to no mask."""
    plain, ones = network(seed), network(seed)
    for p in ones.parameters.values():
        p.mask = np.ones(p.shape, bool)
    for net in (plain, ones):
        run(net, epochs=2, optimizer=OPTIMIZERS[name](), penalty=mp.L2(0.01) + mp.L1(0.01))
    assert bits(plain) == bits(ones)


@given(
    seed=st.integers(0, 2**16),
    name=st.sampled_from(sorted(OPTIMIZERS)),
    penalty=st.sampled_from(sorted(PENALTIES)),
    kept=st.sampled_from([0.0, 0.04, 0.5, 1.0]),
)
def test_masks_hold_through_training_also_when_set_midway(seed, name, penalty, kept):
    optimizer, rng, seen = OPTIMIZERS[name](), np.random.default_rng(seed), []

    def look_and_prune(net, history):
        for p in net.parameters.values():
            for array in (p.value, p.grad, *optimizer.state(p).arrays.values()):
                seen.append(positive_zeros(array, p.mask))
        if len(history) == 2:
            for p in net.parameters.values():
                p.mask = p.mask & (rng.random(p.shape) < 0.5)

    net = network(seed, kept)
    run(net, epochs=4, optimizer=optimizer, penalty=PENALTIES[penalty](), callbacks=[look_and_prune])
    assert all(seen)
    assert len(seen) >= 4 * len(net.parameters) * 2


def test_history_says_what_was_seen():
    valid, net, penalty = data(seed=1), network(kept=0.5), mp.L2(0.1)
    history = run(net, epochs=4, optimizer=SGD(mp.StepDecay(0.1, 0.5, (0.5,))), penalty=penalty, valid=valid)
    assert list(history.to_dict()) == [
        "epoch", "loss", "penalty", "valid_loss", "valid_accuracy", "lr", "sparsity", "seconds",
    ]  # fmt: skip
    assert history["epoch"] == [1, 2, 3, 4]
    assert history["lr"] == [0.1, 0.1, 0.05, 0.05]
    assert history["sparsity"] == [net.sparsity] * 4
    assert history["penalty"][-1] == penalty.value(net.parameters)
    assert history["valid_loss"][-1] == pytest.approx(LOSS(net(valid[0]), valid[1]), rel=1e-6)
    assert history["valid_accuracy"][-1] == (net.predict(valid[0]) == valid[1]).mean()
    assert all(seconds > 0 for seconds in history["seconds"])
    assert (len(history), history.best_epoch, history.stopped) == (4, None, "")
    assert repr(history).startswith("History of 4 epochs\nepoch ")
    with pytest.raises(mp.InvalidValueError, match="'los' is no column of this history; did you mean 'loss'"):
        history["los"]


def test_a_long_history_is_shown_by_its_ends():
    history = run(network(), epochs=14)
    assert len(repr(history).splitlines()) == 3 + 5 + 1 + 5
    assert "…" in repr(history)


def test_accuracy_is_for_class_labels_alone():
    x, y = data(classes=2)
    net = Network.mlp([5, 1], rng=0)
    for loss, target, there in (
        (mp.BinaryCrossEntropy(), y, True),
        (mp.BinaryCrossEntropy(), 0.1 + 0.8 * y, False),
        (mp.MeanSquaredError(), y, False),
    ):
        history = fit(net, (x, target), loss=loss, optimizer=Adam(), epochs=1, valid=(x, target), rng=0)
        assert ("valid_accuracy" in history.to_dict()) == there


def test_sample_weights_reach_the_gradient_and_the_reported_loss():
    (x, y), weight = data(), np.random.default_rng(3).choice([0.0, 1.0, 2.0], 40)
    weighted, twice = network(), network()
    history = run(weighted, epochs=1, batch_size=40, optimizer=SGD(0.1), sample_weight=weight)
    assert history["loss"][0] == pytest.approx(LOSS(network()(x), y, weight), rel=1e-6)
    copies = np.repeat(np.arange(40), weight.astype(int))
    run(twice, train=(x[copies], y[copies]), epochs=1, batch_size=len(copies), optimizer=SGD(0.1))
    for name, p in weighted.parameters.items():
        np.testing.assert_allclose(p.value, twice.parameters[name].value, rtol=1e-5, atol=1e-7)


def test_a_batch_without_any_weight_teaches_nothing_and_is_no_division_by_zero():
    net, weight = network(), np.zeros(40)
    weight[7] = 3.0
    history = run(net, epochs=1, batch_size=1, sample_weight=weight)
    twin = network()
    x, y = data()
    expected = LOSS(twin(x[7:8]), y[7:8])
    assert history["loss"][0] == pytest.approx(expected, rel=1e-6)


def test_the_optimizer_carries_on_from_one_fit_to_the_next():
    x, y = data()
    once, twice = network(), network()
    optimizer, same = Adam(0.01), Adam(0.01)
    draws, again = np.random.default_rng(0), np.random.default_rng(0)
    run(once, epochs=4, optimizer=optimizer, rng=draws)
    for _ in range(2):
        run(twice, train=(x, y), epochs=2, optimizer=same, rng=again)
    assert bits(once) == bits(twice)
