"""What a pattern's refusal is asked for: the largest count that it names, and a unit more."""

from test_check_pattern import EXACT, HALF

from minprune.errors import BudgetError
from minprune.testing.checks import pattern


def test_the_count_that_is_named_is_asked_for_and_then_a_unit_more(monkeypatch):
    asked, found = [], pattern.masks_of(EXACT, HALF, sparsity=6 / 20)

    def masks_of(which, case, **changes):
        assert (which, case) == (EXACT, HALF)
        asked.append(changes)
        return found if len(asked) == 1 else None

    monkeypatch.setattr(pattern, "masks_of", masks_of)
    pattern._largest(EXACT, HALF, BudgetError("at most 6", 6), 3)
    assert asked == [{"sparsity": 6 / 20}, {"sparsity": 9 / 20}]


def test_beyond_the_last_but_one_weight_nothing_more_is_asked_for(monkeypatch):
    asked, found = [], pattern.masks_of(EXACT, HALF, sparsity=17 / 20)
    monkeypatch.setattr(pattern, "masks_of", lambda which, case, **changes: asked.append(changes) or found)
    pattern._largest(EXACT, HALF, BudgetError("at most 17", 17), 3)
    assert asked == [{"sparsity": 17 / 20}]
