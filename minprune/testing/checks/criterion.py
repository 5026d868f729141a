"""The laws of a criterion: what all scores have to be, and what those of a known kind promise.

A law such as `fisher_by_hand` is checked for a criterion whose class says that it is a `Fisher`, or a subclass of it.
One that listens to training, as `Movement` does, hears some first. Networks and data are those of `problems`.
"""
# ruff: noqa: D103  (what a check says is the statement of the law of its name)

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st

from minprune.arguments import Array
from minprune.nn.losses import Loss
from minprune.nn.network import Network
from minprune.nn.optimizers import SGD
from minprune.nn.training import fit
from minprune.pruning.criteria import (
    ActivationNorm,
    Criterion,
    Fisher,
    GradientMagnitude,
    Magnitude,
    Movement,
    OptimalBrainSurgeon,
    Random,
    Saliency,
    SynFlow,
)
from minprune.testing.cases import Case, digest
from minprune.testing.checks.problems import (
    linear,
    loss_of,
    problems,
    unit_inputs,
    with_more,
    with_signs,
    without_biases,
)
from minprune.testing.running import Property, demand

H = 1e-4


def scores_of(criterion: Criterion, case: Case, network: Network | None = None) -> dict[str, Array]:
    return criterion.scores(case.network if network is None else network, (case.x, case.y))


def heard(criterion: Criterion, case: Case, *others: object) -> Criterion:
    """Return the criterion; of one that listens to training a copy, and it and `others` have heard three epochs.

    What is trained is a copy of the case's network.
    """
    if not hasattr(criterion, "after_backward"):
        return criterion
    listens, optimizer = copy.deepcopy(criterion), SGD(2**-4, momentum=0.5)
    options: dict[str, Any] = {"optimizer": optimizer, "epochs": 3, "batch_size": 2, "rng": 0, "progress": False}
    fit(case.network.copy(), (case.x, case.y), loss=loss_of(criterion), callbacks=[listens, *others], **options)
    return listens


class _Steps:
    """A callback that writes down the weights and gradients of each step."""

    def __init__(self) -> None:
        self.seen: list[dict[str, tuple[Array, Array]]] = []

    def after_backward(self, network: Network, step: int) -> None:
        self.seen.append({name: (p.value.copy(), p.grad.copy()) for name, p in network.prunable.items()})


def near(name: str, got: Array, want: Array, what: str, share: float = 1e-6, least: float = 1e-9) -> None:
    """Demand that arrays agree to a share of the largest entry."""
    off = float(np.abs(got - want).max())
    demand(off <= share * np.abs(want).max() + least, f"{what} for {name}: {want.tolist()}", got.tolist())


def equal(one: Mapping[str, Array], other: Mapping[str, Array]) -> bool:
    return list(one) == list(other) and all(one[name].tobytes() == other[name].tobytes() for name in one)


def scores_shape(criterion: Criterion, case: Case) -> None:
    scores = scores_of(heard(criterion, case), case)
    for name, p in case.network.prunable.items():
        demand(name in scores, f"scores for {name}", f"scores for {', '.join(scores)}")
        s = scores[name]
        good = isinstance(s, np.ndarray) and s.dtype.kind == "f" and s.shape == p.shape
        demand(good, f"floats of shape {p.shape} for {name}", f"{getattr(s, 'dtype', type(s))} {np.shape(s)}")
        demand(((s >= 0) & (s < np.inf)).all(), f"finite scores ≥ 0 for {name}", s.tolist())


def scoring_is_pure(criterion: Criterion, case: Case) -> None:
    network, criterion = case.network, heard(criterion, case)
    network.backward(loss_of(criterion).value_and_gradient(network(case.x), case.y)[1])  # so that gradients are there

    def everything() -> dict[str, object]:
        state: Any = np.random.get_state()  # noqa: NPY002  (it is the global state that must not change)
        return {
            "the network": digest(network),
            "the data": (case.x.tobytes(), case.y.tobytes()),
            "the global random state": state[1].tobytes(),
            "the criterion": _dumped(criterion),
        }

    before = everything()
    for array in scores_of(criterion, case).values():
        array[...] = -1  # they are the caller's own
    changed = [name for name, value in everything().items() if value != before[name]]
    demand(not changed, "scoring to change nothing", f"{', '.join(changed)} changed")


def _dumped(criterion: Criterion) -> bytes:
    try:
        return pickle.dumps(criterion)
    except (pickle.PicklingError, AttributeError, TypeError):
        return b""  # of a class made within a function, say


def scoring_repeats(criterion: Criterion, case: Case) -> None:
    one, other = heard(criterion, case), heard(criterion, case)
    first = scores_of(one, case)
    demand(equal(first, scores_of(one, case)), "the same scores a second time, bit for bit", "others")
    demand(equal(first, scores_of(other, case)), "the same scores after the same training, bit for bit", "others")


def sign_free(criterion: Criterion, case: Case) -> None:
    turned = case.network.copy()
    for p, signs in zip(turned.prunable.values(), case.signs, strict=True):
        p.value = p.value * signs
    before, after = scores_of(criterion, case), scores_of(criterion, case, turned)
    for name in before:
        near(name, after[name], before[name], "the scores of weights with other signs", share=1e-12, least=0)


def batch_free(criterion: Criterion, case: Case) -> None:
    whole, cut = copy.copy(criterion), copy.copy(criterion)
    whole.batch_size, cut.batch_size = 4096, case.batch_size  # type: ignore[attr-defined]
    want, got = scores_of(whole, case), scores_of(cut, case)
    for name in want:
        near(name, got[name], want[name], f"the scores of all rows at once, by {case.batch_size}", least=1e-12)


def gradient_is_true(criterion: Criterion, case: Case) -> None:
    _slopes(criterion, case, np.ones_like, "the size of the loss's slope")


def saliency_first_order(criterion: Criterion, case: Case) -> None:
    _slopes(criterion, case, np.abs, "how the loss changes as the weight is scaled")


def _slopes(criterion: Criterion, case: Case, factor: Callable[[Array], Array], what: str) -> None:
    loss, network = loss_of(criterion), case.network
    scores = scores_of(criterion, case)
    for name, p in network.prunable.items():
        by_hand = np.abs(_differences(p.value, lambda: _mean_loss(loss, network, case.x, case.y)))
        near(name, scores[name], by_hand * factor(p.value), what)


def fisher_by_hand(criterion: Criterion, case: Case) -> None:
    loss, network = loss_of(criterion), case.network
    total = {name: np.zeros(p.shape) for name, p in network.prunable.items()}
    worker = network.copy()
    for k in range(len(case.x)):
        row = slice(k, k + 1)
        worker.backward(loss.value_and_gradient(worker.forward(case.x[row]), case.y[row])[1])
        for name, p in worker.prunable.items():
            total[name] += np.square(p.grad) / len(case.x)
    scores = scores_of(criterion, case)
    for name, p in network.prunable.items():
        near(name, scores[name], np.square(p.value) * total[name], "w² times the mean squared gradient of single rows")


def movement_by_hand(criterion: Criterion, case: Case) -> None:
    steps = _Steps()
    scores = scores_of(heard(criterion, case, steps), case)
    total = {name: np.zeros(p.shape) for name, p in case.network.prunable.items()}
    for step in steps.seen:
        for name, (weight, gradient) in step.items():
            for i, j in np.ndindex(weight.shape):
                total[name][i, j] -= weight[i, j] * gradient[i, j]
    kept = {name: p.mask for name, p in case.network.prunable.items()}
    least = min((total[name][mask].min() for name, mask in kept.items() if mask.any()), default=0.0)
    for name, mask in kept.items():
        want = np.where(mask, total[name] - least, 0)
        near(name, scores[name], want, "−Σ w·∂L/∂w over the steps heard, less the least", share=1e-12)


def activation_norm_unit(criterion: Criterion, case: Case) -> None:
    scores = scores_of(criterion, case)
    for name, p in case.network.prunable.items():
        near(name, scores[name], np.abs(p.value), "the magnitude, with inputs of norm 1", share=1e-12)


def synflow_conserved(criterion: Criterion, case: Case) -> None:
    scores = scores_of(criterion, case)
    for first, second in pairwise(case.network.prunable):
        near(first, scores[first].sum(axis=0), scores[second].sum(axis=1), f"what leaves to {second}", share=1e-12)


def obs_quadratic(criterion: Criterion, case: Case) -> None:
    """For one linear layer: drop each weight in turn, let the others follow by least squares, and see what it costs."""
    (name,) = case.network.prunable
    weight = case.network.prunable[name].value[:, 0]
    x, rows = case.x, len(case.x)
    damp = getattr(criterion, "damp", 0.0) * float((x * x).mean())
    matrix = np.vstack([x / np.sqrt(rows), np.sqrt(damp) * np.eye(len(weight))])
    costs, moved = np.empty(len(weight)), []
    for i in range(len(weight)):
        others = [k for k in range(len(weight)) if k != i]
        change = np.zeros(len(weight))
        change[i] = -weight[i]
        change[others] = np.linalg.lstsq(matrix[:, others], matrix[:, i] * weight[i], rcond=None)[0]
        costs[i] = np.square(matrix @ change).sum() / 2
        moved.append(weight + change)
    scores = scores_of(criterion, case)[name][:, 0]
    near(name, scores, costs, "the least cost of losing each weight")
    compensate = getattr(criterion, "compensate", None)
    if compensate is not None:
        first = int(np.argmin(costs))
        mask = np.arange(len(weight))[:, None] != first
        values = compensate(case.network, (case.x, case.y), {name: mask})[name][:, 0]
        near(name, values, np.where(mask[:, 0], moved[first], 0), f"the weights after number {first} went")


def random_seeded(criterion: Criterion, case: Case) -> None:
    kind = type(criterion)
    one, same, other = (kind(rng=seed) for seed in (case.seed, case.seed, case.seed + 1))  # type: ignore[call-arg]
    first = scores_of(one, case)
    np.random.random()  # noqa: NPY002  (a criterion that looks at the global state gives itself away)
    demand(equal(first, scores_of(same, case)), f"the same scores for the same seed, {case.seed}", "others")
    demand(not equal(first, scores_of(other, case)), "other scores for another seed", "the same")
    turned = case.network.copy()
    for p in turned.prunable.values():
        p.value = -2 * p.value
    demand(equal(first, scores_of(one, case, turned)), "the same scores whatever the weights", "others")


def _mean_loss(loss: Loss, network: Network, x: Array, y: Array) -> float:
    return float(loss.per_sample(network.forward(x), y)[0].mean())


def _differences(array: Array, value: Callable[[], float]) -> Array:
    """∂value()/∂array by five-point differences, (−f(2h) + 8f(h) − 8f(−h) + f(−2h)) / 12h."""
    result = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        was = array[index]
        for step, factor in ((2, -1), (1, 8), (-1, -8), (-2, 1)):
            array[index] = was + step * H
            result[index] += factor * value() / (12 * H)
        array[index] = was
    return result


def _claims(kind: type[Criterion]) -> Callable[[Criterion], str]:
    return lambda criterion: "" if isinstance(criterion, kind) else f"it is no {kind.__name__}"


def _batches(criterion: Criterion) -> str:
    return "" if hasattr(criterion, "batch_size") else "it has no batch_size"


PROPERTIES = {
    "scores_shape": Property(scores_shape, problems),
    "scoring_is_pure": Property(scoring_is_pure, problems),
    "scoring_repeats": Property(scoring_repeats, problems),
    "sign_free": Property(sign_free, with_signs, _claims(Magnitude)),
    "batch_free": Property(batch_free, lambda c: with_more(c, batch_size=st.integers(1, 4)), _batches),
    "gradient_is_true": Property(gradient_is_true, lambda c: problems(c, pruned=False), _claims(GradientMagnitude)),
    "saliency_first_order": Property(saliency_first_order, lambda c: problems(c, pruned=False), _claims(Saliency)),
    "fisher_by_hand": Property(fisher_by_hand, problems, _claims(Fisher)),
    "movement_by_hand": Property(movement_by_hand, problems, _claims(Movement)),
    "activation_norm_unit": Property(activation_norm_unit, unit_inputs, _claims(ActivationNorm)),
    "synflow_conserved": Property(synflow_conserved, without_biases, _claims(SynFlow)),
    "obs_quadratic": Property(obs_quadratic, linear, _claims(OptimalBrainSurgeon)),
    "random_seeded": Property(random_seeded, lambda c: with_more(c, seed=st.integers(0, 99)), _claims(Random)),
}
