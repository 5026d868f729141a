"""A loss that turns non-finite in `fit`: it raises, and the last finite weights are kept, whoever else is at work."""

import numpy as np
import pytest
from bad_world import NAN, quietly

import minprune as mp

X = np.random.default_rng(0).standard_normal((20, 4))
Y = np.arange(20) % 3
MEANS = np.random.default_rng(1).standard_normal((20, 3))
EXACT = mp.Cubic(begin=0.0, end=1.0, updates=50)


class NotANumber(mp.MeanSquaredError):
    """Whose value is lost on the way, though its gradient is not."""

    def value_and_gradient(self, output, target, sample_weight=None):
        return NAN, super().value_and_gradient(output, target, sample_weight)[1]


DIVERGING = {
    "SGD": {"optimizer": mp.SGD(1e6)},
    "momentum": {"optimizer": mp.SGD(1e6, momentum=0.9)},
    "nesterov": {"optimizer": mp.SGD(1e6, momentum=0.9, nesterov=True)},
    "Adam": {"optimizer": mp.Adam(1e200)},
    "AdamW": {"optimizer": mp.AdamW(1e20, weight_decay=1e10)},
    "the largest rate there is": {"optimizer": mp.SGD(1.7e308)},
    "a schedule": {"optimizer": mp.SGD(lambda p: 0.01 if p < 0.5 else 1e30)},
    "a loss that is NaN": {"optimizer": mp.SGD(0.1), "loss": NotANumber()},
    "L2": {"optimizer": mp.SGD(0.1), "penalty": mp.L2(1e30)},
    "L1 by its subgradient": {"optimizer": mp.SGD(1e20), "penalty": mp.L1(1e20, subgradient=True)},
    "sample weights": {"optimizer": mp.SGD(1e6), "sample_weight": np.arange(20.0)},
    "a pruner": {"optimizer": mp.SGD(1e6), "pruner": mp.Pruner(mp.Magnitude(), sparsity=0.5, schedule=EXACT)},
    "a pruner that needs data": {
        "optimizer": mp.SGD(1e6),
        "pruner": mp.Pruner(mp.Saliency(mp.MeanSquaredError()), sparsity=0.5, schedule=EXACT),
    },
    "a pruner that listens": {
        "optimizer": mp.SGD(1e6),
        "pruner": mp.Pruner(mp.Movement(), sparsity=0.5, schedule=mp.Cubic(0.1, 1.0, 50)),
    },
    "regrowth": {
        "optimizer": mp.SGD(1e6),
        "pruner": mp.Pruner(mp.Magnitude(), sparsity=0.5, schedule=mp.Constant(), regrow=mp.SET()),
    },
    "with validation": {"optimizer": mp.SGD(1e6), "valid": (X, MEANS), "patience": 2},
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", DIVERGING)
def test_what_diverges_raises_and_the_last_finite_weights_are_kept(case, dtype):
    network = mp.Network.mlp([4, 6, 3], rng=0, dtype=dtype)
    network.parameters["dense1.weight"].mask = np.random.default_rng(0).random((4, 6)) < 0.7
    epochs = [_bits(network)]

    def keep(network, history):
        epochs.append(_bits(network))

    asked = {"loss": mp.MeanSquaredError(), "epochs": 30, "batch_size": 4, "rng": 0} | DIVERGING[case]
    with pytest.raises(mp.DivergedError, match=r"^the (loss|weights) turned .* in fit\(\); the network holds the we"):
        quietly(lambda _: mp.fit(network, (X, MEANS), callbacks=[keep], **asked), None)
    assert _bits(network) == epochs[-1]
    for p in network.parameters.values():
        states = [array for state in p.states.values() for array in state.arrays.values()]
        for array in (p.value, p.grad, *states):
            assert np.isfinite(array).all()
            assert not array[~p.mask].any()
    # What is left can be trained as if nothing had happened.
    history = mp.fit(network, (X, MEANS), loss=mp.MeanSquaredError(), optimizer=mp.SGD(1e-4), epochs=2, rng=0)
    assert np.isfinite(history["loss"]).all()


def _bits(network):
    return [(p.value.tobytes(), p.mask.tobytes()) for p in network.parameters.values()]


def _huge_and_right():
    """Return a network of huge weights that fits its data well, so that the loss is finite."""
    network = mp.Network.mlp([4, 3], rng=0, dtype="float64")
    network.parameters["dense1.weight"].value = np.full((4, 3), 1e308)
    return network, (np.zeros((20, 4)), np.zeros((20, 3)))


@pytest.mark.parametrize("penalty", [mp.L2(0.1), mp.L1(1.0), mp.GroupLasso(0.1)], ids=repr)
def test_a_penalty_too_large_for_a_float_is_infinite_without_a_warning(penalty):
    network, _ = _huge_and_right()
    assert quietly(lambda _: penalty.value(network.parameters), None) == np.inf


def _with_penalty(network, data, penalty):
    asked = {"loss": mp.MeanSquaredError(), "optimizer": mp.SGD(1e-3), "epochs": 1, "rng": 0, "penalty": penalty}
    return quietly(lambda _: mp.fit(network, data, **asked), None)


@pytest.mark.parametrize("penalty", [mp.L2(0.1), mp.L1(1.0)], ids=repr)
def test_a_training_with_such_a_penalty_goes_on_while_the_weights_are_finite(penalty):
    assert _with_penalty(*_huge_and_right(), penalty)["penalty"] == [np.inf]


def test_a_group_whose_norm_is_infinite_has_no_proximal_step():
    network, data = _huge_and_right()
    before = _bits(network)
    with pytest.raises(mp.DivergedError, match="the weights turned NaN or infinite"):
        _with_penalty(network, data, mp.GroupLasso(0.1))
    assert _bits(network) == before


@pytest.mark.parametrize(
    ("loss", "output", "target"),
    [
        (mp.MeanSquaredError(), [[1e30]], [0.0]),
        (mp.MeanSquaredError(), [[1.0]], [1e300]),
        (mp.SoftmaxCrossEntropy(), [[3e38, -3e38]], [1]),
    ],
)
def test_a_loss_too_large_for_a_float_is_infinite_without_a_warning(loss, output, target):
    assert quietly(lambda _: loss(np.array(output, np.float32), target), None) == np.inf


def test_what_float32_cannot_hold_becomes_infinite_without_a_warning():
    network, matrix = mp.Network.mlp([4, 3], rng=0), mp.CSR.from_dense(np.eye(2, dtype=np.float32))
    assert quietly(lambda _: matrix @ np.array([1e300, 1.0]), None).tolist() == [np.inf, 1.0]
    network(np.ones((1, 4)))
    quietly(lambda _: network.backward(np.array([[1e300, 0.0, 1.0]])), None)
    assert network.parameters["dense1.bias"].grad.tolist() == [np.inf, 0.0, 1.0]
