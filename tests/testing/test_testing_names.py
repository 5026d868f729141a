"""The names of the kit: each comes from its module when it is asked for, with Hypothesis or without."""

import re
import sys
from importlib import import_module

import pytest

from minprune import testing

PLAIN = {"LAWS", "Law", "law", "laws_table", "Case", "Given", "network", "Framework", "laws", "cases", "framework"}
HOMES = {
    "laws": ["LAWS", "Law", "law", "laws_table"],
    "cases": ["Case", "Given", "network"],
    "running": ["LawBroken", "Report", "Result"],
    "framework": ["Framework"],
    "checks": [
        "check_allocation", "check_criterion", "check_framework", "check_kernel", "check_optimizer", "check_pattern",
        "check_penalty", "check_plan", "check_program", "check_regrowth", "check_schedule", "check_selector",
        "parametrize_with_checks",
    ],
}  # fmt: skip
MODULES = ["broken", "cases", "checks", "framework", "laws", "running", "strategies"]
NAMES = [*(name for names in HOMES.values() for name in names), *MODULES]


def ask(name):
    """Ask for a name as if its module had not been imported: an imported one is an attribute by itself."""
    return testing.__getattr__(name)


@pytest.mark.parametrize("home", HOMES)
def test_a_name_is_that_of_its_module(home):
    for name in HOMES[home]:
        assert ask(name) is getattr(import_module(f"minprune.testing.{home}"), name)
        assert getattr(testing, name) is ask(name)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_had_by_its_name(name):
    assert ask(name) is sys.modules[f"minprune.testing.{name}"]


def test_these_are_all_names():
    assert sorted(testing.__all__) == sorted(name for names in HOMES.values() for name in names)
    assert dir(testing) == sorted(dir(testing))
    assert {*testing.__all__, *MODULES, "need_hypothesis", "MissingHypothesisError"} <= set(dir(testing))
    assert all(getattr(testing, name) is not None for name in dir(testing))
    assert len(dir(testing)) == len(set(dir(testing)))


@pytest.mark.parametrize(
    ("name", "like"), [("check_selectr", "check_selector"), ("stratgies", "strategies"), ("law_table", "laws_table")]
)
def test_a_name_that_there_is_not_is_told_which_it_may_have_been(name, like):
    with pytest.raises(AttributeError) as refused:
        ask(name)
    said = re.split(r";? [Kk]nown: ", str(refused.value))[0]  # a list of all names may follow
    assert said == f"minprune.testing has no {name!r}; did you mean {like!r}?"


@pytest.mark.parametrize("name", NAMES)
def test_without_hypothesis_there_are_the_laws_cases_and_framework(monkeypatch, name):
    asked = []
    monkeypatch.setattr(testing.util, "find_spec", lambda module: asked.append(module))
    if name in PLAIN:
        assert ask(name) is not None
        assert not asked
        return
    with pytest.raises(testing.MissingHypothesisError) as refused:
        ask(name)
    assert asked == ["hypothesis"]
    assert str(refused.value) == (
        f"minprune.testing needs hypothesis for {name!r}, which is not installed: pip install 'minprune[test]'"
    )


def test_what_is_missing_is_an_import_error():
    assert issubclass(testing.MissingHypothesisError, ImportError)
    assert testing.need_hypothesis("anything") is None
