"""The laws as a table: every entry against a reading of the text line by line, and what is printed word for word.

python tests/testing/test_laws_table.py       # writes said/laws.txt anew
"""

import re
from pathlib import Path

import pytest

from minprune import cli, testing
from minprune.errors import InvalidValueError
from minprune.testing import LAWS, Law, law, laws, laws_table
from minprune.testing.checks import COMPONENTS, properties
from minprune.testing.statements import TEXT

SAID = Path(__file__).parent / "said" / "laws.txt"
GROUPS = [
    "Counting",
    "Selection",
    "Criteria",
    "Masks",
    "Training",
    "Schedules, tickets, regrowth",
    "Patterns and structure",
    "Inference",
    "Keeping",
]


def read_slowly():
    """Read the text block by block: a group's name, then two lines for each law."""
    entries = []
    for block in TEXT.strip("\n").split("\n\n"):
        group, *lines = block.split("\n")
        assert len(lines) % 2 == 0
        for first, second in zip(lines[::2], lines[1::2], strict=True):
            name, component, source = re.fullmatch(r"(\w+) \((\w+)\): (\S.*\S)", first).groups()
            (statement,) = re.fullmatch(r"    (\S.*\.)", second).groups()
            entries.append(Law(name=name, group=group, statement=statement, component=component, source=source))
    return entries


def test_the_table_is_what_the_text_says_in_its_order():
    entries = read_slowly()
    assert laws._read(TEXT) == LAWS == {entry.name: entry for entry in entries}
    assert list(laws._read(TEXT)) == list(LAWS) == [entry.name for entry in entries]
    assert list(dict.fromkeys(entry.group for entry in entries)) == GROUPS
    assert len(entries) == len(LAWS) == 74


def test_a_source_may_hold_a_colon_and_a_law_may_stand_before_any_group():
    text = "one (plan): who: what (when)\n    It is: so.\n\nGroup (of some)\ntwo (matriX): x\n  Or so.\n\n"
    assert laws._read(text) == {
        "one": Law("one", "", "It is: so.", "plan", "who: what (when)"),
        "two": Law("two", "Group (of some)", "Or so.", "matriX", "x"),
    }
    assert laws._read("") == {}


def test_each_law_is_checked_for_the_component_that_it_is_of():
    assert {entry.component for entry in LAWS.values()} <= set(COMPONENTS)
    for entry in LAWS.values():
        assert entry.check is properties(entry.component)[entry.name].check


def test_a_law_is_checked_for_other_components_too():
    assert law("order").check_of("allocation") is properties("allocation")["order"].check
    assert law("order").check_of("local_selector") is not law("order").check


@pytest.mark.parametrize("name", ["order", "copy_is_deep", "exact_count"])
def test_a_law_is_asked_for_by_name(name):
    assert law(name) is LAWS[name]


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: law("ordr"), "name must be that of a law, got 'ordr' in law(); did you mean 'order'?"),
        (lambda: law("order").check_of("criterion"), "order is no law of a criterion"),
        (lambda: law("order").check_of("regrowth"), "order is no law of a regrowth"),
        (lambda: law("paths").check_of("pattern"), "paths is no law of a pattern"),
        (
            lambda: laws_table(group="Keping"),
            "group must be one of the laws' groups, got 'Keping'; did you mean 'Keeping'?",
        ),
        (
            lambda: laws_table(group=""),
            "group must be one of the laws' groups, got ''",
        ),
    ],
)
def test_what_is_not_there_is_refused_in_these_words(ask, says):
    with pytest.raises(InvalidValueError) as refused:
        ask()
    assert re.split(r";? [Kk]nown: ", str(refused.value))[0] == says  # a list of all names may follow


def test_a_name_that_is_nearly_one_is_told_which_it_may_have_been():
    misnamed = Law("ordre", "Selection", "", "selector", "")
    with pytest.raises(InvalidValueError) as refused:
        misnamed.check_of("selector")
    assert str(refused.value).startswith("ordre is no law of a selector; did you mean 'order'?")


def test_without_hypothesis_a_check_is_asked_for_in_vain(monkeypatch):
    monkeypatch.setattr(testing.util, "find_spec", lambda name: None)
    for ask in (lambda: law("tiny").check, lambda: law("tiny").check_of("plan")):
        with pytest.raises(testing.MissingHypothesisError) as refused:
            ask()
        assert str(refused.value) == (
            "minprune.testing needs hypothesis for \"law('tiny').check\", which is not installed: "
            "pip install 'minprune[test]'"
        )


# as text


def test_the_whole_table_word_for_word():
    assert laws_table() == SAID.read_text(encoding="utf-8").rstrip("\n")


def test_the_table_says_what_each_law_says():
    parts = laws_table().split("\n\n")
    assert [part.splitlines()[0] for part in parts] == GROUPS
    shown = [re.split(r"  +", line) for part in parts for line in part.splitlines()[3:]]
    assert shown == [[entry.name, entry.component, entry.statement] for entry in LAWS.values()]


@pytest.mark.parametrize("group", GROUPS)
def test_the_table_of_a_group_is_its_part_of_the_whole(group):
    assert laws_table(group=group) == laws_table().split("\n\n")[GROUPS.index(group)]


def test_the_command_prints_the_table(capsys):
    assert cli.main(["laws"]) == 0
    assert capsys.readouterr().out == laws_table() + "\n"
    assert cli.main(["laws", "Keeping"]) == 0
    assert capsys.readouterr().out == laws_table(group="Keeping") + "\n"


if __name__ == "__main__":
    SAID.write_text(laws_table() + "\n", encoding="utf-8")
