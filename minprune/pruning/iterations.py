"""Prune a little, train, prune a little more: the way of Han et al., with the training in your hands.

In round k of r the network of the round before is pruned to ``schedule.level(k/r, s₀, s₁)`` and trained; it keeps its
weights from round to round. To start each round from the weights of the beginning instead, see `tickets`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, overload

import numpy as np

from minprune.arguments import flag_or_none, real, whole
from minprune.display import Progress, count, percent, table
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.nn.history import History
from minprune.nn.network import Network
from minprune.pruning.allocation import Allocation
from minprune.pruning.criteria import Criterion
from minprune.pruning.patterns import Pattern
from minprune.pruning.recipe import Recipe
from minprune.pruning.schedules import Geometric, Schedule

CLOSE = 0.02  # how far the sparsity of a round may be from the one that is asked for


@dataclass(frozen=True, eq=False)
class Round:
    """One round: the network that came out of it, and what its training returned.

    Attributes
    ----------
    number : int
        From 1.
    network : Network
        Pruned, then trained.
    result : object
        What `train` returned.
    """

    number: int
    network: Network
    result: object

    @property
    def sparsity(self) -> float:
        return self.network.sparsity

    def __repr__(self) -> str:
        return f"Round({self.number}, {percent(self.sparsity)} pruned)"


class Iterations(Sequence[Round]):
    """The rounds of `prune_iteratively`, in order; a table when printed.

    Attributes
    ----------
    network : Network
        Of the last round.
    """

    def __init__(self, rounds: Sequence[Round], recipe: str) -> None:
        self._rounds, self.recipe = tuple(rounds), recipe

    @property
    def network(self) -> Network:
        return self._rounds[-1].network

    def at(self, which: float) -> Round:
        """Return a round by its number, or by its sparsity: the nearest, if it is within 0.02.

        Parameters
        ----------
        which : int or float
        """
        return found(self._rounds, which)

    @overload
    def __getitem__(self, at: int) -> Round: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Round, ...]: ...
    def __getitem__(self, at: int | slice) -> Round | tuple[Round, ...]:
        return self._rounds[at]

    def __len__(self) -> int:
        return len(self._rounds)

    def __iter__(self) -> Iterator[Round]:
        return iter(self._rounds)

    def __repr__(self) -> str:
        rows = [(r.number, r.network, r.result) for r in self._rounds]
        return rounds_table(f"Pruned in {len(self)} rounds: {self.recipe}", rows)


def prune_iteratively(
    network: Network,
    criterion: Criterion,
    *,
    sparsity: float | None = None,
    rounds: int,
    train: Callable[[Network], object],
    schedule: Schedule | None = None,
    allocation: Allocation | None = None,
    pattern: Pattern | None = None,
    data: object = None,
    min_keep: int = 1,
    progress: bool | None = None,
) -> Iterations:
    """Prune and train in turns, a little more each round; `network` itself stays as it is.

    Parameters
    ----------
    network : Network
        Trained, as a rule: the criterion judges it as it is.
    criterion : Criterion
    sparsity : float
        After the last round; left out where allocation or pattern sets it.
    rounds : int
    train : function
        ``train(network)`` trains the network that it is given, in place, such as ``lambda net: mp.fit(net, …)``. What
        it returns is kept.
    schedule : Schedule, default ``Geometric()``
        How far each round goes; only its `level` is asked.
    allocation : Allocation, default `Global`
    pattern : Pattern, default `Unstructured`
    data : Split or (x, y), optional
        For a criterion that needs it.
    min_keep : int
        No layer is left with fewer live units.
    progress : bool, optional
        Show a progress bar; by default on a terminal only.

    Returns
    -------
    Iterations
        The network of each round, its sparsity and what `train` returned.

    Raises
    ------
    BudgetError, InvalidTypeError, InvalidValueError
        The last round can't be met, or the arguments don't fit: said before any training.

    References
    ----------
    Han, Pool, Tran & Dally (2015), "Learning both weights and connections for efficient neural networks".

    Examples
    --------
    >>> from minprune import SGD, Magnitude, SoftmaxCrossEntropy, fit
    >>> x = np.random.default_rng(0).standard_normal((64, 4)); y = (x[:, 0] > 0).astype(int)
    >>> recipe = dict(loss=SoftmaxCrossEntropy(), optimizer=SGD(0.1), epochs=2, rng=0)
    >>> net = Network.mlp([4, 8, 2], rng=0)
    >>> _ = fit(net, (x, y), **recipe)
    >>> rounds = prune_iteratively(
    ...     net, Magnitude(), sparsity=0.75, rounds=2, train=lambda net: fit(net, (x, y), **recipe)
    ... )
    >>> [(r.number, r.sparsity) for r in rounds]
    [(1, 0.5), (2, 0.75)]
    """
    where = "prune_iteratively"
    if not isinstance(network, Network):
        raise InvalidTypeError(f"network must be a Network, got {type(network).__name__} in {where}()")
    if not callable(train):
        raise InvalidTypeError(f"train must be a function of a network, got {train!r} in {where}()")
    recipe = Recipe(
        where,
        criterion,
        sparsity=sparsity,
        schedule=Geometric() if schedule is None else schedule,
        allocation=allocation,
        pattern=pattern,
        min_keep=min_keep,
    )
    number = whole(rounds, "rounds", where)
    flag_or_none(progress, "progress", where)
    recipe.depart(network, data)
    done: list[Round] = []
    current = network
    with Progress(number, "pruning and training", shown=progress) as bar:
        for k in range(1, number + 1):
            current = recipe.at(k / number, current, data).apply(current)
            result = train(current)
            done.append(Round(k, current, result))
            bar.step(f"{percent(current.sparsity)} pruned")
    return Iterations(done, repr(recipe))


class _Numbered(Protocol):
    @property
    def number(self) -> int: ...
    @property
    def sparsity(self) -> float: ...


R = TypeVar("R", bound=_Numbered)


def found(rounds: Sequence[R], which: object) -> R:
    """Return the round with this number (an int) or of about this sparsity (a float)."""
    if isinstance(which, int | np.integer) and not isinstance(which, bool):
        first, last = rounds[0].number, rounds[-1].number
        return rounds[whole(which, "which", "at", at_least=first, at_most=last) - first]
    asked = real(which, "which", "at", low=0.0, high=1.0)
    nearest = min(rounds, key=lambda r: abs(r.sparsity - asked))
    if abs(nearest.sparsity - asked) > CLOSE:
        there = ", ".join(f"{r.sparsity:.3f}" for r in rounds)
        raise InvalidValueError(f"which must be within {CLOSE} of a round's sparsity ({there}), got {asked:g} in at()")
    return nearest


def rounds_table(title: str, rounds: Sequence[tuple[int, Network, object]]) -> str:
    """Return rounds as a table: sparsity, weights kept, and what is known of the training."""
    notes = [_noted(result) for _, _, result in rounds]
    columns = list(dict.fromkeys(name for note in notes for name in note))
    rows = [
        (number, percent(network.sparsity), count(network.kept), *(note.get(name, "") for name in columns))
        for (number, network, _), note in zip(rounds, notes, strict=True)
    ]
    return table(["round", "sparsity", "kept", *columns], rows, title=title)


def _noted(result: object) -> Mapping[str, str]:
    """Return what a line has room for: the figures of the epoch whose weights were kept, or a number."""
    if isinstance(result, History) and len(result):
        at = -1 if result.best_epoch is None else [int(e) for e in result["epoch"]].index(result.best_epoch)
        names = ("loss", "valid_loss", "valid_accuracy")
        return {name: f"{result[name][at]:.5g}" for name in names if name in result.columns}
    return {"result": f"{result:.5g}"} if isinstance(result, int | float) else {}
