"""What an optimizer remembers, compacted: carried over, made afresh, left behind; and optimizers that are refused."""

import numpy as np
import pytest
from compacting import OPTIMIZERS, assert_equal, train, what_is_left
from hypothesis import given
from hypothesis import strategies as st
from packing import ALL, networks

import minprune as mp
from minprune import SGD, Adam, Dense, Network, ReLU, Select, compact, fit


@given(network=networks(activations=ALL), name=st.sampled_from(sorted(OPTIMIZERS)))
def test_state_is_carried_whatever_was_folded(network, name):
    optimizer, rng = OPTIMIZERS[name](), np.random.default_rng(0)
    for _ in range(3):
        for p in network.parameters.values():
            p.grad[...] = rng.standard_normal(p.shape)
        optimizer.step(network.parameters)
    packed = compact(network, optimizer=optimizer)
    for its, mine, part in what_is_left(network, packed):
        if its is None:  # a bias made for a constant
            assert not mine.states
            continue
        state, known = mine.states[optimizer], its.states[optimizer]
        assert state.steps == 3
        for slot, array in known.arrays.items():
            assert state.arrays[slot].tobytes() == array[part].tobytes()
            assert state.arrays[slot].flags.c_contiguous
            assert not np.shares_memory(state.arrays[slot], array)


@given(network=networks(), name=st.sampled_from(sorted(OPTIMIZERS)))
def test_the_given_network_and_what_is_remembered_of_it_are_untouched(network, name):
    optimizer = OPTIMIZERS[name]()
    for p in network.parameters.values():
        p.grad[...] = 1.0
    first = network.dense[0].weight
    optimizer.step({"dense1.weight": first})  # the others have no state, and get none
    before = [(dict(p.states), p.value.tobytes(), p.grad.tobytes()) for p in network.parameters.values()]
    arrays = {k: a.copy() for k, a in optimizer.state(first).arrays.items()}
    packed = compact(network, optimizer=optimizer)
    for p in packed.parameters.values():
        p.grad[...] = 2.0
    optimizer.step(packed.parameters)
    assert [(dict(p.states), p.value.tobytes(), p.grad.tobytes()) for p in network.parameters.values()] == before
    assert optimizer.state(first).steps == 1
    for slot, array in arrays.items():
        np.testing.assert_array_equal(optimizer.state(first).arrays[slot], array)


# ── in use ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("optimizer", [Adam(mp.CosineDecay(0.02), eps=1e-4), SGD(mp.CosineDecay(0.1), momentum=0.9)])
@pytest.mark.parametrize("inputs", [False, True])
def test_half_of_the_neurons_go_halfway_and_fit_goes_on(optimizer, inputs):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((70, 6))
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    masked = Network.mlp([6, 16, 12, 2], activation="sigmoid", rng=0, dtype=np.float64)
    pattern = mp.Neurons(inputs=inputs)

    def stop(network, history):
        return history["epoch"][-1] == 3

    def run(network, **options):
        options = {"loss": mp.SoftmaxCrossEntropy(), "optimizer": optimizer, "penalty": mp.GroupLasso(1e-4)} | options
        return fit(network, (x, y), epochs=6, batch_size=16, rng=5, **options)

    run(masked, callbacks=[stop])
    mp.plan(masked, mp.Magnitude(), sparsity=0.7, pattern=pattern).apply_in_place(masked)
    packed = compact(masked, optimizer=optimizer)
    assert packed.sparsity == 0
    assert any(isinstance(layer, Select) for layer in packed.layers) == inputs
    one, other = (run(network, start=15, callbacks=[]) for network in (masked, packed))
    for column in ("epoch", "lr"):
        assert one[column] == other[column]
    np.testing.assert_allclose(other["loss"], one["loss"], rtol=1e-9)
    np.testing.assert_allclose(packed(x), masked(x), rtol=1e-7, atol=1e-9)
    assert {optimizer.state(p).steps for p in packed.parameters.values()} == {30}


def _one_unit_dead(bias, *, next_bias):
    """1-2-1 with ReLU; the first hidden unit has no inputs and a bias."""
    first = Dense.from_arrays(np.ones((1, 2)), np.array([bias, 0.5]))
    second = Dense.from_arrays(np.array([[2.0], [1.0]]), np.array([next_bias]) if next_bias is not None else None)
    network, adam = Network([first, ReLU(), second]), Adam(0.1)
    for _ in range(3):
        network.backward(network(np.ones((1, 1))))
        adam.step(network.parameters)
    first.weight.mask = np.array([[False, True]])
    return network, adam


def test_a_bias_made_for_a_constant_starts_afresh_and_takes_adams_first_step():
    network, adam = _one_unit_dead(1.5, next_bias=None)
    packed = compact(network, optimizer=adam)
    made = packed.parameters["dense2.bias"]
    assert adam not in made.states
    before = made.value.copy()
    packed.backward(packed(np.ones((1, 1))))
    adam.step(packed.parameters)
    assert made.value == pytest.approx(before - 0.1, rel=1e-6)
    assert [adam.state(p).steps for p in packed.parameters.values()] == [4, 4, 4, 1]


def test_a_bias_that_takes_a_constant_keeps_its_state():
    network, adam = _one_unit_dead(1.5, next_bias=0.25)
    its = adam.state(network.parameters["dense2.bias"])
    packed = compact(network, optimizer=adam)
    mine = adam.state(packed.parameters["dense2.bias"])
    assert packed.parameters["dense2.bias"].value > network.parameters["dense2.bias"].value
    assert mine.steps == 3
    assert mine.arrays == its.arrays


def test_a_constant_that_the_masked_network_goes_on_training_is_one_bias_here():
    network, adam = _one_unit_dead(1.5, next_bias=0.25)
    packed = compact(network, optimizer=adam)
    x = np.ones((1, 1))
    assert packed(x) == pytest.approx(network(x), rel=1e-15)
    for net in (network, packed):
        net.backward(net(x))
        adam.step(net.parameters)
    assert abs(packed(x) - network(x)) > 0.05


def test_a_dead_hidden_layer_leaves_a_bias_that_trains_on():
    network = Network.mlp([3, 4, 2], activation="relu", rng=0, dtype=np.float64)
    optimizer = SGD(0.1, momentum=0.9)
    train(network, optimizer, upto=2)
    for name, p in network.parameters.items():
        p.mask = np.full(p.shape, name == "dense2.bias")
    packed = compact(network, optimizer=optimizer)
    assert list(packed.parameters) == ["dense1.weight", "dense1.bias"]
    for net in (network, packed):
        train(net, optimizer, start=2, upto=6)
    np.testing.assert_array_equal(packed.parameters["dense1.bias"].value, network.parameters["dense2.bias"].value)
    assert not packed.parameters["dense1.weight"].value.any()


@pytest.mark.parametrize("kept", [[False, False], [True, False], None])
def test_a_constant_output_trains_no_bias_that_was_not_there(kept):
    network = Network([Dense(3, 2, rng=0), ReLU(), Dense(2, 2, bias=kept is not None, rng=0)])
    for p in network.prunable.values():
        p.mask = np.zeros(p.shape, bool)
    if kept:
        network.parameters["dense1.bias"].mask = np.zeros(2, bool)
        network.parameters["dense2.bias"].mask = np.array(kept)
    packed = compact(network)
    if kept is None or not any(kept):
        assert list(packed.parameters) == ["dense1.weight"]
    else:
        assert packed.parameters["dense1.bias"].mask.tolist() == kept
    assert not packed(np.ones((1, 3))).any()


def test_an_output_bias_that_is_gone_has_no_state_to_carry():
    network = Network.mlp([3, 4, 2], rng=0)
    optimizer = SGD(0.1, momentum=0.9)
    train(network, optimizer, upto=2)
    network.parameters["dense2.bias"].mask = np.zeros(2, bool)
    packed = compact(network, optimizer=optimizer)
    assert list(packed.parameters) == ["dense1.weight", "dense1.bias", "dense2.weight"]
    assert all(optimizer in p.states for p in packed.parameters.values())


def test_state_is_carried_from_one_compaction_to_the_next():
    network = Network.mlp([3, 6, 2], rng=0)
    optimizer = Adam()
    train(network, optimizer, upto=2)
    for name, mask in mp.plan(network, mp.Magnitude(), sparsity=0.5, pattern=mp.Neurons()).masks.items():
        network.parameters[name].mask = mask
    once = compact(network, optimizer=optimizer)
    assert_equal(once, compact(once, optimizer=optimizer), optimizer)


def test_only_what_is_asked_for_is_carried():
    network = Network.mlp([3, 4, 2], rng=0)
    one, other = Adam(), Adam()
    for optimizer in (one, other):
        train(network, optimizer, upto=2)
    assert not any(p.states for p in compact(network).parameters.values())
    assert all(list(p.states) == [other] for p in compact(network, optimizer=other).parameters.values())


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────────────────────

_NEVER = (
    "optimizer must have trained this network, got Adam(0.001), which has taken no step on it, in compact(); a copy "
    "starts afresh: set masks on the network itself, as plan.apply_in_place does"
)


@pytest.mark.parametrize("how", ["never used", "of a copy", "of another network"])
def test_an_optimizer_that_never_trained_this_network_is_refused(how):
    network, optimizer = Network.mlp([3, 4, 2], rng=0), Adam()
    if how == "of a copy":
        train(network.copy(), optimizer, upto=2)
    if how == "of another network":
        train(Network.mlp([3, 5, 2]), optimizer, upto=2)
    with pytest.raises(mp.InvalidValueError) as caught:
        compact(network, optimizer=optimizer)
    assert str(caught.value) == _NEVER
    assert not any(p.states for p in network.parameters.values())


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        ("adam", "optimizer must be an Optimizer, got str 'adam' in compact()"),
        (
            Adam,
            f"optimizer must be an Optimizer, got ABCMeta {Adam!r} in compact(); pass an instance: optimizer=Adam(…)",
        ),
    ],
)
def test_what_is_no_optimizer_is_refused(optimizer, message):
    with pytest.raises(mp.InvalidTypeError) as caught:
        compact(Network.mlp([3, 2]), optimizer=optimizer)
    assert str(caught.value) == message
