"""What the kit says to what cannot be meant, its names and tables, and its framework by hand, word for word."""

import re

import numpy as np
import pytest

import minprune as mp
from minprune import testing
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.testing import LAWS, Case, Framework, Given, Law, checks, law, laws_table, network, running
from minprune.testing.cases import bits, digest, source
from minprune.testing.checks import COMPONENTS, check, check_framework, check_selector, parametrize_with_checks
from minprune.testing.framework import gradients, load, save, set_mask, sparsity, ticket, train


def mine(scores, sparsity):
    return None


@pytest.mark.parametrize(
    ("ask", "error", "says"),
    [
        (
            lambda: check("selektor", mine),
            InvalidValueError,
            "component must be a known name, got 'selektor' in check(); did you mean 'selector'?",
        ),
        (
            lambda: check("plan", mine, examples=0),
            InvalidValueError,
            "examples must be at least 1, got 0 in check_plan()",
        ),
        (lambda: check("plan", mine, laws=["no"]), InvalidValueError, "laws must be laws of a plan, got 'no'"),
        (
            lambda: check("plan", mine, expected_failures=3),
            InvalidTypeError,
            "expected_failures must be a mapping of laws to reasons, got int in check_plan()",
        ),
        (
            lambda: check("plan", mine, expected_failures={"no_revivl": "why"}),
            InvalidValueError,
            "expected_failures must name laws of a plan, got 'no_revivl' in check_plan(); did you mean 'no_revival'?",
        ),
        (
            lambda: check("plan", mine, expected_failures={"no_revival": 3}),
            InvalidValueError,
            "expected_failures['no_revival'] must say why, got 3 in check_plan()",
        ),
        (
            lambda: check_selector(mine, scope="lair"),
            InvalidValueError,
            "scope must be a known name, got 'lair' in check_selector(); did you mean 'layer'?",
        ),
        (lambda: check_framework(3), InvalidTypeError, "framework must be a Framework, got int in check_framework()"),
        (
            lambda: check_framework(parts=["mask"]),
            InvalidValueError,
            "parts must be a known name, got 'mask' in check_framework(); did you mean 'masks'?",
        ),
        (
            lambda: check_framework(parts=["masks", "network"], laws=["paths"]),
            InvalidValueError,
            "'paths' is no law of masks, network in check_framework()",
        ),
        (
            lambda: check_framework(parts=["masks"], expected_failures={"paths": "why"}),
            InvalidValueError,
            "'paths' is no law of masks in check_framework()",
        ),
        (
            lambda: parametrize_with_checks([]),
            InvalidValueError,
            "subjects must hold at least one, got none in parametrize_with_checks()",
        ),
        (
            lambda: parametrize_with_checks([3]),
            InvalidValueError,
            "component must be given for 3 in parametrize_with_checks(): what is it to be checked as?",
        ),
        (
            lambda: parametrize_with_checks([mine], component="selectr"),
            InvalidValueError,
            "component must be a known name, got 'selectr' in parametrize_with_checks(); did you mean 'selector'?",
        ),
        (lambda: checks.check_kernel(3), InvalidTypeError, "kind must have from_dense(), got 3 in check_kernel()"),
        (
            lambda: checks.check_penalty(mp.L1),
            InvalidTypeError,
            "penalty must have shrink(), got L1 in check_penalty(); pass an instance: L1()",
        ),
        (
            lambda: law("ordr"),
            InvalidValueError,
            "name must be that of a law, got 'ordr' in law(); did you mean 'order'?",
        ),
        (lambda: law("order").check_of("criterion"), InvalidValueError, "order is no law of a criterion"),
        (
            lambda: law("order").check_of("local_selector") and law("ordr"),
            InvalidValueError,
            "name must be that of a law, got 'ordr' in law(); did you mean 'order'?",
        ),
        (
            lambda: laws_table(group="Keping"),
            InvalidValueError,
            "group must be one of the laws' groups, got 'Keping'; did you mean 'Keeping'?",
        ),
        (
            lambda: testing.check_selectr,
            AttributeError,
            "minprune.testing has no 'check_selectr'; did you mean 'check_selector'?",
        ),
        (lambda: testing.stratgies, AttributeError, "minprune.testing has no 'stratgies'; did you mean 'strategies'?"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_these_words(ask, error, says):
    with pytest.raises(error) as refused:
        ask()
    said = re.split(r";? [Kk]nown: ", str(refused.value))[0]  # a list of all names may follow
    assert said == says


def test_the_names_of_the_kit_are_all_there():
    assert set(testing.__all__) <= set(dir(testing))
    assert {"checks", "broken", "strategies", "need_hypothesis"} <= set(dir(testing))
    assert all(getattr(testing, name) is not None for name in dir(testing))
    assert testing.check_plan is checks.check_plan
    assert testing.running is running


# tables


def test_the_table_of_a_group_word_for_word():
    assert laws_table(group="Keeping").splitlines()[:4] == [
        "Keeping",
        "law                of a     statement",
        "─" * len(laws_table(group="Keeping").splitlines()[2]),
        "save_load_equal    storage  load(save(network)) equals the network bit for bit: weights, masks, "
        "layers, dtype.",
    ]
    assert laws_table().split("\n\n")[-1] == laws_table(group="Keeping")
    assert [part.splitlines()[0] for part in laws_table().split("\n\n")] == list(
        dict.fromkeys(entry.group for entry in LAWS.values())
    )


def test_a_law_is_read_with_its_source():
    assert LAWS["exact_count"] == Law(
        "exact_count",
        "Counting",
        "Unstructured: exactly round(sparsity·N) weights are dropped for any scores, all-equal and all-zero included.",
        "selector",
        LAWS["exact_count"].source,
    )
    assert LAWS["nm_groups"].source == "Mishra et al. (2021); Zhou et al. (2021)"
    assert LAWS["paths"].source == "Tanaka et al. (2020); Vysogorets & Kempe (2023)"
    assert {entry.component for entry in LAWS.values()} <= set(COMPONENTS)


# names of tests


@pytest.mark.parametrize(
    ("subject", "component"),
    [
        (mp.Magnitude(), "criterion"),
        (mp.Global(), "allocation"),
        (mp.Unstructured(), "pattern"),
        (mp.Linear(), "schedule"),
        (mp.SET(), "regrowth"),
        (mp.SGD(0.1), "optimizer"),
        (mp.L1(0.1), "penalty"),
        (Framework(), "network"),
        (mp.CSR, "kernel"),
    ],
)
def test_what_a_subject_is_checked_as_is_seen_in_its_class(subject, component):
    mark = parametrize_with_checks([subject]).mark
    laws = checks.properties(component)
    assert mark.args[0] == "check"
    name = getattr(subject, "__name__", None) or repr(subject)
    assert [row.id for row in mark.args[1]] == [f"{name}-{law}" for law, prop in laws.items() if not prop.skip(subject)]


def test_announced_failures_of_a_parametrized_test_may_be_a_mapping():
    def none_go(scores, sparsity):
        return {name: np.ones(s.shape, bool) for name, s in scores.items()}

    for expected in ({"exact_count": "none go"}, lambda subject: {"exact_count": "none go"}):
        rows = parametrize_with_checks(
            [none_go], component="selector", expected_failures=expected, examples=5
        ).mark.args[1]
        rows = {row.id: row.values[0] for row in rows}
        rows["none_go-exact_count"]()
        rows["none_go-zero_is_identity"]()
        with pytest.raises(testing.LawBroken):
            rows["none_go-no_nan_decides"]()


# the framework


NET = network([np.array([[1.0, -2.0], [0.5, 3.0]]), np.ones((2, 2))], biases=[np.ones(2), None])
X, Y = np.array([[1.0, 2.0], [0.5, -1.0], [0.25, 1.0]]), np.array([0, 1, 1])
LOSS = mp.SoftmaxCrossEntropy()


def test_the_frameworks_training_is_two_epochs_with_momentum():
    masks = {"dense1.weight": np.array([[True, False], [True, True]])}
    by_hand = NET.copy()
    by_hand.parameters["dense1.weight"].mask = masks["dense1.weight"]
    optimizer = mp.SGD(0.05, momentum=0.9)
    mp.fit(by_hand, (X, Y), loss=LOSS, optimizer=optimizer, epochs=2, batch_size=2, rng=3, progress=False)
    before = digest(NET)
    assert digest(train(NET, (X, Y), loss=LOSS, masks=masks, seed=3))[0][1:4:2] == digest(by_hand)[0][1:4:2]
    assert digest(NET) == before
    assert digest(train(NET, (X, Y), loss=LOSS)) == digest(train(NET, (X, Y), loss=LOSS, seed=0))
    assert digest(train(NET, (X, Y), loss=LOSS)) != digest(train(NET, (X, Y), loss=LOSS, seed=1))


def test_the_frameworks_ticket_is_half_of_the_weights_in_two_rounds():
    options = {"loss": LOSS, "optimizer": mp.SGD(0.05), "epochs": 1, "progress": False}
    by_hand = mp.lottery_ticket(NET, (X, Y), sparsity=0.5, rounds=2, min_keep=0, rng=4, **options).network
    assert digest(ticket(NET, (X, Y), loss=LOSS, seed=4)) == digest(by_hand)
    assert by_hand.sparsity == 0.5
    assert digest(ticket(NET, (X, Y), loss=LOSS)) == digest(ticket(NET, (X, Y), loss=LOSS, seed=0))


def test_the_frameworks_other_functions(tmp_path):
    net = NET.copy()
    set_mask(net, "dense1.weight", np.array([[True, False], [True, True]]))
    assert sparsity(net) == net.sparsity == 1 / 8
    found = gradients(net, LOSS, X, Y)
    net.backward(LOSS.value_and_gradient(net(X), Y)[1])
    assert {name: g.tolist() for name, g in found.items()} == {n: p.grad.tolist() for n, p in net.parameters.items()}
    for saved in (NET, net):
        save(saved, tmp_path / "n.safetensors")
    again = load(tmp_path / "n.safetensors")
    assert [p.mask.tolist() for p in again.prunable.values()] == [p.mask.tolist() for p in net.prunable.values()]


def test_a_framework_shows_what_is_not_minprunes():
    assert repr(Framework()) == "Framework()"
    assert repr(Framework(copy=mine, save=mine)) == "Framework(copy=mine, save=mine)"
    assert Framework(copy=mine).own == {"copy": mine}


# cases


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.float32(0.5), "0.5"),
        (float("nan"), "float('nan')"),
        (float("-inf"), "float('-inf')"),
        (np.array([1.0, np.nan, -np.inf]), "np.array([1.0, np.nan, -np.inf])"),
        (np.array([[1]], np.uint8), "np.array([[1]], np.uint8)"),
        (np.array([1, 2], np.int64), "np.array([1, 2])"),
        (np.array([True]), "np.array([True])"),
        (np.zeros((0, 3), np.float32), "np.zeros((0, 3), np.float32)"),
        (np.zeros((2, 0)), "np.zeros((2, 0), np.float64)"),
        ({"a": [1, (2,)], "b": (1, 2), "c": ()}, "{'a': [1, (2,)], 'b': (1, 2), 'c': ()}"),
        (np.dtype(np.float32), "np.dtype('float32')"),
        (np.float64, "np.float64"),
        (int, "<class 'int'>"),
        ("text", "'text'"),
        (None, "None"),
        (Given({"a": np.array([1.0])}), "Given({'a': np.array([1.0])})"),
        (Case(a=1, b=np.array([2.0])), "Case(a=1, b=np.array([2.0]))"),
        (network([np.ones((1, 2))]), "network([np.array([[1.0, 1.0]])])"),
        (
            network(
                [np.ones((1, 1)), np.ones((1, 1))],
                biases=[np.ones(1), None],
                activation="tanh",
                masks=[None, np.array([[False]])],
                bias_masks=[np.array([False]), None],
            ),
            "network([np.array([[1.0]]), np.array([[1.0]])], biases=[np.array([0.0]), None], "
            "masks=[None, np.array([[False]])], bias_masks=[np.array([False]), None], activation='tanh')",
        ),
    ],
)
def test_a_value_is_written_so(value, text):
    assert (repr(value) if isinstance(value, Case) else source(value)) == text.replace(
        "np.array([[1.0]])], biases", "np.array([[0.0]])], biases"
    )


def test_given_scores_are_handed_on_as_they_are():
    scores = {"a": np.array([1.0])}
    assert Given(scores).scores(NET) == scores
    assert Given(scores).scores(NET, "data") is not scores


def test_a_digest_sees_every_bit():
    assert digest(NET) == digest(NET.copy())
    for change in (
        lambda p: p.value.__setitem__((0, 0), 9.0),
        lambda p: p.grad.__setitem__((0, 0), 9.0),
        lambda p: setattr(p, "mask", np.array([[True, False], [True, True]])),
    ):
        net = NET.copy()
        change(net.dense[0].weight)
        assert digest(net) != digest(NET)
    assert bits(np.array([0.0])) != bits(np.array([-0.0]))
    assert bits(np.zeros(1)) != bits(np.zeros((1, 1)))
    assert bits(np.zeros(1)) != bits(np.zeros(1, np.int64))
