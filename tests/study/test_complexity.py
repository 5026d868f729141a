import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from noting import Notes
from test_paths import walks

from minprune import Dense, Dropout, Magnitude, Network, ReLU, Select, Tanh, plan
from minprune.study import complexity
from minprune.study.complexity import analyze


@st.composite
def networks(draw, biases=True, dtype=np.float32):
    """Masked networks with positive weights, small enough for slow loops."""
    widths = draw(st.lists(st.integers(1, 4), min_size=2, max_size=5))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    layers = []
    for shape in pairwise(widths):
        bias = rng.uniform(0.5, 1.5, shape[1]).astype(dtype) if biases and draw(st.booleans()) else None
        layers += [Dense.from_arrays(rng.uniform(0.5, 1.5, shape).astype(dtype), bias), ReLU()]
    network = Network(layers[:-1])
    for p in network.parameters.values():
        p.mask = draw(hnp.arrays(np.bool_, p.shape, elements=st.booleans(), fill=st.nothing()))
    return network


def masks_of(network):
    return [layer.weight.mask for layer in network.dense]


@given(networks())
def test_flops_are_those_of_a_forward_pass_in_loops(network):
    for skip, name in ((False, "flops"), (True, "kept_flops")):
        for layer, found in zip(network.dense, analyze(network).layers, strict=True):
            done = 0
            for j in range(layer.outputs):
                for i in range(layer.inputs):
                    if layer.weight.mask[i, j] or not skip:
                        done += 2  # total = total + x[i] * w[i, j]
                if layer.bias is not None and (layer.bias.mask[j] or not skip):
                    done += 1  # total = total + b[j]
            assert getattr(found, name) == done


@given(networks())
def test_counts_and_bytes_are_those_of_the_arrays(network):
    found = analyze(network)
    for layer, row in zip(network.dense, found.layers, strict=True):
        entries = [(bool(kept), p) for p in layer.parameters for kept in p.mask.flat]
        assert row.parameters == len(entries)
        assert row.bytes == 4 * len(entries)
        assert row.kept_bytes == 4 * sum(kept for kept, _ in entries)
        assert row.weights == sum(p is layer.weight for _, p in entries)
        assert row.kept == sum(kept for kept, p in entries if p is layer.weight)
        assert row.sparsity == pytest.approx(1 - row.kept / row.weights)
    assert found.total.sparsity == network.sparsity
    for name in ("parameters", "weights", "kept", "live", "flops", "kept_flops", "bytes", "kept_bytes"):
        assert getattr(found.total, name) == sum(getattr(row, name) for row in found.layers)


@given(networks())
def test_fans_and_ends_are_those_of_slow_loops(network):
    masks = masks_of(network)
    for k, row in enumerate(analyze(network).layers):
        for j in range(row.units):
            into = sum(bool(masks[k][i, j]) for i in range(len(masks[k])))
            assert (row.fan_in[j], row.no_input[j]) == (into, into == 0)
            if k + 1 == len(masks):
                assert row.fan_out is None
                assert not row.no_output[j]
            else:
                out = sum(bool(kept) for kept in masks[k + 1][j])
                assert (row.fan_out[j], row.no_output[j]) == (out, out == 0)


@given(networks())
def test_dead_units_and_live_weights_are_those_of_all_paths_walked(network):
    paths = walks(masks_of(network))
    found = analyze(network)
    assert found.paths == len(paths)
    assert set(np.flatnonzero(~found.unused_inputs).tolist()) == {path[0] for path in paths}
    for k, row in enumerate(found.layers):
        assert set(np.flatnonzero(~row.dead).tolist()) == {path[k + 1] for path in paths}
        assert row.live == len({path[k : k + 2] for path in paths})
        assert (row.dead >= row.no_input).all()
        assert (row.dead >= row.no_output).all()


@given(networks(dtype=np.float64))
def test_there_are_no_paths_exactly_when_the_output_ignores_the_input(network):
    # Positive weights and inputs: nothing cancels and no ReLU is off, so what is connected shows.
    found = analyze(network)
    x = np.random.default_rng(0).uniform(1, 2, (1, network.inputs))
    assert (found.paths == 0) == (network(x) == network(2 * x)).all()
    for i in range(network.inputs):
        other = x.copy()
        other[0, i] *= 2
        assert found.unused_inputs[i] == (network(x) == network(other)).all()


@given(networks(biases=False, dtype=np.float64))
def test_a_weight_is_live_exactly_when_the_output_feels_it(network):
    # Without biases, a unit that is not reached puts out 0, and no weight of it matters.
    x = np.random.default_rng(0).uniform(1, 2, (1, network.inputs))
    before = network(x)
    for layer, row in zip(network.dense, analyze(network).layers, strict=True):
        felt = 0
        for index in np.argwhere(layer.weight.mask):
            layer.weight.value[tuple(index)] *= 2  # and back, without rounding
            felt += bool((network(x) != before).any())
            layer.weight.value[tuple(index)] /= 2
        assert row.live == felt


@given(networks(), st.integers(1, 7))
def test_activity_is_that_of_one_row_at_a_time(network, batch_size):
    rng = np.random.default_rng(1)  # halves and whole numbers: sums are exact in any order, and often 0
    for p in network.parameters.values():
        p.value = rng.integers(-2, 3, p.shape) / np.float32(2)
    x = rng.integers(-2, 3, (5, network.inputs)).astype(np.float32)
    found = analyze(network, x, batch_size=batch_size)
    on = [np.zeros(layer.outputs) for layer in network.dense]
    for row in x:
        h = row
        for k, layer in enumerate(network.dense):
            h = np.array([sum(h[i] * w for i, w in enumerate(column)) for column in layer.weight.value.T])
            h = np.maximum(h + (0 if layer.bias is None else layer.bias.value), 0)
            on[k] += h != 0
    for share, layer in zip(on[:-1], found.layers[:-1], strict=True):
        assert np.array_equal(layer.activity, share / 5)
        assert np.array_equal(layer.silent, share == 0)
        assert layer.mean_activity == pytest.approx(share.mean() / 5)
    assert found.rows == 5
    assert found.layers[-1].activity is None
    assert found.layers[-1].silent is None
    assert found.layers[-1].mean_activity is None


def test_activity_is_measured_after_activation_and_dropout_and_on_the_selected_inputs():
    hidden = Dense.from_arrays(np.array([[1.0, -1.0], [1.0, -1.0]]))
    network = Network(
        [Select(np.array([0, 2]), 3), ReLU(), hidden, Dropout(0.5), ReLU(), Dense.from_arrays(np.ones((2, 1))), Tanh()]
    )
    x = np.array([[1.0, 9.0, 1.0], [-1.0, 9.0, -1.0], [-1.0, 9.0, -2.0], [0.0, 9.0, 2.0]])
    found = analyze(network, x)
    assert found.layers[0].activity.tolist() == [0.5, 0.0]  # the first ReLU leaves nothing of rows 1 and 2
    assert found.layers[0].silent.tolist() == [False, True]
    assert found.unused_inputs.tolist() == [False, True, False]
    assert len(found.layers) == 2


def collapsed(*kept):
    """A 3-3-3-2 network of which layer k keeps the weights listed in kept[k]; None is all of them."""
    network = Network.mlp([3, 3, 3, 2], rng=0)
    for p, at in zip(network.prunable.values(), kept, strict=True):
        if at is not None:
            mask = np.zeros(p.shape, bool)
            for index in at:
                mask[index] = True
            p.mask = mask
    return network


def test_the_layer_that_collapsed_is_named():
    found = analyze(collapsed(None, [], None))
    assert (found.collapsed, found.bottlenecks) == (("dense2",), ())
    assert "dense2 has collapsed" in repr(found)
    assert found.paths == 0
    assert found.total.live == 0


def test_a_gap_between_layers_is_put_down_to_the_layer_that_does_not_go_on():
    found = analyze(collapsed([(0, 0)], [(1, 1)], None))
    assert found.collapsed == ("dense2",)
    assert [row.kept for row in found.layers] == [1, 1, 6]


def test_every_emptied_layer_is_named():
    assert analyze(collapsed([], None, [])).collapsed == ("dense1", "dense3")


def test_a_layer_with_one_unit_left_is_a_bottleneck():
    found = analyze(collapsed(None, [(0, 2), (1, 2), (1, 1)], [(2, 0), (2, 1)]))
    assert found.collapsed == ()
    assert found.bottlenecks == ("dense2",)
    assert "dense2 is a bottleneck" in repr(found)
    assert found.layers[1].no_output.tolist() == [True, True, False]
    assert found.layers[1].no_input.tolist() == [True, False, False]
    assert found.layers[0].dead.tolist() == [False, False, True]


def test_the_weakest_layer_is_the_one_with_the_fewest_live_weights_of_a_pruned_network_that_has_not_collapsed():
    whole = Network.mlp([3, 2, 2], rng=0)
    assert analyze(whole).weakest is None
    pruned = whole.copy()
    pruned.parameters["dense2.weight"].mask = np.array([[False, False], [True, True]])
    found = analyze(pruned)
    assert (found.weakest, found.bottlenecks, [layer.live for layer in found.layers]) == ("dense2", ("dense1",), [3, 2])
    pruned.parameters["dense1.weight"].mask = np.array([[True, True], [True, False], [True, False]])
    assert analyze(pruned).weakest == "dense1"  # one of its weights leads to the unit that leads on
    pruned.parameters["dense1.weight"].mask = np.zeros((3, 2), bool)
    assert analyze(pruned).weakest is None


def test_a_layer_that_never_had_more_than_one_unit_is_no_bottleneck():
    assert analyze(Network.mlp([3, 1, 2], rng=0)).bottlenecks == ()


def test_a_kept_weight_that_is_zero_is_a_connection():
    network = Network.mlp([2, 2], rng=0)
    network.parameters["dense1.weight"].value[...] = 0
    found = analyze(network)
    assert (found.total.kept, found.total.live, found.paths) == (4, 4, 4)


def test_analysis_changes_nothing_not_even_what_a_backward_pass_needs():
    network = Network.mlp([4, 5, 3], activation="tanh", rng=0)
    x = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)
    x.setflags(write=False)
    grad = np.ones_like(network(x))
    network.backward(grad)
    expected = {name: (p.value.copy(), p.grad.copy()) for name, p in network.parameters.items()}
    network(x)
    analyze(network, x[:2])
    network.backward(grad)
    for name, p in network.parameters.items():
        assert np.array_equal(p.value, expected[name][0])
        assert np.array_equal(p.grad, expected[name][1])


def test_1024_rows_are_looked_at_together_unless_it_is_said(monkeypatch):
    asked = Notes(lambda network, x, size: [None] * 2)
    monkeypatch.setattr(complexity, "share_active", asked)
    for more in ({}, {"batch_size": 7}):
        analyze(Network.mlp([2, 3, 2], rng=0), np.eye(2), **more)
    assert [size for (_, _, size), _ in asked] == [1024, 7]


def test_counts_are_whole_numbers_and_what_is_yes_or_no_is_bool_in_the_last_layer_too():
    found = analyze(Network.mlp([2, 3, 2], rng=0), np.eye(2))
    for layer in found.layers:
        assert {layer.no_input.dtype, layer.no_output.dtype, layer.dead.dtype} == {np.dtype(bool)}
        assert {fan.dtype.kind for fan in (layer.fan_in, layer.fan_out) if fan is not None} == {"i"}
    assert found.layers[-1].to_dict()["no_output"] == [False, False]
    assert (found.layers[0].silent.dtype, found.layers[0].activity.dtype) == (bool, np.float64)
    assert (found.unused_inputs.dtype, found.layers[-1].fan_out, found.layers[-1].activity) == (bool, None, None)


def test_data_is_left_as_it_was_by_an_activation_in_front():
    x = np.array([[-1.0, 2.0]], np.float32)
    x.setflags(write=False)
    assert analyze(Network([ReLU(), Dense(2, 2, rng=0)]), x).rows == 1
    assert x.tolist() == [[-1.0, 2.0]]


@given(networks())
def test_the_dict_is_plain_and_whole(network):
    found = analyze(network, np.ones((3, network.inputs)))
    plain = found.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["paths"] == found.paths
    assert plain["total"]["kept"] == network.kept
    assert [row["fan_in"] for row in plain["layers"]] == [row.fan_in.tolist() for row in found.layers]
    assert plain["layers"][-1]["activity"] is None


def test_the_table_has_activity_only_where_there_is_data():
    network = Network.mlp([4, 3, 2], rng=0)
    assert "never active" not in repr(analyze(network))
    shown = repr(analyze(network, np.eye(4)))
    assert "never active" in shown
    assert "mean share of 4 rows" in shown
    assert repr(analyze(network).layers[0]) == "LayerComplexity(dense1: 12 of 12 weights kept, 0 of 3 units dead)"


def test_a_number_of_paths_beyond_reading_is_shown_by_its_magnitude():
    found = analyze(Network.mlp([101] * 10, rng=0))
    assert found.paths == 101**10  # which no float is
    assert "about 10^20 paths" in repr(found)
    for paths, shown in ((10**15 - 1, "999,999,999,999,999"), (10**15, "about 10^15"), (2 * 10**400, "about 10^400")):
        assert f" parameters, {shown} paths from input to output, " in repr(replace(found, paths=paths))


def test_the_layer_that_collapses_is_named_before_it_does():
    """Weight after weight goes, the lowest first: the layer that is cut in the end is the one that was named."""
    for seed in range(5):
        network = Network.mlp([4, 9, 9, 3], rng=seed)
        assert analyze(network).weakest is None
        named = None
        for gone in range(80, network.weights):
            found = analyze(plan(network, Magnitude(), sparsity=gone / network.weights, min_keep=0).apply(network))
            if found.collapsed:
                break
            named = found.weakest
            live = {layer.name: layer.live for layer in found.layers}
            assert live[named] == min(live.values())
            assert f"{named} is nearest to collapse: {live[named]} of its weights are on a path" in str(found)
        assert found.weakest is None
        assert live[named] == 1
