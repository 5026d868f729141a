import pytest

import minprune
from minprune import errors
from minprune.errors import BudgetError, DivergedError, MinpruneError, did_you_mean


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_is_of_the_family_and_public(name):
    kind = getattr(errors, name)
    assert issubclass(kind, MinpruneError)
    assert getattr(minprune, name) is kind
    assert kind.__doc__


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("InvalidValueError", ValueError),
        ("InvalidTypeError", TypeError),
        ("StorageError", OSError),
        ("BudgetError", ValueError),
        ("DivergedError", ValueError),
    ],
)
def test_each_error_is_the_builtin_it_resembles_and_no_other(name, builtin):
    kind = getattr(errors, name)
    assert [b for b in (ValueError, TypeError, OSError) if issubclass(kind, b)] == [builtin]


def test_a_budget_error_names_the_largest_budget():
    error = BudgetError("asked for 7 of 6", largest=5)
    assert (str(error), error.largest) == ("asked for 7 of 6", 5)
    assert not isinstance(error, DivergedError)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("credti", "; did you mean 'credit'? Known: credit, mnist"),
        ("CREDIT", "; did you mean 'credit'? Known: credit, mnist"),
        ("edxxt", "; did you mean 'credit'? Known: credit, mnist"),  # 6 of the 11 letters of both fit
        ("edxxxxt", "; known: credit, mnist"),  # 6 of 13
        ("xyz", "; known: credit, mnist"),
        ("", "; known: credit, mnist"),
        (None, "; known: credit, mnist"),
        (3.5, "; known: credit, mnist"),
    ],
)
def test_the_nearest_name_is_offered_or_else_the_list(name, expected):
    assert did_you_mean(name, iter(["credit", "mnist"])) == expected


@pytest.mark.parametrize(("name", "meant"), [("Relu", "ReLU"), ("relu", "ReLU"), ("csr", "CSR"), ("Plan", "plan")])
def test_case_does_not_hide_a_name(name, meant):
    """Of two that differ by nothing else, the first is offered and both are listed."""
    assert did_you_mean(name, ["plan", "Plan", "ReLU", "CSR"]) == (
        f"; did you mean {meant!r}? Known: plan, Plan, ReLU, CSR"
    )
