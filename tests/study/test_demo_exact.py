"""The demo on a few rows, without training and without a clock: what it asks for, and what it says to the letter.

PYTHONPATH=. python tests/study/test_demo_exact.py        # writes told/demo_*.txt anew, after a change that is meant
"""

from copy import deepcopy
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pytest
import stories
from noting import Bar
from test_drawn import history

from minprune import L1, L2, SGD, Adam, CosineDecay, GradientMagnitude, Magnitude, Random, compile, evaluate, plan
from minprune.errors import BudgetError, InvalidTypeError, InvalidValueError
from minprune.pruning.schedules import Cubic
from minprune.splits import Dataset
from minprune.study import demo
from minprune.study.comparison import Cost

FOLDER = Path(__file__).parent / "told"
CUSTOMERS = ("LIMIT", "SEX=male", "SEX=female", "AGE", "BILL", "PAY")
SETS = {
    "credit": Dataset("credit", *(stories.rows(n, 6, 2) for n in (24, 12, 8)), CUSTOMERS, ("repaid", "default")),
    "mnist": Dataset("mnist", *(stories.rows(n, 6, 3) for n in (24, 12, 9)), tuple("abcdef"), ("0", "1", "2")),
    "digits": Dataset("digits", *(stories.rows(n, 6, 3) for n in (24, 12, 9)), tuple("abcdef"), ("0", "1", "2")),
}
ASKED = {
    "magnitude": {},
    "gradient": {
        "data": "digits",
        "criterion": "gradient",
        "pattern": "neurons",
        "sparsity": 0.5,
        "epochs": 3,
        "seed": 5,
    },
    "random": {"data": "mnist", "criterion": "random", "sparsity": 0.625},
    "l1": {"criterion": "l1", "seed": 1},
    "l2": {"data": "digits", "criterion": "l2"},
}


def went(asked):
    """Go through a demo; return its story, what it said, and what was asked of the others."""
    calls = SimpleNamespace(fit=[], compile=[], compare=[], said=[], loaded=[], plans=[], bar=Bar())

    def fit(network, data, **how):
        calls.fit.append((network, data, how))
        if "pruner" in how:
            for name, mask in plan(network, Magnitude(), sparsity=how["pruner"].sparsity).masks.items():
                network.parameters[name].mask = mask
        return history(how["epochs"])

    def compare(models, split, **how):
        calls.compare.append((models, split, how))
        evaluations = {name: evaluate(model, split) for name, model in models.items()}
        return stories.compared(evaluations, {name: Cost.of(model) for name, model in models.items()})

    def packed(network):
        calls.compile.append(network)
        return compile(network, kernels="dense")

    def planned(network, criterion, **how):
        calls.plans.append((network, deepcopy(criterion), how))
        return plan(network, criterion, **how)

    def load(name):
        calls.loaded.append(name)
        return SETS[name]

    clock = count()
    with (
        patch.object(demo, "fit", fit),
        patch.object(demo, "compare", compare),
        patch.object(demo, "plan", planned),
        patch.object(demo, "compile", packed),
        patch.object(demo, "Progress", calls.bar),
        patch.object(demo.datasets, "load", load),
        patch.object(demo, "time", SimpleNamespace(perf_counter=lambda: next(clock) ** 2)),
    ):
        story = demo.run(*([asked["data"]] if "data" in asked else []),
                         **{k: v for k, v in asked.items() if k != "data"}, say=calls.said.append)  # fmt: skip
    return story, calls


def what_is_said_is_what_was_said(name, story, calls):
    assert "\n".join(calls.said).splitlines() == (FOLDER / f"demo_{name}.txt").read_text(encoding="utf-8").splitlines()


def both_trainings_are_asked_for_alike_but_for_the_pruner(name, story, calls):
    asked = {"data": "credit", "seed": 0, "epochs": None, "sparsity": 0.9, "pattern": "unstructured"} | ASKED[name]
    recipe, sets = demo.RECIPES[asked["data"]], SETS[asked["data"]]
    assert calls.loaded == [asked["data"]]
    (first, train, how), (second, again, more) = calls.fit
    assert first is story.dense
    assert second is story.pruned is not first
    assert train is again is sets.train
    assert (how.pop("epochs"), more.pop("epochs")) == (asked["epochs"] or recipe.first, asked["epochs"] or recipe.more)
    for given in (how, more):
        assert repr(given.pop("optimizer")) == repr(recipe.optimizer())
        assert given.pop("valid") is sets.valid
        assert given.pop("loss") is demo.LOSS
        assert (given.pop("batch_size"), given.pop("rng")) == (recipe.batch_size, asked["seed"])
        penalty = {"l1": recipe.l1, "l2": L2(10 * recipe.penalty.strength)}.get(name, recipe.penalty)
        assert repr(given.pop("penalty")) == repr(penalty)
    pruner = more.pop("pruner")
    assert (how, more) == ({}, {})
    assert pruner is story.pruner
    assert (pruner.sparsity, repr(pruner.schedule)) == (asked["sparsity"], repr(Cubic(0.0, 0.6, updates=30)))
    assert type(pruner.pattern) is demo.PATTERNS[asked["pattern"]]
    kinds = {"gradient": GradientMagnitude, "random": Random}
    assert type(pruner.criterion) is kinds.get(name, Magnitude)
    hidden = [layer.outputs for layer in story.dense.dense]
    assert (story.dense.inputs, hidden) == (6, [*recipe.hidden, len(sets.classes)])


def criteria_are_compared_side_by_side_with_magnitude_gradient_and_the_control(name, story, calls):
    others = ["magnitude", "gradient", "random"]
    side_by_side = list(dict.fromkeys([name, *(others if name in ("gradient", "random") else others[1:])]))
    levels = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95)
    assert [(row.criterion, row.sparsity) for row in story.one_shot] == [(c, s) for c in side_by_side for s in levels]
    assert calls.bar.asked == (len(story.one_shot), "comparing criteria", None)
    assert calls.bar.steps == [("", 1)] * len(story.one_shot)
    data, shape = story.data, demo.PATTERNS[ASKED[name].get("pattern", "unstructured")]()
    for row in story.one_shot:
        seed = ASKED[name].get("seed", 0)
        kinds = {"gradient": GradientMagnitude(demo.LOSS), "random": Random(rng=seed)}
        if row.criterion != "random":  # which draws anew each time that it is asked
            made = plan(story.dense, kinds.get(row.criterion, Magnitude()), sparsity=row.sparsity, pattern=shape,
                        data=data.train)  # fmt: skip
            found = evaluate(made.apply(story.dense), data.valid)
            assert row.value == (found.accuracy if found.auc is None else found.auc)


def what_is_measured_are_four_models_on_the_test_part_and_the_story_holds_it_all(name, story, calls):
    (models, split, how) = calls.compare[0]
    assert how == {"batch_sizes": (1, 16, 256), "seconds": 0.3, "rounds": 15}
    assert split is story.data.test
    assert list(models) == ["dense", "masked", "dense program", "pruned program"]
    assert (models["dense"], models["masked"], models["pruned program"]) == (story.dense, story.pruned, story.program)
    assert calls.compile == [story.pruned, story.dense]
    network, criterion, how = calls.plans[0]  # before anything is trained: the same each time
    wanted = Random(rng=0).scores(network)
    assert network is story.dense
    assert {layer: scores.tolist() for layer, scores in criterion.scores(network).items()} == {
        layer: scores.tolist() for layer, scores in wanted.items()
    }
    assert (how.pop("sparsity"), type(how.pop("pattern")), how) == (
        story.settings.sparsity,
        type(story.pruner.pattern),
        {},
    )
    assert story.metric == ("accuracy" if "data" in ASKED[name] else "AUC")
    assert story.before.rows == story.after.rows == 12
    assert (story.before.total.kept, story.after.total.kept) == (story.dense.weights, story.pruned.kept)
    assert (story.example.name, story.example.index) == ("dense1.weight", (0, 0))
    # Each look at the clock comes later than the one before by 1, 3, 5, …
    assert story.seconds == {
        "training": 1, "comparing criteria": 5, "pruning": 9, "compiling": 13, "evaluating": 17
    }  # fmt: skip
    assert list(story.groups) == (["sex", "age"] if story.data.name == "credit" else [])


def settings_are_plain_values_and_the_command_repeats_them(name, story, calls):
    asked = {"data": "credit", "criterion": "magnitude", "pattern": "unstructured", "sparsity": 0.9, "seed": 0}
    assert vars(story.settings) == asked | {"epochs": None} | ASKED[name]


@pytest.mark.parametrize("name", ASKED)
def test_a_demo_asks_for_what_it_should_and_says_what_it_did(name):
    story, calls = went(ASKED[name])
    for holds in (
        what_is_said_is_what_was_said,
        settings_are_plain_values_and_the_command_repeats_them,
        both_trainings_are_asked_for_alike_but_for_the_pruner,
        what_is_measured_are_four_models_on_the_test_part_and_the_story_holds_it_all,
        criteria_are_compared_side_by_side_with_magnitude_gradient_and_the_control,
    ):
        holds(name, story, calls)


def test_the_recipes_are_those_that_were_chosen():
    found = {name: (r.hidden, r.batch_size, repr(r.optimizer()), r.first, r.more, repr(r.penalty), repr(r.l1))
             for name, r in demo.RECIPES.items()}  # fmt: skip
    assert found == {
        "credit": ((256, 128), 128, repr(Adam(CosineDecay(1e-3))), 12, 12, repr(L2(1e-3)), repr(L1(3e-4))),
        "mnist": ((300, 100), 128, repr(SGD(CosineDecay(0.1), momentum=0.9)), 6, 8, repr(L2(1e-4)), repr(L1(2e-5))),
        "digits": ((64, 32), 32, repr(Adam(CosineDecay(3e-3))), 40, 40, repr(L2(1e-4)), repr(L1(1e-4))),
    }


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"data": "credits"}, "data must be a known name, got 'credits' in demo(); did you mean 'credit'? Known: "
         "credit, mnist, digits"),
        ({"pattern": "neuron"}, "pattern must be a known name, got 'neuron' in demo(); did you mean 'neurons'? Known: "
         "unstructured, neurons"),
        ({"criterion": "size"}, "criterion must be a known name, got 'size' in demo(); known: magnitude, gradient, l1, "
         "l2, random"),
        ({"sparsity": 1.0}, "sparsity must be in [0, 1), got 1 in demo()"),
        ({"sparsity": "0.9"}, "sparsity must be a number, got str '0.9' in demo()"),
        ({"epochs": 2.0}, "epochs must be a whole number, got float 2.0 in demo()"),
        ({"seed": -1}, "seed must be at least 0, got -1 in demo()"),
        ({"seed": 0.5}, "seed must be a whole number, got float 0.5 in demo()"),
        ({"epochs": 0}, "epochs must be at least 1, got 0 in demo()"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_words_that_name_it(asked, text):
    said = []
    with (
        patch.object(demo.datasets, "load", SETS.get),
        patch.object(demo, "fit", None),  # nothing is trained
        pytest.raises((InvalidValueError, InvalidTypeError)) as refused,
    ):
        demo.run(**asked, say=said.append)
    assert said == []
    assert str(refused.value).startswith(text) if "size" in text else str(refused.value) == text


@pytest.mark.parametrize(
    ("pattern", "sparsity", "text"),
    [
        ("unstructured", 0.9999, "at most 2,525 can go with min_keep=1 weight(s) a layer"),
        ("neurons", 0.997, "at most 2,518 can go with min_keep=1 neuron(s) a layer"),
    ],
)
def test_a_sparsity_that_this_pattern_cannot_meet_is_refused_before_anything_is_said(pattern, sparsity, text):
    said = []
    with (
        patch.object(demo.datasets, "load", SETS.get),
        patch.object(demo, "fit", None),
        pytest.raises(BudgetError) as refused,
    ):
        demo.run("digits", pattern=pattern, sparsity=sparsity, say=said.append)
    assert text in str(refused.value)
    assert said == []


def test_women_and_men_older_and_younger_are_told_apart_by_their_columns():
    groups = demo.by_groups(lambda x: x[:, :2], lambda x: x[:, 1:3], SETS["credit"])
    x = SETS["credit"].test.x
    for name, labels in {
        "sex": np.where(x[:, 2] > 0, "women", "men"),
        "age": np.where(x[:, 3] < 0, "younger half", "older half"),
    }.items():
        for k, found in enumerate(groups[name]):
            assert found == evaluate(lambda x, k=k: x[:, k : k + 2], SETS["credit"].test, by=labels)


if __name__ == "__main__":
    for name, asked in ASKED.items():
        (FOLDER / f"demo_{name}.txt").write_text("\n".join(went(asked)[1].said) + "\n", encoding="utf-8")
