"""Dense against pruned: quality, size, arithmetic and the clock, side by side.

Three numbers are called "compression" or "speed-up", and they are not the same::

    sparsity             the share of weights that are dropped
    speed-up in theory   FLOPs of the baseline / FLOPs of the model
    speed-up measured    time of the baseline / time of the model     at a batch size, on this machine

A masked `Network` is as large and as slow as a dense one: it holds its zeros and multiplies by them, so its bytes and
FLOPs are those of the dense network. Only a network that is packed gains, and how much is measured here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from numbers import Real
from typing import cast

from minprune.arguments import RNG, choice, generator, pair, real, whole
from minprune.display import count, duration, percent, size, table
from minprune.errors import InvalidValueError
from minprune.nn.network import Network
from minprune.study.complexity import analyze
from minprune.study.evaluation import Evaluation, Model, evaluate
from minprune.study.timing import Timing, check_models, time_in_turns


@dataclass(frozen=True)
class Cost:
    """What a model holds and does for one row; None where it does not say.

    ``kept`` weights and ``sparsity``, by masks; ``nbytes`` held; ``flops`` done.
    """

    kept: int | None
    sparsity: float | None
    nbytes: int | None
    flops: int | None

    @classmethod
    def of(cls, model: Model) -> Cost:
        """Count a `Network`; ask anything else for attributes of these names."""
        if isinstance(model, Network):
            total = analyze(model).total
            return cls(total.kept, total.sparsity, total.bytes, total.flops)
        kept, sparsity, nbytes, flops = (_said(model, name) for name in ("kept", "sparsity", "nbytes", "flops"))
        return cls(_whole(kept), sparsity, _whole(nbytes), _whole(flops))


@dataclass(frozen=True, repr=False)
class Comparison:
    """What `compare` found; printed, a table of quality and size and a table of times.

    Attributes
    ----------
    baseline : str
    evaluations : dict of str to Evaluation
    costs : dict of str to Cost
    timings : dict of int to dict of str to Timing
        By batch size, then by model.
    speedups : dict of int to dict of str to float
        Measured against the baseline, likewise.
    masked : tuple of str
        The models that are networks with pruned weights, which they still hold and multiply by.
    """

    baseline: str
    evaluations: dict[str, Evaluation]
    costs: dict[str, Cost]
    timings: dict[int, dict[str, Timing]]
    speedups: dict[int, dict[str, float]]
    masked: tuple[str, ...]

    def theoretical_speedup(self, name: str) -> float | None:
        """Return FLOPs of the baseline / FLOPs of the model; None if either is not known or the model does nothing."""
        ours = self.costs[choice(name, "name", "theoretical_speedup", self.costs)].flops
        its = self.costs[self.baseline].flops
        return its / ours if its is not None and ours else None

    def kept_share(self, name: str) -> float | None:
        """Return kept weights of the model / kept weights of the baseline; None if either is not known."""
        ours = self.costs[choice(name, "name", "kept_share", self.costs)].kept
        its = self.costs[self.baseline].kept
        return ours / its if ours is not None and its else None

    def to_dict(self) -> dict[str, object]:
        """Return everything as plain Python values, ready for ``json.dumps``."""
        models = {
            name: {
                "evaluation": evaluation.to_dict(),
                "cost": asdict(self.costs[name]),
                "kept_share": self.kept_share(name),
                "theoretical_speedup": self.theoretical_speedup(name),
                "timings": {str(batch): of[name].to_dict() for batch, of in self.timings.items()},
                "speedups": {str(batch): of[name] for batch, of in self.speedups.items()},
            }
            for name, evaluation in self.evaluations.items()
        }
        return {"baseline": self.baseline, "masked": list(self.masked), "models": models}

    def __repr__(self) -> str:
        parts = [self._quality_and_size(), "", self._speed()]
        first = self.evaluations[self.baseline]
        notes = [f"kept: weights that are not pruned, and their share of those of {self.baseline}"]
        if first.auc is not None:
            notes += [f"false declines: share of class 0 refused to catch {percent(first.asked_recall)} of class 1"]
        notes += [f"in theory: FLOPs of {self.baseline} / FLOPs of the model, for one row"]
        notes += [f"speed-up: time of {self.baseline} / time of the model, the median of ratios taken in turns"]
        if self.masked:
            notes += [f"networks hold their pruned weights as zeros and multiply by them: {', '.join(self.masked)}"]
        machine = next(iter(self.timings.values()))[self.baseline].blas
        return "\n".join([*parts, *notes, str(machine)])

    def _quality_and_size(self) -> str:
        two = self.evaluations[self.baseline].auc is not None
        rows = []
        for name, found in self.evaluations.items():
            cost = self.costs[name]
            judged = [_or_dash(found.auc, ".4f"), _share(found.false_declines)] if two else []
            held = [
                _or_dash(cost.kept, ","),
                _share(self.kept_share(name)),
                "–" if cost.nbytes is None else size(cost.nbytes),
            ]
            rows.append([name, percent(found.accuracy, 2), *judged, *held, _or_dash(cost.flops, ",")])
        judged = ["AUC", "false declines"] if two else []
        headers = ["model", "accuracy", *judged, "kept", "share", "bytes", "FLOPs/row"]
        return table(
            headers, rows, title=f"Comparison on {count(self.evaluations[self.baseline].count)} rows: quality and size"
        )

    def _speed(self) -> str:
        rows = []
        for name in self.evaluations:
            clock = [
                (duration(of[name].median), f"{self.speedups[batch][name]:.2f}×") for batch, of in self.timings.items()
            ]
            gain = self.theoretical_speedup(name)
            rows.append([name, "–" if gain is None else f"{gain:.2f}×", *chain(*clock)])
        headers = ["model", "in theory", *chain(*((f"batch {batch}", "speed-up") for batch in self.timings))]
        return table(headers, rows, title="Median time of a call, by batch size")


def compare(
    models: Mapping[str, Model],
    split: object,
    *,
    batch_sizes: Sequence[int] = (1, 16, 256),
    seconds: float = 0.3,
    rounds: int = 9,
    recall: float = 0.8,
    baseline: str | None = None,
    rng: RNG = 0,
) -> Comparison:
    """Measure models side by side: quality, what they hold, FLOPs in theory and the time they take.

    Parameters
    ----------
    models : mapping of str to Network, program or function
        What does not say its ``kept``, ``sparsity``, ``nbytes`` or ``flops`` (of one row) gets a dash there.
    split : Split or (x, y)
        Rows to judge and time the models on, with class labels.
    batch_sizes : sequence of int
        Each is timed by itself.
    seconds, rounds
        For each model at each batch size, as in `time_in_turns`.
    recall : float
        As in `evaluate`.
    baseline : str, optional
        What the others are compared with; the first by default.
    rng : Generator or seed
        Draws the order of the rows that are timed.

    Returns
    -------
    Comparison

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant.

    References
    ----------
    Blalock et al. (2020), "What is the state of neural network pruning?": what to report, and why both speed-ups.

    Examples
    --------
    >>> import numpy as np
    >>> net = Network.mlp([4, 8, 2], rng=0)
    >>> x, y = np.eye(4, dtype=np.float32), np.array([0, 1, 0, 1])
    >>> found = compare({"dense": net, "again": net.copy()}, (x, y), batch_sizes=[2], seconds=0.001)
    >>> found.costs["again"], found.theoretical_speedup("again")
    (Cost(kept=48, sparsity=0.0, nbytes=232, flops=106), 1.0)
    """
    check_models(models, "compare")
    first = next(iter(models)) if baseline is None else choice(baseline, "baseline", "compare", models)
    if isinstance(batch_sizes, str) or not isinstance(batch_sizes, Sequence) or not batch_sizes:
        raise InvalidValueError(f"batch_sizes must hold at least one whole number, got {batch_sizes!r} in compare()")
    sizes = [whole(batch, f"batch_sizes[{i}]", "compare") for i, batch in enumerate(batch_sizes)]
    real(seconds, "seconds", "compare", low=0.0, ends="(]")
    whole(rounds, "rounds", "compare")
    draws = generator(rng, "compare")
    x, _ = pair(split, "split", "compare")
    evaluations = {name: evaluate(model, split, recall=recall) for name, model in models.items()}
    turns = {b: time_in_turns(models, x, batch_size=b, seconds=seconds, rounds=rounds, rng=draws) for b in sizes}
    return Comparison(
        baseline=first,
        evaluations=evaluations,
        costs={name: Cost.of(model) for name, model in models.items()},
        timings={batch: found.timings for batch, found in turns.items()},
        speedups={batch: {name: found.speedup(name, first) for name in models} for batch, found in turns.items()},
        masked=tuple(name for name, m in models.items() if isinstance(m, Network) and m.kept < m.weights),
    )


def _said(model: object, name: str) -> float | None:
    value = getattr(model, name, None)
    return float(cast("float", value)) if isinstance(value, Real) and not isinstance(value, bool) else None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _or_dash(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _share(value: float | None) -> str:
    return "–" if value is None else percent(value)
