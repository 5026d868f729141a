"""The law of compaction in the middle of a training: the smaller network goes on as the masked one would have."""

import numpy as np
import pytest
from compacting import OPTIMIZERS, assert_equal, drop_whole, lift, set_masks, train, without_dropout
from hypothesis import given
from hypothesis import strategies as st
from packing import ALL, networks

import minprune as mp
from minprune import SGD, ReLU, compact

PENALTIES = {
    "none": lambda: None,
    "l1": lambda: mp.L1(0.02),
    "l2": lambda: mp.L2(0.05),
    "both": lambda: mp.L1(0.01) + mp.L2(0.01),
}
LASSOS = {
    "rows": lambda: mp.GroupLasso(0.02),
    "columns": lambda: mp.GroupLasso(0.02, axis="outputs"),
    "all": lambda: mp.GroupLasso(0.01) + mp.L1(0.01) + mp.L2(0.01),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@given(network=networks(activations=ALL), seed=st.integers(0, 99), penalty=st.sampled_from(sorted(PENALTIES)))
def test_training_the_compacted_network_is_training_the_masked_one(name, network, seed, penalty):
    network, optimizer, extra = without_dropout(network), OPTIMIZERS[name](), PENALTIES[penalty]()
    masks = lift(network, seed)
    train(network, optimizer, upto=4, penalty=extra)
    set_masks(network, masks)
    drop_whole(network, unseen=False)
    packed = compact(network, optimizer=optimizer)
    assert_equal(network, packed, optimizer)
    for net in (network, packed):
        train(net, optimizer, start=4, upto=8, penalty=extra)
    assert_equal(network, packed, optimizer, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ["momentum", "adam"])
@given(network=networks(), seed=st.integers(0, 99), penalty=st.sampled_from(sorted(LASSOS)))
def test_with_a_group_lasso_too_if_units_go_as_a_whole(name, network, seed, penalty):
    network, optimizer, extra = without_dropout(network), OPTIMIZERS[name](), LASSOS[penalty]()
    masks = lift(network, seed)
    train(network, optimizer, upto=4, penalty=extra)
    set_masks(network, masks)
    drop_whole(network, unseen=True)
    packed = compact(network, optimizer=optimizer)
    for net in (network, packed):
        train(net, optimizer, start=4, upto=8, penalty=extra)
    assert_equal(network, packed, optimizer, rtol=1e-9, atol=1e-11)


def _whole_numbers(rng, shape):
    return rng.integers(-2, 3, shape).astype(float)


@pytest.mark.parametrize("nesterov", [False, True])
@given(network=networks(activations=[ReLU()], numbers=_whole_numbers, layers=3, width=4), seed=st.integers(0, 99))
def test_it_is_so_to_the_last_bit_where_sums_are_exact(nesterov, network, seed):
    network, rng = without_dropout(network), np.random.default_rng(seed)
    optimizer = SGD(0.5, momentum=0.5, nesterov=nesterov)
    for p in network.parameters.values():
        p.grad[...] = _whole_numbers(rng, p.shape)
    optimizer.step(network.parameters)  # weights are quarters now, of at most 6 bits, and momenta whole numbers
    drop_whole(network, unseen=False)
    packed = compact(network, optimizer=optimizer)
    x = _whole_numbers(rng, (2, network.inputs))
    for net in (network, packed):
        net.backward(net(x))  # of Σ y²/2: through three layers and back no number needs more than 50 bits
        optimizer.step(net.parameters)
    assert_equal(network, packed, optimizer)
