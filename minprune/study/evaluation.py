"""How good a classifier is, and how it treats the customer on the other side.

With logits z of a row of class y, and p = softmax(z)::

    accuracy  the share of rows whose largest logit is that of y            log loss  the mean of −log p_y

For two classes, 1 being the one to catch (a customer who defaults), a row has a score s = z_1 − z_0, or the logit
itself if there is one. Whoever has a score of at least t is refused, so that a threshold t has a share of each class::

    recall(t)          the share of class 1 with s ≥ t: caught
    false declines(t)  the share of class 0 with s ≥ t: refused for nothing
    Brier score        the mean of (p_1 − y)²

Which customers a pruned network refuses is what its accuracy hides. So the threshold is set as a bank would set it,
at the highest t that catches a stated share of the defaulters, and the false declines at that t are reported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TypeAlias

import numpy as np

from minprune.arguments import Array, Bools, features, finite, labels, numeric, pair, plain_array, real, whole
from minprune.display import count, percent, table
from minprune.errors import InvalidTypeError, InvalidValueError
from minprune.inference.program import Program
from minprune.nn.network import Network, decisions
from minprune.study.ranking import area, average_precision, cuts

Model: TypeAlias = Callable[[Array], Array]


@dataclass(frozen=True)
class GroupEvaluation:
    """How one group of rows fares at the threshold that holds for all. None: the group has no row to judge it by."""

    group: object
    count: int
    accuracy: float
    auc: float | None
    recall: float | None
    false_declines: float | None
    approval_rate: float | None
    default_rate: float | None


@dataclass(frozen=True, repr=False)
class Evaluation:
    """What `evaluate` found. What can't be said is None, and ``note`` says why.

    Attributes
    ----------
    count, classes : int
    accuracy, log_loss : float
    majority : float
        The share of rows of the most frequent class: the accuracy of saying that class whatever the input.
    brier, auc, average_precision : float or None
        For two classes; the last two need rows of both.
    asked_recall : float
        The share of class 1 that had to be caught.
    threshold, recall, false_declines : float or None
        The score from which on a row is refused, the share of class 1 that it catches, and of class 0 that it refuses.
    approval_rate, default_rate : float or None
        The share of rows that are not refused, and the share of class 1 among those.
    groups : tuple of GroupEvaluation
    note : str
    """

    count: int
    classes: int
    accuracy: float
    majority: float
    log_loss: float
    brier: float | None
    auc: float | None
    average_precision: float | None
    asked_recall: float
    threshold: float | None
    recall: float | None
    false_declines: float | None
    approval_rate: float | None
    default_rate: float | None
    groups: tuple[GroupEvaluation, ...]
    note: str

    @property
    def error(self) -> float:
        """The share of wrong decisions, 1 − accuracy."""
        return 1 - self.accuracy

    def to_dict(self) -> dict[str, object]:
        """Return everything as plain Python values, ready for ``json.dumps``."""
        return asdict(self) | {"error": self.error, "groups": [asdict(group) for group in self.groups]}

    def __repr__(self) -> str:
        rows: list[list[str]] = [
            ["accuracy", percent(self.accuracy, 2)],
            ["  of always the same class", percent(self.majority, 2)],
            ["log loss", _number(self.log_loss)],
        ]
        if self.classes == 2:
            rows += [
                ["Brier score", _number(self.brier)],
                ["AUC", _number(self.auc)],
                ["average precision", _number(self.average_precision)],
                [],
                ["refused from this score on", _number(self.threshold)],
                [f"class 1 caught (recall, {percent(self.asked_recall)} asked)", _share(self.recall)],
                ["class 0 refused (false declines)", _share(self.false_declines)],
                ["not refused (approved)", _share(self.approval_rate)],
                ["class 1 among the approved", _share(self.default_rate)],
            ]
        parts = [table(["", "value"], rows, title=f"Evaluation of {count(self.count)} rows, {self.classes} classes")]
        if self.groups:
            parts += ["", "By group, at the same threshold:"]
            headers = ["group", "rows", "accuracy", "AUC", "caught", "false declines", "approved", "class 1 among them"]
            lines = [
                [str(g.group), count(g.count), percent(g.accuracy, 2), _number(g.auc)]
                + [_share(v) for v in (g.recall, g.false_declines, g.approval_rate, g.default_rate)]
                for g in self.groups
            ]
            parts.append(table(headers, lines))
        return "\n".join([*parts, *([self.note] if self.note else [])])


def evaluate(
    model: Model, split: object, *, recall: float = 0.8, by: Array | None = None, batch_size: int = 4096
) -> Evaluation:
    """Measure a classifier on labelled rows.

    Parameters
    ----------
    model : Network, program or function
        Maps rows, (batch, inputs), to logits, (batch, classes) or (batch, 1).
    split : Split or (x, y)
        x is (rows, inputs), y the class labels, (rows,), counted from 0.
    recall : float
        In (0, 1]: the share of class 1 to be caught where false declines are counted. Two classes only.
    by : array, (rows,), optional
        A group for each row, numbers or strings: each group is judged too, at the same threshold for all.
    batch_size : int
        Rows given to the model at once.

    Returns
    -------
    Evaluation
        Its ``threshold`` is in the logits' own dtype, so that ``z[:, 1] - z[:, 0] >= threshold`` repeats the refusals.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant, or a model whose output is no finite (batch, classes) array.

    References
    ----------
    Brier (1950), "Verification of forecasts expressed in terms of probability". Mann & Whitney (1947) for the AUC.

    Examples
    --------
    >>> x, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 1, 0, 1])
    >>> evaluate(lambda rows: rows - 1.5, (x, y), recall=1.0)
    Evaluation of 4 rows, 2 classes
                                              value
    ───────────────────────────────────────────────
    accuracy                                50.00 %
      of always the same class              50.00 %
    log loss                                 0.5877
    Brier score                              0.2104
    AUC                                      0.7500
    average precision                        0.8333
    ───────────────────────────────────────────────
    refused from this score on              -0.5000
    class 1 caught (recall, 100.0 % asked)  100.0 %
    class 0 refused (false declines)         50.0 %
    not refused (approved)                   25.0 %
    class 1 among the approved                0.0 %
    """
    wanted = real(recall, "recall", "evaluate", low=0.0, high=1.0, ends="(]")
    step = whole(batch_size, "batch_size", "evaluate")
    x, given = pair(split, "split", "evaluate")
    x = rows_for(model, x, "evaluate")
    groups = [] if by is None else _groups(by, len(x))
    z = np.concatenate([_logits(model, x[i : i + step]) for i in range(0, len(x), step)])
    classes = max(z.shape[1], 2)
    y = labels(given, len(x), classes, "evaluate")
    right = decisions(z) == y
    score = brier = auc = precision = threshold = refused = None
    note = f"AUC and false declines need two classes; there are {classes}"
    if classes == 2:
        with np.errstate(over="ignore"):  # a difference too large for a float is infinite, and in its place
            score = z[:, 0] if z.shape[1] == 1 else z[:, 1] - z[:, 0]
        brier = float(np.mean((0.5 * (1 + np.tanh(0.5 * score.astype(np.float64))) - y) ** 2))
        note = "" if y.any() and not y.all() else f"AUC and false declines need both classes; y holds only {y[0]}"
    if score is not None and not note:
        thresholds, caught, declined = cuts(score, y)
        auc, precision = area(caught, declined), average_precision(caught, declined)
        # Compared as shares: recall · defaulters may round to just above the whole number that it stands for.
        threshold = thresholds[np.argmax(caught / caught[-1] >= wanted)]
        refused = score >= threshold
    return Evaluation(
        count=len(x),
        classes=classes,
        accuracy=float(right.mean()),
        majority=int(np.bincount(y).max()) / len(y),
        log_loss=_log_loss(z, y),
        brier=brier,
        auc=auc,
        average_precision=precision,
        asked_recall=wanted,
        threshold=None if threshold is None else float(threshold),
        **_customers(y, refused),
        groups=tuple(_group(label, member, y, right, score, refused) for label, member in groups),
        note=note,
    )


def _customers(y: Array, refused: Bools | None) -> dict[str, float | None]:
    """Return what a refusal means on both sides; a share of no rows is None."""
    names = ("recall", "false_declines", "approval_rate", "default_rate")
    if refused is None:
        return dict.fromkeys(names)
    parts = (refused[y == 1], refused[y == 0], ~refused, y[~refused])
    return {name: float(part.mean()) if part.size else None for name, part in zip(names, parts, strict=True)}


def _group(
    label: object, member: Bools, y: Array, right: Bools, score: Array | None, refused: Bools | None
) -> GroupEvaluation:
    ours = y[member]
    both = ours.any() and not ours.all()
    return GroupEvaluation(
        group=label,
        count=len(ours),
        accuracy=float(right[member].mean()),
        auc=area(*cuts(score[member], ours)[1:]) if score is not None and both else None,
        **_customers(ours, None if refused is None else refused[member]),
    )


def _log_loss(z: Array, y: Array) -> float:
    """Return the mean of −log p_y, from logits: log Σ_k e^(z_k − z_y), which overflows for none."""
    wide = z.astype(np.float64)
    if wide.shape[1] == 1:
        wide = np.concatenate([np.zeros_like(wide), wide], axis=1)  # p_1 = σ(z) is the softmax of (0, z)
    with np.errstate(over="ignore"):  # a loss too large for a float is infinite, as it is where it is trained by
        wide -= wide.max(axis=1, keepdims=True)
        return float(np.mean(np.log(np.exp(wide).sum(axis=1)) - wide[np.arange(len(y)), y]))


def _logits(model: Model, x: Array) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused next
        output = model.forward(x) if isinstance(model, Network) else model(x)
    z = finite(numeric(output, "the model's output", "evaluate"), "the model's output", "evaluate")
    if z.ndim != 2 or len(z) != len(x) or z.shape[1] == 0:
        raise InvalidValueError(f"the model's output must have shape ({len(x)}, classes), got {z.shape} in evaluate()")
    # A copy, since a model may write its next answer into the same array.
    return z.astype(z.dtype if z.dtype.kind == "f" else np.float64)


def rows_for(model: object, x: object, where: str) -> Array:
    """Return checked rows, (batch, inputs), for a model; in the dtype of a `Network` or program, else as they are."""
    if not callable(model):
        raise InvalidTypeError(
            f"model must be a Network or a function from rows to logits, got {type(model).__name__} in {where}()"
        )
    if isinstance(model, Network | Program):
        return features(x, model.inputs, where, dtype=model.dtype)
    rows = numeric(x, "x", where)
    if rows.ndim != 2 or rows.size == 0:
        raise InvalidValueError(
            f"x must have shape (batch, inputs), with at least one row, got {rows.shape} in {where}()"
        )
    return finite(rows, "x", where)


def _groups(by: object, rows: int) -> list[tuple[object, Bools]]:
    """Return each distinct label of `by` with its rows."""
    array = plain_array(by, "by", "evaluate")
    if array.dtype.kind not in "biufU":
        raise InvalidTypeError(f"by must hold numbers or strings, got dtype {array.dtype} in evaluate()")
    if array.shape != (rows,):
        raise InvalidValueError(f"by must have shape ({rows},), one group a row, got {array.shape} in evaluate()")
    if array.dtype.kind == "f":
        finite(array, "by", "evaluate")
    return [(label.item(), array == label) for label in np.unique(array)]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _share(value: float | None) -> str:
    return "–" if value is None else percent(value)
