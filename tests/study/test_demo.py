"""The demo goes through the five steps with everything that can be asked of it, and what it says is so."""

import json

import numpy as np
import pytest

from minprune.errors import BudgetError
from minprune.study import demo, page
from minprune.study.story import decided

pytestmark = pytest.mark.usefixtures("quick")


def told(**asked):
    """Run a small demo; return its story and what it said."""
    said = []
    story = demo.run("digits", **{"epochs": 3, "say": said.append} | asked)
    return story, "\n".join(said)


@pytest.mark.parametrize("criterion", list(demo.CRITERIA))
@pytest.mark.parametrize("pattern", list(demo.PATTERNS))
def test_every_criterion_and_pattern_goes_all_the_way(criterion, pattern):
    story, said = told(criterion=criterion, pattern=pattern, sparsity=0.7)
    weights = story.dense.weights
    assert story.dense.sparsity == 0
    if pattern == "unstructured":
        assert story.pruned.kept == weights - round(0.7 * weights)
    else:
        assert 0.6 < story.pruned.sparsity <= 0.7
    assert story.one_shot[0].criterion == criterion
    assert {"gradient", "random"} <= {row.criterion for row in story.one_shot}
    assert criterion in said
    assert json.loads(json.dumps(story.to_dict(), allow_nan=False))["settings"]["criterion"] == criterion


def test_the_same_seed_gives_the_same_figures_and_another_seed_others():
    def figures(seed):
        found = told(seed=seed)[0].to_dict()
        return [found[part] for part in ("dense", "pruned", "one_shot", "plan", "changed", "complexity")]

    assert figures(1) == figures(1)
    assert figures(1) != figures(2)


def test_sparsity_0_prunes_nothing_and_decides_nothing_otherwise():
    story, _ = told(sparsity=0.0)
    assert story.at_once.achieved == 0
    assert story.pruned.kept == story.dense.weights
    assert "0.0 % are pruned" in story.verdict()[0]


def test_the_verdict_says_what_was_measured():
    story, said = told()
    test = story.data.test
    right = (
        np.mean(story.dense(test.x).argmax(axis=1) == test.y),
        np.mean(story.program(test.x).argmax(axis=1) == test.y),
    )
    assert f"test accuracy {right[1]:.4f}; dense, {right[0]:.4f}" in said
    other = np.count_nonzero(story.dense(test.x).argmax(axis=1) != story.program(test.x).argmax(axis=1))
    assert story.changed == other
    assert f"{other} of 359 test rows" in said
    assert said.endswith("\n".join(story.verdict()))


def test_decisions_on_two_classes_are_refusals_at_the_threshold_of_each_model():
    class Found:
        threshold = 0.5

    logits = np.array([[0.0, 0.4], [0.0, 0.5], [1.0, 2.0]])
    assert decided(lambda x: logits, logits, Found()).tolist() == [False, True, True]
    Found.threshold = None
    assert decided(lambda x: -logits, logits, Found()).tolist() == [0, 0, 0]


def test_facts_count_as_unused_only_if_all_their_columns_are():
    story, _ = told(sparsity=0.97, pattern="unstructured")
    unused = [name for name, gone in zip(story.data.feature_names, story.after.unused_inputs, strict=True) if gone]
    assert story.unused_facts() == unused
    assert unused


def test_a_sparsity_that_cannot_be_met_is_refused_before_training():
    with pytest.raises(BudgetError, match="at most 6,461 can go"):
        told(sparsity=0.9999)


def test_the_page_holds_the_figures_and_the_command(tmp_path):
    story, _ = told(criterion="gradient", pattern="neurons", sparsity=0.6, seed=3)
    report, figures = page.write(story, tmp_path / "new")
    text = report.read_text(encoding="utf-8")
    command = "minprune demo --data digits --criterion gradient --pattern neurons --sparsity 0.6 --seed 3 --epochs 3"
    assert command in text
    assert f"{story.pruned.kept:,}" in text
    assert text.count("<svg") == 7
    assert json.loads(figures.read_text())["command"] == command
