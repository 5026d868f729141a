"""Compilation: who is raced, with what, for how long; which of close ones is taken; and what a layer becomes."""

import numpy as np
import pytest
from matrices import bits

from minprune import Dense, Dropout, Network, ReLU, Select, Tanh, compile
from minprune.inference import compilation as module
from minprune.inference.kernels import KERNELS
from minprune.inference.layouts import FEATURES, ROWS
from minprune.inference.program import Program

CHANGES = [((ROWS, FEATURES),), ((FEATURES, ROWS),)]


class _Noted:
    """Stands in for `race`, notes what it is asked, and tells everybody the same time, or what `times` says."""

    def __init__(self, **times):
        self.times, self.asked = times, []

    def __call__(self, calls, seconds, *, least=1):
        self.asked.append((tuple(calls), seconds, least, dict(calls)))
        for call in calls.values():
            call()
        return {name: self.times.get(str(name), 9.0) for name in calls}


@pytest.fixture
def noted(monkeypatch):
    def stand_in(**times):
        stand = _Noted(**times)
        monkeypatch.setattr(module, "race", stand)
        return stand

    return stand_in


def _network(widths=(12, 8, 6)):
    """Each unit has one weight, so that nothing folds."""
    network = Network.mlp(widths, rng=0)
    for layer in network.dense:
        i, o = np.ogrid[: layer.inputs, : layer.outputs]
        layer.weight.mask = i % layer.outputs == o if layer.inputs >= layer.outputs else o % layer.inputs == i
    return network


def test_every_race_has_its_time_and_its_rounds(noted):
    stand = noted()
    compile(_network((12, 8, 6)), 4, seconds=0.5)
    layer = (("dense", "dense features"), 0.5, 2)
    assert [asked[:3] for asked in stand.asked] == [layer, layer, *((change, 0.05, 1) for change in CHANGES * 3)]
    stand = noted(csr=1.0)
    compile(_network((40, 20, 10)))
    layer = (("dense", "ell", "csr"), 0.05, 2)
    assert [asked[:3] for asked in stand.asked] == [layer, layer, ((0, 1), 0.05, 5)]
    assert [call.func.batch_size for call in stand.asked[-1][3].values()] == [1, 1]


def test_a_layer_is_raced_on_numbers_that_are_the_same_each_time(noted):
    stand = noted()
    compile(_network((40, 20, 10)), 3, kernels={"dense2": "dense"})
    calls = stand.asked[0][3]
    x = np.random.default_rng(0).standard_normal((3, 40)).astype(np.float32)
    assert bits(calls["dense"].args[0]) == bits(x)
    assert bits(calls["dense features"].args[0]) == bits(np.vstack([x.T, np.ones((1, 3), np.float32)]))
    stand = noted(ell=1.0)
    compile(_network((40, 20, 10)))
    x = np.random.default_rng(0).standard_normal((1, 40)).astype(np.float32)
    for name, call in stand.asked[0][3].items():
        assert bits(call.args[0]) == bits(np.vstack([x.T, np.ones((1, 1), np.float32)])), name
    assert [bits(call.args[0]) for call in stand.asked[-1][3].values()] == [bits(x)] * len(stand.asked[-1][0])


def test_changes_of_layout_are_timed_at_every_boundary(noted):
    stand = noted()
    compile(_network((12, 8, 6)), 4, seconds=0.5)
    shapes = [call().shape for names, _, _, calls in stand.asked if names in CHANGES for call in calls.values()]
    assert shapes == [(13, 4), (4, 12), (9, 4), (4, 8), (7, 4), (4, 6)]
    dtypes = {call().dtype for names, _, _, calls in stand.asked if names in CHANGES for call in calls.values()}
    assert dtypes == {np.dtype(np.float32)}
    given = [call.args[0] for names, _, _, calls in stand.asked if names in CHANGES for call in calls.values()]
    assert [bits(x) for x in given[:2]] == [
        bits(np.zeros((4, 12), np.float32)),
        bits(np.repeat(np.eye(1, 13, 12, dtype=np.float32).T, 4, axis=1)),
    ]


def test_a_layer_whose_numbers_are_huge_is_timed_without_a_warning():
    network = _network((40, 20, 10))
    for layer in network.dense:
        layer.weight.value = np.full(layer.weight.shape, 3e38)
    for batch in (1, 8):
        program = compile(network, batch, seconds=0)
        assert {step.kernel.name for step in program.steps} == {"dense"}  # no whole program could be timed
        assert all("dense" in step.times and len(step.times) > 1 for step in program.steps)


# ── which is taken ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_leanest_of_those_that_are_not_much_slower():
    much = module._MUCH
    assert module._leanest({"a": 1.0, "b": much, "c": 2.6}, {"a": 30, "b": 20, "c": 10}) == "b"
    assert module._leanest({"a": 1.0, "b": much * 1.01}, {"a": 30, "b": 20}) == "a"
    assert module._leanest({"a": 2.0, "b": 1.0}, {"a": 20, "b": 20}) == "a"  # the earlier of two as lean
    assert module._leanest({"a": 1.0}, {"a": 5}) == "a"


class _Model:
    inputs, dtype = 3, np.dtype(np.float64)

    def __init__(self, seconds):
        self.seconds = seconds

    def __call__(self, x):
        assert bits(x) == bits(np.random.default_rng(0).standard_normal((2, 3)))


@pytest.mark.parametrize(
    ("seconds", "best"),
    [
        ([1.0], 0), ([1.0, 1.0], 0), ([1.0, 0.95], 0), ([1.0, 0.94], 1), ([1.0, 0.94, 0.9], 1), ([1.0, 0.94, 0.8], 2),
        ([1.0, 0.96, 0.9], 2), ([1.0, 0.5, 0.9], 1), ([1.0, 2.0, 0.94], 2),
    ],
)  # fmt: skip
def test_of_whole_programs_the_first_unless_another_is_clearly_faster(seconds, best, monkeypatch):
    models = [_Model(each) for each in seconds]

    def race(calls, given, *, least):
        assert (given, least) == (0.25, 5)
        for call in calls.values():
            call()
        return {name: call.func.seconds for name, call in calls.items()}

    monkeypatch.setattr(module, "race", race)
    assert module._fastest(models, 2, 0.25) is models[best]


def test_one_program_alone_is_not_timed(monkeypatch):
    monkeypatch.setattr(module, "race", None)
    only = _Model(1.0)
    assert module._fastest([only], 2, 0.25) is only


# ── what a layer becomes ────────────────────────────────────────────────────────────────────────────────────────────


def test_layers_by_hand():
    first = Dense.from_arrays(np.arange(6.0).reshape(3, 2), np.array([0.0, 1.0]))
    last = Dense.from_arrays(np.ones((2, 1)), np.zeros(1))
    network = Network([Select(np.array([0, 2, 3]), 5), Tanh(), Dropout(0.5), first, ReLU(), Dropout(0.5), Tanh(), last])
    first.weight.mask = np.array([[True, True], [False, True], [True, False]])
    front, layers = module._layers(network)
    assert [repr(layer) for layer in front] == ["Tanh()"]
    assert [(name, [repr(f) for f in functions]) for name, _, functions in layers] == [
        ("dense1", ["ReLU()", "Tanh()"]),
        ("dense2", []),
    ]
    spread = layers[0][1]
    assert spread.weight.tolist() == [[0, 1], [0, 0], [0, 3], [4, 0], [0, 0]]
    assert spread.mask.tolist() == [[True, True], [False, False], [False, True], [True, False], [False, False]]
    assert spread.bias.tolist() == [0, 1]
    assert spread.weight.dtype == np.float64
    assert layers[1][1].bias is None
    assert layers[1][1].mask.all()


def test_a_forced_kernel_is_the_one_for_the_batch_size():
    for name, kernel in KERNELS.items():
        for batch in (1, 2):
            assert [s.kernel for s in compile(_network(), batch, kernels=name).steps] == [kernel.at(batch)] * 2


def test_what_is_taken_for_one_sample_is_feature_major(noted):
    noted(**{"packed": 1.0, "1": 1.0})
    network = _network((40, 20, 10))
    i = np.arange(40)[:, None]
    network.dense[0].weight.mask = (network.dense[0].weight.mask | (i == 8)) & (i != 7)  # an input that is unused
    program = compile(network)
    assert program.steps[0].kernel == KERNELS["packed"].at(1)
    assert [step.name for step in program.steps] == ["dense1", "dense2"]


def test_defaults_are_one_row_and_a_twentieth_of_a_second(noted):
    stand = noted()
    assert compile(_network()).batch_size == 1
    assert {asked[1] for asked in stand.asked} == {0.05}


def test_the_largest_batch_size_is_that_of_the_widest_array():
    for widths, most in (((1000, 3, 2), 2147483), ((3, 1000, 2), 2147483), ((3, 2, 1000), 2147483), ((1, 1), 2**31)):
        network = Network.mlp(widths, rng=0)
        assert compile(network, most, kernels="dense").batch_size == most
        with pytest.raises(ValueError, match=f"batch_size must be at most {most}, got {most + 1} in compile"):
            compile(network, most + 1)


def test_a_program_says_what_was_timed_though_something_else_is_taken(noted):
    noted(csr=1.0)
    program = compile(_network((40, 20, 10)))
    assert isinstance(program, Program)
    assert [step.times for step in program.steps] == [{"dense": 9.0, "ell": 9.0, "csr": 1.0}] * 2
    assert [step.kernel for step in program.steps] == [KERNELS["dense"].at(1)] * 2
