"""A sweep: the same pruning over criteria, sparsities and seeds, beside the controls that a claim needs.

    stage 1   build → train → evaluate                                 once for each seed: the dense networks
    stage 2   plan → apply → evaluate → fine-tune → evaluate           for each seed × way to prune × sparsity,
                                                                       and for each of the `controls`

Every run is a function of what it is asked, its seed included, and of nothing else: not of who else runs, when or
where. So runs go side by side, in any order and on any machine, and a sweep that was stopped goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any

from minprune import __version__
from minprune.arguments import choice, flag_or_none, fraction, whole
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.pruning.allocation import Allocation, Global
from minprune.pruning.criteria import Criterion, Random
from minprune.pruning.patterns import Pattern, Unstructured
from minprune.pruning.plan import check_parts, plan
from minprune.storage.files import path_of
from minprune.study.controls import CONTROLS, smaller
from minprune.study.manifest import agree, described
from minprune.study.records import Sweep
from minprune.study.runs import check_sendable, check_workers, run_all
from minprune.study.stages import Build, Evaluate, Recipe, Train, built, prune, rebuilt, train_dense


def sweep(
    build: Build,
    criteria: Mapping[str, Criterion] | Sequence[Criterion],
    sparsities: Sequence[float],
    seeds: Sequence[int],
    *,
    train: Train,
    evaluate: Evaluate,
    finetune: Train | None = None,
    data: object = None,
    allocations: Mapping[str, Allocation] | Sequence[Allocation] | None = None,
    patterns: Mapping[str, Pattern] | Sequence[Pattern] | None = None,
    controls: Sequence[str] = CONTROLS,
    latency: int | None = None,
    folder: Path | str | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    progress: bool | None = None,
) -> Sweep:
    """Prune by each criterion to each sparsity, from the same dense network for each seed, and evaluate.

    Parameters
    ----------
    build : function of a seed
        Returns a new network.
    criteria : mapping of str to Criterion, or sequence
        Asked about the trained network, so not `Movement`, which must have listened to the training.
    sparsities, seeds : sequences of numbers
        All different. More of either can be asked of a finished folder: only what is missing is run.
    train, finetune : function of a network and a seed
        Train the network in place. Without `finetune`, there is no training after pruning.
    evaluate : function of a network
        Returns a dict of numbers, or a number, which is then called "value".
    data : Split or (x, y), or function that returns one, optional
        For criteria that need it. A large set is better read by a function than sent to every run.
    allocations, patterns : mapping, or sequence, optional
        How many in each layer, and in what shape; every criterion goes with each of them. `Global` and `Unstructured`
        by default.
    controls : sequence of {"dense", "random", "shuffled", "reinitialised", "small_dense"}
        Those to run beside the criteria; see `minprune.study.controls`. The last two are trained as long as the dense
        network and its fine-tuning.
    latency : int, optional
        A batch size at which to time each network, compiled, in turns with the compiled dense network. Runs that go
        on beside it disturb the clock; ``workers=1`` is quieter.
    folder, executor, workers, progress
        Where results are kept and who does the work, as in `run_all`; all cores by default, 0 for this process. The
        folder also says what made them (functions, criteria and data), and refuses what was made otherwise.

    Returns
    -------
    Sweep

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant; functions that other processes can't find; a folder of another sweep.
    BudgetError
        A sparsity that can't be met: said before anything is trained. How many whole neurons can go, within one or
        two, hangs on the scores, and is tried with random ones.
    Exception
        Whatever a run raised, with a note that says which. What is done is kept.

    References
    ----------
    Blalock et al. (2020), "What is the state of neural network pruning?"

    Examples
    --------
    >>> import minprune as mp
    >>> digits = mp.datasets.load("digits")
    >>> def build(seed):
    ...     return mp.Network.mlp([64, 16, 10], rng=seed)
    >>> def train(network, seed):
    ...     loss, optimizer = mp.SoftmaxCrossEntropy(), mp.Adam(5e-3)
    ...     mp.fit(network, digits.train, loss=loss, optimizer=optimizer, epochs=3, rng=seed)
    >>> def evaluate(network):
    ...     return {"accuracy": mp.evaluate(network, digits.valid).accuracy}
    >>> found = sweep(build, {"magnitude": mp.Magnitude()}, [0.8, 0.95], [0, 1], train=train, finetune=train,
    ...               evaluate=evaluate, controls=["dense", "random"], workers=0)
    >>> len(found.records), found.metrics
    (10, ('accuracy',))
    >>> [row["count"] for row in found.summary()]
    [2, 2, 2, 2, 2]
    """
    recipe = Recipe(
        _function(build, "build"),
        _function(train, "train"),
        None if finetune is None else _function(finetune, "finetune"),
        _function(evaluate, "evaluate"),
        data,
        _named(criteria, "criteria", "criterion"),
        _named([Global()] if allocations is None else allocations, "allocations", "allocation"),
        _named([Unstructured()] if patterns is None else patterns, "patterns", "pattern"),
    )
    levels = _different([fraction(s, f"sparsities[{i}]", "sweep") for i, s in _items(sparsities, "sparsities")])
    draws = _different([whole(s, f"seeds[{i}]", "sweep", at_least=0) for i, s in _items(seeds, "seeds")], "seeds")
    wanted = _different(
        [choice(c, "controls", "sweep", CONTROLS) for _, c in _items(controls, "controls", 0)], "controls"
    )
    batch = {} if latency is None else {"batch_size": whole(latency, "latency", "sweep")}
    flag_or_none(progress, "progress", "sweep")
    if check_workers(executor, workers, "sweep") > 0 and executor is None:
        for name, part in vars(recipe).items():
            several = {f"{name}[{key!r}]": one for key, one in part.items()} if isinstance(part, dict) else {name: part}
            for label, one in several.items():
                check_sendable(one, label, "sweep")
    place = None if folder is None else path_of(folder, "sweep", "folder")
    _rehearse(recipe, draws[0], levels, wanted)
    if place is not None:
        agree(place, _parts(recipe))
    does = partial(run_all, executor=executor, workers=workers, progress=progress)

    trained = does(
        train_dense,
        [{"seed": seed} for seed in draws],
        folder=place and place / "dense",
        shared={"recipe": recipe},
        label="dense networks",
    )
    dense = {record["seed"]: rebuilt(recipe, record) for record in trained}
    records = does(
        prune,
        [task | batch for task in _tasks(recipe, levels, draws, wanted)],
        folder=place and place / "runs",
        shared=lambda task: {"recipe": recipe, "dense": dense[task["seed"]]},
        label="pruned networks",
    )
    return Sweep(tuple(_flat(record) for record in records), tuple(records[0]["after"]))


def _tasks(
    recipe: Recipe, levels: Sequence[float], seeds: Sequence[int], controls: Sequence[str]
) -> list[dict[str, Any]]:
    """Return what each run is asked. A control that doesn't hang on the criterion is run once for all of them."""
    asked: list[tuple[str | None, float, str | None, str | None, str | None]] = []
    if "dense" in controls:
        asked.append(("dense", 0.0, None, None, None))
    for sparsity in levels:
        for allocation in recipe.allocations:
            for pattern in recipe.patterns:
                for criterion in recipe.criteria:
                    of_criterion = [None, *(c for c in ("shuffled", "reinitialised") if c in controls)]
                    asked += [(control, sparsity, criterion, allocation, pattern) for control in of_criterion]
                if "random" in controls:
                    asked.append(("random", sparsity, None, allocation, pattern))
        if "small_dense" in controls:
            asked.append(("small_dense", sparsity, None, None, None))
    names = ("control", "sparsity", "criterion", "allocation", "pattern")
    return [{"seed": seed} | dict(zip(names, one, strict=True)) for seed in seeds for one in asked]


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record without dicts in it: each metric by its name, and as it was before fine-tuning."""
    plain: dict[str, Any] = {key: value for key, value in record.items() if key not in ("before", "after")}
    plain |= {f"{name}_before": value for name, value in record["before"].items()}
    plain |= record["after"]
    return plain


def _rehearse(recipe: Recipe, seed: int, levels: Sequence[float], controls: Sequence[str]) -> None:
    """Find out before hours of training what can't be done."""
    network = built(recipe, seed)
    for criterion in recipe.criteria.values():
        if recipe.data is None and getattr(criterion, "needs_data", False):
            raise InvalidValueError(f"{criterion!r} needs data: pass data=(x, y), or a Split, to sweep()")
    for allocation in recipe.allocations.values():
        if getattr(allocation, "sets_sparsity", False):
            raise InvalidValueError(f"allocations must leave the sparsity to sweep(), got {allocation!r}")
        for pattern in recipe.patterns.values():
            plan(network, Random(rng=0), sparsity=max(levels), allocation=allocation, pattern=pattern)
    if "small_dense" in controls:
        smaller(network, network.weights, rng=0)


def _parts(recipe: Recipe) -> dict[str, str | dict[str, str]]:
    """Return what stands in the folder; not what is None and may come to be needed by a new criterion."""
    parts: dict[str, str | dict[str, str]] = {"minprune": __version__}
    for name, part in vars(recipe).items():
        if name in ("criteria", "allocations", "patterns"):
            parts[name] = {key: described(one) for key, one in part.items()}
        elif name != "data" or part is not None:
            parts[name] = described(part)
    return parts


def _function(value: object, name: str) -> Any:
    if not callable(value):
        raise InvalidTypeError(f"{name} must be a function, got {type(value).__name__} {value!r} in sweep()")
    return value


def _items(values: object, name: str, at_least: int = 1) -> list[tuple[int, Any]]:
    if isinstance(values, str | Mapping) or not isinstance(values, Iterable):
        raise InvalidTypeError(f"{name} must be a sequence, got {type(values).__name__} {values!r} in sweep()")
    items = list(enumerate(values))
    if len(items) < at_least:
        raise InvalidValueError(f"{name} must hold at least one, got none in sweep()")
    return items


def _different(values: list[Any], name: str = "sparsities") -> list[Any]:
    for i, value in enumerate(values):
        if value in values[:i]:
            raise InvalidValueError(f"{name} must be different, got {value!r} twice in sweep()")
    return values


def _named(parts: object, name: str, kind: str) -> dict[str, Any]:
    """Return parts by name; those in a sequence are called what they print as."""
    if isinstance(parts, Mapping):
        named = list(parts.items())
    else:
        named = [(repr(part).removesuffix("()"), part) for _, part in _items(parts, name)]
    if not named:
        raise InvalidValueError(f"{name} must hold at least one, got none in sweep()")
    for label, part in named:
        if not isinstance(label, str) or not label:
            raise InvalidTypeError(f"{name} must go by names, got {label!r} in sweep()")
        check_parts("sweep", **{kind: part})
    if len(dict(named)) < len(named):
        twice = next(label for label, _ in named if [k for k, _ in named].count(label) > 1)
        raise InvalidValueError(f"{name} must have different names, got {twice!r} twice in sweep(): pass a dict")
    return dict(named)
