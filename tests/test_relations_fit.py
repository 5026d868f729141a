"""What must not matter to `fit`: how rows are dealt out and lie in memory, the order of units, where a run is cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from relating import (
    FEWER,
    OPTIMIZERS,
    ROWS,
    data,
    gradients,
    masks,
    network,
    normal,
    orders,
    permuted,
    same,
    trained,
    values,
)

import minprune as mp
from minprune.testing.checks.kernel import LAYOUTS, laid_out

SEEDS = st.integers(0, 2**16)
DTYPES = st.sampled_from([np.float32, np.float64])
SQUARES, ENTROPY = mp.MeanSquaredError(), mp.SoftmaxCrossEntropy()
PENALTY = mp.L1(2**-8) + mp.L2(2**-6)


def problem(seed, *, activation="tanh", dtype=np.float64):
    """Any numbers, and a function without kinks: a step more or less of rounding stays small."""
    return network(seed, numbers=normal, activation=activation, dtype=dtype), data(seed, numbers=normal, dtype=dtype)


def assert_close(ours, theirs, tolerance=1e-9):
    """Rounding by another order of sums, grown over a few steps of Adam, which divides by what may be small."""
    assert same(masks(ours), masks(theirs))
    for name, value in values(ours).items():
        np.testing.assert_allclose(value, values(theirs)[name], rtol=tolerance, atol=tolerance)


# ── rows ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@FEWER
@given(seed=SEEDS)
def test_full_batches_know_no_order_of_rows(optimizer, seed):
    net, (x, y) = problem(seed)
    rows = np.random.default_rng(seed).permutation(ROWS)
    plain = trained(net, (x, y), optimizer=optimizer)
    assert_close(trained(net, (x[rows], y[rows]), optimizer=optimizer), plain)
    assert_close(trained(net, (x, y), optimizer=optimizer, rng=1), plain)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@FEWER
@given(seed=SEEDS)
def test_every_row_twice_changes_nothing_in_full_batches(optimizer, seed):
    """As many epochs: a mean over twice as many rows is the same mean. A weight of 2 each is one of 1 each."""
    net, (x, y) = problem(seed)
    plain = trained(net, (x, y), optimizer=optimizer)
    assert_close(trained(net, (np.concatenate([x, x]), np.concatenate([y, y])), optimizer=optimizer), plain)
    assert_close(trained(net, (x, y), optimizer=optimizer, sample_weight=np.full(ROWS, 2.0)), plain)


@FEWER
@given(SEEDS)
def test_every_row_twice_and_half_the_epochs_is_as_many_steps(seed):
    net, (x, y) = problem(seed)
    counted = []

    class Counts:
        def before_step(self, network, step):
            counted.append(step)

    for batch, epochs in (((x, y), 4), ((x.repeat(2, axis=0), y.repeat(2)), 2)):
        trained(net, batch, epochs=epochs, batch_size=4, callbacks=[Counts()])
    assert counted == 2 * list(range(16))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@FEWER
@given(seed=SEEDS, size=st.integers(1, ROWS))
def test_a_full_batch_is_the_gradients_of_its_parts_added_up(optimizer, seed, size):
    net, (x, y) = problem(seed)
    by_hand, rule = net.copy(), OPTIMIZERS[optimizer]()
    for _ in range(3):
        total = {name: np.zeros(p.shape) for name, p in by_hand.parameters.items()}
        for i in range(0, ROWS, size):
            part = x[i : i + size], y[i : i + size]
            for name, g in gradients(by_hand, part, ENTROPY).items():
                total[name] += g * len(part[1]) / ROWS
        for name, p in by_hand.parameters.items():
            p.grad = total[name]
        rule.step(by_hand.parameters)
    assert_close(trained(net, (x, y), optimizer=optimizer, epochs=3), by_hand)


@FEWER
@given(SEEDS, st.integers(1, ROWS), DTYPES)
def test_rows_that_do_not_count_are_as_if_left_out_of_a_full_batch(seed, count, dtype):
    net, (x, y) = problem(seed)
    weight = np.zeros(ROWS)
    weight[:count] = 0.5
    assert_close(trained(net, (x, y), sample_weight=weight), trained(net, (x[:count], y[:count])))


# ── units ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@FEWER
@given(seed=SEEDS, penalized=st.booleans())
def test_units_inputs_and_classes_in_another_order_are_trained_alike(optimizer, seed, penalized):
    net, (x, y) = problem(seed)
    order, penalty = orders(net, seed, inputs=True, outputs=True), PENALTY if penalized else None
    plain = trained(net, (x, y), optimizer=optimizer, penalty=penalty, batch_size=6)
    moved = x[:, order[0]], np.argsort(order[-1])[y]
    other = trained(permuted(net, order), moved, optimizer=optimizer, penalty=penalty, batch_size=6)
    assert_close(other, permuted(plain, order))


@FEWER
@given(SEEDS)
def test_one_step_with_units_in_another_order_is_exactly_alike(seed):
    net, (x, _) = network(seed), data(seed)
    t, order = np.roll(x, 1, axis=0)[:, : net.outputs].copy(), orders(net, seed, inputs=True)
    plain = trained(net, (x, t), loss=SQUARES, optimizer=mp.SGD(2**-3), epochs=1)
    other = trained(permuted(net, order), (x[:, order[0]], t), loss=SQUARES, optimizer=mp.SGD(2**-3), epochs=1)
    assert not same(values(plain), values(net))
    assert same(values(other), values(permuted(plain, order)))


# ── runs ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@FEWER
@given(seed=SEEDS, dtype=DTYPES, first=st.integers(1, 3))
def test_a_run_cut_in_two_is_the_run(optimizer, dropout, seed, dtype, first):
    """Bit for bit: the same optimizer, which remembers, and the same generator, which goes on. The rate is constant: a
    schedule runs over the epochs of each call.
    """
    rng = np.random.default_rng(seed)
    net = mp.Network.mlp([5, 7, 4], dropout=0.25 * dropout, rng=rng, dtype=dtype)
    net.dense[0].weight.mask = rng.random((5, 7)) < 0.6
    batch = data(seed, numbers=normal, dtype=dtype)
    whole = trained(net, batch, optimizer=optimizer, epochs=4, batch_size=6, penalty=PENALTY, rng=seed)
    cut, rule, draws = net.copy(), OPTIMIZERS[optimizer](), np.random.default_rng(seed)
    for epochs in (first, 4 - first):
        mp.fit(cut, batch, loss=ENTROPY, optimizer=rule, epochs=epochs, batch_size=6, penalty=PENALTY, rng=draws)
    assert same(values(cut), values(whole))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@FEWER
@given(seed=SEEDS, start=st.integers(1, 11))
def test_a_run_begun_anew_at_a_step_with_what_was_remembered_is_the_run(optimizer, seed, start):
    """With `start` and a carried state the rate's schedule is that of the whole run, too."""
    net, batch = problem(seed)
    rule = OPTIMIZERS[optimizer]()
    rule.lr = mp.CosineDecay(rule.lr)
    settings = {"loss": ENTROPY, "optimizer": rule, "epochs": 4, "batch_size": 6, "rng": seed}
    kept = []

    class Keeps:
        def before_step(self, network, step):
            if step == start:
                kept.append(network.copy())
                for p, q in zip(network.parameters.values(), kept[0].parameters.values(), strict=True):
                    rule.carry(p, q)

    mp.fit(net, batch, callbacks=[Keeps()], **settings)
    mp.fit(kept[0], batch, start=start, **settings)
    assert same(values(kept[0]), values(net))


@FEWER
@given(SEEDS, DTYPES)
def test_who_watches_changes_nothing(seed, dtype):
    net, batch = problem(seed, dtype=dtype)
    watcher = type("Watcher", (), {"after_backward": lambda self, network, step: network.copy()})()
    plain = trained(net, batch, batch_size=6, epochs=3)
    watched = trained(
        net, batch, batch_size=6, epochs=3, valid=batch, callbacks=[watcher, lambda network, history: None]
    )
    assert same(values(watched), values(plain))


@FEWER
@given(SEEDS, DTYPES)
def test_a_pruner_of_nothing_is_no_pruner(seed, dtype):
    net, batch = problem(seed, dtype=dtype)
    pruner = mp.Pruner(mp.Magnitude(), sparsity=net.sparsity / 2, schedule=mp.Linear(0.0, 1.0, updates=3))
    plain = trained(net, batch, batch_size=6, epochs=3)
    assert same(values(trained(net, batch, batch_size=6, epochs=3, pruner=pruner)), values(plain))


# ── memory and dtype ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("layout", LAYOUTS[1:])
@pytest.mark.parametrize("optimizer", ["Nesterov", "AdamW"])
def test_how_the_data_lies_in_memory_does_not_matter_and_it_is_not_written_to(optimizer, layout):
    net, (x, y) = problem(2)
    weight = np.arange(ROWS) / 4
    expected = trained(net, (x, y), optimizer=optimizer, sample_weight=weight, valid=(x, y), batch_size=6)
    there = [laid_out(array, layout) for array in (x, y, weight)]
    before = [array.copy() for array in there]
    found = trained(
        net, tuple(there[:2]), optimizer=optimizer, sample_weight=there[2], valid=tuple(there[:2]), batch_size=6
    )
    assert same(values(found), values(expected))
    assert all(same(a, b) for a, b in zip(there, before, strict=True))


@pytest.mark.parametrize("dtype", [np.float16, np.int8, np.int64, np.uint16, ">f8"])
@pytest.mark.parametrize("width", [np.float32, np.float64])
def test_other_numbers_are_taken_for_what_they_are(dtype, width):
    net, (x, y) = network(4, dtype=width), data(4)
    x = np.abs(8 * x)
    expected = trained(net, (x, y), batch_size=6)
    found = trained(net, (x.astype(dtype), y.astype(np.uint8)), batch_size=6)
    assert same(values(found), values(expected))
    assert {p.dtype for p in found.parameters.values()} == {np.dtype(width)}


@FEWER
@given(SEEDS)
def test_one_exact_step_is_the_same_in_both_float_widths(seed):
    """One layer, so that the squares' gradient needs no more digits than float32 has."""
    wide = network(seed, widths=(5, 4))
    narrow = network(seed, widths=(5, 4), dtype=np.float32)
    x, _ = data(seed)
    t = np.roll(x, 1, axis=0)[:, :4].copy()
    results = [
        trained(net, (x, t), loss=SQUARES, optimizer=mp.SGD(2**-3), epochs=1, penalty=mp.L1(2**-4))
        for net in (wide, narrow)
    ]
    assert same(values(results[0]), {name: v.astype(np.float64) for name, v in values(results[1]).items()})
