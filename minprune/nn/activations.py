"""The activations: functions of one number, each with its derivative beside it.

Between two dense layers there has to be one, or the two would be one. Each writes f in place and ∂L/∂x from what was
kept.
"""

from __future__ import annotations

import math

import numpy as np

from minprune.arguments import Array, real
from minprune.nn.layers import Layer


class Activation(Layer):
    """A layer that works on each number by itself. It adds two formulas: f in place, and ∂L/∂x from what was kept."""

    _x: Array
    _y: Array

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        y = x.copy()
        self.infer(y)
        self._x, self._y = x, y
        return y


class ReLU(Activation):
    """The rectifier, y = max(x, 0); its derivative is 1 where x > 0, else 0.

    Examples
    --------
    >>> ReLU().forward(np.array([[-1.0, 2.0]]))
    array([[0., 2.]])
    """

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        self._y = np.maximum(x, 0)  # one pass instead of a copy and a pass
        return self._y

    def infer(self, y: Array) -> None:
        np.maximum(y, 0, out=y)

    def backward(self, grad: Array, *, input_grad: bool = True) -> Array | None:
        result: Array = grad * (self._y > 0)
        return result


class LeakyReLU(Activation):
    """The leaky rectifier, y = x where x > 0, else slope · x; its derivative is 1 or `slope`.

    Parameters
    ----------
    slope : float
        In [0, 1).

    References
    ----------
    Maas, Hannun & Ng (2013), "Rectifier nonlinearities improve neural network acoustic models".

    Examples
    --------
    >>> LeakyReLU(0.1).forward(np.array([[-1.0, 2.0]]))
    array([[-0.1,  2. ]])
    """

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = real(slope, "slope", "LeakyReLU", low=0.0, high=1.0, ends="[)")

    def infer(self, y: Array) -> None:
        np.maximum(y, y * y.dtype.type(self.slope), out=y)

    def backward(self, grad: Array, *, input_grad: bool = True) -> Array | None:
        return np.where(self._y > 0, grad, grad * grad.dtype.type(self.slope))

    def config(self) -> dict[str, object]:
        return {"slope": self.slope}


class Tanh(Activation):
    """The hyperbolic tangent, y = tanh x; its derivative is 1 − y².

    Examples
    --------
    >>> Tanh().forward(np.array([[0.0, 1.0]])).round(3)
    array([[0.   , 0.762]])
    """

    def infer(self, y: Array) -> None:
        np.tanh(y, out=y)

    def backward(self, grad: Array, *, input_grad: bool = True) -> Array | None:
        result: Array = grad * (1 - self._y * self._y)
        return result


class Sigmoid(Activation):
    """The logistic function, y = 1 / (1 + e⁻ˣ); its derivative is y (1 − y).

    Far below 0 the exponential overflows to infinity, and 1/∞ = 0 is what y should be: nothing else is needed. The form
    (1 + tanh(x/2)) / 2 overflows nowhere, but loses all digits there: it gives 0 for 10⁻¹⁷.

    Examples
    --------
    >>> Sigmoid().forward(np.array([[0.0, -1e4]]))
    array([[0.5, 0. ]])
    """

    def infer(self, y: Array) -> None:
        np.negative(y, out=y)
        with np.errstate(over="ignore"):
            np.exp(y, out=y)
        y += 1
        np.reciprocal(y, out=y)

    def backward(self, grad: Array, *, input_grad: bool = True) -> Array | None:
        result: Array = grad * (self._y * (1 - self._y))
        return result


class GELU(Activation):
    """The Gaussian error linear unit in its tanh form, y = x (1 + t) / 2 with t = tanh(√(2/π) (x + 0.044715 x³)).

    Its derivative is (1 + t)/2 + x (1 − t²)/2 · √(2/π) (1 + 3 · 0.044715 x²).

    References
    ----------
    Hendrycks & Gimpel (2016), "Gaussian error linear units"; PyTorch's ``GELU(approximate="tanh")``.

    Examples
    --------
    >>> GELU().forward(np.array([[-1.0, 0.0, 1.0]])).round(3)
    array([[-0.159,  0.   ,  0.841]])
    """

    _C = math.sqrt(2.0 / math.pi)
    _A = 0.044715

    def _t(self, x: Array) -> Array:
        t: Array = np.tanh(self._C * (x + self._A * x * x * x))
        return t

    def infer(self, y: Array) -> None:
        y *= 0.5 * (1 + self._t(np.clip(y, -10, 10)))  # beyond ±10 t is ±1 exactly, and x³ could overflow

    def backward(self, grad: Array, *, input_grad: bool = True) -> Array | None:
        x = np.clip(self._x, -10, 10)
        t = self._t(x)
        slope = 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * (self._C * (1 + 3 * self._A * x * x))
        result: Array = grad * slope
        return result


ACTIVATIONS: dict[str, type[Activation]] = {
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "gelu": GELU,
}
