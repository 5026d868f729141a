"""What a story comes down to: its sentences and its figures, also where something is not known."""

from dataclasses import replace

import numpy as np
import pytest
import stories

from minprune.study.story import Settings, decided, groups_of, quality


@pytest.fixture(scope="module")
def customers():
    return stories.of_customers()


@pytest.fixture(scope="module")
def digits():
    return stories.of_digits()


def with_evaluations(story, **changes):
    """Return a story in which an evaluation is another: `dense` or `pruned` with other figures."""
    names = {"dense": "dense", "pruned": "pruned program"}
    found = dict(story.comparison.evaluations)
    for name, figures in changes.items():
        found[names[name]] = replace(found[names[name]], **figures)
    return replace(story, comparison=replace(story.comparison, evaluations=found))


def test_the_figures_are_those_of_its_parts_each_under_its_name(customers):
    found = customers.to_dict()
    evaluations = customers.comparison.evaluations
    assert found["dense"] == evaluations["dense"].to_dict() == customers.test_dense.to_dict()
    assert found["pruned"] == evaluations["pruned program"].to_dict() == customers.test_pruned.to_dict()
    assert found["groups"] == {
        name: {"dense": dense.to_dict(), "pruned": pruned.to_dict()}
        for name, (dense, pruned) in customers.groups.items()
    }
    assert found["one_shot"] == [
        {"criterion": row.criterion, "sparsity": row.sparsity, "value": row.value} for row in customers.one_shot
    ]
    assert found["complexity"] == {"before": customers.before.to_dict(), "after": customers.after.to_dict()}
    parts = {"history": customers.history, "plan": customers.at_once, "fine_tuning": customers.fine_tuning}
    parts |= {"program": customers.program, "comparison": customers.comparison}
    assert {name: found[name] for name in parts} == {name: part.to_dict() for name, part in parts.items()}
    plain = {"metric": "AUC", "changed": 1101, "seconds": {"training": 2.5, "pruning": 61.25}}
    plain |= {"command": customers.settings.command, "settings": vars(customers.settings)}
    assert {name: found[name] for name in plain} == plain
    assert set(found) == {"dense", "pruned", "groups", "one_shot", "complexity", *parts, *plain}


def test_the_verdict_of_customers_says_who_is_refused(customers):
    kept, weights = customers.pruned.kept, customers.dense.weights
    assert customers.verdict() == [
        f"{kept} of {weights} weights are left, {100 * (1 - kept / weights):.1f} % are pruned.",
        "Quality: test AUC 0.7605; dense, 0.7712 (a change of −0.0108).",
        f"Size: {customers.program.nbytes} B with all indices; dense, 3.08 kB.",
        "Speed: a single decision is 4.00 times as fast as with the dense network; packing alone, with nothing pruned, "
        "makes it 2.00.",
        "Customers: to catch 80 % of those who default, 32.5 % of the good ones are refused; dense, 30.0 %.",
        "1,101 of 1,200 test rows (91.8 %) are decided otherwise than by the dense network.",
    ]


@pytest.mark.parametrize(
    ("dense", "pruned", "line"),
    [
        (None, 0.25, None),
        (0.25, None, None),
        (None, None, None),
        (0.0, 0.25, "25.0 % of the good ones are refused; dense, 0.0 %."),
        (0.25, 0.0, "0.0 % of the good ones are refused; dense, 25.0 %."),
    ],
)
def test_the_verdict_speaks_of_customers_only_if_both_networks_say_who_is_refused(customers, dense, pruned, line):
    story = with_evaluations(customers, dense={"false_declines": dense}, pruned={"false_declines": pruned})
    told = [one for one in story.verdict() if one.startswith("Customers")]
    assert [one.partition("default, ")[2] for one in told] == [line] * (line is not None)


def test_bytes_that_are_not_known_are_none(customers):
    costs = dict(customers.comparison.costs)
    costs["dense"] = replace(costs["dense"], nbytes=None)
    story = replace(customers, comparison=replace(customers.comparison, costs=costs))
    assert story.verdict()[2].endswith("with all indices; dense, 0 B.")


def test_what_a_network_is_judged_by_is_the_auc_where_there_is_one(customers, digits):
    assert quality(customers.test_dense) == 0.77125
    assert quality(digits.test_dense) == digits.test_dense.accuracy == 0.9
    assert quality(replace(digits.test_dense, auc=0.0)) == 0.0


def test_a_change_has_its_sign(digits):
    for accuracy, text in ((0.95, "a change of +0.0500"), (0.85, "a change of −0.0500"), (0.9, "a change of +0.0000")):
        story = with_evaluations(digits, pruned={"accuracy": accuracy})
        assert text in story.verdict()[1]


def test_facts_are_unused_if_no_column_of_theirs_is_looked_at(customers, digits):
    gone = np.array([True, True, False, False, True, True])  # SEX is two columns
    story = replace(customers, after=replace(customers.after, unused_inputs=gone))
    assert story.unused_facts() == ["LIMIT", "BILL", "PAY"]
    story = replace(customers, after=replace(customers.after, unused_inputs=~gone | (np.arange(6) == 1)))
    assert story.unused_facts() == ["SEX", "AGE"]
    gone = np.arange(14) % 5 == 3
    story = replace(digits, after=replace(digits.after, unused_inputs=gone))
    assert story.unused_facts() == ["pixel3", "pixel8", "pixel13"]


@pytest.mark.parametrize(
    ("settings", "command"),
    [
        (("credit", "magnitude", "unstructured", 0.9, 0, None), "--data credit --criterion magnitude --pattern "
         "unstructured --sparsity 0.9 --seed 0"),
        (("mnist", "l1", "neurons", 0.123456789, 7, 12), "--data mnist --criterion l1 --pattern neurons --sparsity "
         "0.123457 --seed 7 --epochs 12"),
    ],
)  # fmt: skip
def test_the_command_says_all_that_was_asked(settings, command):
    assert Settings(*settings).command == f"minprune demo {command}"


def test_a_story_is_shown_by_its_command(digits):
    assert repr(digits) == f"Story({digits.settings.command!r})"
    assert digits.faster == digits.comparison.speedups[1]["pruned program"] == 4.0
    assert digits.changed_share == 1101 / 1200


def test_a_row_is_decided_by_the_threshold_or_by_the_largest_logit(customers, digits):
    z = np.array([[1.0, 1.25, 0.0], [1.0, 1.5, 2.0], [3.0, 1.0, 0.0]])
    assert decided(lambda x: z[:, :2], z, customers.test_dense).tolist() == [True, True, False]  # at 0.25 or above
    assert decided(lambda x: z, z, replace(digits.test_dense, threshold=None)).tolist() == [1, 2, 0]


def test_only_customers_are_told_apart(customers, digits):
    assert groups_of(digits.data) == {}
    x = customers.data.test.x
    found = groups_of(customers.data)
    assert found["sex"].tolist() == ["women" if row[2] > 0 else "men" for row in x]
    assert found["age"].tolist() == ["younger half" if row[3] < 0 else "older half" for row in x]
    assert 0 in x[:, 2]
    assert 0 in x[:, 3]
