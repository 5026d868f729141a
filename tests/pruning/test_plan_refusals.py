"""What a plan refuses to be made of or applied to; a refusal leaves everything bit-identical."""

import numpy as np
import pytest
from generators import digest, small_plan

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.criteria import Criterion

LOSS = mp.SoftmaxCrossEntropy()


class _Broken(Criterion):
    def __init__(self, given):
        self.given = given

    def scores(self, network, data=None):
        return self.given


_GOOD = {"dense1.weight": np.ones((3, 4)), "dense2.weight": np.ones((4, 2))}
_HALF = {"sparsity": 0.5}


@pytest.mark.parametrize(
    ("criterion", "request_", "error", "says"),
    [
        (
            mp.Magnitude,
            _HALF,
            InvalidTypeError,
            r"criterion must be a Criterion, got .*; pass an instance: Magnitude\(\)",
        ),
        ("magnitude", _HALF, InvalidTypeError, r"criterion must be a Criterion, got 'magnitude' in plan\(\)$"),
        (None, _HALF, InvalidTypeError, r"criterion must be a Criterion, got None in plan\(\)$"),
        (
            mp.Magnitude(),
            _HALF | {"allocation": mp.Uniform},
            InvalidTypeError,
            r"allocation must be an Allocation, got .* in ",
        ),
        (
            mp.Magnitude(),
            _HALF | {"allocation": 0.5},
            InvalidTypeError,
            r"allocation must be an Allocation, got 0.5 in ",
        ),
        (mp.Magnitude(), _HALF | {"pattern": mp.Neurons}, InvalidTypeError, r"pass an instance: Neurons\(\)$"),
        (
            mp.Magnitude(),
            {},
            InvalidValueError,
            r"exactly one of sparsity= and threshold= must be given, got neither in",
        ),
        (
            mp.Magnitude(),
            _HALF | {"threshold": 1},
            InvalidValueError,
            r"exactly one of .* must be given, got both in plan",
        ),
        (mp.Magnitude(), {"sparsity": 1.0}, InvalidValueError, r"sparsity must be in \[0, 1\), got 1 in plan\(\)"),
        (mp.Magnitude(), {"sparsity": 1.3}, InvalidValueError, r"sparsity must be in \[0, 1\), got 1.3 in plan\(\)"),
        (mp.Magnitude(), {"sparsity": 90}, InvalidValueError, r"sparsity must be in \[0, 1\), got 90 in plan\(\)"),
        (mp.Magnitude(), {"sparsity": np.nan}, InvalidValueError, r"sparsity must be in \[0, 1\), got nan in plan\(\)"),
        (
            mp.Magnitude(),
            {"sparsity": "0.5"},
            InvalidTypeError,
            r"sparsity must be a number, got str '0.5' in plan\(\)",
        ),
        (mp.Magnitude(), {"sparsity": True}, InvalidTypeError, r"sparsity must be a number, got bool True in plan\(\)"),
        (
            mp.Magnitude(),
            {"threshold": -1},
            InvalidValueError,
            r"threshold must be at least 0 and finite, got -1 in plan",
        ),
        (
            mp.Magnitude(),
            {"threshold": np.inf},
            InvalidValueError,
            r"threshold must be at least 0 and finite, got inf in",
        ),
        (
            mp.Magnitude(),
            {"threshold": 1.0, "allocation": mp.Uniform()},
            InvalidValueError,
            r"threshold= needs no allocation, got Uniform\(\) in plan\(\)",
        ),
        (
            mp.Magnitude(),
            _HALF | {"allocation": mp.PerLayer({"dense1": 0.5})},
            InvalidValueError,
            r"PerLayer\(.*\) sets each layer's sparsity: leave out sparsity= and threshold= in plan\(\)",
        ),
        (
            mp.Magnitude(),
            _HALF | {"min_keep": -1},
            InvalidValueError,
            r"min_keep must be at least 0, got -1 in plan\(\)",
        ),
        (
            mp.Magnitude(),
            _HALF | {"min_keep": 0.5},
            InvalidTypeError,
            r"min_keep must be a whole number, got float 0.5 in",
        ),
        (
            mp.GradientMagnitude(LOSS),
            _HALF,
            InvalidValueError,
            r"GradientMagnitude\(.*\) needs data: pass data=\(x, y\) or",
        ),
        (
            _Broken(None),
            _HALF,
            InvalidTypeError,
            r"scores of _Broken\(\) must be a mapping of names to arrays, got NoneType",
        ),
        (_Broken({}), _HALF, InvalidValueError, r"_Broken\(\) gave no scores for dense1.weight in plan\(\)"),
        (
            _Broken(_GOOD | {"dense2.weight": np.ones((2, 4))}),
            _HALF,
            InvalidValueError,
            r"scores of dense2.weight must be a float array of shape \(4, 2\), got float64 \(2, 4\) in plan\(\)",
        ),
    ],
)
def test_a_refused_plan_leaves_everything_as_it_was(criterion, request_, error, says):
    network = mp.Network.mlp([3, 4, 2], rng=0)
    before = digest(network)
    with pytest.raises(error, match=says):
        mp.plan(network, criterion, **request_)
    assert digest(network) == before


@pytest.mark.parametrize("network", [None, "net", mp.Dense(2, 2, rng=0), mp.Network])
def test_what_is_no_network_is_refused(network):
    with pytest.raises(InvalidTypeError, match=r"network must be a Network, got .* in plan\(\)"):
        mp.plan(network, mp.Magnitude(), sparsity=0.5)
    plan = small_plan(sparsity=0.5)
    for call in (plan.apply, plan.apply_in_place):
        with pytest.raises(InvalidTypeError, match=rf"network must be a Network, got .* in {call.__name__}\(\)"):
            call(network)


@pytest.mark.parametrize(
    "other",
    [
        mp.Network.mlp([3, 2], rng=0),
        mp.Network.mlp([2, 2, 1], rng=0),
        mp.Network.mlp([3, 2, 1, 1], rng=0),
        mp.Network([mp.Dense(3, 2, bias=False, rng=0), mp.Dense(2, 1, rng=0)]),
    ],
    ids=["fewer layers", "another width", "more layers", "a bias is missing"],
)
@pytest.mark.parametrize("how", ["apply", "apply_in_place"])
def test_another_network_is_refused_and_left_as_it_was(other, how):
    plan = small_plan(sparsity=0.6, pattern=mp.Neurons())
    before = digest(other)
    with pytest.raises(InvalidValueError, match=rf"network must have the layers planned for, .* in {how}\(\)"):
        getattr(plan, how)(other)
    assert digest(other) == before
