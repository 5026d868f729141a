"""What the checks are checked with: each broken implementation fails on its own law, and on none that it could keep."""

from functools import cache

import pytest

from minprune.testing.broken import BROKEN
from minprune.testing.checks import properties
from minprune.testing.laws import LAWS
from minprune.testing.running import LawBroken, run


@cache
def found(name):
    """Return what comes of checking a broken one for its own law, as it was found."""
    entry = BROKEN[name]
    return run(
        entry.component, entry.law, entry.subject, properties(entry.component)[entry.law], examples=60, shrink=False
    )


@pytest.mark.parametrize("name", BROKEN)
def test_it_fails_on_its_law_and_on_no_other(name):
    entry = BROKEN[name]
    laws = properties(entry.component)
    assert found(name).outcome == "failed", f"{entry.subject} keeps {name}"
    others = [law for law in laws if law != entry.law and law not in entry.also]
    failed = [r.text for law in others if (r := run(entry.component, law, entry.subject, laws[law], examples=8)).text]
    assert not failed, "\n\n".join(failed)


@pytest.mark.parametrize("name", BROKEN)
def test_the_lines_to_paste_show_it_again(name):
    lines = found(name).text.split("    paste\n")[1]
    with pytest.raises(Exception) as error:
        exec("\n".join(line.strip() for line in lines.splitlines()), {"subject": BROKEN[name].subject})
    crashes = name in ("schedule_degenerate",)  # there it is the subject that divides by zero
    assert isinstance(error.value, ZeroDivisionError if crashes else LawBroken)


def test_no_law_is_without_one():
    assert {name for name in BROKEN if " of a" not in name} == set(LAWS)
    assert all(entry.law in LAWS for entry in BROKEN.values())
