"""What a check reports: counts, announced failures, the smallest case, and lines to paste."""

import subprocess
import sys

import numpy as np
import pytest

import minprune as mp
from minprune.testing import (
    Framework,
    LawBroken,
    Report,
    check_criterion,
    check_framework,
    check_selector,
    checks,
    parametrize_with_checks,
)
from minprune.testing.running import Property, run


def ties_all_go(scores, sparsity):
    flat = np.sort(np.concatenate([s.ravel() for s in scores.values()]))
    count = round(sparsity * flat.size)
    cut = flat[count - 1] if count else -1
    return {name: s > cut for name, s in scores.items()}


def test_a_failure_says_all_there_is_to_say_and_is_small():
    text = check_selector(ties_all_go, laws=["exact_count"])["exact_count"].text
    assert text.splitlines() == [
        "exact_count does not hold for ties_all_go",
        "    law    Unstructured: exactly round(sparsity·N) weights are dropped for any scores, all-equal and all-zero "
        "included.",
        "    asked  round(0.5 · 4) = 2 of 4 weights dropped",
        "    came   4 dropped",
        "    input  scores = {'dense1.weight': np.array([[0.0, 0.0], [0.0, 0.0]], np.float32)}",
        "           sparsity = 0.5",
        "    paste",
        "        import numpy as np",
        "        from minprune.testing import Case, law",
        "        from test_reports import ties_all_go",
        "        law('exact_count').check(ties_all_go, Case(scores={'dense1.weight': np.array([[0.0, 0.0], "
        "[0.0, 0.0]], np.float32)}, sparsity=0.5))",
    ]


def test_the_same_check_finds_the_same_case():
    one, two = (check_selector(ties_all_go, laws=["exact_count"], examples=30)["exact_count"] for _ in range(2))
    assert repr(one.case) == repr(two.case)


def test_a_report_counts_and_is_a_table():
    report = check_selector(ties_all_go, laws=["exact_count", "order"], examples=30)
    assert (report.ran, report.passed, report.failed) == (["exact_count", "order"], ["order"], ["exact_count"])
    assert not report.ok
    assert repr(report).splitlines()[0] == "ties_all_go: 2 laws ran, 1 passed, 1 failed"
    assert repr(report).splitlines()[-1].split() == ["order", "passed"]
    with pytest.raises(LawBroken, match="ties_all_go to keep 2 laws; came: \n\nexact_count does not hold"):
        report.raise_for_failures()


def test_a_failure_that_was_announced_is_none():
    report = check_selector(
        ties_all_go, laws=["exact_count", "order"], examples=30, expected_failures={"exact_count": "ties all go"}
    )
    assert report.ok
    assert report.expected == ["exact_count"]
    assert "2 laws ran, 1 passed, 0 failed, 1 failed as expected" in repr(report)
    report.raise_for_failures()


def test_an_announced_failure_that_does_not_come_is_one():
    report = check_selector(ties_all_go, laws=["order"], examples=30, expected_failures={"order": "not yet done"})
    assert report.failed == ["order"]
    assert report["order"].note == (
        "it was expected to fail (not yet done), and passed: take it out of expected_failures"
    )
    with pytest.raises(LawBroken, match="take it out of expected_failures"):
        report.raise_for_failures()


def test_no_law_checked_is_a_failure():
    report = check_criterion(mp.Magnitude(), laws=["fisher_by_hand"])
    assert (report.ran, report.skipped) == ([], ["fisher_by_hand"])
    assert report["fisher_by_hand"].note == "it is no Fisher"
    assert not report.ok
    with pytest.raises(LawBroken, match="at least one law to be checked; came: none ran"):
        report.raise_for_failures()
    assert not Report("nothing", "selector").ok


def test_a_subject_that_crashes_fails_with_what_it_raised():
    def crashes(scores, sparsity):
        return scores["nothing"]

    result = check_selector(crashes, laws=["order"], examples=5)["order"]
    assert result.note == "asked: an answer; came: KeyError: 'nothing' (a KeyError from inside)"
    assert "# subject = crashes, which is yours: put it here" in result.text


def test_a_subject_that_writes_into_its_scores_does_not_change_the_case_that_is_shown():
    def writes(scores, sparsity):
        for s in scores.values():
            s[...] = -1
        return {name: s > 0 for name, s in scores.items()}

    assert "-1" not in check_selector(writes, laws=["exact_count"])["exact_count"].text


def test_a_failure_that_comes_and_goes_is_a_failure():
    calls = []

    def sometimes(subject, case):
        calls.append(case)
        assert len(calls) != 3, "the third time"

    prop = Property(sometimes, checks.properties("selector")["order"].cases)
    result = run("selector", "order", ties_all_go, prop, examples=10)
    assert result.outcome == "failed"
    assert "the third time" in result.note


def test_where_no_case_can_be_drawn_it_is_no_fault_of_the_subject():
    def cases(subject):
        raise RuntimeError("no cases")

    with pytest.raises(RuntimeError, match="no cases"):
        run("selector", "order", ties_all_go, Property(lambda subject, case: None, cases))


ANNOUNCED = {
    "exact_count": "equal scores go together",
    "tiny": "equal scores go together",
    "no_nan_decides": "it does not look",
}


@parametrize_with_checks([ties_all_go], component="selector", examples=20, expected_failures=lambda subject: ANNOUNCED)
def test_it_is_one_test_for_each_law(check):
    check()


def test_parametrized_tests_have_ids_and_leave_out_what_says_nothing():
    ids = [row.id for row in parametrize_with_checks([mp.Magnitude()]).args[1]]
    assert ids == [
        f"Magnitude()-{name}" for name in ("scores_shape", "scoring_is_pure", "scoring_repeats", "sign_free")
    ]


def test_a_parametrized_test_fails_with_the_whole_text():
    rows = parametrize_with_checks([ties_all_go], component="selector", examples=20).args[1]
    (row,) = [row for row in rows if row.id == "ties_all_go-exact_count"]
    with pytest.raises(LawBroken, match="exact_count does not hold for ties_all_go"):
        row.values[0]()


def test_a_framework_is_checked_part_by_part():
    def shallow(net):
        return net

    report = check_framework(
        Framework(copy=shallow),
        parts=["network", "complexity"],
        examples=5,
        expected_failures={"copy_is_deep": "shared"},
    )
    assert report.expected == ["copy_is_deep"]
    assert report.passed == ["refused_unchanged", "paths", "flops_honest"]
    assert check_framework(parts=["network", "complexity"], laws=["paths"], examples=5).ran == ["paths"]


def test_without_hypothesis_there_is_the_table_and_a_clear_error():
    lines = """
import sys
sys.modules["hypothesis"] = None
from minprune.testing import Case, LAWS, laws_table
from minprune.testing.laws import law
print(len(LAWS))
for ask in (lambda: __import__("minprune.testing").testing.check_selector, lambda: law("order").check):
    try:
        ask()
    except ImportError as error:
        print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "74",
        "MissingHypothesisError minprune.testing needs hypothesis for 'check_selector', which is not installed: "
        "pip install 'minprune[test]'",
        "MissingHypothesisError minprune.testing needs hypothesis for \"law('order').check\", which is not installed: "
        "pip install 'minprune[test]'",
    ]


def test_importing_minprune_imports_no_testing():
    lines = "import sys, minprune, minprune.cli; minprune.plan; print('minprune.testing' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
