"""A pruner: a plan made again and again while the network trains, at the steps its schedule names.

Each time: score the network as it is now, plan for the sparsity now due, set the masks. The optimizer then keeps what
is dropped at 0 and the rest goes on training, which is what lets gradual pruning go so much farther than one shot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minprune.arguments import Array, fraction, whole
from minprune.display import percent
from minprune.errors import InvalidValueError
from minprune.nn.network import Network
from minprune.pruning.allocation import Allocation, Global
from minprune.pruning.criteria import Criterion
from minprune.pruning.patterns import Pattern, Unstructured
from minprune.pruning.plan import Plan, check_parts, plan
from minprune.pruning.schedules import Cubic, Schedule


@dataclass(frozen=True)
class Update:
    """One setting of masks: before which step, the sparsity aimed at and the one reached."""

    step: int
    target: float
    achieved: float


class Pruner:
    """Prunes a network while `fit` trains it: ``fit(…, pruner=Pruner(Magnitude(), sparsity=0.95))``.

    Parameters
    ----------
    criterion : Criterion
    sparsity : float
        The final sparsity, in [0, 1). Left out if the allocation sets it (`PerLayer`).
    schedule : Schedule, default ``Cubic()``
        When, and how far each time.
    allocation : Allocation, default `Global`
    pattern : Pattern, default `Unstructured`
    samples : int
        Training rows drawn anew for each scoring, if the criterion needs data; all, if there are fewer.
    min_keep : int
        No layer is left with fewer live units.

    Attributes
    ----------
    updates : list of Update
        What was done in the last `fit`.
    plan : Plan or None
        The last plan, for its `explain`.

    References
    ----------
    Zhu & Gupta (2018), "To prune, or not to prune".

    Examples
    --------
    >>> from minprune import SGD, SoftmaxCrossEntropy, fit
    >>> from minprune.pruning.criteria import Magnitude
    >>> x = np.random.default_rng(0).standard_normal((64, 4)); y = (x[:, 0] > 0).astype(int)
    >>> net = Network.mlp([4, 8, 2], rng=0)
    >>> pruner = Pruner(Magnitude(), sparsity=0.75)
    >>> _ = fit(net, (x, y), loss=SoftmaxCrossEntropy(), optimizer=SGD(0.1), epochs=3, pruner=pruner, rng=0)
    >>> net.sparsity
    0.75
    """

    def __init__(
        self,
        criterion: Criterion,
        *,
        sparsity: float | None = None,
        schedule: Schedule | None = None,
        allocation: Allocation | None = None,
        pattern: Pattern | None = None,
        samples: int = 1024,
        min_keep: int = 1,
    ) -> None:
        self.criterion = criterion
        self.allocation = Global() if allocation is None else allocation
        self.pattern = Unstructured() if pattern is None else pattern
        self.schedule = Cubic() if schedule is None else schedule
        check_parts(
            "Pruner", criterion=criterion, allocation=self.allocation, pattern=self.pattern, schedule=self.schedule
        )
        sets = getattr(self.allocation, "sets_sparsity", False)
        if sets != (sparsity is None):
            rule = "be left out: the allocation sets it" if sets else "be given"
            raise InvalidValueError(f"sparsity must {rule}, got {sparsity!r} in Pruner()")
        self.sparsity = None if sparsity is None else fraction(sparsity, "sparsity", "Pruner")
        self.samples = whole(samples, "samples", "Pruner")
        self.min_keep = whole(min_keep, "min_keep", "Pruner", at_least=0)
        self.updates: list[Update] = []
        self.plan: Plan | None = None
        self._due: dict[int, float] = {}

    def begin(
        self, network: Network, x: Array, y: Array, *, steps: int, rng: np.random.Generator, start: int = 0
    ) -> None:
        """Get ready to prune `network` over `steps` steps; called by `fit`.

        What was due before `start` is due there.

        Raises
        ------
        BudgetError, InvalidTypeError, InvalidValueError
            The final sparsity can't be met, or the parts don't fit: said before training starts.
        """
        self._network, self._x, self._y, self._rng = network, x, y, rng
        self._initial = network.sparsity
        self.updates, self.plan = [], None
        rehearsal = np.random.default_rng(0)  # the training's own random numbers stay as they would be
        self._make(1.0, rehearsal)
        self._due = {max(step, start): t for step, t in self.schedule.due(steps).items()}

    def before_step(self, network: Network, step: int) -> None:
        """Set new masks if any are due before `step`; called by `fit`."""
        t = self._due.pop(step, None)
        if t is not None:
            self.plan = self._make(t, self._rng)
            self.plan.apply_in_place(self._network)
            self.updates.append(Update(step, self.plan.requested / self.plan.weights, self._network.sparsity))

    @property
    def finished(self) -> bool:
        """Whether the last masks of the schedule are set."""
        return not self._due

    def _make(self, t: float, rng: np.random.Generator) -> Plan:
        data = None
        if getattr(self.criterion, "needs_data", False):
            rows = rng.choice(len(self._x), min(self.samples, len(self._x)), replace=False)
            data = self._x[rows], self._y[rows]
        target = None
        if self.sparsity is not None:
            target = self.schedule.level(t, min(self._initial, self.sparsity), self.sparsity)
        return plan(
            self._network,
            self.criterion,
            sparsity=target,
            allocation=self.allocation.scaled(lambda s: self.schedule.level(t, 0.0, s)),
            pattern=self.pattern,
            data=data,
            min_keep=self.min_keep,
        )

    def __repr__(self) -> str:
        goal = "" if self.sparsity is None else f" to {percent(self.sparsity)}"
        done = f", {len(self.updates)} updates done" if self.updates else ""
        return f"Pruner({self.criterion!r} · {self.allocation!r} · {self.pattern!r}{goal}, {self.schedule!r}{done})"
