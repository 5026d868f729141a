"""Compaction: the same function, nothing dead left, and the network that was given as it was."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from packing import (
    ALL,
    alive,
    exact_networks,
    function_by_hand,
    live_weights,
    networks,
    output_by_hand,
    paths,
    rounding,
    rows,
    snapshot,
)

from minprune import Dense, Dropout, Network, ReLU, Select, Sigmoid, compact
from minprune.errors import MinpruneError
from minprune.nn.layers import Layer


def _masked(widths, **masks):
    network = Network.mlp(widths, activation="sigmoid", rng=0, dtype=np.float64)
    for name, parameter in network.parameters.items():
        parameter.value = np.random.default_rng(1).standard_normal(parameter.shape)
        if name.replace(".weight", "") in masks:
            parameter.mask = np.array(masks[name.replace(".weight", "")], bool)
    return network


# ── the same function ───────────────────────────────────────────────────────────────────────────────────────────────


@given(exact_networks())
def test_outputs_are_equal_where_sums_are_exact(network):
    x = rows(network, exact=True)
    by_hand = output_by_hand(network, x)
    assert np.array_equal(network(x), by_hand)
    assert np.array_equal(compact(network)(x), by_hand)


@given(networks())
def test_outputs_are_equal_to_rounding(network):
    x = rows(network)
    assert (np.abs(compact(network)(x) - output_by_hand(network, x)) <= rounding(network, x)).all()


@given(networks(dtype=np.float32))
def test_outputs_are_equal_to_rounding_in_float32(network):
    x = rows(network)
    packed = compact(network)
    assert packed.dtype == np.float32
    assert (np.abs(packed(x) - network(x).astype(np.float64)) <= rounding(network, x)).all()


@given(networks())
def test_widths_stay(network):
    packed = compact(network)
    assert (packed.inputs, packed.outputs, packed.dtype) == (network.inputs, network.outputs, network.dtype)


@given(networks())
def test_the_given_network_is_untouched_and_shares_no_memory(network):
    before = snapshot(network)
    packed = compact(network)
    for layer in packed.layers:
        assert all(layer is not other for other in network.layers)
    for parameter in packed.parameters.values():
        parameter.value += 1
        parameter.grad += 1
    assert snapshot(network) == before


# ── constants ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("function", ALL, ids=repr)
@pytest.mark.parametrize("bias", [None, 0.0, -0.75, 1.5])
@pytest.mark.parametrize("next_bias", [None, 0.25])
def test_a_dead_units_output_goes_into_the_next_bias(function, bias, next_bias):
    first = Dense.from_arrays(np.ones((1, 2)), None if bias is None else np.array([bias, 0.0]))
    first.weight.mask = np.array([[False, True]])
    second = Dense.from_arrays(np.array([[2.0], [1.0]]), None if next_bias is None else np.array([next_bias]))
    packed = compact(Network([first, function.copy(), second]))
    expected = 2 * function_by_hand(function, bias or 0.0) + (next_bias or 0.0)
    assert [layer.outputs for layer in packed.dense] == [1, 1]
    if expected == 0 and next_bias is None:
        assert packed.dense[1].bias is None
    else:
        assert packed.dense[1].bias.value == pytest.approx([expected], rel=1e-15)


def test_constants_are_folded_layer_after_layer():
    network = _masked([2, 2, 2, 2, 1], dense1=[[0, 1], [0, 1]], dense2=[[1, 0], [0, 1]], dense3=[[1, 0], [0, 1]])
    packed = compact(network)
    assert [layer.outputs for layer in packed.dense] == [1, 1, 1, 1]
    x = rows(network)
    assert np.allclose(packed(x), output_by_hand(network, x), rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_constant_is_what_the_layer_puts_out_and_its_sums_are_taken_in_float64(dtype):
    rng = np.random.default_rng(0)
    first = Dense.from_arrays(np.ones((1, 9), dtype), rng.standard_normal(9).astype(dtype))
    first.weight.mask = np.arange(9)[None] == 0
    after = Dense.from_arrays(rng.standard_normal((9, 200)).astype(dtype), rng.standard_normal(200).astype(dtype))
    packed = compact(Network([first, Sigmoid(), after]))
    constant = first.bias.value[1:].copy()
    Sigmoid().infer(constant)
    assert constant.dtype == packed.dtype == dtype
    exact = after.bias.value.astype(np.float64) + constant.astype(np.float64) @ after.weight.value[1:].astype(
        np.float64
    )
    assert packed.dense[1].bias.value.tobytes() == exact.astype(dtype).tobytes()


def test_a_masked_bias_that_gets_a_constant_is_kept_then():
    network = _masked([1, 2, 2], dense1=[[False, True]])
    network.parameters["dense2.bias"].mask = np.array([False, True])
    packed = compact(network)
    assert packed.parameters["dense2.bias"].mask.all()
    assert np.allclose(packed(rows(network)), network(rows(network)), rtol=1e-14)


def test_a_masked_bias_of_a_unit_that_lives_stays_masked():
    network = _masked([2, 3, 2])
    network.parameters["dense1.bias"].mask = np.array([True, False, True])
    network.parameters["dense2.bias"].mask = np.array([False, True])
    packed = compact(network)
    for name in ("dense1.bias", "dense2.bias"):
        assert packed.parameters[name].mask.tolist() == network.parameters[name].mask.tolist()


def test_what_stands_under_a_mask_is_not_folded():
    network = _masked([2, 2, 1], dense1=[[False, True]] * 2, dense2=[[False], [True]])
    clean = compact(network)
    network.parameters["dense2.weight"].value[0, 0] = 7.0  # a write past the mask
    assert snapshot(compact(network)) == snapshot(clean)


# ── nothing dead is left ────────────────────────────────────────────────────────────────────────────────────────────


@given(networks())
def test_exactly_the_units_on_a_path_are_left(network):
    packed, units = compact(network), alive(network)
    if not any(True for _ in paths(network)):
        assert len(packed.dense) == 1
        assert packed.kept == 0
        return
    assert [layer.outputs for layer in packed.dense[:-1]] == [len(of_layer) for of_layer in units[1:-1]]
    columns = next((layer.columns for layer in network.layers if isinstance(layer, Select)), np.arange(network.inputs))
    seen = next((layer.columns for layer in packed.layers if isinstance(layer, Select)), np.arange(network.inputs))
    assert seen.tolist() == columns[units[0]].tolist()
    assert packed.kept == live_weights(network)
    for mine, its, (here, there) in zip(packed.dense, network.dense, pairwise(units), strict=True):
        there = there if its is not network.dense[-1] else range(its.outputs)
        assert np.array_equal(mine.weight.mask, its.weight.mask[np.ix_(here, there)])
        assert np.array_equal(mine.weight.value, its.weight.value[np.ix_(here, there)])


@given(networks())
def test_compacting_again_changes_nothing(network):
    once = compact(network)
    twice = compact(once)
    assert repr(twice) == repr(once)
    assert snapshot(twice) == snapshot(once)
    for a, b in zip(once.layers, twice.layers, strict=True):
        if isinstance(a, Select):
            assert a.columns.tolist() == b.columns.tolist()


def test_a_kept_weight_of_zero_is_a_connection():
    network = _masked([2, 3, 1])
    for parameter in network.prunable.values():
        parameter.value = np.zeros(parameter.shape)
    assert compact(network).weights == network.weights


def test_a_dense_network_stays_as_it_is():
    network = Network.mlp([3, 4, 2], activation="gelu", dropout=0.5, rng=0)
    assert repr(compact(network)) == repr(network)
    assert snapshot(compact(network)) == snapshot(network)


# ── empty layers ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("emptied", ["dense1.weight", "dense2.weight", "dense3.weight"])
def test_an_emptied_layer_leaves_a_constant(emptied):
    network = _masked([3, 4, 5, 2])
    network.parameters[emptied].mask = np.zeros(network.parameters[emptied].shape, bool)
    packed = compact(network)
    assert (len(packed.dense), packed.kept, packed.inputs, packed.outputs) == (1, 0, 3, 2)
    assert np.allclose(packed(rows(network)), output_by_hand(network, rows(network)), rtol=1e-14)
    assert np.array_equal(packed(rows(network)), packed(rows(network, seed=1)))


def test_what_follows_the_last_layer_stays_when_the_output_is_constant():
    last = Dense.from_arrays(np.ones((2, 2)), np.array([-1.0, 1.0]))
    last.weight.mask = np.zeros((2, 2), bool)
    packed = compact(Network([ReLU(), Select(np.array([0, 2]), 3), last, Dropout(), Sigmoid()]))
    assert [type(layer) for layer in packed.layers] == [Dense, Dropout, Sigmoid]
    assert packed(np.ones((1, 3))).tolist() == [[1 / (1 + np.exp(1.0)), 1 / (1 + np.exp(-1.0))]]


def test_two_selections_become_one():
    dense = Dense.from_arrays(np.ones((3, 1)))
    dense.weight.mask = np.array([[True], [False], [True]])
    packed = compact(Network([Select(np.array([1, 3, 4]), 6), ReLU(), dense]))
    assert [type(layer) for layer in packed.layers] == [Select, ReLU, Dense]
    assert packed.layers[0].columns.tolist() == [1, 4]
    assert packed(np.array([[9.0, 1, 9, 9, 2, 9]])).tolist() == [[3.0]]


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────────────────────


class _Square(Layer):
    def forward(self, x, rng=None):
        self._x = x
        return x * x

    def backward(self, grad, *, input_grad=True):
        return 2 * self._x * grad

    def infer(self, y):
        y *= y


class _Doubled(Dense):
    def forward(self, x, rng=None):
        return 2 * super().forward(x)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ([Dense(1, 1)], "network must be a Network, got list in compact()"),
        (
            Network([Dense(1, 1), _Square()]),
            "layers must be Dense, Select, Dropout and activations, got _Square() in compact()",
        ),
        (
            Network([_Doubled(1, 1)]),
            "layers must be Dense, Select, Dropout and activations, got Dense(1, 1) in compact()",
        ),
    ],
)
def test_what_is_refused(network, message):
    with pytest.raises(MinpruneError) as caught:
        compact(network)
    assert str(caught.value) == message
