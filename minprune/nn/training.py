"""Training: the loop that everything else hangs on.

For each epoch, for each batch of the shuffled data:

    before_step → forward → loss → backward → after_backward → penalty's gradient → optimizer's step → proximal step

and after each epoch validation, a row in the `History`, and after_epoch. The moments with an underscore are those at
which a pruner and callbacks get a word in: see `hooks`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from minprune.arguments import RNG, Array, features, finite, flag_or_none, generator, pair, weights_of_samples, whole
from minprune.display import Progress
from minprune.errors import DivergedError, InvalidTypeError, InvalidValueError, MinpruneError
from minprune.nn.history import History
from minprune.nn.hooks import Callback, Hooks, PrunesWhileTraining
from minprune.nn.losses import Loss
from minprune.nn.network import Network, decisions
from minprune.nn.optimizers import Optimizer
from minprune.nn.penalties import Penalty

__all__ = ["History", "check_kinds", "checked_pair", "fit", "steps_of_epoch"]


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
    start: int = 0,
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
    callbacks : sequence
        Functions, called as ``callback(network, history)`` after each epoch, where one that returns True ends the
        training; and objects with any of ``before_step(network, step)``, ``after_backward(network, step)``, where the
        gradients of the loss are there and no step is taken yet, and ``after_epoch(network, history)``.
    sample_weight : array, (samples,), optional
        How much each training sample counts in the loss; ``weight_of_class[y]`` weights classes.
    start : int
        Begin at this step (from 0) of the run, as if those before had been taken elsewhere: with the same `rng` the
        batches are those of the whole run, and so are the learning rates. What a rewound network is trained with.
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
        The loss or a weight turned NaN or infinite; the network then holds the weights with which that epoch began and
        gradients of 0, and the optimizer has forgotten it.

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
    for name, parameter in network.parameters.items():
        finite(parameter.value, name, "fit")  # else the loss would be NaN, and it would look as if training had done it
    optimizer.rate(0.0)  # a schedule that gives no rate is refused here, before anything happens
    if penalty is not None:
        check_kinds("fit", penalty=(penalty, Penalty))
        penalty.value(network.parameters)  # and names it doesn't know
    if pruner is not None:
        check_kinds("fit", pruner=(pruner, PrunesWhileTraining))
    hooks = Hooks(pruner, callbacks)
    flag_or_none(progress, "progress", "fit")
    epochs = whole(epochs, "epochs", "fit")
    batch_size = whole(batch_size, "batch_size", "fit")
    x, y = checked_pair(train, "train", network, loss, "fit")
    held_out = None if valid is None else checked_pair(valid, "valid", network, loss, "fit")
    weight = weights_of_samples(sample_weight, len(x), "fit")
    waits = None if patience is None else _Patience(whole(patience, "patience", "fit"))
    if waits is not None and held_out is None:
        raise InvalidValueError("patience needs validation data: pass valid= to fit()")
    steps = epochs * steps_of_epoch(len(x), batch_size)
    start = whole(start, "start", "fit", at_least=0, at_most=steps - 1)
    draws = generator(rng, "fit")
    if pruner is not None:
        pruner.begin(network, x, y, steps=steps, start=start, rng=draws)

    run = _Run(network, x, y, weight, loss, optimizer, penalty, hooks, batch_size, epochs, start, draws)
    history = History()
    with Progress(steps - start, "training", shown=progress) as bar:
        for epoch in range(1, epochs + 1):
            began = time.perf_counter()
            mean_loss = run.epoch(epoch, bar)
            last = epoch * steps // epochs - 1
            if last < start:
                continue
            row = {"epoch": epoch, "loss": mean_loss}
            if penalty is not None:
                row["penalty"] = penalty.value(network.parameters)
            if held_out is not None:
                row |= _validate(network, held_out, loss)
            row |= {
                "lr": optimizer.rate(last / steps),
                "sparsity": network.sparsity,
                "seconds": time.perf_counter() - began,
            }
            history.add(**row)
            if waits is not None and (pruner is None or pruner.finished):
                waits.look(network, history)
            if hooks.end_epoch(network, history):
                history.stopped = "stopped by a callback"
            if history.stopped:
                break
    if waits is not None:
        waits.restore(network)
    return history


@dataclass(frozen=True)
class _Run:
    """One call of `fit`: what is trained on what and by what, and who else gets a word in."""

    network: Network
    x: Array
    y: Array
    weight: Array | None
    loss: Loss
    optimizer: Optimizer
    penalty: Penalty | None
    hooks: Hooks
    batch_size: int
    epochs: int
    start: int
    draws: np.random.Generator

    def epoch(self, epoch: int, bar: Progress) -> float:
        """Take the steps of an epoch that are not before the start; return their mean loss, or raise DivergedError."""
        network, weight = self.network, self.weight
        before = _weights_of(network)
        total, value = 0.0, 0.0
        counted = len(self.x) if weight is None else float(weight.sum())
        first = (epoch - 1) * steps_of_epoch(len(self.x), self.batch_size)
        catch_up = first < self.start and _draws_random_numbers(network)
        for step, rows in enumerate(_batches(self.draws.permutation(len(self.x)), self.batch_size), first):
            share = None if weight is None else weight[rows]
            counts = len(rows) if share is None else float(share.sum())
            if step < self.start:
                counted -= counts
                if catch_up and counts:
                    network.forward(self.x.take(rows, axis=0), self.draws)
                continue
            try:
                for hook in self.hooks.before_step:
                    hook(network, step)
            except MinpruneError:  # a pruner can't score weights that are not finite: that is said better below
                if _all_finite(network):
                    raise
                break
            if counts:  # a batch of which no sample counts teaches nothing
                value = self.step(step, rows, share)
                if not math.isfinite(value):
                    break
                total += value * counts
            bar.step(f"epoch {epoch}/{self.epochs}, loss {value:.4f}")
        if not math.isfinite(value) or not _all_finite(network):
            _restore(network, before)
            for p in network.parameters.values():
                p.states.pop(self.optimizer, None)
                p.grad[...] = 0
            what = "the weights turned NaN or infinite" if math.isfinite(value) else f"the loss turned {value}"
            raise DivergedError(
                f"{what} in epoch {epoch} of {self.epochs} in fit(); the network holds the weights with which the "
                f"epoch began. Try a smaller lr than {self.optimizer.rate((epoch - 1) / self.epochs):g}"
            )
        return total / counted if counted else math.nan

    def step(self, step: int, rows: Array, weight: Array | None) -> float:
        """Take one step on these rows, and return its loss; one that is not finite before anything is changed."""
        network, penalty = self.network, self.penalty
        progress = step / (self.epochs * steps_of_epoch(len(self.x), self.batch_size))
        with np.errstate(over="ignore", invalid="ignore"):  # `epoch` looks at what came out, and says it better
            output = network.forward(self.x.take(rows, axis=0), self.draws)
            value, grad = self.loss.value_and_gradient(output, self.y[rows], weight)
            if math.isfinite(value):
                network.backward(grad)
                for hook in self.hooks.after_backward:
                    hook(network, step)
                if penalty is not None:
                    penalty.add_gradient(network.parameters)
                self.optimizer.step(network.parameters, progress)
                if penalty is not None:
                    penalty.shrink(network.parameters, self.optimizer.rate(progress))
        return value


class _Patience:
    """Early stopping: the best epoch so far, its weights, and how long ago it was."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.loss = math.inf
        self.weights: list[tuple[Array, Array]] | None = None

    def look(self, network: Network, history: History) -> None:
        """Note the last epoch if it is the best, and say in `history` when there is nothing more to wait for."""
        epoch, loss = history["epoch"][-1], history["valid_loss"][-1]
        if loss < self.loss:
            self.loss, self.weights, history.best_epoch = loss, _weights_of(network), int(epoch)
        elif epoch - (history.best_epoch or epoch) >= self.epochs:
            history.stopped = f"stopped after {self.epochs} epochs without a better one"

    def restore(self, network: Network) -> None:
        """Bring the best epoch's weights back."""
        if self.weights is not None:
            _restore(network, self.weights)


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


def steps_of_epoch(samples: int, batch_size: int) -> int:
    """Return the number of batches; the last may be smaller."""
    return -(-samples // batch_size)


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


def _all_finite(network: Network) -> bool:
    return all(np.isfinite(p.value).all() for p in network.parameters.values())


def _weights_of(network: Network) -> list[tuple[Array, Array]]:
    return [(p.value.copy(), p.mask) for p in network.parameters.values()]


def _restore(network: Network, weights: list[tuple[Array, Array]]) -> None:
    for p, (value, mask) in zip(network.parameters.values(), weights, strict=True):
        p.mask = mask
        p.value[...] = value


def _draws_random_numbers(network: Network) -> bool:
    """Return whether a training pass draws random numbers, as dropout does."""
    used, fresh = np.random.default_rng(0), np.random.default_rng(0)
    network.forward(np.zeros((1, network.inputs), network.dtype), used)
    return used.random() != fresh.random()
