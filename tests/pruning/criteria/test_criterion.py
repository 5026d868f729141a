"""Criteria: what scores have to be, and the two that look at no data."""

import numpy as np
import pytest
from generators import networks
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.criteria import Criterion, check_scores
from minprune.pruning.criteria.criterion import scores_of


@given(networks())
def test_magnitude_is_the_absolute_value(network):
    scores = mp.Magnitude().scores(network)
    for name, p in network.prunable.items():
        for at in np.ndindex(p.shape):
            assert float(scores[name][at]) == abs(float(p.value[at]))


@given(networks(dtype=np.float64))
def test_magnitude_of_order_2_is_the_square(network):
    scores = mp.Magnitude(order=2).scores(network)
    for name, p in network.prunable.items():
        for at in np.ndindex(p.shape):
            assert float(scores[name][at]) == float(p.value[at]) * float(p.value[at])  # pow may round otherwise


def test_small_squares_do_not_vanish():
    weight = np.array([[1e-30, 2e-30, 1e-45]], np.float32)
    scores = mp.Magnitude(2).scores(mp.Network([mp.Dense.from_arrays(weight)]))["dense1.weight"]
    assert (scores == weight.astype(np.float64) ** 2).all()
    assert (scores > 0).all()


def test_squares_that_overflow_are_named():
    network = mp.Network([mp.Dense.from_arrays(np.array([[1e200, 1.0]]))])
    with pytest.raises(InvalidValueError, match=r"scores of dense1.weight must be finite and non-negative, got 1 that"):
        mp.plan(network, mp.Magnitude(order=2), sparsity=0.5)


@given(networks(), st.integers(0, 2**40))
def test_random_seeded(network, seed):
    first, second = (mp.Random(rng=seed).scores(network) for _ in range(2))
    assert all((first[name] == second[name]).all() for name in first)
    for p in network.prunable.values():
        p.value = p.value + 1  # a function of the seed alone, whatever the weights
    again = mp.Random(rng=np.random.default_rng(seed)).scores(network)
    assert all((first[name] == again[name]).all() for name in first)


def test_random_differs_between_seeds_and_is_uniform():
    network = mp.Network.mlp([100, 100], rng=0)
    first, second = (mp.Random(rng=seed).scores(network)["dense1.weight"] for seed in (1, 2))
    assert (first != second).mean() > 0.99
    counts = np.histogram(first, bins=10, range=(0, 1))[0]
    # A tenth of the 10,000 falls in each bin, 1000 ± 30; five standard deviations are 150.
    assert counts.sum() == first.size
    assert np.abs(counts - 1000).max() < 150


def test_random_without_a_seed_still_repeats_itself():
    network = mp.Network.mlp([3, 3], rng=0)
    criterion, other = mp.Random(), mp.Random()
    assert (criterion.scores(network)["dense1.weight"] == criterion.scores(network)["dense1.weight"]).all()
    assert (criterion.scores(network)["dense1.weight"] != other.scores(network)["dense1.weight"]).any()


@given(
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=5), elements=st.floats(0, 9, width=32)),
    st.data(),
)
def test_no_nan_decides(scores, data):
    assert check_scores("w", scores, scores.shape, "plan") is scores
    spoilt = scores.copy()
    places = data.draw(st.lists(st.sampled_from(list(np.ndindex(scores.shape))), min_size=1, unique=True))
    for at in places:
        spoilt[at] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf, -1.0, -1e-45]))
    assume(all(not (0 <= spoilt[at] < np.inf) for at in places))
    first = min(places)
    with pytest.raises(InvalidValueError) as caught:
        check_scores("dense1.weight", spoilt, scores.shape, "plan")
    assert str(caught.value) == (
        f"scores of dense1.weight must be finite and non-negative, got {len(places)} that are not in plan(), "
        f"the first at {first}: {spoilt[first]}"
    )


@pytest.mark.parametrize(
    ("scores", "got"),
    [
        ([[1.0, 2.0]], "list"),
        (None, "NoneType"),
        (np.ones((1, 2), int), r"int64 \(1, 2\)"),
        (np.ones((1, 2), complex), r"complex128 \(1, 2\)"),
        (np.ones((1, 2), object), r"object \(1, 2\)"),
        (np.ones((2, 1)), r"float64 \(2, 1\)"),
        (np.ones(2), r"float64 \(2,\)"),
        (np.ma.masked_array([[1.0, np.nan]], mask=[[False, True]]), "a masked array"),
    ],
)
def test_scores_of_another_form_are_refused(scores, got):
    rule = rf"scores of w must be a float array of shape \(1, 2\), got {got} in plan\(\)"
    with pytest.raises(InvalidValueError, match=rule):
        check_scores("w", scores, (1, 2), "plan")


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: mp.Magnitude(0), InvalidValueError, r"order must be at least 1, got 0 in Magnitude\(\)"),
        (lambda: mp.Magnitude(order=3), InvalidValueError, r"order must be at most 2, got 3 in Magnitude\(\)"),
        (lambda: mp.Magnitude(2.0), InvalidTypeError, r"order must be a whole number, got float 2.0 in Magnitude\(\)"),
        (lambda: mp.Magnitude(True), InvalidTypeError, r"order must be a whole number, got bool True in Magnitude\(\)"),
        (
            lambda: mp.Random(rng="a"),
            InvalidTypeError,
            r"rng must be a Generator, a seed or None, got str 'a' in Random",
        ),
        (
            lambda: mp.Random(rng=-1),
            InvalidValueError,
            r"rng must be a Generator, a seed or None, got int -1 in Random",
        ),
        (lambda: Criterion(), TypeError, "abstract"),
    ],
)
def test_bad_input_is_refused(make, error, says):
    with pytest.raises(error, match=says):
        make()


def test_reprs_say_what_they_are():
    assert repr(mp.Random(rng=0)) == "Random()"


def test_scores_are_handed_on_to_be_read_only():
    class Own(mp.Magnitude):
        needs_data = True

        def scores(self, network, data=None):
            self.given = {name: np.ones(p.shape) for name, p in network.prunable.items()}
            return self.given

    own, network = Own(), mp.Network.mlp([2, 3, 2], rng=0)
    for name, scores in scores_of(own, network, "rows", "plan").items():
        assert np.shares_memory(scores, own.given[name])
        assert not scores.flags.writeable
        assert own.given[name].flags.writeable
    with pytest.raises(InvalidValueError) as caught:
        scores_of(own, network, None, "plan")
    assert str(caught.value) == "Magnitude() needs data: pass data=(x, y) or a Split to plan()"
