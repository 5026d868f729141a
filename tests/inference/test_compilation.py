"""Compilation: what is offered is timed, the cheapest route is taken, and only if it is clearly faster as a whole."""

from itertools import count

import numpy as np
import pytest

from minprune import Network, compile
from minprune.inference import compilation as module
from minprune.inference.kernels import KERNELS
from minprune.inference.program import Program


class _Races:
    """Stands in for `race`: tells how long kernels, changes of layout and whole programs take."""

    def __init__(self, kernels=None, change=0.0, whole=None):
        self.kernels, self.change, self.whole = kernels or {}, change, whole or (lambda program: 1.0)
        self.asked = []

    def __call__(self, calls, seconds, least=1):
        self.asked.append((tuple(calls), seconds))
        took = {}
        for name, call in calls.items():
            call()  # it must run
            if isinstance(getattr(call, "func", None), Program):
                took[name] = self.whole(call.func)
            elif isinstance(name, tuple):
                took[name] = self.change
            else:
                took[name] = self.kernels.get(name, 9.0)
        return took


@pytest.fixture
def races(monkeypatch):
    def stand_in(**told):
        stand = _Races(**told)
        monkeypatch.setattr(module, "race", stand)
        return stand

    return stand_in


def _network():
    """Three layers with panels of eight outputs, a fifth of their inputs kept, and each unit looked at."""
    network, rng = Network.mlp((40, 64, 64, 16), rng=0), np.random.default_rng(0)
    for layer in network.dense:
        some = rng.random((layer.inputs, layer.outputs // 8)) < 0.2
        some[np.arange(layer.inputs), rng.integers(0, some.shape[1], layer.inputs)] = True
        layer.weight.mask = np.repeat(some, 8, axis=1)
    return network


def _names(program):
    return [step.kernel.name for step in program.steps]


def _sparse_wins(program):
    """Whole programs are faster the fewer of their layers are dense."""
    return 1.0 + _names(program).count("dense")


def test_the_fastest_of_each_layer_is_taken(races):
    races(kernels={"panels": 1.0, "dense": 5.0}, whole=_sparse_wins)
    program = compile(_network())
    assert _names(program) == ["panels"] * 3
    assert all(step.times["panels"] == 1.0 for step in program.steps)
    assert all(step.times["dense"] == 5.0 for step in program.steps)


@pytest.mark.parametrize(("packed", "taken"), [(0.94, "panels"), (0.96, "dense"), (1.0, "dense"), (3.0, "dense")])
def test_the_whole_must_be_clearly_faster_than_dense_or_dense_it_is(races, packed, taken):
    races(kernels={"panels": 1.0, "dense": 5.0}, whole=lambda program: packed if "panels" in _names(program) else 1.0)
    program = compile(_network())
    assert _names(program) == [taken] * 3
    assert all(step.times for step in program.steps)  # what was measured is told either way


@pytest.mark.parametrize(("slower", "taken"), [(0.9, "panels"), (1.1, "dense")])
def test_the_leanest_kernels_run_too_if_they_are_not_much_slower(races, slower, taken):
    races(kernels={"dense": 1.0, "panels": module._MUCH * slower}, whole=_sparse_wins)
    for batch in (1, 16):
        assert _names(compile(_network(), batch)) == [taken] * 3


def test_where_dense_is_the_fastest_nothing_else_comes_out(races):
    races(kernels={"dense": 1.0})
    assert _names(compile(_network(), 16)) == ["dense"] * 3


def test_changing_the_layout_counts(races):
    cheap = {"kernels": {"panels": 1.0, "dense": 2.0}, "whole": _sparse_wins}
    races(**cheap, change=0.1)
    assert _names(compile(_network(), 16)) == ["panels"] * 3
    stand = races(**cheap, change=100.0)
    stand.whole = lambda program: 1.0
    assert _names(compile(_network(), 16)) == ["dense"] * 3


def test_for_one_sample_no_change_is_timed_for_there_is_none(races):
    stand = races()
    compile(_network(), 1)
    assert not any(isinstance(name, tuple) for names, _ in stand.asked for name in names)


def test_layers_are_raced_at_the_batch_size_and_for_the_time_asked_for(races, monkeypatch):
    stand, bound = races(), []
    bind = module.Step.bind
    monkeypatch.setattr(module.Step, "bind", lambda step, batch: (bound.append(batch), bind(step, batch))[1])
    compile(_network(), 3, kernels={"dense2": "csr"}, seconds=0.25)
    layers = [seconds for names, seconds in stand.asked if "dense" in names]
    assert layers == [0.25, 0.25]  # dense1 and dense3
    assert set(bound) == {3}


def test_forced_kernels_are_taken_without_timing(races):
    stand = races()
    for name in KERNELS:
        for batch in (1, 8):
            program = compile(_network(), batch, kernels=name)
            assert _names(program) == [name] * 3
            assert [step.times for step in program.steps] == [{}] * 3
    assert not stand.asked


def test_a_forced_layer_stays_beside_those_that_are_timed(races):
    races(kernels={"dense": 1.0, "csr": 50.0, "panels": 0.5}, whole=_sparse_wins)
    for batch in (1, 16):
        program = compile(_network(), batch, kernels={"dense2": "csr"})
        assert _names(program) == ["panels", "csr", "panels"]
        assert program.steps[1].times == {}
    races(kernels={"dense": 1.0})
    assert _names(compile(_network(), 16, kernels={"dense2": "csr"})) == ["dense", "csr", "dense"]


def test_a_full_network_is_not_compared_with_itself(races):
    stand = races()
    assert _names(compile(Network.mlp([6, 5, 4], rng=0))) == ["dense", "dense"]
    assert [names for names, _ in stand.asked] == [("dense",), ("dense",)]


def test_without_seconds_it_is_compiled_all_the_same():
    network, x = _network(), np.ones((5, 40), np.float32)
    for batch in (1, 5):
        program = compile(network, batch, seconds=0)
        assert np.allclose(program(x), network(x), atol=1e-5)
        assert all(set(step.times) >= {"dense", step.kernel.name} for step in program.steps)


def test_the_choice_repeats_where_the_measurements_do(races):
    ticks = count(1)
    times = {name: float(next(ticks)) for name in reversed(KERNELS)}
    for batch in (1, 16):
        races(kernels=times, whole=_sparse_wins)
        assert _names(compile(_network(), batch)) == _names(compile(_network(), batch))


def test_biases_that_are_zero_throughout_are_left_out(races):
    races()
    network = Network.mlp([6, 5], rng=0)
    network.dense[0].bias.value = np.zeros(5)
    assert compile(network, 8).steps[0].bias is None
    network.dense[0].bias.value = np.array([0, 0, 1.0, 0, 0])
    assert compile(network, 8).steps[0].bias.tolist() == [[0, 0, 1, 0, 0]]


def test_unused_inputs_stay_in_place(races):
    races()
    network = Network.mlp([6, 5], rng=0)
    mask = np.ones((6, 5), bool)
    mask[[0, 3]] = False
    network.dense[0].weight.mask = mask
    for name in KERNELS:
        program = compile(network, 8, kernels=name)
        assert (program.inputs, program.steps[0].inputs) == (6, 6)
        assert np.allclose(program(np.eye(6)), network(np.eye(6, dtype=np.float32)), atol=1e-6)
