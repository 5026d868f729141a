"""gradcheck passes what is right, catches what is wrong, and touches nothing."""

import numpy as np
import pytest
from differences import bits, networks
from hypothesis import given
from hypothesis import strategies as st

from minprune import (
    L1,
    L2,
    BinaryCrossEntropy,
    Dense,
    GroupLasso,
    InvalidTypeError,
    InvalidValueError,
    MeanSquaredError,
    Network,
    ReLU,
    SoftmaxCrossEntropy,
    Tanh,
    gradcheck,
)

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((6, 4)), RNG.integers(0, 3, 6)


class DeafTanh(Tanh):
    """Forgets its derivative."""

    def backward(self, grad, *, input_grad=True):
        return grad


class SlightlyOffReLU(ReLU):
    def backward(self, grad, *, input_grad=True):
        return super().backward(grad) * 1.0001


class SummingDense(Dense):
    """Forgets a transpose's worth of the bias: takes one sample instead of all."""

    def backward(self, grad, *, input_grad=True):
        result = super().backward(grad, input_grad=input_grad)
        self.bias.grad[...] = grad[0]
        return result


class HalfLoss(SoftmaxCrossEntropy):
    def per_sample(self, output, target):
        losses, grads = super().per_sample(output, target)
        return losses, grads / 2


class HalfL2(L2):
    def add_gradient(self, parameters):
        L2(self.strength / 2).add_gradient(parameters)


def network(middle=None, last=None, dtype=np.float32):
    rng = np.random.default_rng(1)
    return Network([Dense(4, 5, rng=rng, dtype=dtype), middle or Tanh(), last or Dense(5, 3, rng=rng, dtype=dtype)])


@given(networks(activations=("tanh", "sigmoid", "gelu")), st.integers(0, 99))
def test_what_is_right_passes(net, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((4, net.inputs)), rng.integers(0, net.outputs, 4)
    assert gradcheck(net, x, y, SoftmaxCrossEntropy(), penalty=L2(0.1), entries=20).ok


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_small_gradients_of_a_wide_network_pass_though_rounding_is_as_large(activation):
    net = Network.mlp([784, 64, 10], activation=activation, rng=0)
    x, y = RNG.standard_normal((64, 784)), RNG.integers(0, 10, 64)
    assert gradcheck(net, x, y, SoftmaxCrossEntropy(), entries=40).ok


@pytest.mark.parametrize(
    ("net", "loss", "penalty", "wrong"),
    [
        (network(DeafTanh()), SoftmaxCrossEntropy(), None, {"dense1.weight", "dense1.bias", "x"}),
        (network(SlightlyOffReLU()), SoftmaxCrossEntropy(), None, {"dense1.weight", "dense1.bias", "x"}),
        (network(last=SummingDense(5, 3, rng=0)), SoftmaxCrossEntropy(), None, {"summingdense1.bias"}),
        (network(), HalfLoss(), None, {"dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias", "x"}),
        (network(), SoftmaxCrossEntropy(), HalfL2(0.1), {"dense1.weight", "dense2.weight"}),
    ],
)
def test_what_is_wrong_is_caught_by_name(net, loss, penalty, wrong):
    result = gradcheck(net, X, Y, loss, penalty=penalty)
    assert not result.ok
    assert {name for name, error in result.errors.items() if error > result.tolerance} == wrong
    assert repr(result).count("WRONG") == len(wrong)


@pytest.mark.parametrize(
    "penalty", [L1(0.5), GroupLasso(0.5), L1(0.5, subgradient=True), L1(0.5) + L2(0.2) + GroupLasso(0.1)]
)
def test_of_a_penalty_it_checks_what_acts_by_its_gradient(penalty):
    assert gradcheck(network(), X, Y, SoftmaxCrossEntropy(), penalty=penalty).ok


@pytest.mark.parametrize("loss", [BinaryCrossEntropy(), MeanSquaredError()])
def test_every_loss_can_be_checked(loss):
    net = Network.mlp([4, 3, 1], activation="gelu", rng=0)
    assert gradcheck(net, X, RNG.random(6), loss).ok


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_network_and_the_batch_are_not_touched(dtype):
    net, x = network(dtype=dtype), X.copy()
    net.parameters["dense1.weight"].mask = RNG.random((4, 5)) < 0.5
    before = bits(net)
    x.setflags(write=False)
    result = gradcheck(net, x, Y, SoftmaxCrossEntropy())
    assert bits(net) == before
    assert result.checked["dense1.weight"] == net.parameters["dense1.weight"].kept
    assert list(result.to_dict()) == [*net.parameters, "x"]


def test_entries_limits_how_many_are_checked_and_a_network_without_any_passes():
    net = network()
    assert gradcheck(net, X, Y, SoftmaxCrossEntropy(), entries=3).checked["dense1.weight"] == 3
    for p in net.parameters.values():
        p.mask = np.zeros(p.shape, bool)
    assert gradcheck(net, X, Y, SoftmaxCrossEntropy()).ok


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"network": 1}, InvalidTypeError, "network must be a Network, got int 1 in gradcheck()"),
        (
            {"loss": SoftmaxCrossEntropy},
            InvalidTypeError,
            (
                "loss must be a Loss, got ABCMeta <class 'minprune.nn.losses.SoftmaxCrossEntropy'> in "
                "gradcheck(); pass an instance: loss=SoftmaxCrossEntropy(…)"
            ),
        ),
        ({"penalty": 0.1}, InvalidTypeError, "penalty must be a Penalty, got float 0.1 in gradcheck()"),
        (
            {"penalty": L2(1, names=["a"])},
            InvalidValueError,
            (
                "L2(1, names=('a',)) names no parameter of the network: 'a'; known: dense1.weight, "
                "dense1.bias, dense2.weight, dense2.bias"
            ),
        ),
        (
            {"x": X[0]},
            InvalidValueError,
            "x must have shape (batch, 4), got (4,) in gradcheck(); one row is x[None, :]",
        ),
        ({"y": Y[:2]}, InvalidValueError, "y must have shape (6,), one label a row, got (2,) in gradcheck()"),
        ({"step": 0}, InvalidValueError, "step must be greater than 0 and finite, got 0 in gradcheck()"),
        ({"tolerance": -1}, InvalidValueError, "tolerance must be greater than 0 and finite, got -1 in gradcheck()"),
        ({"entries": 0}, InvalidValueError, "entries must be at least 1, got 0 in gradcheck()"),
        ({"rng": "a"}, InvalidTypeError, "rng must be a Generator, a seed or None, got str 'a' in gradcheck()"),
    ],
)
def test_what_cannot_be_checked_is_refused(change, error, message):
    arguments = {"network": network(), "x": X, "y": Y, "loss": SoftmaxCrossEntropy()} | change
    with pytest.raises(error) as caught:
        gradcheck(**arguments)
    assert str(caught.value) == message
