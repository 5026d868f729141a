"""The criteria made of gradients say what their formulas say: first order, Fisher by hand."""

import numpy as np
import pytest
from hypothesis import given
from problems import assert_near, gradients, mean_loss, problems, slope

import minprune as mp
from minprune.pruning.criteria import Fisher, GradientMagnitude, Saliency

LOSS = mp.SoftmaxCrossEntropy()


@given(problems(smooth=True, rows=(1, 5), most=4))
def test_gradient_is_true(problem):
    """Each score is the central difference of the mean loss, one weight moved at a time, dropped weights too."""
    network, loss, x, y = problem
    scores = GradientMagnitude(loss).scores(network, (x, y))
    expected = {name: np.zeros(p.shape) for name, p in network.prunable.items()}
    for name, p in network.prunable.items():
        for at in np.ndindex(p.shape):
            expected[name][at] = abs(slope(lambda: mean_loss(network, loss, x, y), p.value, at))
    # The difference is off by the loss's rounding over h, 1e-13, and by h⁴ times the fifth derivative.
    assert_near(scores, expected, share=1e-6, least=1e-8)


@given(problems(smooth=True, rows=(1, 5), most=4))
def test_saliency_first_order(problem):
    """The change of the loss on scaling a weight by 1 − ε, over ε, as ε → 0: its derivative by that factor."""
    network, loss, x, y = problem
    scores = Saliency(loss).scores(network, (x, y))
    expected = {name: np.zeros(p.shape) for name, p in network.prunable.items()}
    for name, p in network.prunable.items():
        for at in np.ndindex(p.shape):
            was, factor = float(p.value[at]), np.ones(1)

            def scaled(p=p, at=at, was=was, factor=factor):
                p.value[at] = was * factor[0]
                return mean_loss(network, loss, x, y)

            expected[name][at] = abs(slope(scaled, factor, 0))
            p.value[at] = was
    assert_near(scores, expected, share=1e-6, least=1e-8)


@given(problems(dtype=np.float32))
def test_saliency_is_weight_times_gradient_magnitude(problem):
    network, loss, x, y = problem
    scores, sizes = (kind(loss).scores(network, (x, y)) for kind in (Saliency, GradientMagnitude))
    for name, p in network.prunable.items():
        assert (scores[name] == np.abs(p.value).astype(np.float64) * sizes[name]).all()


@given(problems())
def test_fisher_by_hand(problem):
    """The mean over rows of the row's own gradient squared, got one row at a time, times the weight squared."""
    network, loss, x, y = problem
    expected = {name: np.zeros(p.shape) for name, p in network.prunable.items()}
    for b in range(len(x)):
        for name, g in gradients(network, loss, x[b : b + 1], y[b : b + 1]).items():
            expected[name] += g**2 / len(x)
    for name, p in network.prunable.items():
        expected[name] *= p.value**2
    for batch_size in (1, 3, 100):
        scores = Fisher(loss, batch_size=batch_size).scores(network, (x, y))
        assert_near(scores, expected, share=1e-12, least=1e-30)


def test_fisher_is_half_the_rise_of_a_squared_error_at_its_minimum_up_to_the_noise():
    """With noise of variance ½, where e^(−l) is a density, ½ s is what the loss rises by when the weight goes."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((20_000, 3))
    weight = np.array([[1.0], [-0.5], [2.0]])
    y = x @ weight + rng.normal(0, np.sqrt(0.5), (len(x), 1))
    network = mp.Network([mp.Dense.from_arrays(np.linalg.lstsq(x, y)[0])])
    loss, p = mp.MeanSquaredError(), network.dense[0].weight
    half = Fisher(loss).scores(network, (x, y))[p.name] / 2
    for i in range(3):
        gone = network.copy()
        gone.dense[0].weight.value[i] = 0
        rise = mean_loss(gone, loss, x, y) - mean_loss(network, loss, x, y)
        assert abs(half[i, 0] / rise - 1) < 0.05  # the mean of 20,000 squares is off by about 1 %


def test_squares_of_tiny_gradients_do_not_vanish():
    """A network so sure of its rows that float32 can't hold its gradients' squares, 1e-52 and 1e-46."""
    network = mp.Network([mp.Dense.from_arrays(np.array([[60.0, 1.0], [2.0, 55.0]], np.float32))])
    x, y = np.eye(2, dtype=np.float32), np.array([0, 1])
    for order in ([0, 1], [1, 0]):  # the smaller one first, or the larger
        scores = Fisher(LOSS, batch_size=1).scores(network, (x[order], y[order]))["dense1.weight"]
        for i, j, w, gap in ((0, 1, 1.0, 59.0), (1, 0, 2.0, 53.0)):
            assert abs(scores[i, j] / (w**2 * np.exp(-2 * gap) / 2) - 1) < 1e-5


def test_rows_of_which_nothing_comes_back_count_in_the_mean():
    network = mp.Network([mp.Dense.from_arrays(np.array([[3.0]]))])
    x, y = np.ones((4, 1)), np.array([3.0, 3.0, 2.0, 3.0])  # gradients 0, 0, 2, 0
    for batch_size in (1, 2, 4):
        scores = Fisher(mp.MeanSquaredError(), batch_size=batch_size).scores(network, (x, y))
        assert scores["dense1.weight"][0, 0] == 9 * 4 / 4


@pytest.mark.parametrize(
    ("rows", "targets"),
    [([0.0, 1.0], [[0, 0], [2, 0]]), ([1.0], [[1, 2]]), ([1.0], [[0, 0]])],
    ids=["after a row of zeros", "none positive", "none negative"],
)
def test_squares_of_tiny_gradients_do_not_vanish_beside_zeros(rows, targets):
    w = np.float32(1e-25)
    network = mp.Network([mp.Dense.from_arrays(np.array([[w, w]]))])
    x, y = np.array(rows, np.float32)[:, None], np.array(targets, np.float32) * w
    delta = x * w - y  # of the mean of two squares: exact
    expected = np.float64(w) ** 2 * (x**2 * delta.astype(np.float64) ** 2).mean(axis=0)
    scores = Fisher(mp.MeanSquaredError(), batch_size=1).scores(network, (x, y))["dense1.weight"]
    assert np.allclose(scores[0], expected, rtol=1e-6, atol=0)
    assert scores.any()
