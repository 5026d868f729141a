"""Cases are drawn for every law and every subject that it says something about."""

import pytest
from test_skipped import SUBJECTS, made_anew

from minprune.testing.running import run

LAWS = [(component, name) for component in SUBJECTS for name in made_anew(component)]


@pytest.mark.parametrize(("component", "name"), LAWS)
def test_cases_are_drawn_on_which_the_law_holds(component, name):
    prop = made_anew(component)[name]
    for subject in SUBJECTS[component]:
        result = run(component, name, subject, prop, examples=4, shrink=False)
        assert result.outcome == ("skipped" if prop.skip(subject) else "passed"), result.text
