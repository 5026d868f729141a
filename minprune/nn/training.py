"""Training: the loop that everything else hangs on.

For each epoch, for each batch of the shuffled data: forward, loss, backward, the penalty's gradient, the optimizer's
step, the penalty's proximal step; and, if a pruner is given, a new mask whenever its schedule says so. What was seen
goes into a `History`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from minprune.arguments import RNG, Array, features, generator, pair, weights_of_samples, whole
from minprune.display import Progress, table
from minprune.errors import DivergedError, InvalidTypeError, InvalidValueError, did_you_mean
from minprune.nn.losses import Loss
from minprune.nn.network import Network, decisions
from minprune.nn.optimizers import Optimizer
from minprune.nn.penalties import Penalty


@runtime_checkable
class PrunesWhileTraining(Protocol):
    """What `fit` asks of a pruner."""

    def begin(self, network: Network, x: Array, y: Array, *, steps: int, rng: np.random.Generator) -> None:
        """Learn what will be trained, and for how many steps; raise if the pruning can't be done."""

    def before_step(self, step: int) -> None:
        """Set new masks on the network, if any are due before step `step` (the first is 0)."""

    @property
    def finished(self) -> bool:
        """Whether the last mask has been set."""


@dataclass
class History:
    """What was seen in each epoch, column by column; ``history["loss"]`` is a list.

    Columns: ``epoch`` (from 1), ``loss`` (mean over the samples as they were met, weighted if they have weights,
    without the penalty), ``penalty`` (at the epoch's end), ``lr`` (of its last step), ``sparsity`` (at its end),
    ``seconds``, and with validation data ``valid_loss`` and, for class labels, ``valid_accuracy``.

    Attributes
    ----------
    columns : dict of str to list of float
    best_epoch : int or None
        The epoch whose weights were restored, with early stopping.
    stopped : str
        Why training ended before its last epoch; empty if it did not.

    Examples
    --------
    >>> history = History()
    >>> history.add(epoch=1, loss=0.7)
    >>> history["loss"], len(history)
    ([0.7], 1)
    """

    columns: dict[str, list[float]] = field(default_factory=dict)
    best_epoch: int | None = None
    stopped: str = ""

    def add(self, **row: float) -> None:
        for name, value in row.items():
            self.columns.setdefault(name, []).append(value)

    def __getitem__(self, name: str) -> list[float]:
        if name not in self.columns:
            raise InvalidValueError(f"{name!r} is no column of this history{did_you_mean(name, self.columns)}")
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns.get("epoch", []))

    def to_dict(self) -> dict[str, list[float]]:
        """Return the columns as plain lists."""
        return {name: list(values) for name, values in self.columns.items()}

    def __repr__(self) -> str:
        shown = range(len(self)) if len(self) <= 12 else [*range(5), *range(len(self) - 5, len(self))]
        rows = [[f"{values[i]:.5g}" for values in self.columns.values()] for i in shown]
        if len(self) > 12:
            rows.insert(5, ["…"] * len(self.columns))
        best = f", best epoch {self.best_epoch} restored" if self.best_epoch else ""
        return table(
            list(self.columns), rows, title=f"History of {len(self)} epochs{best}{self.stopped and ', ' + self.stopped}"
        )


Callback = Callable[[Network, History], object]


def fit(
    network: Network,
    train: object,
    *,
    loss: Loss,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int = 128,
    penalty: Penalty | None = None,
    valid: object = None,
    patience: int | None = None,
    pruner: PrunesWhileTraining | None = None,
    callbacks: Sequence[Callback] = (),
    sample_weight: Array | None = None,
    rng: RNG = None,
    progress: bool | None = None,
) -> History:
    """Train `network` in place; a pruned weight is exactly 0 after every step.

    Parameters
    ----------
    network : Network
    train : Split or (x, y)
        x is (samples, inputs); y what the loss takes: class labels (samples,), or targets.
    loss : Loss
    optimizer : Optimizer
        Its state for this network's parameters carries on from an earlier `fit` with the same optimizer.
    epochs, batch_size : int
        The last batch of an epoch may be smaller. A learning-rate schedule runs over all epochs of this call.
    penalty : Penalty, optional
    valid : Split or (x, y), optional
        Evaluated after each epoch.
    patience : int, optional
        Stop after this many epochs without a lower validation loss, and restore the best epoch's weights. Needs
        `valid`. With a `pruner`, only epochs that end at the final sparsity count: an earlier one would bring pruned
        weights back. Without `patience` the last epoch's weights stay.
    pruner : Pruner, optional
        Sets masks while training.
    callbacks : sequence of functions
        Called as ``callback(network, history)`` after each epoch; one that returns True ends the training.
    sample_weight : array, (samples,), optional
        How much each training sample counts in the loss; ``weight_of_class[y]`` weights classes.
    rng : Generator or seed
        Shuffles the batches and draws dropout: same seed, same weights, bit for bit.
    progress : bool, optional
        Show a progress bar; by default on a terminal only.

    Returns
    -------
    History

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument that can't be meant; the network is then as it was.
    DivergedError
        The loss or a weight turned NaN or infinite; the network then holds the weights with which that epoch began,
        and the optimizer has forgotten it.

    Examples
    --------
    >>> from minprune import Adam, SoftmaxCrossEntropy
    >>> x = np.random.default_rng(0).standard_normal((200, 2)); y = (x[:, 0] > x[:, 1]).astype(int)
    >>> net = Network.mlp([2, 8, 2], rng=0)
    >>> history = fit(net, (x, y), loss=SoftmaxCrossEntropy(), optimizer=Adam(0.01), epochs=20, rng=0)
    >>> history["loss"][-1] < history["loss"][0]
    True
    """
    check_kinds("fit", network=(network, Network), loss=(loss, Loss), optimizer=(optimizer, Optimizer))
    optimizer.rate(0.0)  # a schedule that gives no rate is refused here, before anything happens
    if penalty is not None:
        check_kinds("fit", penalty=(penalty, Penalty))
        penalty.value(network.parameters)  # and names it doesn't know
    if pruner is not None:
        check_kinds("fit", pruner=(pruner, PrunesWhileTraining))
    if not isinstance(callbacks, Sequence) or not all(map(callable, callbacks)):
        raise InvalidTypeError(f"callbacks must be a sequence of functions, got {callbacks!r} in fit()")
    if not (progress is None or isinstance(progress, bool)):
        raise InvalidTypeError(f"progress must be True, False or None, got {progress!r} in fit()")
    epochs = whole(epochs, "epochs", "fit")
    batch_size = whole(batch_size, "batch_size", "fit")
    x, y = checked_pair(train, "train", network, loss, "fit")
    held_out = None if valid is None else checked_pair(valid, "valid", network, loss, "fit")
    weight = weights_of_samples(sample_weight, len(x), "fit")
    if patience is not None:
        patience = whole(patience, "patience", "fit")
        if held_out is None:
            raise InvalidValueError("patience needs validation data: pass valid= to fit()")
    draws = generator(rng, "fit")
    batches_per_epoch = -(-len(x) // batch_size)
    steps = epochs * batches_per_epoch
    if pruner is not None:
        pruner.begin(network, x, y, steps=steps, rng=draws)

    amount = len(x) if weight is None else float(weight.sum())
    history = History()
    value = 0.0  # the loss of the last batch
    best_loss, best = math.inf, None
    step = 0
    with Progress(steps, "training", shown=progress) as bar:
        for epoch in range(1, epochs + 1):
            began = time.perf_counter()
            start = _weights_of(network)
            total = 0.0
            for rows in _batches(draws.permutation(len(x)), batch_size):
                if pruner is not None:
                    pruner.before_step(step)
                share = None if weight is None else weight[rows]
                if share is None or share.any():  # a batch of which no sample counts teaches nothing
                    batch = x.take(rows, axis=0), y[rows], share
                    value = _train(network, batch, loss, optimizer, penalty, step / steps, draws)
                    if not math.isfinite(value):
                        break
                    total += value * (len(rows) if share is None else float(share.sum()))
                step += 1
                bar.step(f"epoch {epoch}/{epochs}, loss {value:.4f}")
            if not math.isfinite(value) or not all(np.isfinite(p.value).all() for p in network.parameters.values()):
                _restore(network, start)
                for p in network.parameters.values():
                    p.states.pop(optimizer, None)
                what = "the weights turned NaN or infinite" if math.isfinite(value) else f"the loss turned {value}"
                raise DivergedError(
                    f"{what} in epoch {epoch} of {epochs} in fit(); the network holds the weights with which the epoch "
                    f"began. Try a smaller lr than {optimizer.rate((epoch - 1) / epochs):g}"
                )
            row = {"epoch": epoch, "loss": total / amount}
            if penalty is not None:
                row["penalty"] = penalty.value(network.parameters)
            if held_out is not None:
                row |= _validate(network, held_out, loss)
            row |= {
                "lr": optimizer.rate((step - 1) / steps),
                "sparsity": network.sparsity,
                "seconds": time.perf_counter() - began,
            }
            history.add(**row)
            if patience is not None and (pruner is None or pruner.finished):
                if row["valid_loss"] < best_loss:
                    best_loss, best, history.best_epoch = row["valid_loss"], _weights_of(network), epoch
                elif epoch - (history.best_epoch or epoch) >= patience:
                    history.stopped = f"stopped after {patience} epochs without a better one"
                    break
            answers = [callback(network, history) for callback in callbacks]  # each of them sees every epoch
            if any(isinstance(answer, bool | np.bool_) and answer for answer in answers):
                history.stopped = "stopped by a callback"
                break
    if best is not None:
        _restore(network, best)
    return history


def _train(
    network: Network,
    batch: tuple[Array, Array, Array | None],
    loss: Loss,
    optimizer: Optimizer,
    penalty: Penalty | None,
    progress: float,
    rng: np.random.Generator,
) -> float:
    """Take one step on a batch of inputs, targets and sample weights; return its loss. A loss that is not finite is
    returned before the step.
    """
    x, y, weight = batch
    with np.errstate(over="ignore", invalid="ignore"):  # `fit` looks at the loss and the weights, and says it better
        output = network.forward(x, rng)
        value, grad = loss.value_and_gradient(output, y, weight)
        if math.isfinite(value):
            network.backward(grad)
            if penalty is not None:
                penalty.add_gradient(network.parameters)
            optimizer.step(network.parameters, progress)
            if penalty is not None:
                penalty.shrink(network.parameters, optimizer.rate(progress))
    return value


def check_kinds(where: str, **expected: tuple[object, type]) -> None:
    """Refuse values that are not instances of what they should be; a class instead of an instance gets a hint."""
    for name, (value, kind) in expected.items():
        if isinstance(value, type) or not isinstance(value, kind):
            hint = f"; pass an instance: {name}={value.__name__}(…)" if isinstance(value, type) else ""
            article = "an" if kind.__name__[0] in "AEIOU" else "a"
            raise InvalidTypeError(
                f"{name} must be {article} {kind.__name__}, got {type(value).__name__} {value!r} in {where}(){hint}"
            )


def checked_pair(data: object, name: str, network: Network, loss: Loss, where: str) -> tuple[Array, Array]:
    """Return checked inputs and targets from a Split or a pair of arrays."""
    x, y = pair(data, name, where)
    rows = features(x, network.inputs, where, dtype=network.dtype, name=f"x of {name}")
    return rows, loss.check_target(y, len(rows), network.outputs, where)


def _batches(order: Array, batch_size: int) -> Iterator[Array]:
    return (order[i : i + batch_size] for i in range(0, len(order), batch_size))


def _validate(network: Network, data: tuple[Array, Array], loss: Loss) -> dict[str, float]:
    x, y = data
    total, right = 0.0, 0
    labelled = y.ndim == 1 and bool((y == np.round(y)).all())  # BinaryCrossEntropy takes probabilities as well
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in _batches(np.arange(len(x)), 4096):
            output = network.forward(x[rows])
            total += loss.value_and_gradient(output, y[rows])[0] * len(rows)
            right += int(np.count_nonzero(decisions(output) == y[rows])) if labelled else 0
    result = {"valid_loss": total / len(x)}
    return result | ({"valid_accuracy": right / len(x)} if labelled else {})


def _weights_of(network: Network) -> list[tuple[Array, Array]]:
    return [(p.value.copy(), p.mask) for p in network.parameters.values()]


def _restore(network: Network, weights: list[tuple[Array, Array]]) -> None:
    for p, (value, mask) in zip(network.parameters.values(), weights, strict=True):
        p.mask = mask
        p.value[...] = value
