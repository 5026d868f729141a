"""Which layer pruning on would empty first, and when: against dropping one unit after another until nothing is left."""

from itertools import pairwise

import numpy as np
import pytest
from by_hand import live_units
from generators import cases, plan_or_none, small_plan
from hypothesis import assume, given
from hypothesis import strategies as st

import minprune as mp
from minprune.pruning.allocation import Allocation, Group


def collapses_by_hand(network, scores, pattern):
    """Drop units in their order; when a layer's last one is down, note the share of the network that is gone."""
    live, lost, found = live_units(network, scores, pattern), set(), {}
    left = {unit.name: sum(other.name == unit.name for other in live) for unit in live}
    for unit in live:
        lost |= unit.weights
        left[unit.name] -= 1
        if left[unit.name] == 0:
            found[unit.name] = (network.weights - network.kept + len(lost)) / network.weights
    return found


@given(cases(exact=True), st.data())
def test_each_layer_collapses_when_its_last_unit_is_dropped(case, draws):
    """Whatever the units, and in networks that are pruned already; of N:M none does."""
    network, scores, request = case
    request |= {"allocation": mp.Global(), "min_keep": draws.draw(st.sampled_from([0, 1]))}
    request.setdefault("sparsity", 0.5)
    plan = plan_or_none(network, scores, request)
    assume(plan is not None)
    found = plan.collapses
    assert list(found.values()) == sorted(found.values())
    shared = len(network.dense) - isinstance(request["pattern"], mp.Neurons)
    shared += getattr(request["pattern"], "inputs", False)
    if isinstance(request["pattern"], mp.NM) or shared < 2:
        assert found == {}
    else:
        assert found == pytest.approx(collapses_by_hand(network, scores, request["pattern"]))


def _network(pruned):
    network = mp.Network.mlp([4, 5, 3, 2], rng=0)
    return mp.plan(network, mp.Random(rng=0), sparsity=0.3).apply(network) if pruned else network


def emptied_by_planning(network, **parts):
    """Plan in earnest for each count of weights, without min_keep; see at which each layer has nothing left."""
    found = {}
    for count in range(network.weights):
        plan = mp.plan(network, mp.Magnitude(), sparsity=count / network.weights, min_keep=0, **parts)
        for name in network.prunable:
            if not plan.masks[name].any():
                found.setdefault(name, count / network.weights)
    return found


@pytest.mark.parametrize("pruned", [False, True])
@pytest.mark.parametrize(
    ("parts", "asked"),
    [
        ({}, 0.5),
        ({}, 0.85),
        ({"allocation": mp.LAMP()}, 0.5),
        ({"allocation": mp.LAMP()}, 0.9),
        ({"pattern": mp.Blocks((2, 2))}, 0.5),
        ({"pattern": mp.Vectors(2), "allocation": mp.LAMP()}, 0.7),
        ({"pattern": mp.Vectors(3)}, 0.7),
    ],
)
def test_plans_without_min_keep_empty_each_layer_at_just_that_sparsity(pruned, parts, asked):
    network = _network(pruned)
    emptied = emptied_by_planning(network, **parts)
    found = mp.plan(network, mp.Magnitude(), sparsity=asked, **parts).collapses
    last = [name for name in network.prunable if name not in emptied]
    assert {name: found.pop(name) for name in last} == dict.fromkeys(last, 1.0)  # which no plan is asked for
    assert found == pytest.approx(emptied)
    assert list(found) == sorted(found, key=emptied.get)


def test_of_neurons_the_first_is_just_that_too():
    """A hidden layer is empty when no weight leads into it or out of it."""
    network, pattern = mp.Network.mlp([3, 2, 7, 2, 2], rng=1), mp.Neurons(reduce="sum")
    first, limit = next(iter(mp.plan(network, mp.Magnitude(), sparsity=0.2, pattern=pattern).collapses.items()))
    names, emptied = list(network.prunable), {}
    for count in range(network.weights):
        ask = {"sparsity": count / network.weights, "pattern": pattern, "min_keep": 0}
        masks = mp.plan(network, mp.Magnitude(), **ask).masks
        for name, following in pairwise(names):
            if not masks[name].any() and not masks[following].any():
                emptied.setdefault(name, count / network.weights)
    assert min(emptied, key=emptied.get) == first
    assert emptied[first] == limit < 1


def test_a_layer_with_nothing_left_is_not_named():
    network = _network(False)
    network.parameters["dense2.weight"].mask = np.zeros((5, 3), bool)
    assert set(mp.plan(network, mp.Magnitude(), sparsity=0.6).collapses) == {"dense1.weight", "dense3.weight"}


@pytest.mark.parametrize(
    "request_",
    [
        {"sparsity": 0.6, "allocation": mp.Uniform()},
        {"sparsity": 0.6, "allocation": mp.ErdosRenyi()},
        {"allocation": mp.PerLayer({"dense1": 0.8})},
        {"threshold": 6.0},
        {"pattern": mp.NM(1, 3)},
        {"pattern": mp.NM(1, 3), "sparsity": 0.4},
        {"sparsity": 0.4, "pattern": mp.Neurons()},  # a single layer of neurons
    ],
)
def test_where_no_layers_compete_none_collapses(request_):
    plan = small_plan(**request_)
    assert plan.collapses == {}
    assert "collapses" not in repr(plan)


class ButTheLast(Allocation):
    def groups(self, units, sparsity):
        names = tuple(units.scores)[:-1]
        return [Group(names, round(sparsity * sum(units.total[name] for name in names)))]


@pytest.mark.parametrize(("sparsity", "saved"), [(0.7, ""), (0.8, " but for min_keep")])
def test_if_not_all_layers_compete_it_is_the_sparsity_of_those_that_do(sparsity, saved):
    arrays = [np.array([[1.0, 2.0], [9.0, 9.0]]), np.full((2, 3), 8.0), np.ones((3, 9))]
    network = mp.Network([mp.Dense.from_arrays(array) for array in arrays])
    plan = mp.plan(network, mp.Magnitude(), sparsity=sparsity, allocation=ButTheLast())
    assert plan.collapses == {"dense2.weight": 0.8, "dense1.weight": 1.0}
    assert repr(plan).splitlines()[-1] == (
        f"dense2.weight collapses first, at a sparsity of 0.8 of dense1.weight, dense2.weight{saved}; "
        f"here it keeps 1 weight"
    )


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        ({"sparsity": 4 / 8}, None),  # of 4 left half may go, and the layer has as much
        ({"sparsity": 5 / 8}, "dense1.weight collapses first, at a sparsity of 0.75; here it keeps 1 weight"),
        (
            {"sparsity": 6 / 8},
            "dense1.weight collapses first, at a sparsity of 0.75 but for min_keep; here it keeps 1 weight",
        ),
        (
            {"sparsity": 6 / 8, "min_keep": 0},
            "dense1.weight collapses first, at a sparsity of 0.75; here it keeps 0 weights",
        ),
    ],
)
def test_the_line_under_the_table(request_, line):
    last = repr(small_plan(**request_)).splitlines()[-1]
    assert last == line if line else last.startswith("total ")


@pytest.mark.parametrize(
    ("worth", "sparsity", "line"),
    [
        ((1, 9, 9), 0.2, "inputs collapses first, at a sparsity of 0.2307; here it keeps 1 input"),
        ((1, 9, 9), 0.24, "inputs collapses first, at a sparsity of 0.2307 but for min_keep; here it keeps 1 input"),
        # Of 20 asked 18 go, as another neuron would not fit: it is min_keep all the same.
        (
            (9, 9, 1),
            0.77,
            "dense2.weight collapses first, at a sparsity of 0.7692 but for min_keep; here it keeps 1 neuron",
        ),
    ],
)
def test_inputs_and_neurons_are_called_so_in_it(worth, sparsity, line):
    arrays = [np.full(shape, float(w)) for w, shape in zip(worth, ((2, 3), (3, 4), (4, 2)), strict=True)]
    network = mp.Network([mp.Dense.from_arrays(array) for array in arrays])
    pattern = mp.Neurons(inputs=line.startswith("inputs"))
    plan = mp.plan(network, mp.Magnitude(), sparsity=sparsity, pattern=pattern)
    assert repr(plan).splitlines()[-1] == line


def test_of_a_plan_in_rounds_it_is_the_last_rounds_word():
    network = mp.Network.mlp([6, 8, 5, 3], rng=0)
    made = mp.plan(network, mp.SynFlow(rounds=5), sparsity=0.7)
    last = mp.plan(made.apply(network), mp.SynFlow(rounds=1), sparsity=0.7)
    assert made.collapses.keys() == last.collapses.keys()
    assert all(0.7 < limit <= 1 for limit in made.collapses.values())
