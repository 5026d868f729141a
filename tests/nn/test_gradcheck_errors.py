"""gradcheck: its errors are those of the formula it states, which entries it looks at, and how it is shown."""

import importlib

import numpy as np
import pytest

from minprune import Dense, InvalidValueError, MeanSquaredError, Network, SoftmaxCrossEntropy, gradcheck
from minprune.nn.gradcheck import GradientCheck

module = importlib.import_module("minprune.nn.gradcheck")  # the package has a function of that name
H, TOLERANCE = 6e-6, 1e-6
EPS = 2.0**-52


class Off(Dense):
    """Adds what it should not to the gradient of its first weight."""

    off = 0.0

    def backward(self, grad, *, input_grad=True):
        result = super().backward(grad, input_grad=input_grad)
        self.weight.grad[0, 0] += self.off
        return result


def error_of(monkeypatch, off, first, second, output):
    """Return the largest error of two weights whose output is as given, so that L = output², for a target of 0.

    The gradients are 2 · output · first and 2 · output · second, the difference that of backprop is `off`.
    """
    monkeypatch.setattr(Off, "off", off)
    weight = np.array([[0.0], [0.0]])
    weight[int(second != 0)] = output / (second or first)
    x = np.array([[first, second]])
    result = gradcheck(Network([Off.from_arrays(weight)]), x, np.zeros(1), MeanSquaredError())
    assert result.tolerance == TOLERANCE
    return result.errors["off1.weight"]


def test_an_error_is_relative_to_the_larger_of_the_two(monkeypatch):
    assert error_of(monkeypatch, 0.5, 1.0, 0.0, 1.0) == pytest.approx(0.5 / 2.5, rel=1e-6)
    assert error_of(monkeypatch, -0.5, 1.0, 0.0, 1.0) == pytest.approx(0.5 / 2.0, rel=1e-6)


def test_or_to_a_thousandth_of_the_arrays_largest(monkeypatch):
    for largest in (0.5, 5.0):
        off = 0.5e-3 * largest
        assert error_of(monkeypatch, off, 0.0, largest / 2, 1.0) == pytest.approx(0.5, rel=1e-6)


@pytest.mark.parametrize("output", [0.5, 2.0, 100.0])
def test_or_to_what_rounding_the_loss_can_do(monkeypatch, output):
    """Which grows with a loss beyond 1, and not below."""
    floor = 8 * EPS * max(1.0, output**2) / H / TOLERANCE
    assert error_of(monkeypatch, floor / 8, 0.0, 1e-6 / output, output) == pytest.approx(1 / 8, rel=1e-6)


RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((6, 4)), RNG.integers(0, 3, 6)


def looked_at(monkeypatch, net, x=X, **options):
    """Return which entries of the first weight were looked at, and how many of each array."""
    seen = []
    monkeypatch.setattr(module, "_difference", lambda value, flat, i, h: seen.append(i) or 0.0)
    checked = gradcheck(net, x, Y, SoftmaxCrossEntropy(), **options).checked
    return seen[: checked["dense1.weight"]], checked


def test_no_entry_is_looked_at_twice(monkeypatch):
    net = Network.mlp([4, 5, 3], activation="tanh", rng=0)
    for entries in (7, 19, 20, 21):
        seen, checked = looked_at(monkeypatch, net, entries=entries)
        assert len(set(seen)) == len(seen) == checked["dense1.weight"] == min(entries, 20)


def test_where_all_entries_are_looked_at_nothing_is_drawn():
    draws = np.random.default_rng(3)
    for entries in (24, 25):  # the largest array is the input's, of 24
        gradcheck(Network.mlp([4, 5, 3], rng=0), X, Y, SoftmaxCrossEntropy(), entries=entries, rng=draws)
        assert draws.bit_generator.state == np.random.default_rng(3).bit_generator.state


def test_without_options_a_hundred_entries_are_looked_at_the_same_each_time(monkeypatch):
    net, draws = Network.mlp([20, 6], rng=0), np.random.default_rng(0)
    seen, checked = looked_at(monkeypatch, net, RNG.standard_normal((6, 20)))
    assert checked == {"dense1.weight": 100, "dense1.bias": 6, "x": 100}
    assert seen == sorted(draws.choice(120, 100, replace=False).tolist())


@pytest.mark.parametrize(
    ("size", "loss", "y", "got"),
    [(1.0, MeanSquaredError(), np.full((6, 3), 1e300), "inf"), (1e308, SoftmaxCrossEntropy(), Y, "nan")],
)
def test_a_loss_that_is_not_finite_is_refused_without_a_warning(size, loss, y, got):
    with pytest.raises(InvalidValueError) as caught:
        gradcheck(Network([Dense.from_arrays(np.full((4, 3), size))]), np.ones((6, 4)), y, loss)
    assert str(caught.value) == f"the loss must be finite, got {got} in gradcheck()"


def test_a_network_without_biases_can_be_checked():
    net = Network([Dense(4, 3, bias=False, rng=0)])
    assert gradcheck(net, X, Y, SoftmaxCrossEntropy()).checked == {"dense1.weight": 12, "x": 24}


def test_it_is_shown_as_a_table_and_the_tolerance_itself_passes():
    result = GradientCheck({"dense1.weight": 1e-6, "dense1.bias": 0.5}, {"dense1.weight": 20, "dense1.bias": 5}, 1e-6)
    assert (
        repr(result)
        == """\
gradient of    entries  largest error  verdict
──────────────────────────────────────────────
dense1.weight       20        1.0e-06       ok
dense1.bias          5        5.0e-01    WRONG"""
    )
    assert not result.ok
    assert GradientCheck({"x": 1e-6}, {"x": 1}, 1e-6).ok
    assert result.to_dict() == result.errors
    assert result.to_dict() is not result.errors
