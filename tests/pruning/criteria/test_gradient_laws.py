"""What holds for every criterion made of weights and gradients, and for none at all: shape, purity, refusals."""

import copy
import pickle

import numpy as np
import pytest
from generators import digest, networks
from hypothesis import given
from hypothesis import strategies as st
from problems import assert_near, problems

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.criteria import Fisher, GradientMagnitude, GraSP, Magnitude, Movement, Saliency, scores_of

LOSS = mp.SoftmaxCrossEntropy()
WITH_LOSS = {"GradientMagnitude": GradientMagnitude, "Saliency": Saliency, "Fisher": Fisher, "GraSP": GraSP}
each_with_loss = pytest.mark.parametrize("kind", WITH_LOSS.values(), ids=WITH_LOSS.keys())
FLOATS = st.sampled_from([np.float32, np.float64])


def _listened(network, loss, x, y):
    """Return a Movement that has seen three steps of a copy's training."""
    movement, worker, optimizer = Movement(), network.copy(), mp.SGD(0.1)
    for step in range(3):
        worker.backward(loss.value_and_gradient(worker.forward(x), y)[1])
        movement.after_backward(worker, step)
        optimizer.step(worker.parameters)
    return movement


MAKE = {
    "Random": lambda *_: mp.Random(rng=7),
    "Magnitude": lambda *_: Magnitude(),
    "Magnitude of order 2": lambda *_: Magnitude(order=2),
    "Movement": _listened,
    **{name: lambda network, loss, x, y, kind=kind: kind(loss, batch_size=3) for name, kind in WITH_LOSS.items()},
}
each_criterion = pytest.mark.parametrize("make", MAKE.values(), ids=MAKE.keys())


@each_criterion
@given(problem=FLOATS.flatmap(lambda dtype: problems(dtype=dtype)))
def test_scores_shape(make, problem):
    network, _, x, y = problem
    criterion = make(*problem)
    scores = scores_of(criterion, network, (x, y), "plan")  # of the right shapes, finite, ≥ 0
    assert list(scores) == list(network.prunable)
    assert list(criterion.scores(network, (x, y))) == list(network.prunable)
    wide = isinstance(criterion, Saliency | Fisher | GraSP | Movement) or getattr(criterion, "order", 1) == 2
    narrow = np.float32 if isinstance(criterion, mp.Random) else network.dtype
    assert {score.dtype for score in scores.values()} == {np.dtype(np.float64 if wide else narrow)}


@each_criterion
@given(problem=problems(dtype=np.float32))
def test_scoring_is_pure_and_repeats(make, problem):
    network, loss, x, y = problem
    criterion = make(*problem)
    _, grad = loss.value_and_gradient(network.forward(x), y)
    network.backward(grad)  # so that there are gradients to be disturbed
    optimizer = mp.Adam(0.1)
    optimizer.step(network.parameters)

    def everything():
        states = [optimizer.state(p) for p in network.parameters.values()]
        moments = [(state.steps, *(array.tobytes() for array in state.arrays.values())) for state in states]
        return (
            digest(network),
            moments,
            x.tobytes(),
            y.tobytes(),
            np.random.get_state()[1].tobytes(),  # noqa: NPY002
            pickle.dumps(criterion),
        )

    before = everything()
    first = {name: score.tobytes() for name, score in criterion.scores(network, (x, y)).items()}
    for array in criterion.scores(network, (x, y)).values():
        array[...] = -1  # they are the caller's own
    assert everything() == before
    assert {name: score.tobytes() for name, score in criterion.scores(network, (x, y)).items()} == first


@each_with_loss
@given(problem=problems(rows=(1, 12)), batch_size=st.integers(1, 12))
def test_batch_free(kind, problem, batch_size):
    network, loss, x, y = problem
    whole, cut = (kind(loss, batch_size=size).scores(network, (x, y)) for size in (4096, batch_size))
    # GraSP divides a rounding error of 1e-16 by its step of 1e-7, and by a temperature of 200.
    assert_near(cut, whole, share=1e-5 if kind is GraSP else 1e-12, least=1e-9 if kind is GraSP else 1e-14)


@each_with_loss
def test_dropout_is_left_off_and_a_select_selects(kind):
    plain = mp.Network.mlp([3, 5, 2], rng=0)
    first, second = (layer.copy() for layer in plain.dense)
    other = mp.Network([mp.Select(np.array([0, 2, 3]), 5), first, mp.ReLU(), mp.Dropout(0.9), second])
    draws = np.random.default_rng(0)
    x, y = draws.standard_normal((9, 3)), draws.integers(0, 2, 9)
    wide = np.full((9, 5), 7.0)
    wide[:, [0, 2, 3]] = x
    expected, got = kind(LOSS).scores(plain, (x, y)), kind(LOSS).scores(other, (wide, y))
    assert all((expected[name] == got[name]).all() for name in expected)


@each_with_loss
def test_it_takes_a_split(kind):
    network = mp.Network.mlp([3, 5, 2], rng=0, dtype=np.float64)
    draws = np.random.default_rng(0)
    x, y = draws.standard_normal((9, 3)), draws.integers(0, 2, 9)
    expected, got = kind(LOSS).scores(network, (x, y)), kind(LOSS).scores(network, mp.datasets.Split(x, y))
    assert all((expected[name] == got[name]).all() for name in expected)


@each_criterion
def test_it_plans_and_its_copies_score_alike(make):
    network = mp.Network.mlp([3, 5, 2], rng=0)
    draws = np.random.default_rng(0)
    data = draws.standard_normal((9, 3)).astype(np.float32), draws.integers(0, 2, 9)
    criterion = make(network, LOSS, *data)
    plan = mp.plan(network, criterion, sparsity=0.4, data=data)
    assert plan.achieved == 10
    for twin in (copy.copy(criterion), copy.deepcopy(criterion), pickle.loads(pickle.dumps(criterion))):
        again = mp.plan(network, twin, sparsity=0.4, data=data)
        assert all((again.masks[name] == plan.masks[name]).all() for name in plan.masks)


@given(networks(), st.integers(0, 99), st.sampled_from([1, 2]))
def test_sign_free(network, seed, order):
    before = Magnitude(order=order).scores(network)
    draws = np.random.default_rng(seed)
    for p in network.prunable.values():
        p.value = p.value * draws.choice([-1.0, 1.0], p.shape).astype(p.dtype)
    after = Magnitude(order=order).scores(network)
    assert all((after[name] == before[name]).all() for name in before)


@each_with_loss
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
def test_bad_data_is_refused(kind, data, error, says):
    network = mp.Network.mlp([3, 2], rng=0)
    before = digest(network)
    with pytest.raises(error, match=says):
        kind(LOSS).scores(network, data)
    assert digest(network) == before


@each_with_loss
def test_bad_arguments_are_refused(kind):
    name = kind.__name__
    with pytest.raises(InvalidTypeError, match=rf"loss must be a Loss, got None in {name}\(\)"):
        kind(None)
    with pytest.raises(InvalidTypeError, match=rf"in {name}\(\); pass an instance: SoftmaxCrossEntropy\(\)$"):
        kind(mp.SoftmaxCrossEntropy)
    with pytest.raises(InvalidValueError, match=rf"batch_size must be at least 1, got 0 in {name}\(\)"):
        kind(LOSS, batch_size=0)


@each_with_loss
def test_what_overflows_is_named_and_decides_nothing(kind):
    network = mp.Network.mlp([3, 2], rng=0, dtype=np.float64)
    x = np.full((2, 3), 1e200)
    with pytest.raises(
        InvalidValueError, match=r"scores of dense1.weight must be finite and non-negative, got \d that"
    ):
        mp.plan(network, kind(mp.MeanSquaredError()), sparsity=0.5, data=(x, np.full((2, 2), 1e200)))


def test_reprs_say_what_they_are():
    assert [repr(kind(LOSS)) for kind in WITH_LOSS.values()] == [
        "GradientMagnitude(SoftmaxCrossEntropy())",
        "Saliency(SoftmaxCrossEntropy())",
        "Fisher(SoftmaxCrossEntropy())",
        "GraSP(SoftmaxCrossEntropy(), temperature=200)",
    ]
    assert repr(Magnitude()) == repr(Magnitude(1)) == "Magnitude()"
    assert repr(Magnitude(order=2)) == "Magnitude(order=2)"
    assert repr(Movement()) == "Movement()"
    assert all(kind.needs_data for kind in WITH_LOSS.values())
    assert not Magnitude.needs_data
    assert not Movement.needs_data
