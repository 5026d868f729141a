"""The story of one pruning, from the data to the last measurement, and what it comes down to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minprune.arguments import Array, Bools
from minprune.display import count, percent, size
from minprune.inference.program import Program
from minprune.nn.network import Network
from minprune.nn.training import History
from minprune.pruning.explanation import Explanation
from minprune.pruning.plan import Plan
from minprune.pruning.pruner import Pruner
from minprune.splits import Dataset
from minprune.study.comparison import Comparison
from minprune.study.complexity import Complexity
from minprune.study.evaluation import Evaluation, Model, evaluate


@dataclass(frozen=True)
class Settings:
    """What was asked for. ``command`` asks for the same again."""

    data: str
    criterion: str
    pattern: str
    sparsity: float
    seed: int
    epochs: int | None

    @property
    def command(self) -> str:
        told = f"--data {self.data} --criterion {self.criterion} --pattern {self.pattern} --sparsity {self.sparsity:g}"
        return f"minprune demo {told} --seed {self.seed}" + (f" --epochs {self.epochs}" if self.epochs else "")


@dataclass(frozen=True)
class OneShotRow:
    """How a network fares on the validation part with `sparsity` of its weights gone and no training after it."""

    criterion: str
    sparsity: float
    value: float


@dataclass(frozen=True, eq=False, repr=False)
class Story:
    """All that a demo found out.

    Attributes
    ----------
    settings : Settings
    data : Dataset
    metric : {"AUC", "accuracy"}
        What a network for this data is judged by.
    dense, history : Network, History
        The network before pruning, and how it was trained.
    one_shot : tuple of OneShotRow
        Step 1: criteria side by side.
    before, after : Complexity
        Step 2, and the same of the pruned network.
    at_once, example : Plan, Explanation
        Step 3: the plan for all in one go, and why one of the weights goes or stays.
    pruner, pruned, fine_tuning : Pruner, Network, History
        Step 4.
    program : Program
        The pruned network, packed for single decisions.
    comparison : Comparison
        Step 5: "dense", "masked", "dense program" and "pruned program" on the test part.
    groups : mapping of str to (Evaluation, Evaluation)
        Dense and pruned by group of customers, for data that say who the customer is.
    changed : int
        Test rows that the pruned program decides otherwise than the dense network.
    seconds : dict of str to float
    """

    settings: Settings
    data: Dataset
    metric: str
    dense: Network
    history: History
    one_shot: tuple[OneShotRow, ...]
    before: Complexity
    after: Complexity
    at_once: Plan
    example: Explanation
    pruner: Pruner
    pruned: Network
    fine_tuning: History
    program: Program
    comparison: Comparison
    groups: dict[str, tuple[Evaluation, Evaluation]]
    changed: int
    seconds: dict[str, float]

    @property
    def test_dense(self) -> Evaluation:
        return self.comparison.evaluations["dense"]

    @property
    def test_pruned(self) -> Evaluation:
        return self.comparison.evaluations["pruned program"]

    @property
    def faster(self) -> float:
        """How many times as fast as the dense network the program takes a single decision."""
        return self.comparison.speedups[1]["pruned program"]

    def unused_facts(self) -> list[str]:
        """Return the names of what is known of a row and the pruned network never looks at."""
        unused = self.after.unused_inputs
        facts = self.data.groups or {name: (i,) for i, name in enumerate(self.data.feature_names)}
        return [name for name, columns in facts.items() if unused[list(columns)].all()]

    def verdict(self) -> list[str]:
        """Return what was gained and what was lost, in sentences that the figures stand behind."""
        dense, pruned = quality(self.test_dense), quality(self.test_pruned)
        cost = self.comparison.costs
        left = f"{count(self.pruned.kept)} of {count(self.dense.weights)} weights are left"
        bytes_before, bytes_after = cost["dense"].nbytes, self.program.nbytes
        lines = [
            f"{left}, {percent(self.pruned.sparsity)} are pruned.",
            f"Quality: test {self.metric} {pruned:.4f}; dense, {dense:.4f} (a change of {_signed(pruned - dense)}).",
            f"Size: {size(bytes_after)} with all indices; dense, {size(bytes_before or 0)}.",
            f"Speed: a single decision is {self.faster:.2f} times as fast as with the dense network; packing alone, "
            f"with nothing pruned, makes it {self.comparison.speedups[1]['dense program']:.2f}.",
        ]
        before, after = self.test_dense.false_declines, self.test_pruned.false_declines
        if before is not None and after is not None:
            caught = percent(self.test_dense.asked_recall, 0)
            lines.append(
                f"Customers: to catch {caught} of those who default, {percent(after)} of the good ones are refused; "
                f"dense, {percent(before)}."
            )
        lines.append(
            f"{count(self.changed)} of {count(self.test_dense.count)} test rows ({percent(self.changed_share)}) are "
            f"decided otherwise than by the dense network."
        )
        return lines

    @property
    def changed_share(self) -> float:
        return self.changed / self.test_dense.count

    def to_dict(self) -> dict[str, object]:
        """Return every figure as plain values. Times apart, the same settings give the same figures."""
        return {
            "command": self.settings.command,
            "settings": vars(self.settings),
            "metric": self.metric,
            "dense": self.test_dense.to_dict(),
            "pruned": self.test_pruned.to_dict(),
            "changed": self.changed,
            "groups": {name: {"dense": a.to_dict(), "pruned": b.to_dict()} for name, (a, b) in self.groups.items()},
            "history": self.history.to_dict(),
            "one_shot": [vars(row) for row in self.one_shot],
            "complexity": {"before": self.before.to_dict(), "after": self.after.to_dict()},
            "plan": self.at_once.to_dict(),
            "fine_tuning": self.fine_tuning.to_dict(),
            "program": self.program.to_dict(),
            "comparison": self.comparison.to_dict(),
            "seconds": self.seconds,
        }

    def __repr__(self) -> str:
        return f"Story({self.settings.command!r})"


def quality(found: Evaluation) -> float:
    """Return what a network is judged by: AUC for two classes, else accuracy."""
    return found.accuracy if found.auc is None else found.auc


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "−")


def decided(model: Model, x: Array, found: Evaluation) -> Array:
    """Return what is decided on each row: refused or not at the evaluation's threshold; without one, the class."""
    z = model(x)
    if found.threshold is None:
        classes: Array = z.argmax(axis=1)
        return classes
    refused: Bools = z[:, 1] - z[:, 0] >= found.threshold
    return refused


def groups_of(data: Dataset) -> dict[str, Array]:
    """Return for each way of telling the test customers apart the group of each; nothing for data about no people."""
    if data.name != "credit":
        return {}
    names, x = list(data.feature_names), data.test.x
    sex = np.where(x[:, names.index("SEX=female")] > 0, "women", "men")
    age = np.where(x[:, names.index("AGE")] < 0, "younger half", "older half")
    return {"sex": sex, "age": age}


def by_groups(dense: Model, pruned: Model, data: Dataset) -> dict[str, tuple[Evaluation, Evaluation]]:
    """Evaluate both models on the test part by group."""
    return {
        name: (evaluate(dense, data.test, by=labels), evaluate(pruned, data.test, by=labels))
        for name, labels in groups_of(data).items()
    }
