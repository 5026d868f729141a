"""How much each layer bears: prune one at a time, and see what it does to the loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from minprune.arguments import Array, flag_or_none, fraction
from minprune.display import Progress
from minprune.errors import BudgetError, InvalidTypeError, InvalidValueError
from minprune.nn.losses import Loss
from minprune.nn.network import Network
from minprune.nn.training import check_kinds, checked_pair
from minprune.pruning.allocation import Curves, PerLayer
from minprune.pruning.criteria import Criterion, scores_of
from minprune.pruning.patterns import Pattern, Unstructured
from minprune.pruning.plan import Plan, check_parts, plan
from minprune.pruning.units import Units

_LEVELS = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)


def sensitivity(
    network: Network,
    criterion: Criterion,
    valid: object,
    *,
    loss: Loss,
    sparsities: Sequence[float] = _LEVELS,
    pattern: Pattern | None = None,
    data: object = None,
    progress: bool | None = None,
) -> Curves:
    """Measure the loss with each layer alone pruned to each sparsity: the curves that `Sensitivity` allocates by.

    Parameters
    ----------
    network : Network
        It is left alone.
    criterion : Criterion
        Which weights go. It is asked once; of one with `rounds` that is its first look. If it makes up for what goes
        (`OptimalBrainSurgeon`), so it does here.
    valid : Split or (x, y)
        What the loss is measured on: data that is neither trained on nor reported.
    loss : Loss
    sparsities : sequence of float
        Rising, in (0, 1). Those that a layer can't meet (because that would empty it, say) are left out for it.
    pattern : Pattern, default `Unstructured`
    data : Split or (x, y), optional
        For a criterion that needs it.
    progress : bool, optional
        Show a progress bar; by default on a terminal only.

    Returns
    -------
    Curves

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant.

    References
    ----------
    Han, Pool, Tran & Dally (2015), "Learning both weights and connections for efficient neural networks", figure 6.

    Examples
    --------
    >>> from minprune import Magnitude, SoftmaxCrossEntropy
    >>> x = np.random.default_rng(0).standard_normal((50, 4)); y = (x[:, 0] > 0).astype(int)
    >>> sensitivity(Network.mlp([4, 8, 2], rng=0), Magnitude(), (x, y), loss=SoftmaxCrossEntropy(), sparsities=(0.5,))
    Sensitivity: one layer pruned at a time, Magnitude() · Unstructured(); loss 0.6869 as it was
    loss at         0.0 %  50.0 %
    ─────────────────────────────
    dense1.weight  0.6869  0.7147
    dense2.weight  0.6869  0.6971
    """
    pattern = Unstructured() if pattern is None else pattern
    check_kinds("sensitivity", network=(network, Network), loss=(loss, Loss))
    check_parts("sensitivity", criterion=criterion, pattern=pattern)
    flag_or_none(progress, "progress", "sensitivity")
    several = isinstance(sparsities, Sequence | np.ndarray) and not isinstance(sparsities, str)
    if not several or getattr(sparsities, "ndim", 1) == 0 or len(sparsities) == 0:
        raise InvalidTypeError(f"sparsities must be a sequence of numbers, got {sparsities!r} in sensitivity()")
    levels = [fraction(s, f"sparsities[{i}]", "sensitivity") for i, s in enumerate(sparsities)]
    if levels[0] == 0 or any(b <= a for a, b in pairwise(levels)):
        raise InvalidValueError(f"sparsities must rise within (0, 1), got {levels} in sensitivity()")
    held_out = checked_pair(valid, "valid", network, loss, "sensitivity")
    known = _Known(criterion, network, data)
    units = pattern.units(network, known.scores(network))
    base = _loss(network, held_out, loss, "")
    reached = {name: [_gone(units, name)] for name in units.scores}
    losses = {name: [base] for name in units.scores}
    with Progress(len(reached) * len(levels), "sensitivity", shown=progress) as bar:
        for name in units.scores:
            for level in levels:
                made = _alone(network, known, name, level, pattern) if level > reached[name][0] else None
                if made is not None:
                    pruned = made.apply(network)
                    share = _gone(pattern.units(pruned, known.scores(pruned)), name)
                    if share > reached[name][-1]:
                        reached[name].append(share)
                        losses[name].append(_loss(pruned, held_out, loss, f", {name} pruned to {share:g}"))
                bar.step(name)
    return Curves(
        base,
        {name: tuple(values) for name, values in reached.items()},
        {name: tuple(values) for name, values in losses.items()},
        f"{criterion!r} · {pattern!r}",
    )


class _Known(Criterion):
    """The scores of a criterion, asked once."""

    def __init__(self, criterion: Criterion, network: Network, data: object) -> None:
        self._scores = dict(scores_of(criterion, network, data, "sensitivity"))
        if hasattr(criterion, "neuron_scores"):
            found = criterion.neuron_scores(network, data)
            self.neuron_scores = lambda network, data: found
        if hasattr(criterion, "compensate"):
            self.compensate = lambda network, _, masks: criterion.compensate(network, data, masks)

    def scores(self, network: Network, data: object = None) -> dict[str, Array]:
        return self._scores


def _alone(network: Network, criterion: Criterion, name: str, level: float, pattern: Pattern) -> Plan | None:
    """Return the plan that prunes one layer to `level`; None if it can't be met."""
    try:
        return plan(network, criterion, allocation=PerLayer({name: level}), pattern=pattern)
    except BudgetError:
        return None


def _gone(units: Units, name: str) -> float:
    """Return the share of a layer that is gone, as `PerLayer` counts it: of weights, or of units that span layers."""
    if units.separable:
        return units.gone[name] / units.total[name]
    return int(np.count_nonzero(units.dead[name])) / units.dead[name].size


def _loss(network: Network, data: tuple[Array, Array], loss: Loss, where: str) -> float:
    x, y = data
    total = 0.0
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused next
        for start in range(0, len(x), 4096):
            rows = slice(start, start + 4096)
            total += loss.value_and_gradient(network.forward(x[rows]), y[rows])[0] * len(x[rows])
    if not math.isfinite(total):
        raise InvalidValueError(f"the loss must be finite, got {total} in sensitivity(){where}")
    return total / len(x)
