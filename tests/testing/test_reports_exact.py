"""What a report, a table and a refusal say, word for word; and what each check hands on to its laws."""

import numpy as np
import pytest
from hypothesis import strategies as st

import minprune as mp
from minprune.errors import InvalidValueError
from minprune.pruning.allocation import Curves
from minprune.testing import Case, Framework, LawBroken, Report, network, running
from minprune.testing.laws import LAWS
from minprune.testing.running import Property, Result, called, reproduction, run


def below(number):
    """Return a property that fails from a number on, and what it was tried on."""
    tried = []

    def check_it(subject, case):
        tried.append(case.number)
        running.demand(case.number < number, f"less than {number}", case.number)

    return Property(check_it, lambda subject: st.integers(1, 1000).map(lambda k: Case(number=k))), tried


def result(name, outcome, note=""):
    return Result(LAWS[name], outcome, note, f"{name} in full")


FULL = Report(
    "mine",
    "selector",
    (
        result("order", "passed"),
        result("tiny", "failed", "asked: a; came: b"),
        result("nested", "expected", "not yet"),
        result("exact_count", "skipped", "it is none"),
        result("permutation", "failed"),
    ),
)


def test_a_report_is_a_table_of_all_that_ran():
    assert repr(FULL).splitlines() == [
        "mine: 4 laws ran, 1 passed, 2 failed, 1 failed as expected, 1 skipped",
        "law          outcome",
        "────────────────────────────────────────",
        "order        passed",
        "tiny         failed    asked: a; came: b",
        "nested       expected  not yet",
        "exact_count  skipped   it is none",
        "permutation  failed",
    ]
    assert repr(Report("mine", "selector")).splitlines()[0] == "mine: 0 laws ran, 0 passed, 0 failed"
    assert FULL["nested"].note == "not yet"
    with pytest.raises(KeyError):
        FULL["sign_free"]


def test_a_report_sorts_its_laws_by_outcome():
    assert FULL.ran == ["order", "tiny", "nested", "permutation"]
    assert (FULL.passed, FULL.failed) == (["order"], ["tiny", "permutation"])
    assert (FULL.expected, FULL.skipped) == (["nested"], ["exact_count"])
    assert not FULL.ok


@pytest.mark.parametrize(
    ("results", "ok"),
    [((), False), (("passed",), True), (("expected",), True), (("skipped",), False), (("passed", "failed"), False)],
)
def test_a_report_is_well_if_something_ran_and_nothing_failed(results, ok):
    assert Report("mine", "selector", tuple(result("order", outcome) for outcome in results)).ok == ok


def test_all_failures_are_raised_as_one():
    with pytest.raises(LawBroken) as error:
        FULL.raise_for_failures()
    assert (error.value.asked, error.value.came) == ("mine to keep 4 laws", "\n\ntiny in full\n\npermutation in full")
    assert str(error.value) == "asked: mine to keep 4 laws; came: \n\ntiny in full\n\npermutation in full"
    with pytest.raises(LawBroken) as error:
        Report("mine", "selector").raise_for_failures()
    assert str(error.value) == "asked: at least one law to be checked; came: none ran for mine"


@pytest.mark.parametrize("outcome", ["passed", "skipped", "expected", "failed"])
def test_one_failure_is_raised_with_its_law(outcome):
    if outcome != "failed":
        result("order", outcome).raise_for_failure()
        return
    with pytest.raises(LawBroken) as error:
        result("order", outcome).raise_for_failure()
    assert (error.value.asked, error.value.came) == (LAWS["order"].statement, "order in full")


# a search


def test_a_search_tries_as_many_cases_as_it_is_told_always_the_same():
    (prop, tried), (again, tried_again) = below(2000), below(2000)
    assert run("selector", "order", "mine", prop, examples=17).outcome == "passed"
    assert len(tried) == 17
    run("selector", "order", "mine", again, examples=17)
    assert tried == tried_again
    hundred, tried = below(2000)
    assert run("selector", "order", "mine", hundred).outcome == "passed"
    assert len(tried) == 100


def test_a_search_makes_what_it_found_small_unless_told_not_to():
    prop, _ = below(7)
    assert run("selector", "order", "mine", prop).case.number == 7
    prop, tried = below(2)
    found = run("selector", "order", "mine", prop, shrink=False).case.number
    assert found == next(number for number in tried if number >= 2)


def test_a_result_says_what_became_of_a_law():
    prop, _ = below(7)
    failed = run("selector", "order", "mine", prop)
    assert (failed.law, failed.outcome, failed.note) == (LAWS["order"], "failed", "asked: less than 7; came: 7")
    assert failed.text.splitlines()[:6] == [
        "order does not hold for 'mine'",
        f"    law    {LAWS['order'].statement}",
        "    asked  less than 7",
        "    came   7",
        "    input  number = 7",
        "    paste",
    ]
    expected = run("selector", "order", "mine", prop, "some day")
    assert (expected.outcome, expected.note, expected.text) == ("expected", "some day", failed.text)
    assert repr(expected.case) == "Case(number=7)"
    prop, _ = below(2000)
    passed = run("selector", "order", "mine", prop)
    assert passed == Result(LAWS["order"], "passed", "", "", None)
    late = run("selector", "order", "mine", prop, "some day")
    note = "it was expected to fail (some day), and passed: take it out of expected_failures"
    assert late == Result(LAWS["order"], "failed", note, f"order: {note}", None)
    skipping = Property(prop.check, prop.cases, lambda subject: f"{subject} is none")
    assert run("selector", "order", "mine", skipping) == Result(LAWS["order"], "skipped", "mine is none")


def test_a_note_is_one_line_that_fits():
    def check_it(subject, case):
        raise LawBroken("a" * 100 + "\nmore", "b" * 100)

    prop = Property(check_it, lambda subject: st.just(Case(k=1)))
    assert run("selector", "order", "mine", prop).note == "asked: " + "a" * 100

    def check_long(subject, case):
        raise LawBroken("a" * 100, "b" * 100)

    note = run("selector", "order", "mine", Property(check_long, prop.cases)).note
    assert note == ("asked: " + "a" * 100 + "; came: " + "b" * 100)[:140]


@pytest.mark.parametrize(
    ("error", "came"),
    [
        (ZeroDivisionError("by 0"), "ZeroDivisionError: by 0 (a ZeroDivisionError from inside)"),
        (InvalidValueError("k must be 1"), "InvalidValueError: k must be 1"),
    ],
)
def test_what_a_subject_raises_is_shown(error, came):
    def check_it(subject, case):
        raise error

    found = run("selector", "order", "mine", Property(check_it, lambda subject: st.just(Case(k=1))))
    assert found.note == f"asked: an answer; came: {came}"


def test_a_check_gets_a_copy_of_its_case():
    def check_it(subject, case):
        case.array[...] = 9
        raise LawBroken("a", "b")

    prop = Property(check_it, lambda subject: st.just(Case(array=np.zeros(1))))
    assert "array = np.array([0.0])" in run("selector", "order", "mine", prop).text


# names and lines to paste


def mine(scores, sparsity):
    return None


class Mine:
    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        (mine, "mine"),
        (Mine, "Mine"),
        (Mine("m" * 80), "m" * 80),
        (Mine("m" * 81), "m" * 77 + "…"),
        (mp.L1(0.1), "L1(0.1)"),
    ],
)
def test_a_subject_is_called_by_its_name_or_shown(subject, name):
    assert called(subject) == name


CASE = Case(number=1)
NET = Case(network=network([np.ones((1, 1))]), number=2)
PASTED = [
    (
        mine,
        "order",
        "selector",
        CASE,
        [
            "from minprune.testing import Case, law",
            f"from {__name__} import mine",
            "law('order').check(mine, Case(number=1))",
        ],
    ),
    (
        mine,
        "order",
        "allocation",
        NET,
        [
            "from minprune.testing import Case, law, network",
            f"from {__name__} import mine",
            "law('order').check_of('allocation')(mine, Case(network=network([np.array([[1.0]])]), number=2))",
        ],
    ),
    (
        mp.L1(0.1),
        "prox_zeroes",
        "penalty",
        CASE,
        [
            "from minprune.testing import Case, law",
            "from minprune.nn.penalties import L1",
            "law('prox_zeroes').check(L1(0.1), Case(number=1))",
        ],
    ),
    (
        mp.Saliency(mp.MeanSquaredError()),
        "scores_shape",
        "criterion",
        CASE,
        [
            "from minprune.testing import Case, law",
            "from minprune import MeanSquaredError",
            "from minprune.pruning.criteria.gradient import Saliency",
            "law('scores_shape').check(Saliency(MeanSquaredError()), Case(number=1))",
        ],
    ),
    (
        mp.Sensitivity(Curves(0.0, {}, {})),
        "exact_count",
        "allocation",
        CASE,
        [
            "from minprune.testing import Case, law",
            "from minprune.pruning.allocation import Curves",
            "from minprune.pruning.allocation.sensitivity import Sensitivity",
            "law('exact_count').check_of('allocation')(Sensitivity(Curves(0.0, {}, {})), Case(number=1))",
        ],
    ),
    (
        Mine("something"),
        "order",
        "selector",
        CASE,
        [
            "from minprune.testing import Case, law",
            "# subject = something, which is yours: put it here",
            "law('order').check(subject, Case(number=1))",
        ],
    ),
    (
        lambda scores, sparsity: None,
        "order",
        "selector",
        CASE,
        [
            "from minprune.testing import Case, law",
            "# subject = <lambda>, which is yours: put it here",
            "law('order').check(subject, Case(number=1))",
        ],
    ),
    (
        Framework(copy=mine),
        "copy_is_deep",
        "network",
        CASE,
        [
            "from minprune.testing import Case, Framework, law",
            f"from {__name__} import mine",
            "law('copy_is_deep').check(Framework(copy=mine), Case(number=1))",
        ],
    ),
    (
        Framework(),
        "copy_is_deep",
        "network",
        CASE,
        ["from minprune.testing import Case, Framework, law", "law('copy_is_deep').check(Framework(), Case(number=1))"],
    ),
]


@pytest.mark.parametrize(("subject", "name", "component", "case", "lines"), PASTED)
def test_the_lines_to_paste(subject, name, component, case, lines):
    text = reproduction(LAWS[name], component, subject, case)
    assert text.splitlines() == ["import numpy as np", *lines]


def test_what_is_made_in_a_script_is_to_be_put_there(monkeypatch):
    monkeypatch.setattr(mine, "__module__", "__main__")
    assert "# subject = mine, which is yours: put it here" in reproduction(LAWS["order"], "selector", mine, CASE)
