"""Movement against replayed steps of SGD; whom it follows, and what it refuses."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from problems import assert_near, gradients, problems

import minprune as mp
from minprune.errors import InvalidValueError
from minprune.pruning.criteria import Movement
from minprune.pruning.schedules import Cubic

LOSS = mp.SoftmaxCrossEntropy()
LR = 0.1


def _data(rows=20, inputs=3):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, inputs))
    return x, (x[:, 0] > 0).astype(int)


def _step(network, movement, step=0, data=None):
    """Take a step by hand, as fit does."""
    x, y = _data() if data is None else data
    network.backward(LOSS.value_and_gradient(network.forward(x.astype(network.dtype)), y)[1])
    movement.after_backward(network, step)
    mp.SGD(LR).step(network.parameters)


def _replayed(network, loss, batches):
    """Return the sums −Σ_t w_t ∂L/∂w_t over plain steps of SGD, by hand, and train `network` by them."""
    total = {name: np.zeros(p.shape) for name, p in network.prunable.items()}
    for x, y in batches:
        worker = network.copy()
        worker.backward(loss.value_and_gradient(worker.forward(x), y)[1])
        for name, p in worker.parameters.items():
            value = network.parameters[name].value
            if name in total:
                total[name] -= value * p.grad
            value -= LR * np.where(p.mask, p.grad, 0)
    return total


def _less_the_least(total, network):
    kept = {name: p.mask for name, p in network.prunable.items()}
    least = min((total[name][kept[name]].min() for name in total if kept[name].any()), default=0)
    return {name: np.where(kept[name], total[name] - least, 0.0) for name in total}


@given(problems(rows=(2, 9)), st.integers(1, 4), st.integers(1, 3))
def test_movement_by_hand(problem, batch_size, epochs):
    network, loss, x, y = problem
    movement, trained = Movement(), network.copy()
    batches = [(x[i : i + batch_size], y[i : i + batch_size]) for i in range(0, len(x), batch_size)] * epochs
    for step, (rows, labels) in enumerate(batches):
        trained.backward(loss.value_and_gradient(trained.forward(rows), labels)[1])
        movement.after_backward(trained, step)
        mp.SGD(LR).step(trained.parameters)
    expected = _less_the_least(_replayed(network, loss, batches), network)
    assert movement.steps == len(batches)
    assert_near(movement.scores(network), expected, share=1e-9, least=1e-12)
    assert_near(movement.scores(trained), expected, share=1e-9, least=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_movement_in_fit(dtype):
    """The batches of fit, replayed: a permutation an epoch from the same seed."""
    network = mp.Network.mlp([3, 5, 2], rng=0, dtype=dtype)
    (x, y), movement, start = _data(), Movement(), network.copy()
    options = {"loss": LOSS, "optimizer": mp.SGD(LR), "epochs": 3, "batch_size": 8, "callbacks": [movement]}
    mp.fit(network, (x, y), **options, rng=7)
    draws, batches = np.random.default_rng(7), []
    for _ in range(3):
        order = draws.permutation(len(x))
        batches += [(x[order[i : i + 8]].astype(dtype), y[order[i : i + 8]]) for i in range(0, len(x), 8)]
    expected = _less_the_least(_replayed(start, LOSS, batches), start)
    assert movement.steps == 9
    assert_near(movement.scores(network), expected, share=1e-9 if dtype == np.float64 else 1e-4)
    more = movement.scores(network)
    mp.fit(network, (x, y), **options, rng=8)  # training the same network further adds on
    assert movement.steps == 18
    assert any((movement.scores(network)[name] != more[name]).any() for name in more)


def test_movement_in_a_pruner():
    network = mp.Network.mlp([3, 8, 2], rng=0)
    movement = Movement()
    pruner = mp.Pruner(movement, sparsity=0.5, schedule=Cubic(0.3, 1.0, updates=3))
    options = {"loss": LOSS, "optimizer": mp.SGD(LR), "epochs": 4, "batch_size": 4}
    mp.fit(network, _data(), **options, pruner=pruner, rng=0)
    assert network.sparsity == 0.5
    assert movement.steps == 20
    scores = movement.scores(network)
    assert all((scores[name][~p.mask] == 0).all() for name, p in network.prunable.items())


def test_what_shrinks_goes_before_what_grows():
    """Weights that training moves away from 0 score higher, whatever their size."""
    network = mp.Network([mp.Dense.from_arrays(np.array([[5.0], [0.1], [-0.1], [-5.0]]))])
    movement = Movement()
    target = np.array([4.0, 0.5, -0.5, -4.0])  # the large ones shrink, the small ones grow
    mp.fit(
        network,
        (np.eye(4), target),
        loss=mp.MeanSquaredError(),
        optimizer=mp.SGD(LR),
        epochs=3,
        batch_size=4,
        callbacks=[movement],
    )
    order = movement.scores(network)["dense1.weight"].ravel()
    assert min(order[1:3]) > max(order[0], order[3])


@given(problems(dtype=np.float32, pruned=True))
def test_a_weight_that_is_gone_adds_nothing_and_scores_zero(problem):
    network, loss, x, y = problem
    movement = Movement()
    network.backward(loss.value_and_gradient(network.forward(x), y)[1])
    movement.after_backward(network, 0)
    for name, p in network.prunable.items():
        assert (movement.scores(network)[name][~p.mask] == 0).all()
        assert not movement._total[name][~p.mask].any()


def test_another_network_makes_it_begin_afresh():
    first, second = (mp.Network.mlp([3, 4, 2], rng=seed) for seed in (0, 1))
    movement, fresh = Movement(), Movement()
    _step(first, movement)
    _step(first, movement)
    assert movement.steps == 2
    _step(second.copy(), fresh)
    _step(second, movement)
    assert movement.steps == 1
    assert all((movement.scores(second)[n] == fresh.scores(second)[n]).all() for n in second.prunable)
    _step(first.copy(), movement)  # a copy is another network as well
    assert movement.steps == 1
    del second
    wider = mp.Network.mlp([3, 7, 2], rng=0)
    _step(wider, movement)
    assert movement.scores(wider)["dense1.weight"].shape == (3, 7)


def test_it_keeps_no_network_alive():
    import gc
    import weakref

    network, movement = mp.Network.mlp([3, 4, 2], rng=0), Movement()
    _step(network, movement)
    gone, twin = weakref.ref(network), network.copy()
    del network
    gc.collect()
    assert gone() is None
    assert set(movement.scores(twin)) == {"dense1.weight", "dense2.weight"}


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_remembers_and_goes_its_own_way(duplicate):
    network, movement = mp.Network.mlp([3, 4, 2], rng=0), Movement()
    _step(network, movement)
    twin = duplicate(movement)
    before = movement.scores(network)
    assert all((twin.scores(network)[n] == before[n]).all() for n in before)
    _step(network.copy(), twin)
    _step(network.copy(), twin)
    assert all((movement.scores(network)[n] == before[n]).all() for n in before)
    assert (twin.steps, movement.steps) == (1, 1)
    third = duplicate(movement)
    _step(network, movement)
    assert (third.steps, movement.steps) == (1, 2)
    assert all((third.scores(network)[n] == before[n]).all() for n in before)


def test_without_training_it_refuses():
    network = mp.Network.mlp([3, 4, 2], rng=0)
    rule = r"Movement\(\) has seen no training: pass it to fit\(…, callbacks=\[movement\]\)"
    with pytest.raises(InvalidValueError, match=rule):
        Movement().scores(network)
    with pytest.raises(InvalidValueError, match=rule):
        mp.plan(network, Movement(), sparsity=0.5)


def test_a_network_of_other_shapes_is_refused():
    network, movement = mp.Network.mlp([3, 4, 2], rng=0), Movement()
    _step(network, movement)
    for widths in ([3, 5, 2], [3, 4, 4, 2], [3, 2]):
        with pytest.raises(InvalidValueError, match=r"in the training of a network with {'dense1.weight': \(3, 4\)"):
            movement.scores(mp.Network.mlp(widths, rng=0))


def test_gradients_are_those_of_the_loss_alone():
    """A penalty moves weights too, but it is not what the training asks of them."""
    x, y = _data(8)
    network = mp.Network.mlp([3, 4, 2], rng=0, dtype=np.float64)
    movement, g = Movement(), gradients(network, LOSS, x, y)
    expected = _less_the_least({name: -p.value * g[name] for name, p in network.prunable.items()}, network)
    options = {"loss": LOSS, "optimizer": mp.SGD(LR), "epochs": 1, "batch_size": 8, "rng": 0}
    mp.fit(network, (x, y), **options, penalty=mp.L2(10.0), callbacks=[movement])
    assert_near(movement.scores(network), expected, share=1e-9)
