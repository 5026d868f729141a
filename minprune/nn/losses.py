"""The losses: how wrong the network's output is, with the gradient that starts backprop.

A loss gives for each sample a number l_b and its gradient with respect to that sample's output. What is minimised is
their mean, weighted if some samples matter more:

    L = Σ_b v_b l_b / Σ_b v_b        ∂L/∂z_b = (v_b / Σ v) ∂l_b/∂z_b        (v = 1 without sample weights)

Each subclass writes `per_sample`, value and gradient side by side; the weighting is here, once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from minprune.arguments import Array, finite, labels, numeric, weights_of_samples
from minprune.errors import InvalidTypeError, InvalidValueError


class Loss(ABC):
    """The mean of a loss over the samples of a batch.

    ``loss(output, target)`` is the value, ``loss.value_and_gradient(output, target)`` the value and ∂L/∂output. Both
    take ``sample_weight``, (batch,) non-negative.
    """

    @abstractmethod
    def per_sample(self, output: Array, target: Array) -> tuple[Array, Array]:
        """Return the loss of each sample, (batch,), and its gradient with respect to the output, (batch, outputs)."""

    @abstractmethod
    def check_target(self, target: object, count: int, outputs: int, where: str) -> Array:
        """Return `target` in the form that `per_sample` takes, or raise."""

    def value_and_gradient(
        self, output: Array, target: Array, sample_weight: Array | None = None
    ) -> tuple[float, Array]:
        """Return L and ∂L/∂output; that the numbers in both arguments are good is already checked.

        Parameters
        ----------
        output : array, (batch, outputs)
            Logits.
        target : array, (batch,) or (batch, outputs)
        sample_weight : array, (batch,), optional
        """
        check_batch(output, target)
        losses, grads = self.per_sample(output, target)
        if sample_weight is None:
            grads /= len(losses)
            return float(losses.mean(dtype=np.float64)), grads
        share = sample_weight / sample_weight.sum(dtype=np.float64)
        absent = share == 0
        losses[absent], grads[absent] = 0, 0  # 0 · ∞ is NaN, and who does not count is not there
        grads *= share[:, None].astype(grads.dtype)
        return float(share @ losses.astype(np.float64)), grads

    def __call__(self, output: Array, target: Array, sample_weight: Array | None = None) -> float:
        """Return L.

        Raises
        ------
        InvalidValueError, InvalidTypeError
            An output, a target or a weight of the wrong shape, or one that is not finite.
        """
        where = type(self).__name__
        z = finite(numeric(output, "output", where), "output", where)
        if z.ndim != 2 or z.shape[0] == 0:
            raise InvalidValueError(f"output must have shape (batch, outputs), got {z.shape} in {where}()")
        if z.dtype.kind != "f":
            z = z.astype(np.float64)
        y = self.check_target(target, z.shape[0], z.shape[1], where)
        weight = weights_of_samples(sample_weight, len(z), where)
        with np.errstate(over="ignore", invalid="ignore"):  # an infinite loss says enough
            return self.value_and_gradient(z, y, weight)[0]

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def check_batch(output: object, target: object) -> None:
    """Refuse what is no batch of outputs with their targets, by a look that costs a training nothing."""
    if not isinstance(output, np.ndarray) or output.ndim != 2 or output.dtype.kind != "f" or not len(output):
        got = f"{output.dtype} {output.shape}" if isinstance(output, np.ndarray) else type(output).__name__
        raise InvalidTypeError(f"output must be a float array (batch, outputs), got {got} in value_and_gradient()")
    if not isinstance(target, np.ndarray) or target.ndim == 0 or len(target) != len(output):
        got = f"shape {target.shape}" if isinstance(target, np.ndarray) else type(target).__name__
        raise InvalidTypeError(f"target must be an array with {len(output)} entries, got {got} in value_and_gradient()")


class SoftmaxCrossEntropy(Loss):
    """Cross-entropy on logits, l = log Σ_k e^{z_k} − z_y, for class labels y; its gradient is softmax(z) − onehot(y).

    The largest logit is taken off first, so that no exponential overflows.

    Examples
    --------
    >>> SoftmaxCrossEntropy()(np.array([[0.0, 0.0]]), np.array([1]))
    0.693147...
    """

    def per_sample(self, output: Array, target: Array) -> tuple[Array, Array]:
        z = output - output.max(axis=1, keepdims=True)
        e = np.exp(z)
        total = e.sum(axis=1, keepdims=True)
        rows = np.arange(len(z))
        losses = np.log(total[:, 0]) - z[rows, target]
        grads = e / total
        grads[rows, target] -= 1
        return losses, grads

    def check_target(self, target: object, count: int, outputs: int, where: str) -> Array:
        return labels(target, count, outputs, where)


class BinaryCrossEntropy(Loss):
    """Cross-entropy on one logit per sample, l = log(1 + e^z) − y z, for y in [0, 1]; its gradient is σ(z) − y.

    Written as max(z, 0) − y z + log(1 + e^{−|z|}), which overflows for no z.

    Examples
    --------
    >>> BinaryCrossEntropy()(np.array([[0.0]]), np.array([1]))
    0.693147...
    """

    def per_sample(self, output: Array, target: Array) -> tuple[Array, Array]:
        z = output[:, 0]
        y = target.astype(z.dtype, copy=False)
        losses = np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z)))
        with np.errstate(over="ignore"):  # e^{−z} = ∞ makes the quotient 0, as it should be
            grads = 1 / (1 + np.exp(-z)) - y
        return losses, grads[:, None]

    def check_target(self, target: object, count: int, outputs: int, where: str) -> Array:
        if outputs != 1:
            raise InvalidValueError(f"BinaryCrossEntropy needs a network with 1 output, got {outputs} in {where}()")
        y = finite(numeric(target, "y", where), "y", where)
        if y.shape not in ((count,), (count, 1)):
            raise InvalidValueError(f"y must have shape ({count},), got {y.shape} in {where}()")
        y = y.reshape(count)
        off = np.flatnonzero((y < 0) | (y > 1))
        if off.size:
            raise InvalidValueError(f"y must be in [0, 1], got {y[off[0]]:g} at {int(off[0])} in {where}()")
        return y.astype(np.float64) if y.dtype.kind != "f" else y


class MeanSquaredError(Loss):
    """The squared error, l = (1/K) Σ_k (z_k − t_k)² over K outputs; its gradient is 2 (z − t) / K.

    Examples
    --------
    >>> MeanSquaredError()(np.array([[1.0, 3.0]]), np.array([[1.0, 1.0]]))
    2.0
    """

    def per_sample(self, output: Array, target: Array) -> tuple[Array, Array]:
        error = output - target.astype(output.dtype, copy=False)
        return (error * error).mean(axis=1), error * (2 / error.shape[1])

    def check_target(self, target: object, count: int, outputs: int, where: str) -> Array:
        t = finite(numeric(target, "y", where), "y", where)
        if t.shape == (count,) and outputs == 1:
            t = t[:, None]
        if t.shape != (count, outputs):
            raise InvalidValueError(f"y must have shape ({count}, {outputs}), got {t.shape} in {where}()")
        return t.astype(np.float64) if t.dtype.kind != "f" else t
