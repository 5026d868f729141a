"""A pruner: a plan made again and again while the network trains, at the steps its schedule names.

Each time: score the network as it is now, plan for the sparsity now due, set the masks; then, if something may regrow,
exchange the lowest of what is left. The optimizer keeps what is dropped at 0 and the rest goes on training, which is
what lets gradual pruning go so much farther than one shot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minprune.arguments import Array, whole
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.nn.network import Network
from minprune.pruning.allocation import Allocation
from minprune.pruning.answer import Plan
from minprune.pruning.criteria import Criterion
from minprune.pruning.patterns import Neurons, Pattern
from minprune.pruning.recipe import Recipe
from minprune.pruning.regrowth import Regrowth
from minprune.pruning.schedules import Cubic, Schedule


@dataclass(frozen=True)
class Update:
    """One setting of masks: before which step, the sparsity aimed at and the one reached, and how many weights went
    and came.
    """

    step: int
    target: float
    achieved: float
    dropped: int
    grown: int


class Pruner(Recipe):
    """Prunes a network while `fit` trains it: ``fit(…, pruner=Pruner(Magnitude(), sparsity=0.95))``.

    Parameters
    ----------
    criterion : Criterion
    sparsity : float
        The final sparsity, in [0, 1). Left out if the allocation sets it (`PerLayer`); it can be left out if the
        pattern says how much goes (`NM`).
    schedule : Schedule, default ``Cubic()``
        When, and how far each time.
    allocation : Allocation, default `Global`
    pattern : Pattern, default `Unstructured`
    regrow : Regrowth, optional
        What comes back: `RigL` or `SET`, after each update but the last. With `Constant` as schedule the network is
        sparse from the start and only moves its connections; with a gradual one it does so on the way.
    samples : int
        Training rows drawn anew for each update, if the criterion or the regrowth needs data; all, if there are fewer.
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
    Zhu & Gupta (2018), "To prune, or not to prune". Liu et al. (2021), "Sparse training via boosting pruning
    plasticity with neuroregeneration", for both at once.

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
        regrow: Regrowth | None = None,
        samples: int = 1024,
        min_keep: int = 1,
    ) -> None:
        super().__init__(
            "Pruner",
            criterion,
            sparsity=sparsity,
            schedule=Cubic() if schedule is None else schedule,
            allocation=allocation,
            pattern=pattern,
            min_keep=min_keep,
        )
        self.regrow = None if regrow is None else _checked(regrow, self.pattern, self.schedule)
        self.samples = whole(samples, "samples", "Pruner")
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
            The final sparsity can't be met, or the parts don't fit: said before training starts. Only for neurons,
            within a unit of the most that can go, is it the scores that decide whether the last one would empty a
            layer; if they change their mind, the error comes at that update, and training so far is kept.
        """
        self._x, self._y, self._rng = x, y, rng
        rehearsal = np.random.default_rng(0)  # the training's own random numbers stay as they would be
        data = self._data(rehearsal)
        self.depart(network, data)
        if self.regrow is not None:
            scores = {name: np.ones(p.shape) for name, p in network.prunable.items()}
            self.regrow.masks(network, scores, 0.0, pattern=self.pattern, data=data, rng=rehearsal)
        due = {max(step, start): t for step, t in self.schedule.due(steps).items()}
        if start in due and hasattr(self.criterion, "after_backward"):
            self.at(due[start], network, data)  # one that listens must have heard something by then
        self.updates, self.plan, self._due = [], None, due

    def before_step(self, network: Network, step: int) -> None:
        """Set new masks if any are due before `step`; called by `fit`."""
        if step not in self._due:
            return
        t = self._due.pop(step)
        before = {name: p.mask for name, p in network.prunable.items()}
        kept, grown = network.kept, 0
        data = self._data(self._rng)
        self.plan = self.at(t, network, data)
        self.plan.apply_in_place(network)
        if self.regrow is not None and t < 1:
            new = self.regrow.masks(network, self.plan.scores, t, pattern=self.pattern, data=data, rng=self._rng)
            for name, mask in new.items():
                network.parameters[name].mask = mask
                grown += int(np.count_nonzero(mask & ~before[name]))
        dropped = kept - network.kept + grown
        self.updates.append(Update(step, self.plan.requested / self.plan.weights, network.sparsity, dropped, grown))

    def after_backward(self, network: Network, step: int) -> None:
        """Let a criterion that listens to the training hear the gradients; called by `fit`."""
        hear = getattr(self.criterion, "after_backward", None)
        if hear is not None:
            hear(network, step)

    @property
    def finished(self) -> bool:
        """Whether the last masks of the schedule are set."""
        return not self._due

    def _data(self, rng: np.random.Generator) -> tuple[Array, Array] | None:
        if not any(getattr(part, "needs_data", False) for part in (self.criterion, self.allocation, self.regrow)):
            return None
        rows = rng.choice(len(self._x), min(self.samples, len(self._x)), replace=False)
        return self._x[rows], self._y[rows]

    def __repr__(self) -> str:
        regrow = "" if self.regrow is None else f", {self.regrow!r}"
        done = f", {len(self.updates)} updates done" if self.updates else ""
        return f"Pruner({super().__repr__()}, {self.schedule!r}{regrow}{done})"


def _checked(regrow: object, pattern: Pattern, schedule: Schedule) -> Regrowth:
    """Return what may regrow, if it can with these."""
    if not isinstance(regrow, Regrowth):
        hint = f"; pass an instance: {regrow.__name__}(…)" if isinstance(regrow, type) else ""
        raise InvalidTypeError(f"regrow must be a Regrowth, got {regrow!r} in Pruner(){hint}")
    if isinstance(pattern, Neurons):
        raise InvalidValueError(
            f"regrow needs a pattern whose units share no weights, got {pattern!r} in Pruner(): a neuron that grew "
            f"would bring weights of other neurons with it"
        )
    if getattr(schedule, "updates", 2) < 2:
        raise InvalidValueError(
            f"regrow needs a schedule of several updates, as nothing comes back at the last, got {schedule!r} in "
            f"Pruner(): such as Constant()"
        )
    return regrow
