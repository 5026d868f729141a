"""What the laws of an allocation say of each way to break them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import strategies as st
from test_check_selector import HALF, INF, NAN, PAIR, SCALED, TIED
from told import rows_of

import minprune as mp
from minprune.errors import BudgetError
from minprune.pruning.allocation import Curves
from minprune.testing import Case, LawBroken, network
from minprune.testing.checks import allocation

COMPONENT = "allocation"
FIRST, SECOND = "dense1.weight", "dense2.weight"


def renamed(case, **changes):
    """Return a case of a selector as one of a network."""
    names = {"a": FIRST, "b": SECOND}
    new = {"scores": {names[name]: s for name, s in case.scores.items()}}
    if hasattr(case, "first"):
        new["first"] = (names[case.first[0]], case.first[1])
    return Case(**{**vars(case), **new, **changes})


SOME, TIES, SCALE, POISON, INFINITE, TWO = map(renamed, (HALF, TIED, SCALED, NAN, INF, PAIR))
DATA = {"x": np.array([[1.0, 2.0], [0.5, -1.0]], np.float32), "y": np.array([[1.0, -1.0], [2.0, 0.5]], np.float32)}
NET = network(
    [np.array([[1.0, 2.0], [3.0, 4.0]], np.float32), np.array([[5.0, 6.0], [7.0, 8.0]], np.float32)],
    masks=[np.array([[True, False], [True, True]]), None],
)
REQUEST = Case(network=NET, scores=SOME.scores, sparsity=0.5, min_keep=0, **DATA)
LEAST = Case(**{**vars(REQUEST), "min_keep": 2})
MUCH = Case(**{**vars(REQUEST), "min_keep": 3, "sparsity": 0.75})
BY_NAME = mp.PerLayer({"dense1": 0.5, "dense2": 0.25})
CURVES = Curves(0.0, {}, {})
KINDS = {
    "Global": mp.Global(),
    "Uniform": mp.Uniform(),
    "PerLayer": BY_NAME,
    "ErdosRenyi": mp.ErdosRenyi(),
    "LAMP": mp.LAMP(),
    "Sensitivity": mp.Sensitivity(CURVES),
}
WIDE = Case(scores={FIRST: np.ones((2, 8), np.float32), SECOND: np.ones((8, 1), np.float32)}, sparsity=0.5)
ALL_OF_ONE = Case(scores={FIRST: np.ones((2, 2), np.float32), SECOND: 9 * np.ones((2, 1), np.float32)}, sparsity=5 / 6)


def but(allocation, change):
    """Return the allocation with its groups changed: ``change(groups, units, sparsity)``."""

    class But(type(allocation)):
        def groups(self, units, sparsity):
            return change(super().groups(units, sparsity), units, sparsity)

    result = object.__new__(But)
    vars(result).update(vars(allocation))
    return result


def targets(*more):
    """Add to the targets of groups."""
    return lambda groups, units, sparsity: [replace(g, target=g.target + k) for g, k in zip(groups, more, strict=True)]


class Refuses(mp.Uniform):
    """Refuse more than `most`, and name another number."""

    def __init__(self, named, most=4):
        super().__init__()
        self.named, self.most = named, most

    def groups(self, units, sparsity):
        if sparsity * 8 > self.most + 1e-9:
            raise BudgetError(f"at most {self.named}", self.named)
        return super().groups(units, sparsity)


class RefusesSensitivity(mp.Sensitivity):
    def groups(self, units, sparsity):
        raise BudgetError("no", 1)


class InNamedOrder(mp.PerLayer):
    """Ask one more of the layer named first."""

    def groups(self, units, sparsity):
        first = next(iter(self.sparsities)) + ".weight"
        return [
            replace(g, target=g.target + (g.layers == [first] or g.layers == (first,)))
            for g in super().groups(units, sparsity)
        ]


class RefusesSecondFirst(mp.PerLayer):
    def groups(self, units, sparsity):
        if next(iter(self.sparsities)).startswith("dense2"):
            raise BudgetError("not so", 3)
        return super().groups(units, sparsity)


MORE, LESS = targets(1), targets(-1)
LAWS = {
    "exact_count": SOME,
    "zero_is_identity": SOME,
    "local_count": SOME,
    "erk_budget": WIDE,
    "order": SOME,
    "ties_by_position": TIES,
    "scale_free": SCALE,
    "nested": TWO,
    "no_nan_decides": POISON,
    "target_is_idempotent": SOME,
    "counts_add_up": REQUEST,
    "min_keep": REQUEST,
}


def with_data(case):
    return Case(**{**DATA, **vars(case)})


ROWS = [
    *(
        (name, f"as it should be or not, {kind}", allocation, with_data(case))
        for name, case in LAWS.items()
        for kind, allocation in KINDS.items()
    ),
    *(
        (name, f"as it should be or not, {kind}, {what}", allocation, case)
        for name in ("counts_add_up", "min_keep")
        for kind, allocation in KINDS.items()
        for what, case in (("at least two", LEAST), ("at least three", MUCH))
    ),
    *(
        (name, f"{kind} asks for {more:+d}", but(KINDS[kind], targets(*[more] * number)), with_data(LAWS[name]))
        for name in ("exact_count", "local_count", "erk_budget", "counts_add_up", "min_keep", "zero_is_identity")
        for kind, number in (("Global", 1), ("Uniform", 2))
        for more in (1, -1, 2)
    ),
    ("no_nan_decides", "infinity", mp.Global(), INFINITE),
    ("local_count", "another layer's share is not asked for", mp.PerLayer({"dense2": 0.5}), SOME),
    ("local_count", "one more of the second", but(BY_NAME, targets(0, 1)), SOME),
    ("erk_budget", "less than nothing", but(mp.Uniform(), targets(5, -5)), WIDE),
    ("erk_budget", "more than there is", but(mp.Uniform(), targets(-9, 9)), WIDE),
    (
        "erk_budget",
        "all of one",
        but(mp.Uniform(), targets(8, -8)),
        Case(scores={FIRST: np.ones((4, 4), np.float32), SECOND: np.ones((4, 4), np.float32)}, sparsity=0.5),
    ),
    (
        "erk_budget",
        "all of one and none of the other",
        but(mp.Uniform(), targets(-8, 8)),
        Case(scores={FIRST: np.ones((4, 4), np.float32), SECOND: np.ones((4, 4), np.float32)}, sparsity=0.5),
    ),
    ("target_is_idempotent", "all of one layer may go", mp.Global(), ALL_OF_ONE),
    ("counts_add_up", "the order of names matters", InNamedOrder({"dense1": 0.5, "dense2": 0.25}), REQUEST),
    ("counts_add_up", "the order of names is refused", RefusesSecondFirst({"dense1": 0.5, "dense2": 0.25}), REQUEST),
    ("counts_add_up", "it refuses", Refuses(3, most=3), REQUEST),
    ("counts_add_up", "a Sensitivity may refuse", RefusesSensitivity(CURVES), REQUEST),
    *(
        ("min_keep", f"{named} is named of {most}", Refuses(named, most), REQUEST)
        for named, most in ((3, 3), (2, 3), (1, 3), (4, 3), (2, 2), (1, 2), (3, 2))
    ),
    *(
        ("min_keep", f"Uniform asks for {more} at least three", but(mp.Uniform(), targets(*more)), MUCH)
        for more in ((-2, -2), (-2, -3), (-3, -2), (0, -3))
    ),
    *(
        ("min_keep", f"Global asks for {more:+d} at least two", but(mp.Global(), targets(more)), LEAST)
        for more in (1, -1, -2)
    ),
]


@rows_of(COMPONENT, ROWS)
def test_it_says_what_was_asked_and_what_came(is_said):
    is_said()


# plans that say something else than they do


class Lying:
    """A plan whose numbers are off."""

    def __init__(self, found, layers=0, achieved=0, masks=None):
        self.layers = [replace(layer, achieved=layer.achieved + layers) for layer in found.layers]
        self.achieved = found.achieved + achieved
        self.masks = found.masks if masks is None else masks


@pytest.mark.parametrize(
    ("lies", "says"),
    [
        (
            {"layers": 1},
            "asked: each layer's count to be {'dense1.weight': 3, 'dense2.weight': 1}; "
            "came: {'dense1.weight': 4, 'dense2.weight': 2}",
        ),
        ({"achieved": 1}, "asked: a total of 4; came: 5"),
    ],
)
def test_the_numbers_of_a_plan_are_counted_in_its_masks(monkeypatch, lies, says):
    monkeypatch.setattr(allocation, "plan", lambda *args, **options: Lying(mp.plan(*args, **options), **lies))
    with pytest.raises(LawBroken) as broken:
        allocation.counts_add_up(mp.Global(), REQUEST)
    assert str(broken.value) == says


def test_a_group_of_several_layers_gives_what_it_was_asked_for(monkeypatch):
    all_kept = {name: p.mask for name, p in NET.prunable.items()}
    monkeypatch.setattr(allocation, "plan", lambda *args, **options: Lying(mp.plan(*args, **options), masks=all_kept))
    with pytest.raises(LawBroken) as broken:
        allocation.min_keep(mp.Global(), REQUEST)
    assert str(broken.value) == "asked: a refusal, or 4 of dense1.weight and dense2.weight gone; came: 1 gone"


@pytest.mark.parametrize(("target", "density"), [(-1, "1.0625"), (17, "-0.0625")])
def test_a_density_is_a_share(target, density):
    class Own(mp.ErdosRenyi):
        def groups(self, units, sparsity):
            return [SimpleNamespace(layers=(FIRST,), target=target), SimpleNamespace(layers=(SECOND,), target=4)]

    with pytest.raises(LawBroken) as broken:
        allocation.erk_budget(Own(), WIDE)
    assert str(broken.value) == f"asked: a density of dense1.weight in [0, 1]; came: {density}"


def test_a_plan_leaves_as_many_of_each_layer_as_were_to_be_kept(monkeypatch):
    none = {name: np.zeros(p.shape, bool) for name, p in NET.prunable.items()}
    monkeypatch.setattr(allocation, "plan", lambda *args, **options: Lying(mp.plan(*args, **options), masks=none))
    with pytest.raises(LawBroken) as broken:
        allocation.min_keep(mp.Global(), LEAST)
    assert str(broken.value) == "asked: at least 2 of dense1.weight kept; came: 0 kept"


def test_a_target_that_was_met_asks_for_nothing_more(monkeypatch):
    asked = []

    def more_each_time(net, criterion, *, sparsity, **options):
        asked.append(sparsity)
        return mp.plan(net, criterion, sparsity=sparsity + 0.25 * len(asked) - 0.25, **options)

    monkeypatch.setattr(allocation, "plan", more_each_time)
    with pytest.raises(LawBroken) as broken:
        allocation.target_is_idempotent(mp.Global(), SOME)
    assert str(broken.value) == "asked: nothing more to go the second time; came: 2 more"
    assert asked == [SOME.sparsity] * 2


def test_what_an_allocation_measures_is_the_loss_on_the_data_of_the_case(monkeypatch):
    calls = []
    monkeypatch.setattr(allocation, "sensitivity", lambda *args, **options: calls.append((args, options)))
    given, scores = mp.Sensitivity(CURVES), SOME.scores
    mine = allocation.measured(given, NET, scores, REQUEST)
    assert (type(mine), mine.curves, given.curves) == (mp.Sensitivity, None, CURVES)
    (((net, criterion, data), options),) = calls
    assert net is NET
    assert criterion.given is scores
    assert data == (REQUEST.x, REQUEST.y)
    assert {**options, "loss": repr(options["loss"])} == {
        "loss": "MeanSquaredError()",
        "sparsities": (0.25, 0.5, 0.75, 0.9, 0.99),
        "progress": False,
    }
    assert allocation.measured(BY_NAME, NET, scores, REQUEST) is BY_NAME


@pytest.mark.parametrize(("named", "holds"), [(1, True), (2, False), (0, False)])
def test_a_refusal_names_what_a_group_that_is_asked_for_too_much_has_to_give(named, holds):
    """Of three in the first, two are to go and one may; the second has exactly what it is asked for."""
    case = Case(
        network=network([np.ones((3, 1)), np.ones((1, 4))]),
        scores={FIRST: np.ones((3, 1)), SECOND: np.ones((1, 4))},
        sparsity=0.5,
        min_keep=2,
    )
    if holds:
        allocation._largest(mp.Uniform(), case, named)
        return
    with pytest.raises(LawBroken) as broken:
        allocation._largest(mp.Uniform(), case, named)
    assert str(broken.value) == (
        f"asked: the largest count that can go, [1], or no refusal; came: a refusal beyond {named}"
    )


# cases


@pytest.mark.parametrize(
    ("named", "layers"),
    [
        (mp.Uniform(), (1, 3)),
        (mp.PerLayer({"dense1": 0.5}), (1, 4)),
        (mp.PerLayer({"dense3": 0.5, "dense2": 0.5}), (3, 4)),
        (mp.PerLayer({"dense12": 0.5}), (12, 12)),
        (mp.PerLayer({"mine": 0.5}), (1, 4)),
    ],
)
def test_a_case_has_as_many_layers_as_an_allocation_names(named, layers):
    asked = []

    def draws(**options):
        asked.append(options)
        return st.just(SOME)

    cases = allocation._cases(draws, ties=False)(named)
    assert asked == [{"layers": layers, "ties": False}]
    assert isinstance(cases, st.SearchStrategy)
