"""A recipe: what is pruned, how far and in what steps, and the plan at any place on the way.

At place t in [0, 1] the plan aims at ``schedule.level(t, initial, final)``. Where the allocation brings each layer's
sparsity, it is that which comes so far; where the pattern says by itself how much goes (`NM`), what it lets go.
"""

from __future__ import annotations

from minprune.arguments import fraction, whole
from minprune.display import percent
from minprune.errors import InvalidValueError
from minprune.nn.network import Network
from minprune.pruning.allocation import Allocation, Global
from minprune.pruning.answer import Plan
from minprune.pruning.criteria import Criterion, Magnitude
from minprune.pruning.patterns import Pattern, Unstructured
from minprune.pruning.plan import check_parts, plan
from minprune.pruning.schedules import Schedule


class Recipe:
    """The parts of a pruning in several steps: what `Pruner`, `prune_iteratively` and `lottery_ticket` are given."""

    _initial: float
    _final: float

    def __init__(
        self,
        where: str,
        criterion: Criterion,
        *,
        sparsity: float | None,
        schedule: Schedule,
        allocation: Allocation | None,
        pattern: Pattern | None,
        min_keep: int,
    ) -> None:
        self.criterion = criterion
        self.schedule = schedule
        self.allocation = Global() if allocation is None else allocation
        self.pattern = Unstructured() if pattern is None else pattern
        check_parts(where, criterion=criterion, allocation=self.allocation, pattern=self.pattern, schedule=schedule)
        sets = getattr(self.allocation, "sets_sparsity", False)
        if sets and sparsity is not None:
            raise InvalidValueError(f"sparsity must be left out: the allocation sets it, got {sparsity!r} in {where}()")
        if sparsity is None and not sets and not getattr(self.pattern, "complete", False):
            raise InvalidValueError(f"sparsity must be given, got None in {where}()")
        self.sparsity = None if sparsity is None else fraction(sparsity, "sparsity", where)
        self.min_keep = whole(min_keep, "min_keep", where, at_least=0)

    def depart(self, network: Network, data: object) -> None:
        """Take `network` for the start of the way, and see that its end can be reached.

        Raises
        ------
        BudgetError, InvalidTypeError, InvalidValueError
        """
        # A criterion that listens to the training has heard nothing yet; how many go doesn't hang on the scores.
        criterion = Magnitude() if hasattr(self.criterion, "after_backward") else self.criterion
        end = self._plan(network, criterion, 1.0, data)
        self._initial, self._final = network.sparsity, end.sparsity if self.sparsity is None else self.sparsity

    def at(self, t: float, network: Network, data: object) -> Plan:
        """Return the plan for `network` at place t on the way."""
        return self._plan(network, self.criterion, t, data)

    def _plan(self, network: Network, criterion: Criterion, t: float, data: object) -> Plan:
        target = self.sparsity
        if t < 1 and not getattr(self.allocation, "sets_sparsity", False):
            target = self.schedule.level(t, min(self._initial, self._final), self._final)
        return plan(
            network,
            criterion,
            sparsity=target,
            allocation=self.allocation.scaled(lambda s: self.schedule.level(t, 0.0, s)),
            pattern=self.pattern,
            data=data,
            min_keep=self.min_keep,
        )

    def __repr__(self) -> str:
        goal = "" if self.sparsity is None else f" to {percent(self.sparsity)}"
        return f"{self.criterion!r} · {self.allocation!r} · {self.pattern!r}{goal}"
