"""Criteria: scores are pure, repeatable, of the right shape, and what their formula says."""

import math

import numpy as np
import pytest
from generators import digest, networks
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.criteria import Criterion, check_scores

LOSS = mp.SoftmaxCrossEntropy()
CRITERIA = {
    "Magnitude": mp.Magnitude(),
    "GradientMagnitude": mp.GradientMagnitude(LOSS, batch_size=3),
    "Random": mp.Random(rng=7),
}
each_criterion = pytest.mark.parametrize("criterion", CRITERIA.values(), ids=CRITERIA.keys())


def _batch(network, rows, seed=0):
    draws = np.random.default_rng(seed)
    return draws.standard_normal((rows, network.inputs)), draws.integers(0, network.outputs, rows)


@each_criterion
@given(network=networks())
def test_scores_shape(criterion, network):
    scores = criterion.scores(network, _batch(network, 7))
    assert list(scores) == list(network.prunable)
    for name, p in network.prunable.items():
        assert scores[name].shape == p.shape
        assert scores[name].dtype == np.float32
        assert np.isfinite(scores[name]).all()
        assert (scores[name] >= 0).all()


@each_criterion
@given(network=networks())
def test_scoring_is_pure(criterion, network):
    x, y = _batch(network, 7)
    network.forward(x.astype(network.dtype))
    network.backward(np.ones((7, network.outputs)))  # so that there are gradients to be disturbed
    optimizer = mp.Adam(0.1)
    optimizer.step(network.parameters)
    states = [optimizer.state(p) for p in network.parameters.values()]

    def everything():
        moments = [(state.steps, *(array.tobytes() for array in state.arrays.values())) for state in states]
        own = {name: value for name, value in vars(criterion).items() if name != "loss"}
        return digest(network), moments, x.tobytes(), y.tobytes(), np.random.get_state()[1].tobytes(), own  # noqa: NPY002

    before = everything()
    scores = criterion.scores(network, (x, y))
    for array in scores.values():
        array[...] = -1  # and they are the caller's own
    assert everything() == before


@each_criterion
@given(network=networks())
def test_scoring_repeats(criterion, network):
    data = _batch(network, 7)
    first, second = (criterion.scores(network, data) for _ in range(2))
    assert {n: s.tobytes() for n, s in first.items()} == {n: s.tobytes() for n, s in second.items()}


@given(networks())
def test_magnitude_is_the_absolute_value(network):
    scores = mp.Magnitude().scores(network)
    for name, p in network.prunable.items():
        for at in np.ndindex(p.shape):
            assert float(scores[name][at]) == abs(float(p.value[at]))


@given(networks(), st.integers(0, 99))
def test_sign_free(network, seed):
    before = mp.Magnitude().scores(network)
    draws = np.random.default_rng(seed)
    for p in network.prunable.values():
        p.value = p.value * draws.choice([-1.0, 1.0], p.shape).astype(p.dtype)
    after = mp.Magnitude().scores(network)
    assert all((after[name] == before[name]).all() for name in before)


@given(networks(dtype=np.float64, width=4, layers=(1, 3)), st.integers(0, 99))
def test_gradient_is_true(network, seed):
    """Each score is the central difference of the mean loss, one weight moved at a time, dropped weights too."""
    smooth = mp.Network([mp.Tanh() if isinstance(layer, mp.ReLU) else layer.copy() for layer in network.layers])
    x, y = _batch(smooth, 5, seed)
    scores = mp.GradientMagnitude(LOSS).scores(smooth, (x, y))

    def mean_loss():
        z = smooth.forward(x)
        losses = [
            math.log(sum(math.exp(v) for v in row)) - row[label] for row, label in zip(z.tolist(), y, strict=True)
        ]
        return sum(losses) / len(losses)

    h = 1e-5
    for name, p in smooth.prunable.items():
        for at in np.ndindex(p.shape):
            was = p.value[at]
            p.value[at] = was + h
            above = mean_loss()
            p.value[at] = was - h
            below = mean_loss()
            p.value[at] = was
            # The difference is off by about h² and by the rounding of the loss over h: 1e-10 in sum.
            assert scores[name][at] == pytest.approx(abs(above - below) / (2 * h), rel=1e-6, abs=1e-8)


@given(networks(dtype=np.float64), st.integers(1, 12), st.integers(1, 12))
def test_batch_free(network, rows, batch_size):
    data = _batch(network, rows)
    whole = mp.GradientMagnitude(LOSS).scores(network, data)
    cut = mp.GradientMagnitude(LOSS, batch_size=batch_size).scores(network, data)
    for name in whole:
        scale = whole[name].max(initial=1e-3)
        assert np.abs(cut[name] - whole[name]).max() <= 1e-12 * scale


def test_gradient_magnitude_leaves_dropout_off():
    plain = mp.Network.mlp([3, 5, 2], rng=0)
    dropping = mp.Network([plain.dense[0].copy(), mp.ReLU(), mp.Dropout(0.9), plain.dense[1].copy()])
    data = _batch(plain, 6)
    first, second = (mp.GradientMagnitude(LOSS).scores(net, data) for net in (plain, dropping))
    assert all((first[name] == second[name]).all() for name in first)


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
        (
            lambda: mp.GradientMagnitude(None),
            InvalidTypeError,
            r"loss must be a Loss, got None in GradientMagnitude\(\)",
        ),
        (
            lambda: mp.GradientMagnitude(mp.SoftmaxCrossEntropy),
            InvalidTypeError,
            r"in GradientMagnitude\(\); pass an instance: SoftmaxCrossEntropy\(\)$",
        ),
        (
            lambda: mp.GradientMagnitude(LOSS, batch_size=0),
            InvalidValueError,
            r"batch_size must be at least 1, got 0 in GradientMagnitude\(\)",
        ),
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


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (None, InvalidValueError, r"needs data: pass data=\(x, y\)"),
        (np.ones((2, 3)), InvalidValueError, r"x of data must have shape \(batch, 3\), got \(3,\) in scores\(\)"),
        (5, InvalidTypeError, r"data must be a Split or a pair \(x, y\), got int in scores\(\)"),
        ((np.ones((2, 4)), [0, 1]), InvalidValueError, r"x of data must have 3 columns, got 4 in scores\(\)"),
        ((np.ones((2, 3)), [0, 2]), InvalidValueError, r"y must be in 0 … 1, got 2 at 1 in scores\(\)"),
        ((np.full((2, 3), np.nan), [0, 1]), InvalidValueError, r"x of data must be finite"),
    ],
)
def test_bad_data_is_refused(data, error, says):
    network = mp.Network.mlp([3, 2], rng=0)
    before = digest(network)
    with pytest.raises(error, match=says):
        mp.GradientMagnitude(LOSS).scores(network, data)
    assert digest(network) == before


def test_reprs_say_what_they_are():
    assert repr(mp.Magnitude()) == "Magnitude()"
    assert repr(mp.Random(rng=0)) == "Random()"
    assert repr(mp.GradientMagnitude(LOSS)) == "GradientMagnitude(SoftmaxCrossEntropy())"
