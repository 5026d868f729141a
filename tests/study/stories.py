"""Stories made by hand: no training and no clock, so that every word of what is made of them is known."""

from types import SimpleNamespace

import numpy as np
from test_drawn import ONE, history, network

from minprune import Magnitude, Neurons, Unstructured, analyze, compile, plan
from minprune.splits import Dataset, Split
from minprune.study.comparison import Comparison, Cost
from minprune.study.evaluation import Evaluation, GroupEvaluation
from minprune.study.story import OneShotRow, Settings, Story
from minprune.study.timing import Timing


def rows(count, width, classes):
    i, j = np.indices((count, width))
    return Split((((3 * i + 5 * j) % 7 - 3) / 2).astype(np.float32), (np.arange(count) // 2) % classes)


def evaluation(accuracy, classes, auc=None, false_declines=None, groups=()):
    asked = {"count": 1200, "classes": classes, "accuracy": accuracy, "majority": 0.75, "log_loss": 0.5, "brier": 0.2}
    asked |= {"auc": auc, "average_precision": None if auc is None else 0.6, "asked_recall": 0.8, "threshold": 0.25}
    asked |= {"recall": 0.81, "false_declines": false_declines, "approval_rate": 0.7, "default_rate": 0.1}
    return Evaluation(**asked, groups=groups, note="")


def group(name, count, recall, false_declines):
    return GroupEvaluation(name, count, 0.8, 0.7, recall, false_declines, 0.6, 0.1)


MODELS = {"dense": 4e-5, "masked": 5e-5, "dense program": 2e-5, "pruned program": 1e-5}


def compared(evaluations, costs):
    timings = {
        batch: {n: Timing(batch, 9, t * batch, 0.9 * t * batch, 1.2 * t * batch, 2 * t, t / 2, ONE)
                for n, t in MODELS.items()}
        for batch in (1, 16)
    }  # fmt: skip
    speedups = {batch: {n: 4e-5 / t + (batch > 1) / 8 for n, t in MODELS.items()} for batch in timings}
    return Comparison("dense", evaluations, costs, timings, speedups, ("masked",))


def told(settings, data, metric, evaluations, costs, groups, pattern, **more):
    dense = network([len(data.feature_names), 6, 5, len(data.classes)], lambda i, o: i < 0)
    at_once = plan(dense, Magnitude(), sparsity=settings.sparsity, pattern=pattern)
    pruned = at_once.apply(dense)
    return Story(
        settings=settings,
        data=data,
        metric=metric,
        dense=dense,
        history=history(4, valid_loss=[0.9, 0.5, 0.4, 0.6], best=3),
        one_shot=tuple(
            OneShotRow(name, s, 0.9 - s / 2 - k / 8)
            for k, name in enumerate([settings.criterion, "random"])
            for s in (0.0, 0.5, 0.95)
        ),
        before=analyze(dense, data.valid.x),
        after=analyze(pruned, data.valid.x),
        at_once=at_once,
        example=at_once.explain("dense1.weight", (0, 0)),
        pruner=SimpleNamespace(updates=[None] * 30),
        pruned=pruned,
        fine_tuning=history(3, sparsity=[0.0, 0.5, settings.sparsity]),
        program=compile(pruned, kernels="dense"),
        comparison=compared(evaluations, costs),
        groups=groups,
        changed=1101,
        seconds={"training": 2.5, "pruning": 61.25},
        **more,
    )


def of_customers():
    """Two classes, groups of customers, and all that a report can hold."""
    names = ("LIMIT", "SEX=male", "SEX=female", "AGE", "BILL", "PAY")
    facts = {"LIMIT": (0,), "SEX": (1, 2), "AGE": (3,), "BILL": (4,), "PAY": (5,)}
    parts = [rows(24, 6, 2), rows(12, 6, 2), rows(8, 6, 2)]
    data = Dataset("credit", *parts, names, ("repaid", "default"), facts, "Eight <customers> & more.")
    evaluations = {
        "dense": evaluation(0.82, 2, 0.77125, 0.3),
        "masked": evaluation(0.81, 2, 0.76, 0.31),
        "dense program": evaluation(0.82, 2, 0.77125, None),
        "pruned program": evaluation(0.81, 2, 0.7605, 0.325),
    }
    costs = {
        "dense": Cost(77, 0.0, 3080, 154),
        "masked": Cost(30, 0.6, 3080, 154),
        "dense program": Cost(None, None, None, None),
        "pruned program": Cost(28, 0.6, 1200, 60),
    }
    two = [evaluation(0.8, 2, 0.7, 0.3, groups) for groups in (
        (group("men", 1000, 0.5, 0.25), group("women", 200, None, 0.125)),
        (group("men", 1000, 0.75, 0.5), group("women", 200, 0.0, None)),
    )]  # fmt: skip
    ages = [evaluation(0.8, 2, 0.7, 0.3, (group("older", 7, 0.1, 0.2), group("younger", 9, 0.3, 0.4)))] * 2
    groups = {"sex": tuple(two), "age": tuple(ages)}
    settings = Settings("credit", "magnitude", "unstructured", 0.985 - 0.285, 3, None)
    return told(settings, data, "AUC", evaluations, costs, groups, Unstructured())


def of_digits():
    """Three classes, whole neurons, nothing about customers, and many facts that are not used."""
    names = tuple(f"pixel{k}" for k in range(14))
    data = Dataset("digits", rows(24, 14, 3), rows(1, 14, 3), rows(8, 14, 3), names, ("0", "1", "2"))
    evaluations = {name: evaluation(0.9 - k / 64, 3) for k, name in enumerate(MODELS)}
    costs = dict.fromkeys(MODELS, Cost(1234, 0.5, 4321, 2000)) | {"masked": Cost(None, 0.5, None, None)}
    settings = Settings("digits", "gradient", "neurons", 0.512345, 0, 7)
    return told(settings, data, "accuracy", evaluations, costs, {}, Neurons())
