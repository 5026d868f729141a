"""A call that fit refuses names the argument, the rule and the value, and leaves everything bit-identical."""

import numpy as np
import pytest
from differences import bits

import minprune as mp
from minprune import SGD, BudgetError, InvalidTypeError, InvalidValueError, Network, SoftmaxCrossEntropy, fit

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((20, 4)), RNG.integers(0, 3, 20)


class Movements:
    def after_backward(self, network, step):
        pass


HOLED = np.where(np.eye(20, 4), np.nan, X)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"network": 1}, InvalidTypeError, "network must be a Network, got int 1 in fit()"),
        ({"train": X}, InvalidTypeError, "train must be a Split or a pair (x, y), got ndarray in fit()"),
        ({"train": None}, InvalidTypeError, "train must be a Split or a pair (x, y), got NoneType in fit()"),
        ({"train": (X, Y, Y)}, InvalidTypeError, "train must be a Split or a pair (x, y), got tuple in fit()"),
        (
            {"train": (X[0], Y)},
            InvalidValueError,
            "x of train must have shape (batch, 4), got (4,) in fit(); one row is x of train[None, :]",
        ),
        ({"train": (X[:, :2], Y)}, InvalidValueError, "x of train must have 4 columns, got 2 in fit()"),
        ({"train": (X[:0], Y[:0])}, InvalidValueError, "x of train must have at least one row, got (0, 4) in fit()"),
        (
            {"train": (HOLED, Y)},
            InvalidValueError,
            "x of train must be finite, got 4 NaN or infinite in fit(), the first at (0, 0): nan",
        ),
        (
            {"train": (X * 1e300, Y)},
            InvalidValueError,
            "x of train must be finite, got 80 NaN or infinite in fit(), the first at (0, 0): inf",
        ),
        (
            {"train": (X.astype(object), Y)},
            InvalidTypeError,
            "x of train must hold real numbers, got dtype object in fit()",
        ),
        ({"train": (X, Y[:5])}, InvalidValueError, "y must have shape (20,), one label a row, got (5,) in fit()"),
        ({"train": (X, Y + 1)}, InvalidValueError, "y must be in 0 … 2, got 3 at 3 in fit()"),
        ({"train": (X, Y + 0.5)}, InvalidValueError, "y must hold whole numbers, got 1.5 at 0 in fit()"),
        (
            {"valid": (HOLED, Y)},
            InvalidValueError,
            "x of valid must be finite, got 4 NaN or infinite in fit(), the first at (0, 0): nan",
        ),
        ({"valid": 5}, InvalidTypeError, "valid must be a Split or a pair (x, y), got int in fit()"),
        ({"valid": (X, Y[:3])}, InvalidValueError, "y must have shape (20,), one label a row, got (3,) in fit()"),
        ({"loss": "mse"}, InvalidTypeError, "loss must be a Loss, got str 'mse' in fit()"),
        (
            {"loss": SoftmaxCrossEntropy},
            InvalidTypeError,
            (
                "loss must be a Loss, got ABCMeta <class 'minprune.nn.losses.SoftmaxCrossEntropy'> in fit(); "
                "pass an instance: loss=SoftmaxCrossEntropy(…)"
            ),
        ),
        (
            {"loss": mp.BinaryCrossEntropy()},
            InvalidValueError,
            "BinaryCrossEntropy needs a network with 1 output, got 3 in fit()",
        ),
        ({"optimizer": 0.1}, InvalidTypeError, "optimizer must be an Optimizer, got float 0.1 in fit()"),
        ({"optimizer": SGD(lambda p: None)}, InvalidTypeError, "lr must be a number, got NoneType None in SGD()"),
        ({"epochs": 0}, InvalidValueError, "epochs must be at least 1, got 0 in fit()"),
        ({"epochs": 1.5}, InvalidTypeError, "epochs must be a whole number, got float 1.5 in fit()"),
        ({"epochs": True}, InvalidTypeError, "epochs must be a whole number, got bool True in fit()"),
        ({"batch_size": 0}, InvalidValueError, "batch_size must be at least 1, got 0 in fit()"),
        ({"batch_size": "8"}, InvalidTypeError, "batch_size must be a whole number, got str '8' in fit()"),
        ({"penalty": 0.1}, InvalidTypeError, "penalty must be a Penalty, got float 0.1 in fit()"),
        (
            {"penalty": mp.L1},
            InvalidTypeError,
            (
                "penalty must be a Penalty, got ABCMeta <class 'minprune.nn.penalties.L1'> in fit(); pass an "
                "instance: penalty=L1(…)"
            ),
        ),
        (
            {"penalty": mp.L1(1, names=["dense9.weight"])},
            InvalidValueError,
            (
                "L1(1, names=('dense9.weight',)) names no parameter of the network: 'dense9.weight'; did you "
                "mean 'dense2.weight'? Known: dense1.weight, dense1.bias, dense2.weight, dense2.bias"
            ),
        ),
        (
            {"penalty": mp.GroupLasso(1, names=["dense1.bias"])},
            InvalidValueError,
            (
                "GroupLasso(1, names=('dense1.bias',), axis='inputs') needs weights in rows and columns, got "
                "dense1.bias of shape (6,)"
            ),
        ),
        ({"patience": 2}, InvalidValueError, "patience needs validation data: pass valid= to fit()"),
        ({"patience": 0, "valid": (X, Y)}, InvalidValueError, "patience must be at least 1, got 0 in fit()"),
        (
            {"pruner": mp.Magnitude()},
            InvalidTypeError,
            "pruner must be a PrunesWhileTraining, got Magnitude Magnitude() in fit()",
        ),
        (
            {"pruner": mp.Pruner},
            InvalidTypeError,
            (
                "pruner must be a PrunesWhileTraining, got type <class 'minprune.pruning.pruner.Pruner'> in "
                "fit(); pass an instance: pruner=Pruner(…)"
            ),
        ),
        (
            {"pruner": mp.Pruner(mp.Magnitude(), sparsity=0.99)},
            BudgetError,
            (
                "pruning 42 of 42 weights would empty dense1.weight: at most 40 can go with min_keep=1 "
                "weight(s) a layer, a sparsity of 0.95238, in plan()"
            ),
        ),
        (
            {"callbacks": print},
            InvalidTypeError,
            "callbacks must be a sequence, got <built-in function print> in fit()",
        ),
        (
            {"callbacks": [print, 1]},
            InvalidTypeError,
            (
                "callbacks must hold functions and objects with any of before_step, after_backward, "
                "after_epoch, got 1 in fit()"
            ),
        ),
        (
            {"callbacks": [Movements]},
            InvalidTypeError,
            "callbacks must hold instances, got <class 'test_training_refusals.Movements'> in fit(); pass an instance: "
            "Movements(…)",
        ),
        ({"start": 1}, InvalidValueError, "start must be at most 0, got 1 in fit()"),
        ({"start": -1}, InvalidValueError, "start must be at least 0, got -1 in fit()"),
        ({"start": 0.5}, InvalidTypeError, "start must be a whole number, got float 0.5 in fit()"),
        ({"sample_weight": np.ones(3)}, InvalidValueError, "sample_weight must have shape (20,), got (3,) in fit()"),
        (
            {"sample_weight": -np.ones(20)},
            InvalidValueError,
            "sample_weight must be non-negative and not all zero in fit()",
        ),
        (
            {"sample_weight": np.full(20, np.nan)},
            InvalidValueError,
            "sample_weight must be finite, got 20 NaN or infinite in fit(), the first at (0,): nan",
        ),
        ({"rng": "seed"}, InvalidTypeError, "rng must be a Generator, a seed or None, got str 'seed' in fit()"),
        ({"rng": -1}, InvalidValueError, "rng must be a Generator, a seed or None, got int -1 in fit()"),
        ({"progress": "yes"}, InvalidTypeError, "progress must be True, False or None, got 'yes' in fit()"),
    ],
)
def test_refused_unchanged(change, error, message):
    net, draws = Network.mlp([4, 6, 3], dropout=0.5, rng=0), np.random.default_rng(0)
    net.parameters["dense1.weight"].mask = np.random.default_rng(1).random((4, 6)) < 0.5
    optimizer = SGD(0.1, momentum=0.9)
    fit(net, (X, Y), loss=SoftmaxCrossEntropy(), optimizer=optimizer, epochs=1, rng=0)
    arguments = {"network": net, "train": (X, Y), "loss": SoftmaxCrossEntropy(), "optimizer": optimizer, "epochs": 1}
    arguments |= {"rng": draws} | change
    before, random_before = bits(net), draws.bit_generator.state
    states = [optimizer.state(p).arrays["momentum"].tobytes() for p in net.parameters.values()]
    with pytest.raises(error) as caught:
        fit(arguments.pop("network"), arguments.pop("train"), **arguments)
    assert str(caught.value) == message
    assert bits(net) == before
    assert draws.bit_generator.state == random_before
    assert [optimizer.state(p).arrays["momentum"].tobytes() for p in net.parameters.values()] == states
