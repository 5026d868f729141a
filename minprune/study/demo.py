"""The five steps on real data, told as they happen: what ``minprune demo`` does.

    train → 1 choose → 2 analyse → 3 plan → 4 apply → 5 evaluate

Everything is decided on the validation part; the test part is looked at once, in step 5.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np

from minprune import datasets
from minprune.arguments import choice, fraction, whole
from minprune.display import Progress, count, duration, percent, table
from minprune.inference.compilation import compile
from minprune.nn.learning_rates import CosineDecay
from minprune.nn.losses import SoftmaxCrossEntropy
from minprune.nn.network import Network
from minprune.nn.optimizers import SGD, Adam, Optimizer
from minprune.nn.penalties import L1, L2, Penalty
from minprune.nn.training import fit
from minprune.pruning.criteria import Criterion, GradientMagnitude, Magnitude, Random
from minprune.pruning.patterns import Neurons, Pattern, Unstructured
from minprune.pruning.plan import plan
from minprune.pruning.pruner import Pruner
from minprune.pruning.schedules import Cubic
from minprune.splits import Dataset
from minprune.study.comparison import compare
from minprune.study.complexity import analyze
from minprune.study.evaluation import Model, evaluate
from minprune.study.story import OneShotRow, Settings, Story, by_groups, decided, quality

LOSS = SoftmaxCrossEntropy()


@dataclass(frozen=True)
class Recipe:
    """How a network for one data set is trained and pruned; chosen on the validation part."""

    hidden: tuple[int, ...]
    batch_size: int
    optimizer: Callable[[], Optimizer]
    first: int  # epochs to train it dense
    more: int  # epochs in which it is pruned while it goes on training
    penalty: L2
    l1: L1


RECIPES = {
    "credit": Recipe((256, 128), 128, lambda: Adam(CosineDecay(1e-3)), 12, 12, L2(1e-3), L1(3e-4)),
    "mnist": Recipe((300, 100), 128, lambda: SGD(CosineDecay(0.1), momentum=0.9), 6, 8, L2(1e-4), L1(2e-5)),
    "digits": Recipe((64, 32), 32, lambda: Adam(CosineDecay(3e-3)), 40, 40, L2(1e-4), L1(1e-4)),
}
CRITERIA = {
    "magnitude": "the size of the weight, |w|",
    "gradient": "the size of the gradient, |∂L/∂w|",
    "l1": "|w|, after training with an L1 penalty, which makes weights exactly 0",
    "l2": "|w|, after training with ten times the usual L2 penalty, which makes weights small",
    "random": "nothing at all: the control",
}
PATTERNS: dict[str, Callable[[], Pattern]] = {"unstructured": Unstructured, "neurons": Neurons}
_LEVELS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95)  # the sparsities at which criteria are compared


def run(
    data: str = "credit",
    *,
    criterion: str = "magnitude",
    pattern: str = "unstructured",
    sparsity: float = 0.9,
    seed: int = 0,
    epochs: int | None = None,
    say: Callable[[str], None] = print,
) -> Story:
    """Go through the five steps and say what happens.

    Parameters
    ----------
    data : {"credit", "mnist", "digits"}
    criterion : {"magnitude", "gradient", "l1", "l2", "random"}
    pattern : {"unstructured", "neurons"}
    sparsity : float
        In [0, 1): the share of weights that goes.
    seed : int
        Same seed, same quality figures.
    epochs : int, optional
        Epochs for each of the two trainings, instead of the recipe's.
    say : function of str
        Where the story goes, a paragraph at a time.

    Returns
    -------
    Story

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant.
    BudgetError
        A sparsity that can't be met: said before anything is trained. How many whole neurons can go, within one or
        two, hangs on the scores, and is tried with random ones.
    """
    recipe = RECIPES[choice(data, "data", "demo", RECIPES)]
    shape = PATTERNS[choice(pattern, "pattern", "demo", PATTERNS)]()
    settings = Settings(
        data,
        choice(criterion, "criterion", "demo", CRITERIA),
        pattern,
        fraction(sparsity, "sparsity", "demo"),
        whole(seed, "seed", "demo", at_least=0),
        None if epochs is None else whole(epochs, "epochs", "demo"),
    )
    sets = datasets.load(data)
    net = Network.mlp([sets.train.x.shape[1], *recipe.hidden, len(sets.classes)], rng=seed)
    plan(net, Random(rng=0), sparsity=settings.sparsity, pattern=shape)  # refuses what can't be met
    strong: dict[str, Penalty] = {"l1": recipe.l1, "l2": L2(10 * recipe.penalty.strength)}
    train = partial(
        fit,
        loss=LOSS,
        valid=sets.valid,
        batch_size=recipe.batch_size,
        penalty=strong.get(criterion, recipe.penalty),
        rng=seed,
    )
    seconds: dict[str, float] = {}

    say(f"{sets}\n")
    with _clock(seconds, "training"):
        history = train(net, sets.train, optimizer=recipe.optimizer(), epochs=epochs or recipe.first)
    found = evaluate(net, sets.valid)
    metric = "accuracy" if found.auc is None else "AUC"
    say(f"Trained a dense network of {count(net.weights)} weights for {epochs or recipe.first} epochs in "
        f"{duration(seconds['training'])}: {metric} {quality(found):.4f} on the validation part.\n")  # fmt: skip

    say(f"1 CHOOSE a criterion: {criterion}, {CRITERIA[criterion]}.")
    others: dict[str, Criterion] = {"gradient": GradientMagnitude(LOSS), "random": Random(rng=seed)}
    chosen = others.get(criterion, Magnitude())
    side_by_side = {criterion: chosen} | ({"magnitude": Magnitude()} if criterion in others else {}) | others
    with _clock(seconds, "comparing criteria"):
        one_shot = _one_shot(net, sets, side_by_side, shape)
    say(f"{_one_shot_table(one_shot, metric)}\n")

    say("2 ANALYSE the network's complexity.")
    before = analyze(net, sets.valid.x)
    say(f"{before}\n")

    say(f"3 PLAN which weights go: {percent(settings.sparsity)} of all. In one go it would be")
    at_once = plan(net, chosen, sparsity=settings.sparsity, pattern=shape, data=sets.train)
    first = next(iter(net.prunable))
    example = at_once.explain(first, (0, 0))
    say(f"{at_once}\nFor example, {example}.\n")

    pruner = Pruner(chosen, sparsity=settings.sparsity, pattern=shape, schedule=Cubic(0.0, 0.6, updates=30))
    say(f"4 APPLY it, but step by step while training goes on: {pruner.schedule}.")
    pruned = net.copy()
    with _clock(seconds, "pruning"):
        fine_tuning = train(
            pruned, sets.train, optimizer=recipe.optimizer(), epochs=epochs or recipe.more, pruner=pruner
        )
    after = analyze(pruned, sets.valid.x)
    with _clock(seconds, "compiling"):
        program, dense_program = compile(pruned), compile(net)
    say(f"{pruned}\nPacked for single decisions:\n{program}\n")

    say("5 EVALUATE on the test part, which nothing has looked at so far.")
    models: dict[str, Model] = {
        "dense": net,
        "masked": pruned,
        "dense program": dense_program,
        "pruned program": program,
    }
    with _clock(seconds, "evaluating"):
        comparison = compare(models, sets.test, batch_sizes=(1, 16, 256), seconds=0.3, rounds=15)
    say(f"{comparison}\n")
    decisions = [
        decided(models[name], sets.test.x, comparison.evaluations[name]) for name in ("dense", "pruned program")
    ]
    story = Story(
        settings=settings,
        data=sets,
        metric=metric,
        dense=net,
        history=history,
        one_shot=one_shot,
        before=before,
        after=after,
        at_once=at_once,
        example=example,
        pruner=pruner,
        pruned=pruned,
        fine_tuning=fine_tuning,
        program=program,
        comparison=comparison,
        groups=by_groups(net, program, sets),
        changed=int(np.count_nonzero(decisions[0] != decisions[1])),
        seconds=seconds,
    )
    say("\n".join(story.verdict()))
    return story


def _one_shot(net: Network, sets: Dataset, criteria: dict[str, Criterion], shape: Pattern) -> tuple[OneShotRow, ...]:
    """Prune by each criterion in one go, without training after it, and look at the validation part."""
    rows = []
    with Progress(len(criteria) * len(_LEVELS), "comparing criteria") as bar:
        for name, criterion in criteria.items():
            for sparsity in _LEVELS:
                less = plan(net, criterion, sparsity=sparsity, pattern=shape, data=sets.train).apply(net)
                rows.append(OneShotRow(name, sparsity, quality(evaluate(less, sets.valid))))
                bar.step()
    return tuple(rows)


def _one_shot_table(rows: Sequence[OneShotRow], metric: str) -> str:
    names = dict.fromkeys(row.criterion for row in rows)
    lines = [[name, *(f"{row.value:.4f}" for row in rows if row.criterion == name)] for name in names]
    headers = ["criterion", *(percent(sparsity, 0) for sparsity in _LEVELS)]
    title = f"Validation {metric} with this share of the weights pruned in one go, and no training after it"
    return table(headers, lines, title=title)


@contextmanager
def _clock(seconds: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - began
