"""What each check asks of what it is handed, and what it hands on: every word of a refusal, every option."""

import re

import numpy as np
import pytest

import minprune as mp
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.testing import Framework, Report, checks, running
from minprune.testing.checks import COMPONENTS, FRAMEWORK, check, check_framework, check_selector
from minprune.testing.laws import LAWS


def mine(scores, sparsity):
    return None


PARTS = {  # the check of a component, a part of that kind, and what another has to have
    "criterion": (mp.Magnitude(), "scores"),
    "allocation": (mp.Uniform(), "groups"),
    "pattern": (mp.Blocks((2, 1)), "units"),
    "schedule": (mp.Linear(), "due"),
    "regrowth": (mp.SET(), "masks"),
    "optimizer": (mp.SGD(0.1), "step"),
    "penalty": (mp.L1(0.1), "shrink"),
}
FUNCTIONS = {"plan": "plan", "program": "compile_fn"}


@pytest.fixture
def handed(monkeypatch):
    """What is handed on to `check`, which returns its number."""
    calls = []

    def record(*args, **options):
        calls.append((args, options))
        return f"report {len(calls)}"

    monkeypatch.setattr(checks, "check", record)
    return calls


HANDED = [
    *((name, name, part) for name, (part, _) in PARTS.items()),
    *((name, name, mine) for name in FUNCTIONS),
    ("kernel", "kernel", mp.CSR),
    ("selector", "selector", mine),
]


@pytest.mark.parametrize(("name", "component", "part"), HANDED, ids=[name for name, *_ in HANDED])
def test_a_check_hands_on_its_part_and_all_options(handed, name, component, part):
    function = getattr(checks, f"check_{name}")
    options = {"examples": 3, "laws": ["a"], "expected_failures": {"a": "why"}}
    assert function(part, **options) == "report 1"
    assert function(part) == "report 2"
    assert handed == [((component, part), options), ((component, part), {})]


def test_a_selector_is_checked_for_the_network_or_layer_by_layer(handed):
    for scope in ("network", "layer"):
        check_selector(mine, scope=scope, examples=2)
    assert handed == [(("selector", mine), {"examples": 2}), (("local_selector", mine), {"examples": 2})]


def test_a_check_asks_for_a_report_with_all_that_it_was_told(monkeypatch):
    calls = []
    monkeypatch.setattr(checks, "report", lambda *args, **options: calls.append((args, options)))
    check("plan", mine)
    check("masks", mine, expected_failures={"a": "why"}, laws=["b"], examples=7)
    assert calls == [
        (("plan", mine, checks.properties("plan")), {"expected_failures": None, "laws": None, "examples": 100}),
        (
            ("masks", mine, checks.properties("masks")),
            {"expected_failures": {"a": "why"}, "laws": ["b"], "examples": 7},
        ),
    ]


# refusals


class Without:
    def __repr__(self):
        return "something else"


SAID = [
    *(
        (name, Without(), f"{name} must have {method}(), got something else in check_{name}()")
        for name, (_, method) in PARTS.items()
    ),
    *(
        (
            name,
            type(part),
            f"{name} must have {method}(), got {type(part).__name__} in check_{name}(); pass an instance: "
            f"{type(part).__name__}()",
        )
        for name, (part, method) in PARTS.items()
    ),
    *((name, 3, f"{argument} must be a function, got int in check_{name}()") for name, argument in FUNCTIONS.items()),
    ("selector", 3, "select must be a function, got int in check_selector()"),
    ("kernel", Without(), "kind must have from_dense(), got something else in check_kernel()"),
    ("kernel", Without, "kind must have from_dense(), got Without in check_kernel()"),
    ("framework", 3, "framework must be a Framework, got int in check_framework()"),
    ("framework", "", "framework must be a Framework, got str in check_framework()"),
]


@pytest.mark.parametrize(("name", "value", "says"), SAID, ids=[says for *_, says in SAID])
def test_a_check_refuses_another_kind_of_thing_in_these_words(name, value, says):
    with pytest.raises(InvalidTypeError) as refused:
        getattr(checks, f"check_{name}")(value)
    assert str(refused.value) == says


@pytest.mark.parametrize("name", PARTS)
def test_what_only_has_something_of_that_name_will_not_do(name):
    method = PARTS[name][1]
    with pytest.raises(InvalidTypeError, match=rf"{name} must have {method}\(\)"):
        getattr(checks, f"check_{name}")(type("Only", (), {method: 3})())


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (
            lambda: check("selektor", mine),
            "component must be a known name, got 'selektor' in check(); did you mean 'selector'?",
        ),
        (lambda: check("plan", mine, examples=0), "examples must be at least 1, got 0 in check_plan()"),
        (lambda: check("masks", mine, examples=0), "examples must be at least 1, got 0 in check_masks()"),
        (
            lambda: check_selector(mine, scope="lair"),
            "scope must be a known name, got 'lair' in check_selector(); did you mean 'layer'?",
        ),
        (
            lambda: check_framework(parts=["mask"]),
            "parts must be a known name, got 'mask' in check_framework(); did you mean 'masks'?",
        ),
        (
            lambda: check_framework(parts=["masks", "network"], laws=["paths"]),
            "'paths' is no law of masks, network in check_framework()",
        ),
        (
            lambda: check_framework(parts=["masks"], expected_failures={"paths": "why"}),
            "'paths' is no law of masks in check_framework()",
        ),
        (
            lambda: checks.parametrize_with_checks([]),
            "subjects must hold at least one, got none in parametrize_with_checks()",
        ),
        (
            lambda: checks.parametrize_with_checks([3]),
            "component must be given for 3 in parametrize_with_checks(): what is it to be checked as?",
        ),
        (
            lambda: checks.parametrize_with_checks([int]),
            "component must be given for int in parametrize_with_checks(): what is it to be checked as?",
        ),
        (
            lambda: checks.parametrize_with_checks([mine], component="selectr"),
            "component must be a known name, got 'selectr' in parametrize_with_checks(); did you mean 'selector'?",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_in_these_words(ask, says):
    with pytest.raises(InvalidValueError) as refused:
        ask()
    assert re.split(r";? [Kk]nown: ", str(refused.value))[0] == says  # a list of all names may follow


# frameworks


@pytest.fixture
def parts_asked(monkeypatch):
    """What `check` is asked of each part of a framework; its report holds that part's first law."""
    calls = []

    def record(part, subject, **options):
        calls.append((part, subject, options))
        name = next(iter(checks.properties(part)))
        return Report("", part, (running.Result(LAWS[name], "passed", part),))

    monkeypatch.setattr(checks, "check", record)
    return calls


def test_a_framework_is_checked_part_by_part_and_the_reports_are_put_together(parts_asked):
    subject = Framework(copy=mine)
    report = check_framework(subject, examples=3)
    assert parts_asked == [
        (part, subject, {"expected_failures": {}, "laws": None, "examples": 3}) for part in FRAMEWORK
    ]
    assert (report.subject, report.component) == ("Framework(copy=mine)", "framework")
    assert [result.note for result in report.results] == list(FRAMEWORK)
    assert check_framework().subject == "Framework()"


def test_each_part_of_a_framework_is_told_of_its_own_laws_and_failures_only(parts_asked):
    expected = {"copy_is_deep": "shared", "paths": "slow", "flops_honest": "why not"}
    laws = ["paths", "refused_unchanged", "copy_is_deep"]
    check_framework(parts=["network", "masks", "complexity"], expected_failures=expected, laws=laws)
    assert [(part, options) for part, _, options in parts_asked] == [
        ("network", {"expected_failures": {"copy_is_deep": "shared"}, "laws": ["refused_unchanged", "copy_is_deep"]}),
        ("masks", {"expected_failures": {}, "laws": []}),
        ("complexity", {"expected_failures": {"paths": "slow", "flops_honest": "why not"}, "laws": ["paths"]}),
    ]


def test_laws_and_failures_of_a_framework_may_be_none(parts_asked):
    check_framework(parts=["masks"], expected_failures=None, laws=None)
    assert parts_asked[0][2] == {"expected_failures": {}, "laws": None}


# names of tests

SUBJECTS = {
    "criterion": mp.Magnitude(),
    "allocation": mp.Global(),
    "pattern": mp.Unstructured(),
    "schedule": mp.Linear(),
    "regrowth": mp.SET(),
    "optimizer": mp.SGD(0.1),
    "penalty": mp.L1(0.1),
    "network": Framework(),
    "kernel": mp.CSR,
}


@pytest.mark.parametrize("component", SUBJECTS)
def test_what_a_subject_is_checked_as_is_seen_in_its_class(component):
    subject = SUBJECTS[component]
    mark = checks.parametrize_with_checks([subject]).mark
    laws = checks.properties(component)
    name = getattr(subject, "__name__", None) or repr(subject)
    assert (mark.name, mark.args[0]) == ("parametrize", "check")
    assert [row.id for row in mark.args[1]] == [f"{name}-{law}" for law, prop in laws.items() if not prop.skip(subject)]


@pytest.mark.parametrize("given", [None, {"order": "why"}, lambda subject: {"order": f"why of {subject.__name__}"}])
def test_each_parametrized_test_runs_one_law_as_it_was_announced(monkeypatch, given):
    calls = []

    def record(*args):
        calls.append(args)
        return running.Result(LAWS["tiny"], "failed", "", "in full")

    monkeypatch.setattr(checks, "run", record)
    rows = checks.parametrize_with_checks([mine], component="selector", expected_failures=given).mark.args[1]
    for row in rows:
        with pytest.raises(running.LawBroken, match="in full"):
            row.values[0]()
    why = None if given is None else "why" if isinstance(given, dict) else "why of mine"
    laws = checks.properties("selector")
    assert calls == [
        ("selector", name, mine, prop, why if name == "order" else None, 100) for name, prop in laws.items()
    ]
    (row, *_) = checks.parametrize_with_checks([mine, mine], component="selector", examples=4).mark.args[1]
    with pytest.raises(running.LawBroken):
        row.values[0]()
    assert calls[-1][-1] == 4


def test_announced_failures_of_a_parametrized_test_may_be_a_mapping_or_a_function():
    def none_go(scores, sparsity):
        return {name: np.ones(s.shape, bool) for name, s in scores.items()}

    for expected in ({"exact_count": "none go"}, lambda subject: {"exact_count": "none go"}):
        rows = checks.parametrize_with_checks(
            [none_go], component="selector", expected_failures=expected, examples=5
        ).mark.args[1]
        rows = {row.id: row.values[0] for row in rows}
        rows["none_go-exact_count"]()
        rows["none_go-zero_is_identity"]()
        with pytest.raises(running.LawBroken):
            rows["none_go-no_nan_decides"]()


def test_every_component_has_laws_and_says_what_it_skips():
    assert COMPONENTS == (
        "selector", "local_selector", "plan", "criterion", "allocation", "pattern", "schedule", "regrowth",
        "optimizer", "penalty", "kernel", "program", "masks", "training", "compaction", "complexity", "storage",
        "network",
    )  # fmt: skip
    assert all(set(checks.properties(component)) <= set(LAWS) for component in COMPONENTS)
