"""Each control takes away one thing and leaves the others."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minprune import Dense, Dropout, Magnitude, Network, Neurons, ReLU, Select, Tanh, plan
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.study.controls import _factor, reinitialised, shuffled_in_layers, small_widths, smaller

NET = Network.mlp([12, 20, 8, 3], rng=0)


def pruned(network=NET, **more):
    return plan(network, Magnitude(), sparsity=0.7, **more).apply(network)


def masks(network):
    return {name: p.mask.tolist() for name, p in network.parameters.items()}


def values(network):
    return np.concatenate([p.value[p.mask] for p in network.prunable.values()])


def count(widths):
    return sum(a * b for a, b in pairwise(widths))


# reinitialised


@pytest.mark.parametrize("pattern", [None, Neurons()])
def test_reinitialised_keeps_the_masks_and_no_weight(pattern):
    network = pruned(pattern=pattern)
    fresh = reinitialised(network, rng=1)
    assert masks(fresh) == masks(network)
    assert not np.isin(values(fresh), values(network)).any()
    assert all((p.value[~p.mask] == 0).all() for p in fresh.parameters.values())
    assert repr(fresh) == repr(network)


def test_reinitialised_is_a_function_of_its_seed_and_touches_nothing():
    network = pruned()
    before = values(network).tobytes()
    one, same, other = (reinitialised(network, rng=seed) for seed in (1, 1, 2))
    assert values(one).tobytes() == values(same).tobytes() != values(other).tobytes()
    assert values(network).tobytes() == before
    assert all((p.value == 0).all() for name, p in one.parameters.items() if name.endswith("bias"))


@pytest.mark.parametrize(
    ("layers", "scales"),
    [
        ([ReLU(), ReLU()], [2 / 200, 2 / 100, 2 / 150]),  # He throughout
        ([Tanh(), Tanh()], [2 / 300, 2 / 250, 2 / 170]),  # Glorot throughout
        ([Tanh(), ReLU()], [2 / 300, 2 / 100, 2 / 150]),  # each by the activation after it, the last by that before
        ([ReLU(), Tanh()], [2 / 200, 2 / 250, 2 / 170]),
    ],
)
def test_weights_are_drawn_as_wide_as_the_activation_beside_them_asks(layers, scales):
    first, second = layers
    network = Network(
        [Dense(200, 100, rng=0), first, Dense(100, 150, rng=0), second, Dropout(0.1), Dense(150, 20, rng=0)]
    )
    for parameter, variance in zip(reinitialised(network, rng=0).prunable.values(), scales, strict=True):
        assert parameter.value.var() == pytest.approx(variance, rel=0.1)


def test_mlp_draws_alike():
    """Reinitialised from the seed that built it, a network of Network.mlp is itself again."""
    for activation in ("relu", "tanh", "sigmoid", "leaky_relu", "gelu"):
        network = Network.mlp([6, 5, 4, 2], activation=activation, rng=3)
        assert values(reinitialised(network, rng=3)).tobytes() == values(network).tobytes()


# smaller


@given(st.lists(st.integers(1, 9), min_size=3, max_size=5), st.floats(0, 1))
def test_the_small_widths_are_near_the_nearest_of_all(widths, share):
    target = max(1, round(share * count(widths)))
    found = small_widths(widths, target)
    assert (found[0], found[-1], len(found)) == (widths[0], widths[-1], len(widths))
    assert all(1 <= small <= large for small, large in zip(found, widths, strict=True))
    choices = product([widths[0]], *(range(1, width + 1) for width in widths[1:-1]), [widths[-1]])
    nearest = min(abs(count(choice) - target) for choice in choices)
    ours = abs(count(found) - target)
    if len(widths) == 3:
        assert ours == nearest
    bound = (found[-3] + found[-1]) / 2  # half a unit of the last hidden layer; more where that can't shrink or grow
    assert ours <= max(nearest, bound) or found[-2] in (1, widths[-2])


def test_all_the_weights_are_the_network_and_few_are_one_unit_a_layer():
    assert small_widths([784, 300, 100, 10], 266_200) == [784, 300, 100, 10]
    assert small_widths([784, 300, 100, 10], 5_324) == [784, 6, 39, 10]  # 6.6 rounded up would be too many
    assert small_widths([784, 300, 100, 10], 1) == [784, 1, 1, 10]
    assert small_widths([30] * 40, 30 * 30 * 39 // 4)[5] == 15  # many layers take no longer


def test_of_widths_that_are_equally_near_the_smaller_ones_count():
    assert small_widths([7, 1, 5, 9], 32) == [7, 1, 2, 9]  # 27 weights, as [7, 1, 3, 9] has 37


def test_a_factor_that_is_met_exactly_is_it():
    assert _factor([3], [4, 2], 10) == 0.5
    assert _factor([3], [4, 2], 21) == 1.0
    assert _factor([3], [4, 2], 1) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("widths", "weights", "small"),
    [
        ([6, 6, 2, 5], 16, [6, 1, 2, 5]),  # 1.6 is rounded up to 2, which is one weight farther off
        ([4, 3, 6, 3, 9, 9, 9, 8, 5, 3], 269, [4, 3, 5, 3, 8, 8, 8, 6, 3, 3]),
        ([4, 4, 6, 4, 6, 6, 9, 7, 9, 9], 78, [4, 2, 3, 1, 2, 3, 4, 2, 3, 9]),
        ([2, 6, 3, 3, 6, 6, 4, 8, 6, 4], 22, [2, 1, 1, 1, 2, 1, 2, 1, 2, 4]),
        ([5, 4, 3, 5, 9, 8, 7, 4, 3, 9, 4], 308, [5, 4, 3, 5, 9, 8, 7, 4, 3, 7, 4]),  # of nine, the first is rounded
        ([3] * 12, 1, [3, *[1] * 10, 3]),
    ],
)
def test_the_last_eight_hidden_widths_are_tried_rounded_down_and_up(widths, weights, small):
    assert small_widths(widths, weights) == small


def test_the_small_network_is_dense_of_the_same_kind_and_drawn_anew():
    large = Network([Select(np.arange(5), 6), Dense(5, 20, bias=False, rng=0, dtype=np.float64), Tanh(), Dropout(0.2),
                     Dense(20, 2, rng=0, dtype=np.float64)])  # fmt: skip
    small = smaller(large, 70, rng=0)
    assert [repr(layer) for layer in small.layers] == [
        "Select(5 of 6)", "Dense(5, 10, bias=False)", "Tanh()", "Dropout(rate=0.2)", "Dense(10, 2)",
    ]  # fmt: skip
    assert small.sparsity == 0
    assert small.dtype == np.float64
    assert large.weights == 140


def test_a_small_network_is_a_function_of_its_seed():
    one, same, other = (values(smaller(NET, 100, rng=seed)).tobytes() for seed in (1, 1, 2))
    assert one == same != other


# shuffled


def masks_of(network):
    return plan(network, Magnitude(), sparsity=0.7).masks


def test_shuffled_places_are_a_function_of_their_seed():
    one, same, other = (masks(shuffled_in_layers(NET, masks_of(NET), rng=seed)) for seed in (1, 1, 2))
    assert one == same != other


def test_shuffled_keeps_the_counts_and_the_weights_and_moves_the_places():
    made = plan(NET, Magnitude(), sparsity=0.7, pattern=Neurons())
    moved = shuffled_in_layers(NET, made.masks, rng=0)
    for name, parameter in NET.prunable.items():
        mask = moved.parameters[name].mask
        assert mask.sum() == made.masks[name].sum()
        assert (mask != made.masks[name]).any()
        assert (moved.parameters[name].value[mask] == parameter.value[mask]).all()
    assert all(p.kept == p.size for name, p in moved.parameters.items() if name.endswith("bias"))
    assert NET.sparsity == 0


REFUSED = {
    lambda: reinitialised(3): "network must be a Network, got int in reinitialised()",
    lambda: reinitialised(NET, rng="x"): "rng must be a Generator, a seed or None, got str 'x' in reinitialised()",
    lambda: smaller([NET], 3): "network must be a Network, got list in smaller()",
    lambda: smaller(NET, 9, rng="x"): "rng must be a Generator, a seed or None, got str 'x' in smaller()",
    lambda: shuffled_in_layers(
        NET, masks_of(NET), rng=1.5
    ): "rng must be a Generator, a seed or None, got float 1.5 in shuffled()",
    lambda: smaller(NET, 0): "weights must be at least 1, got 0 in smaller()",
    lambda: smaller(NET, 425): "weights must be at most 424, got 425 in smaller()",
    lambda: smaller(Network([Dense(2, 2)]), 2): "network must have a hidden layer to shrink, got a single Dense in "
    "smaller()",
    lambda: shuffled_in_layers(None, {}): "network must be a Network, got NoneType in shuffled_in_layers()",
}


@pytest.mark.parametrize(("call", "text"), REFUSED.items(), ids=range(len(REFUSED)))
def test_what_cannot_be_meant_is_refused_by_name(call, text):
    with pytest.raises((InvalidTypeError, InvalidValueError)) as caught:
        call()
    assert str(caught.value) == text
