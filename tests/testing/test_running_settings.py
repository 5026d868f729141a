"""A law is searched the same way whatever Hypothesis has been set to: no profile of the user's changes a report."""

import time

import pytest
from hypothesis import Phase, Verbosity, assume, settings
from hypothesis import strategies as st
from hypothesis.database import InMemoryExampleDatabase

from minprune.testing import Case, LawBroken
from minprune.testing.running import Property, run

DATABASE = InMemoryExampleDatabase()
settings.register_profile(
    "other",
    max_examples=3,
    deadline=1,
    derandomize=False,
    database=DATABASE,
    report_multiple_bugs=True,
    print_blob=True,
    suppress_health_check=[],
    verbosity=Verbosity.debug,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink, Phase.explain],
)


@pytest.fixture(autouse=True)
def other_profile():
    before = settings._current_profile
    settings.load_profile("other")
    yield
    settings.load_profile(before)


ANY = st.integers(1, 1000)


def numbers(check, cases=ANY):
    """Return a property of whole numbers, and those it was tried on."""
    tried = []

    def check_it(subject, case):
        tried.append(case.number)
        check(case.number)

    return Property(check_it, lambda subject: cases.map(lambda k: Case(number=k))), tried


def found(prop, **options):
    return run("selector", "order", "mine", prop, **options)


def test_as_many_cases_as_asked_for_always_the_same_and_none_is_kept(capsys):
    (prop, tried), (again, tried_again) = numbers(lambda k: None), numbers(lambda k: None)
    assert found(prop, examples=25).outcome == found(again, examples=25).outcome == "passed"
    assert tried == tried_again
    assert len(tried) == 25
    assert capsys.readouterr() == ("", "")


def fails_from(k):
    if k >= 17:
        raise LawBroken("less than 17", str(k))


def test_a_failure_is_made_small_in_silence_and_not_kept(capsys):
    prop, _ = numbers(fails_from)
    assert found(prop).case.number == 17
    assert capsys.readouterr() == ("", "")
    assert not DATABASE.data


def test_a_slow_check_is_no_failure():
    prop, tried = numbers(lambda k: time.sleep(0.02))
    assert found(prop, examples=2).outcome == "passed"
    assert len(tried) == 2


def test_cases_that_are_hard_to_find_are_looked_for():
    def rare(k):
        assume(k % 100 == 99)
        return k

    prop, tried = numbers(lambda k: None, st.integers(0, 10000).map(rare))
    assert found(prop, examples=20).outcome == "passed"
    assert tried


def two_ways(k):
    if k == 990:
        raise ZeroDivisionError("another way")
    fails_from(k)


def test_of_two_ways_to_fail_one_is_shown():
    prop, _ = numbers(two_ways, st.one_of(st.just(990), st.integers(1, 1000)))
    result = found(prop)
    assert result.outcome == "failed"
    assert "ExceptionGroup" not in result.text
