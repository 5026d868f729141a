"""What running laws comes to, on one case that is handed in: no search, so each is quick."""

import re

import numpy as np
import pytest
from hypothesis import strategies as st

from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.testing import Case, running
from minprune.testing.laws import LAWS
from minprune.testing.running import LawBroken, Property, report, run


def never(subject, case):
    raise LawBroken("this", "that")


FAILS = Property(never, lambda subject: st.just(Case(number=7, array=np.zeros(1))))
HOLDS = Property(lambda subject, case: None, FAILS.cases)
ONE = {"examples": 1, "shrink": False}
TEXT = f"""order does not hold for len
    law    {LAWS["order"].statement}
    asked  this
    came   that
    input  number = 7
           array = np.array([0.0])
    paste
        import numpy as np
        from minprune.testing import Case, law
        from builtins import len
        law('order').check(len, Case(number=7, array=np.array([0.0])))"""


def test_a_failure_is_shown_in_full():
    found = run("selector", "order", len, FAILS, **ONE)
    assert (found.law, found.outcome, found.note) == (LAWS["order"], "failed", "asked: this; came: that")
    assert found.text == TEXT
    assert repr(found.case) == "Case(number=7, array=np.array([0.0]))"


def test_an_announced_failure_is_shown_in_full_too():
    found = run("selector", "order", len, FAILS, "some day", **ONE)
    assert (found.law, found.outcome, found.note, found.text) == (LAWS["order"], "expected", "some day", TEXT)
    assert repr(found.case) == "Case(number=7, array=np.array([0.0]))"


def test_a_report_is_of_all_laws_or_of_those_named_with_as_many_examples():
    tried = []
    counts = Property(lambda subject, case: tried.append(case), lambda subject: st.integers().map(lambda k: Case(k=k)))
    laws = {"order": HOLDS, "tiny": counts, "nested": FAILS}
    found = report("selector", len, laws, examples=3, expected_failures={"nested": "some day"})
    assert (found.subject, found.component) == ("len", "selector")
    assert [(each.law.name, each.outcome, each.note) for each in found.results] == [
        ("order", "passed", ""),
        ("tiny", "passed", ""),
        ("nested", "expected", "some day"),
    ]
    assert len(tried) == 3
    assert report("selector", len, laws, laws=["nested", "order"], examples=1).ran == ["nested", "order"]
    assert report("selector", len, laws, laws=[]).ran == []


def test_a_report_runs_each_law_with_what_it_was_told(monkeypatch):
    calls = []
    monkeypatch.setattr(running, "run", lambda *args: calls.append(args))
    laws = {"order": HOLDS, "nested": FAILS}
    report("selector", len, laws, expected_failures={"nested": "some day"})
    report("plan", max, laws, laws=["order"], examples=5)
    assert calls == [
        ("selector", "order", len, HOLDS, None, 100),
        ("selector", "nested", len, FAILS, "some day", 100),
        ("plan", "order", max, HOLDS, None, 5),
    ]


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"laws": ["no"]}, InvalidValueError, "laws must be laws of a selector, got 'no'"),
        ({"laws": ["ordre"]}, InvalidValueError, "laws must be laws of a selector, got 'ordre'; did you mean 'order'?"),
        (
            {"expected_failures": 3},
            InvalidTypeError,
            "expected_failures must be a mapping of laws to reasons, got int in check_selector()",
        ),
        (
            {"expected_failures": ["order"]},
            InvalidTypeError,
            "expected_failures must be a mapping of laws to reasons, got list in check_selector()",
        ),
        (
            {"expected_failures": {"oder": "why"}},
            InvalidValueError,
            "expected_failures must name laws of a selector, got 'oder' in check_selector(); did you mean 'order'?",
        ),
        (
            {"expected_failures": {"order": 3}},
            InvalidValueError,
            "expected_failures['order'] must say why, got 3 in check_selector()",
        ),
        (
            {"expected_failures": {"order": ""}},
            InvalidValueError,
            "expected_failures['order'] must say why, got '' in check_selector()",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_in_these_words(options, error, says):
    with pytest.raises(error) as refused:
        report("selector", len, {"order": HOLDS, "tiny": FAILS}, **options)
    assert re.split(r";? [Kk]nown: ", str(refused.value))[0] == says  # a list of all names may follow
