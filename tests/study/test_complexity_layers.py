"""`analyze` on every kind of layer that a network can hold."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from test_paths import walks

from minprune import Dense, Dropout, Network, Select, analyze
from minprune.nn.activations import ACTIVATIONS

SLOW = {
    "relu": lambda a: max(a, 0.0),
    "leaky_relu": lambda a: a if a > 0 else 0.01 * a,
    "tanh": math.tanh,
    "sigmoid": lambda a: 1 / (1 + math.exp(-a)),
    "gelu": lambda a: 0.5 * a * (1 + math.erf(a / math.sqrt(2))),
}


@st.composite
def networks(draw, values):
    """Masked float64 networks of one activation, with or without Select in front and Dropout within."""
    widths = draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
    activation = draw(st.sampled_from(sorted(ACTIVATIONS)))
    layers = []
    if draw(st.booleans()):
        columns = draw(st.lists(st.integers(0, 4), min_size=widths[0], max_size=widths[0], unique=True))
        layers.append(Select(np.sort(columns), 5))
    for shape in pairwise(widths):
        weight = draw(hnp.arrays(np.float64, shape, elements=values))
        bias = draw(st.none() | hnp.arrays(np.float64, shape[1], elements=values))
        layers += [Dense.from_arrays(weight, bias), ACTIVATIONS[activation](), Dropout(0.5)]
    network = Network(layers[:-2])
    for p in network.prunable.values():
        p.mask = draw(hnp.arrays(np.bool_, p.shape, elements=st.booleans(), fill=st.nothing()))
    return activation, network


def test_there_is_a_slow_form_of_every_activation():
    assert set(SLOW) == set(ACTIVATIONS)


@given(networks(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0])), st.data())
def test_activity_is_that_of_one_unit_at_a_time(named, data):
    activation, network = named
    x = data.draw(hnp.arrays(np.float64, (4, network.inputs), elements=st.sampled_from([-1.0, 0.0, 0.5])))
    found = analyze(network, x).layers
    assert found[-1].activity is None
    if len(found) > 1:  # the first hidden layer: sums of halves are exact, and often 0
        seen = x[:, network.layers[0].columns] if isinstance(network.layers[0], Select) else x
        layer = network.dense[0]
        for j in range(layer.outputs):
            active = 0
            for row in seen:
                a = 0.0 if layer.bias is None else float(layer.bias.value[j])
                for i, h in enumerate(row):
                    a += float(h * layer.weight.value[i, j])
                active += SLOW[activation](a) != 0
            assert found[0].activity[j] == active / 4


@given(networks(st.floats(0.25, 0.75)))
def test_there_are_no_paths_exactly_when_the_output_ignores_the_input(named):
    # Positive weights and inputs below any saturation: nothing cancels, so what is connected shows.
    _, network = named
    found = analyze(network)
    x = np.full((1, network.inputs), 0.25)
    assert (found.paths == 0) == (network(x) == network(2 * x)).all()
    for i in range(network.inputs):
        other = x.copy()
        other[0, i] = 0.5
        assert found.unused_inputs[i] == (network(x) == network(other)).all()


@given(networks(st.just(1.0)))
def test_only_dense_layers_are_counted_whatever_stands_between_them(named):
    _, network = named
    found = analyze(network)
    bare = analyze(Network([layer.copy() for layer in network.dense]))
    assert [row.to_dict() for row in found.layers] == [row.to_dict() for row in bare.layers]
    assert (found.total, found.paths) == (bare.total, bare.paths)
    assert (found.collapsed, found.bottlenecks) == (bare.collapsed, bare.bottlenecks)


@given(networks(st.just(1.0)))
def test_an_input_that_is_not_selected_is_unused(named):
    _, network = named
    first = network.layers[0]
    columns = first.columns if isinstance(first, Select) else range(network.inputs)
    used = {int(columns[path[0]]) for path in walks([layer.weight.mask for layer in network.dense])}
    assert set(np.flatnonzero(~analyze(network).unused_inputs).tolist()) == used


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bytes_go_by_the_dtype(dtype):
    total = analyze(Network.mlp([4, 3, 2], rng=0, dtype=dtype)).total
    assert (total.parameters, total.bytes, total.kept_bytes) == (23, *[23 * np.dtype(dtype).itemsize] * 2)


@pytest.mark.parametrize(("layers", "shown"), [(6, " 100,000,000,000,000 paths"), (9, " about 10^20 paths")])
def test_the_number_of_paths_is_shown_in_full_as_long_as_it_can_be_read(layers, shown):
    network = Network([Dense(100, 100, rng=0) for _ in range(layers)])
    assert shown in repr(analyze(network))


def test_the_table_of_a_usual_network_fits_110_columns():
    network = Network.mlp([784, 300, 100, 10], rng=0)
    assert max(map(len, repr(analyze(network, np.zeros((1, 784)))).splitlines())) <= 110
