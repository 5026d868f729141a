"""Lottery tickets: the sparse network that was there from the start, if it was.

    train the network → prune → give what is kept the weights of step k back → train again from step k → prune → …

The hypothesis is that a network holds a small part which, trained by itself from its own initial weights (k = 0), does
as well as the whole. Larger networks need the weights of a little later (k > 0). What makes it a finding are the
controls: the same masks with other initial weights, and the same weights with other masks.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import signature
from types import MappingProxyType
from typing import Any

import numpy as np

from minprune.arguments import RNG, Array, Bools, flag_or_none, generator, whole
from minprune.display import Progress, percent
from minprune.errors import InvalidTypeError, InvalidValueError, did_you_mean
from minprune.nn.history import History
from minprune.nn.hooks import Hooks
from minprune.nn.losses import Loss
from minprune.nn.network import Network
from minprune.nn.optimizers import Optimizer
from minprune.nn.training import check_kinds, checked_pair, fit, steps_of_epoch
from minprune.pruning.allocation import Allocation
from minprune.pruning.criteria import Criterion, Magnitude
from minprune.pruning.iterations import found, rounds_table
from minprune.pruning.patterns import Pattern
from minprune.pruning.recipe import Recipe
from minprune.pruning.schedules import Geometric, Schedule


@dataclass(frozen=True, eq=False)
class TicketRound:
    """One training on the way to a ticket; the first, number 0, is that of the network as it was given.

    Attributes
    ----------
    number : int
    trained : Network
        As it came out of the training.
    history : History
    """

    number: int
    trained: Network
    history: History

    @property
    def sparsity(self) -> float:
        return self.trained.sparsity

    def __repr__(self) -> str:
        return f"TicketRound({self.number}, {percent(self.sparsity)} pruned)"


@dataclass(frozen=True, eq=False)
class Ticket:
    """A sparse network with the weights that it had at one step of its training, and its controls.

    `network`, `dense` and the controls are made anew each time, so that training one leaves the ticket as it is.

    Attributes
    ----------
    rounds : tuple of TicketRound
        The trainings that led here; the last is that of this ticket.
    rewound_to : int
        The step k whose weights it has: train it with ``fit(…, start=k)``.
    """

    rounds: tuple[TicketRound, ...]
    rewound_to: int
    _first: Network  # at step 0
    _rewound: Network  # at step k

    @property
    def masks(self) -> Mapping[str, Bools]:
        """The mask of each prunable weight, and of each bias that goes with a neuron; read-only."""
        parameters = self.trained.parameters.items()
        return MappingProxyType({name: p.mask for name, p in parameters if p.prunable or p.is_masked})

    @property
    def sparsity(self) -> float:
        return self.rounds[-1].sparsity

    @property
    def trained(self) -> Network:
        """The ticket as it came out of its training."""
        return self.rounds[-1].trained

    @property
    def network(self) -> Network:
        """The ticket: the weights of step k under its masks, untrained since."""
        return _masked(self._rewound, self.masks)

    @property
    def dense(self) -> Network:
        """The weights of step k without the masks: what the ticket is a part of."""
        return self._rewound.copy()

    def reinitialised(self, *, rng: RNG = None) -> Network:
        """Return the control that has the ticket's masks and new initial weights: train it from step 0.

        Each layer's weights are drawn from N(0, σ²) with the σ of its own first weights, their root mean square, which
        is that of the initialisation they came from. Biases are what they were at first.

        Parameters
        ----------
        rng : Generator or seed
        """
        draws = generator(rng, "reinitialised")
        result = self._first.copy()
        for p in result.prunable.values():
            kept: Array = p.value[p.mask].astype(np.float64)
            sigma = np.sqrt(np.mean(np.square(kept))) if kept.size else 0.0
            p.value = draws.standard_normal(p.shape, dtype=p.dtype.type) * p.dtype.type(sigma)
        return _masked(result, self.masks)

    def shuffled(self, *, rng: RNG = None) -> Network:
        """Return the control that has the ticket's weights and as many in each layer, but others.

        Single weights change places, whatever the pattern was, among those that the network had before any was pruned.

        Parameters
        ----------
        rng : Generator or seed
        """
        draws, others = generator(rng, "shuffled"), {}
        for name, mask in self.masks.items():
            there = self._first.parameters[name].mask
            others[name] = np.zeros_like(mask)
            others[name][there] = draws.permutation(mask[there])
        return _masked(self._rewound, others)

    def at(self, which: float) -> Ticket:
        """Return the ticket of an earlier round, by its number or by its sparsity: the nearest, if it is within 0.02.

        Parameters
        ----------
        which : int or float
        """
        number = found(self.rounds, which).number
        return Ticket(self.rounds[: number + 1], self.rewound_to, self._first, self._rewound)

    def __repr__(self) -> str:
        rounds = [(r.number, r.trained, r.history) for r in self.rounds]
        return rounds_table(f"Ticket, {percent(self.sparsity)} pruned, rewound to step {self.rewound_to}", rounds)


def lottery_ticket(
    network: Network,
    train: object,
    *,
    sparsity: float | None = None,
    rounds: int,
    rewind_to: int = 0,
    criterion: Criterion | None = None,
    schedule: Schedule | None = None,
    allocation: Allocation | None = None,
    pattern: Pattern | None = None,
    min_keep: int = 1,
    loss: Loss,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int = 128,
    rng: RNG = None,
    progress: bool | None = None,
    **training: Any,
) -> Ticket:
    """Find a lottery ticket in `network`, which stays as it is, by iterative pruning with rewinding.

    It takes ``rounds + 1`` trainings, the last of which is that of the ticket.

    Parameters
    ----------
    network : Network
        With its initial weights.
    train : Split or (x, y)
        Also what the criterion is shown, if it needs data.
    sparsity : float
        Of the ticket; left out where allocation or pattern sets it.
    rounds : int
        How many prunings lead there.
    rewind_to : int
        The step k whose weights are given back: 0 for the initial ones. Each later training begins at step k as well.
    criterion : Criterion, default ``Magnitude()``
    schedule : Schedule, default ``Geometric()``
        How far each round goes; only its `level` is asked.
    allocation, pattern, min_keep
        As in `plan`.
    loss, optimizer, epochs, batch_size
        As in `fit`. The optimizer starts each training afresh.
    rng : Generator or seed
        As in `fit`; every training gets the same random numbers, and so the same batches.
    progress : bool, optional
        Show a progress bar; by default on a terminal only.
    **training
        More of `fit`: ``penalty``, ``valid``, ``patience``, ``callbacks``, ``sample_weight``.

    Returns
    -------
    Ticket
        With those of the earlier rounds: ``ticket.at(0.8)``.

    Raises
    ------
    BudgetError, InvalidTypeError, InvalidValueError
        The last round can't be met, or the arguments don't fit: said before any training.

    References
    ----------
    Frankle & Carbin (2019), "The lottery ticket hypothesis: finding sparse, trainable neural networks". Frankle,
    Dziugaite, Roy & Carbin (2020), "Linear mode connectivity and the lottery ticket hypothesis", for k > 0. Frankle et
    al. (2021), "Pruning neural networks at initialization: why are we missing the mark?", for the controls.

    Examples
    --------
    >>> from minprune import SGD, SoftmaxCrossEntropy
    >>> x = np.random.default_rng(0).standard_normal((64, 4)); y = (x[:, 0] > 0).astype(int)
    >>> recipe = dict(loss=SoftmaxCrossEntropy(), optimizer=SGD(0.1), epochs=2)
    >>> ticket = lottery_ticket(Network.mlp([4, 8, 2], rng=0), (x, y), sparsity=0.75, rounds=2, rng=0, **recipe)
    >>> ticket.sparsity, ticket.at(1).sparsity
    (0.75, 0.5)
    >>> control = ticket.shuffled(rng=1)
    >>> history = fit(control, (x, y), start=ticket.rewound_to, rng=0, **recipe)
    >>> control.sparsity
    0.75
    """
    where = "lottery_ticket"
    check_kinds(where, network=(network, Network), loss=(loss, Loss), optimizer=(optimizer, Optimizer))
    for name in training:
        if name not in _OPTIONS:
            raise InvalidTypeError(f"{where}() takes no {name!r}{did_you_mean(name, _OPTIONS)}")
    recipe = Recipe(
        where,
        Magnitude() if criterion is None else criterion,
        sparsity=sparsity,
        schedule=Geometric() if schedule is None else schedule,
        allocation=allocation,
        pattern=pattern,
        min_keep=min_keep,
    )
    number = whole(rounds, "rounds", where)
    flag_or_none(progress, "progress", where)
    x, y = checked_pair(train, "train", network, loss, where)
    steps = whole(epochs, "epochs", where) * steps_of_epoch(len(x), whole(batch_size, "batch_size", where))
    k = whole(rewind_to, "rewind_to", where, at_least=0, at_most=steps - 1)
    draws = generator(rng, where)
    Hooks(None, training.get("callbacks", ()))  # refuses what is no sequence of callbacks
    recipe.depart(network, (x, y))

    def trained(start_from: Network, step: int, note: str, bar: Progress) -> tuple[Network, History, Network | None]:
        result, witness = start_from.copy(), _Witness(k, bar, note)
        options = training | {"callbacks": [*training.get("callbacks", ()), witness]}
        history = fit(
            result,
            train,
            loss=loss,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=batch_size,
            start=step,
            rng=copy.deepcopy(draws),
            progress=False,
            **options,
        )
        return result, history, witness.seen

    with Progress(steps + number * (steps - k), "lottery ticket", shown=progress) as bar:
        dense, history, rewound = trained(network, 0, "dense", bar)
        if rewound is None:
            raise InvalidValueError(f"rewind_to must be a step of the training, got {k}, before which it stopped")
        done = [TicketRound(0, dense, history)]
        for r in range(1, number + 1):
            pruned = recipe.at(r / number, done[-1].trained, (x, y)).apply(done[-1].trained)
            masks = {name: p.mask for name, p in pruned.parameters.items()}
            result, history, _ = trained(_masked(rewound, masks), k, f"round {r}/{number}", bar)
            done.append(TicketRound(r, result, history))
    return Ticket(tuple(done), k, network.copy(), rewound)


_OPTIONS = tuple(
    name
    for name in signature(fit).parameters
    if name not in ("network", "train", "loss", "optimizer", "epochs", "batch_size", "rng", "progress")
    and name not in ("pruner", "start")  # these are set here
)


class _Witness:
    """Keeps the network as it is before one step, and counts the steps."""

    def __init__(self, step: int, bar: Progress, note: str) -> None:
        self.step, self.bar, self.note = step, bar, note
        self.seen: Network | None = None

    def before_step(self, network: Network, step: int) -> None:
        if step == self.step:
            self.seen = network.copy()
        self.bar.step(self.note)


def _masked(network: Network, masks: Mapping[str, Bools]) -> Network:
    """Return a copy under these masks, and those that it has."""
    result = network.copy()
    for name, mask in masks.items():
        parameter = result.parameters[name]
        parameter.mask = parameter.mask & mask
    return result
